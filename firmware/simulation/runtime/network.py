"""A TCP network in memory, under `create_connection` and `create_server`, with the faults that networks have.

Model: hosts with addresses; a path for each direction between two hosts, with latency, jitter, bandwidth, loss and fragmentation; names
resolved by a table. A segment is delivered in order, a lost one is retransmitted after a time-out and holds up those behind it.
Bytes sent into a black hole are kept and delivered when it heals, unless the sender's kernel gives up first.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from firmware.simulation.runtime.hosts import ANY, LOOPBACK, Host
from firmware.simulation.runtime.pipe import FIRST_RETRANSMISSION_S, MAX_RETRANSMISSION_S, Control, Pipe
from firmware.simulation.runtime.process import current_process
from firmware.simulation.runtime.server import VirtualServer
from firmware.simulation.runtime.transport import VirtualTransport

if TYPE_CHECKING:
    from firmware.simulation.runtime.loop import VirtualLoop
    from firmware.simulation.runtime.tasks import SerialHashes
    from firmware.simulation.runtime.trace import Trace

CONNECT_GIVE_UP_S = 127.0  # Linux: tcp_syn_retries = 6
FIRST_SYN_RETRY_S = 1.0
MAX_SYN_RETRY_S = 64.0
_HEADER_BYTES = 40
_LOOPBACK_LATENCY_S = 0.00005
_EVERY_ADDRESS = frozenset({None, "", "0.0.0.0", "::"})  # noqa: S104 - only names for it
_LOOPBACK_NAMES = frozenset({"localhost", LOOPBACK, "::1"})


@dataclass(slots=True, eq=False)
class Path:
    """One direction between two hosts. Fields may be changed at any time; segments on their way keep their arrival."""

    latency_s: float = 0.02
    jitter_s: float = 0.03  # added to the latency, evenly spread
    bytes_per_s: float | None = None
    loss: float = 0.0  # chance of a segment to be lost, each time it is sent
    fragment: float = 0.0  # chance of a segment to be split in two
    blocked: bool = False  # black hole
    refused: bool = False  # connection attempts are answered with a reset
    busy_until_s: float = 0.0

    def arrival_s(self, now_s: float, size: int, rng: Random) -> float:
        """When a segment of `size` bytes that is sent now arrives, retransmissions included."""
        leaves_s = now_s
        if self.bytes_per_s is not None:
            leaves_s = self.busy_until_s = max(now_s, self.busy_until_s) + (size + _HEADER_BYTES) / self.bytes_per_s
        retry_s = FIRST_RETRANSMISSION_S
        while self.loss and rng.random() < self.loss:
            leaves_s += retry_s
            retry_s = min(2 * retry_s, MAX_RETRANSMISSION_S)
        return leaves_s + self.latency_s + self.jitter_s * rng.random()


class Network:
    """All hosts, the paths between them, and what is broken."""

    def __init__(
        self, loop: "VirtualLoop", trace: "Trace", rng: Random, hashes: "SerialHashes", context: Context
    ) -> None:
        self.loop = loop
        self.trace = trace
        self.rng = rng
        self.hashes = hashes
        self.context = context  # what happens between hosts belongs to no process
        self.hosts: dict[str, Host] = {}
        self.pipes: dict[
            tuple[int, bool], Pipe
        ] = {}  # of connections that are not over; keyed by (connection, to the server)
        self._by_address: dict[str, Host] = {}
        self._paths: dict[tuple[str, str], Path] = {}
        self._lost_names: set[str] = set()
        self._connections = 0
        self.outside = self.add_host("outside")  # where code that belongs to no process runs

    # Hosts, names and paths

    def add_host(self, name: str) -> Host:
        """A new machine, switched on, reachable by its name."""
        number = len(self.hosts) + 1
        host = Host(name, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
        if name in self.hosts:
            raise ValueError(f"there is a host {name!r} already")
        self.hosts[name] = self._by_address[host.address] = host
        return host

    def path(self, from_host: str, to_host: str) -> Path:
        """The path of one direction, made on first use."""
        path = self._paths.get((from_host, to_host))
        if path is None:
            path = Path(_LOOPBACK_LATENCY_S, 0.0) if from_host == to_host else Path()
            self._paths[from_host, to_host] = path
        return path

    def resolve(self, name: str) -> str:
        """The address of a name as the calling process sees it. Raises `socket.gaierror` as a resolver does."""
        if name in _LOOPBACK_NAMES:
            return LOOPBACK
        if name in self._by_address:
            return name
        host = self.hosts.get(name)
        if host is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name in self._lost_names:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return host.address

    def _here(self) -> Host:
        process = current_process.get()
        return self.outside if process is None else process.host

    # What the loop asks for

    def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str | Sequence[str] | None, port: int
    ) -> VirtualServer:
        """A server of the calling process, not listening yet."""
        here = self._here()
        wanted = host if host is None or isinstance(host, str) else host[0]
        if wanted in _EVERY_ADDRESS:
            address = ANY
        elif wanted in _LOOPBACK_NAMES:
            address = LOOPBACK
        elif wanted in {here.name, here.address}:
            address = here.address
        else:
            raise OSError(errno.EADDRNOTAVAIL, f"error while attempting to bind on address ({wanted!r}, {port})")
        return VirtualServer(self.loop, here, current_process.get(), factory, (address, port or here.free_port()))

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], name: str, port: int
    ) -> tuple[VirtualTransport, asyncio.BaseProtocol]:
        """Dial. Raises what the operating system raises: gaierror, ConnectionRefusedError, TimeoutError."""
        here = self._here()
        address = self.resolve(name)
        there = here if address == LOOPBACK else self._by_address[address]
        attempt = _Attempt(self, here, there, address, port)
        client = await attempt.run()
        protocol = factory()
        client.begin(protocol)
        await asyncio.sleep(0)  # connection_made runs before this goes on, as with a real transport
        return client, protocol

    def join(self, client_host: Host, server: VirtualServer, remote: tuple[str, int]) -> VirtualTransport:
        """Make the two ends of a connection; the server's end begins when the handshake's last segment arrives there."""
        self._connections += 1
        number = self._connections
        there = server.host
        source = LOOPBACK if remote[0] == LOOPBACK else client_host.address
        local = (source, client_host.free_port())
        near = VirtualTransport(self, number, client_host, current_process.get(), copy_context(), local, remote)
        far = VirtualTransport(self, number, there, server.process, server.context.copy(), remote, local, server)
        near.out = self._pipe(number, near, far, to_server=True)
        far.out = self._pipe(number, far, near, to_server=False)
        self.trace.note(self.loop.time(), "connect", number, client_host.name, there.name, remote[1])
        near.out.send(Control.ACK)
        return near

    def _pipe(self, number: int, sender: VirtualTransport, receiver: VirtualTransport, *, to_server: bool) -> Pipe:
        path = self.path(sender.host.name, receiver.host.name)
        pipe = self.pipes[number, to_server] = Pipe(self, number, path, sender, receiver, to_server=to_server)
        return pipe

    # Faults

    def black_hole(self, a: str, b: str, *, both: bool = True) -> None:
        """From now on nothing arrives at `b` from `a` (nor the other way), and nobody is told."""
        self._note_fault("black-hole", a, b, both)
        self.path(a, b).blocked = True
        if both:
            self.path(b, a).blocked = True

    def heal(self, a: str, b: str) -> None:
        """End black hole and refusal between two hosts; what was held is delivered at the sender's next retransmission."""
        self._note_fault("heal", a, b)
        for path in (self.path(a, b), self.path(b, a)):
            path.blocked = path.refused = False
        self._move_stalled(lambda pipe: {pipe.sender.host.name, pipe.receiver.host.name} == {a, b})

    def refuse(self, a: str, b: str) -> None:
        """Connection attempts from `a` to `b` are refused until `heal`. Open connections live on."""
        self._note_fault("refuse", a, b)
        self.path(a, b).refused = True

    def degrade(
        self,
        a: str,
        b: str,
        *,
        latency_s: float | None = None,
        bytes_per_s: float | None = None,
        loss: float = 0.0,
        fragment: float = 0.0,
    ) -> None:
        """Make both directions slow, lossy or choppy; called without options they are good again."""
        self._note_fault("degrade", a, b, latency_s, bytes_per_s, loss, fragment)
        for path in (self.path(a, b), self.path(b, a)):
            path.latency_s = Path().latency_s if latency_s is None else latency_s
            path.bytes_per_s, path.loss, path.fragment = bytes_per_s, loss, fragment

    def cut(self, a: str, b: str) -> int:
        """A middlebox resets every connection between two hosts. Returns their number."""
        ends = [
            pipe.sender for pipe in self.pipes.values() if {pipe.sender.host.name, pipe.receiver.host.name} == {a, b}
        ]
        self._note_fault("cut", a, b, len(ends))
        for end in ends:
            self.loop.call_soon(end.lose, _reset(), context=self.context)
        return len(ends) // 2

    def half_open(self, a: str, b: str) -> int:
        """`b` forgets its connections with `a` without a word; `a` learns it when it sends. Returns their number."""
        ends = [p.sender for p in self.pipes.values() if p.sender.host.name == b and p.receiver.host.name == a]
        self._note_fault("half-open", a, b, len(ends))
        for end in ends:
            end.vanish()
            self.loop.call_soon(end.lose, TimeoutError(errno.ETIMEDOUT, "Connection timed out"), context=self.context)
        return len(ends)

    def forget_mapping(self, a: str, b: str) -> int:
        """A carrier's NAT forgets the open connections: their segments vanish for good, new connections work."""
        pipes = [p for p in self.pipes.values() if {p.sender.host.name, p.receiver.host.name} == {a, b}]
        self._note_fault("forget-mapping", a, b, len(pipes))
        for pipe in pipes:
            pipe.muted = True
        return len(pipes) // 2

    def lose_name(self, name: str) -> None:
        """Resolving a host's name fails until `find_name`."""
        self._note_fault("lose-name", name)
        self._lost_names.add(name)

    def find_name(self, name: str) -> None:
        """The resolver works again."""
        self._note_fault("find-name", name)
        self._lost_names.discard(name)

    def power_returned(self, host: Host) -> None:
        """What was sent to a host without power is sent again, and answered with a reset."""
        self._move_stalled(lambda pipe: pipe.receiver.host is host)

    def end_closed(self, number: int) -> None:
        """One end of a connection is over; when both are, the connection is forgotten."""
        pipe = self.pipes.get((number, True))
        if pipe is not None and pipe.sender.gone and pipe.receiver.gone:
            del self.pipes[number, True], self.pipes[number, False]

    def _move_stalled(self, which: Callable[[Pipe], bool]) -> None:
        for pipe in list(self.pipes.values()):
            if which(pipe):
                pipe.path_healed()

    def _note_fault(self, *fields: object) -> None:
        self.trace.note(self.loop.time(), "fault", *fields)


