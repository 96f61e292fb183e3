"""Functional block D of OCPP 2.0.1 (edition 3, part 2): the local authorisation list."""

import logging
from typing import Literal

from firmware.core.local_list import EMPTY
from firmware.core.values import Result
from firmware.engine.engine import Engine
from firmware.ocpp201.answering import reply
from firmware.ocpp201.words import status_info, token, token_info, why
from ocpp_client.peer import Reply
from ocpp_client.v201.local_list import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
)

log = logging.getLogger(__name__)

_STATUS: dict[Result, Literal["Accepted", "VersionMismatch"]] = {
    Result.ACCEPTED: "Accepted",
    Result.STALE: "VersionMismatch",
}


class LocalList:
    """Handlers of the local list."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get_version(self, _: GetLocalListVersionRequest) -> Reply:
        """GetLocalListVersion (D02): 0 while nothing was sent or the list is switched off."""
        local_list = self._engine.station.desk.local_list
        return Reply(GetLocalListVersionResponse(version_number=local_list.version if local_list.enabled else EMPTY))

    async def send(self, request: SendLocalListRequest) -> Reply:
        """SendLocalList (D01). There is no status for a list that is switched off: it fails."""
        if not self._engine.station.desk.local_list.enabled:
            refusal = why("NotEnabled", "the local list is switched off")
            return Reply(SendLocalListResponse(status="Failed", status_info=refusal))
        if request.version_number <= EMPTY:
            refusal = why("ValuePositiveOnly", "versionNumber must be above 0")
            return Reply(SendLocalListResponse(status="Failed", status_info=refusal))
        changes = [
            (token(entry.id_token), token_info(entry.id_token_info) if entry.id_token_info is not None else None)
            for entry in request.local_authorization_list or ()
        ]
        whole = request.update_type == "Full"
        outcome = self._engine.deferred(
            lambda station, now: station.desk.change_list(request.version_number, changes, whole=whole)
        )
        if not outcome.accepted:
            log.warning("local list refused reason=%s %s", outcome.reason, outcome.detail)
        response = SendLocalListResponse(status=_STATUS.get(outcome.result, "Failed"), status_info=status_info(outcome))
        return reply(self._engine, response)
