"""Composition root: configuration and board become objects, and the objects one TaskGroup.

Start order: journal and devices first, then what was left open by the last run, the control API beside them, the link last. Stop
order is the reverse; contactors are denied before anything is waited for. Everything with a clock, a die or a file gets it here.
"""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from boards import Board, BoardDescription, build
from firmware import __version__
from firmware.config import Config, QueueTable
from firmware.connection import Connection
from firmware.core import events as ev
from firmware.core.quantities import supported_quantities
from firmware.core.values import Registration, ResetKind
from firmware.engine import memory, recovery
from firmware.engine.engine import Engine
from firmware.engine.journal import Change
from firmware.engine.supervise import Device
from firmware.engine.timeline import Timeline
from firmware.frames import FrameLog
from firmware.identity import Identity, StartReason
from firmware.link_view import ConfiguredLink
from firmware.outbox import Outbox
from firmware.registration import Registrar
from firmware.services.guard import Guard
from firmware.services.services import Services
from firmware.translators import Translator, Translators
from firmware.uplink.presets import is_cellular, preset_settings
from firmware.vendors import Vendors
from hal.clock import Clock, TimeKeeper
from hal.types import SimIdentity
from offline_queue import Bounds, Queue, QueueError
from offline_queue.files import free_bytes

if TYPE_CHECKING:
    from firmware.scenarios.stage import CentralSystem

log = logging.getLogger(__name__)

DATABASE = "wayside.db"
START_REASON = "start-reason"  # document of the station: why it starts next, where that is known
DRAIN_S = {ResetKind.SOFT: 15.0, ResetKind.HARD: 3.0, ResetKind.IDLE: 15.0}  # to deliver stops before a reset
WRITE_S = 1.0  # for the journal to reach the disk at the end
STORAGE_CHECK_S = 30.0


