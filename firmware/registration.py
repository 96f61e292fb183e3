"""Registration of the station: BootNotification until it is accepted (OCPP 1.6 edition 2, 4.2; OCPP 2.0.1 edition 3, B01 to B03).

While the answer is Rejected, no request of the central system is answered either: see `answering`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from firmware.core.settings import CENTRAL_TIME, HEARTBEAT_INTERVAL_S
from firmware.core.values import Registration
from firmware.engine.engine import Engine
from firmware.identity import Identity
from ocpp_client.errors import AnswerInvalid, CallError, CallTimeout, ConnectionLost
from ocpp_client.messages import Request
from ocpp_client.peer import Peer

log = logging.getLogger(__name__)

DEFAULT_RETRY_S = 60.0  # between BootNotifications when the central system names no interval
TRIES = 2  # unanswered BootNotifications on one connection before it is given up

_STANDINGS = {
    "Accepted": Registration.ACCEPTED,
    "Pending": Registration.PENDING,
    "Rejected": Registration.REJECTED,
}


class BootAnswer(Protocol):
    """What the answers of all versions have in common."""

    @property
    def status(self) -> str:
        """Accepted, Pending or Rejected."""

    @property
    def interval(self) -> int:
        """Seconds: of the heartbeat when accepted, else until the next BootNotification; 0 leaves it to the station."""

    @property
    def current_time(self) -> datetime:
        """The central system's clock."""


@dataclass(frozen=True, slots=True)
class Boot:
    """How a version of the protocol says that the station has started. `render` is also told whether it was asked for."""

    protocol: str
    render: Callable[[Identity, bool], Request[Any]]
    on_each_way: bool = False
    """Whether it is said again on another way to the central system (OCPP 2.0.1 B10.FR.10)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer says. `time_s` is POSIX seconds, None where it could not be read."""

    standing: Registration
    interval_s: int
    time_s: float | None

    @classmethod
    def of(cls, answer: BootAnswer) -> "Verdict":
        """A whole answer."""
        return cls(_STANDINGS[answer.status], answer.interval, answer.current_time.timestamp())

    @classmethod
    def salvaged(cls, usable: Mapping[str, Any]) -> "Verdict | None":
        """What is usable of an answer that breaks its schema; None where that is not even the status."""
        if "status" not in usable:
            return None
        time = usable.get("current_time")
        return cls(_STANDINGS[usable["status"]], usable.get("interval", 0), time.timestamp() if time else None)


class Registrar:
    """Registers the station, once per start of the program and again when what it says of itself, or the version of the protocol in
    which it says so, has changed. `way` names the way to the central system of the present connection."""

    def __init__(self, engine: Engine, identity: Callable[[], Identity], way: Callable[[], str]) -> None:
        self._engine = engine
        self._identity = identity
        self._way = way
        self._told: tuple[str, str, Identity] | None = None  # in which version, on which way, with what it was accepted
        self._now = asyncio.Event()
        self._not_before_s = 0.0  # monotonic time of the next BootNotification
        self.answering = asyncio.Event()  # clear from an answer of Rejected to the next answer
        self.answering.set()

    def boot_now(self) -> None:
        """Do not wait for the interval to pass."""
        self._now.set()

    def needed(self, boot: Boot) -> bool:
        """True when the station has to register on a connection that speaks this version."""
        registered = self._engine.station.registration is Registration.ACCEPTED
        return not registered or self._told != self._telling(boot, self._identity())

    def _telling(self, boot: Boot, identity: Identity) -> tuple[str, str, Identity]:
        return boot.protocol, self._way() if boot.on_each_way else "", identity

    async def register(self, peer: Peer, boot: Boot) -> None:
        """Send BootNotification until it is accepted. Raises ConnectionLost, also when nobody answers.

        What is left of the interval of an earlier answer is waited for first, on a new connection too.
        """
        unanswered = 0
        while True:
            triggered = await self._wait()
            identity = self._identity()
            verdict: Verdict | None = None
            try:
                verdict = Verdict.of(await peer.call(boot.render(identity, triggered)))
            except CallTimeout:
                unanswered += 1
                if unanswered >= TRIES:
                    raise ConnectionLost(1006, "BootNotification unanswered", cause="unanswered") from None
            except AnswerInvalid as invalid:
                log.warning("BootNotification answered against its schema error=%s", invalid)
                verdict = Verdict.salvaged(invalid.usable)
            except CallError as error:
                log.warning("BootNotification refused error=%s", error)
            wait_s = DEFAULT_RETRY_S
            if verdict is not None:
                unanswered = 0
                self._take(verdict, self._telling(boot, identity))
                if verdict.standing is Registration.ACCEPTED:
                    return
                wait_s = float(verdict.interval_s) if verdict.interval_s > 0 else DEFAULT_RETRY_S
                log.info("registration %s next_in_s=%d", verdict.standing.value, wait_s)
            self._not_before_s = self._engine.clock.monotonic() + wait_s

    async def _wait(self) -> bool:
        """Wait until the next BootNotification may be sent, or is asked for; True when it was."""
        self._now.clear()
        try:
            async with asyncio.timeout(max(self._not_before_s - self._engine.clock.monotonic(), 0.0)):
                await self._now.wait()
        except TimeoutError:
            return False
        return True

    def _take(self, verdict: Verdict, told: tuple[str, str, Identity]) -> None:
        accepted = verdict.standing is Registration.ACCEPTED
        if verdict.time_s is not None and self._engine.station.settings[CENTRAL_TIME]:
            self._engine.clock.set_from_csms(verdict.time_s)
        if accepted and verdict.interval_s > 0:  # 0 leaves our own
            self._set_heartbeat(verdict.interval_s)
        self._told = told if accepted else None
        if verdict.standing is Registration.REJECTED:
            self.answering.clear()
        else:
            self.answering.set()
        self._engine.apply(lambda station, now: station.registered(verdict.standing))

    def _set_heartbeat(self, interval_s: int) -> None:
        """The interval of the answer becomes HeartbeatInterval."""
        if interval_s != self._engine.station.settings[HEARTBEAT_INTERVAL_S]:
            self._engine.apply(lambda station, now: station.set_setting(HEARTBEAT_INTERVAL_S, str(interval_s)))
