"""The charging cable: two ends that are plugged one by one, and the bolt that holds the station's end."""

from typing import Literal

from hal.mock.errors import Impossible
from hal.types import LockState

End = Literal["station", "vehicle", "both"]


class Cable:
    """A cable of one EVSE. A fixed one is always in at the station's end and has no bolt to speak of."""

    def __init__(self, *, fixed: bool, limit_a: float) -> None:
        self.fixed = fixed
        self.limit_a = limit_a  # what the proximity resistor codes
        self.at_station = fixed
        self.at_vehicle = False
        self.bolt = LockState.UNLOCKED
        self.jammed = False

    @property
    def complete(self) -> bool:
        """True when both ends are in."""
        return self.at_station and self.at_vehicle

    def plug(self, end: End) -> None:
        """Plug in one end or both. Raises Impossible for an end that is in already."""
        wanted = self._ends(end)
        for name in wanted:
            if self._is_in(name):
                raise Impossible(f"the {name} end is plugged in already; unplug it first")
        self._set(wanted, True)

    def unplug(self, end: End) -> None:
        """Pull one end, or all that are in. Raises Impossible for an end that is not in, or that the bolt holds."""
        wanted = self._ends(end)
        if end == "both":
            wanted = [name for name in wanted if self._is_in(name)]
            if not wanted:
                raise Impossible("no end is plugged in")
        for name in wanted:
            if not self._is_in(name):
                raise Impossible(f"the {name} end is not plugged in")
        if "station" in wanted and self.bolt is LockState.LOCKED:
            raise Impossible("the station end is locked; unlock it, or pull the vehicle end")
        self._set(wanted, False)

    def drive_bolt(self, locked: bool) -> LockState:
        """Move the bolt and return where it is; a jammed bolt stays where it was."""
        if self.jammed:
            return LockState.JAMMED
        self.bolt = LockState.LOCKED if locked else LockState.UNLOCKED
        return self.bolt

    @property
    def lock_state(self) -> LockState:
        """The bolt's position as its sensor shows it."""
        return LockState.JAMMED if self.jammed else self.bolt

    def _ends(self, end: End) -> list[Literal["station", "vehicle"]]:
        if end == "both":
            return ["vehicle"] if self.fixed else ["station", "vehicle"]
        if end == "station" and self.fixed:
            raise Impossible("the cable is fixed to the station; only its vehicle end can be moved")
        return [end]

    def _is_in(self, end: Literal["station", "vehicle"]) -> bool:
        return self.at_station if end == "station" else self.at_vehicle

    def _set(self, ends: list[Literal["station", "vehicle"]], plugged: bool) -> None:
        if "station" in ends:
            self.at_station = plugged
        if "vehicle" in ends:
            self.at_vehicle = plugged
