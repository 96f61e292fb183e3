"""Mock devices of one EVSE: control pilot, contactor, meter, connector lock, lamp, inputs, bay sensor."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import suppress

from hal.errors import DeviceRefused, DeviceTimeout
from hal.mock.devices.place import evse_of, place_of
from hal.mock.evse import MockEvse
from hal.registry import DriverContext, driver
from hal.types import (
    Fault,
    FaultCode,
    LampSign,
    LockState,
    MeterReading,
    PilotReading,
)

MOVE_TIMEOUT_S = 0.1  # IEC 61851-1: the contactor is open 100 ms after the vehicle leaves state C
SELF_TEST_S = 0.5
LOWEST_OFFER_A = 6.0
HIGHEST_OFFER_A = 80.0


@driver("pilot", "mock")
class MockPilot:
    """Satisfies hal.pilot.ControlPilot. `switches_phases` False ignores the phases asked for."""

    def __init__(self, context: DriverContext, switches_phases: bool = True) -> None:
        self._evse = evse_of(context)
        self._port = self._evse.ports.pilot.attach()
        self._switches_phases = switches_phases

    async def open(self) -> None:
        """Connect, offering nothing."""
        self._port.open()
        self._evse.offer(0.0)
        self._evse.set_available(True)

    async def read(self) -> PilotReading:
        """The present reading."""
        self._port.check()
        return self._evse.pilot_reading()

    def changes(self) -> AsyncIterator[PilotReading]:
        """The present reading, then each change."""
        self._port.check()
        return self._port.subscribe(self._evse.pilot_reading())

    async def offer(self, current_a: float, phases: int | None = None) -> None:
        """Offer a current, or nothing with 0. Raises DeviceRefused outside 6 to 80 A."""
        self._port.check()
        if not (current_a == 0 or LOWEST_OFFER_A <= current_a <= HIGHEST_OFFER_A):  # refuses NaN too
            raise DeviceRefused(f"{self._port.name} cannot offer {current_a:g} A; offer 0, or 6 to 80 A")
        if phases not in {None, 1, 3}:
            raise DeviceRefused(f"{self._port.name} cannot offer {phases} phases; ask for 1 or 3")
        self._evse.offer(current_a, phases if self._switches_phases else None)

    async def set_available(self, available: bool) -> None:
        """False shows the vehicle state F."""
        self._port.check()
        self._evse.set_available(available)

    async def close(self) -> None:
        """Offer nothing and release."""
        if self._port.is_open:
            self._evse.offer(0.0)
        self._port.close()


@driver("contactor", "mock")
class MockContactor:
    """Satisfies hal.contactor.Contactor: a coil that always obeys, and contacts that move `operate_s` later, unless they are welded
    or stuck, which only the feedback contact shows. `feedback` False has no such contact."""

    def __init__(
        self, context: DriverContext, operate_s: float = 0.03, dead_man_s: float | None = None, feedback: bool = True
    ) -> None:
        if not 0.0 <= operate_s < MOVE_TIMEOUT_S:
            raise ValueError(f"operate_s must be from 0 to below {MOVE_TIMEOUT_S}, is {operate_s!r}")
        if dead_man_s is not None and not (math.isfinite(dead_man_s) and dead_man_s > 0):
            raise ValueError(f"dead_man_s must be above 0, is {dead_man_s!r}")
        self._evse = evse_of(context)
        self._evse.gear.operate_s = operate_s
        self._evse.gear.dead_man_s = dead_man_s
        self._port = self._evse.ports.contactor.attach()
        self._feedback = feedback

    @property
    def dead_man_s(self) -> float | None:
        """Seconds of silence after which the contactor opens by itself; None when it does not."""
        return self._evse.gear.dead_man_s

    @property
    def follows_vehicle(self) -> bool:
        """False: the program closes it when the vehicle asks."""
        return False

    @property
    def waiting(self) -> bool:
        """False: it closes at once."""
        return False

    async def open(self) -> None:
        """Connect and deny."""
        self._port.open()
        self._evse.command_contactor(False)

    async def allow(self) -> None:
        """Energise the coil, and give the contacts time to follow. Cancelled, it lets go again."""
        self._port.check()
        self._evse.command_contactor(True)
        try:
            await self._follow(True)
        except BaseException:
            self.deny_now()
            raise

    async def deny(self) -> None:
        """Let go of the coil, and give the contacts time to follow."""
        self._port.check()
        self._evse.command_contactor(False)
        await self._follow(False)

    def deny_now(self) -> None:
        """Let go of the coil."""
        self._evse.command_contactor(False)

    def keep_alive(self) -> None:
        """Feed the dead-man timer."""
        self._evse.feed_contactor()

    @property
    def closed(self) -> bool | None:
        """Feedback contact."""
        return self._evse.contactor_closed() if self._feedback else None

    def changes(self) -> AsyncIterator[bool]:
        """Each change of the feedback contact."""
        return self._port.subscribe()

    async def close(self) -> None:
        """Deny and release."""
        self.deny_now()
        self._port.close()

    async def _follow(self, closed: bool) -> None:
        moves = self._port.subscribe(self._evse.contactor_closed())
        with suppress(TimeoutError):
            async with asyncio.timeout(MOVE_TIMEOUT_S):
                async for now_closed in moves:
                    if now_closed is closed:
                        return


@driver("meter", "mock")
class MockMeter:
    """Satisfies hal.meter.Meter, for an EVSE or, outside of one, for the station's connection. Answers after `answer_s`."""

    def __init__(
        self,
        context: DriverContext,
        model: str | None = "Mock meter",
        serial_number: str | None = None,
        answer_s: float = 0.0,
    ) -> None:
        place = place_of(context)
        self._source = place if isinstance(place, MockEvse) else place.main_meter
        self._faults = place.faults
        self._port = place.ports.meter.attach()
        self._clock = context.clock
        self._answer_s = answer_s
        self.phases = self._source.phases
        self.model = model
        self.serial_number = serial_number

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    async def read(self, timeout_s: float = 2.0) -> MeterReading:
        """One reading. Raises DeviceTimeout while the meter is silent."""
        self._port.check()
        silent = FaultCode.METER_SILENT in self._faults
        if silent or self._answer_s > timeout_s:
            await self._clock.sleep(timeout_s)
            raise DeviceTimeout(f"{self._port.name} did not answer within {timeout_s:g} s; check its bus and its power")
        if self._answer_s:
            await self._clock.sleep(self._answer_s)
            self._port.check()
        return self._source.reading()

    async def close(self) -> None:
        """Release."""
        self._port.close()


