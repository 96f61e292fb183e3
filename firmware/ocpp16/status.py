"""Connector status (OCPP 1.6 edition 2, section 4.9): derived from the core's facets, told along the transition table.

`status_of` is pure. `StatusReporter` remembers what was told last, holds a status back for MinimumStatusDuration, and walks
over intermediate states where the table has no direct way (Preparing to Unavailable goes over Available).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from firmware.core.evse import Evse
from firmware.core.faults import blocks
from firmware.core.settings import MINIMUM_STATUS_S
from firmware.core.station import Station
from firmware.core.transaction import Phase
from firmware.core.values import Energy, Plug
from firmware.ocpp16.words import ERROR_CODES, WARNING_ONLY, moment
from hal.clock import Clock
from hal.types import Fault
from ocpp_client.v16 import StatusNotificationRequest
from ocpp_client.v16.core import ChargePointErrorCode, ChargePointStatus

log = logging.getLogger(__name__)

TRIES = 3  # tellings of one status without an answer, then it counts as told
RETRY_S = 60.0
NOTICES = 10  # waiting to be told; the oldest goes first when there are more

Status = ChargePointStatus

TRANSITIONS: dict[Status, frozenset[Status]] = {
    "Available": frozenset(
        {"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Reserved", "Unavailable", "Faulted"}
    ),
    "Preparing": frozenset({"Available", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted"}),
    "Charging": frozenset({"Available", "SuspendedEV", "SuspendedEVSE", "Finishing", "Unavailable", "Faulted"}),
    "SuspendedEV": frozenset({"Available", "Charging", "SuspendedEVSE", "Finishing", "Unavailable", "Faulted"}),
    "SuspendedEVSE": frozenset({"Available", "Charging", "SuspendedEV", "Finishing", "Unavailable", "Faulted"}),
    "Finishing": frozenset({"Available", "Preparing", "Unavailable", "Faulted"}),
    "Reserved": frozenset({"Available", "Preparing", "Unavailable", "Faulted"}),
    "Unavailable": frozenset({"Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Faulted"}),
    "Faulted": frozenset(
        {
            "Available",
            "Preparing",
            "Charging",
            "SuspendedEV",
            "SuspendedEVSE",
            "Finishing",
            "Reserved",
            "Unavailable",
        }
    ),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a StatusNotification says, without its time."""

    status: Status
    error: ChargePointErrorCode = "NoError"
    info: str | None = None
    vendor_error: str | None = None


def path(start: Status | None, goal: Status) -> tuple[Status, ...]:
    """The shortest legal way from one status to another, without the start; the goal alone where nothing was told yet."""
    if start is None or start == goal or goal in TRANSITIONS[start]:
        return (goal,)
    queue: deque[tuple[Status, ...]] = deque([(start,)])
    seen = {start}
    while queue:
        way = queue.popleft()
        for following in ("Available", "Preparing", *TRANSITIONS[way[-1]]):
            if following == goal and goal in TRANSITIONS[way[-1]]:
                return (*way[1:], goal)
            # a detour over Faulted would tell of a fault that is not there
            if following in TRANSITIONS[way[-1]] and following not in seen and following != "Faulted":
                seen.add(following)
                queue.append((*way, following))
    return (goal,)


def status_of(evse: Evse) -> Report:
    """The status of an EVSE's connector."""
    fault = _fault(evse)
    error, vendor_error, text = _error(fault)
    if evse.blocked:
        return Report("Faulted", "OtherError" if error in WARNING_ONLY else error, text, vendor_error)
    status = _undisturbed(evse)
    info = text
    if (evse.running is not None and evse.plug is not Plug.VEHICLE) or (evse.leftover and evse.plug is Plug.STATION):
        info = "EV side disconnected"
    return Report(status, error, info, vendor_error)


def _undisturbed(evse: Evse) -> Status:
    if not evse.available:
        return "Unavailable"
    tx = evse.tx
    if tx is not None and tx.phase is Phase.OPEN and tx.durable:
        return _CHARGING[evse.energy]
    if evse.leftover or (tx is not None and tx.phase is Phase.ENDING):
        return "Finishing"
    if evse.reserved:
        return "Reserved"
    return "Preparing" if evse.engaged or tx is not None else "Available"


_CHARGING: dict[Energy, Status] = {
    Energy.OFF: "SuspendedEVSE",
    Energy.FLOWING: "Charging",
    Energy.PAUSED_BY_EV: "SuspendedEV",
    Energy.PAUSED_BY_EVSE: "SuspendedEVSE",
}


def _fault(evse: Evse) -> Fault | None:
    """The fault to tell: one that blocks before one that warns, the EVSE's own before the station's."""
    found = [*evse.faults.values(), *evse.context.faults.values()]
    return next((fault for fault in found if blocks(fault.code)), found[0] if found else None)


def _error(fault: Fault | None) -> tuple[ChargePointErrorCode, str | None, str | None]:
    if fault is None:
        return "NoError", None, None
    code = ERROR_CODES.get(fault.code, "OtherError")
    vendor = fault.vendor_code or (fault.code.value if code == "OtherError" else None)
    return code, vendor, fault.text[:50] or None


