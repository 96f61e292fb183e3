"""Reading and writing messages: what is reported when a text breaks the rules, and what can be saved from it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from ocpp_client.errors import OcppError
from ocpp_client.messages import (
    MAX_VIOLATIONS,
    Message,
    MessageInvalid,
    Violation,
    ViolationKind,
    from_wire,
    salvage,
    to_wire,
)
from ocpp_client.v16 import (
    BootNotificationRequest,
    BootNotificationResponse,
    GetConfigurationRequest,
    GetConfigurationResponse,
    IdTagInfo,
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    SetChargingProfileRequest,
    StartTransactionResponse,
)
from ocpp_client.v201 import CustomDataType, DataTransferRequest, GetReportRequest, HeartbeatRequest
from ocpp_client.v201 import SetVariablesRequest as SetVariablesRequest201

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def _violations(model: type[Message], text: str | bytes) -> tuple[Violation, ...]:
    with pytest.raises(MessageInvalid) as caught:
        from_wire(model, text)
    return caught.value.violations


def _only(model: type[Message], text: str | bytes) -> tuple[ViolationKind, str]:
    (violation,) = _violations(model, text)
    return violation.kind, violation.path


def test_writes_compact_json_with_wire_names_and_without_absent_fields() -> None:
    """The text has no spaces, wire names in schema order, and nothing for a field that is None."""
    request = MeterValuesRequest(
        connector_id=1,
        meter_value=(MeterValue(timestamp=NOON, sampled_value=(SampledValue(value="7.4", unit="kW", phase=None),)),),
    )
    assert to_wire(request) == (
        '{"connectorId":1,"meterValue":[{"timestamp":"2024-05-01T12:00:00.000Z",'
        '"sampledValue":[{"value":"7.4","unit":"kW"}]}]}'
    )


def test_writes_text_beyond_ascii_as_it_is() -> None:
    """Characters beyond ASCII are sent as UTF-8, not escaped."""
    assert to_wire(IdTagInfo(status="Accepted", parent_id_tag="ÄÖ€")) == '{"parentIdTag":"ÄÖ€","status":"Accepted"}'


def test_what_cannot_be_utf8_is_refused_before_it_is_sent() -> None:
    """Half a surrogate pair in our own data fails when the message is made, or in `to_wire` if it hides in free JSON."""
    with pytest.raises(ValueError, match="unicode"):
        IdTagInfo(status="Accepted", parent_id_tag="\ud800")
    with pytest.raises(ValueError, match="surrogates not allowed"):
        to_wire(DataTransferRequest(vendor_id="v", data="\ud800"))


def test_a_mistake_of_our_own_code_is_told_without_the_value() -> None:
    """The error of a constructor names the field and the rule, not what was given."""
    with pytest.raises(ValidationError) as caught:
        BootNotificationRequest(charge_point_vendor="secret" * 9, charge_point_model="m")
    assert "at most 20 characters" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("form", [str, str.encode])
def test_reads_text_and_bytes(form: type[str]) -> None:
    """A payload may be read from a slice of text or from the bytes of a frame."""
    text = '{"status":"Accepted","currentTime":"2024-05-01T12:00:00Z","interval":300}'
    read = from_wire(BootNotificationResponse, form(text))
    assert read == BootNotificationResponse(status="Accepted", current_time=NOON, interval=300)


def test_a_message_cannot_be_changed() -> None:
    """Messages are values: what was sent and what was logged stay the same."""
    request = BootNotificationRequest(charge_point_vendor="v", charge_point_model="m")
    with pytest.raises(ValidationError):
        request.charge_point_model = "n"  # type: ignore[misc]


def test_python_names_are_not_accepted_from_the_wire() -> None:
    """A peer must use wire names, although our own code uses Python names with the same models."""
    violations = _violations(GetConfigurationResponse, '{"unknown_key":[]}')
    assert violations == (Violation(ViolationKind.EXTRA, "unknown_key", "is not a field of this object"),)


@pytest.mark.parametrize("text", ["", "{", "{}x", '{"key":[],}', b"\xff{}", "\ufeff{}", "[" * 1000])
def test_reports_what_is_no_json(text: str | bytes) -> None:
    """Broken JSON, broken UTF-8 and JSON that is too deep are one violation, and no crash."""
    assert _only(GetConfigurationRequest, text) == (ViolationKind.NOT_JSON, "")


@pytest.mark.parametrize("text", ["[]", "null", "1", '"text"', "true"])
def test_reports_a_payload_that_is_no_object(text: str) -> None:
    """A payload of another JSON type is told from an object with wrong fields."""
    assert _only(GetConfigurationRequest, text) == (ViolationKind.NOT_OBJECT, "")


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ('{"meterValue":[{"timestamp":"2024-05-01T12:00:00Z","sampledValue":[{"value":"1"}]}]}', "MISSING", "connectorId"),
        ('{"connectorId":1,"meterValue":[]}', "CARDINALITY", "meterValue"),
        ('{"connectorId":1,"meterValue":{}}', "TYPE", "meterValue"),
        ('{"connectorId":1,"meterValue":[7]}', "TYPE", "meterValue[0]"),
        ('{"connectorId":1,"meterValue":[{"timestamp":"2024-05-01T12:00:00Z","sampledValue":[{"value":"1"},{"value":2}]}]}',
         "TYPE", "meterValue[0].sampledValue[1].value"),
        ('{"connectorId":1,"meterValue":[{"timestamp":"2024-05-01T12:00:00Z","sampledValue":[{"value":"1","unit":"Ws"}]}]}',
         "VALUE", "meterValue[0].sampledValue[0].unit"),
        ('{"connectorId":1,"meterValue":[{"timestamp":"2024-05-01T12:00:00Z","sampledValue":[{"value":"1","unit":5}]}]}',
         "TYPE", "meterValue[0].sampledValue[0].unit"),
    ],
)  # fmt: skip
def test_names_kind_and_place_of_a_violation(text: str, kind: str, path: str) -> None:
    """One broken rule is one violation, with the path in wire names."""
    assert _only(MeterValuesRequest, text) == (ViolationKind[kind], path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"requestId":1,"componentVariable":[]}', "needs at least 1 items"),
        ('{"requestId":1,"componentCriteria":["Active","Active","Active","Active","Active"]}', "may hold at most 4 items"),
        ('{"requestId":1,"componentCriteria":["Broken"]}', "input should be 'Active', 'Available'"),
        ("{}", "is required"),
    ],
)  # fmt: skip
def test_says_in_words_what_is_wrong(text: str, words: str) -> None:
    """The description of a CALLERROR is made of these texts, for a person at the other end."""
    (violation,) = _violations(GetReportRequest, text)
    assert words in violation.text


def test_reports_all_violations_of_a_text() -> None:
    """A text that breaks several rules is answered once, with all of them."""
    violations = _violations(BootNotificationRequest, '{"chargePointVendor":"' + "x" * 21 + '","colour":"red"}')
    assert [(violation.kind, violation.path) for violation in violations] == [
        (ViolationKind.VALUE, "chargePointVendor"),
        (ViolationKind.MISSING, "chargePointModel"),
        (ViolationKind.EXTRA, "colour"),
    ]


def test_a_report_is_bounded() -> None:
    """A hostile text with thousands of errors and endless names gives a short report."""
    fields = ",".join(f'"{"n" * 500}{number}":1' for number in range(1000))
    with pytest.raises(MessageInvalid) as caught:
        from_wire(GetConfigurationRequest, "{" + fields + "}")
    assert len(caught.value.violations) == MAX_VIOLATIONS
    assert len(str(caught.value)) < 3000


def test_a_report_holds_no_values() -> None:
    """What a field held never reaches an error text: it may be a password or a token."""
    text = (
        '{"chargePointVendor":17171717,"chargePointModel":"'
        + "secret" * 9
        + '","iccid":["secret"],"imsi":{"a":"secret"}}'
    )
    with pytest.raises(MessageInvalid) as caught:
        from_wire(BootNotificationRequest, text)
    assert len(caught.value.violations) == 4
    assert "secret" not in str(caught.value)
    assert "1717" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_report_is_an_error_of_this_room_and_a_value_error() -> None:
    """Callers may catch the room's root or the builtin."""
    assert issubclass(MessageInvalid, OcppError)
    assert issubclass(MessageInvalid, ValueError)


