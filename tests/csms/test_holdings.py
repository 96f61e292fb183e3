"""What the central system knows of a station's configuration, lists, profiles and certificates."""

import json
from typing import Any

import pytest

from csms import handlers
from csms.core.effects import OutcomeKind
from csms.core.router import Context, Router
from csms.holdings import Holdings
from csms.stations import Stations
from ocpp_client.v16.core import ClearCacheRequest, ClearCacheResponse, HeartbeatRequest
from tests.csms.harness import Harness

PROFILE_16 = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]},
}
PROFILE_201 = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]}
    ],
}
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a1", "issuerKeyHash": "b2", "serialNumber": "c3"}


class Desk:
    """Sends commands to one station, and answers them for it."""

    def __init__(self, protocol: str, router: Router | None = None) -> None:
        self.harness = Harness(handlers.router().overlaid(router or Router()))
        self.connection = self.harness.connect("CP1", protocol)
        self.holdings = Holdings(self.harness.store)
        self.stations = Stations(self.harness.store)

    def ask(self, action: str, payload: Any, answer: Any) -> None:
        self.harness.command(action, json.dumps(payload), command_id=action)
        message_id = self.harness.sent(self.connection)[0][1]
        self.harness.text(self.connection, json.dumps([3, message_id, answer]))
        assert self.harness.outcomes()[action].kind is OutcomeKind.ANSWERED

    def profiles(self) -> list[tuple[Any, Any]]:
        """Connector or EVSE, and id, of the known profiles."""
        found = [(row, row["chargingProfile"]) for row in self.holdings.profiles("CP1")]
        return [
            (row.get("connectorId", row.get("evseId")), each.get("id", each.get("chargingProfileId")))
            for row, each in found
        ]


@pytest.fixture
def old() -> Desk:
    return Desk("ocpp1.6")


@pytest.fixture
def new() -> Desk:
    return Desk("ocpp2.0.1")


def test_configuration_is_known_as_far_as_it_was_told(old: Desk) -> None:
    """Keys that were read or changed are known; refused changes and unknown keys are not."""
    told = [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
    ]
    old.ask("GetConfiguration", {}, {"configurationKey": told})
    old.ask("ChangeConfiguration", {"key": "heartbeatinterval", "value": "60"}, {"status": "RebootRequired"})
    old.ask("ChangeConfiguration", {"key": "NumberOfConnectors", "value": "9"}, {"status": "Rejected"})
    assert old.holdings.configuration("CP1") == [
        {"key": "heartbeatinterval", "value": "60", "readonly": False, "needs_reboot": True},
        {"key": "NumberOfConnectors", "value": "2", "readonly": True, "needs_reboot": False},
    ]
    old.ask("GetConfiguration", {"key": ["NumberOfConnectors"]}, {"unknownKey": ["NumberOfConnectors"]})
    assert [row["key"] for row in old.holdings.configuration("CP1")] == ["heartbeatinterval"]


def test_a_password_is_never_kept(old: Desk, new: Desk) -> None:
    """A password that was set is known to be there, and no more."""
    old.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": "0123"}, {"status": "Accepted"})
    assert old.holdings.configuration("CP1")[0]["value"] == "***"
    place = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    result = {**place, "attributeStatus": "Accepted"}
    wish = {"setVariableData": [{**place, "attributeValue": "0123456789abcdef"}]}
    new.ask("SetVariables", wish, {"setVariableResult": [result]})
    assert new.stations.variables("CP1")[0]["variableAttribute"] == [{"type": "Actual", "value": "***"}]


