"""The control pilot's duty cycle, and the vehicle state in its voltage (IEC 61851-1, annex A).

Rules:

- From 6 to 51 A the duty cycle in percent is the current divided by 0.6; from 52.5 to 80 A it is the current divided by 2.5,
  plus 64. Between 51 and 52.5 A nothing is defined: 51 A is offered.
- 100 % (steady +12 V) offers nothing, 0 % (steady -12 V) is state F. 5 % asks for digital communication and is never offered
  here.
- The positive voltage falls with the state: +12 V is A, +9 V B, +6 V C, +3 V D, 0 V E.
"""

from hal.types import PilotState

MIN_CURRENT_A, MAX_CURRENT_A = 6.0, 80.0
LAST_OF_LOW_RANGE_A, FIRST_OF_HIGH_RANGE_A = 51.0, 52.5
PERIOD_S = 0.001  # 1 kHz
DUTY_NOTHING_OFFERED, DUTY_NOT_AVAILABLE = 1.0, 0.0

_STATES = (PilotState.A, PilotState.B, PilotState.C, PilotState.D, PilotState.E)


def duty(current_a: float) -> float:
    """The duty cycle, 0 to 1, that offers a current per phase; 0 offers nothing. ValueError for what cannot be offered."""
    if current_a == 0:
        return DUTY_NOTHING_OFFERED
    if not MIN_CURRENT_A <= current_a <= MAX_CURRENT_A:  # refuses NaN too
        raise ValueError(f"the control pilot offers 0, or 6 to 80 A, not {current_a:g} A")
    if current_a < FIRST_OF_HIGH_RANGE_A:
        return min(current_a, LAST_OF_LOW_RANGE_A) / 60.0
    return current_a / 250.0 + 0.64


def state_of_levels(below: tuple[bool, ...]) -> PilotState:
    """The state shown by comparators, of which `below` has the outputs: below 10.5 V, 7.5 V, 4.5 V, 1.5 V, as far as the board
    has them. UNKNOWN when a lower threshold is passed and a higher one is not: a wire is broken.
    """
    passed = sum(below)
    if any(below[passed:]):
        return PilotState.UNKNOWN
    return _STATES[passed]
