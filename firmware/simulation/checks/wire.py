"""Watches the OCPP frames as the station sees them, at the moment it sends or receives them.

Sources: OCPP-J 1.6, section 4.1.1; OCPP 1.6 edition 2, sections 3.4 and 4.2; OCPP 2.0.1 part 2, B02 and E.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firmware.simulation.checks.findings import Findings, Rule

CALL, RESULT = 2, 3
PATIENCE_S = 30.0  # a station that has waited as long for an answer may send the next CALL
REMEMBERED = 4_000  # contents per station
BILLABLE = frozenset({"StartTransaction", "StopTransaction", "TransactionEvent"})
# Right after boot and while pending these may be asked for by the central system.
ON_REQUEST = frozenset(
    {
        "StatusNotification",
        "MeterValues",
        "Heartbeat",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "NotifyReport",
        "TransactionEvent",
    }
)


@dataclass(slots=True)
class _Station:
    waiting: dict[str, tuple[str, float]] = field(default_factory=dict)  # id -> (action, when) of its unanswered calls
    booted: bool = False  # BootNotification was sent since the program started
    accepted: bool = False  # and accepted
    ids: OrderedDict[str, str] = field(default_factory=OrderedDict)  # content of a billable message -> its id
    frames: int = 0


class WireWatch:
    """Told of every frame, every start of a program and every connection."""

    def __init__(self, findings: Findings, time_s: Callable[[], float]) -> None:
        self._findings = findings
        self._time_s = time_s
        self._stations: dict[str, _Station] = {}

    @property
    def frames(self) -> int:
        """Frames seen, of all stations."""
        return sum(station.frames for station in self._stations.values())

    def program_started(self, station: str) -> None:
        """The program has begun anew: it has to boot."""
        known = self._of(station)
        known.booted = known.accepted = False

    def connected(self, station: str) -> None:
        """A new connection: what was unanswered on the old one is nobody's any more."""
        self._of(station).waiting.clear()

    def frame(self, name: str, from_station: bool, text: str) -> None:
        """A frame was sent or received by a station."""
        station = self._of(name)
        station.frames += 1
        try:
            frame = json.loads(text)
        except ValueError:
            return  # nonsense that the central system sends on purpose, or a frame too long to be kept whole
        if from_station and frame[0] == CALL:
            self._called(name, station, frame)
        elif not from_station and frame[0] != CALL:
            action, _ = station.waiting.pop(frame[1], ("", 0.0))
            if frame[0] == RESULT and action == "BootNotification" and frame[2].get("status") == "Accepted":
                station.accepted = True

    def _called(self, name: str, station: _Station, frame: list[Any]) -> None:
        _, message_id, action, payload = frame
        now_s = self._time_s()
        late = [known for known, (_, at_s) in station.waiting.items() if now_s - at_s < PATIENCE_S]
        if late:
            self._findings.report(Rule.ONE_CALL, name, f"{action} {message_id} while {late[0]} is unanswered")
        station.waiting[message_id] = (action, now_s)
        if action == "BootNotification":
            station.booted = True
        elif not station.booted or (not station.accepted and action not in ON_REQUEST):
            self._findings.report(Rule.BOOT_FIRST, name, f"{action} {message_id} before the boot was accepted")
        if action in BILLABLE:
            self._one_id(name, station, action, message_id, payload)

    def _one_id(self, name: str, station: _Station, action: str, message_id: str, payload: Any) -> None:
        content = f"{action} {json.dumps(payload, sort_keys=True)}"
        known = station.ids.setdefault(content, message_id)
        if known != message_id:
            self._findings.report(Rule.ONE_ID, name, f"{action} came as {known} and as {message_id}")
        if len(station.ids) > REMEMBERED:
            station.ids.popitem(last=False)

    def _of(self, name: str) -> _Station:
        return self._stations.setdefault(name, _Station())
