"""Gives facts their true time once it is known.

While the clock is wrong a fact carries only its boot and monotonic time. As soon as wall time can be believed, the offset between
the two is remembered for this boot (and stored), and every fact of the boot gets its true time when it is sent. Facts of a boot that
ended before its clock was right are put right before the next boot of known time; their distances from each other stay true.
"""

import json
import logging
from dataclasses import dataclass

from firmware import BUILT_S
from firmware.engine.journal import Change
from hal.clock import Clock
from hal.types import Instant
from offline_queue import Queue

log = logging.getLogger(__name__)

BOOTS = "boot"
KEPT_BOOTS = 100
NOTE_S = 600.0  # how often a boot without a clock notes that it is still alive


@dataclass(frozen=True, slots=True)
class Boot:
    """What is known of one boot: its order, the wall time of monotonic zero, and, until that is known, how far it came."""

    number: int
    zero_wall_s: float | None
    alive_s: float | None  # monotonic


@dataclass(frozen=True, slots=True)
class Dated:
    """The best time of a fact. `exact` is False for a bound."""

    wall_s: float
    exact: bool


class Timeline:
    """Wall times of all boots whose facts may still be in the journal."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._boots: dict[str, Boot] = {}

    async def load(self, queue: Queue) -> None:
        """Read what earlier boots left."""
        for boot, data in (await queue.items(BOOTS)).items():
            try:
                self._boots[boot] = Boot(*json.loads(data))
            except (ValueError, TypeError) as error:
                log.warning("boot record ignored boot=%s error=%s", boot, error)

    def note(self) -> Change | None:
        """Remember this boot's offset, or how far it came without one; returns what to store, None when nothing new is known."""
        now = self._clock.now()
        known = self._boots.get(now.boot)
        number = known.number if known else 1 + max((boot.number for boot in self._boots.values()), default=0)
        zero_wall_s = now.wall_s - now.monotonic_s if now.wall_s is not None and now.trust.usable else None
        if known is not None and known.zero_wall_s is not None:
            return None
        if known is not None and zero_wall_s is None and now.monotonic_s - (known.alive_s or 0.0) < NOTE_S:
            return None
        boot = Boot(number, zero_wall_s, now.monotonic_s if zero_wall_s is None else None)
        self._boots[now.boot] = boot
        put = {(BOOTS, now.boot): json.dumps([boot.number, boot.zero_wall_s, boot.alive_s]).encode()}
        delete = []
        for name, old in list(self._boots.items()):
            if old.number <= number - KEPT_BOOTS:
                del self._boots[name]
                delete.append((BOOTS, name))
        return Change(put=put, delete=tuple(delete))

    def date(self, at: Instant) -> Dated:
        """The best time of a moment."""
        if at.wall_s is not None and at.trust.usable:
            return Dated(at.wall_s, exact=True)
        boot = self._boots.get(at.boot)
        if boot is not None and boot.zero_wall_s is not None:
            return Dated(boot.zero_wall_s + at.monotonic_s, exact=True)
        if at.boot == self._clock.boot:
            now = self._clock.now()
            if now.wall_s is not None and now.trust.usable:
                return Dated(now.wall_s - now.monotonic_s + at.monotonic_s, exact=True)
        return Dated(self._bound(at, boot), exact=False)

    def _bound(self, at: Instant, boot: Boot | None) -> float:
        """When the fact happened at the latest: as long before the next boot of known time as it was before the end of its own."""
        dated = sorted(
            (other for other in self._boots.values() if other.zero_wall_s is not None), key=lambda b: b.number
        )
        following = next((other for other in dated if boot is not None and other.number > boot.number), None)
        if boot is not None and following is not None and following.zero_wall_s is not None:
            return following.zero_wall_s - max((boot.alive_s or 0.0) - at.monotonic_s, 0.0)
        if at.wall_s is not None:
            return at.wall_s
        wall_s = self._clock.wall()
        if wall_s is not None:
            return wall_s
        return max(BUILT_S, dated[-1].zero_wall_s or 0.0) if dated else BUILT_S