def station_report(station: Station) -> Report:
    """The status of the charge point itself, connector 0: Available, Unavailable or Faulted only."""
    faults = list(station.context.faults.values())
    blocking = next((fault for fault in faults if blocks(fault.code)), None)
    error, vendor_error, text = _error(blocking or (faults[0] if faults else None))
    if blocking is not None:
        return Report("Faulted", "OtherError" if error in WARNING_ONLY else error, text, vendor_error)
    return Report("Available" if station.context.operative else "Unavailable", error, text, vendor_error)


class StatusReporter:
    """Tells statuses that changed, newest first known, while a connection is there."""

    def __init__(self, station: Station, clock: Clock, *, owes_stop: Callable[[int], bool]) -> None:
        """`owes_stop` tells whether the central system still thinks that a transaction runs on a connector: some bill or
        break it when they hear Available then, so such a connector is Finishing until the stop was delivered."""
        self._owes_stop = owes_stop
        self._station = station
        self._clock = clock
        self._told: dict[int, Report] = {}
        self._unanswered: dict[int, tuple[Report, int]] = {}  # what was told in vain, and how often
        self._since: dict[int, tuple[Report, float, float | None]] = {}  # present report, monotonic and wall start
        self._notices: deque[tuple[int, ChargePointErrorCode]] = deque(maxlen=NOTICES)
        self._wake = asyncio.Event()
        for number in self._numbers():
            self.changed(number)

    def _numbers(self) -> tuple[int, ...]:
        return (0, *self._station.evses)

    def report(self, number: int) -> Report:
        """The present status of a connector, 0 for the charge point."""
        if number == 0:
            return station_report(self._station)
        report = status_of(self._station.evses[number])
        if report.status == "Available" and self._owes_stop(number):
            return replace(report, status="Finishing")
        return report

    def changed(self, number: int) -> None:
        """Something about a connector changed; cheap when its status did not."""
        report = self.report(number)
        known = self._since.get(number)
        if known is None or known[0] != report:
            self._since[number] = (report, self._clock.monotonic(), self._clock.wall())
            self._wake.set()

    def changed_all(self) -> None:
        """Something about the whole station changed."""
        for number in self._numbers():
            self.changed(number)

    def notice(self, number: int, error: ChargePointErrorCode) -> None:
        """Tell once of something that changes no status and does not last, with the present status."""
        self._notices.append((number, error))
        self._wake.set()

    def forget_told(self, *numbers: int) -> None:
        """Tell these connectors anew; none named: everything, as after a boot."""
        for number in numbers or self._numbers():
            self._told.pop(number, None)
        self._wake.set()

    def messages(self) -> tuple[list[tuple[int, Report, StatusNotificationRequest]], float | None]:
        """What is due to be told now, in order, and in how many seconds the next may be."""
        due: list[tuple[int, Report, StatusNotificationRequest]] = []
        wait_s: float | None = None
        minimum_s = self._station.settings[MINIMUM_STATUS_S]
        for number in self._numbers():
            report, since_s, wall_s = self._since[number]
            told = self._told.get(number)
            if told == report:
                continue
            left_s = since_s + minimum_s - self._clock.monotonic()
            if told is not None and minimum_s and left_s > 0:
                wait_s = left_s if wait_s is None else min(wait_s, left_s)
                continue
            steps = path(told.status if told else None, report.status)
            for status in steps[:-1]:
                step = Report(status)
                due.append((number, step, self.message(number, step, wall_s)))
            due.append((number, report, self.message(number, report, wall_s)))
        return due, wait_s

    def message(self, number: int, report: Report, wall_s: float | None) -> StatusNotificationRequest:
        """A StatusNotification with the time since when it holds."""
        at_s = self._clock.wall() if wall_s is None else wall_s
        return StatusNotificationRequest(
            connector_id=number,
            error_code=report.error,
            status=report.status,
            info=report.info,
            timestamp=None if at_s is None else moment(at_s),
            vendor_error_code=report.vendor_error,
        )

    async def tell(self, send: Callable[[StatusNotificationRequest], Awaitable[bool]]) -> float | None:
        """Tell what is due; returns seconds until more may be. `send` returns False when nobody answered."""
        due, wait_s = self.messages()
        while self._notices:
            number, error = self._notices.popleft()
            await send(self.message(number, replace(self.report(number), error=error), self._clock.wall()))
        for number, report, message in due:
            if await send(message) or self._in_vain(number, report):
                self._told[number] = report
                self._unanswered.pop(number, None)
            else:
                wait_s = RETRY_S if wait_s is None else min(wait_s, RETRY_S)
        return wait_s

    def _in_vain(self, number: int, report: Report) -> bool:
        """Count a telling without an answer; True when it was the last."""
        known, count = self._unanswered.get(number, (report, 0))
        count = count + 1 if known == report else 1
        self._unanswered[number] = (report, count)
        return count >= TRIES

    async def run(self, send: Callable[[StatusNotificationRequest], Awaitable[bool]]) -> None:
        """Tell changes for as long as the connection lasts."""
        while True:
            self._wake.clear()
            wait_s = await self.tell(send)
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
