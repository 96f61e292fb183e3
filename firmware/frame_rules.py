"""Rules that meddle with OCPP frames between the program and the network, on mock boards: hold, edit, drop, duplicate, delay.

Rules:
- Of the rules that fit a frame, the first one is the only one that acts; the others do not count it.
- An answer belongs to the action of its call. Calls are remembered while there is a rule, so a rule about answers knows those to
  calls that were sent after it was made.
- Held and delayed frames belong to their connection and are gone with it. The program believes that they were sent.
- Without rules a frame passes through one comparison.
"""

import json
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

log = logging.getLogger(__name__)

Direction = Literal["in", "out"]
Kind = Literal["call", "answer"]

REMEMBERED_CALLS: Final = 1000
REMEMBERED_MARKS: Final = 50
HELD_AT_MOST: Final = 100
RULES_AT_MOST: Final = 50


class Verb(StrEnum):
    """What a rule does to a frame."""

    HOLD = "hold"
    EDIT = "edit"
    DROP = "drop"
    DUPLICATE = "duplicate"
    DELAY = "delay"


class RuleError(ValueError):
    """A rule that makes no sense. `field` names what is wrong with it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}" if field else text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; what is None does not matter. `direction` is `out` from the station, `action` that of the call, also for its answer.

    `contains` must be in the frame's text. It lets `skip` frames pass, then acts on `count` (None: on all). `delay_s` belongs to DELAY.
    EDIT puts the values of `change` into the payload (keys are paths with dots), takes away the paths of `remove`, makes an answer a
    CALLERROR of the code `error`, or sends `text` instead, in which `{id}` stands for the message id.
    """

    verb: Verb
    direction: Direction | None = None
    kind: Kind | None = None
    action: str | None = None
    contains: str | None = None
    skip: int = 0
    count: int | None = None
    delay_s: float = 0.0
    change: Mapping[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    error: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if self.verb is Verb.DELAY and not self.delay_s > 0:
            raise RuleError("delay_s", "a delay needs seconds above 0")
        edits = bool(self.change or self.remove or self.error is not None or self.text is not None)
        if self.verb is Verb.EDIT and not edits:
            raise RuleError("change", "an edit needs change, remove, error or text")
        if self.verb is not Verb.EDIT and edits:
            raise RuleError("verb", "change, remove, error and text belong to the verb edit")


@dataclass(frozen=True, slots=True)
class Seen:
    """What rules look at in a frame. Unreadable texts have no kind."""

    direction: Direction
    text: str
    kind: Kind | None = None
    id: str = ""
    action: str | None = None


@dataclass(slots=True)
class Numbered:
    """A rule at work. `on` False: switched off, it stays in the list."""

    number: int
    rule: Rule
    on: bool = True
    seen: int = 0  # frames that fitted
    hits: int = 0  # frames on which it acted


@dataclass(frozen=True, slots=True)
class Held:
    """A frame that waits to be let go."""

    number: int
    rule: int
    frame: Seen
    monotonic_s: float


@dataclass(frozen=True, slots=True)
class Mark:
    """What a rule did to a frame. `text` is what went on instead, where it was edited."""

    rule: int
    did: str
    direction: Direction
    id: str
    action: str | None
    text: str | None = None


class FrameRules:
    """The rules of one station, over all its connections. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rules: list[Numbered] = []
        self._actions: OrderedDict[tuple[Direction, str], str] = OrderedDict()
        self._held: dict[int, tuple[Held, Callable[[str], None]]] = {}
        self._marks: deque[Mark] = deque(maxlen=REMEMBERED_MARKS)
        self._listeners: list[Callable[[], None]] = []
        self._rule_count = 0
        self._held_count = 0

    # ---- for people -----------------------------------------------------------------------------------------------------

    @property
    def rules(self) -> tuple[Numbered, ...]:
        """All rules, in the order in which they are asked."""
        return tuple(self._rules)

    @property
    def held(self) -> tuple[Held, ...]:
        """What waits, oldest first."""
        return tuple(held for held, _ in self._held.values())

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The newest things that were done, oldest first."""
        return tuple(self._marks)

    def listen(self, listener: Callable[[], None]) -> None:
        """Be told that something changed. A listener must not wait and must not raise."""
        self._listeners.append(listener)

    def add(self, rule: Rule) -> Numbered:
        """Ask this rule after those that are there. Raises RuleError when there are too many."""
        if len(self._rules) >= RULES_AT_MOST:
            raise RuleError("", f"there are {RULES_AT_MOST} rules already; remove one")
        self._rule_count += 1
        numbered = Numbered(self._rule_count, rule)
        self._rules.append(numbered)
        self._tell()
        return numbered

    def switch(self, number: int, on: bool) -> Numbered:
        """Switch a rule on or off. Raises KeyError."""
        rule = self._rule(number)
        rule.on = on
        self._tell()
        return rule

    def remove(self, number: int) -> None:
        """Take a rule away; what it holds is let go. Raises KeyError."""
        self._rules.remove(self._rule(number))
        for held in self.held:
            if held.rule == number:
                self.release(held.number)
        self._tell()

    def clear(self) -> None:
        """No rules any more; everything that is held is let go."""
        for numbered in self.rules:
            self.remove(numbered.number)

    def release(self, number: int | None = None) -> int:
        """Let go a held frame, or all of them; returns how many. Raises KeyError for one that is not held."""
        numbers = list(self._held) if number is None else [number]
        for each in numbers:
            held, pass_on = self._held.pop(each)
            self._note(held.rule, "released", held.frame)
            pass_on(held.frame.text)
        self._tell()
        return len(numbers)

    def _rule(self, number: int) -> Numbered:
        for numbered in self._rules:
            if numbered.number == number:
                return numbered
        raise KeyError(number)

    # ---- for connections ------------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """True when there is no rule to ask."""
        return not self._rules

    def judge(self, direction: Direction, text: str) -> tuple[Numbered, Seen] | None:
        """The rule that acts on a frame, if any; it is counted."""
        frame = self._read(direction, text)
        for numbered in self._rules:
            if not (numbered.on and _fits(numbered.rule, frame)):
                continue
            rule = numbered.rule
            if rule.count is not None and numbered.hits >= rule.count:
                continue
            numbered.seen += 1
            if numbered.seen <= rule.skip:
                return None
            numbered.hits += 1
            return numbered, frame
        return None

    def hold(self, numbered: Numbered, frame: Seen, pass_on: Callable[[str], None]) -> int | None:
        """Keep a frame until it is let go; None when too many wait already, then it passes."""
        if len(self._held) >= HELD_AT_MOST:
            log.warning("frame passes, too many are held already held=%d rule=%d", len(self._held), numbered.number)
            return None
        self._held_count += 1
        held = Held(self._held_count, numbered.number, frame, self._clock())
        self._held[held.number] = held, pass_on
        self._note(numbered.number, "held", frame)
        self._tell()
        return held.number

    def forget(self, number: int) -> None:
        """The connection of a held frame is gone."""
        if self._held.pop(number, None) is not None:
            self._tell()

    def did(self, numbered: Numbered, frame: Seen, what: str, text: str | None = None) -> None:
        """Note what became of a frame."""
        self._note(numbered.number, what, frame, text)
        self._tell()

    def _note(self, rule: int, what: str, frame: Seen, text: str | None = None) -> None:
        self._marks.append(Mark(rule, what, frame.direction, frame.id, frame.action, text))
        log.info("frame rule=%d did=%s direction=%s action=%s", rule, what, frame.direction, frame.action)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _read(self, direction: Direction, text: str) -> Seen:
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            return Seen(direction, text)
        match items:
            case [2 | 6, str(message_id), str(action), *_]:
                self._actions[direction, message_id] = action
                if len(self._actions) > REMEMBERED_CALLS:
                    self._actions.popitem(last=False)
                return Seen(direction, text, "call", message_id, action)
            case [3 | 4 | 5, str(message_id), *_]:
                asked: Direction = "in" if direction == "out" else "out"
                return Seen(direction, text, "answer", message_id, self._actions.get((asked, message_id)))
        return Seen(direction, text)


def _fits(rule: Rule, frame: Seen) -> bool:
    return (
        rule.direction in (None, frame.direction)
        and rule.kind in (None, frame.kind)
        and rule.action in (None, frame.action)
        and (rule.contains is None or rule.contains in frame.text)
    )


def edited(rule: Rule, frame: Seen) -> str:
    """The text that an EDIT makes of a frame. What it cannot be done to stays as it is."""
    if rule.text is not None:
        return rule.text.replace("{id}", frame.id)
    if frame.kind is None:
        return frame.text
    items: list[Any] = json.loads(frame.text)
    if rule.error is not None:
        return frame.text if frame.kind == "call" else _text([4, frame.id, rule.error, "", {}])
    if items[0] not in (2, 3):
        return frame.text
    payload = items[-1]
    for path, value in rule.change.items():
        _put(payload, path.split("."), value)
    for path in rule.remove:
        _take(payload, path.split("."))
    return _text(items)


def _text(items: list[Any]) -> str:
    return json.dumps(items, separators=(",", ":"), ensure_ascii=False)


def _inner(place: Any, key: str) -> Any:
    if isinstance(place, dict):
        return place.get(key)
    if isinstance(place, list) and key.isdecimal() and int(key) < len(place):
        return place[int(key)]
    return None


def _put(place: Any, path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = _inner(place, key)
        if inner is None and isinstance(place, dict):
            inner = place[key] = {}
        place = inner
    key = path[-1]
    if isinstance(place, dict):
        place[key] = value
    elif isinstance(place, list) and key.isdecimal() and int(key) < len(place):
        place[int(key)] = value


def _take(place: Any, path: list[str]) -> None:
    for key in path[:-1]:
        place = _inner(place, key)
    if isinstance(place, dict):
        place.pop(path[-1], None)
