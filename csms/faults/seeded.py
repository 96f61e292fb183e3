"""A plan of faults from nothing but a seed: a bad central system for a station that is to survive any of them.

The plans are bad, not hopeless: every fault passes or is rare, so a station that tries again gets its work done.
"""

import random
from typing import Any, Final

from csms.faults.plan import FaultPlan

RULES: Final = (4, 7)


def seeded(seed: int, station: str) -> FaultPlan:
    """The plan of a seed for a station; the same ones give the same plan."""
    rng = random.Random(f"{seed}/{station}")
    rare = round(rng.uniform(0.02, 0.15), 3)
    menu: list[dict[str, Any]] = [
        {"fault": "late", "delay_s": round(rng.uniform(0.5, 45.0), 1), "probability": rare},
        {"fault": "never", "executed": rng.random() < 0.5, "probability": rare},
        {"fault": "twice", "probability": rare},
        {"fault": "error", "code": "InternalError", "executed": rng.random() < 0.5, "probability": rare},
        {"fault": "text", "text": rng.choice(('[3,"{id}"', "[]", '[3,"other",{}]')), "probability": rare},
        {"fault": "call-twice", "probability": rare},
        {"fault": "close", "code": rng.choice((1000, 1001, 1011, 1012)), "after": rng.randint(3, 40), "times": 2},
        {"fault": "drop", "after": rng.randint(3, 40), "times": 2},
        {"fault": "freeze", "after": rng.randint(10, 60), "times": 1},
        {"fault": "slow", "bytes_per_s": rng.choice((300, 1_200, 4_800)), "after": rng.randint(5, 30), "times": 1},
        {"fault": "restart", "down_s": round(rng.uniform(1.0, 30.0), 1), "after": rng.randint(5, 50), "times": 1},
        {"fault": "refuse", "status": rng.choice((429, 500, 502, 503)), "times": rng.randint(1, 3)},
        {"fault": "close-at-once", "code": rng.choice((1008, 1011, 1013)), "times": 1},
        {"fault": "boot", "status": rng.choice(("Pending", "Rejected")), "times": rng.randint(1, 3), "retry_s": 5},
    ]
    return FaultPlan.model_validate({"seed": rng.getrandbits(32), "rules": rng.sample(menu, rng.randint(*RULES))})
