"""Devices that are gone: no energy at once, and the end of a transaction only when they stay away.

An adapter whose plug was touched is back within seconds. Its loss blocks the EVSE from the first moment (`DEVICE_LOST`); after the
grace the fault that the loss amounts to takes that place, and does what its own rule says.
"""

import asyncio
from collections.abc import Callable

from firmware.waiting import woken
from hal.clock import Clock
from hal.types import Fault, FaultCode


class Losses:
    """The lost devices of one EVSE, or of the station. `report` takes faults, `grace_s` tells for how long a loss only blocks."""

    def __init__(self, clock: Clock, grace_s: Callable[[], float], report: Callable[[Fault], None]) -> None:
        self._clock = clock
        self._grace_s = grace_s
        self._report = report
        self._lost: dict[str, tuple[float, Fault]] = {}  # device -> since when, and what it amounts to
        self._told: set[FaultCode] = set()
        self._wake = asyncio.Event()

    def of(self, device: str) -> Callable[[Fault], None]:
        """Where the fault of this device's loss is to be told, when it is lost and when it is back."""

        def tell(fault: Fault) -> None:
            if not fault.active:
                self._lost.pop(device, None)
            elif device not in self._lost:
                self._lost[device] = (self._clock.monotonic(), fault)
            self._weigh()
            self._wake.set()

        return tell

    async def run(self) -> None:
        """Let graces pass, for ever."""
        while True:
            self._wake.clear()
            due_s = min(
                (self._ends_s(since_s) for since_s, _ in self._lost.values() if self._lasts(since_s)), default=None
            )
            if not await woken(self._wake, None if due_s is None else due_s - self._clock.monotonic()):
                self._weigh()

    def _ends_s(self, since_s: float) -> float:
        return since_s + self._grace_s()

    def _lasts(self, since_s: float) -> bool:
        return self._clock.monotonic() < self._ends_s(since_s)

    def _weigh(self) -> None:
        """Tell the difference between what the losses amount to now and what was told. What comes is told before what goes."""
        now: dict[FaultCode, Fault] = {}
        for since_s, fault in self._lost.values():
            code = FaultCode.DEVICE_LOST if self._lasts(since_s) else fault.code
            now.setdefault(code, Fault(code, active=True, text=fault.text))
        before, self._told = self._told, set(now)
        for code, fault in now.items():
            if code not in before:
                self._report(fault)
        for code in sorted(before - now.keys()):
            self._report(Fault(code, active=False, text="device is back" if not now else ""))
