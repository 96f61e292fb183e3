"""Calls to stations: one on its way at a time, and every one has exactly one outcome."""

import json

import pytest

from csms import v16
from csms.core.effects import Await, OutcomeKind, Send, SetTimer
from csms.core.events import Restarted
from csms.core.policy import Policy
from csms.core.router import Context, Router
from ocpp_client.messages import Message
from tests.csms.harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness(v16.router())


def test_a_command_is_sent_as_given_and_answered(harness: Harness) -> None:
    """The payload goes out as the text it was, and the answer's payload becomes the outcome."""
    connection = harness.connect()
    harness.command("Reset", '{"type":"Soft"}')
    (send,) = [effect for effect in harness.effects if isinstance(effect, Send)]
    assert send.text == '[2,"csms-1","Reset",{"type":"Soft"}]'
    harness.now_s += 2
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    outcome = harness.outcomes()["k1"]
    assert (outcome.kind, outcome.response, outcome.violations) == ("answered", {"status": "Accepted"}, ())
    assert (outcome.message_id, outcome.elapsed_s) == ("csms-1", 2.0)
    assert SetTimer("CP1", "csms-1", None) in harness.effects


def test_a_callerror_is_an_outcome_of_its_own(harness: Harness) -> None:
    """Code, description and details of a CALLERROR reach whoever gave the command."""
    connection = harness.connect()
    harness.command()
    harness.text(connection, '[4,"csms-1","NotSupported","no",{"a":1}]')
    outcome = harness.outcomes()["k1"]
    assert outcome.kind is OutcomeKind.ERROR
    assert (outcome.error_code, outcome.error_description, outcome.error_details) == ("NotSupported", "no", {"a": 1})


def test_an_answer_against_the_schema_is_an_answer_with_violations(harness: Harness) -> None:
    """What the station said is handed on, with what is wrong about it."""
    connection = harness.connect()
    harness.command()
    harness.text(connection, '[3,"csms-1",{"status":"Perhaps"}]')
    outcome = harness.outcomes()["k1"]
    assert outcome.response == {"status": "Perhaps"}
    assert len(outcome.violations) == 1
    assert outcome.violations[0].startswith("status: ")


def test_a_malformed_answer_ends_its_call(harness: Harness) -> None:
    """An answer whose payload is no object ends the call instead of letting it time out."""
    connection = harness.connect()
    harness.command()
    harness.text(connection, '[3,"csms-1",[]]')
    outcome = harness.outcomes()["k1"]
    assert (outcome.response, outcome.violations) == (None, ("the payload is not an object",))


def test_one_call_is_on_its_way_at_a_time(harness: Harness) -> None:
    """The second command is sent when the first is answered, not before."""
    connection = harness.connect()
    harness.command(command_id="k1")
    harness.command("ClearCache", "{}", command_id="k2")
    assert harness.sent() == []
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    assert list(harness.outcomes()) == ["k1"]
    assert harness.sent() == [[2, "csms-2", "ClearCache", {}]]


def test_stations_do_not_wait_for_each_other(harness: Harness) -> None:
    """A call that one station does not answer delays no other station."""
    harness.connect("CP1")
    harness.connect("CP2")
    harness.command(station="CP1")
    harness.command(station="CP2")
    assert len(harness.sent()) == 1


def test_an_unanswered_call_times_out_and_the_next_one_goes(harness: Harness) -> None:
    """At the deadline the outcome is timeout and the queue moves on."""
    connection = harness.connect()
    harness.command(command_id="k1", timeout_s=10)
    harness.command(command_id="k2", timeout_s=60)
    harness.now_s += 10
    harness.timer("csms-1")
    assert harness.outcomes()["k1"].kind is OutcomeKind.TIMEOUT
    assert [each[1] for each in harness.sent(connection)] == ["csms-2"]


def test_a_late_answer_is_ignored_and_remarked(harness: Harness) -> None:
    """An answer after the time-out resolves nothing, least of all the next call."""
    connection = harness.connect()
    harness.command(command_id="k1", timeout_s=10)
    harness.now_s += 10
    harness.timer("csms-1")
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    assert harness.outcomes() == {}
    assert harness.remarks() == ["unexpected-answer"]


@pytest.mark.parametrize("text", ['[3,"x",{}]', '[4,"x","GenericError","",{}]', '[4,null,"GenericError","",{}]'])
def test_an_answer_to_nothing_is_remarked(harness: Harness, text: str) -> None:
    """An answer under an id we never used changes nothing, even while a call is on its way."""
    connection = harness.connect()
    harness.command()
    harness.text(connection, text)
    assert harness.outcomes() == {}
    assert harness.remarks() == ["unexpected-answer"]


