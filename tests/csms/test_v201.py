"""OCPP 2.0.1: the books kept from TransactionEvents, and the other messages of a station."""

from typing import Any

import pytest

from csms import v201
from csms.books import Books, Oddity, Transaction
from csms.core.policy import Policy
from csms.stations import Stations
from csms.tokens import TokenEntry, Tokens
from ocpp_client.catalogue import catalogue
from tests.csms.harness import Harness

TX = "5f1c0a52-9f0e-4a3b-8d27-1f1c6f8b2a10"
TOKEN = {"idToken": "TAG", "type": "ISO14443"}


class Station:
    """A 2.0.1 station that charges on demand, without a socket."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.harness = Harness(v201.router(), policy)
        self.connection = self.harness.connect(protocol="ocpp2.0.1")
        self.books = Books(self.harness.store)

    def event(self, kind: str, sequence: int, *, at: int, tx: str = TX, info: Any = None, **more: Any) -> Any:
        payload = {
            "eventType": kind,
            "timestamp": f"2026-03-01T10:{at // 60:02}:{at % 60:02}Z",
            "triggerReason": "MeterValuePeriodic",
            "seqNo": sequence,
            "transactionInfo": {"transactionId": tx, **(info or {})},
            **more,
        }
        return self.harness.result(self.connection, "TransactionEvent", payload)

    def one(self) -> Transaction:
        (transaction,) = self.books.transactions("CP1")
        return transaction


def reading(at: int, *samples: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"timestamp": f"2026-03-01T10:{at // 60:02}:{at % 60:02}Z", "sampledValue": list(samples)}]


@pytest.fixture
def station() -> Station:
    return Station()


def oddities(transaction: Transaction) -> list[Oddity]:
    return [anomaly.kind for anomaly in transaction.anomalies]


def test_a_charge_is_one_transaction_with_all_its_events(station: Station) -> None:
    """Started, Updated and Ended make one record with registers from Transaction.Begin and Transaction.End."""
    begin = {"value": 1000, "context": "Transaction.Begin"}
    answer = station.event(
        "Started", 0, at=0, idToken=TOKEN, evse={"id": 2, "connectorId": 1}, meterValue=reading(0, begin)
    )
    assert answer == {"idTokenInfo": {"status": "Accepted"}}
    assert (
        station.event("Updated", 1, at=60, meterValue=reading(60, {"value": 1.5, "unitOfMeasure": {"unit": "kWh"}}))
        == {}
    )
    assert station.one().meter_last_wh == 1500
    end = {"value": 3, "context": "Transaction.End", "unitOfMeasure": {"multiplier": 3}}
    info = {"stoppedReason": "Remote", "chargingState": "EVConnected"}
    station.event("Ended", 2, at=600, info=info, meterValue=reading(600, begin, end))
    done = station.one()
    assert (done.transaction_id, done.protocol, done.evse_id, done.connector_id) == (TX, "ocpp2.0.1", 2, 1)
    assert (done.meter_start_wh, done.meter_stop_wh, done.energy_wh, done.reason) == (1000, 3000, 2000, "Remote")
    assert (done.id_token, done.open, done.anomalies) == ("TAG", False, ())
    assert done.sequence_ranges == ((0, 2),)
    assert done.details["charging_state"] == "EVConnected"
    assert len(done.samples) == 4


def test_the_same_event_again_is_counted_and_changes_nothing(station: Station) -> None:
    """An event repeated under another message id, now marked offline, is the same event."""
    station.event("Started", 0, at=0)
    station.event("Started", 0, at=0, offline=True)
    assert (station.one().duplicates, station.one().anomalies, len(station.one().facts)) == (1, (), 1)


def test_a_sequence_number_used_twice_is_shown(station: Station) -> None:
    """Two different events under one seqNo are an anomaly."""
    station.event("Started", 0, at=0)
    station.event("Updated", 1, at=10)
    station.event("Updated", 1, at=20)
    assert oddities(station.one()) == [Oddity.SEQUENCE_REUSED]


def test_gaps_in_the_sequence_are_known_and_shown_at_the_end(station: Station) -> None:
    """Missing seqNos are listed while the transaction runs, and become an anomaly when it has ended."""
    station.event("Started", 0, at=0)
    station.event("Updated", 3, at=30)
    assert (station.one().missing_sequence, station.one().anomalies) == ((1, 2), ())
    station.event("Ended", 5, at=50)
    assert [(each.kind, each.text) for each in station.one().anomalies] == [
        (Oddity.SEQUENCE_GAP, "never came: seqNo 1, 2, 4")
    ]


def test_a_late_event_fills_its_gap(station: Station) -> None:
    """An event that comes after a later one is neither odd in time nor missing any more."""
    station.event("Started", 0, at=0)
    station.event("Updated", 2, at=20)
    station.event("Updated", 1, at=10)
    assert (station.one().missing_sequence, station.one().anomalies) == ((), ())


def test_a_token_that_comes_later_is_the_transaction_s_token(station: Station) -> None:
    """A transaction that starts with the cable gets its token with a later event."""
    station.event("Started", 0, at=0)
    station.event("Updated", 1, at=5, idToken=TOKEN)
    assert station.one().id_token == "TAG"


def test_an_ended_transaction_without_a_start_is_recorded(station: Station) -> None:
    """Ended for a transaction nobody knows opens the books for it."""
    station.event("Ended", 4, at=0)
    assert oddities(station.one()) == [Oddity.STOP_WITHOUT_START, Oddity.SEQUENCE_GAP]


def test_the_transaction_id_minus_one_is_nothing_special_here(station: Station) -> None:
    """Only in 1.6 does -1 stand for many transactions."""
    station.event("Ended", 0, at=0, tx="-1")
    station.event("Ended", 0, at=9, tx="-1")
    assert len(station.books.transactions("CP1")) == 1


def test_signed_values_are_kept(station: Station) -> None:
    """The signature that came with a value stays with it."""
    signed = {"signedMeterData": "AAAA", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    station.event("Started", 0, at=0, meterValue=reading(0, {"value": 1, "signedMeterValue": signed}))
    assert station.one().samples[0].signed == signed


def test_configured_tokens_are_judged_with_their_group_and_expiry(station: Station) -> None:
    """Authorize answers status, group and expiry of a configured token, whatever the case of its letters."""
    tokens = Tokens(station.harness.store, Policy())
    tokens.put(TokenEntry("TAG", parent="FLEET", expires_at=station.harness.at.utc.replace(year=2030)))
    assert station.harness.result(station.connection, "Authorize", {"idToken": {**TOKEN, "idToken": "tag"}}) == {
        "idTokenInfo": {
            "status": "Accepted",
            "cacheExpiryDateTime": "2030-03-01T12:00:00Z",
            "groupIdToken": {"idToken": "FLEET", "type": "Central"},
        }
    }


@pytest.mark.parametrize(("kind", "status"), [("ISO14443", "Unknown"), ("NoAuthorization", "Accepted")])
def test_unknown_tokens_are_refused_if_the_house_is_closed(kind: str, status: str) -> None:
    """With unknown tokens refused the start button still works: it names no token."""
    station = Station(Policy(accept_unknown_tokens=False))
    token = {"idToken": "X", "type": kind}
    answer = station.harness.result(station.connection, "Authorize", {"idToken": token})
    assert answer["idTokenInfo"]["status"] == status


def test_a_token_that_charges_elsewhere_is_concurrent() -> None:
    """With concurrent transactions refused, a token's second transaction is told so; its own events are not."""
    station = Station(Policy(allow_concurrent_transactions=False))
    station.event("Started", 0, at=0, idToken=TOKEN)
    assert station.event("Updated", 1, at=5, idToken=TOKEN)["idTokenInfo"]["status"] == "Accepted"
    other = station.event("Started", 0, at=9, tx="other", idToken=TOKEN)
    assert other["idTokenInfo"]["status"] == "ConcurrentTx"
    station.event("Ended", 2, at=20, idToken=TOKEN)
    station.event("Ended", 1, at=20, tx="other")
    assert station.event("Started", 0, at=30, tx="third", idToken=TOKEN)["idTokenInfo"]["status"] == "Accepted"


