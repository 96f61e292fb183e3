"""Functional block C of OCPP 2.0.1 (edition 3, part 2): tokens are asked about, and the cache is cleared."""

import logging
from dataclasses import replace

from firmware.core import events as ev
from firmware.core.settings import CACHE_LIFETIME_S
from firmware.core.values import TokenInfo, Verdict
from firmware.engine.engine import Engine
from firmware.ocpp201.words import MAX_TOKEN, id_token, salvaged_info, token_info, why
from firmware.session import Session
from ocpp_client.errors import AnswerInvalid, CallFailed, ConnectionLost
from ocpp_client.peer import Reply
from ocpp_client.v201.authorization import (
    AuthorizeRequest,
    AuthorizeResponse,
    ClearCacheRequest,
    ClearCacheResponse,
)
from ocpp_client.v201.datatypes import IdTokenInfoType

log = logging.getLogger(__name__)


def remembered(told: IdTokenInfoType, engine: Engine) -> TokenInfo:
    """An idTokenInfo as the cache may keep it: where it names no end, until LifeTime is over (C10.FR.08)."""
    info, lifetime_s, wall_s = token_info(told), engine.station.settings[CACHE_LIFETIME_S], engine.clock.wall()
    if info.expires_s is not None or not lifetime_s or wall_s is None:
        return info
    return replace(info, expires_s=wall_s + lifetime_s)


class Authorization:
    """Asks about tokens."""

    def __init__(self, engine: Engine, session: Session) -> None:
        self._engine = engine
        self._session = session

    async def authorise(self, query: ev.TokenQueryNeeded) -> TokenInfo | None:
        """Authorize (C01). No usable answer means: decide as if offline. What is no idToken is not asked about."""
        if len(query.token.value) > MAX_TOKEN:
            log.info("token is longer than an idToken, refused token=%s", query.token.masked)
            return TokenInfo(Verdict.INVALID)
        peer = self._session.peer
        if peer is None:
            return None
        try:
            answer = await peer.call(AuthorizeRequest(id_token=id_token(query.token)))
        except AnswerInvalid as invalid:
            log.warning("Authorize answered against its schema error=%s", invalid)
            return salvaged_info(invalid.raw.get("idTokenInfo"))
        except (CallFailed, ConnectionLost) as error:
            log.warning("token not checked, deciding as offline error=%s", error)
            return None
        return self._here(answer, query.evse)

    def _here(self, answer: AuthorizeResponse, evse: int | None) -> TokenInfo:
        """The verdict for one EVSE: a token that is accepted at others only is not allowed here (C01.FR.07)."""
        info, served = remembered(answer.id_token_info, self._engine), answer.id_token_info.evse_id
        if info.accepted and served is not None and evse is not None and evse not in served:
            return replace(info, verdict=Verdict.NOT_AT_THIS_LOCATION)
        return info

    async def clear_cache(self, request: ClearCacheRequest) -> Reply:
        """ClearCache (C11)."""
        outcome = self._engine.deferred(lambda station, now: station.clear_cache())

        async def after() -> None:
            self._engine.pump()

        if outcome.accepted:
            return Reply(ClearCacheResponse(status="Accepted"), after)
        return Reply(ClearCacheResponse(status="Rejected", status_info=why("NotEnabled", "the cache is switched off")))
