"""Registration of the charge point (OCPP 1.6 edition 2, section 4.2): BootNotification until it is accepted.

While the answer is Rejected, no request of the central system is answered either: see `answering`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from firmware.core.settings import HEARTBEAT_INTERVAL_S
from firmware.core.values import Registration
from firmware.engine.engine import Engine
from firmware.identity import Identity
from firmware.ocpp16.configuration import Configuration
from ocpp_client.errors import AnswerInvalid, CallError, CallTimeout, ConnectionLost
from ocpp_client.peer import Peer
from ocpp_client.v16 import BootNotificationRequest, BootNotificationResponse

log = logging.getLogger(__name__)

DEFAULT_RETRY_S = 60.0  # between BootNotifications when the central system names no interval
TRIES = 2  # unanswered BootNotifications on one connection before it is given up

_STANDINGS = {
    "Accepted": Registration.ACCEPTED,
    "Pending": Registration.PENDING,
    "Rejected": Registration.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer says. `time_s` is POSIX seconds, None where it could not be read."""

    standing: Registration
    interval_s: int
    time_s: float | None

    @classmethod
    def of(cls, answer: BootNotificationResponse) -> "Verdict":
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
    """Registers the station, once per start of the program and again when what it says of itself has changed."""

    def __init__(self, engine: Engine, identity: Callable[[], Identity], configuration: Configuration) -> None:
        self._engine = engine
        self._identity = identity
        self._configuration = configuration
        self._told: Identity | None = None  # with which the station was accepted
        self._now = asyncio.Event()
        self._not_before_s = 0.0  # monotonic time of the next BootNotification
        self.answering = asyncio.Event()  # clear from an answer of Rejected to the next answer
        self.answering.set()

    def boot_now(self) -> None:
        """Do not wait for the interval to pass."""
        self._now.set()

    @property
    def needed(self) -> bool:
        """True when the station has to register on this connection."""
        registered = self._engine.station.registration is Registration.ACCEPTED
        return not registered or self._told != self._identity()

    async def register(self, peer: Peer) -> None:
        """Send BootNotification until it is accepted. Raises ConnectionLost, also when nobody answers.

        What is left of the interval of an earlier answer is waited for first, on a new connection too.
        """
        unanswered = 0
        while True:
            await self._wait()
            identity = self._identity()
            verdict: Verdict | None = None
            try:
                verdict = Verdict.of(await peer.call(_boot(identity)))
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
                self._take(verdict, identity)
                if verdict.standing is Registration.ACCEPTED:
                    return
                wait_s = float(verdict.interval_s) if verdict.interval_s > 0 else DEFAULT_RETRY_S
                log.info("registration %s next_in_s=%d", verdict.standing.value, wait_s)
            self._not_before_s = self._engine.clock.monotonic() + wait_s

    async def _wait(self) -> None:
        """Wait until the next BootNotification may be sent, or is asked for."""
        self._now.clear()
        try:
            async with asyncio.timeout(max(self._not_before_s - self._engine.clock.monotonic(), 0.0)):
                await self._now.wait()
        except TimeoutError:
            pass

    def _take(self, verdict: Verdict, identity: Identity) -> None:
        accepted = verdict.standing is Registration.ACCEPTED
        if verdict.time_s is not None:
            self._engine.clock.set_from_csms(verdict.time_s)
        if accepted and verdict.interval_s > 0:  # 0 leaves our own
            self._set_heartbeat(verdict.interval_s)
        self._told = identity if accepted else None
        if verdict.standing is Registration.REJECTED:
            self.answering.clear()
        else:
            self.answering.set()
        self._engine.apply(lambda station, now: station.registered(verdict.standing))

    def _set_heartbeat(self, interval_s: int) -> None:
        """The interval of the answer becomes HeartbeatInterval."""
        if interval_s != self._engine.station.settings[HEARTBEAT_INTERVAL_S]:
            self._engine.apply(lambda station, now: self._configuration.change("HeartbeatInterval", str(interval_s)))


def _boot(identity: Identity) -> BootNotificationRequest:
    def cut(value: str | None, length: int) -> str | None:
        return value[:length] if value else None

    return BootNotificationRequest(
        charge_point_vendor=identity.vendor[:20],
        charge_point_model=identity.model[:20],
        charge_point_serial_number=cut(identity.serial_number, 25),
        charge_box_serial_number=cut(identity.box_serial_number, 25),
        firmware_version=cut(identity.firmware_version, 50),
        iccid=cut(identity.iccid, 20),
        imsi=cut(identity.imsi, 20),
        meter_type=cut(identity.meter_type, 25),
        meter_serial_number=cut(identity.meter_serial_number, 25),
    )
