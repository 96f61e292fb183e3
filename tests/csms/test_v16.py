"""OCPP 1.6: every message of a station, answered and recorded."""

from datetime import timedelta
from typing import Any

import pytest

from csms import v16
from csms.books import Books
from csms.core.policy import Policy
from csms.stations import Boots, Stations
from csms.tokens import STATUSES, TokenEntry, Tokens
from ocpp_client.catalogue import catalogue
from tests.csms.harness import START, Harness

BOOT = {"chargePointVendor": "Example", "chargePointModel": "Kerb 22", "firmwareVersion": "1.2"}
CONTENT = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-03-01T10:00:00Z"}

FROM_STATIONS = frozenset(
    {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
)


@pytest.fixture
def harness() -> Harness:
    return Harness(v16.router())


def test_every_message_of_a_station_has_a_handler_and_no_other() -> None:
    """The router takes exactly the messages that OCPP 1.6 and its security whitepaper have stations send."""
    router = v16.router()
    assert {action for action in catalogue("ocpp1.6").actions if router.find("ocpp1.6", action)} == FROM_STATIONS


def test_a_boot_is_accepted_with_time_and_interval(harness: Harness) -> None:
    """The answer carries the configured heartbeat interval, and what the station said is kept."""
    harness = Harness(v16.router(), Policy(heartbeat_interval_s=60))
    answer = harness.result(harness.connect(), "BootNotification", BOOT)
    assert answer == {"status": "Accepted", "currentTime": "2026-03-01T12:00:00.000Z", "interval": 60}
    description = Stations(harness.store).description("CP1")
    assert (description["boot"], description["boots"], description["registration"]) == (BOOT, 1, "Accepted")


def test_a_station_can_be_held_back_for_a_number_of_boots(harness: Harness) -> None:
    """A hold answers so many boots with its status and interval, then the station is accepted."""
    connection = harness.connect()
    Boots(harness.store).hold("CP1", "Rejected", times=2, retry_s=7)
    answers = [harness.result(connection, "BootNotification", BOOT) for _ in range(3)]
    assert [(each["status"], each["interval"]) for each in answers] == [
        ("Rejected", 7),
        ("Rejected", 7),
        ("Accepted", 300),
    ]


def test_a_hold_without_a_number_lasts_until_it_is_released(harness: Harness) -> None:
    """An open hold answers every boot, with the default retry interval."""
    connection = harness.connect()
    boots = Boots(harness.store)
    boots.hold("CP1", "Pending")
    for _ in range(5):
        answer = harness.result(connection, "BootNotification", BOOT)
        assert (answer["status"], answer["interval"]) == ("Pending", 10)
    boots.release("CP1")
    assert harness.result(connection, "BootNotification", BOOT)["status"] == "Accepted"


@pytest.mark.parametrize("status", STATUSES)
def test_a_tag_s_status_fits_into_16(harness: Harness, status: str) -> None:
    """Statuses that 1.6 does not have are told as Invalid."""
    Tokens(harness.store, Policy()).put(TokenEntry("TAG", status))
    answer = harness.result(harness.connect(), "Authorize", {"idTag": "TAG"})
    known = status in ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")
    assert answer == {"idTagInfo": {"status": status if known else "Invalid"}}


def test_a_tag_expires(harness: Harness) -> None:
    """An accepted tag is Expired from its expiry on; parent and expiry are told."""
    Tokens(harness.store, Policy()).put(TokenEntry("TAG", parent="P", expires_at=START + timedelta(seconds=60)))
    connection = harness.connect()
    info = {"parentIdTag": "P", "expiryDate": "2026-03-01T12:01:00.000Z"}
    assert harness.result(connection, "Authorize", {"idTag": "tag"}) == {"idTagInfo": {"status": "Accepted", **info}}
    harness.now_s += 60
    assert harness.result(connection, "Authorize", {"idTag": "tag"}) == {"idTagInfo": {"status": "Expired", **info}}


def test_unknown_tags_are_accepted_unless_the_house_is_closed(harness: Harness) -> None:
    """An unconfigured tag is Accepted in an open house and Invalid in a closed one."""
    assert harness.result(harness.connect(), "Authorize", {"idTag": "X"})["idTagInfo"]["status"] == "Accepted"
    closed = Harness(v16.router(), Policy(accept_unknown_tokens=False))
    assert closed.result(closed.connect(), "Authorize", {"idTag": "X"})["idTagInfo"]["status"] == "Invalid"


@pytest.mark.parametrize("bad", [{"status": "Maybe"}, {"expires_at": START.replace(tzinfo=None)}])
def test_an_impossible_token_is_refused(bad: Any) -> None:
    """A token with an unknown status, or an expiry without offset, cannot be configured."""
    with pytest.raises(ValueError, match=r"status|offset"):
        TokenEntry("TAG", **bad)


def test_a_start_with_a_bad_tag_gets_a_number_all_the_same(harness: Harness) -> None:
    """Energy may flow already: the start is recorded, and the answer says what the tag is worth."""
    Tokens(harness.store, Policy()).put(TokenEntry("TAG", "Blocked"))
    answer = harness.result(harness.connect(), "StartTransaction", CONTENT)
    assert answer == {"transactionId": 1, "idTagInfo": {"status": "Blocked"}}


def test_a_repeated_start_is_the_same_whatever_its_tag_is_worth_by_now(harness: Harness) -> None:
    """A tag that was blocked between a start and its repetition makes no second start of it."""
    connection = harness.connect()
    harness.result(connection, "StartTransaction", CONTENT)
    Tokens(harness.store, Policy()).put(TokenEntry("TAG", "Blocked"))
    answer = harness.result(connection, "StartTransaction", CONTENT)
    assert answer == {"transactionId": 1, "idTagInfo": {"status": "Blocked"}}
    (found,) = Books(harness.store).transactions("CP1")
    assert (found.duplicates, found.anomalies, found.details) == (1, (), {"authorization": "Accepted"})


def test_a_tag_that_charges_elsewhere_is_concurrent() -> None:
    """With concurrent transactions refused, a tag's second start is ConcurrentTx until the first one has ended."""
    harness = Harness(v16.router(), Policy(allow_concurrent_transactions=False))
    first, second = harness.connect("CP1"), harness.connect("CP2")
    harness.result(first, "StartTransaction", CONTENT)
    repeated = harness.result(first, "StartTransaction", CONTENT)
    assert repeated["idTagInfo"]["status"] == "Accepted"
    assert harness.result(second, "StartTransaction", CONTENT)["idTagInfo"]["status"] == "ConcurrentTx"
    stop = {"transactionId": 1, "meterStop": 5, "timestamp": "2026-03-01T11:00:00Z"}
    harness.result(first, "StopTransaction", stop)
    harness.result(second, "StopTransaction", {**stop, "transactionId": 2})
    later = {**CONTENT, "timestamp": "2026-03-01T11:30:00Z"}
    assert harness.result(second, "StartTransaction", later)["idTagInfo"]["status"] == "Accepted"


def test_a_stop_tells_what_its_tag_is_worth(harness: Harness) -> None:
    """The answer to a stop with a tag carries its info, one without a tag is empty."""
    connection = harness.connect()
    harness.result(connection, "StartTransaction", CONTENT)
    stop = {"transactionId": 1, "meterStop": 5, "timestamp": "2026-03-01T11:00:00Z", "idTag": "TAG"}
    assert harness.result(connection, "StopTransaction", stop) == {"idTagInfo": {"status": "Accepted"}}


def test_a_connector_s_status_is_kept_with_its_details(harness: Harness) -> None:
    """Status, error and info are kept; without a timestamp the time of arrival counts."""
    connection = harness.connect()
    payload = {"connectorId": 2, "errorCode": "GroundFailure", "status": "Faulted", "info": "leakage"}
    harness.result(connection, "StatusNotification", payload)
    assert Stations(harness.store).description("CP1")["connectors"] == [
        {
            "evse_id": None,
            "connector_id": 2,
            "status": "Faulted",
            "error_code": "GroundFailure",
            "at": "2026-03-01T12:00:00+00:00",
            "info": "leakage",
        }
    ]
    assert Stations(harness.store).status("CP1", 3) is None


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("DataTransfer", {"vendorId": "org.example", "data": "x"}, {"status": "Accepted"}),
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}, {}),
        ("FirmwareStatusNotification", {"status": "Installed"}, {}),
        ("LogStatusNotification", {"status": "Uploaded", "requestId": 1}, {}),
        ("SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": "2026-03-01T10:00:00.000Z"}, {}),
        ("SignCertificate", {"csr": "PEM"}, {"status": "Accepted"}),
        ("SignedFirmwareStatusNotification", {"status": "Installed", "requestId": 1}, {}),
    ],
)
def test_notices_are_answered_and_kept(harness: Harness, action: str, payload: Any, answer: Any) -> None:
    """What a station only tells is kept as it came, and published."""
    assert harness.result(harness.connect(), action, payload) == answer
    assert Stations(harness.store).notices("CP1")[0]["payload"] == payload
    assert harness.events("notice")[0].data == {"action": action, "payload": payload}


def test_vendor_data_can_be_refused() -> None:
    """A house that takes no vendor data says that it does not know the vendor."""
    harness = Harness(v16.router(), Policy(accept_data_transfer=False))
    assert harness.result(harness.connect(), "DataTransfer", {"vendorId": "x"}) == {"status": "UnknownVendorId"}
