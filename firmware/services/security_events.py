"""Security events: each goes into the security log; those that the standards call critical, and those about certificates and
signatures, are told to the central system as well, durably.

Sources: OCPP 1.6 security whitepaper, edition 3, A04 and its list of events; OCPP 2.0.1 edition 3, A04 and appendix 1. The words are
those of 1.6; a translator of another version has its own for the few that differ.
"""

import json
import logging
from dataclasses import dataclass
from typing import Final

from firmware.core import events as ev
from firmware.core.rows import instant_row, row_instant
from firmware.engine.engine import Engine
from firmware.engine.journal import Change
from firmware.services.security_log import SecurityLog
from hal.types import FaultCode, Instant
from offline_queue import NewRecord

log = logging.getLogger(__name__)

LANE: Final = "security"
CRITICAL: Final = frozenset(
    {
        "FirmwareUpdated",
        "MemoryExhaustion",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "TamperDetectionActivated",
    }
)
ROUTINE: Final = frozenset({"StartupOfTheDevice"})  # critical to the standard; nothing for a person to look into
TOLD: Final = CRITICAL | {
    # the table of the whitepaper says no, its use cases demand it
    "InvalidCentralSystemCertificate",
    "InvalidChargePointCertificate",
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "InvalidTLSCipherSuite",
    "InvalidTLSVersion",
}
QUIET_S: Final = 600.0  # an event that is not critical is told once in this time, however often it happens: a wrong certificate is met
# at every attempt to connect
NOTICEABLE_STEP_S: Final = 20.0  # of the clock
CLOCK_LOOK_S: Final = 15.0
LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that happened."""

    kind: str
    at: Instant
    text: str = ""

    def encode(self) -> bytes:
        """The durable form."""
        return json.dumps({"kind": self.kind, "at": instant_row(self.at), "text": self.text}).encode()

    @classmethod
    def decode(cls, data: bytes) -> "SecurityEvent":
        """The reverse of `encode`. Raises ValueError for what is no event."""
        try:
            row = json.loads(data)
            return cls(row["kind"], row_instant(row["at"]), row["text"])
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"a journal row is not a security event: {error!r}") from error


class SecurityEvents:
    """Takes events from all over the program. With `told` False nothing goes to the central system: the log is all there is."""

    def __init__(self, engine: Engine, security_log: SecurityLog, *, told: bool) -> None:
        self._engine = engine
        self._log = security_log
        self._told = told
        self._last_told_s: dict[str, float] = {}
        self._offset_s: float | None = None
        self._room = True
        engine.observe(self._observe)

    def post(self, kind: str, text: str = "") -> None:
        """Something happened; `text` is technical, without secrets."""
        event = SecurityEvent(kind, self._engine.clock.now(), text[:LONGEST])
        level = logging.INFO if kind in ROUTINE else logging.WARNING
        log.log(level, "security event kind=%s%s", kind, f" text={event.text}" if event.text else "")
        self._log.add(event.at, kind, event.text)
        if self._told and kind in TOLD and not self._told_lately(kind):
            record = NewRecord(LANE, LANE, kind, event.encode(), billable=False)
            self._engine.journal.write(Change(append=(record,)))

    def _told_lately(self, kind: str) -> bool:
        if kind in CRITICAL:
            return False
        now_s = self._engine.clock.monotonic()
        lately = now_s - self._last_told_s.get(kind, -QUIET_S) < QUIET_S
        if not lately:
            self._last_told_s[kind] = now_s
        return lately

    async def run(self) -> None:
        """Say that the station has started, then watch its clock."""
        self.post("StartupOfTheDevice")
        while True:
            self._look_at_clock()
            await self._engine.clock.sleep(CLOCK_LOOK_S)

    def _look_at_clock(self) -> None:
        now = self._engine.clock.now()
        if now.wall_s is None or not now.trust.usable:
            return
        offset_s, before_s = now.wall_s - now.monotonic_s, self._offset_s
        self._offset_s = offset_s
        if before_s is not None and abs(offset_s - before_s) > NOTICEABLE_STEP_S:
            self.post("SettingSystemTime", f"the clock was set by {offset_s - before_s:+.0f} s")

    def _observe(self, event: ev.Event) -> None:
        match event:
            case ev.ResetWanted(kind=kind):
                self.post("ResetOrReboot", f"{kind.value} reset")
            case ev.FaultChanged(fault=fault) if fault.active and fault.code is FaultCode.DOOR_OPEN:
                self.post("TamperDetectionActivated", fault.text or "the door is open")
            case ev.StationChanged():
                room, self._room = self._room, self._engine.station.context.storage_ok
                if room and not self._room:
                    self.post("MemoryExhaustion", "the disk has no room for new transactions")
