"""Shares one limit among those who want current.

Nobody gets more than wanted; what one leaves goes to the others in equal parts. A share that the pilot cannot offer (below 6 A) is no
use to anybody: then the last to come wait, so that the others can charge.
"""

from collections.abc import Mapping

from firmware.core.power import MINIMUM_CURRENT_A


def share(limit_a: float, wanted: Mapping[int, float]) -> dict[int, float]:
    """Amperes for each, in the order of `wanted` (first come first). The sum never exceeds `limit_a`."""
    takers = [key for key, amount in wanted.items() if amount >= MINIMUM_CURRENT_A]
    served = takers[: int(limit_a // MINIMUM_CURRENT_A)]
    shares = dict.fromkeys(wanted, 0.0)
    left_a, waiting = limit_a, sorted(served, key=lambda key: wanted[key])
    while waiting:
        part_a = left_a / len(waiting)
        key = waiting.pop(0)
        shares[key] = min(wanted[key], part_a)
        left_a -= shares[key]
    return shares
