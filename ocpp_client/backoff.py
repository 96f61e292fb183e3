"""How long to wait before dialling again. Pure: no clock, no waiting; randomness is given.

Delays grow from `start_s` by `factor` up to `cap_s`. Jitter is added after the cap, or a fleet would end up dialling in
step. What a server asks for with Retry-After is a floor, within reason. No delay is shorter than `floor_s`: some servers
break the new connection if it comes within milliseconds of the old one's end.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Self


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """The numbers of a back-off. A delay is `base ± jitter_ratio * base + [0, jitter_s]`, uniformly.

    Raises ValueError for numbers that make no sense together.
    """

    start_s: float = 2.0
    factor: float = 2.0
    cap_s: float = 300.0
    jitter_ratio: float = 0.3
    jitter_s: float = 0.0
    floor_s: float = 0.5
    max_retry_after_s: float = 3600.0

    def __post_init__(self) -> None:
        numbers = (self.start_s, self.factor, self.cap_s, self.jitter_s, self.floor_s, self.max_retry_after_s)
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise ValueError("every number of a back-off policy is finite and not negative")
        if self.factor < 1 or self.cap_s < self.start_s or not 0 <= self.jitter_ratio < 1:
            raise ValueError("a back-off needs factor >= 1, cap_s >= start_s and 0 <= jitter_ratio < 1")

    @classmethod
    def ocpp201(cls, *, wait_minimum_s: float, random_range_s: float, repeat_times: int) -> Self:
        """Return the policy that RetryBackOffWaitMinimum, -RandomRange and -RepeatTimes describe.

        The wait is doubled `repeat_times` times and then stays; each has its own random part, which is not doubled
        (OCPP 2.0.1 part 4, section 5.3).
        """
        cap_s = wait_minimum_s * 2.0 ** min(max(repeat_times, 0), 64)
        return cls(start_s=wait_minimum_s, factor=2.0, cap_s=cap_s, jitter_ratio=0.0, jitter_s=random_range_s)

    def base_s(self, failures: int) -> float:
        """Return the delay after so many earlier failures, without jitter."""
        if self.start_s == 0:
            return 0.0
        try:
            return min(self.start_s * math.pow(self.factor, failures), self.cap_s)
        except OverflowError:
            return self.cap_s


class Backoff:
    """Counts the failures in a row and says how long to wait after each."""

    def __init__(self, policy: BackoffPolicy, rng: Random) -> None:
        self.policy = policy
        """May be replaced at any time; the count of failures stays."""
        self._rng = rng
        self._failures = 0

    def next_delay_s(self, retry_after_s: float | None = None, *, spread_s: float = 0.0) -> float:
        """Count one more failure and return the seconds to wait.

        `retry_after_s` is what the server asked for. `spread_s` widens this one delay by up to so much, for when a
        whole fleet lost its server at the same moment.
        """
        policy = self.policy
        base_s = policy.base_s(self._failures)
        self._failures += 1
        if retry_after_s is not None and retry_after_s > base_s:
            # Everybody was told the same number: the jitter goes on top, never below.
            asked_s = min(retry_after_s, policy.max_retry_after_s)
            delay_s = max(asked_s, base_s) + self._rng.uniform(0.0, policy.jitter_ratio * base_s + policy.jitter_s)
        else:
            swing_s = policy.jitter_ratio * base_s
            delay_s = base_s + self._rng.uniform(-swing_s, swing_s) + self._rng.uniform(0.0, policy.jitter_s)
        return max(delay_s + self._rng.uniform(0.0, spread_s), policy.floor_s)

    def reset(self) -> None:
        """Begin again from `start_s`: a connection has proven itself."""
        self._failures = 0

    def state(self) -> int:
        """Return the failures in a row, to be kept over a restart of the program."""
        return self._failures

    def restore(self, state: int) -> None:
        """Go on from a kept state. Raises ValueError if it is none."""
        if state < 0:
            raise ValueError(f"a back-off cannot have {state} failures")
        self._failures = state
