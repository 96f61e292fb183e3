"""Leave to dial with TLS: not before the clock can judge certificates, or knowingly within a window.

A certificate judged by a wrong clock looks expired, or not yet valid, and somebody drives out to replace a certificate that is
fine. So the time is settled first. Who settles it is injected: this room knows nothing of kernels and time daemons. What the
CSMS says about the time never counts here, for it came over the very connection that is to be trusted.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ocpp_client.clock import Clock
from ocpp_client.tls import Window

log = logging.getLogger(__name__)

DAY_S: Final = 86_400.0

SERVER_TOLERANCE_S: Final = 30.0
"""How far a time that is kept beside the machine's clock may be off: what a quartz loses in a day, and more."""


class GatePolicy(StrEnum):
    """What to do while the clock cannot be believed."""

    STRICT = "strict"
    """Wait, for as long as it takes."""
    GRACE = "grace"
    """Wait a while, then dial and judge certificate times by a window."""
    TRUST = "trust"
    """Do not ask: somebody else vouches for this machine's clock."""


@dataclass(frozen=True, slots=True)
class TimeView:
    """What is known of the time at one moment."""

    synchronised: bool
    """A time source that is independent of the CSMS vouches for it."""
    wall_s: float
    """What the station's clock shows, POSIX seconds, right or wrong."""
    floor_s: float
    """No earlier time can be true."""
    kept_by_system: bool = True
    """Whether a synchronised time is what the machine's clock shows, by which the TLS library judges certificates."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """Times of the gate, in seconds."""

    policy: GatePolicy = GatePolicy.STRICT
    grace_s: float = 600.0
    """How long `GRACE` waits first, from the gate's making."""
    tolerance_s: float = 90 * DAY_S
    """How far the clock may be off in a window."""
    poll_s: float = 1.0
    """How often the view is looked at while waiting."""
    remind_s: float = 300.0
    """How often the log is told that it still waits."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave to dial. Without `window`, certificates are judged by the clock."""

    window: Window | None = None


class TimeGate:
    """Keeps a station from judging certificates with a clock that nobody vouches for."""

    def __init__(self, options: GateOptions, view: Callable[[], TimeView], clock: Clock) -> None:
        self._options = options
        self._view = view
        self._clock = clock
        self._made_at = clock.monotonic()

    def leave(self) -> Leave | None:
        """Return the leave that can be given now; None for none yet."""
        view = self._view()
        if self._options.policy is GatePolicy.TRUST:
            return Leave()
        if view.synchronised and view.wall_s >= view.floor_s:
            return Leave(None if view.kept_by_system else window(view, SERVER_TOLERANCE_S))
        if (
            self._options.policy is GatePolicy.GRACE
            and self._clock.monotonic() >= self._made_at + self._options.grace_s
        ):
            return Leave(window(view, self._options.tolerance_s))
        return None

    async def wait(self) -> Leave:
        """Return as soon as there is leave; it may take for ever."""
        told_at: float | None = None
        while (leave := self.leave()) is None:
            now = self._clock.monotonic()
            if told_at is None or now - told_at >= self._options.remind_s:
                told_at = now
                log.warning(
                    "not dialling, the clock is not synchronised policy=%s: check the time servers and the way to them",
                    self._options.policy.value,
                )
            await self._clock.sleep(self._options.poll_s)
        return leave


def window(view: TimeView, tolerance_s: float) -> Window:
    """Return where the true time lies, if the clock is off by `tolerance_s` at the most and the floor is right."""
    shown_s = max(view.wall_s, view.floor_s)
    return Window(max(view.floor_s, shown_s - tolerance_s), shown_s + tolerance_s)
