"""Our models and the published schemas judge alike, in both directions, but for the quirks in one table."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpp_client.messages import MessageInvalid, from_wire, to_wire
from tests.messages.models import instances
from tests.messages.schemas import Published, breakages, find, published, valid


@dataclass(frozen=True)
class Quirk:
    """A text on which we judge otherwise than the schema does, on purpose."""

    message: Published
    text: str
    reason: str


_MOMENT = '{"status":"Accepted","interval":1,"currentTime":"%s"}'
_BOOT = find("ocpp1.6", "BootNotificationResponse")
_SCHEDULE = (
    '{"status":"Accepted","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":'
    '[{"startPeriod":0,"limit":%s}]}}'
)

STRICTER = (
    Quirk(
        find("ocpp2.0.1", "MeterValuesRequest"),
        '{"evseId":1.0,"meterValue":[{"sampledValue":[{"value":1}],"timestamp":"2024-01-01T00:00:00Z"}]}',
        "draft 6 takes 1.0 for an integer, the specification's integers have no decimal point",
    ),
    Quirk(
        find("ocpp2.0.1", "HeartbeatResponse"),
        '{"currentTime":"2024-01-01T00:00:00Z","customData":{"vendorId":"v","n":1e999}}',
        "a number beyond the range of a double would become infinite",
    ),
    Quirk(
        find("ocpp1.6", "RemoteStopTransactionRequest"),
        '{"transactionId":9223372036854775808}',
        "the schemas bound no integer; ours fit into 64 bits",
    ),
    Quirk(_BOOT, _MOMENT % "tomorrow", "most validators do not check formats; a moment must be readable"),
    Quirk(_BOOT, _MOMENT % "2016-12-31T23:59:60Z", "no leap seconds: Python's calendar has none"),
    Quirk(_BOOT, _MOMENT % "1714560000", "a count of seconds is not a date"),
    Quirk(
        find("ocpp1.6", "AuthorizeRequest"),
        '{"idTag":"\\ud800"}',
        "half a surrogate pair cannot be written as UTF-8",
    ),
)

LAXER = (
    Quirk(
        find("ocpp1.6", "GetCompositeScheduleResponse"),
        _SCHEDULE % "8.2",
        "validators that divide binary floats find that 8.2 is no multiple of 0.1",
    ),
)


@pytest.mark.parametrize("quirk", STRICTER, ids=lambda quirk: quirk.reason)
def test_refuses_on_purpose_what_the_schema_accepts(quirk: Quirk) -> None:
    """Each text of the stricter half of the table passes the schema and is refused by the model."""
    assert quirk.message.accepts(quirk.text, exactly=False)
    with pytest.raises(MessageInvalid):
        from_wire(quirk.message.model, quirk.text)


@pytest.mark.parametrize("quirk", LAXER, ids=lambda quirk: quirk.reason)
def test_accepts_on_purpose_what_a_validator_of_the_schema_refuses(quirk: Quirk) -> None:
    """Each text of the laxer half of the table fails the schema and is accepted by the model."""
    assert not quirk.message.accepts(quirk.text, exactly=False)
    from_wire(quirk.message.model, quirk.text)


def _few(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


def _every(protocol: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("message", published(protocol), ids=str)


def _accepted_alike(message: Published, examples: int) -> None:
    @_few(examples)
    @given(valid(message))
    def judge(example: dict[str, object]) -> None:
        text = json.dumps(example)
        assert message.accepts(text)
        written = to_wire(from_wire(message.model, text))
        assert message.accepts(written)
        assert to_wire(from_wire(message.model, written)) == written

    judge()


def _written_right(message: Published, examples: int) -> None:
    @_few(examples)
    @given(instances(message.model))
    def judge(instance: object) -> None:
        assert isinstance(instance, message.model)
        text = to_wire(instance)
        assert message.accepts(text)
        assert to_wire(from_wire(message.model, text)) == text

    judge()


def _refused_alike(message: Published, examples: int) -> None:
    @_few(examples)
    @given(valid(message), st.data())
    def judge(example: dict[str, object], data: st.DataObject) -> None:
        broken = data.draw(st.sampled_from(breakages(message, example)))
        text = json.dumps(broken.value)
        assert not message.accepts(text)
        with pytest.raises(MessageInvalid) as caught:
            from_wire(message.model, text)
        assert [(found.kind, found.path) for found in caught.value.violations] == [(broken.kind, broken.path)]

    judge()


@_every("ocpp1.6")
class TestOcpp16:
    """OCPP 1.6, thoroughly: it is what the firmware speaks today."""

    def test_accepts_what_the_schema_accepts(self, message: Published) -> None:
        """Whatever the schema accepts is read, and written in a form the schema accepts."""
        _accepted_alike(message, 20)

    def test_writes_what_the_schema_accepts(self, message: Published) -> None:
        """Whatever our code can construct, the schema accepts on the wire."""
        _written_right(message, 20)

    def test_refuses_what_the_schema_refuses(self, message: Published) -> None:
        """One broken rule is refused by both, and our report names its kind and place."""
        _refused_alike(message, 30)


@_every("ocpp2.0.1")
class TestOcpp201:
    """OCPP 2.0.1: the generator is the same, so fewer examples of each message do."""

    def test_accepts_what_the_schema_accepts(self, message: Published) -> None:
        """Whatever the schema accepts is read, and written in a form the schema accepts."""
        _accepted_alike(message, 5)

    def test_writes_what_the_schema_accepts(self, message: Published) -> None:
        """Whatever our code can construct, the schema accepts on the wire."""
        _written_right(message, 5)

    def test_refuses_what_the_schema_refuses(self, message: Published) -> None:
        """One broken rule is refused by both, and our report names its kind and place."""
        _refused_alike(message, 8)


@_every("ocpp2.1")
class TestOcpp21:
    """OCPP 2.1: as for 2.0.1."""

    def test_accepts_what_the_schema_accepts(self, message: Published) -> None:
        """Whatever the schema accepts is read, and written in a form the schema accepts."""
        _accepted_alike(message, 3)

    def test_writes_what_the_schema_accepts(self, message: Published) -> None:
        """Whatever our code can construct, the schema accepts on the wire."""
        _written_right(message, 3)

    def test_refuses_what_the_schema_refuses(self, message: Published) -> None:
        """One broken rule is refused by both, and our report names its kind and place."""
        _refused_alike(message, 5)
