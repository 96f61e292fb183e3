"""A signal lamp that records what it has shown."""

from collections import deque

from hal.mock.clock import MockClock
from hal.types import LampSign

PASSING_SIGN_S = 2.0
_PASSING = frozenset({LampSign.TOKEN_ACCEPTED, LampSign.TOKEN_REFUSED})
_HISTORY = 1000


class LampState:
    """What a lamp shows. A passing sign gives way after two seconds to the one before it."""

    def __init__(self, clock: MockClock) -> None:
        self.history: deque[tuple[float, LampSign]] = deque(maxlen=_HISTORY)  # (monotonic seconds, sign)
        self._clock = clock
        self._lasting = LampSign.OFF

    @property
    def sign(self) -> LampSign:
        """What it shows now."""
        if self.history:
            at, sign = self.history[-1]
            if sign in _PASSING and self._clock.monotonic() < at + PASSING_SIGN_S:
                return sign
        return self._lasting

    def show(self, sign: LampSign) -> None:
        """Show a sign."""
        self.history.append((self._clock.monotonic(), sign))
        if sign not in _PASSING:
            self._lasting = sign
