"""What each sign looks and sounds like. One row a sign.

Made so that it can be understood without a manual, and without seeing colours: green invites, blue charges, yellow waits, red
refuses; and each sign has a rhythm of its own, so that a single white lamp tells them apart too. Steady light needs nothing from
anybody; the faster it flashes, the more it asks for attention. No sign flashes more than three times a second (WCAG 2, 2.3.1).
"""

from dataclasses import dataclass
from enum import Flag, auto

from hal.types import LampSign


class Light(Flag):
    """Channels of a lamp. Yellow is red and green together."""

    DARK = 0
    RED = auto()
    GREEN = auto()
    BLUE = auto()
    YELLOW = RED | GREEN


@dataclass(frozen=True, slots=True)
class Step:
    """A light, with or without sound, for so long. `seconds` None lasts until the next sign."""

    light: Light
    seconds: float | None = None
    sound: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """Steps, over and over again. A passing pattern runs once and gives way to the sign before it."""

    steps: tuple[Step, ...]
    passing: bool = False


def _steady(light: Light) -> Pattern:
    return Pattern((Step(light),))


def _flashing(light: Light, on_s: float, off_s: float) -> Pattern:
    return Pattern((Step(light, on_s), Step(Light.DARK, off_s)))


PATTERNS: dict[LampSign, Pattern] = {
    LampSign.OFF: _steady(Light.DARK),
    LampSign.AVAILABLE: _steady(Light.GREEN),
    LampSign.PREPARING: _flashing(Light.GREEN, 0.5, 0.5),
    LampSign.CHARGING: _flashing(Light.BLUE, 1.5, 1.5),
    LampSign.PAUSED: _flashing(Light.BLUE, 0.3, 2.7),
    LampSign.FINISHED: _flashing(Light.GREEN, 2.7, 0.3),
    LampSign.RESERVED: _flashing(Light.YELLOW, 4.0, 0.5),
    LampSign.UNAVAILABLE: _flashing(Light.YELLOW, 0.5, 4.0),
    LampSign.FAULT: _flashing(Light.RED, 0.25, 0.25),
    LampSign.TOKEN_WAITING: Pattern(
        (Step(Light.YELLOW, 0.2), Step(Light.DARK, 0.2), Step(Light.YELLOW, 0.2), Step(Light.DARK, 0.8))
    ),
    LampSign.TOKEN_ACCEPTED: Pattern(
        (
            Step(Light.GREEN, 0.2, sound=True),
            Step(Light.DARK, 0.2),
            Step(Light.GREEN, 0.2),
            Step(Light.DARK, 0.2),
            Step(Light.GREEN, 1.2),
        ),
        passing=True,
    ),
    LampSign.TOKEN_REFUSED: Pattern(
        (
            Step(Light.RED, 0.3, sound=True),
            Step(Light.DARK, 0.2),
            Step(Light.RED, 0.3, sound=True),
            Step(Light.DARK, 0.2),
            Step(Light.RED, 1.0, sound=True),
        ),
        passing=True,
    ),
}