@driver("lock", "mock")
class MockLock:
    """Satisfies hal.lock.ConnectorLock. The bolt travels for `travel_s`, jammed or not."""

    def __init__(self, context: DriverContext, travel_s: float = 0.3) -> None:
        if not 0.0 <= travel_s <= 3.0:
            raise ValueError(f"travel_s must be from 0 to 3, is {travel_s!r}")
        self._evse = evse_of(context)
        self._port = self._evse.ports.lock.attach()
        self._clock = context.clock
        self._travel_s = travel_s

    async def open(self) -> None:
        """Connect; the bolt stays where it is."""
        self._port.open()

    async def lock(self) -> LockState:
        """Drive the bolt in."""
        return await self._drive(True)

    async def unlock(self) -> LockState:
        """Drive the bolt out."""
        return await self._drive(False)

    @property
    def state(self) -> LockState:
        """Where the bolt is; unknown while the device is lost."""
        return self._evse.cable.lock_state if self._port.is_open else LockState.UNKNOWN

    async def close(self) -> None:
        """Release; the bolt stays where it is."""
        self._port.close()

    async def _drive(self, locked: bool) -> LockState:
        self._port.check()
        await self._clock.sleep(self._travel_s)
        self._port.check()
        return self._evse.drive_bolt(locked)


@driver("lamp", "mock")
class MockLamp:
    """Satisfies hal.lamp.Lamp, for an EVSE or, outside of one, for the station. Every sign is recorded with its time."""

    def __init__(self, context: DriverContext) -> None:
        place = place_of(context)
        self._lamp = place.lamp
        self._port = place.ports.lamp.attach()

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    async def show(self, sign: LampSign) -> None:
        """Show a sign; a lost lamp shows nothing."""
        if self._port.is_open:
            self._lamp.show(sign)

    async def close(self) -> None:
        """Dark."""
        if self._port.is_open:
            self._lamp.show(LampSign.OFF)
        self._port.close()


@driver("inputs", "mock")
class MockInputs:
    """Satisfies hal.inputs.FaultSource and SelfTesting, for an EVSE or, outside of one, for the station.

    Tells of everything that goes wrong there, or only of the fault codes in `codes`.
    """

    def __init__(self, context: DriverContext, codes: tuple[FaultCode, ...] = ()) -> None:
        place = place_of(context)
        self._faults = place.faults
        self._clock = context.clock
        self._port = place.ports.inputs.attach(lambda fault: not codes or fault.code in codes)

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    def faults(self) -> AsyncIterator[Fault]:
        """Faults that are present, then each change."""
        return self._port.subscribe(*self._faults.told)

    async def self_test(self) -> bool:
        """Run the leakage sensor's test. False while the sensor is broken."""
        self._port.check()
        await self._clock.sleep(SELF_TEST_S)
        self._port.check()
        return FaultCode.LEAKAGE_SENSOR not in self._faults

    async def close(self) -> None:
        """Release."""
        self._port.close()


@driver("bay", "mock")
class MockBay:
    """Satisfies hal.inputs.BaySensor."""

    def __init__(self, context: DriverContext) -> None:
        self._evse = evse_of(context)
        self._port = self._evse.ports.bay.attach()

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    def occupancy(self) -> AsyncIterator[bool]:
        """The present occupancy, then each change."""
        return self._port.subscribe(self._evse.bay_occupied)

    async def close(self) -> None:
        """Release."""
        self._port.close()
