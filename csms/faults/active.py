"""A fault plan at work for one station. It counts occasions, so it is made anew whenever the plan is set."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from csms.faults.plan import (
    Answer,
    AnswerRule,
    CallRule,
    Error,
    FaultPlan,
    Late,
    MessageRule,
    Never,
    Rule,
    Text,
    Twice,
    UpgradeRule,
)
from ocpp_client.framing import Call, CallError, encode_error, encode_result

RuleT = TypeVar("RuleT", bound=Rule)


@dataclass(frozen=True, slots=True)
class Write:
    """A text to send, so much later."""

    text: str
    delay_s: float = 0.0


@dataclass(slots=True)
class _Counted(Generic[RuleT]):
    rule: RuleT
    occasions: int = 0
    acts: int = 0


class _Rules(Generic[RuleT]):
    """The rules for one kind of occasion."""

    def __init__(self, rules: Iterable[RuleT], rng: random.Random) -> None:
        self._counted = [_Counted(rule) for rule in rules]
        self._rng = rng

    def first(self, action: str | None = None) -> RuleT | None:
        """The rule that acts on an occasion, if any does."""
        for counted in self._counted:
            if counted.rule.fits(action) and self._acts(counted):
                return counted.rule
        return None

    def _acts(self, counted: _Counted[RuleT]) -> bool:
        rule = counted.rule
        counted.occasions += 1
        if counted.occasions <= rule.after or (rule.times is not None and counted.acts >= rule.times):
            return False
        if rule.probability < 1 and self._rng.random() >= rule.probability:
            return False
        counted.acts += 1
        return True


class ActivePlan:
    """The rules of one station, with what they have seen and done."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        rng = random.Random(plan.seed)
        answers: list[AnswerRule] = [rule for rule in plan.rules if isinstance(rule, AnswerRule)]
        self._upgrades = _Rules[UpgradeRule]([rule for rule in plan.rules if isinstance(rule, UpgradeRule)], rng)
        self._messages = _Rules[MessageRule]([rule for rule in plan.rules if isinstance(rule, MessageRule)], rng)
        self._calls = _Rules[CallRule]([rule for rule in plan.rules if isinstance(rule, CallRule)], rng)
        self._unexecuted = _Rules[AnswerRule]([rule for rule in answers if not _executes(rule)], rng)
        self._answers = _Rules[AnswerRule]([rule for rule in answers if _executes(rule)], rng)
        self._down_until_s: float | None = None

    def go_down(self, until_s: float) -> None:
        """Nobody is let in before this monotonic moment."""
        self._down_until_s = until_s

    def is_down(self, now_s: float) -> bool:
        """Whether a restart is under way."""
        return self._down_until_s is not None and now_s < self._down_until_s

    def upgrade(self) -> UpgradeRule | None:
        """A station asks for its WebSocket: how to spoil that, if at all."""
        return self._upgrades.first()

    def call(self, call: Call) -> list[Write] | None:
        """A call has come in: what to send without executing it, or None to go on."""
        rule = self._unexecuted.first(call.action)
        return None if rule is None else _spoil(rule, call.id, "")

    def answer(self, action: str, message_id: str, text: str) -> list[Write]:
        """An answer is about to go out: what goes out instead."""
        rule = self._answers.first(action)
        return [Write(text)] if rule is None else _spoil(rule, message_id, text)

    def our_call(self, action: str) -> int:
        """A call of ours is about to go out: how often it does."""
        return 1 if self._calls.first(action) is None else 2

    def message(self) -> MessageRule | None:
        """A message has come in and been handled: what happens to the connection, if anything."""
        return self._messages.first()


def _executes(rule: AnswerRule) -> bool:
    return not isinstance(rule, Never | Error) or rule.executed


def _spoil(rule: AnswerRule, message_id: str, text: str) -> list[Write]:
    match rule:
        case Late():
            return [Write(text, rule.delay_s)]
        case Never():
            return []
        case Twice():
            return [Write(text), Write(text)]
        case Error():
            return [Write(encode_error(CallError(message_id, rule.code, rule.description)))]
        case Answer():
            return [Write(encode_result(message_id, json.dumps(rule.payload, separators=(",", ":"))))]
        case Text():
            return [Write(rule.text.replace("{id}", message_id))]
