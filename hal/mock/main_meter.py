"""The meter at the station's connection: all EVSEs and whatever else hangs there."""

from collections.abc import Callable, Iterable

from hal.mock.clock import MockClock
from hal.mock.evse import MockEvse
from hal.mock.register import Register
from hal.mock.supply import Supply
from hal.types import PHASES, MeterReading

_S_PER_H = 3600.0


class MainMeter:
    """Its register is the sum of the EVSEs' registers and of what flowed beside them."""

    phases = PHASES

    def __init__(self, clock: MockClock, supply: Callable[[], Supply], evses: Callable[[], Iterable[MockEvse]]) -> None:
        self._clock = clock
        self._supply = supply
        self._evses = evses
        self._beside = Register()
        self._since = clock.monotonic()

    def begin_at(self, beside_mwh: int) -> None:
        """Begin with so much already counted beside the EVSEs."""
        self._beside = Register(beside_mwh)

    def count(self) -> None:
        """End a stretch of constant background load. Call it before the supply changes."""
        self._beside.add(self._under_way_mwh())
        self._since = self._clock.monotonic()

    def beside_mwh(self) -> int:
        """What has flowed beside the EVSEs."""
        return self._beside.shown_mwh(self._under_way_mwh())

    def reading(self) -> MeterReading:
        """What the meter shows now."""
        supply = self._supply()
        currents = [supply.background_a if supply.mains else 0.0] * PHASES
        import_mwh = self.beside_mwh()
        for evse in self._evses():
            import_mwh += evse.import_mwh()
            for phase, ampere in enumerate(evse.drawn_a()):
                currents[phase] += ampere
        volts = supply.displayed_v(self._clock.monotonic())
        powers = tuple(volt * ampere for volt, ampere in zip(volts, currents, strict=True))
        return MeterReading(
            import_mwh=import_mwh,
            export_mwh=0,
            power_w=sum(powers),
            power_per_phase_w=powers,
            current_a=tuple(currents),
            voltage_v=volts,
            frequency_hz=supply.frequency_hz if supply.mains else None,
        )

    def _under_way_mwh(self) -> float:
        supply = self._supply()
        watts = supply.background_a * sum(supply.live_v)
        return watts * (self._clock.monotonic() - self._since) / _S_PER_H * 1000.0
