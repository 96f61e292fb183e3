"""The sides of an OpenEVSE controller, one for each kind of device that a board may ask for.

The board names the controller's port at its pilot; contactor, fault source, meter and lock of the same EVSE are found there:

    pilot = { driver = "openevse", path = "/dev/ttyAMA0" }
    inputs = [{ driver = "openevse" }]
    meter = { driver = "openevse" }
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from hal.codecs import rapi
from hal.codecs.rapi import Energy
from hal.drivers.openevse import DEAD_MAN_S, HEARTBEAT_S, OpenEvse
from hal.errors import BadReply, DeviceTimeout, HalError
from hal.registry import DriverContext, driver
from hal.types import Fault, LockState, MeterReading, PilotReading

log = logging.getLogger(__name__)

WATT_SECONDS_PER_WATT_HOUR = 3600
READS = 3  # of the energy counters, when a vehicle comes or goes in between


class OpenEvsePilot:
    """Satisfies hal.pilot.ControlPilot, and hal.pilot.PilotWithContactor."""

    def __init__(self, controller: OpenEvse) -> None:
        self.controller = controller
        self.contactor = OpenEvseContactor(controller)

    async def open(self) -> None:
        """Connect, offering nothing. Raises DeviceLost, DeviceTimeout, BadReply."""
        await self.controller.open("pilot")
        await self.controller.offer(0)

    async def read(self) -> PilotReading:
        """The present reading. Raises DeviceLost."""
        return self.controller.reading

    def changes(self) -> AsyncIterator[PilotReading]:
        """The present reading, then each change. Ends when closed; raises DeviceLost when the controller is gone."""
        return self.controller.readings.subscribe(self.controller.reading)

    async def offer(self, current_a: float, phases: int | None = None) -> None:
        """Offer whole amperes, rounded down; this controller cannot switch phases. The offer shows once energy is allowed too."""
        del phases
        await self.controller.offer(current_a)

    async def set_available(self, available: bool) -> None:
        """False shows the vehicle state F."""
        await self.controller.set_available(available)

    async def close(self) -> None:
        """Offer nothing and let go. Never raises."""
        try:
            await self.controller.offer(0)
        except HalError as error:
            log.info("offer not withdrawn at the end path=%s error=%s", self.controller.path, error)
        await self.controller.close("pilot")


class OpenEvseContactor:
    """Satisfies hal.contactor.Contactor: the controller's own relay.

    It closes when energy is allowed, a current is offered and the vehicle asks, and opens with the vehicle: allow energy for as
    long as it may flow, not only while the vehicle asks.
    """

    def __init__(self, controller: OpenEvse) -> None:
        self._controller = controller

    @property
    def follows_vehicle(self) -> bool:
        """True: the relay is the controller's."""
        return True

    @property
    def waiting(self) -> bool:
        """False: the controller does not spare its relay."""
        return False

    @property
    def dead_man_s(self) -> float | None:
        """Seconds of silence after which energy is denied."""
        return self._controller.dead_man_s

    @property
    def closed(self) -> bool | None:
        """What the controller says of its relay."""
        return self._controller.closed

    async def open(self) -> None:
        """Connect and deny. Raises DeviceLost, DeviceTimeout, DeviceRefused, BadReply."""
        await self._controller.open("contactor")
        await self._controller.deny()

    async def allow(self) -> None:
        """Permit energy. Raises DeviceRefused while the controller is in a fault."""
        await self._controller.allow()

    async def deny(self) -> None:
        """Forbid energy. Raises DeviceRefused when the relay stays closed."""
        await self._controller.deny()

    def deny_now(self) -> None:
        """Forbid energy, best effort."""
        self._controller.deny_now()

    def keep_alive(self) -> None:
        """Feed the dead-man timer."""
        self._controller.keep_alive()

    def changes(self) -> AsyncIterator[bool]:
        """Each change of the relay. Ends when closed; raises DeviceLost when the controller is gone."""
        self._controller.check()
        return self._controller.closings.subscribe()

    async def close(self) -> None:
        """Deny and let go. Never raises."""
        try:
            await self._controller.deny()
        except HalError as error:
            log.warning("openevse not denied at the end path=%s error=%s", self._controller.path, error)
            self._controller.deny_now()
        await self._controller.close("contactor")


class OpenEvseInputs:
    """Satisfies hal.inputs.FaultSource: what the controller finds wrong."""

    def __init__(self, controller: OpenEvse) -> None:
        self._controller = controller

    async def open(self) -> None:
        """Connect. Raises DeviceLost, DeviceTimeout, BadReply."""
        await self._controller.open("inputs")

    def faults(self) -> AsyncIterator[Fault]:
        """The fault present, then each change. Ends when closed; raises DeviceLost when the controller is gone."""
        fault = self._controller.fault
        return self._controller.faults.subscribe(*([] if fault is None else [fault]))

    async def close(self) -> None:
        """Let go. Never raises."""
        await self._controller.close("inputs")


