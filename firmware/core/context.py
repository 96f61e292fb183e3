"""What all EVSEs of a station share: settings, reachability, station-wide facets, and where events go."""

from collections.abc import Callable
from dataclasses import dataclass, field

from firmware.core.events import Event
from firmware.core.faults import blocks
from firmware.core.settings import BEFORE_ACCEPTED, Settings
from firmware.core.solver import Levels
from firmware.core.values import Maintenance
from hal.types import Fault, FaultCode


@dataclass(frozen=True, slots=True)
class EvseSpec:
    """What an EVSE is built as. Current is per phase."""

    id: int
    max_current_a: float
    phases: int = 3
    voltage_v: float = 230.0
    fixed_cable: bool = True
    has_lock: bool = False
    connector_type: str | None = None


@dataclass(slots=True)
class Context:
    """Shared state. Only `Station` changes it; the EVSEs read it."""

    settings: Settings
    new_id: Callable[[], str]
    online: bool = False
    accepted: bool = True  # False until the central system has accepted this station for the first time
    operative: bool = True
    storage_ok: bool = True  # False while the disk has no room for new transactions
    maintenance: Maintenance = Maintenance.NONE
    halting: bool = False  # a reset is under way: nothing new starts
    limit_a: float | None = None  # local energy manager, per phase and for the whole station
    supply_a: float | None = None  # what the station is connected with, per phase
    levels: Levels = field(default_factory=Levels)  # what charging profiles make of it at present
    shares: dict[int, float] = field(default_factory=dict)  # of the station's limits, by EVSE; empty when there is none
    reserved: frozenset[int] = frozenset()  # EVSEs that are kept for somebody who has not begun yet
    faults: dict[FaultCode, Fault] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    @property
    def in_service(self) -> bool:
        """True when customers may be served: accepted once, or not needed."""
        return self.accepted or self.settings[BEFORE_ACCEPTED]

    def emit(self, event: Event) -> None:
        """Add an event to be drained."""
        self.events.append(event)

    @property
    def blocked(self) -> bool:
        """True while a station-wide fault forbids charging."""
        return any(blocks(code) for code in self.faults)