def test_contract_certificates_are_answered(station: Station) -> None:
    """An Authorize with a contract certificate gets a certificate status."""
    payload = {"idToken": {"idToken": "DE*8AA*CA", "type": "eMAID"}, "certificate": "PEM"}
    assert station.harness.result(station.connection, "Authorize", payload)["certificateStatus"] == "Accepted"


def test_the_device_model_is_put_together_from_its_reports(station: Station) -> None:
    """Variables of several NotifyReports add up; one that is reported again is replaced."""

    def report(*entries: tuple[str, int | None, str]) -> None:
        data = [
            {
                "component": {"name": name, **({} if evse is None else {"evse": {"id": evse}})},
                "variable": {"name": "Enabled"},
                "variableAttribute": [{"value": value}],
            }
            for name, evse, value in entries
        ]
        payload = {"requestId": 1, "generatedAt": "2026-03-01T10:00:00Z", "seqNo": 0, "reportData": data}
        assert station.harness.result(station.connection, "NotifyReport", payload) == {}

    report(("AuthCtrlr", None, "true"), ("EVSE", 1, "true"))
    report(("EVSE", 2, "true"), ("EVSE", 1, "false"))
    found = Stations(station.harness.store).variables("CP1")
    assert [(each["component"], each["variableAttribute"][0]["value"]) for each in found] == [
        ({"name": "AuthCtrlr"}, "true"),
        ({"name": "EVSE", "evse": {"id": 1}}, "false"),
        ({"name": "EVSE", "evse": {"id": 2}}, "true"),
    ]


