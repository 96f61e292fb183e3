"""Makes the devices that a board file describes. Nothing is opened here: a dead device is the program's business, EVSE by EVSE."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from boards.description import BoardDescription, BusTable, ConnectorType, DeviceTable, EvseTable
from boards.errors import BoardError
from boards.loader import board_error
from hal.clock import Clock
from hal.contactor import Contactor
from hal.display import Display
from hal.errors import BadDeviceOptions, UnknownDriver
from hal.inputs import BaySensor, FaultSource, LimitSource
from hal.lamp import Lamp
from hal.lock import ConnectorLock
from hal.meter import Meter
from hal.modem import Modem
from hal.network import NetworkMonitor
from hal.pilot import ControlPilot, PilotWithContactor
from hal.reader import TokenReader
from hal.registry import DriverContext, Registry
from hal.updater import Updater

if TYPE_CHECKING:
    from hal.mock.world import World


@dataclass(frozen=True, slots=True)
class EvseHardware:
    """The devices of one EVSE, none of them open yet."""

    id: int
    max_current_a: float  # per phase
    phases: int
    voltage_v: float  # nominal, phase to neutral
    connector_type: ConnectorType
    fixed_cable: bool
    pilot: ControlPilot
    contactor: Contactor
    meter: Meter
    lock: ConnectorLock | None = None
    lamp: Lamp | None = None
    inputs: tuple[FaultSource, ...] = ()
    bay: BaySensor | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """All devices of a controller, none of them open yet. `world` is there on a mock board only."""

    name: str
    evses: tuple[EvseHardware, ...]  # in the order of their ids
    clock: Clock
    max_current_a: float | None = None  # of the station's connection, per phase
    readers: tuple[TokenReader, ...] = ()
    station_inputs: tuple[FaultSource, ...] = ()
    main_meter: Meter | None = None
    lamp: Lamp | None = None
    modem: Modem | None = None
    network: NetworkMonitor | None = None
    display: Display | None = None
    limits: LimitSource | None = None
    updater: Updater | None = None
    world: "World | None" = None


def build(
    description: BoardDescription,
    *,
    clock: Clock,
    rng: Random,
    registry: Registry | None = None,
    world: "World | None" = None,
) -> Board:
    """Make a board's devices. Raises BoardError, naming the table, for drivers and options that do not exist or fit.

    `clock` serves the drivers, and the program unless the board has a `[clock]` of its own. A mock board needs `world`
    (see `boards.mock.make_world`), whose clock then takes the place of `clock`.
    """
    if world is not None:
        clock = world.clock
    elif description.is_mock:
        raise ValueError(f"{description.source}: a board with mock devices needs a world")
    try:
        return _Builder(description, clock, rng, registry or Registry(), world).board()
    except BoardError as error:
        raise error.on(description.line_of(error.place)) from error.__cause__


class _Builder:
    def __init__(
        self, description: BoardDescription, clock: Clock, rng: Random, registry: Registry, world: "World | None"
    ) -> None:
        self._description = description
        self._clock = clock
        self._rng = rng
        self._registry = registry
        self._world = world
        self._buses = {name: self._bus(name, table) for name, table in description.bus.items()}

    def board(self) -> Board:
        about = self._description
        own_clock = self._device("clock", about.clock, "clock")
        if own_clock is not None:
            self._clock = own_clock
        numbered = sorted(enumerate(about.evse, 1), key=lambda pair: pair[1].id)
        return Board(
            name=about.board.name,
            max_current_a=about.board.max_current_a,
            clock=self._clock,
            evses=tuple(self._evse(number, table) for number, table in numbered),
            readers=self._devices("reader", about.reader, "reader"),
            station_inputs=self._devices("inputs", about.input, "input"),
            main_meter=self._device("meter", about.meter, "meter"),
            lamp=self._device("lamp", about.lamp, "lamp"),
            modem=self._device("modem", about.modem, "modem"),
            network=self._device("network", about.network, "network"),
            display=self._device("display", about.display, "display"),
            limits=self._device("limits", about.limits, "limits"),
            updater=self._device("updater", about.updater, "updater"),
            world=self._world,
        )

    def _bus(self, name: str, table: BusTable) -> Any:
        try:
            from hal.drivers.buses import build_bus  # noqa: PLC0415 - with its libraries, for boards that have a bus

            return build_bus(name, table.bus(), self._clock)
        except ImportError as error:
            raise BoardError(self._description.source, f"bus.{name}", _not_installed(error)) from error
        except ValueError as error:
            raise BoardError(self._description.source, f"bus.{name}", str(error)) from error

    def _evse(self, number: int, table: EvseTable) -> EvseHardware:
        place = f"evse[{number}]"
        built: dict[str, Any] = {}
        for kind in ("pilot", "contactor", "meter", "lock", "lamp", "bay"):
            built[kind] = self._device(kind, getattr(table, kind), f"{place}.{kind}", table.id, built)
        if built["contactor"] is None:
            pilot = built["pilot"]
            if not isinstance(pilot, PilotWithContactor):
                raise BoardError(
                    self._description.source,
                    f"{place}.contactor",
                    f"missing; pilot driver {table.pilot.driver!r} has no contactor of its own",
                )
            built["contactor"] = pilot.contactor
        return EvseHardware(
            id=table.id,
            max_current_a=table.max_current_a,
            phases=table.phases or self._description.board.phases,
            voltage_v=table.voltage_v,
            connector_type=table.connector_type,
            fixed_cable=table.fixed_cable,
            inputs=self._devices("inputs", table.inputs, f"{place}.inputs", table.id, built),
            **built,
        )

    def _devices(
        self,
        kind: str,
        tables: tuple[DeviceTable, ...],
        place: str,
        evse: int | None = None,
        others: Mapping[str, Any] | None = None,
    ) -> tuple[Any, ...]:
        return tuple(
            self._device(kind, table, f"{place}[{index}]", evse, others) for index, table in enumerate(tables, 1)
        )

    def _device(
        self,
        kind: str,
        table: DeviceTable | None,
        place: str,
        evse: int | None = None,
        others: Mapping[str, Any] | None = None,
    ) -> Any:
        if table is None:
            return None
        source = self._description.source
        context = DriverContext(
            clock=self._clock,
            rng=self._rng,
            evse=evse,
            buses=self._buses,
            world=self._world,
            others=dict(others or {}),
        )
        try:
            factory = self._registry.factory(kind, table.driver)
        except UnknownDriver as error:
            raise BoardError(source, f"{place}.driver", str(error)) from None
        except ImportError as error:
            raise BoardError(source, f"{place}.driver", _not_installed(error)) from error
        options = _typed(factory, table.options, source, place)
        try:
            return self._registry.build(kind, table.driver, context, options)
        except BadDeviceOptions as error:
            raise BoardError(source, place, str(error)) from error


def _not_installed(error: ImportError) -> str:
    return f"needs the Python package {error.name!r}, which is not installed"


def _typed(factory: Any, options: Mapping[str, Any], source: str, place: str) -> dict[str, Any]:
    """Options as the types that the driver's signature names: lists become tuples, words become enumerations."""
    parameters = inspect.signature(factory, eval_str=True).parameters
    typed = dict(options)
    for name, value in options.items():
        parameter = parameters.get(name)
        if parameter is None or parameter.annotation is inspect.Parameter.empty:
            continue
        adapter: TypeAdapter[Any] = TypeAdapter(parameter.annotation)
        try:
            typed[name] = adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            raise board_error(error, source, f"{place}.{name}") from None
    return typed
