"""Feature profile LocalAuthListManagement of OCPP 1.6 (edition 2, sections 5.10 and 5.15)."""

import logging
from typing import Literal

from firmware.core.local_list import EMPTY
from firmware.core.station import Station
from firmware.core.values import Outcome, Result, Token
from firmware.engine.engine import Engine
from firmware.ocpp16.words import token_info
from hal.types import Instant
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
)

log = logging.getLogger(__name__)

NO_LIST = -1  # listVersion of a charge point without local lists

_STATUS: dict[Result, Literal["Accepted", "VersionMismatch"]] = {
    Result.ACCEPTED: "Accepted",
    Result.STALE: "VersionMismatch",
}


class LocalAuthList:
    """Handlers of the local list. While LocalAuthListEnabled is false there is none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get_version(self, _: GetLocalListVersionRequest) -> Reply:
        """GetLocalListVersion (5.10): 0 for an empty list."""
        local_list = self._engine.station.desk.local_list
        version = local_list.version if len(local_list) else EMPTY
        return Reply(GetLocalListVersionResponse(list_version=version if local_list.enabled else NO_LIST))

    async def send(self, request: SendLocalListRequest) -> Reply:
        """SendLocalList (5.15). A version of 0 or below is no version here, and an emptied list has none."""
        if not self._engine.station.desk.local_list.enabled:
            return Reply(SendLocalListResponse(status="NotSupported"))
        if request.list_version <= EMPTY:
            log.warning("local list refused version=%d", request.list_version)
            return Reply(SendLocalListResponse(status="Failed"))
        changes = [
            (Token(entry.id_tag), token_info(entry.id_tag_info) if entry.id_tag_info is not None else None)
            for entry in request.local_authorization_list or ()
        ]
        whole = request.update_type == "Full"
        version = EMPTY if whole and not changes else request.list_version

        def change(station: Station, _: Instant) -> Outcome:
            done = station.desk.change_list(version, changes, whole=whole)
            if done.accepted and not len(station.desk.local_list):
                station.desk.change_list(EMPTY, (), whole=True)
            return done

        outcome = self._engine.apply(change)
        if not outcome.accepted:
            log.warning("local list refused reason=%s %s", outcome.reason, outcome.detail)
        return Reply(SendLocalListResponse(status=_STATUS.get(outcome.result, "Failed")))
