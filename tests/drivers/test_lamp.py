"""Lamps and buzzers, and what their patterns tell people."""

import asyncio
from pathlib import Path

import pytest

from hal.drivers.lamp import PatternLamp, led_lamp, make_gpio_lamp
from hal.drivers.lamp_patterns import PATTERNS, Light, Step
from hal.errors import BadDeviceOptions, DeviceLost
from hal.registry import Registry
from hal.types import LampSign
from tests.drivers.gpio import FakeLines
from tests.drivers.virtual import make_context, virtually

RED_GREEN_BLUE = ("R", "G", "B")


def lit(lines: FakeLines) -> str:
    """Letters of the colours that are on."""
    return "".join(name for name in ("R", "G", "B", "Z") if lines.active(name))


def rhythm(sign: LampSign) -> tuple[tuple[bool, float | None], ...]:
    """A sign as a lamp without colours shows it."""
    return tuple((bool(step.light), step.seconds) for step in PATTERNS[sign].steps)


def test_every_sign_has_a_pattern_of_its_own() -> None:
    """Also for people who do not see colours, and for a lamp that has only one."""
    assert set(PATTERNS) == set(LampSign)
    rhythms = [rhythm(sign) for sign in LampSign]
    assert len(set(rhythms)) == len(rhythms)


@pytest.mark.parametrize("sign", LampSign)
def test_no_sign_flashes_more_than_three_times_a_second(sign: LampSign) -> None:
    """WCAG 2, success criterion 2.3.1: more can cause seizures."""
    steps = PATTERNS[sign].steps * 4
    flashes: list[float] = []
    at, was = 0.0, Light.DARK
    for step in steps:
        if step.light and step.light != was:
            flashes.append(at)
        was = step.light
        at += step.seconds or 10.0
    assert all(sum(begin <= flash < begin + 0.999 for flash in flashes) <= 3 for begin in flashes)


@pytest.mark.parametrize("sign", LampSign)
def test_steps_lead_somewhere(sign: LampSign) -> None:
    """A step without end stands alone; a passing sign ends within the two seconds that people look; only those make sound."""
    pattern = PATTERNS[sign]
    ends = [step.seconds for step in pattern.steps]
    if None in ends:
        assert pattern.steps == (Step(pattern.steps[0].light),)
        assert not pattern.passing
    assert any(step.sound for step in pattern.steps) is pattern.passing
    if pattern.passing:
        assert sum(end for end in ends if end is not None) <= 2.2


@virtually
async def test_a_lamp_shows_its_sign_in_rhythm() -> None:
    """Charging: blue on and off, until another sign comes."""
    lines = FakeLines()
    lamp = make_gpio_lamp(lines, RED_GREEN_BLUE, "Z")
    await lamp.open()
    assert lit(lines) == ""
    await lamp.show(LampSign.AVAILABLE)
    assert lit(lines) == "G"
    await lamp.show(LampSign.CHARGING)
    seen = []
    for _ in range(4):
        seen.append(lit(lines))
        await asyncio.sleep(1.5)
    assert seen == ["B", "", "B", ""]
    await lamp.show(LampSign.RESERVED)
    assert lit(lines) == "RG"
    await lamp.close()
    assert lit(lines) == ""
    assert lines.in_use == []


@virtually
async def test_a_passing_sign_gives_way_to_the_lasting_one() -> None:
    """Accepted flashes and beeps, then what was before, or what has come in the meantime."""
    lines = FakeLines()
    lamp = make_gpio_lamp(lines, RED_GREEN_BLUE, "Z")
    await lamp.open()
    await lamp.show(LampSign.UNAVAILABLE)
    await lamp.show(LampSign.TOKEN_REFUSED)
    assert lit(lines) == "RZ"
    await asyncio.sleep(2.1)
    assert lit(lines) == "RG"
    await lamp.show(LampSign.TOKEN_ACCEPTED)
    assert lit(lines) == "GZ"
    await lamp.show(LampSign.FAULT)
    assert lit(lines) == "GZ"
    await lamp.show(LampSign.TOKEN_REFUSED)
    assert lit(lines) == "RZ"
    await asyncio.sleep(2.1)
    assert lit(lines) in {"R", ""}
    begin = lines["R"].history[-1][0]
    await asyncio.sleep(3)
    changes = [at for at, _ in lines["R"].history if at > begin]
    assert len(changes) == pytest.approx(12, abs=1)
    await lamp.close()


@virtually
async def test_a_lamp_of_one_colour_shows_every_rhythm() -> None:
    """A white lamp flashes for charging too, although it has no blue."""
    lines = FakeLines()
    lamp = make_gpio_lamp(lines, ("R", None, None), None)
    await lamp.open()
    await lamp.show(LampSign.CHARGING)
    assert lit(lines) == "R"
    await asyncio.sleep(1.6)
    assert lit(lines) == ""
    await lamp.show(LampSign.OFF)
    assert lit(lines) == ""
    await lamp.close()


@virtually
async def test_a_broken_lamp_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Told once in the log, and never raised."""
    lines = FakeLines()
    lamp = make_gpio_lamp(lines, RED_GREEN_BLUE, None)
    await lamp.open()
    lines["B"].lost = True
    for sign in LampSign:
        await lamp.show(sign)
        await asyncio.sleep(3)
    assert [record.getMessage() for record in caplog.records].count("lamp broken error=GPIO line B is gone") == 1
    await lamp.close()


@virtually
async def test_a_lamp_that_is_not_there_is_told_at_open() -> None:
    """And leaves nothing in use."""
    lines = FakeLines("Z")
    lamp = make_gpio_lamp(lines, RED_GREEN_BLUE, "Z")
    with pytest.raises(DeviceLost):
        await lamp.open()
    assert lines.in_use == []


@virtually
async def test_leds_of_the_kernel(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Full brightness as the LED has it, its own trigger switched off; a missing LED is told with the place to look."""
    for name in ("station:green", "station:buzzer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "max_brightness").write_text("255\n")
        (tmp_path / name / "trigger").write_text("[heartbeat] none")
        (tmp_path / name / "brightness").write_text("3")
    green = tmp_path / "station:green"
    lamp = led_lamp(make_context(), green="station:green", buzzer="station:buzzer", folder=str(tmp_path))
    await lamp.open()
    await lamp.show(LampSign.AVAILABLE)
    assert (green / "trigger").read_text() == "none"
    assert (green / "brightness").read_text() == "255"
    (green / "brightness").unlink()
    (green / "brightness").mkdir()
    await lamp.show(LampSign.OFF)
    await lamp.close()
    assert "lamp broken" in caplog.text
    assert (tmp_path / "station:buzzer" / "brightness").read_text() == "0"
    with pytest.raises(DeviceLost, match="lists the names"):
        await led_lamp(make_context(), red="nothing", folder=str(tmp_path)).open()


@virtually
async def test_lamps_are_built_from_a_board() -> None:
    """By name; a lamp without any colour is refused."""
    registry, context = Registry([]), make_context()
    assert isinstance(registry.build("lamp", "leds", context, {"red": "x"}), PatternLamp)
    assert isinstance(registry.build("lamp", "gpio", context, {"green": "x", "buzzer": "y"}), PatternLamp)
    with pytest.raises(BadDeviceOptions, match="at least one"):
        registry.build("lamp", "gpio", context, {"buzzer": "y"})