class _Attempt:
    """One dialling: SYN, its retries, and the answer."""

    def __init__(self, network: Network, here: Host, there: Host, address: str, port: int) -> None:
        self._network = network
        self._loop = network.loop
        self._here = here
        self._there = there
        self._remote = (address, port)
        self._out = network.path(here.name, there.name)
        self._back = network.path(there.name, here.name)
        self._answer: asyncio.Future[VirtualServer] = network.loop.create_future()
        self._retry_s = FIRST_SYN_RETRY_S

    async def run(self) -> VirtualTransport:
        give_up = self._loop.call_later(CONNECT_GIVE_UP_S, self._give_up, context=self._network.context)
        self._send_syn()
        try:
            server = await self._answer
        finally:
            give_up.cancel()
        return self._network.join(self._here, server, self._remote)

    def _send_syn(self) -> None:
        self._loop.call_at(self._out.arrival_s(self._loop.time(), 0, self._network.rng), self._syn_arrives)

    def _syn_arrives(self) -> None:
        if self._answer.done():
            return
        if self._out.blocked or self._back.blocked or not self._there.up:
            self._loop.call_later(self._retry_s, self._send_syn)
            self._retry_s = min(2 * self._retry_s, MAX_SYN_RETRY_S)
            return
        server = None if self._out.refused else self._there.listener(*self._remote)
        back_s = self._back.arrival_s(self._loop.time(), 0, self._network.rng)
        self._loop.call_at(back_s, self._answered, server)

    def _answered(self, server: VirtualServer | None) -> None:
        if self._answer.done():
            return
        if server is None or not server.is_serving():
            error = ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed {self._remote}")
            self._answer.set_exception(error)
        else:
            self._answer.set_result(server)

    def _give_up(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(TimeoutError(errno.ETIMEDOUT, f"Connect call failed {self._remote}"))


def _reset() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
