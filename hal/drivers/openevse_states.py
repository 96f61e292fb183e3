"""What the states of an OpenEVSE controller mean in the words of this room. Pure functions."""

from hal.codecs.rapi import EvseState, State
from hal.types import Fault, FaultCode, PilotReading, PilotState

_FAULTS: dict[int, tuple[FaultCode, str]] = {
    EvseState.D: (FaultCode.VENTILATION, "the vehicle needs ventilation, which is not there"),
    EvseState.DIODE: (FaultCode.DIODE, "the vehicle's pilot diode is missing or shorted"),
    EvseState.GROUND_FAULT: (FaultCode.GROUND_FAULT, "ground fault interrupter tripped"),
    EvseState.NO_GROUND: (FaultCode.NO_GROUND, "no protective earth"),
    EvseState.STUCK_RELAY: (FaultCode.WELDED_CONTACTOR, "its relay is stuck closed"),
    EvseState.SELF_TEST_FAILED: (FaultCode.LEAKAGE_SENSOR, "self-test of its ground fault interrupter failed"),
    EvseState.OVER_TEMPERATURE: (FaultCode.OVER_TEMPERATURE, "too hot inside"),
    EvseState.OVER_CURRENT: (FaultCode.OVER_CURRENT, "the vehicle draws more than it is offered"),
    EvseState.RELAY_CLOSURE: (FaultCode.CONTACTOR_STUCK_OPEN, "its relay did not close"),
}
_OTHER_FAULT = (FaultCode.INTERNAL, "a fault that this program has no name for")

_PILOT_STATES: dict[int, PilotState] = {
    EvseState.A: PilotState.A,
    EvseState.B: PilotState.B,
    EvseState.C: PilotState.C,
    EvseState.D: PilotState.D,
}


def is_closed(state: State) -> bool:
    """True when its relay connects the vehicle: by command, or because it is stuck."""
    return state.relay_closed or state.state == EvseState.STUCK_RELAY


def fault_of(state: State) -> Fault | None:
    """The fault that a state stands for. Its vendor code is the controller's number, hexadecimal."""
    if not state.faulty:
        return None
    code, text = _FAULTS.get(state.state, _OTHER_FAULT)
    return Fault(code, True, text, vendor_code=f"{state.state:02X}")


def reading_of(state: State, before: PilotReading, *, available: bool) -> PilotReading:
    """The control pilot in a state.

    A sleeping controller tells only whether a vehicle is there, which is state B. A disabled one sees nothing: that is state F
    when we asked for it, and otherwise a passage to another state, in which the reading `before` still counts.
    """
    if state.state == EvseState.DISABLED:
        return before if available else PilotReading(PilotState.F)
    if state.state == EvseState.UNKNOWN:
        return PilotReading(PilotState.UNKNOWN)
    shown = state.pilot if state.faulty else state.state
    return PilotReading(_PILOT_STATES.get(shown, PilotState.B if state.car_connected else PilotState.A))
