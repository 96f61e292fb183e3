"""What nodes write into each other's streams, as JSON texts. Every field is known; a body that breaks this is dropped."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # a newer node may say more


class CommandBody(_Body):
    """Call a station. `epoch` is that of the connection the caller saw."""

    kind: Literal["command"] = "command"
    reply_to: str
    command_id: str
    message_id: str
    station: str
    epoch: int
    action: str
    payload: str
    idempotency_key: str | None = None


class OutcomeBody(_Body):
    """How a command ended."""

    kind: Literal["outcome"] = "outcome"
    command_id: str
    outcome: dict[str, Any]


class ReplacedBody(_Body):
    """A station has connected elsewhere: close this connection."""

    kind: Literal["replaced"] = "replaced"
    station: str
    connection: str


class BroadcastBody(_Body):
    """Call every station this node holds, and tell the outcomes."""

    kind: Literal["broadcast"] = "broadcast"
    reply_to: str
    broadcast_id: str
    action: str
    payload: str
    timeout_s: float


class BroadcastOutcomesBody(_Body):
    """How a broadcast ended on one node, by station."""

    kind: Literal["broadcast-outcomes"] = "broadcast-outcomes"
    broadcast_id: str
    node: str
    outcomes: dict[str, dict[str, Any]]


class AskBody(_Body):
    """A request to this node's API. With an epoch it is about that connection of the station, and about no other."""

    kind: Literal["ask"] = "ask"
    reply_to: str
    ask_id: str
    method: str
    path: str
    query: str
    body: str
    station: str = ""
    epoch: int | None = None


class AnswerBody(_Body):
    """What it answered."""

    kind: Literal["answer"] = "answer"
    ask_id: str
    status: int
    media_type: str
    body: str


Body = CommandBody | OutcomeBody | ReplacedBody | BroadcastBody | BroadcastOutcomesBody | AskBody | AnswerBody
_BODY: Final[TypeAdapter[Body]] = TypeAdapter(Annotated[Body, Field(discriminator="kind")])


def read_body(text: str) -> Body:
    """Raises pydantic's ValidationError, a ValueError."""
    return _BODY.validate_json(text)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One command of a batch; `payload` is the JSON text that goes out as it is."""

    station: str
    action: str
    payload: str
    idempotency_key: str | None = None