def test_a_command_in_the_queue_expires_without_being_sent(harness: Harness) -> None:
    """A deadline that passes in the queue means expired: the station never sees that command."""
    connection = harness.connect()
    harness.command(command_id="k1", timeout_s=60)
    harness.command(command_id="k2", timeout_s=5)
    harness.now_s += 5
    harness.timer("csms-2")
    outcome = harness.outcomes()["k2"]
    assert (outcome.kind, outcome.message_id) == (OutcomeKind.EXPIRED, None)
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    assert harness.sent() == []


def test_a_command_that_expired_unnoticed_is_skipped(harness: Harness) -> None:
    """A waiting command past its deadline is not sent even if its timer has not come yet."""
    connection = harness.connect()
    harness.command(command_id="k1", timeout_s=60)
    harness.command(command_id="k2", timeout_s=5)
    harness.now_s += 6
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    assert harness.outcomes()["k2"].kind is OutcomeKind.EXPIRED
    assert harness.sent() == []


def test_a_command_past_its_deadline_is_expired_at_once(harness: Harness) -> None:
    """A command that was delayed on its way here beyond its deadline goes nowhere."""
    harness.connect()
    harness.command(timeout_s=0)
    assert harness.outcomes()["k1"].kind is OutcomeKind.EXPIRED
    assert harness.sent() == []


def test_a_timer_that_comes_early_is_set_again(harness: Harness) -> None:
    """A timer before its deadline ends nothing."""
    harness.connect()
    harness.command(timeout_s=10)
    harness.now_s += 9
    assert harness.timer("csms-1") == [SetTimer("CP1", "csms-1", 1010.0)]


def test_a_timer_for_a_call_that_ended_does_nothing(harness: Harness) -> None:
    """The timer of an answered call finds nothing to end."""
    connection = harness.connect()
    harness.command()
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    assert harness.timer("csms-1") == []


def test_a_station_that_is_not_connected_is_told_at_once(harness: Harness) -> None:
    """Nobody waits for a time-out of a station that is not there."""
    harness.command()
    outcome = harness.outcomes()["k1"]
    assert (outcome.kind, outcome.message_id) == (OutcomeKind.NOT_CONNECTED, None)


def test_a_lost_connection_ends_every_command(harness: Harness) -> None:
    """The call on its way and those that wait end with not_connected when the station is gone."""
    connection = harness.connect()
    harness.command(command_id="k1")
    harness.command(command_id="k2")
    harness.disconnect(connection)
    kinds = {command_id: (outcome.kind, outcome.message_id) for command_id, outcome in harness.outcomes().items()}
    assert kinds == {"k1": ("not_connected", "csms-1"), "k2": ("not_connected", None)}


def test_a_waiting_command_moves_to_the_newer_connection(harness: Harness) -> None:
    """When a newer connection takes over, the call on its way ends and the next one goes out there."""
    harness.connect()
    harness.command(command_id="k1")
    harness.command(command_id="k2")
    newer = harness.connect()
    assert harness.outcomes()["k1"].kind is OutcomeKind.NOT_CONNECTED
    assert [each[1] for each in harness.sent(newer)] == ["csms-2"]


def test_a_full_queue_says_so(harness: Harness) -> None:
    """One command more than may wait is refused with busy, and nothing is lost silently."""
    harness = Harness(v16.router(), Policy(max_waiting_commands=2))
    harness.connect()
    for number in range(3):
        harness.command(command_id=f"k{number}")
        assert harness.outcomes() == {}
    harness.command(command_id="k3")
    assert harness.outcomes()["k3"].kind is OutcomeKind.BUSY


# --- idempotency


def test_commands_with_one_key_are_one_call_and_share_its_outcome(harness: Harness) -> None:
    """A command repeated while it is on its way joins it; repeated afterwards it gets the known outcome."""
    connection = harness.connect()
    harness.command(command_id="k1", key="once")
    harness.command(command_id="k2", key="once")
    assert harness.sent() == []
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    assert {name: outcome.response for name, outcome in harness.outcomes().items()} == {
        "k1": {"status": "Accepted"},
        "k2": {"status": "Accepted"},
    }
    harness.command(command_id="k3", key="once")
    assert harness.sent() == []
    assert harness.outcomes()["k3"].response == {"status": "Accepted"}


def test_a_key_used_for_another_command_is_a_conflict(harness: Harness) -> None:
    """A key names one command for good; another one under it is not sent."""
    harness.connect()
    harness.command(command_id="k1", key="once")
    harness.command("ClearCache", "{}", command_id="k2", key="once")
    assert harness.outcomes()["k2"].kind is OutcomeKind.CONFLICT
    assert harness.sent() == []


