"""Wrong messages from the central system: the right CALLERROR or silence, nothing changed, the connection kept, a line in the log.

Codes and their spelling are those of OCPP-J 1.6, section 4.2.3.
"""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import Play, play

LONG_ID = "x" * 37
PROFILE_LIMIT = (
    '{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative",'
    '"chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":%s}]}}'
)

# What is sent, and the code of the CALLERROR for the id "b".
ANSWERED: dict[str, tuple[str, str]] = {
    "a payload that is no JSON": ('[2,"b","GetConfiguration",{"key":["a"}]', "FormationViolation"),
    "a message that breaks off": ('[2,"b","ChangeConfiguration",{"key":"HeartbeatInterval","va', "FormationViolation"),
    "three items": ('[2,"b","ClearCache"]', "FormationViolation"),
    "five items": ('[2,"b","ClearCache",{},{}]', "FormationViolation"),
    "an action that is no string": ('[2,"b",17,{}]', "FormationViolation"),
    "a list for a payload": ('[2,"b","ClearCache",[]]', "ProtocolError"),
    "text for a payload": ('[2,"b","ClearCache","{}"]', "ProtocolError"),
    "an unknown action": ('[2,"b","MakeCoffee",{}]', "NotImplemented"),
    "an action in other letters": ('[2,"b","clearcache",{}]', "NotImplemented"),
    "an action of the other side": ('[2,"b","Heartbeat",{}]', "NotSupported"),
    "no required field": ('[2,"b","ChangeConfiguration",{"key":"HeartbeatInterval"}]', "OccurenceConstraintViolation"),
    "an empty payload": ('[2,"b","RemoteStartTransaction",{}]', "OccurenceConstraintViolation"),
    "a field too many": (
        '[2,"b","ChangeConfiguration",{"key":"HeartbeatInterval","value":"9","why":1}]',
        "FormationViolation",
    ),
    "a number for text": (
        '[2,"b","ChangeConfiguration",{"key":"HeartbeatInterval","value":9}]',
        "TypeConstraintViolation",
    ),
    "text for a number": (
        '[2,"b","ChangeAvailability",{"connectorId":"1","type":"Inoperative"}]',
        "TypeConstraintViolation",
    ),
    "null for an optional field": (
        '[2,"b","RemoteStartTransaction",{"idTag":"A","connectorId":null}]',
        "TypeConstraintViolation",
    ),
    "text for a list": ('[2,"b","GetConfiguration",{"key":"HeartbeatInterval"}]', "TypeConstraintViolation"),
    "true for a number": (
        '[2,"b","ChangeAvailability",{"connectorId":true,"type":"Inoperative"}]',
        "TypeConstraintViolation",
    ),
    "a fraction for a whole number": ('[2,"b","UnlockConnector",{"connectorId":1.5}]', "TypeConstraintViolation"),
    "a word that is none of the words": ('[2,"b","Reset",{"type":"Warm"}]', "PropertyConstraintViolation"),
    "a word in other letters": ('[2,"b","Reset",{"type":"soft"}]', "PropertyConstraintViolation"),
    "text that is too long": (
        '[2,"b","RemoteStartTransaction",{"idTag":"123456789012345678901"}]',
        "PropertyConstraintViolation",
    ),
    "a key that is too long": (f'[2,"b","GetConfiguration",{{"key":["{"k" * 51}"]}}]', "PropertyConstraintViolation"),
    "a value that is too long": (
        f'[2,"b","ChangeConfiguration",{{"key":"StopTxnSampledData","value":"{"v" * 501}"}}]',
        "PropertyConstraintViolation",
    ),
    "a date that is none": (
        '[2,"b","ReserveNow",{"connectorId":1,"expiryDate":"tomorrow","idTag":"A","reservationId":1}]',
        "PropertyConstraintViolation",
    ),
    "NaN": ('[2,"b","ChangeAvailability",{"connectorId":NaN,"type":"Inoperative"}]', "FormationViolation"),
    "Infinity": (
        f'[2,"b","RemoteStartTransaction",{{"idTag":"A","chargingProfile":{PROFILE_LIMIT % "Infinity"}}}]',
        "FormationViolation",
    ),
    "a number beyond every number": (
        f'[2,"b","RemoteStartTransaction",{{"idTag":"A","chargingProfile":{PROFILE_LIMIT % "1e999"}}}]',
        "PropertyConstraintViolation",
    ),
    "an integer beyond every integer": (
        f'[2,"b","ChangeAvailability",{{"connectorId":{"9" * 400},"type":"Inoperative"}}]',
        "PropertyConstraintViolation",
    ),
    "nesting without end": ('[2,"b","GetConfiguration",{"key":' + "[" * 5000 + "]" * 5000 + "}]", "FormationViolation"),
}

# What nobody can answer: no readable id, or not a CALL.
IGNORED: dict[str, str] = {
    "no JSON at all": "hello",
    "nothing": "",
    "an object": '{"action":"ClearCache"}',
    "a number": "42",
    "an empty array": "[]",
    "only a type": "[2]",
    "an id that is a number": '[2,17,"ClearCache",{}]',
    "an id that is null": '[2,null,"ClearCache",{}]',
    "a type that does not exist": '[7,"b","ClearCache",{}]',
    "a type that is text": '["2","b","ClearCache",{}]',
    "a result for nobody": '[3,"nobody",{}]',
    "a result that is no JSON": '[3,"nobody",{"a":}]',
    "an error for nobody": '[4,"nobody","InternalError","",{}]',
    "an error that is none": '[4,"nobody"]',
    "a text with a lone surrogate": '[2,"\\ud800","ClearCache",{}',
}


