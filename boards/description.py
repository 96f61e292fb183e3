"""The tables of a board file. Unknown keys are refused, except in a device's table, where they are its driver's options."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from boards.lines import line_of
from hal.bus import Bus, SerialBus, TcpBus

Phases = Literal[1, 3]
Current = Annotated[float, Field(ge=6, le=80)]  # IEC 61851-1: what a control pilot can offer
ConnectorType = Literal[
    "type1", "type2", "type3c", "ccs1", "ccs2", "chademo", "gbt", "nacs", "schuko", "household", "other"
]


class Table(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class DeviceTable(BaseModel):
    """A device: the name of its driver, and the driver's options."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False, defer_build=True)

    driver: str = Field(min_length=1)

    @property
    def options(self) -> dict[str, Any]:
        """What the driver is given."""
        return dict(self.model_extra or {})


class BoardTable(Table):
    """`[board]`: the controller as a whole."""

    name: str = Field(min_length=1)
    phases: Phases = 3  # of EVSEs that do not say otherwise
    max_current_a: float | None = Field(default=None, ge=6, le=10_000)  # of the station's connection, per phase


class BusTable(Table):
    """`[bus.NAME]`: a serial line (`path`) or a TCP gateway (`host`) that several devices share."""

    path: str | None = None
    baud: int = Field(default=9600, ge=300, le=4_000_000)
    parity: Literal["N", "E", "O"] = "N"
    data_bits: Literal[7, 8] = 8
    stop_bits: Literal[1, 2] = 1
    host: str | None = None
    port: int = Field(default=502, ge=1, le=65_535)

    @model_validator(mode="after")
    def _one_kind(self) -> "BusTable":
        if (self.path is None) == (self.host is None):
            raise ValueError("give either path (a serial line) or host (a TCP gateway)")
        foreign = {"host", "port"} if self.path is not None else {"baud", "parity", "data_bits", "stop_bits"}
        misplaced = sorted(self.model_fields_set & foreign)
        if misplaced:
            raise ValueError(f"{misplaced[0]} does not belong to a {'serial line' if self.path else 'TCP gateway'}")
        return self

    def bus(self) -> Bus:
        """The same as a value of the hardware room."""
        if self.path is not None:
            return SerialBus(self.path, self.baud, self.parity, self.data_bits, self.stop_bits)
        assert self.host is not None
        return TcpBus(self.host, self.port)


class EvseTable(Table):
    """`[[evse]]`: one EVSE, with one connector."""

    id: int = Field(ge=1, le=1000)
    max_current_a: Current
    phases: Phases | None = None
    voltage_v: float = Field(default=230.0, ge=50, le=1000)
    connector_type: ConnectorType = "type2"
    fixed_cable: bool = False
    pilot: DeviceTable
    contactor: DeviceTable | None = None  # left out where the pilot's controller drives its own
    meter: DeviceTable
    lock: DeviceTable | None = None
    lamp: DeviceTable | None = None
    inputs: tuple[DeviceTable, ...] = ()
    bay: DeviceTable | None = None


class BoardDescription(Table):
    """A whole board file."""

    source: str  # the file, as named in errors
    _lines: dict[str, int] = PrivateAttr(default_factory=dict)
    board: BoardTable
    bus: dict[str, BusTable] = {}
    evse: tuple[EvseTable, ...] = Field(min_length=1)
    reader: tuple[DeviceTable, ...] = ()
    input: tuple[DeviceTable, ...] = ()
    meter: DeviceTable | None = None
    lamp: DeviceTable | None = None
    modem: DeviceTable | None = None
    network: DeviceTable | None = None
    clock: DeviceTable | None = None
    display: DeviceTable | None = None
    limits: DeviceTable | None = None
    updater: DeviceTable | None = None
    world: dict[str, Any] | None = None  # checked where the mock world is made

    def devices(self) -> Iterator[tuple[str, DeviceTable]]:
        """Every device with its place in the file; numbers count from 1."""
        for number, evse in enumerate(self.evse, 1):
            for kind in EVSE_KINDS:
                table = getattr(evse, kind)
                if table is not None:
                    yield f"evse[{number}].{kind}", table
            for index, table in enumerate(evse.inputs, 1):
                yield f"evse[{number}].inputs[{index}]", table
        for kind in ("reader", "input"):
            for index, table in enumerate(getattr(self, kind), 1):
                yield f"{kind}[{index}]", table
        for kind in STATION_KINDS:
            table = getattr(self, kind)
            if table is not None:
                yield kind, table

    def remember_lines(self, lines: dict[str, int]) -> None:
        """Keep where in the file each key stands, for errors that are found later."""
        self._lines = lines

    def line_of(self, place: str) -> int | None:
        """The line of a place in the file; None where it is not known."""
        return line_of(self._lines, place)

    @property
    def is_mock(self) -> bool:
        """True when a device of it lives in the mock world."""
        return self.world is not None or any(table.driver == "mock" for _, table in self.devices())


EVSE_KINDS = ("pilot", "contactor", "meter", "lock", "lamp", "bay")
STATION_KINDS = ("meter", "lamp", "modem", "network", "clock", "display", "limits", "updater")
