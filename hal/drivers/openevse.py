"""An OpenEVSE controller: one device that is control pilot, contactor, protective device, meter and connector lock at once.

Rules:

- The controller does what is safe by itself: it measures the vehicle, switches its own contactor, and opens it on every fault.
  We tell it how much it may offer, and whether it may charge at all.
- It is awake (PWM on, contactor follows the vehicle) only while a current is offered *and* energy is allowed *and* it is in
  service. Otherwise it sleeps (state B1, contactor open), or is disabled (state F). A controller in a fault is left alone: sleep
  would hide the fault.
- Whatever it does against that, after a restart of its own or because somebody pressed its button, is put right at once.
- Limits are volatile: its EEPROM is not written by charging. Its boot lock keeps it from charging before we have spoken.
- Its heartbeat supervision lowers the offer to 6 A when this program dies; nothing on its side goes lower. A dead-man timer here
  denies when the program lives but nobody feeds the contactor.
"""

import asyncio
import logging
from dataclasses import replace
from enum import Enum

from hal.codecs import rapi
from hal.codecs.rapi import Booted, Button, EvseState, Flag, Limits, Reply, Setting, State
from hal.drivers.dead_man import LoopDeadMan
from hal.drivers.openevse_states import fault_of, is_closed, reading_of
from hal.drivers.rapi_link import Notice, RapiLink
from hal.errors import DeviceLost, DeviceRefused, HalError
from hal.streams import Broadcast
from hal.types import Fault, PilotReading, PilotState

log = logging.getLogger(__name__)

POLL_S = 1.0  # a state notice that was lost is made up for within this
HEARTBEAT_S = 15  # the controller misses us after so long
FALLBACK_A = 6  # and then offers no more than this
DEAD_MAN_S = 5.0
LOOKS = 3  # at the state, when a notice comes in between


class Mode(Enum):
    """What the controller is told to be. The values are the commands for it."""

    AWAKE = "FE"
    SLEEPING = "FS"
    DISABLED = "FD"


