"""Keeps one device alive: opens it, follows what it tells, and opens it again after it was lost.

A device that fails raises its fault until it works again; the program goes on.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from hal.clock import Clock
from hal.errors import DeviceLost, HalError
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)

T = TypeVar("T")
REOPEN_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Device(Protocol):
    """The part of every device contract that supervision needs."""

    async def open(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Release."""


async def follow(
    device: Device,
    stream: Callable[[], AsyncIterator[T]],
    handle: Callable[[T], Awaitable[None]],
    *,
    name: str,
    clock: Clock,
    fault: FaultCode | None,
    report: Callable[[Fault], None],
    available: Callable[[bool], None] = lambda _: None,
    speaks_at_once: bool = True,
) -> None:
    """Feed every value of a device's stream to `handle`, for ever.

    `report` is told the fault when the device is lost, and that it is over when the device is back: when it speaks again, or,
    where its stream does not begin with the present state (`speaks_at_once` False), when it could be opened. `available` is told
    when the device can be used and when it cannot.
    """
    failures = 0
    lost = False

    def returned() -> None:
        nonlocal lost
        if lost:
            lost = False
            if fault is not None:
                report(Fault(fault, active=False, text=f"{name} is back"))
            log.info("device back device=%s", name)

    while True:
        try:
            await device.open()
            available(True)
            if not speaks_at_once:
                returned()
            async for value in stream():
                returned()
                failures = 0
                await handle(value)
            # nobody but the end of the program closes a device, and that ends this task too
            raise DeviceLost(f"{name} tells nothing any more")
        except Exception as error:  # a defect of one driver costs its EVSE, never the program
            if not isinstance(error, HalError):
                log.exception("defect in a driver, or in what follows it device=%s", name)
            failures += 1
            available(False)
            if not lost:
                lost = True
                log.error("device lost device=%s error=%s", name, error)
                if fault is not None:
                    report(Fault(fault, active=True, text=str(error)))
            await device.close()
            await clock.sleep(REOPEN_S[min(failures, len(REOPEN_S)) - 1])


async def keep_open(
    device: Device,
    *,
    name: str,
    clock: Clock,
    fault: FaultCode | None,
    report: Callable[[Fault], None],
    available: Callable[[bool], None] = lambda _: None,
    lost: asyncio.Event,
) -> None:
    """Open a device that tells nothing by itself, trying until it opens; and again whenever a user of it sets `lost`, for ever."""
    while True:
        failures = 0
        while True:
            try:
                await device.open()
            except Exception as error:  # noqa: BLE001 - as in `follow`
                failures += 1
                log.error("device does not open device=%s error=%s", name, error)
                if fault is not None:
                    report(Fault(fault, active=True, text=str(error)))
                await clock.sleep(REOPEN_S[min(failures, len(REOPEN_S)) - 1])
            else:
                break
        lost.clear()
        if failures and fault is not None:
            report(Fault(fault, active=False, text=f"{name} is there"))
        available(True)
        await lost.wait()
        available(False)
        await device.close()
