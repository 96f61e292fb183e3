"""An energy register that counts whole milliwatt hours and never runs backwards."""

_FLOAT_NOISE_MWH = 1e-3  # so that exactly 1.84 kWh, summed in floats, does not show as one milliwatt hour less


class Register:
    """Counts energy. What is shown is whole milliwatt hours, rounded down; the fraction is kept apart, so that a register of any
    size stays exact."""

    def __init__(self, start_mwh: int = 0) -> None:
        self._whole_mwh = start_mwh
        self._rest_mwh = 0.0
        self._shown_mwh = start_mwh

    def add(self, energy_mwh: float) -> None:
        """Count energy that has flowed. ValueError when negative."""
        if energy_mwh < 0:
            raise ValueError(f"a register counts upwards; {energy_mwh} mWh is negative")
        total = self._rest_mwh + energy_mwh
        self._whole_mwh += int(total)
        self._rest_mwh = total - int(total)

    def shown_mwh(self, under_way_mwh: float = 0.0) -> int:
        """What the register shows, with energy of a stretch that is not counted yet."""
        self._shown_mwh = max(self._shown_mwh, self._whole_mwh + int(self._rest_mwh + under_way_mwh + _FLOAT_NOISE_MWH))
        return self._shown_mwh
