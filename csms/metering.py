"""From sampled values to meter registers."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

from csms.books import Sample

REGISTER: Final = "Energy.Active.Import.Register"

_WH_PER_UNIT: Final = {"Wh": Decimal(1), "kWh": Decimal(1000)}


def register_wh(sample: Sample) -> int | None:
    """The import register of the whole meter in Wh, rounded to the next whole one, or None if the sample is something else.

    The value of one phase is only a part of it.
    """
    factor = _WH_PER_UNIT.get(sample.unit)
    whole_meter = sample.measurand == REGISTER and sample.phase is None and sample.location == "Outlet"
    if not whole_meter or sample.format != "Raw" or factor is None:
        return None
    try:
        value = Decimal(sample.value)
        return round(value.scaleb(sample.multiplier) * factor) if value.is_finite() else None
    except InvalidOperation:
        return None


def last_register_wh(samples: Iterable[Sample], context: str | None = None) -> int | None:
    """The last register reading among samples, of one reading context if that is given."""
    found = [register_wh(sample) for sample in samples if context is None or sample.context == context]
    return next((wh for wh in reversed(found) if wh is not None), None)
