"""The world as a whole: what there is, what it shows, and that looking changes nothing."""

import json

import pytest

from hal.mock.errors import UnknownAction
from hal.types import FaultCode
from tests.hal.timing import ManualTime
from tests.hal.worlds import charging, world_on


def test_what_is_not_there_is_refused_with_what_is() -> None:
    """EVSEs and vehicles by name; an EVSE cannot be built twice."""
    world = world_on(ManualTime(), evses=2)
    with pytest.raises(UnknownAction, match="no EVSE 3; there are: 1, 2"):
        world.evse(3)
    with pytest.raises(UnknownAction, match="no vehicle 'tank'; there are: compact, "):
        world.car("tank")
    with pytest.raises(ValueError, match="an EVSE 1 already"):
        world.add_evse(1)


def test_snapshot_shows_everything_and_changes_nothing() -> None:
    """A charge in progress shows its car, current, contactor, register and faults, as JSON, twice the same."""
    time = ManualTime()
    world = world_on(time, evses=2)
    evse = charging(time, world)
    time.advance(3600)
    evse.raise_fault(FaultCode.DIODE)
    shown = world.snapshot()
    assert json.loads(json.dumps(shown)) == shown == world.snapshot()
    first, second = shown["evses"]["1"], shown["evses"]["2"]
    assert first["car"]["soc_percent"] == pytest.approx(20 + 11.04 * 0.9 * 2, abs=0.01)
    assert first["drawn_a"] == [16.0, 16.0, 16.0]
    assert first["power_w"] == pytest.approx(11_040.0)
    assert first["contactor"] == {"commanded": True, "closed": True, "switchings": 1}
    assert first["meter"] == {"import_mwh": 11_040_000}
    assert first["faults"] == ["diode"]
    assert (second["car"], second["pilot"], second["meter"]) == (None, "A", {"import_mwh": 0})


@pytest.mark.parametrize("code", list(FaultCode))
def test_every_fault_can_be_raised_and_cleared_at_an_evse(code: FaultCode) -> None:
    """All codes, with and without devices attached, leave the EVSE as it was."""
    time = ManualTime()
    world = world_on(time)
    evse = charging(time, world)
    before = world.snapshot()["evses"]["1"]
    evse.raise_fault(code)
    assert world.snapshot()["evses"]["1"]["faults"] == [code.value]
    evse.clear_fault(code)
    time.advance(1)
    after = world.snapshot()["evses"]["1"]
    for changing in ("meter", "car", "contactor"):
        before.pop(changing)
        after.pop(changing)
    assert after == before
    assert evse.contactor_closed()


def test_unknown_words_are_no_faults() -> None:
    """A misspelt fault code is refused, at an EVSE and at the station."""
    world = world_on(ManualTime())
    for place in (world, world.evse(1)):
        with pytest.raises(ValueError, match="gremlins"):
            place.raise_fault("gremlins")
        with pytest.raises(ValueError, match="gremlins"):
            place.clear_fault("gremlins")


def test_clearing_what_is_not_wrong_does_nothing() -> None:
    """Neither the station nor an EVSE minds."""
    world = world_on(ManualTime())
    world.clear_fault("door-open")
    world.evse(1).clear_fault("diode")
    assert world.faults.codes == world.evse(1).faults.codes == []


def test_raising_twice_is_raising_once() -> None:
    """One clearing ends it."""
    world = world_on(ManualTime())
    world.raise_fault("door-open")
    world.raise_fault("door-open")
    world.clear_fault("door-open")
    assert world.faults.codes == []
