"""What the nodes of a cluster share, as an interface."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class BusUnavailable(ConnectionError):
    """The bus cannot be reached now. Whether the last request took effect is not known; it may be made again."""


class NodeNameTaken(Exception):
    """Another living process has this node's name; give each node its own (--node-id)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A connection that a node holds. The greater epoch is the newer connection of its station, in the whole cluster."""

    station: str
    node: str
    connection: str
    protocol: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A connection has become its station's newest; `older` is the one it replaced."""

    held: Held
    older: Held | None


@dataclass(frozen=True, slots=True)
class Post:
    """A command on its way to a node. Posting it again under the same id changes nothing."""

    command_id: str
    node: str
    body: str
    timeout_s: float


class PostResult(StrEnum):
    """What became of a post."""

    ACCEPTED = "accepted"
    FULL = "full"  # the node has its fill of commands; try again later
    GONE = "gone"  # the node does not live


@dataclass(frozen=True, slots=True)
class Posted:
    """`incarnation` is the life of the node that took the post; a restarted node has another one."""

    result: PostResult
    incarnation: str = ""


class State(StrEnum):
    """Where a posted command is. Each one leaves WAITING at most once."""

    WAITING = "waiting"
    BEGIN = "begin"  # to the one who asked: yours to deliver, now
    BEGUN = "begun"  # somebody was told BEGIN before; the station may have seen it
    WITHDRAWN = "withdrawn"  # it will never be delivered
    EXPIRED = "expired"  # its deadline passed first; it will never be delivered
    UNKNOWN = "unknown"  # the bus has lost it, or never had it


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to a wish to deliver; `remaining_s` until the deadline, by the bus's clock."""

    state: State
    remaining_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a node's stream. `command_id` is set for a posted command. It comes again until it is acknowledged."""

    entry: str
    body: str
    command_id: str | None = None
    deadline: str = ""


class KeyState(StrEnum):
    """What is known of an idempotency key."""

    NEW = "new"  # it is yours: carry the command out, then close the key
    RUNNING = "running"  # another command has it; you will be told its outcome
    DONE = "done"
    LOST = "lost"  # whoever had it never told how it ended
    CONFLICT = "conflict"  # it belongs to a command of other content


@dataclass(frozen=True, slots=True)
class OpenedKey:
    """`command_id` names the first command under the key, `outcome` what it was closed with."""

    state: KeyState
    command_id: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Waiter:
    """A command that waits for the outcome of another one with the same idempotency key."""

    node: str
    command_id: str


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a sign of life: whether the bus has forgotten everything, and which connections are still ours."""

    forgotten: bool
    ours: Sequence[bool] = field(default=())


@dataclass(frozen=True, slots=True)
class BusFigures:
    """How full a node's stream is: entries not yet read, and read but not acknowledged."""

    lag: int
    pending: int


@dataclass(frozen=True, slots=True)
class BusSettings:
    """Times and sizes; all nodes of a cluster use the same ones."""

    lease_s: float = 1.5  # without a sign of life for so long, a node is gone
    presence_s: float = 60.0  # a connection that nobody confirms is forgotten
    epoch_s: float = 30 * 86_400.0
    stream_s: float = 600.0  # what is left of a node that never came back
    state_s: float = 60.0  # how long the end of a command is known beyond its deadline
    outcome_s: float = 3_600.0  # how long an idempotency key is good
    waiting_commands: int = 2_000  # for one node, those under way included; more are refused


class Bus(Protocol):
    """One node's connection to the others. Every method but `close` raises BusUnavailable."""

    @property
    def node(self) -> str:
        """The name of this node; it stays when the process starts again."""

    async def join(self) -> None:
        """Begin a life as this node. Raises NodeNameTaken while another process lives under its name."""

    async def beat(self, held: Sequence[Held]) -> Beat:
        """Be alive for another lease, and restore or confirm these connections. Raises NodeNameTaken."""

    async def lost(self) -> bool:
        """Whether the bus has lost its data since this node's last sign of life."""

    async def leave(self) -> None:
        """End this life at once, without waiting for the lease to run out."""

    async def nodes(self) -> list[str]:
        """The nodes alive."""

    async def lives(self, node: str, incarnation: str) -> bool:
        """Whether a node still lives the life in which it took a post."""

    async def claim(self, station: str, connection: str, protocol: str) -> Claim:
        """Make a connection its station's newest."""

    async def release(self, held: Held) -> None:
        """A connection has ended. A newer one of the same station stays."""

    async def owner(self, station: str) -> Held | None:
        """The newest connection of a station."""

    async def post(self, post: Post) -> Posted:
        """Give a command to a node; its deadline is so far from now by the bus's own clock."""

    async def begin(self, message: Message) -> Begun:
        """Ask to deliver a command that came as a message."""

    async def withdraw(self, node: str, command_id: str) -> State:
        """Take a posted command back, unless it was begun; its state after that, never WAITING or BEGIN."""

    async def tell(self, node: str, body: str) -> None:
        """Put a message that is no command into a node's stream."""

    async def read(self, wait_s: float) -> list[Message]:
        """The next messages of this node; none after `wait_s`.

        What was read and not acknowledged comes again at the beginning of a life and after every read that failed or
        brought nothing, so that nothing is lost on its way here: whoever reads must know what it has in hand.
        """

    async def acknowledge(self, entry: str) -> None:
        """A message is dealt with."""

    async def open_key(self, station: str, key: str, content: str, command_id: str, timeout_s: float) -> OpenedKey:
        """Ask for an idempotency key on behalf of a command that ends within `timeout_s`."""

    async def close_key(self, station: str, key: str, command_id: str, outcome: str | None) -> list[Waiter]:
        """Keep the outcome under a key, or give the key up (None); who waits for it."""

    async def figures(self) -> BusFigures:
        """How this node's stream does."""

    async def close(self) -> None:
        """Give up connections."""