def test_a_local_list_is_known_in_whole_and_in_parts(old: Desk) -> None:
    """A full list replaces, a differential one adds and removes, a refused one changes nothing."""

    def send(version: int, kind: str, entries: dict[str, str | None], status: str = "Accepted") -> dict[str, Any]:
        data = [{"idTag": tag, **({"idTagInfo": {"status": each}} if each else {})} for tag, each in entries.items()]
        payload = {"listVersion": version, "updateType": kind, "localAuthorizationList": data}
        old.ask("SendLocalList", payload, {"status": status})
        found = old.holdings.local_list("CP1")
        tags = {each["idTag"]: each["idTagInfo"]["status"] for each in found["entries"]}
        return {"version": found["version"], **tags}

    assert old.holdings.local_list("CP1") == {"version": None, "entries": []}
    assert send(1, "Full", {"A": "Accepted", "B": "Accepted"}) == {"version": 1, "A": "Accepted", "B": "Accepted"}
    assert send(2, "Differential", {"b": None, "C": "Blocked"}) == {"version": 2, "A": "Accepted", "C": "Blocked"}
    assert send(9, "Full", {"D": "Accepted"}, "VersionMismatch")["version"] == 2
    old.ask("GetLocalListVersion", {}, {"listVersion": 2})
    assert len(old.holdings.local_list("CP1")["entries"]) == 2
    old.ask("GetLocalListVersion", {}, {"listVersion": 0})  # somebody else has changed it
    assert old.holdings.local_list("CP1") == {"version": 0, "entries": []}


def test_profiles_of_16_replace_and_clear_each_other(old: Desk) -> None:
    """The same id, or the same connector, purpose and level: replaced. Clearing takes the id, or all that fits."""

    def put(connector: int, status: str = "Accepted", **change: Any) -> None:
        payload = {"connectorId": connector, "csChargingProfiles": {**PROFILE_16, **change}}
        old.ask("SetChargingProfile", payload, {"status": status})

    put(1)
    put(1, chargingProfileId=2)
    put(1, chargingProfileId=3, stackLevel=1)
    put(2, chargingProfileId=4)
    put(2, "Rejected", chargingProfileId=5, stackLevel=2)
    assert old.profiles() == [(1, 2), (1, 3), (2, 4)]
    put(1, chargingProfileId=4, stackLevel=7)
    assert old.profiles() == [(1, 2), (1, 3), (1, 4)]
    old.ask("ClearChargingProfile", {"id": 3, "connectorId": 9}, {"status": "Accepted"})
    assert old.profiles() == [(1, 2), (1, 4)]
    old.ask("ClearChargingProfile", {"connectorId": 1, "stackLevel": 7}, {"status": "Accepted"})
    old.ask("ClearChargingProfile", {"chargingProfilePurpose": "TxDefaultProfile"}, {"status": "Unknown"})
    assert old.profiles() == [(1, 2)]
    old.ask("ClearChargingProfile", {}, {"status": "Accepted"})
    assert old.profiles() == []


def test_profiles_of_201_are_set_reported_and_cleared(new: Desk) -> None:
    """What was accepted and what was reported stand together; criteria clear what fits."""

    def put(evse: int, profile_id: int, status: str = "Accepted") -> None:
        payload = {"evseId": evse, "chargingProfile": {**PROFILE_201, "id": profile_id, "stackLevel": profile_id}}
        new.ask("SetChargingProfile", payload, {"status": status})

    put(1, 1)
    put(2, 2)
    put(1, 3, "Rejected")
    reported = {**PROFILE_201, "id": 9, "chargingProfilePurpose": "ChargingStationExternalConstraints"}
    payload = {"requestId": 1, "evseId": 0, "chargingLimitSource": "EMS", "chargingProfile": [reported]}
    assert new.harness.result(new.connection, "ReportChargingProfiles", payload) == {}
    assert new.profiles() == [(1, 1), (2, 2), (0, 9)]
    new.ask("ClearChargingProfile", {"chargingProfileCriteria": {"evseId": 2}}, {"status": "Accepted"})
    new.ask("ClearChargingProfile", {"chargingProfileId": 1}, {"status": "Accepted"})
    new.ask("ClearChargingProfile", {"chargingProfileId": 9}, {"status": "Unknown"})
    assert new.profiles() == [(0, 9)]


def test_the_device_model_follows_what_is_read_and_set(new: Desk) -> None:
    """GetVariables and SetVariables write single attributes into what was reported before."""
    place = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    report = {**place, "variableAttribute": [{"value": "300", "mutability": "ReadWrite"}]}
    payload = {"requestId": 1, "generatedAt": "2026-03-01T10:00:00Z", "seqNo": 0, "reportData": [report]}
    assert new.harness.result(new.connection, "NotifyReport", payload) == {}
    wish = {"setVariableData": [{**place, "attributeValue": "60"}]}
    new.ask("SetVariables", wish, {"setVariableResult": [{**place, "attributeStatus": "Accepted"}]})
    target = {**place, "attributeType": "Target"}
    told = [
        {**target, "attributeStatus": "Accepted", "attributeValue": "30"},
        {**place, "variable": {"name": "Nothing"}, "attributeStatus": "UnknownVariable"},
    ]
    new.ask("GetVariables", {"getVariableData": [target]}, {"getVariableResult": told})
    (known,) = new.stations.variables("CP1")
    assert known["variableAttribute"] == [
        {"value": "60", "mutability": "ReadWrite"},
        {"type": "Target", "value": "30"},
    ]


