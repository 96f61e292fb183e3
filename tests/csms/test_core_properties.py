"""What holds for the core whatever happens, in whatever order."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from csms import v16
from csms.core.effects import Effect, Outcome, Resolve, Send, SetTimer
from csms.core.events import Restarted
from csms.core.policy import Policy
from tests.csms.harness import Harness

Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["connect", "disconnect", "command", "again", "answer", "answer late", "wait", "restart"]),
        st.integers(0, 20),
    ),
    max_size=40,
)


class World:
    """Plays steps against the core and keeps account."""

    def __init__(self) -> None:
        self.harness = Harness(v16.router(), Policy(max_waiting_commands=3))
        self.connection: str | None = None
        self.given = 0
        self.outcomes: Counter[str] = Counter()
        self.kinds: dict[str, Outcome] = {}
        self.timers: dict[str, float] = {}
        self.calls: list[str] = []  # message ids in the order in which they were sent
        self.unanswered: list[str] = []

    def play(self, step: Step) -> None:
        action, number = step
        match action:
            case "connect":
                self.connection = self.harness.connect()
                self.unanswered.clear()
            case "disconnect" if self.connection is not None:
                self.harness.disconnect(self.connection)
                self.connection = None
            case "command" | "again":
                self.given += 1
                key = f"key {number % 3}" if action == "again" else None
                self.harness.command(command_id=f"k{self.given}", timeout_s=number, key=key)
            case "answer" if self.connection is not None and self.unanswered:
                text = json.dumps([3, self.unanswered.pop(0), {"status": "Accepted"}])
                self.harness.text(self.connection, text)
            case "answer late" if self.connection is not None and self.calls:
                text = json.dumps([3, self.calls[number % len(self.calls)], {"status": "Accepted"}])
                self.harness.text(self.connection, text)
            case "wait":
                self.wait(number)
                return
            case "restart":
                self.harness.handle(Restarted(self.harness.at))
                self.connection = None
            case _:
                return
        self.account(self.harness.effects)

    def wait(self, seconds: float) -> None:
        end_s = self.harness.now_s + seconds
        while due := sorted((due_s, message_id) for message_id, due_s in self.timers.items() if due_s <= end_s):
            due_s, message_id = due[0]
            self.harness.now_s = max(self.harness.now_s, due_s)
            del self.timers[message_id]
            self.account(self.harness.timer(message_id))
        self.harness.now_s = end_s

    def account(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case SetTimer(message_id=message_id, due_s=None):
                    self.timers.pop(message_id, None)
                case SetTimer(message_id=message_id, due_s=due_s) if due_s is not None:
                    self.timers[message_id] = due_s
                case Send(message_id=message_id, calls=calls) if calls is not None:
                    self.calls.append(message_id)
                    self.unanswered.append(message_id)
                case Resolve(command_id=command_id, outcome=outcome):
                    self.outcomes[command_id] += 1
                    self.kinds[command_id] = outcome
                    if outcome.message_id in self.unanswered:
                        self.unanswered.remove(outcome.message_id)
                case _:
                    pass
        assert len(self.unanswered) <= 1, "two calls on their way to one station"


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_every_command_has_exactly_one_outcome(steps: list[Step]) -> None:
    """Whatever happens, each command ends once, no message id is used twice, and one call is on its way at a time."""
    world = World()
    for step in steps:
        world.play(step)
    world.wait(30)
    assert world.outcomes == Counter({f"k{number + 1}": 1 for number in range(world.given)})
    assert len(set(world.calls)) == len(world.calls)
    assert world.timers == {}
    assert world.harness.store.owners("calls") == []


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("ABC"), st.booleans()), max_size=30))
@settings(max_examples=100, deadline=None)
def test_every_call_has_exactly_one_answer_and_runs_once(calls: list[tuple[int, str, bool]]) -> None:
    """Calls repeated in any order, over any connections: one answer each, and one transaction for each content."""
    harness = Harness(v16.router())
    connection = harness.connect()
    numbers: dict[str, int] = {}
    for message_id, tag, reconnect in calls:
        if reconnect:
            connection = harness.connect()
        content = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": "2026-03-01T10:00:00Z"}
        answer = harness.result(connection, "StartTransaction", content, f"m{message_id}")
        assert numbers.setdefault(tag, answer["transactionId"]) == answer["transactionId"]
    assert len(harness.store.items("transactions", "CP1")) == len(numbers)
