"""The format of a scenario file (TOML), and how it is read; `docs/scenarios.md` explains it to people.

A file is a head and a list of `[[step]]`. Each step has one verb among its keys; the other keys belong to the verb. Everything is
checked when a file is read, with the line at fault, so that a scenario does not fail half an hour later over a word.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from firmware import frame_rules
from firmware.core.settings import BY_ID, BadSetting
from firmware.scenarios.commands import COMMANDS
from firmware.scenarios.commands16 import KEYS
from firmware.scenarios.commands201 import VARIABLES
from firmware.scenarios.deeds import DEEDS, NOTHING
from firmware.scenarios.lines import Lines
from hal.mock.actions import ACTIONS

Protocol = Literal["ocpp1.6", "ocpp2.0.1"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("ocpp1.6", "ocpp2.0.1")

State = Literal[
    "available",
    "preparing",
    "charging",
    "suspended-ev",
    "suspended-evse",
    "finishing",
    "reserved",
    "unavailable",
    "faulted",
]
"""What an EVSE does, whatever the protocol: the finer words of OCPP 1.6, section 7.7."""

WITHIN_S: Final = 30.0
RESTARTING: Final = frozenset({"reset", "update-firmware"})  # commands after which the program starts again
EXPLAINED: Final = 60  # characters of a step's generated title


class ScenarioError(ValueError):
    """A file that cannot be played. The text says where, which key, and why."""


class Table(BaseModel):
    """Strict: wrong types and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Range(Table):
    """A number within bounds, both of them out."""

    above: float | None = None
    below: float | None = None


Figure = float | Range
Payload = dict[str, Any]


class Step(Table):
    """What every step may have."""

    say: str = Field("", description="what people read while it is played; made from the step when left out")
    only: Protocol | None = Field(None, description="a step for one version")

    @property
    def title(self) -> str:
        """What people read."""
        return self.say or self.describe()

    def describe(self) -> str:
        """The step in a few words."""
        raise NotImplementedError


class Do(Step):
    """Somebody at the charge point does something: any action of the mock world."""

    do: str
    evse: int | None = Field(None, ge=1)
    body: Payload = Field(default_factory=dict, alias="with")
    within_s: float = Field(0.0, ge=0, description="try until it is possible; a locked plug is an example")

    @property
    def path(self) -> str:
        """The path of the action, as `POST /api/mock/` takes it."""
        word = DEEDS.get(self.do, self.do)
        return word if self.evse is None or word == "token" else f"evse/{self.evse}/{word}"

    @property
    def action_body(self) -> Payload:
        """The body of the action. A card that is held to the reader of an EVSE names it."""
        body = {key: None if value == NOTHING else value for key, value in self.body.items()}
        if self.do == "tap" and self.evse is not None:
            body["evses"] = [self.evse]
        return body

    def describe(self) -> str:
        where = "" if self.evse is None else f" at EVSE {self.evse}"
        return f"{self.do}{where} {_short(self.body)}".strip()


class Command(Step):
    """The central system asks the station for something."""

    command: str
    arguments: Payload = Field(default_factory=dict, alias="with")
    answer: Payload | str | None = Field(None, description="a status, or what the answer must have")
    error: str | None = Field(None, description="the code of the CALLERROR that is right here")
    within_s: float = Field(WITHIN_S, gt=0)

    @model_validator(mode="after")
    def _one_end(self) -> "Command":
        if self.answer is not None and self.error is not None:
            raise ValueError("an answer or an error, not both")
        return self

    def describe(self) -> str:
        return f"central system: {self.command} {_short(self.arguments)}".strip()


class Wait(Step):
    """Time passes."""

    wait_s: float = Field(ge=0, le=86_400 * 7)

    def describe(self) -> str:
        return f"wait {self.wait_s:g} s"


class Seen(Table):
    """What can be seen at the station. What is left out does not matter; a list means: one of these."""

    evse: int = Field(1, ge=1)
    state: State | tuple[State, ...] | None = None
    plugged: Literal["unplugged", "station", "vehicle"] | None = None
    pilot: str | None = None
    locked: bool | None = None
    available: bool | None = None
    energy: Literal["off", "flowing", "paused-by-ev", "paused-by-evse"] | None = None
    authorisation: Literal["none", "pending", "granted"] | None = None
    contactor: bool | None = Field(None, description="its feedback contact is closed")
    offered_a: Figure | None = None
    limit_a: Figure | None = None
    power_w: Figure | None = None
    energy_wh: Figure | None = Field(None, description="of the running transaction")
    charged_wh: Figure | None = Field(None, description="by the meter, since the scenario began")
    transaction: bool | None = None
    fault: str | None = Field(None, description="a code that is there; an empty one: no fault")
    online: bool | None = None
    ready: bool | None = None
    operative: bool | None = None
    registration: Literal["unknown", "accepted", "pending", "rejected"] | None = None
    link: str | None = None
    queue_rows: Figure | None = None
    dead: Figure | None = None
    setting: dict[str, str] | None = None