def test_a_list_of_201_is_known_by_type_and_token(new: Desk) -> None:
    """Tokens of different types do not take each other's place."""
    tokens = [{"idToken": "AB", "type": kind} for kind in ("ISO14443", "Central")]
    entries = [{"idToken": each, "idTokenInfo": {"status": "Accepted"}} for each in tokens]
    payload = {"versionNumber": 4, "updateType": "Full", "localAuthorizationList": entries}
    new.ask("SendLocalList", payload, {"status": "Accepted"})
    gone = {"versionNumber": 5, "updateType": "Differential", "localAuthorizationList": [{"idToken": tokens[0]}]}
    new.ask("SendLocalList", gone, {"status": "Accepted"})
    assert new.holdings.local_list("CP1") == {"version": 5, "entries": [entries[1]]}
    new.ask("GetLocalListVersion", {}, {"versionNumber": 5})
    assert new.holdings.local_list("CP1")["entries"] == [entries[1]]


def test_certificates_are_known_as_last_told(old: Desk, new: Desk) -> None:
    """A list replaces what was known of its types; a deleted certificate is gone."""
    kind = "ManufacturerRootCertificate"
    old.ask(
        "GetInstalledCertificateIds",
        {"certificateType": kind},
        {"status": "Accepted", "certificateHashData": [HASH, {**HASH, "serialNumber": "d4"}]},
    )
    old.ask("DeleteCertificate", {"certificateHashData": HASH}, {"status": "Accepted"})
    found = [{"certificateType": kind, "certificateHashData": {**HASH, "serialNumber": "d4"}}]
    assert old.holdings.certificates("CP1") == found
    old.ask("GetInstalledCertificateIds", {"certificateType": kind}, {"status": "NotFound"})
    assert old.holdings.certificates("CP1") == []
    chain = {"certificateType": "CSMSRootCertificate", "certificateHashData": HASH}
    new.ask("GetInstalledCertificateIds", {}, {"status": "Accepted", "certificateHashDataChain": [chain]})
    assert new.holdings.certificates("CP1") == [chain]
    new.ask("DeleteCertificate", {"certificateHashData": HASH}, {"status": "Failed"})
    assert new.holdings.certificates("CP1") == [chain]
    new.ask("DeleteCertificate", {"certificateHashData": HASH}, {"status": "NotFound"})
    assert new.holdings.certificates("CP1") == []


def test_a_handler_of_answers_may_command_and_fail(caplog: pytest.LogCaptureFixture) -> None:
    """It may ask for the next call and publish events; what it raises changes nothing for the caller."""
    router = Router()

    @router.answered("ocpp1.6", "ClearCache")
    def next_step(context: Context, request: ClearCacheRequest, response: ClearCacheResponse) -> None:
        assert isinstance(request, ClearCacheRequest)
        if response.status == "Rejected":
            raise RuntimeError("no luck")
        context.emit("cleared")
        context.command("Heartbeat", HeartbeatRequest())

    desk = Desk("ocpp1.6", router)
    desk.ask("ClearCache", {}, {"status": "Accepted"})
    assert [each[2] for each in desk.harness.sent()] == ["Heartbeat"]
    assert len(desk.harness.events("cleared")) == 1
    desk = Desk("ocpp1.6", router)
    desk.ask("ClearCache", {}, {"status": "Rejected"})
    assert "no luck" in caplog.text
    desk.ask("ClearCache", {}, {"status": "Sideways"})  # breaks its schema: nobody is told
    assert desk.harness.events("cleared") == []
    desk.ask("ClearCache", {"why": 1}, {"status": "Accepted"})  # so does the request, sent unchecked
    assert desk.harness.events("cleared") == []
