"""When a modem is helped up, and how: the recovery ladder, mildest step first. Pure.

A link that stays down for another reason than the network is no affair of the modem's: a refused password is not cured by
switching the radio off.
"""

from collections.abc import Sequence
from typing import Final

from ocpp_client.causes import Cause

PATIENCE_S: Final = 180.0
"""How long the link may be down before the first step."""

BETWEEN_S: Final = 120.0
"""How long a step is given to work before the next."""

REST_S: Final = 3600.0
"""After the last step everything was tried; so long until it begins again."""

OF_THE_NETWORK: Final = frozenset(
    {
        Cause.DNS,
        Cause.NO_ROUTE,
        Cause.NO_ANSWER,
        Cause.NAT_FORGOT,
        Cause.PING_TIMEOUT,
        Cause.ADDRESS_CHANGED,
        Cause.BROKEN,
        Cause.RESET,
    }
)
"""Causes that a modem can have to do with."""


class Ladder:
    """Says which step is due."""

    def __init__(self, steps: Sequence[str]) -> None:
        self._steps = tuple(steps)
        self._next = 0
        self._due_at: float | None = None

    def up(self) -> None:
        """The link stands: begin from below next time."""
        self._next, self._due_at = 0, None

    def down(self, now: float, cause: Cause | None) -> str | None:
        """The link is down. Returns the step that is due now, if any; it counts as done."""
        if not self._steps or cause not in OF_THE_NETWORK:
            return None
        if self._due_at is None:
            self._due_at = now + PATIENCE_S
        if now < self._due_at:
            return None
        step = self._steps[self._next]
        self._next = (self._next + 1) % len(self._steps)
        self._due_at = now + (BETWEEN_S if self._next else REST_S)
        return step