class OpenEvse:
    """The controller behind all its sides (see openevse_sides), which open and close it by their names."""

    def __init__(self, path: str, *, dead_man_s: float = DEAD_MAN_S, heartbeat_s: int = HEARTBEAT_S) -> None:
        if not 3 <= heartbeat_s <= 600:
            raise ValueError(f"heartbeat_s must be from 3 to 600, is {heartbeat_s!r}")
        self.readings: Broadcast[PilotReading] = Broadcast()
        self.closings: Broadcast[bool] = Broadcast()
        self.faults: Broadcast[Fault] = Broadcast()
        self.firmware: str | None = None  # known once connected
        self.limits: Limits | None = None  # known once connected
        self._dead_man = LoopDeadMan(dead_man_s)
        self._link = RapiLink(path, self._notice, self._lost)
        self._heartbeat_s = heartbeat_s
        self._supervised = False  # whether the controller watches for our heartbeats
        self._pulse_at = 0.0  # loop time of the next heartbeat
        self._sides: set[str] = set()
        self._connecting = asyncio.Lock()
        self._settling = asyncio.Lock()
        self._state: State | None = None
        self._told = 0  # state notices so far
        self._reading = PilotReading(PilotState.UNKNOWN)
        self._fault: Fault | None = None
        self._capacity_a: int | None = None  # that it last said it offers
        self._limited_to_a: int | None = None  # that we last told it
        self._offered_a = 0
        self._allowed = False
        self._available = True
        self._restarted = False
        self._attention = asyncio.Event()  # wakes the supervisor before its time
        self._supervisor: asyncio.Task[None] | None = None

    # What its sides show

    @property
    def path(self) -> str:
        """The controller's port."""
        return self._link.path

    @property
    def dead_man_s(self) -> float:
        """Seconds without `keep_alive` after which energy is denied."""
        return self._dead_man.after_s

    @property
    def closed(self) -> bool | None:
        """Whether its relay connects the vehicle; a stuck one does. None while not known."""
        return None if self._state is None else is_closed(self._state)

    @property
    def reading(self) -> PilotReading:
        """The control pilot as it was last told. Raises DeviceLost unless connected."""
        self.check()
        return self._reading

    @property
    def fault(self) -> Fault | None:
        """The fault that it is in. Raises DeviceLost unless connected."""
        self.check()
        return self._fault

    # Connecting

    async def open(self, side: str) -> None:
        """Connect, denied and offering nothing, if no side has yet. Raises DeviceLost, DeviceTimeout, BadReply."""
        async with self._connecting:
            self._sides.add(side)
            if self._link.is_open:
                return
            await self._disconnect()
            self._offered_a, self._allowed, self._available = 0, False, True
            await self._link.open()
            try:
                await self._set_up()
            except BaseException:
                await self._disconnect()
                raise
            self._supervisor = asyncio.create_task(self._supervise(), name=f"openevse {self.path}")

    async def close(self, side: str) -> None:
        """Let go. The last side to do so puts the controller to sleep and releases its port. Never raises."""
        async with self._connecting:
            self._sides.discard(side)
            if self._sides:
                return
            self._offered_a, self._allowed = 0, False
            if self._link.is_open:
                try:
                    async with asyncio.timeout(rapi.REPLY_TIMEOUT_S):
                        await self._settle(abruptly=True)
                except (HalError, TimeoutError) as error:
                    log.warning("openevse not put to sleep path=%s error=%s", self.path, error)
                    self.deny_now()
            await self._disconnect()
            self._end_streams(None)

    async def ask(self, command: str, *arguments: str) -> Reply:
        """A request of a side. Raises DeviceRefused when the controller says no, DeviceTimeout, DeviceLost."""
        self.check()
        reply = await self._link.ask(command, *arguments)
        if not reply.ok:
            raise DeviceRefused(f"OpenEVSE at {self.path} refuses ${command}; its firmware may be built without it")
        return reply

    # What it is told to do

    async def offer(self, current_a: float) -> None:
        """Offer whole amperes, rounded down, or nothing with 0. Raises DeviceRefused, DeviceTimeout, DeviceLost."""
        self.check()
        if not (current_a == 0 or rapi.CURRENT_MIN_A <= current_a <= rapi.CURRENT_MAX_A):  # refuses NaN too
            raise DeviceRefused(f"OpenEVSE at {self.path} cannot offer {current_a:g} A; offer 0, or 6 to 80 A")
        self._offered_a = int(current_a)
        await self._settle()

    async def set_available(self, available: bool) -> None:
        """False shows the vehicle state F. Raises DeviceTimeout, DeviceLost."""
        self.check()
        self._available = available
        await self._settle()

    async def allow(self) -> None:
        """Permit energy. Raises DeviceRefused while it is in a fault, DeviceTimeout, DeviceLost."""
        self.check()
        if self._fault is not None:
            raise DeviceRefused(f"OpenEVSE at {self.path} is in a fault: {self._fault.text}")
        self._allowed = True
        self._dead_man.hold(self._dead_man_expired)
        await self._settle()

    async def deny(self) -> None:
        """Forbid energy, at once. Raises DeviceRefused when its relay stays closed, DeviceTimeout, DeviceLost."""
        self._allowed = False
        self._dead_man.release()
        self.check()
        await self._settle(abruptly=True)
        if self.closed:
            raise DeviceRefused(f"the relay of the OpenEVSE at {self.path} stays closed; cut its supply")

    def deny_now(self) -> None:
        """Forbid energy without waiting for its word."""
        self._allowed = False
        self._dead_man.release()
        if not self._link.is_open or (self._state is not None and not self._state.relay_closed and self._obeys()):
            return
        try:
            self._link.send_now(Mode.DISABLED.value)
        except DeviceLost as error:
            log.critical("openevse cannot be denied path=%s error=%s", self.path, error)
        self._attention.set()

    def keep_alive(self) -> None:
        """Feed the dead-man timer."""
        self._dead_man.feed()

    # How it is brought there

    @property
    def _mode(self) -> Mode:
        if not self._available:
            return Mode.DISABLED
        return Mode.AWAKE if self._allowed and self._offered_a else Mode.SLEEPING

    def _obeys(self) -> bool:
        """True when the controller is as it should be."""
        assert self._state is not None
        match self._mode:
            case Mode.DISABLED:
                return self._state.state == EvseState.DISABLED
            case Mode.SLEEPING:
                return self._state.state == EvseState.SLEEPING or (self._state.faulty and not self._state.relay_closed)
            case Mode.AWAKE:
                awake = self._state.state not in {EvseState.SLEEPING, EvseState.DISABLED}
                return awake and self._limited_to_a == self._offered_a and (self._capacity_a or 0) <= self._offered_a

    async def _settle(self, *, abruptly: bool = False) -> None:
        """Bring the controller to its mode and see that it is there. `abruptly` opens a closed relay without asking the vehicle."""
        async with self._settling:
            if abruptly:
                await self._cut()  # first of all, if it is known to be closed
            await self._look()
            if abruptly:
                await self._cut()
            if self._obeys():
                return
            if self._mode is Mode.AWAKE:
                await self._limit()
                await self._unlock()
            if not self._obeys():
                await self._link.ask(self._mode.value)
            await self._look()

    async def _cut(self) -> None:
        if self._mode is Mode.SLEEPING and self._state is not None and self._state.relay_closed:
            await self._link.ask(Mode.DISABLED.value)
            await self._look()

    async def _limit(self) -> None:
        """Tell it the offer. It may take less; if it insists on more, it stays asleep."""
        wanted_a = self._offered_a
        if self._limited_to_a == wanted_a and (self._capacity_a or 0) <= wanted_a:
            return
        taken_a = rapi.parse_capacity_a(await self._link.ask("SC", str(wanted_a), "V"))
        if taken_a > wanted_a:
            self._offered_a = 0
            await self._link.ask(Mode.SLEEPING.value)
            raise DeviceRefused(f"OpenEVSE at {self.path} insists on {taken_a} A where {wanted_a} A are offered")
        if taken_a < wanted_a:
            log.info("openevse offers less path=%s wanted_a=%d taken_a=%d", self.path, wanted_a, taken_a)
        self._limited_to_a, self._capacity_a = wanted_a, taken_a

    async def _unlock(self) -> None:
        """Open the locks that keep it from charging: ours is the word that counts, and we are saying it."""
        assert self._state is not None
        if Flag.BOOT_LOCKED in self._state.flags and rapi.parse_flag(await self._link.ask("SB")):
            log.warning("openevse keeps its boot lock path=%s state=%#04x", self.path, self._state.state)
        if Flag.AUTH_LOCKED in self._state.flags:
            await self._link.ask("S4", "0")

    async def _set_up(self) -> None:
        """Make its acquaintance, at the start and after each restart of its own."""
        self._restarted = False
        self._limited_to_a = self._capacity_a = None
        self.firmware = rapi.parse_version(await self._link.ask("GV"))
        await self._settle(abruptly=True)
        if Setting.BOOT_LOCK_DISABLED in rapi.parse_settings(await self._link.ask("GE")):
            await self._optional("FF", "L", "1")  # stored: from now on it does not charge after a restart of its own
        self._supervised = await self._optional("SY", str(self._heartbeat_s), str(FALLBACK_A))
        self._pulse_at = 0.0
        self.limits = rapi.parse_limits(await self._link.ask("GC"))
        trips = rapi.parse_fault_counts(await self._link.ask("GF"))
        log.info("openevse ready path=%s firmware=%s limits=%s trips=%s", self.path, self.firmware, self.limits, trips)

    async def _optional(self, command: str, *arguments: str) -> bool:
        """Ask for something that a firmware may be built without."""
        reply = await self._link.ask(command, *arguments)
        if not reply.ok:
            log.warning("openevse cannot do this path=%s command=%s %s", self.path, command, " ".join(arguments))
        return reply.ok

    async def _look(self) -> None:
        """Ask for its state. An answer during which a notice came may be the older of the two."""
        for _ in range(LOOKS):
            told = self._told
            state = rapi.parse_state(await self._link.ask("GS"))
            if told == self._told:
                break
        self._update(state)

    # Supervision

    async def _supervise(self) -> None:
        """Body of the task that lives as long as the connection."""
        try:
            while True:
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._attention.wait()
                except TimeoutError:
                    pass
                self._attention.clear()
                try:
                    await self._tend()
                except DeviceRefused as error:
                    log.warning("openevse does not obey path=%s error=%s", self.path, error)
        except HalError as error:
            if self._link.is_open:  # else the port was lost, and everybody knows
                self._lost(DeviceLost(f"OpenEVSE at {self.path} answers no more ({error})"))
                await self._link.close()

    async def _tend(self) -> None:
        if self._restarted:
            await self._set_up()
        await self._look()
        if not self._obeys():
            await self._settle(abruptly=not self._allowed)
        now = asyncio.get_running_loop().time()
        if self._supervised and now >= self._pulse_at:
            self._pulse_at = now + self._heartbeat_s / 3
            beat = await self._link.ask("SY")
            if not beat.ok or rapi.parse_heartbeat(beat).missed:
                log.warning("openevse missed heartbeats path=%s", self.path)
                await self._link.ask("SY", rapi.HEARTBEAT_ACK)
                self._limited_to_a = None  # it has gone down to the fallback current

    def _dead_man_expired(self) -> None:
        log.error("openevse denied by its dead-man timer path=%s after_s=%g", self.path, self._dead_man.after_s)
        self.deny_now()

    # What it tells

    def _notice(self, notice: Notice) -> None:
        match notice:
            case State():
                self._told += 1
                self._update(notice)
                if not self._obeys():
                    self._attention.set()
            case Booted(post, firmware):
                log.warning("openevse has restarted path=%s firmware=%s post=%#04x", self.path, firmware, post)
                self._restarted = True
                self._attention.set()
            case Button(long):
                log.info("openevse button pressed path=%s long=%s", self.path, long)

    def _update(self, state: State) -> None:
        was, self._state = self._state, state
        if state.capacity_a is not None:
            self._capacity_a = state.capacity_a
        if was is not None and is_closed(was) is not is_closed(state):
            self.closings.publish(is_closed(state))
        reading = reading_of(state, self._reading, available=self._available)
        if reading != self._reading:
            self._reading = reading
            self.readings.publish(reading)
        fault = fault_of(state)
        if fault != self._fault:
            if self._fault is not None:
                self.faults.publish(replace(self._fault, active=False))
            if fault is not None:
                log.error("openevse fault path=%s state=%s fault=%s", self.path, fault.vendor_code, fault.text)
                self.faults.publish(fault)
            self._fault = fault

    # The end

    def check(self) -> None:
        if not self._link.is_open or self._state is None:
            raise DeviceLost(f"OpenEVSE at {self.path} is not open; open it first")

    def _lost(self, error: DeviceLost) -> None:
        log.error("openevse lost path=%s error=%s", self.path, error)
        self._allowed = False
        self._dead_man.release()
        self._end_streams(error)

    def _end_streams(self, error: DeviceLost | None) -> None:
        failure = None if error is None else lambda: DeviceLost(str(error))
        for stream in (self.readings, self.closings, self.faults):
            stream.end(failure)

    async def _disconnect(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
            self._supervisor = None
        await self._link.close()
        self._state = None
        self._fault = None
        self._reading = PilotReading(PilotState.UNKNOWN)
