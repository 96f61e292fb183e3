"""The cellular modem of the desktop world."""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hal.mock.ports import Ports
from hal.types import ModemStatus, SimIdentity

RecoveryStep = Literal["reattach", "radio-cycle", "power-cycle"]
RECOVERY_S: dict[str, float] = {
    "reattach": 5.0,
    "radio-cycle": 15.0,
    "power-cycle": 40.0,
}  # mildest first, and how long each takes
_HISTORY = 1000


@dataclass(slots=True)
class MockModemState:
    """What the modem knows, and what has been tried on it. Independent of the network switch: a registered modem can lead nowhere."""

    status: ModemStatus = field(
        default_factory=lambda: ModemStatus(
            registered=True, roaming=False, operator="Mock Mobile", technology="LTE", signal_dbm=-71, address="10.0.0.2"
        )
    )
    identity: SimIdentity = field(
        default_factory=lambda: SimIdentity(iccid="8900000000000000001", imsi="001010000000001")
    )
    heals_with: str | None = None  # the recovery step that registers it again
    recoveries: deque[tuple[float, str]] = field(
        default_factory=lambda: deque(maxlen=_HISTORY)
    )  # (monotonic seconds, step)
    ports: Ports[object] = field(default_factory=lambda: Ports("modem"))

    def change(self, **changes: Any) -> None:
        """Other values for fields of ModemStatus, or for `heals_with`, from now on."""
        if "heals_with" in changes:
            self.heals_with = changes.pop("heals_with")
        self.status = replace(self.status, **changes)