@pytest.mark.parametrize(
    ("model", "text", "path"),
    [
        (GetConfigurationRequest, '{"key":null}', "key"),
        (GetConfigurationResponse, '{"configurationKey":[{"key":"k","readonly":true,"value":null}]}', "configurationKey[0].value"),
        (StartTransactionResponse, '{"transactionId":1,"idTagInfo":{"status":"Accepted","expiryDate":null}}', "idTagInfo.expiryDate"),
        (HeartbeatRequest, '{"customData":null}', "customData"),
    ],
)  # fmt: skip
def test_null_for_an_absent_field_is_refused(model: type[Message], text: str, path: str) -> None:
    """An optional field is left out, not null, at every depth."""
    assert _violations(model, text.encode()) == _violations(model, text)
    assert _only(model, text) == (ViolationKind.TYPE, path)


def test_the_word_null_inside_a_text_is_harmless() -> None:
    """Only the JSON value null is refused."""
    assert from_wire(GetConfigurationRequest, '{"key":["null"]}').key == ("null",)


def test_nulls_inside_free_json_and_custom_data_are_allowed() -> None:
    """Where the schema allows anything, null is allowed too."""
    request = from_wire(DataTransferRequest, '{"vendorId":"v","data":null,"customData":{"vendorId":"v","more":null}}')
    assert request.data is None
    assert request.custom_data is not None
    assert request.custom_data.model_extra == {"more": None}