def test_statuses_are_kept_per_evse_and_connector(station: Station) -> None:
    """The last status to arrive is the one that is known."""
    for connector, status in ((1, "Available"), (2, "Faulted"), (1, "Occupied")):
        payload = {
            "timestamp": "2026-03-01T10:00:00Z",
            "connectorStatus": status,
            "evseId": 1,
            "connectorId": connector,
        }
        station.harness.result(station.connection, "StatusNotification", payload)
    stations = Stations(station.harness.store)
    assert (stations.status("CP1", 1, 1), stations.status("CP1", 2, 1)) == ("Occupied", "Faulted")


FROM_STATIONS = frozenset(
    {
        "Authorize",
        "BootNotification",
        "ClearedChargingLimit",
        "DataTransfer",
        "FirmwareStatusNotification",
        "Get15118EVCertificate",
        "GetCertificateStatus",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "ReportChargingProfiles",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignCertificate",
        "StatusNotification",
        "TransactionEvent",
    }
)


def test_every_message_of_a_station_has_a_handler_and_no_other() -> None:
    """The router takes exactly the messages that OCPP 2.0.1 part 2 has stations send."""
    router = v201.router()
    actions = catalogue("ocpp2.0.1").actions
    assert {action for action in actions if router.find("ocpp2.0.1", action)} == FROM_STATIONS


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("SignCertificate", {"csr": "PEM"}, {"status": "Accepted"}),
        ("GetCertificateStatus", None, {"status": "Failed"}),
        (
            "Get15118EVCertificate",
            {"iso15118SchemaVersion": "urn:iso", "action": "Install", "exiRequest": "AA"},
            {"status": "Failed", "exiResponse": ""},
        ),
        ("SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": "2026-03-01T10:00:00Z"}, {}),
        ("DataTransfer", {"vendorId": "org.example", "data": {"a": [None, 1]}}, {"status": "Accepted"}),
        ("ReservationStatusUpdate", {"reservationId": 1, "reservationUpdateStatus": "Expired"}, {}),
        ("MeterValues", {"evseId": 0, "meterValue": reading(0, {"value": 1})}, {}),
    ],
)
def test_notices_are_answered_and_kept(station: Station, action: str, payload: Any, answer: Any) -> None:
    """What a station only tells is kept as it came and answered as the schema wants."""
    if payload is None:
        hashes = dict.fromkeys(("issuerNameHash", "issuerKeyHash", "serialNumber"), "0a")
        payload = {"ocspRequestData": {"hashAlgorithm": "SHA256", "responderURL": "http://ocsp.example", **hashes}}
    assert station.harness.result(station.connection, action, payload) == answer
    stations = Stations(station.harness.store)
    kept = stations.values("CP1") if action == "MeterValues" else stations.notices("CP1")
    assert kept[-1]["payload"].keys() == payload.keys()