class OpenEvseMeter:
    """Satisfies hal.meter.Meter: one phase, whole watt hours, not calibrated.

    The controller counts a session up when its vehicle leaves; until then the session is added here, by whole watt hours as the
    controller will, so that the register never runs backwards.
    """

    phases = 1

    def __init__(self, controller: OpenEvse) -> None:
        self._controller = controller

    @property
    def model(self) -> str | None:
        """Type designation, with the firmware once it is known."""
        firmware = self._controller.firmware
        return "OpenEVSE" if firmware is None else f"OpenEVSE {firmware}"

    @property
    def serial_number(self) -> str | None:
        """This controller's firmware does not tell it everywhere."""
        return None

    async def open(self) -> None:
        """Connect. Raises DeviceLost, DeviceTimeout, BadReply."""
        await self._controller.open("meter")

    async def read(self, timeout_s: float = 2.0) -> MeterReading:
        """One reading. Raises DeviceTimeout, DeviceLost, DeviceRefused, BadReply."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._read()
        except TimeoutError:
            raise DeviceTimeout(f"OpenEVSE at {self._controller.path} gave no reading within {timeout_s:g} s") from None

    async def close(self) -> None:
        """Let go. Never raises."""
        await self._controller.close("meter")

    async def _read(self) -> MeterReading:
        energy, connected = await self._energy()
        session_wh = energy.session_ws // WATT_SECONDS_PER_WATT_HOUR if connected else 0
        now = rapi.parse_electrical(await self._controller.ask("GG"))
        current_a = None if now.current_ma is None else now.current_ma / 1000
        voltage_v = None if now.voltage_mv is None else now.voltage_mv / 1000
        temperatures = rapi.parse_temperatures_c(await self._controller.ask("GP"))
        return MeterReading(
            import_mwh=(energy.total_wh + session_wh) * 1000,
            power_w=None if current_a is None or voltage_v is None else current_a * voltage_v,
            current_a=(current_a,),
            voltage_v=(voltage_v,),
            temperature_c=max((value for value in temperatures if value is not None), default=None),
        )

    async def _energy(self) -> tuple[Energy, bool]:
        """The counters, and whether a session is under way, at one moment."""
        connected = await self._connected()
        for _ in range(READS):
            energy = rapi.parse_energy(await self._controller.ask("GU"))
            was, connected = connected, await self._connected()
            if was is connected:
                return energy, connected
        raise BadReply(f"OpenEVSE at {self._controller.path}: vehicles come and go faster than its counters are read")

    async def _connected(self) -> bool:
        return rapi.parse_state(await self._controller.ask("GS")).car_connected


class OpenEvseLock:
    """Satisfies hal.lock.ConnectorLock, for firmware that drives one. Its position is what the controller has commanded."""

    def __init__(self, controller: OpenEvse) -> None:
        self._controller = controller
        self._state = LockState.UNKNOWN

    @property
    def state(self) -> LockState:
        """The last known position."""
        return self._state

    async def open(self) -> None:
        """Connect and take the lock out of the controller's own hands. Raises DeviceRefused where it drives none, HalError."""
        await self._controller.open("lock")
        try:
            await self._controller.ask("S5", "M")
            await self._look()
        except HalError:
            await self._controller.close("lock")
            raise

    async def lock(self) -> LockState:
        """Drive the bolt in. Raises HalError."""
        await self._controller.ask("S5", "1")
        return await self._look()

    async def unlock(self) -> LockState:
        """Drive the bolt out. Raises HalError."""
        await self._controller.ask("S5", "0")
        return await self._look()

    async def close(self) -> None:
        """Let go; the bolt stays where it is. Never raises."""
        await self._controller.close("lock")

    async def _look(self) -> LockState:
        locked, ours = rapi.parse_lock(await self._controller.ask("G5"))
        if not ours:  # it has restarted, and moves the bolt by itself again
            await self._controller.ask("S5", "M")
        self._state = LockState.LOCKED if locked else LockState.UNLOCKED
        return self._state


@driver("pilot", "openevse")
def openevse_pilot(
    context: DriverContext,
    path: str,
    dead_man_s: float = DEAD_MAN_S,
    heartbeat_s: int = HEARTBEAT_S,
) -> OpenEvsePilot:
    """The controller on a port, seen as control pilot."""
    return OpenEvsePilot(OpenEvse(path, dead_man_s=dead_man_s, heartbeat_s=heartbeat_s))


@driver("contactor", "openevse")
def openevse_contactor(context: DriverContext) -> OpenEvseContactor:
    """The contactor of the controller that is this EVSE's pilot."""
    return _pilot(context).contactor


@driver("inputs", "openevse")
def openevse_inputs(context: DriverContext) -> OpenEvseInputs:
    """The faults of the controller that is this EVSE's pilot."""
    return OpenEvseInputs(_pilot(context).controller)


@driver("meter", "openevse")
def openevse_meter(context: DriverContext) -> OpenEvseMeter:
    """The meter of the controller that is this EVSE's pilot."""
    return OpenEvseMeter(_pilot(context).controller)


@driver("lock", "openevse")
def openevse_lock(context: DriverContext) -> OpenEvseLock:
    """The connector lock of the controller that is this EVSE's pilot."""
    return OpenEvseLock(_pilot(context).controller)


def _pilot(context: DriverContext) -> OpenEvsePilot:
    pilot = context.others.get("pilot")
    if not isinstance(pilot, OpenEvsePilot):
        raise ValueError("needs a pilot with the driver 'openevse' at the same EVSE")
    return pilot