class Message(Table):
    """An OCPP message since the last step that did something; each is taken by one expectation only."""

    message: str
    origin: Literal["station", "csms"] = Field("station", alias="from")
    payload: Payload | None = Field(None, alias="with", description="what it has, at least; or that per version")
    answer: Payload | Literal["*"] | None = Field(None, description="what its answer has, at least; *: there is one")
    error: str | None = Field(None, description="its answer is a CALLERROR of this code")
    times: int = Field(1, ge=1, description="so many of them, at least")


class Books(Table):
    """What the central system has written down of this station since the scenario began."""

    transactions: int | None = None
    open: int | None = None
    energy_wh: Figure | Literal["meter"] | None = Field(None, description="of all of them; meter: exactly what flowed")
    token: str | None = Field(None, description="of the last transaction")
    reason: str | dict[Protocol, str] | None = Field(None, description="why the last transaction ended")
    anomalies: int | None = None


class BooksTable(Table):
    """The table of an expectation about the books."""

    books: Books


def _kind(table: Any) -> str:
    """What an expectation is about, by the key that only this kind has."""
    keys = table if isinstance(table, dict) else ()
    return "Message" if "message" in keys else "Books" if "books" in keys else "Seen"


Visible = Annotated[Annotated[Seen, Tag("Seen")] | Annotated[Message, Tag("Message")], Discriminator(_kind)]
Expected = Annotated[
    Annotated[Seen, Tag("Seen")] | Annotated[Message, Tag("Message")] | Annotated[BooksTable, Tag("Books")],
    Discriminator(_kind),
]


class Expect(Step):
    """Something becomes true in time."""

    expect: Expected
    within_s: float = Field(WITHIN_S, gt=0)

    def describe(self) -> str:
        return f"expect {_shown(self.expect)}"


class Never(Step):
    """Something does not become true for a while."""

    never: Visible
    for_s: float = Field(gt=0)

    def describe(self) -> str:
        return f"for {self.for_s:g} s never {_shown(self.never)}"


class FrameRule(Table):
    """A rule for frames between program and network; the fields are those of `POST /api/rules`."""

    verb: Literal["hold", "edit", "drop", "duplicate", "delay"]
    direction: Literal["in", "out"] | None = None
    kind: Literal["call", "answer"] | None = None
    message: str | None = Field(None, description="a neutral word or an action; of the call, also for its answer")
    count: int | None = Field(None, ge=1)
    skip: int = Field(0, ge=0)
    contains: str | None = None
    delay_s: float | None = Field(None, gt=0)
    change: Payload | None = None
    remove: tuple[str, ...] = ()
    error: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "FrameRule":
        self.at_work(self.message)
        return self

    def at_work(self, action: str | None) -> frame_rules.Rule:
        """The rule as it works, for the action that the version has for its message. Raises RuleError."""
        return frame_rules.Rule(
            verb=frame_rules.Verb(self.verb),
            direction=self.direction,
            kind=self.kind,
            action=action,
            contains=self.contains,
            skip=self.skip,
            count=self.count,
            delay_s=self.delay_s or 0.0,
            change=self.change or {},
            remove=self.remove,
            error=self.error,
            text=self.text,
        )


class Rule(Step):
    """The frames of the station are meddled with from now on; `release` lets go what is held, `clear` ends all rules."""

    rule: FrameRule | Literal["release", "clear"]

    def describe(self) -> str:
        return f"frame rule: {self.rule if isinstance(self.rule, str) else _shown(self.rule)}"


class Central(Step):
    """Something happens to the central system itself, or it begins to behave badly; for the reference one only."""

    csms: Literal["stop", "start", "restart", "close", "token", "faults"]
    body: Payload = Field(default_factory=dict, alias="with")

    def describe(self) -> str:
        return f"central system: {self.csms} {_short(self.body)}".strip()


class Power(Step):
    """The power of the station goes, or comes back."""

    power: Literal["off", "on"]

    def describe(self) -> str:
        return f"power {self.power}"


VERBS: Final[Mapping[str, type[Step]]] = {
    "do": Do,
    "command": Command,
    "wait_s": Wait,
    "expect": Expect,
    "never": Never,
    "rule": Rule,
    "csms": Central,
    "power": Power,
}


