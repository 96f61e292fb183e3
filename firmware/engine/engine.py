"""The engine: one object through which everything reaches the core, and which carries out what the core says.

`apply` calls the core with the present time and handles the events at once; `deferred` lets the caller (an answer to the central
system) go first. Observers see every event after it was acted upon.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from boards import Board
from firmware.core import events as ev
from firmware.core.context import EvseSpec
from firmware.core.evse import Evse
from firmware.core.facts import SampleContext
from firmware.core.metering import Use
from firmware.core.settings import LOST_DEVICE_GRACE_S, SELF_TEST_INTERVAL_S, Settings
from firmware.core.station import Station
from firmware.core.transaction import Phase
from firmware.core.values import Plug, TokenInfo
from firmware.engine import memory
from firmware.engine.contactor_faults import ContactorFaults
from firmware.engine.hardware import EvseDriver
from firmware.engine.inputs import Inputs
from firmware.engine.journal import Journal
from firmware.engine.losses import Losses
from firmware.engine.main_meter import MainMeter
from firmware.engine.metering import Sampler
from firmware.engine.screen import Screen
from firmware.engine.self_test import SelfTests
from firmware.engine.station_lamp import StationLamp
from firmware.engine.supervise import follow, keep_open
from firmware.waiting import woken
from hal.clock import Clock
from hal.contactor import SelfWatching
from hal.types import Fault, FaultCode, Instant, LampSign, LockState, MeterReading, PilotReading
from offline_queue import Queue

log = logging.getLogger(__name__)

T = TypeVar("T")
FLUSH_S = 1.0  # an answer that is never written must not hold back what it caused

Observer = Callable[[ev.Event], None]
AskToken = Callable[[ev.TokenQueryNeeded], Coroutine[Any, Any, TokenInfo | None]]


class Engine:
    """Owns the core, its devices and its journal."""

    def __init__(
        self,
        board: Board,
        queue: Queue,
        clock: Clock,
        settings: Settings,
        new_id: Callable[[], str],
    ) -> None:
        self.board = board
        self.queue = queue
        self.clock = clock
        specs = [
            EvseSpec(
                hardware.id,
                hardware.max_current_a,
                hardware.phases,
                hardware.voltage_v,
                hardware.fixed_cable,
                hardware.lock is not None,
                hardware.connector_type,
            )
            for hardware in board.evses
        ]
        self.station = Station(specs, settings, new_id, board.max_current_a)
        self.journal = Journal(queue, stored=self._stored, refused=self._refused)
        self.losses = {hardware.id: self.losses_to(self._fault_of(hardware.id)) for hardware in board.evses}
        self.drivers = {
            hardware.id: EvseDriver(
                self.station.evses[hardware.id],
                hardware,
                clock,
                fault=self._fault_of(hardware.id),
                loss=self.losses[hardware.id].of("command to the contactor"),
                contactor_changed=self._contactor_of(hardware.id),
                lock_changed=self._lock_of(hardware.id),
            )
            for hardware in board.evses
        }
        self.samplers = {number: self._sampler(number, driver) for number, driver in self.drivers.items()}
        self._self_tests = {
            hardware.id: SelfTests(
                hardware.inputs,
                clock,
                self._fault_of(hardware.id),
                idle=self._idle(hardware.id),
                interval_s=lambda: settings[SELF_TEST_INTERVAL_S],
            )
            for hardware in board.evses
        }
        self.main_meter = self._main_meter()
        self.inputs = Inputs(self)
        self.ask_token: AskToken | None = None
        self._pilot_known = {number: asyncio.Event() for number in self.drivers}
        self._observers: list[Observer] = []
        self._timer_wake = asyncio.Event()
        self._deadline_s: float | None = None  # of the core, as the timers know it
        self._tasks: asyncio.TaskGroup | None = None
        self._flush: asyncio.TimerHandle | None = None

    # ---- into the core ------------------------------------------------------------------------------------------------

    def observe(self, observer: Observer) -> None:
        """Call `observer` with every event of the core, in order."""
        self._observers.append(observer)

    def apply(self, action: Callable[[Station, Instant], T]) -> T:
        """Call the core now and act upon what follows."""
        result = action(self.station, self.clock.now())
        self.pump()
        return result

    def deferred(self, action: Callable[[Station, Instant], T]) -> T:
        """Call the core now; what follows waits for `pump`, so that an answer can go out before its consequences."""
        result = action(self.station, self.clock.now())
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self.pump)
        return result

    def pump(self) -> None:
        """Act upon the core's events."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        for event in self.station.drain(self.clock.now()):
            self._act(event)
            for observer in self._observers:
                observer(event)
        deadline_s = self.station.next_deadline(self.clock.now())
        if not _same_moment(deadline_s, self._deadline_s):
            self._timer_wake.set()

    def _act(self, event: ev.Event) -> None:
        match event:
            case ev.FactRecorded():
                self.journal.record(event)
            case ev.EndingDecided():
                self.journal.ending(event)
            case ev.ReadingNeeded(evse=number, ending=ending):
                self._spawn(self._finish(number) if ending else self._begin(number))
            case ev.EvseChanged(evse=number):
                self.drivers[number].wake()
                self.samplers[number].wake()
            case ev.StationChanged():
                for driver in self.drivers.values():
                    driver.wake()
            case ev.TokenQueryNeeded():
                self._spawn(self._ask(event))
            case ev.TokenDecided():
                self._spawn(self._show_decision(event))
            case ev.SettingChanged():
                for sampler in self.samplers.values():
                    sampler.wake()
                if self.main_meter is not None:
                    self.main_meter.wake()
                self.journal.write(memory.setting(event))
            case ev.TokenLearned():
                self.journal.write(memory.token(event))
            case ev.TokenListChanged():
                self.journal.write(memory.token_list(event))
            case ev.ReservationMade() | ev.ReservationEnded():
                self.journal.write(memory.reservation(event))
            case ev.ProfileInstalled() | ev.ProfileRemoved():
                self.journal.write(memory.profile(event))
            case ev.AvailabilityChanged():
                self.journal.write(memory.availability(event))
            case ev.FaultChanged(evse=number, fault=fault):
                level = logging.WARNING if fault.active else logging.INFO
                word = "raised" if fault.active else "cleared"
                log.log(level, "fault %s evse=%s code=%s text=%s", word, number, fault.code.value, fault.text)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is None:
            work.close()
            return
        self._tasks.create_task(work)

    # ---- life -----------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """True while the station is being driven."""
        return self._tasks is not None

    async def run(self) -> None:
        """Drive the station until cancelled. Every exit denies the contactors."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self.journal.run())
                tasks.create_task(self._timers())
                for number, driver in self.drivers.items():
                    tasks.create_task(driver.run())
                    tasks.create_task(self.samplers[number].run())
                    tasks.create_task(self._self_tests[number].run())
                    tasks.create_task(self.losses[number].run())
                    tasks.create_task(self._follow_pilot(number, driver))
                    self._follow_contactor(tasks, number, driver)
                    self._open_others(tasks, number, driver)
                if self.main_meter is not None:
                    tasks.create_task(self.main_meter.run())
                    tasks.create_task(self._keep_main_meter_open(self.main_meter))
                if self.board.display is not None:
                    screen = Screen(self.board.display, self.station, self.clock)
                    self.observe(screen.observe)
                    tasks.create_task(screen.run())
                if self.board.lamp is not None:
                    lamp = StationLamp(self.board.lamp, self.station, self.clock)
                    self.observe(lamp.observe)
                    tasks.create_task(lamp.run())
                self.inputs.start(tasks)
                self.pump()
        finally:
            self._tasks = None
            self.halt()

    async def pilot_known(self, number: int, timeout_s: float) -> bool:
        """Wait until a pilot has told its state for the first time; False when it does not."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._pilot_known[number].wait()
        except TimeoutError:
            return False
        return True

    async def proven(self, number: int) -> bool:
        """Test the protective devices of an EVSE whose contactor is open; one that fails forbids charging until it passes."""
        return await self._self_tests[number].passed()

    def halt(self) -> None:
        """Forbid energy everywhere, at once and for good. Transactions stay as they are: the next start takes them up."""
        for driver in self.drivers.values():
            driver.halt()

    async def _timers(self) -> None:
        while True:
            self._timer_wake.clear()
            deadline_s = self._deadline_s = self.station.next_deadline(self.clock.now())
            wait_s = None if deadline_s is None else max(deadline_s - self.clock.monotonic(), 0.0)
            if not await woken(self._timer_wake, wait_s):
                self.apply(lambda station, now: station.tick(now))

    async def _follow_pilot(self, number: int, driver: EvseDriver) -> None:
        async def changed(reading: PilotReading) -> None:
            self.apply(lambda station, now: station.pilot_changed(number, reading, now))
            self._pilot_known[number].set()

        await follow(
            driver.hardware.pilot,
            driver.hardware.pilot.changes,
            changed,
            name=f"pilot of EVSE {number}",
            clock=self.clock,
            fault=FaultCode.PILOT_LOST,
            report=self._fault_of(number),
            available=driver.available("pilot"),
        )

    def _follow_contactor(self, tasks: asyncio.TaskGroup, number: int, driver: EvseDriver) -> None:
        contactor = driver.hardware.contactor
        told = [driver.available("contactor")]
        if isinstance(contactor, SelfWatching):
            own_faults = ContactorFaults(contactor, self._fault_of(number))
            told.append(own_faults.available)
            tasks.create_task(own_faults.run())

        def available(there: bool) -> None:
            for tell in told:
                tell(there)

        tasks.create_task(
            follow(
                contactor,
                contactor.changes,
                driver.contactor_reported,
                name=f"contactor of EVSE {number}",
                clock=self.clock,
                fault=FaultCode.CONTACTOR_STUCK_OPEN,
                report=self.losses[number].of("contactor"),
                available=available,
                speaks_at_once=False,
            )
        )

    def _open_others(self, tasks: asyncio.TaskGroup, number: int, driver: EvseDriver) -> None:
        """Open what does not speak by itself."""
        hardware = driver.hardware
        for device, name, fault in (
            (hardware.meter, "meter", FaultCode.METER_SILENT),
            (hardware.lock, "lock", FaultCode.LOCK_JAMMED),
            (hardware.lamp, "lamp", None),
        ):
            if device is not None:
                tasks.create_task(
                    keep_open(
                        device,
                        name=f"{name} of EVSE {number}",
                        clock=self.clock,
                        fault=fault,
                        report=self._fault_of(number),
                        available=driver.available(name) if name == "lock" else lambda _: None,
                        lost=driver.lost[name],
                    )
                )

    async def _keep_main_meter_open(self, main: MainMeter) -> None:
        await keep_open(
            main.meter, name="main meter", clock=self.clock, fault=None, report=lambda fault: None, lost=main.lost
        )

    # ---- what the core asks for -------------------------------------------------------------------------------------------

    async def _begin(self, number: int) -> None:
        driver = self.drivers[number]
        await driver.settled()
        if not await self.proven(number):
            self.apply(lambda station, now: station.evses[number].begin(None, now))
            return
        reading = await driver.read_meter()
        if reading is None:
            self.apply(lambda station, now: station.evses[number].begin(None, now))
            self._fault_of(number)(Fault(FaultCode.METER_SILENT, active=True, text="meter does not answer"))
            return
        tx = self.station.evses[number].tx
        if tx is not None and tx.token is not None:
            await driver.start_signing(tx.id)
        self.apply(lambda station, now: station.evses[number].begin(reading, now))
        if self.station.evses[number].tx is None:  # nobody wants it any more
            await driver.stop_signing()

    async def _finish(self, number: int) -> None:
        driver = self.drivers[number]
        await driver.settled()
        reading = await driver.read_meter()
        signed = await driver.stop_signing()
        self.apply(lambda station, now: station.evses[number].finish(reading, now, signed))

    async def _ask(self, query: ev.TokenQueryNeeded) -> None:
        info = await self.ask_token(query) if self.ask_token is not None else None
        self.apply(lambda station, now: station.desk.answer(query.query, info, now))

    async def _show_decision(self, event: ev.TokenDecided) -> None:
        log.info(
            "token %s evse=%s token=%s reason=%s",
            "accepted" if event.accepted else "refused",
            event.evse,
            event.token.masked,
            event.reason,
        )
        sign = LampSign.TOKEN_ACCEPTED if event.accepted else LampSign.TOKEN_REFUSED
        for number, driver in self.drivers.items():
            if event.evse in (None, number):
                await driver.show(sign)

    # ---- callbacks ----------------------------------------------------------------------------------------------------------

    def _stored(self, transaction: str) -> None:
        self.apply(lambda station, now: _each(station, lambda evse: evse.stored(transaction, now)))

    def _refused(self, transaction: str) -> None:
        log.error("transaction not started: it could not be written to disk transaction=%s", transaction)
        self.apply(lambda station, now: _each(station, lambda evse: evse.not_stored(transaction, now)))

    def losses_to(self, report: Callable[[Fault], None]) -> Losses:
        """What follows the losses of the devices of one place, and tells `report` what they amount to."""
        return Losses(self.clock, lambda: self.station.settings[LOST_DEVICE_GRACE_S], report)

    def _fault_of(self, number: int) -> Callable[[Fault], None]:
        return lambda fault: self.apply(lambda station, now: station.evses[number].fault_changed(fault, now))

    def _idle(self, number: int) -> Callable[[], bool]:
        evse = self.station.evses[number]
        return lambda: evse.tx is None and evse.plug is Plug.UNPLUGGED

    def _contactor_of(self, number: int) -> Callable[[bool | None], None]:
        return lambda closed: self.apply(lambda station, now: station.evses[number].contactor_changed(closed, now))

    def _lock_of(self, number: int) -> Callable[[LockState], None]:
        return lambda state: self.apply(lambda station, now: station.evses[number].lock_changed(state, now))

    def _main_meter(self) -> MainMeter | None:
        if self.board.main_meter is None:
            return None

        def sampled(reading: MeterReading, at: Instant) -> None:
            self.apply(lambda station, now: station.main_metered(reading, at))

        return MainMeter(self.board.main_meter, self.station.settings, self.clock, sampled=sampled)

    def _sampler(self, number: int, driver: EvseDriver) -> Sampler:
        evse = self.station.evses[number]

        def sampled(reading: MeterReading, at: Instant, context: SampleContext, use: Use) -> None:
            self.apply(lambda station, now: evse.sampled(reading, at, context, use))

        def metered(reading: MeterReading) -> None:
            if evse.tx is not None and evse.tx.phase is Phase.OPEN:
                self.apply(lambda station, now: evse.metered(reading, now))

        return Sampler(evse, driver, self.clock, sampled=sampled, metered=metered, fault=self._fault_of(number))


def _each(station: Station, action: Callable[[Evse], None]) -> None:
    for evse in station.evses.values():
        action(evse)


def _same_moment(one_s: float | None, other_s: float | None) -> bool:
    """Whether two deadlines are as good as equal: one that is told by the clock moves a little with each adjustment of it."""
    return one_s == other_s or (one_s is not None and other_s is not None and abs(one_s - other_s) < 0.01)
