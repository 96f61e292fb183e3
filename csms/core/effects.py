"""What the central system wants done. The front door that carries an effect out needs no knowledge of OCPP."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias


class OutcomeKind(StrEnum):
    """How a command ended. Only the first two mean that the station answered."""

    ANSWERED = "answered"
    ERROR = "error"  # the station answered with a CALLERROR
    TIMEOUT = "timeout"  # sent, and not answered by the deadline
    NOT_CONNECTED = "not_connected"  # no connection, or it ended before the answer
    EXPIRED = "expired"  # the deadline passed before it could be sent; the station never saw it
    BUSY = "busy"  # the station's queue of commands is full; the station never saw it
    CONFLICT = "conflict"  # the idempotency key belongs to another command; the station never saw this one


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one command.

    `response` is the answer's payload as decoded JSON; `violations` says where it breaks its schema. `elapsed_s` counts
    from the moment the command was given.
    """

    kind: OutcomeKind
    message_id: str | None
    elapsed_s: float
    response: dict[str, Any] | None = None
    violations: tuple[str, ...] = ()
    error_code: str = ""
    error_description: str = ""
    error_details: Mapping[str, Any] = field(default_factory=dict)


def record_of_outcome(outcome: Outcome) -> dict[str, Any]:
    """The JSON-able form of an outcome."""
    return {
        "kind": outcome.kind.value,
        "message_id": outcome.message_id,
        "elapsed_s": outcome.elapsed_s,
        "response": outcome.response,
        "violations": list(outcome.violations),
        "error_code": outcome.error_code,
        "error_description": outcome.error_description,
        "error_details": dict(outcome.error_details),
    }


def outcome_of_record(record: Mapping[str, Any]) -> Outcome:
    """The outcome that `record_of_outcome` wrote."""
    return Outcome(**{**record, "kind": OutcomeKind(record["kind"]), "violations": tuple(record["violations"])})


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Something worth telling: JSON-able, for the event stream and for people who wait for it."""

    kind: str
    station: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """An inbound call whose handler is still running, outside the core."""

    station: str
    connection: str
    message_id: str
    action: str
    context: Any
    request: Any


@dataclass(frozen=True, slots=True)
class Send:
    """Write one WebSocket text message.

    Exactly one of `answers` (the action of the station's call this answers) and `calls` (the action of a call of ours)
    is set, except for an answer to a message that could not be read.
    """

    connection: str
    text: str
    message_id: str = ""
    answers: str | None = None
    calls: str | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Close a socket with a WebSocket close code."""

    connection: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """Tell whoever gave the command how it ended."""

    command_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Emit:
    """Publish a domain event."""

    event: DomainEvent


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Give the core a `Timer` event at a monotonic moment; None calls an earlier wish off."""

    station: str
    message_id: str
    due_s: float | None


@dataclass(frozen=True, slots=True)
class Await:
    """Run an asynchronous handler and give the core a `Done` event with what came of it."""

    job: Job
    awaitable: Awaitable[Any]


Effect: TypeAlias = Send | Close | Resolve | Emit | SetTimer | Await
