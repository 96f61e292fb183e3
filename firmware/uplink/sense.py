"""What the station knows of its time, as the time gate wants it."""

import math
from typing import Protocol, runtime_checkable

from firmware.uplink.sntp import TakesServerTime
from hal.clock import Clock
from hal.types import TimeTrust
from ocpp_client.timegate import TimeView


@runtime_checkable
class KnowsFloor(Protocol):
    """A clock that knows a time before which it cannot be."""

    @property
    def floor_s(self) -> float:
        """POSIX seconds."""


def time_view(clock: Clock) -> TimeView:
    """Look at a clock. What the CSMS said counts for nothing here: it came over the connection that is to be judged."""
    now = clock.now()
    floor_s = clock.floor_s if isinstance(clock, KnowsFloor) else 0.0
    independent = now.trust in {TimeTrust.SYNCHRONISED, TimeTrust.FLOOR} and now.wall_s is not None
    wall_s = now.wall_s if independent and now.wall_s is not None else floor_s
    kept_by_system = clock.kept_by_system if isinstance(clock, TakesServerTime) else True
    return TimeView(now.trust is TimeTrust.SYNCHRONISED, math.floor(wall_s), floor_s, kept_by_system)