class Head(Table):
    """What stands above the first step."""

    title: str = Field(min_length=1, max_length=80)
    about: str = ""
    protocols: tuple[Protocol, ...] = Field(PROTOCOLS, min_length=1)
    start: Literal["online", "offline"] = "online"
    settings: dict[str, str] = Field(default_factory=dict)

    @field_validator("settings")
    @classmethod
    def _known_settings(cls, given: dict[str, str]) -> dict[str, str]:
        for name, value in given.items():
            if name not in KEYS and name not in VARIABLES:
                raise ValueError(
                    f"there is no setting {name!r} that a central system could change; see docs/scenarios.md"
                )
            try:
                BY_ID[name].parse(value)
            except BadSetting as error:
                raise ValueError(f"{name}: {error}") from None
        return given


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that can be played. `lines` are those of its steps in the file."""

    name: str
    head: Head
    steps: tuple[Step, ...]
    lines: tuple[int, ...]

    @property
    def needs_virtual(self) -> bool:
        """Whether the station loses its power or the central system goes away: only in virtual time do they live through that."""
        return any(
            isinstance(step, Power) or (isinstance(step, Central) and step.csms in {"stop", "start", "restart"})
            for step in self.steps
        )

    @property
    def restarts(self) -> bool:
        """Whether the station's program starts again in it."""
        ordered = {step.command for step in self.steps if isinstance(step, Command)}
        return self.needs_virtual or not ordered.isdisjoint(RESTARTING)

    @property
    def needs_reference(self) -> bool:
        """Whether only the reference central system can play its part."""
        return any(isinstance(step, Central) for step in self.steps)

    def fits(self, protocol: str) -> bool:
        """Whether it can be played under a version."""
        return protocol in self.head.protocols


def load(path: Path) -> Scenario:
    """Read a file. Raises ScenarioError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8: {error}") from None
    return parse(text, name=path.stem, source=str(path))


def parse(text: str, *, name: str, source: str) -> Scenario:
    """Read the text of a file. Raises ScenarioError; `source` stands at its begin."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{source}: not TOML: {error}") from None
    lines = Lines(text)
    tables = document.pop("step", [])
    head = _validated(Head, document, source, lines, -1)
    if not isinstance(tables, list) or not tables:
        raise ScenarioError(f"{source}: a scenario needs at least one [[step]]")
    steps = tuple(_step(table, source, lines, index) for index, table in enumerate(tables))
    return Scenario(name, head, steps, tuple(lines.step(index) for index in range(len(steps))))


def _step(table: Payload, source: str, lines: Lines, index: int) -> Step:
    verbs = [verb for verb in VERBS if verb in table]
    if len(verbs) != 1:
        found = f"has {' and '.join(verbs)}" if verbs else "has no verb"
        raise ScenarioError(
            f"{source}:{lines.step(index)}: step {index + 1} {found}; use exactly one of {', '.join(VERBS)}"
        )
    step: Step = _validated(VERBS[verbs[0]], table, source, lines, index)
    problem = _problem(step)
    if problem is not None:
        key, text = problem
        raise ScenarioError(f"{source}:{lines.of(index, ('with', key))}: step {index + 1}: {text}")
    return step


def _problem(step: Step) -> tuple[str, str] | None:
    """What a step's words do not allow: the key at fault and why."""
    match step:
        case Do():
            return _deed_problem(step)
        case Command(command=name):
            if name not in COMMANDS:
                return "command", f"command: there is no {name!r}; there are: {', '.join(COMMANDS)}"
            try:
                COMMANDS[name].model_validate_json(json.dumps(step.arguments, default=str))
            except ValidationError as error:
                return _first(error)
    return None


def _deed_problem(step: Do) -> tuple[str, str] | None:
    action = next((each for each in ACTIONS if each.matches(step.path) is not None), None)
    if action is None:
        return "do", f"do: there is no action {step.path!r}; see `GET /api/mock` or docs/control-api.md"
    try:
        action.body.model_validate_json(json.dumps(step.action_body, default=str))
    except ValidationError as error:
        return _first(error)
    return None


def _validated(model: type[Any], table: Payload, source: str, lines: Lines, index: int) -> Any:
    try:
        return model.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        loc = error.errors(include_url=False)[0]["loc"]
        _, text = _first(error)
        where = f"{source}:{lines.of(index, loc)}"
        raise ScenarioError(f"{where}: {text}" if index < 0 else f"{where}: step {index + 1}: {text}") from None


def _first(error: ValidationError) -> tuple[str, str]:
    """The deepest key at fault, and what is wrong with it."""
    # of the alternatives of a union, the one that got furthest is the one that was meant
    first = max(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
    keys = [str(part) for part in first["loc"] if not _is_alternative(part)]
    reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    key = ".".join(keys)
    return (keys[-1] if keys else ""), (f"{key}: {reason}" if key else reason)


def _is_alternative(part: int | str) -> bool:
    """Whether a part of a location names a branch of a union, not a key of the file."""
    return isinstance(part, str) and (part[:1].isupper() or "[" in part)


def _shown(table: Table) -> str:
    return _short(table.model_dump(exclude_defaults=True, by_alias=True))


def _short(value: Mapping[str, Any]) -> str:
    text = ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return text if len(text) <= EXPLAINED else f"{text[: EXPLAINED - 1]}…"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return f"({', '.join(f'{key} {_plain(item)}' for key, item in value.items())})"
    if isinstance(value, list | tuple):
        return "/".join(_plain(item) for item in value)
    return str(value)