def test_a_command_the_station_never_saw_may_be_tried_again_under_its_key(harness: Harness) -> None:
    """An outcome without delivery is not kept under the key."""
    connection = harness.connect()
    harness.command(command_id="k1")
    harness.command(command_id="k2", key="once", timeout_s=5)
    harness.now_s += 5
    harness.timer("csms-2")
    assert harness.outcomes()["k2"].kind is OutcomeKind.EXPIRED
    harness.text(connection, '[3,"csms-1",{"status":"Accepted"}]')
    harness.command(command_id="k3", key="once")
    assert [each[1] for each in harness.sent(connection)] == ["csms-3"]


def test_a_timed_out_command_is_not_sent_again_under_its_key(harness: Harness) -> None:
    """The station may have acted on a call that timed out, so its key gets the same outcome again."""
    harness.connect()
    harness.command(command_id="k1", key="once", timeout_s=5)
    harness.now_s += 5
    harness.timer("csms-1")
    harness.command(command_id="k2", key="once")
    assert harness.outcomes()["k2"].kind is OutcomeKind.TIMEOUT
    assert harness.sent() == []


# --- presence


def test_the_newest_connection_wins(harness: Harness) -> None:
    """A second connection of one identity closes the first, whose messages and end then count for nothing."""
    first = harness.connect()
    second = harness.connect()
    assert [(effect.connection, effect.code) for effect in harness.closed()] == [(first, 1001)]
    assert harness.text(first, '[2,"i","Heartbeat",{}]') == []
    assert harness.remarks() == ["message-on-replaced-connection"]
    harness.disconnect(first)
    assert harness.events("disconnected")[0].data["was_current"] is False
    harness.command()
    assert len(harness.sent(second)) == 1


def test_a_connection_that_ends_twice_ends_once(harness: Harness) -> None:
    """A second notice of the same end does nothing."""
    connection = harness.connect()
    harness.disconnect(connection)
    assert harness.disconnect(connection) == []


def test_an_unchecked_command_needs_no_schema(harness: Harness) -> None:
    """A vendor's own action can be sent, and its answer is handed on unjudged."""
    connection = harness.connect()
    harness.command("VendorThing", json.dumps({"z": 1, "a": None}))
    assert harness.sent() == [[2, "csms-1", "VendorThing", {"z": 1, "a": None}]]
    harness.text(connection, '[3,"csms-1",{"anything":[1]}]')
    outcome = harness.outcomes()["k1"]
    assert (outcome.response, outcome.violations) == ({"anything": [1]}, ())


# --- a new beginning


def test_a_restart_ends_what_the_old_connections_carried(harness: Harness) -> None:
    """After a restart nobody is connected, and a call that was on its way does not block those to come."""
    harness.connect()
    harness.command(command_id="k1", key="sent")
    harness.command(command_id="k2", key="waiting")
    harness.handle(Restarted(harness.at))
    assert [event.station for event in harness.events("disconnected")] == ["CP1"]
    harness.command(command_id="k3")
    assert harness.outcomes()["k3"].kind is OutcomeKind.NOT_CONNECTED
    connection = harness.connect()
    harness.command(command_id="k4", key="sent")
    assert harness.outcomes()["k4"].kind is OutcomeKind.NOT_CONNECTED
    harness.command(command_id="k5", key="waiting")
    assert len(harness.sent(connection)) == 1


def test_a_restart_frees_calls_without_a_connection(harness: Harness) -> None:
    """Calls left over in a store that lost its connections do not block those to come."""
    harness.connect()
    harness.command(command_id="k1")
    harness.store.drop("connections", "")
    harness.store.drop("presence", "")
    harness.handle(Restarted(harness.at))
    connection = harness.connect()
    harness.command(command_id="k2")
    assert len(harness.sent(connection)) == 1


def test_a_handler_lost_in_a_restart_runs_again() -> None:
    """A call whose handler died with the process is executed when the station repeats it."""
    router = Router()

    async def slow(_context: Context, _request: Message) -> Message:
        raise AssertionError("never run here")

    router.on("ocpp1.6", "Heartbeat")(slow)
    harness = Harness(router)
    for _ in range(2):
        harness.text(harness.connect(), '[2,"i","Heartbeat",{}]')
        (job,) = [effect for effect in harness.effects if isinstance(effect, Await)]
        job.awaitable.close()  # type: ignore[attr-defined]
        harness.handle(Restarted(harness.at))
