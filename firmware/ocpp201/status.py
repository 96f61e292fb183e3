"""Connector status and charging state (OCPP 2.0.1 edition 3, part 2, ConnectorStatusEnumType and ChargingStateEnumType): pure
functions of the core's facets."""

from typing import Final, Literal

from firmware.core.authorisation import AuthState
from firmware.core.evse import Evse
from firmware.core.values import Energy, Plug

ConnectorStatus = Literal["Available", "Occupied", "Reserved", "Unavailable", "Faulted"]
ChargingState = Literal["Idle", "EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE"]

_STATES: Final[dict[Energy, ChargingState]] = {
    Energy.OFF: "EVConnected",
    Energy.FLOWING: "Charging",
    Energy.PAUSED_BY_EV: "SuspendedEV",
    Energy.PAUSED_BY_EVSE: "SuspendedEVSE",
}


def connector_status(evse: Evse) -> ConnectorStatus:
    """The status of an EVSE's connector. A cable at the station's end alone occupies it: nobody else can use the socket. One that is
    reserved stays so whatever is plugged in, until the right token comes."""
    if evse.blocked:
        return "Faulted"
    if not evse.available:
        return "Unavailable"
    if evse.reserved:
        return "Reserved"
    return "Available" if evse.plug is Plug.UNPLUGGED else "Occupied"


def charging_state(evse: Evse) -> ChargingState:
    """What happens between EVSE and vehicle. Without authorisation a connected vehicle is just that."""
    if evse.plug is not Plug.VEHICLE:
        return "Idle"
    if evse.auth.state is not AuthState.GRANTED:
        return "EVConnected"
    return _STATES[evse.energy]