class Exit(Enum):
    """Why the program ended."""

    STOP = "stop"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the program is given from outside: time, chance, ids and a place for its files."""

    clock: Clock
    rng: Random
    new_id: Callable[[], str]
    state_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)  # where a service manager says what it wants
    world: Any = None  # a mock world that outlives the program; None: a mock board gets one of its own
    free_bytes: Callable[[Path], int] = free_bytes  # the room that a directory has


class App:
    """One run of the charge point program."""

    def __init__(self, config: Config, board: Board, queue: Queue, engine: Engine, around: Surroundings) -> None:
        """Use `App.open`."""
        self.config = config
        self.board = board
        self.queue = queue
        self.engine = engine
        self.around = around
        self.clock = around.clock
        self.timeline = Timeline(self.clock)
        self.frames = FrameLog(self.clock)
        self.guard = Guard(
            engine,
            around.clock,
            device=config.watchdog.device,
            timeout_s=config.watchdog.timeout_s,
            environment=around.environment,
        )
        self.services = Services(self)
        self.vendors = Vendors(engine, config.vendors)
        self.outbox: Outbox
        self.translators: Translators
        self.connection: Connection
        self.control_url: str | None = None  # of the local API, once it listens
        self.serving = asyncio.Event()  # the local API listens, or there is none
        self.central: CentralSystem | None = None  # the controls of the central system, where this program has them
        self.on_power_cut: Callable[[], None] | None = None  # how the program dies of a power cut in the mock world
        self._start = StartReason.POWER_UP
        self._ended = asyncio.Event()
        self._exit = Exit.STOP
        self._reset: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None

    @classmethod
    async def open(cls, config: Config, description: BoardDescription, around: Surroundings) -> "App":
        """Open the journal and make the devices. Raises BoardError and QueueError."""
        prepare_state_dir(around.state_dir)
        world = around.world
        if description.is_mock and world is None:
            loop = asyncio.get_running_loop()
            from boards.mock import make_world  # noqa: PLC0415 - a real board loads nothing of the mock world

            world = make_world(description, source=loop, clock=around.clock, state_dir=around.state_dir)
        board = build(description, clock=around.clock, rng=around.rng, world=world)
        around = replace(around, clock=board.clock)
        queue = await Queue.open(
            around.state_dir / DATABASE,
            bounds=_bounds(config.queue),
            free_bytes=around.free_bytes,
            on_incident=lambda incident: log.warning("journal incident %s", incident),
            wall_clock=board.clock.wall,
        )
        try:
            presets = preset_settings(is_cellular(config.csms, board))
            initial = {**presets, **config.initial_settings()}
            settings = await memory.load_settings(queue, initial)
            engine = Engine(board, queue, board.clock, settings, around.new_id)
            app = cls(config, board, queue, engine, around)
            await app._compose()
        except BaseException:
            await queue.close()
            raise
        return app

    async def _compose(self) -> None:
        profiles = self.config.station.profiles
        await memory.recall(
            self.queue,
            self.engine.station,
            local_list="LocalAuthListManagement" in profiles,
            reservations="Reservation" in profiles,
            profiles="SmartCharging" in profiles,
        )
        await self.timeline.load(self.queue)
        prefix = await self._document("outbox", lambda: self.around.new_id()[:8])
        accepted_before = await self.queue.get(memory.STATION, "accepted")
        reason = await self.queue.get(memory.STATION, START_REASON)
        self._start = StartReason(reason.decode()) if reason is not None else StartReason.POWER_UP
        context = self.engine.station.context
        context.accepted = accepted_before is not None
        context.halting = True  # until what was left open has been taken up
        self.outbox = Outbox(self.queue, self.clock, self.engine.station.settings, id_prefix=prefix)
        meters = [hardware.meter for hardware in self.board.evses]
        quantities = supported_quantities(
            max((meter.phases for meter in meters), default=3),
            soc=self.board.world is not None,
            temperature=False,
            reactive=False,
        )
        self.translators = self._offered(quantities)
        await self.translators.load()
        self.engine.ask_token = self.translators.authorise
        self.engine.observe(self._observe)
        self.engine.journal.on_written = self.outbox.wake
        await self.services.load()
        self.connection = Connection(self)
        await self.connection.load()

    def _offered(self, quantities: frozenset[str]) -> Translators:
        """The versions of the protocol that are offered. What is not spoken is not loaded."""
        registrar = Registrar(self.engine, self.identity, lambda: self.connection.endpoint.url)
        profiles = self.config.station.profiles

        def ocpp16() -> Translator:
            from firmware.ocpp16.translator import Translator16  # noqa: PLC0415

            return Translator16(
                self.engine,
                self.timeline,
                self.outbox,
                registrar,
                quantities=quantities,
                profiles=profiles,
                services=self.services,
                vendors=self.vendors,
            )

        def ocpp201() -> Translator:
            from firmware.ocpp201.translator import Translator201  # noqa: PLC0415

            link = ConfiguredLink(self.config, lambda: self.connection)
            return Translator201(
                self.engine,
                self.timeline,
                self.outbox,
                registrar,
                self.identity,
                link,
                quantities=quantities,
                vendors=self.vendors,
                lists="LocalAuthListManagement" in profiles,
            )

        makers = {"ocpp1.6": ocpp16, "ocpp2.0.1": ocpp201}
        offered: dict[str, Callable[[], Translator]] = {name: makers[name] for name in self.config.csms.protocols}
        return Translators(offered, self.queue, remember=self.engine.journal.write)

    @property
    def translator(self) -> Translator:
        """The version of the protocol that is, or was last, spoken."""
        return self.translators.active

    async def _document(self, name: str, make: Callable[[], str]) -> str:
        """A value made once in the life of this station."""
        known = await self.queue.get(memory.STATION, name)
        if known is not None:
            return known.decode()
        value = make()
        self.engine.journal.write(Change(put={(memory.STATION, name): value.encode()}))
        return value

    def identity(self) -> Identity:
        """What the station says it is."""
        station = self.config.station
        first = self.board.evses[0].meter if self.board.evses else None
        sim = SimIdentity() if self.connection.modem is None else self.connection.modem.sim
        return Identity(
            vendor=station.vendor,
            model=station.model,
            serial_number=station.serial_number,
            box_serial_number=station.box_serial_number,
            firmware_version=self.services.firmware_version or __version__,
            iccid=sim.iccid,
            imsi=sim.imsi,
            meter_type=first.model if first else None,
            meter_serial_number=first.serial_number if first else None,
            start=self._start,
        )

    # ---- life -----------------------------------------------------------------------------------------------------------

    async def run(self) -> Exit:
        """Run until `stop`, a reset or cancellation. Contactors are denied on every way out."""
        clean = await self.queue.get(memory.STATION, "shutdown") is not None
        self.engine.journal.write(Change(delete=((memory.STATION, "shutdown"), (memory.STATION, START_REASON))))
        note = self.timeline.note()
        if note is not None:
            self.engine.journal.write(note)
        if self.board.world is not None and self.on_power_cut is not None:
            self.board.world.on_power_cut = self.on_power_cut
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._serve())
                tasks.create_task(self.engine.run())
                tasks.create_task(self.guard.run())
                if isinstance(self.clock, TimeKeeper):
                    tasks.create_task(self.clock.keep_time())
                tasks.create_task(self.services.run())
                tasks.create_task(self._watch_storage())
                tasks.create_task(self._watch_clock())
                tasks.create_task(self._begin(tasks, clean))
                await self._ended.wait()
                await self.connection.stop()
                raise _Ended
        except* _Ended:
            self.guard.disarm()
        finally:
            self._tasks = None
            self.engine.halt()
            await self._close()
        return self._exit

    async def _serve(self) -> None:
        """The local API: before and independent of the link; a port that is taken costs the API, not the charging."""
        if not self.config.control.enabled:
            self.serving.set()
            return
        # A device without the API does not pay for it. Loading takes as long as a handshake; in a thread the link does not wait for it.
        await asyncio.to_thread(importlib.import_module, "firmware.control.server")
        from firmware.control.server import serve  # noqa: PLC0415

        await serve(self)

    async def _begin(self, tasks: asyncio.TaskGroup, clean: bool) -> None:
        """Take up what was left open, then connect."""
        if self.connection.modem is not None:
            await self.connection.modem.first_look()
        await recovery.recover(self.engine, clean_end=clean)
        self.engine.station.context.halting = False
        self.guard.ready()
        self.engine.apply(lambda station, now: station.reconsider(now))
        tasks.create_task(self.connection.run())

    def stop(self, how: Exit = Exit.STOP) -> None:
        """End the program; callable from a signal handler."""
        self.engine.halt()
        self.guard.stopping()
        self._exit = how
        self._ended.set()

    async def _close(self) -> None:
        """Bring to disk what is still on its way, then release everything; bounded."""
        self.engine.journal.write(Change(put={(memory.STATION, "shutdown"): b"clean"}))
        try:
            async with asyncio.timeout(WRITE_S):
                await self.services.close()
                await self.engine.journal.finish()
        except (QueueError, TimeoutError) as error:
            log.error("journal not written at the end error=%s", error)
        await self.queue.close()
        for device in self._devices():
            await device.close()
        if self.board.world is not None:
            self.board.world.save()

    def _devices(self) -> list[Device]:
        board = self.board
        found: list[Device | None] = []
        for evse in board.evses:
            found += [evse.contactor, evse.pilot, evse.meter, evse.lock, evse.lamp, *evse.inputs]
        found += [*board.readers, *board.station_inputs, board.main_meter, board.modem, board.network, board.limits]
        found += [board.updater, board.display, board.lamp]
        return [device for device in found if device is not None]

    # ---- what the core says -----------------------------------------------------------------------------------------------

    def _observe(self, event: ev.Event) -> None:
        match event:
            case ev.ResetWanted(kind=kind) if self._tasks is not None and self._reset is None:
                self._reset = self._tasks.create_task(self._restart(kind))
            case ev.RegistrationChanged(registration=Registration.ACCEPTED):
                self.engine.journal.write(Change(put={(memory.STATION, "accepted"): self.config.csms.url.encode()}))

    async def _restart(self, kind: ResetKind) -> None:
        """Let the ends of transactions reach disk and, in bounded time, the central system; then start again."""
        log.info("reset kind=%s", kind.value)
        reason = StartReason.RESET_WHEN_IDLE if kind is ResetKind.IDLE else StartReason.RESET_COMMAND
        self.engine.journal.write(Change(put={(memory.STATION, START_REASON): reason.encode()}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S[kind]):
                while any(evse.tx is not None for evse in self.engine.station.evses.values()):
                    await self.clock.sleep(0.05)
                await self.engine.journal.written()
                while self.engine.station.context.online and self.queue.stats().rows:
                    await self.clock.sleep(0.05)
        self.stop(Exit.RESTART)

    async def _watch_storage(self) -> None:
        while True:
            self.engine.apply(lambda station, now: station.storage_changed(self.queue.stats().accepting, now))
            await self.clock.sleep(STORAGE_CHECK_S)

    async def _watch_clock(self) -> None:
        """Remember the boot's wall time as soon as it can be believed."""
        while True:
            note = self.timeline.note()
            if note is not None:
                self.engine.journal.write(note)
            await self.clock.sleep(STORAGE_CHECK_S)


class _Ended(Exception):
    """Leaves the TaskGroup."""


def _bounds(queue: QueueTable) -> Bounds:
    age_s = None if queue.max_age_days is None else queue.max_age_days * 86_400
    return Bounds(rows=queue.max_rows, bytes=queue.max_bytes, age_s=age_s, reserve_bytes=queue.reserve_bytes)


def prepare_state_dir(path: Path) -> None:
    """Make the state directory, readable by its owner only. Raises OSError that names it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        text = f"the state directory {path} cannot be used: {error.strerror}; name another with --state-dir"
        raise OSError(text) from error
