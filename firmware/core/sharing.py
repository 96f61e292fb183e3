"""Shares one limit among those who want current.

Nobody gets more than wanted; what one leaves goes to the others in equal parts. A share below what is of use (6 A, or what a profile
says) is no use to anybody: then the last to come wait, so that the others can charge.
"""

from collections.abc import Mapping

from firmware.core.power import MINIMUM_CURRENT_A


def share(limit_a: float, wanted: Mapping[int, float], least: Mapping[int, float] | None = None) -> dict[int, float]:
    """Amperes for each, in the order of `wanted` (first come first). The sum never exceeds `limit_a`.

    `least` says below what a share is of no use, where that is more than the pilot's minimum.
    """
    floors = {key: max(MINIMUM_CURRENT_A, (least or {}).get(key, 0.0)) for key in wanted}
    served: dict[int, float] = {}
    left_a = limit_a
    for key, amount in wanted.items():
        if floors[key] <= min(amount, left_a):
            served[key] = amount
            left_a -= floors[key]
    level_a = _level(limit_a, served, floors)
    return {key: min(max(level_a, floors[key]), amount) if key in served else 0.0 for key, amount in wanted.items()}


def _level(limit_a: float, wanted: Mapping[int, float], floors: Mapping[int, float]) -> float:
    """The part that, where it lies between floor and wish of each, uses up the limit. The floors together fit in it."""
    level_a, used_a = 0.0, sum(floors[key] for key in wanted)
    for edge_a in sorted({*wanted.values(), *(floors[key] for key in wanted)}):
        rising = sum(floors[key] <= level_a < amount for key, amount in wanted.items())
        if rising and used_a + rising * (edge_a - level_a) >= limit_a:
            return level_a + (limit_a - used_a) / rising
        used_a += rising * (edge_a - level_a)
        level_a = edge_a
    return level_a