def _state(stage: Play) -> dict[str, Any]:
    """What a message could have changed."""
    station = stage.app.engine.station
    return {
        "settings": dict(station.settings),
        "evses": [(evse.operative, evse.auth.state, evse.tx, evse.plug) for evse in station.evses.values()],
        "operative": station.context.operative,
        "halting": station.context.halting,
        "statuses": [stage.status_now(number) for number in (0, 1, 2)],
    }


async def _unharmed(stage: Play, before: dict[str, Any], name: str) -> None:
    assert _state(stage) == before, name
    assert len(stage.csms.connections) == 1, name
    assert await stage.key("NumberOfConnectors") == "2", name


def test_a_wrong_call_is_refused_with_the_right_code(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each fault has its code; after all of them the station is as it was."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        await stage.status("Preparing")
        before = _state(stage)
        for name, (text, code) in ANSWERED.items():
            caplog.clear()
            answer = await stage.csms.answer_to(text, "b")
            assert answer[:3] == [4, "b", code], name
            assert len(answer) == 5, name
            assert isinstance(answer[3], str), name
            assert isinstance(answer[4], dict), name
            if code != "NotSupported":
                lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
                assert lines, f"no line in the log for {name}"
            await _unharmed(stage, before, name)

    caplog.set_level(logging.INFO)
    play(tmp_path, scenario)


def test_what_cannot_be_answered_is_logged_and_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No answer, a line in the log, and the connection goes on."""

    async def scenario(stage: Play) -> None:
        before = _state(stage)
        for name, text in IGNORED.items():
            caplog.clear()
            received = len(stage.csms.received)
            await stage.csms.say(text)
            await asyncio.sleep(1)
            assert len(stage.csms.received) == received, name
            assert any(record.levelno >= logging.WARNING for record in caplog.records), name
            await _unharmed(stage, before, name)

    caplog.set_level(logging.INFO)
    play(tmp_path, scenario)


def test_an_id_that_is_too_long_is_refused_under_itself(tmp_path: Path) -> None:
    """More than 36 characters: the sender is told so, and nothing is carried out."""

    async def scenario(stage: Play) -> None:
        before = _state(stage)
        text = json.dumps([2, LONG_ID, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "9"}])
        answer = await stage.csms.answer_to(text, LONG_ID)
        assert answer[:3] == [4, LONG_ID, "FormationViolation"]
        await _unharmed(stage, before, "long id")

    play(tmp_path, scenario)


def test_binary_messages_are_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """OCPP is text: a binary frame, even one that would be a call, does nothing."""

    async def scenario(stage: Play) -> None:
        before = _state(stage)
        received = len(stage.csms.received)
        for data in (b"", b"\x00\xff\xfe", b'[2,"b","Reset",{"type":"Hard"}]'):
            await stage.csms.say(data)
        await asyncio.sleep(1)
        assert len(stage.csms.received) == received
        assert "binary message ignored" in caplog.text
        await _unharmed(stage, before, "binary")

    play(tmp_path, scenario)


@pytest.mark.parametrize("where", ["value", "field", "list", "blank"])
def test_a_message_of_a_megabyte_is_refused_like_any_other(tmp_path: Path, where: str) -> None:
    """One million characters in a value, in a field that does not belong there, in a list, or as blanks: the link stands."""
    million = "m" * 1_000_000
    texts = {
        "value": (f'[2,"b","ChangeConfiguration",{{"key":"HeartbeatInterval","value":"{million}"}}]', 4),
        "field": (f'[2,"b","ClearCache",{{"{million}":1}}]', 4),
        "list": ('[2,"b","GetConfiguration",{"key":[' + ",".join(['"k"'] * 250_000) + "]}]", 4),
        "blank": ('[2,"b","ClearCache",{' + " " * 1_000_000 + "}]", 3),
    }

    async def scenario(stage: Play) -> None:
        text, kind = texts[where]
        answer = await stage.csms.answer_to(text, "b")
        assert answer[0] == kind
        assert len(json.dumps(answer)) < 2000
        assert len(stage.csms.connections) == 1
        assert await stage.key("NumberOfConnectors") == "2"

    play(tmp_path, scenario)


def test_null_stands_for_an_empty_payload(tmp_path: Path) -> None:
    """Some servers send null where there is nothing to say."""

    async def scenario(stage: Play) -> None:
        answer = await stage.csms.answer_to('[2,"b","ClearCache",null]', "b")
        assert answer == [3, "b", {"status": "Accepted"}]

    play(tmp_path, scenario)


def test_a_repeated_call_is_answered_again_and_executed_once(tmp_path: Path) -> None:
    """The same message under the same id gets the same answer; what it did is not done twice."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        start = '[2,"again","RemoteStartTransaction",{"idTag":"04A1","connectorId":1}]'
        first = await stage.csms.answer_to(start, "again")
        await stage.status("Charging")
        second = await stage.csms.answer_to(start, "again")
        assert first == second == [3, "again", {"status": "Accepted"}]
        await asyncio.sleep(10)
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario)


def test_bad_answers_harm_as_little_as_bad_calls(tmp_path: Path) -> None:
    """Answers that are no JSON, too long, of the wrong type or twice: the charge comes out exact."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts = {
            "StatusNotification": lambda call: f'[3,"{call.id}",{{"a":}}]',
            "MeterValues": lambda call: f'[3,"{call.id}",{json.dumps("m" * 1_000_000)}]',
            "Heartbeat": lambda call: f'[3,"{call.id}",{{"currentTime":"never"}}]',
            "Authorize": lambda call: f'[4,"{call.id}",17,null,"x"]',
        }
        await stage.charge(100)
        await stage.finish()
        (transaction,) = stage.csms.transactions
        assert transaction["stop"]["meterStop"] == stage.meter_wh()
        assert len(stage.csms.connections) == 1

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true", "HeartbeatInterval": "20"})
