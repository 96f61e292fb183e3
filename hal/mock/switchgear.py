"""The contactor of one EVSE as a thing of iron: slow, sometimes welded, sometimes stuck."""

from collections import deque
from dataclasses import dataclass

HISTORY_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Switching:
    """The contacts moved. `current_a` is the current per phase at that moment: above 0 they opened under load."""

    at_s: float  # monotonic
    closed: bool
    current_a: float


class Switchgear:
    """Contacts that follow a command after `operate_s`. Times are monotonic seconds.

    With `dead_man_s` the command to close expires unless it is fed. Welded contacts are closed whatever the command, stuck
    ones open.
    """

    def __init__(self, operate_s: float = 0.03) -> None:
        self.operate_s = operate_s
        self.dead_man_s: float | None = None
        self.commanded = False
        self.closed = False
        self.history: deque[Switching] = deque(maxlen=HISTORY_LENGTH)
        self._welded = False
        self._stuck_open = False
        self._fed_at = 0.0
        self._moves_at: float | None = None

    def command(self, at: float, close: bool) -> None:
        """Energise the coil, or let go."""
        self.commanded = close
        self._fed_at = at
        self._aim(at)

    def feed(self, at: float) -> None:
        """Feed the dead-man timer."""
        self._fed_at = at

    def set_welded(self, at: float, welded: bool) -> None:
        """Weld the contacts shut, or repair them."""
        self._welded = welded
        self._aim(at)

    def set_stuck_open(self, at: float, stuck: bool) -> None:
        """Keep the contacts open, or repair them."""
        self._stuck_open = stuck
        self._aim(at)

    def next_event(self) -> float | None:
        """When the contacts will move, or the dead-man timer runs out."""
        expires_at = self._fed_at + self.dead_man_s if self.commanded and self.dead_man_s is not None else None
        return min((t for t in (self._moves_at, expires_at) if t is not None), default=None)

    def step(self, at: float, current_a: float) -> None:
        """Carry out what is due; `current_a` flows per phase until now."""
        if self.commanded and self.dead_man_s is not None and self._fed_at + self.dead_man_s <= at:
            self.commanded = False
            self._aim(at)
        if self._moves_at is not None and self._moves_at <= at:
            self._moves_at = None
            self.closed = not self.closed
            self.history.append(Switching(at, self.closed, current_a))

    @property
    def _target(self) -> bool:
        return self._welded or (self.commanded and not self._stuck_open)

    def _aim(self, at: float) -> None:
        if self._target == self.closed:
            self._moves_at = None
        elif self._moves_at is None:
            self._moves_at = at + self.operate_s
