"""What lies between the two ends of a simulated TCP connection: control segments, socket options, and the pipe of one direction."""

import errno
import socket
import struct
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firmware.simulation.runtime.network import Network, Path
    from firmware.simulation.runtime.transport import VirtualTransport

GIVE_UP_S = 924.6  # Linux: tcp_retries2 = 15
FIRST_RETRANSMISSION_S = 0.2
MAX_RETRANSMISSION_S = 120.0
_TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", 18)


class Control(Enum):
    """What can be sent besides bytes."""

    ACK = "ACK"  # of the handshake: the server's end begins
    FIN = "FIN"
    RST = "RST"


Item = bytes | Control


class VirtualSocket:
    """What `get_extra_info("socket")` gives: addresses, and options that are remembered. It has no descriptor."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, local: tuple[str, int], remote: tuple[str, int] | None) -> None:
        self._local = local
        self._remote = remote
        self._options: dict[tuple[int, int], Any] = {}

    @property
    def give_up_s(self) -> float:
        """How long unacknowledged bytes are retransmitted: the system's default, or what TCP_USER_TIMEOUT says."""
        user_timeout_ms: int = self._options.get((socket.IPPROTO_TCP, _TCP_USER_TIMEOUT), 0)
        return user_timeout_ms / 1000 if user_timeout_ms else GIVE_UP_S

    @property
    def resets_on_close(self) -> bool:
        """Whether SO_LINGER with a time of 0 was set: closing then sends RST instead of FIN."""
        linger = self._options.get((socket.SOL_SOCKET, socket.SO_LINGER))
        return isinstance(linger, bytes) and struct.unpack("ii", linger) == (1, 0)

    def getsockname(self) -> tuple[str, int]:
        """Own address and port."""
        return self._local

    def getpeername(self) -> tuple[str, int]:
        """Address and port of the other end."""
        if self._remote is None:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        return self._remote

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Remember an option. TCP_USER_TIMEOUT and SO_LINGER have an effect, the others have none."""
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int) -> Any:
        """The remembered value, 0 when never set."""
        return self._options.get((level, option), 0)

    def fileno(self) -> int:
        """No descriptor stands behind it."""
        return -1


class Pipe:
    """One direction of a connection. Segments that meet a blocked path are held, in order, and retransmitted."""

    __slots__ = (
        "_held",
        "_last_s",
        "_network",
        "_number",
        "_path",
        "_stalled_s",
        "_to_server",
        "muted",
        "receiver",
        "sender",
    )

    def __init__(
        self,
        network: "Network",
        number: int,
        path: "Path",
        sender: "VirtualTransport",
        receiver: "VirtualTransport",
        *,
        to_server: bool,
    ) -> None:
        self.sender = sender
        self.receiver = receiver
        self.muted = False  # for good: what is sent from now on never arrives
        self._network = network
        self._number = number
        self._path = path
        self._to_server = to_server
        self._last_s = 0.0  # no segment arrives before the one sent before it
        self._held: deque[Item] = deque()
        self._stalled_s = 0.0  # when the first held segment should have arrived

    def send(self, item: Item) -> None:
        """Put bytes or a control segment on the wire."""
        path, rng = self._path, self._network.rng
        if isinstance(item, bytes) and path.fragment and len(item) > 1 and rng.random() < path.fragment:
            at = rng.randrange(1, len(item))
            self._launch(item[:at])
            item = item[at:]
        self._launch(item)

    def _launch(self, item: Item) -> None:
        loop = self._network.loop
        size = len(item) if isinstance(item, bytes) else 0
        arrives_s = max(self._last_s, self._path.arrival_s(loop.time(), size, self._network.rng))
        self._last_s = arrives_s
        loop.call_at(arrives_s, self._arrive, item, context=self._network.context)

    def _arrive(self, item: Item) -> None:
        if self._held or self._stuck():
            self._hold(item)
        else:
            self._deliver(item)

    def _stuck(self) -> bool:
        return self.muted or self._path.blocked or not self.receiver.host.up

    def _deliver(self, item: Item) -> None:
        if isinstance(item, bytes):
            self._network.trace.segment(self._network.loop.time(), self._number, self._to_server, item)
        else:
            self._network.trace.note(self._network.loop.time(), item.value, self._number, self._to_server)
        self.receiver.receive(item)

    def _hold(self, item: Item) -> None:
        if item is Control.RST:
            return  # resets are never retransmitted
        if not self._held:
            loop = self._network.loop
            self._stalled_s = loop.time()
            loop.call_later(self.sender.socket.give_up_s, self._give_up, self._stalled_s, context=self._network.context)
        self._held.append(item)

    def _give_up(self, stalled_s: float) -> None:
        if self._held and self._stalled_s == stalled_s:
            self._held.clear()
            self.sender.lose(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))

    def path_healed(self) -> None:
        """Segments can pass again: the held ones go with the sender's next retransmission."""
        if not self._held:
            return
        now_s = self._network.loop.time()
        retry_s, at_s = FIRST_RETRANSMISSION_S, self._stalled_s + FIRST_RETRANSMISSION_S
        while at_s <= now_s:
            retry_s = min(2 * retry_s, MAX_RETRANSMISSION_S)
            at_s += retry_s
        self._network.loop.call_at(at_s, self._retransmit, context=self._network.context)

    def _retransmit(self) -> None:
        if self._stuck():
            return  # healed too briefly; held until the next time
        if not self.sender.kernel_alive:
            self._held.clear()  # nobody is left to send them again
            return
        held, self._held = self._held, deque()
        for item in held:
            self._deliver(item)
