"""What can happen to the central system. Everything it knows of the world, including the time, arrives in one of these."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from csms.core.effects import Job


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks.

    `monotonic_s` only ever grows and is comparable among all events given to one store: event-loop time in one process,
    POSIX seconds where several processes share a store. `utc` is what stations are told.
    """

    monotonic_s: float
    utc: datetime


@dataclass(frozen=True, slots=True)
class Restarted:
    """The front door that holds every connection begins anew: none of the connections the store knows exists any more."""

    at: Moment


@dataclass(frozen=True, slots=True)
class Connected:
    """A station's WebSocket is open and its OCPP version agreed. `connection` names the socket and is never used again."""

    station: str
    protocol: str
    connection: str
    at: Moment
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A WebSocket message. Bytes are what came in a binary one."""

    connection: str
    text: str | bytes
    at: Moment


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The socket is gone; `code` is the WebSocket close code, 1006 when there was no close frame."""

    connection: str
    at: Moment
    code: int = 1006
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment asked for with `SetTimer` has come."""

    station: str
    message_id: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody wants the central system to call a station.

    `payload` is the JSON text that goes out as it is. `deadline_s` is monotonic and ends both the wait in the queue and
    the wait for the answer. Commands with the same `idempotency_key` are one call to the station and share its outcome.
    `message_id` is for those who must know it beforehand; it must never repeat.
    """

    command_id: str
    station: str
    action: str
    payload: str
    deadline_s: float
    at: Moment
    idempotency_key: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An asynchronous handler, started with `Await`, has finished: `result` is its response or the exception it raised."""

    job: Job
    result: Any
    at: Moment


Event: TypeAlias = Restarted | Connected | Received | Disconnected | Timer | Command | Done
