"""What several lost connections have in common. Pure.

One drop without a close frame says little. Three of them after the same silence say that something on the way counts seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Final

from ocpp_client.causes import Cause

ENOUGH: Final = 3
"""So many in a row make a pattern."""

SPREAD_S: Final = 0.5
SPREAD_RATIO: Final = 0.05
"""How far the members of a pattern may lie apart: whichever is more."""

SHORTEST_S: Final = 1.0
"""Shorter silences are no time-outs of anything."""

DAY_S: Final = 86_400.0
SAME_TIME_S: Final = 600.0
"""Drops so close to the same time of day belong together."""

_FROM_OUTSIDE: Final = frozenset(
    {
        Cause.BROKEN,
        Cause.RESET,
        Cause.SERVER_CLOSED,
        Cause.HEARTBEAT_DEAD_TIME,
        Cause.NAT_FORGOT,
        Cause.PING_TIMEOUT,
        Cause.SERVER_RESTART,
    }
)
_WITHOUT_A_WORD: Final = frozenset({Cause.BROKEN, Cause.RESET})


@dataclass(frozen=True, slots=True)
class Episode:
    """One drop, as far as patterns are concerned."""

    cause: Cause
    at: float
    wall_s: float | None
    lasted_s: float | None
    """None where no connection had come about."""
    idle_s: float | None
    """How long nothing at all had passed when it ended."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What was recognised. `cause` is None where the single drop's own cause stays the better word."""

    says: str
    cause: Cause | None = None


def recognise(episodes: Sequence[Episode], *, cellular: bool) -> Pattern | None:
    """Return what the newest episode has in common with those before it; None if nothing."""
    held = [one for one in episodes if one.lasted_s is not None and one.cause in _FROM_OUTSIDE]
    if not held or held[-1] is not episodes[-1]:
        return None
    return _idle(held, cellular=cellular) or _length(held) or _time_of_day(held)


def _idle(held: Sequence[Episode], *, cellular: bool) -> Pattern | None:
    last = held[-ENOUGH:]
    if any(one.cause not in _WITHOUT_A_WORD for one in last):
        return None
    about_s = _common([one.idle_s for one in last])
    if about_s is None:
        return None
    who = "a NAT" if cellular else "a proxy"
    says = f"{len(last)} times after {about_s:.0f} s of silence: {who} with an idle time-out of about that length"
    return Pattern(says, Cause.NAT_FORGOT if cellular else Cause.PROXY_IDLE)


def _length(held: Sequence[Episode]) -> Pattern | None:
    last = held[-ENOUGH:]
    about_s = _common([one.lasted_s for one in last])
    if about_s is None:
        return None
    says = f"{len(last)} connections in a row lasted about {about_s:.0f} s"
    return Pattern(says, Cause.SESSION_LIMIT if last[-1].cause in (Cause.BROKEN, Cause.SERVER_CLOSED) else None)


def _time_of_day(held: Sequence[Episode]) -> Pattern | None:
    newest = held[-1].wall_s
    if newest is None:
        return None
    days = {
        int((one.wall_s + DAY_S / 2 - newest % DAY_S) // DAY_S)
        for one in held
        if one.wall_s is not None and _apart_s(one.wall_s, newest) <= SAME_TIME_S
    }
    if len(days) < ENOUGH:
        return None
    when = datetime.fromtimestamp(newest, UTC)
    says = f"on {len(days)} days at about {when:%H:%M} UTC: a scheduled restart, a lease, or the operator's nightly cut"
    return Pattern(says)


def _apart_s(one_s: float, other_s: float) -> float:
    """Seconds between two moments if only the time of day counts."""
    apart = abs(one_s - other_s) % DAY_S
    return min(apart, DAY_S - apart)


def _common(lengths_s: Sequence[float | None]) -> float | None:
    known = [length_s for length_s in lengths_s if length_s is not None and length_s >= SHORTEST_S]
    if len(known) < ENOUGH or len(known) < len(lengths_s):
        return None
    middle_s = median(known)
    within_s = max(SPREAD_S, SPREAD_RATIO * middle_s)
    return middle_s if all(abs(length_s - middle_s) <= within_s for length_s in known) else None
