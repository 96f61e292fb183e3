"""The mains that feed the station."""

from dataclasses import dataclass
from random import Random

NOMINAL_V = 230.0
OVER_VOLTAGE_V = NOMINAL_V * 1.10  # EN 50160: within 10 % of the nominal voltage
UNDER_VOLTAGE_V = NOMINAL_V * 0.90


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Voltage to neutral per phase, frequency, whether the mains are there, and what else hangs on the same connection.

    `noise_percent` lets displayed voltages flicker around their true value; energy is always counted from the true one.
    """

    voltage_v: tuple[float, float, float] = (NOMINAL_V, NOMINAL_V, NOMINAL_V)
    frequency_hz: float = 50.0
    mains: bool = True
    background_a: float = 0.0  # drawn per phase beside the vehicles; only the station's main meter sees it
    noise_percent: float = 0.0
    noise_seed: int = 0

    def __post_init__(self) -> None:
        if not all(0.0 <= volt <= 500.0 for volt in self.voltage_v):
            raise ValueError(f"voltage_v must be from 0 to 500, is {self.voltage_v!r}")
        if not 40.0 <= self.frequency_hz <= 70.0:
            raise ValueError(f"frequency_hz must be from 40 to 70, is {self.frequency_hz!r}")
        if not 0.0 <= self.background_a <= 1000.0:
            raise ValueError(f"background_a must be from 0 to 1000, is {self.background_a!r}")
        if not 0.0 <= self.noise_percent <= 20.0:
            raise ValueError(f"noise_percent must be from 0 to 20, is {self.noise_percent!r}")

    @property
    def live_v(self) -> tuple[float, float, float]:
        """True voltages now: all 0 without mains."""
        return self.voltage_v if self.mains else (0.0, 0.0, 0.0)

    @property
    def over_voltage(self) -> bool:
        """True when a phase is above what devices stand."""
        return any(volt > OVER_VOLTAGE_V for volt in self.live_v)

    @property
    def under_voltage(self) -> bool:
        """True when the mains are there but a phase is too low."""
        return self.mains and any(volt < UNDER_VOLTAGE_V for volt in self.voltage_v)

    def displayed_v(self, at_s: float) -> tuple[float, ...]:
        """What a meter shows: the same for everybody within one second."""
        if not self.noise_percent:
            return self.live_v
        flicker = Random(f"{self.noise_seed}/{int(at_s)}")
        return tuple(volt * (1 + self.noise_percent / 100 * flicker.uniform(-1, 1)) for volt in self.live_v)
