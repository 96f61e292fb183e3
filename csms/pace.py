"""How fast one station may send: a token bucket that makes it wait and drops nothing."""


class Pace:
    """`at_once` messages at any speed, and `per_s` of them each second after that; None: no limit."""

    def __init__(self, per_s: float | None, at_once: int) -> None:
        self._per_s = per_s
        self._at_once = float(at_once)
        self._left = float(at_once)
        self._looked_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """A message has come at a monotonic moment: how long to wait before it is taken."""
        if self._per_s is None:
            return 0.0
        passed_s = 0.0 if self._looked_s is None else now_s - self._looked_s
        self._looked_s = now_s
        self._left = min(self._at_once, self._left + passed_s * self._per_s) - 1
        return max(0.0, -self._left / self._per_s)
