"""Finds drivers by kind and name: `@driver("meter", "eastron-sdm630")`, and the entry-point group `wayside.drivers` for others.

A driver is a callable that takes the options of its table in the board file as keyword arguments, and a `DriverContext`
first. Modules are imported only when a board names a driver of theirs.
"""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from random import Random
from typing import Any, TypeVar

from hal.clock import Clock
from hal.errors import BadDeviceOptions, UnknownDriver

ENTRY_POINT_GROUP = "wayside.drivers"
KINDS = (
    "meter",
    "contactor",
    "pilot",
    "reader",
    "lock",
    "lamp",
    "display",
    "inputs",
    "bay",
    "limits",
    "modem",
    "network",
    "clock",
    "updater",
)
# Drivers that ship with the program: (kind, name) -> module that registers it.
BUILT_IN: dict[tuple[str, str], str] = {
    **{(kind, "mock"): "hal.mock.devices" for kind in KINDS},
    ("meter", "abb-b23"): "hal.drivers.meter_abb",
    ("meter", "abb-b24"): "hal.drivers.meter_abb",
    ("meter", "eastron-sdm72-v1"): "hal.drivers.meter_eastron",
    ("meter", "eastron-sdm72-v2"): "hal.drivers.meter_eastron",
    ("meter", "eastron-sdm120"): "hal.drivers.meter_eastron",
    ("meter", "eastron-sdm230"): "hal.drivers.meter_eastron",
    ("meter", "eastron-sdm630"): "hal.drivers.meter_eastron",
    ("meter", "gavazzi-em24"): "hal.drivers.meter_gavazzi",
    ("meter", "gavazzi-em330"): "hal.drivers.meter_gavazzi",
    ("meter", "gavazzi-em340"): "hal.drivers.meter_gavazzi",
    ("meter", "janitza-b"): "hal.drivers.meter_janitza",
    ("meter", "lem-dcbm"): "hal.drivers.meter_lem_dcbm",
    ("meter", "schneider-iem3000"): "hal.drivers.meter_schneider",
    ("reader", "pn532"): "hal.drivers.pn532_uart",
    ("reader", "serial-line"): "hal.drivers.line_reader",
    ("reader", "keyboard"): "hal.drivers.evdev_reader",
    ("pilot", "openevse"): "hal.drivers.openevse_sides",
    ("contactor", "openevse"): "hal.drivers.openevse_sides",
    ("inputs", "openevse"): "hal.drivers.openevse_sides",
    ("meter", "openevse"): "hal.drivers.openevse_sides",
    ("lock", "openevse"): "hal.drivers.openevse_sides",
    ("pilot", "gpio"): "hal.drivers.pilot_gpio",
    ("contactor", "gpio"): "hal.drivers.gpio_contactor",
    ("inputs", "gpio"): "hal.drivers.gpio_inputs",
    ("inputs", "leakage-gpio"): "hal.drivers.leakage",
    ("bay", "gpio"): "hal.drivers.gpio_inputs",
    ("lock", "gpio"): "hal.drivers.lock",
    ("inputs", "thermal"): "hal.drivers.thermal",
    ("limits", "thermal-derating"): "hal.drivers.thermal",
    ("lamp", "leds"): "hal.drivers.lamp",
    ("lamp", "gpio"): "hal.drivers.lamp",
    ("modem", "at"): "hal.drivers.modem_at",
    ("modem", "modemmanager"): "hal.drivers.modem_mm",
    ("network", "linux"): "hal.drivers.network_linux",
    ("clock", "linux"): "hal.drivers.clock_linux",
    ("updater", "rauc"): "hal.drivers.updater_rauc",
}

Factory = Callable[..., Any]
F = TypeVar("F", bound=Factory)
_MARK = "__wayside_driver__"


@dataclass(frozen=True, slots=True)
class DriverContext:
    """What every driver is given: time, chance, where it stands on the board, and what it may share with others."""

    clock: Clock
    rng: Random
    evse: int | None = None  # None for devices of the whole station
    buses: Mapping[str, Any] = field(default_factory=dict)  # opened by the board loader, by name
    world: Any = None  # the mock world, on a mock board
    others: Mapping[str, Any] = field(default_factory=dict)  # devices of the same EVSE built before this one, by kind


def driver(kind: str, name: str) -> Callable[[F], F]:
    """Mark a class or function as the driver `name` for devices of `kind`."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of device {kind!r}; one of {', '.join(KINDS)}")

    def mark(factory: F) -> F:
        setattr(factory, _MARK, (kind, name))
        return factory

    return mark


class Registry:
    """Looks drivers up: built-in ones first, then those that other distributions bring."""

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        self._found = (
            None if found is None else list(found)
        )  # None: not looked for yet, which reads every installed package
        self._factories: dict[tuple[str, str], Factory] = {}
        self._loaded: set[str] = set()

    def factory(self, kind: str, name: str) -> Factory:
        """The driver, imported on demand. Raises UnknownDriver naming what there is."""
        module = BUILT_IN.get((kind, name))
        if module is not None:
            self._load(module)
        if (kind, name) not in self._factories:
            if self._found is None:
                self._found = list(entry_points(group=ENTRY_POINT_GROUP))
            for entry in self._found:
                self._load(entry.module)
        try:
            return self._factories[kind, name]
        except KeyError:
            names = ", ".join(self.names(kind)) or "none"
            raise UnknownDriver(f"no {kind} driver {name!r}; installed: {names}") from None

    def names(self, kind: str) -> list[str]:
        """Names of the drivers for a kind, as far as they are known without importing every module."""
        known = {name for (k, name) in (*BUILT_IN, *self._factories) if k == kind}
        return sorted(known)

    def build(self, kind: str, name: str, context: DriverContext, options: Mapping[str, Any]) -> Any:
        """Make a device. Raises UnknownDriver, or BadDeviceOptions naming the option that is missing or not known."""
        factory = self.factory(kind, name)
        signature = inspect.signature(factory)
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
        unknown = [key for key in options if key not in signature.parameters]
        if unknown and not takes_any:
            takes = ", ".join(list(signature.parameters)[1:]) or "none"
            raise BadDeviceOptions(f"{kind} driver {name!r} has no option {unknown[0]!r}; it takes: {takes}")
        try:
            signature.bind(context, **options)
        except TypeError as error:
            raise BadDeviceOptions(f"{kind} driver {name!r}: {error}") from None
        try:
            return factory(context, **options)
        except (TypeError, ValueError) as error:
            raise BadDeviceOptions(f"{kind} driver {name!r}: {error}") from error

    def _load(self, module_name: str) -> None:
        if module_name in self._loaded:
            return
        module = importlib.import_module(module_name)
        self._loaded.add(module_name)
        for member in vars(module).values():
            mark = getattr(member, _MARK, None)
            if mark is not None:
                self._factories[mark] = member
