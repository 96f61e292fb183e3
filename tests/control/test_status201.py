"""The core's facets in the words of OCPP 2.0.1."""

import pytest

from firmware.core.context import Context, EvseSpec
from firmware.core.evse import Evse
from firmware.core.settings import Settings
from firmware.core.transaction import Phase, Transaction
from firmware.core.values import Token, TokenInfo
from firmware.ocpp201.status import charging_state, connector_status
from hal.types import Fault, FaultCode, Instant, PilotReading, PilotState

NOW = Instant(1.0, "boot")
CARD = Token("04A1B2C3D4E5F6")


def an_evse() -> Evse:
    """A free EVSE with a socket."""
    return Evse(EvseSpec(1, 32.0, fixed_cable=False), Context(Settings(), lambda: "tx-1"))


def plug(evse: Evse, state: PilotState = PilotState.B) -> None:
    """A vehicle at the end of the cable."""
    evse.pilot_changed(PilotReading(state, cable_at_station=True), NOW)


def test_a_free_evse_is_available_and_idle() -> None:
    """Nothing in the socket, nobody there."""
    evse = an_evse()
    assert connector_status(evse) == "Available"
    assert charging_state(evse) == "Idle"


def test_a_cable_alone_occupies_the_connector() -> None:
    """A cable at the station's end keeps others out, but there is no vehicle."""
    evse = an_evse()
    evse.pilot_changed(PilotReading(PilotState.A, cable_at_station=True), NOW)
    assert connector_status(evse) == "Occupied"
    assert charging_state(evse) == "Idle"


def test_a_vehicle_without_authorisation_is_connected_and_no_more() -> None:
    """Whatever the vehicle asks for."""
    evse = an_evse()
    plug(evse, PilotState.C)
    assert connector_status(evse) == "Occupied"
    assert charging_state(evse) == "EVConnected"


def test_a_token_alone_occupies_nothing() -> None:
    """Between a token and its plug the connector stays Available (part 2, use case E03)."""
    evse = an_evse()
    evse.grant(CARD, TokenInfo.unchecked(), NOW)
    assert connector_status(evse) == "Available"


@pytest.mark.parametrize(
    ("pilot", "limit_a", "expected"),
    [
        (PilotState.C, 32.0, "Charging"),
        (PilotState.B, 32.0, "SuspendedEV"),
        (PilotState.C, 0.0, "SuspendedEVSE"),
        (PilotState.B, 0.0, "SuspendedEVSE"),
    ],
)
def test_a_transaction_charges_or_says_who_holds_back(pilot: PilotState, limit_a: float, expected: str) -> None:
    """The vehicle that does not ask is SuspendedEV; the station that does not offer is SuspendedEVSE, also when neither wants."""
    evse = an_evse()
    plug(evse, pilot)
    evse.grant(CARD, TokenInfo.unchecked(), NOW)
    evse.tx = Transaction("tx-1", 1, CARD, phase=Phase.OPEN, durable=True, started=NOW, start_mwh=0)
    evse.cable_limit_a = limit_a
    assert charging_state(evse) == expected
    assert connector_status(evse) == "Occupied"


def test_faults_come_before_everything_and_warnings_do_not_count() -> None:
    """Faulted before Unavailable before Occupied; a lost reader leaves the connector as it is."""
    evse = an_evse()
    plug(evse)
    evse.fault_changed(Fault(FaultCode.READER_LOST, active=True), NOW)
    assert connector_status(evse) == "Occupied"
    evse.operative = False
    assert connector_status(evse) == "Unavailable"
    evse.fault_changed(Fault(FaultCode.DIODE, active=True), NOW)
    assert connector_status(evse) == "Faulted"