def test_custom_data_keeps_what_it_does_not_know() -> None:
    """Custom data may hold any fields besides the vendor; they come back as they were."""
    text = '{"customData":{"vendorId":"v","n":1,"deep":{"a":[null]}}}'
    assert to_wire(from_wire(HeartbeatRequest, text)) == text
    assert to_wire(HeartbeatRequest(custom_data=CustomDataType(vendor_id="v"))) == '{"customData":{"vendorId":"v"}}'


def test_an_invalid_item_is_not_reported_as_a_missing_one() -> None:
    """The one item of a list that needs one is invalid: the report names the item only."""
    text = '{"setVariableData":[{"component":{"name":"c"},"variable":{"name":"v"}}]}'
    assert _only(SetVariablesRequest201, text) == (ViolationKind.MISSING, "setVariableData[0].attributeValue")


def test_salvages_the_valid_fields_of_an_answer() -> None:
    """An answer with a wrong interval and a surplus field still tells status and time."""
    answer = {"status": "Accepted", "currentTime": "2024-05-01T12:00:00Z", "interval": "300", "vendor": "x"}
    assert salvage(BootNotificationResponse, answer) == {"status": "Accepted", "current_time": NOON}


def test_salvages_nothing_from_fields_that_break_a_rule() -> None:
    """Wrong enumerations, nulls (outside and inside), lone surrogates and endless depth are left out."""
    deep: object = 1
    for _ in range(400):
        deep = [deep]
    assert salvage(StartTransactionResponse, {"transactionId": None, "idTagInfo": {"status": "Maybe"}}) == {}
    assert salvage(StartTransactionResponse, {"idTagInfo": {"status": "Accepted", "parentIdTag": None}}) == {}
    assert salvage(GetConfigurationResponse, {"unknownKey": ["\ud800"], "configurationKey": deep}) == {}


def test_salvages_nested_fields_whole() -> None:
    """A field that is an object is usable only if all of it is."""
    answer = {"transactionId": 7.5, "idTagInfo": {"status": "Accepted", "expiryDate": "2024-05-01T12:00:00Z"}}
    assert salvage(StartTransactionResponse, answer) == {"id_tag_info": IdTagInfo(status="Accepted", expiry_date=NOON)}


def test_a_limit_keeps_its_tenth_through_both_directions() -> None:
    """A charging profile with 16.1 A is read, written and read again without noise."""
    text = (
        '{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,'
        '"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Relative",'
        '"chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.1}]}}}'
    )
    request = from_wire(SetChargingProfileRequest, text)
    assert request.cs_charging_profiles.charging_schedule.charging_schedule_period[0].limit == Decimal("16.1")
    assert to_wire(request) == text
