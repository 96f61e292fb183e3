"""Stay connected, for ever: leave to dial -> dial -> agree on a version -> run -> say why it ended -> wait -> again.

Rules:
- Nothing the network, the server or a session does ends the link; only `stop` does, within about a second.
- It never dials at once after an end, however clean. The back-off begins anew only after the session has called
  `accepted` and the connection then stood for `stable_s`.
- A missing pong ends the connection. Pings are this side's (`set_ping_interval`), the first one an interval after opening.
- One connection at a time: the old one is closed before the next is dialled.
"""

import asyncio
import logging
import ssl as tls
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

from ocpp_client.backoff import Backoff
from ocpp_client.clock import Clock
from ocpp_client.endpoint import Target, without_secrets
from ocpp_client.errors import ConnectionLost, OcppError, SubprotocolMismatch
from ocpp_client.link_status import (
    MOVES,
    Drop,
    LinkFault,
    LinkState,
    LinkStatus,
    ReconnectAsked,
    is_mass_drop,
    may_be_mass_drop,
)
from ocpp_client.peer import Peer
from ocpp_client.sockets import WebSocket

log = logging.getLogger(__name__)

PING_INTERVAL_S: Final = 60.0


class Dial(Protocol):
    """Opens a WebSocket; `ocpp_client.websocket.connect` and `ocpp_client.micro.dial.connect` are real ones."""

    async def __call__(
        self,
        url: str,
        *,
        subprotocols: Sequence[str],
        headers: Mapping[str, str] | None,
        ssl: tls.SSLContext | None,
        open_timeout_s: float,
        close_timeout_s: float,
        compression: bool,
    ) -> WebSocket: ...


@dataclass(frozen=True, slots=True)
class Connected:
    """What a session works with. `accepted` is to be called once the CSMS accepts the station."""

    peer: Peer
    protocol: str
    socket: WebSocket
    accepted: Callable[[], None]


Session = Callable[[Connected], Awaitable[None]]
"""The owner's work on one connection: boot, report, drain the queue. It is cancelled when the connection is gone. It may
return early, the connection stays; what it raises ends the connection (so must a BootNotification without an answer)."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Times of a link, in seconds."""

    open_timeout_s: float = 20.0
    close_timeout_s: float = 0.8
    pong_timeout_s: float = 20.0
    """Well above the round trips of a cellular network."""
    stable_s: float = 30.0
    restart_spread_s: float = 30.0
    """How far the first attempts of a fleet are scattered after its server said that it restarts."""
    loss_spread_s: float = 10.0
    """The same after the connection of an accepted station ended as if by a crash of the server, without a word."""


async def _open_gate() -> None:
    """Let every attempt pass."""


class Link:
    """One station's connection to its CSMS.

    `target` is asked before each attempt, so that changed settings apply to the next one. `open_peer` makes the peer for
    an open socket and the version agreed on it. `gate` returns when dialling makes sense. `on_change` is told when the
    state changes and when the failed attempts are forgotten, `on_drop` of each end before the wait that follows; what it
    returns is the least time to wait, in seconds. Both must neither raise nor take long.
    """

    def __init__(
        self,
        *,
        target: Callable[[], Target],
        open_peer: Callable[[WebSocket, str], Peer],
        session: Session,
        backoff: Backoff,
        clock: Clock,
        dial: Dial,
        gate: Callable[[], Awaitable[None]] = _open_gate,
        on_change: Callable[[LinkStatus], None] | None = None,
        on_drop: Callable[[Drop], float | None] | None = None,
        options: LinkOptions | None = None,
        ping_interval_s: float = PING_INTERVAL_S,
    ) -> None:
        self._target = target
        self._open_peer = open_peer
        self._session = session
        self._backoff = backoff
        self._clock = clock
        self._gate = gate
        self._on_change = on_change
        self._on_drop = on_drop
        self._options = options or LinkOptions()
        self._dial = dial
        self._ping_changed = asyncio.Event()
        self._pong_timeout_s = self._options.pong_timeout_s
        self.set_ping_interval(ping_interval_s)
        # orders from outside
        self._work: asyncio.Task[None] | None = None  # what may be interrupted
        self._cut_off = False
        self._asked = ""
        self._running = False
        self._stopping = False
        self._stopped = asyncio.Event()
        # what `status` tells
        self._state = LinkState.IDLE
        self._since = clock.monotonic()
        self._url = ""
        self._protocol: str | None = None
        self._attempts = 0
        self._next_attempt_at: float | None = None
        self._last_drop: Drop | None = None
        self._rtt_s: float | None = None
        self._socket: WebSocket | None = None
        self._lasted_s: float | None = None
        self._connected_at = 0.0
        self._message_at = 0.0
        self._pong_at = 0.0
        self._bytes_sent = 0
        self._bytes_received = 0

    # --- for the owner

    @property
    def status(self) -> LinkStatus:
        """What the link is doing now."""
        socket = self._socket
        return LinkStatus(
            state=self._state,
            since=self._since,
            url=self._url,
            protocol=self._protocol,
            attempts=self._attempts,
            next_attempt_at=self._next_attempt_at,
            last_drop=self._last_drop,
            rtt_s=self._rtt_s,
            bytes_sent=self._bytes_sent + (socket.bytes_sent if socket else 0),
            bytes_received=self._bytes_received + (socket.bytes_received if socket else 0),
        )

    def set_ping_interval(self, interval_s: float) -> None:
        """Ping every `interval_s` seconds from now on; 0 sends none. Raises ValueError if it is negative."""
        if not interval_s >= 0:
            raise ValueError(f"a ping interval of {interval_s} s makes no sense; use 0 to send none")
        self._ping_interval_s = interval_s
        self._ping_changed.set()

    def set_pong_timeout(self, timeout_s: float) -> None:
        """Wait `timeout_s` for each pong from the next ping on. Raises ValueError if it is not positive."""
        if not timeout_s > 0:
            raise ValueError(f"a pong time-out of {timeout_s} s would end every connection")
        self._pong_timeout_s = timeout_s

    def note_message(self) -> None:
        """Be told of each message that passes, either way: how long it was quiet is evidence when the connection ends."""
        self._message_at = self._clock.monotonic()

    def reconnect(self, reason: str) -> None:
        """Close the connection, or stop waiting for the next attempt, and dial again after the shortest wait."""
        self._asked = reason
        self._interrupt()

    async def stop(self) -> None:
        """Close the connection and end `run`; return when that is done, within about a second."""
        self._stopping = True
        if self._running:
            self._interrupt()
            await self._stopped.wait()

    async def run(self) -> None:
        """Keep the connection standing until `stop`; return at once if that came first. To be called once."""
        if self._running or self._stopped.is_set():
            raise RuntimeError("a link runs once; make another one")
        self._running = True
        try:
            if self._backoff.state() and not self._stopping:
                await self._wait(self._backoff.next_delay_s())  # this program has failed before: it may do so in a loop
            while not self._stopping:
                error = await self._attempt()
                if not self._stopping:
                    await self._wait(self._record(error))
        finally:
            self._running = False
            self._move(LinkState.STOPPED)
            self._stopped.set()

    # --- the round

    async def _attempt(self) -> OcppError:
        """Dial and hold one connection; return why it ended."""
        self._asked = ""
        try:
            await self._interruptible(self._connect_and_hold())
        except OcppError as error:
            return error
        except Exception as error:
            log.exception("link attempt failed by a defect")
            return LinkFault(f"a defect of this program: {type(error).__name__}; its log says more")
        return ReconnectAsked(f"a new connection was asked for: {self._asked}")

    async def _connect_and_hold(self) -> NoReturn:
        self._move(LinkState.GATED)
        await self._gate()
        target = self._target()
        self._url = without_secrets(target.url)
        self._move(LinkState.DIALLING)
        authorization = {"Authorization": target.credentials.header()} if target.credentials else {}
        socket = await self._dial(
            target.url,
            subprotocols=target.protocols,
            headers={**target.headers, **authorization},
            ssl=target.ssl,
            open_timeout_s=self._options.open_timeout_s,
            close_timeout_s=self._options.close_timeout_s,
            compression=target.compression,
        )
        self._socket = socket
        self._connected_at = self._message_at = self._pong_at = self._clock.monotonic()
        try:
            self._protocol = self._agreed(target, socket.subprotocol)
            log.info("connected url=%s protocol=%s", self._url, self._protocol)
            self._move(LinkState.CONNECTED)
            await self._hold(socket, self._protocol)
        finally:
            self._lasted_s = self._clock.monotonic() - self._connected_at
            try:
                await socket.close(1001 if self._stopping else 1000, self._asked)
            finally:
                self._bytes_sent += socket.bytes_sent
                self._bytes_received += socket.bytes_received
                self._socket = self._protocol = self._rtt_s = None

    def _agreed(self, target: Target, chosen: str | None) -> str:
        if chosen is not None:
            return chosen
        if target.accept_missing_subprotocol and len(target.protocols) == 1:
            log.warning(
                "server named no subprotocol, going on with the only one offered protocol=%s", target.protocols[0]
            )
            return target.protocols[0]
        raise SubprotocolMismatch(url=target.url, offered=target.protocols, chosen=None)

    async def _hold(self, socket: WebSocket, protocol: str) -> NoReturn:
        accepted = asyncio.Event()
        peer = self._open_peer(socket, protocol)
        session = self._session(Connected(peer, protocol, socket, accepted.set))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(peer.run())
                tasks.create_task(_awaited(session))
                tasks.create_task(self._ping(socket))
                tasks.create_task(self._prove(accepted))
        except BaseExceptionGroup as group:
            raise _leading(group) from None
        raise AssertionError("a peer's run always raises")

    async def _ping(self, socket: WebSocket) -> NoReturn:
        while True:
            if not await self._interval_passed():
                continue
            try:
                async with asyncio.timeout(self._pong_timeout_s):
                    self._rtt_s = await socket.ping()
                self._pong_at = self._clock.monotonic()
            except TimeoutError:
                text = f"no pong within {self._pong_timeout_s:g} s"
                raise ConnectionLost(1006, text, cause="no-pong") from None

    async def _interval_passed(self) -> bool:
        """Wait one ping interval; return False as soon as it is changed."""
        self._ping_changed.clear()
        try:
            async with asyncio.timeout(self._ping_interval_s or None):
                await self._ping_changed.wait()
        except TimeoutError:
            return True
        return False

    async def _prove(self, accepted: asyncio.Event) -> None:
        await accepted.wait()
        self._move(LinkState.ONLINE)
        await self._clock.sleep(self._options.stable_s)
        self._backoff.reset()
        self._attempts = 0
        self._tell()

    def _record(self, error: OcppError) -> float:
        """Write down why it ended; return how long to wait now."""
        lasted_s, self._lasted_s = self._lasted_s, None
        now = self._clock.monotonic()
        idle_s = quiet_s = None
        if lasted_s is not None:
            ended_at = self._connected_at + lasted_s
            quiet_s = ended_at - self._message_at
            idle_s = min(quiet_s, ended_at - self._pong_at)
        drop = Drop.of(error, at=now, lasted_s=lasted_s, idle_s=idle_s, quiet_s=quiet_s)
        self._last_drop = drop
        least_s = None if self._on_drop is None else self._on_drop(drop)
        if isinstance(error, ReconnectAsked):
            delay_s = self._backoff.policy.floor_s
        else:
            self._attempts += 1
            spread_s = self._spread_s(error)
            asked_s = max(drop.retry_after_s or 0.0, least_s or 0.0) or None
            delay_s = self._backoff.next_delay_s(asked_s, spread_s=spread_s)
        evidence = " ".join(f"{name}={value!r}" for name, value in drop.evidence.items())
        phrase = "not connected" if lasted_s is None else "connection ended"
        lasted = "" if lasted_s is None else f" lasted_s={lasted_s:.0f}"
        level = logging.INFO if isinstance(error, ReconnectAsked) else logging.WARNING
        log.log(
            level, "%s kind=%s%s %s next_attempt_s=%.1f: %s", phrase, drop.kind, lasted, evidence, delay_s, drop.cause
        )
        return delay_s

    def _spread_s(self, error: OcppError) -> float:
        if is_mass_drop(error):
            return self._options.restart_spread_s
        return self._options.loss_spread_s if self._state is LinkState.ONLINE and may_be_mass_drop(error) else 0.0

    async def _wait(self, delay_s: float) -> None:
        """Wait for the next attempt; `reconnect` shortens it, but not below the shortest wait."""
        begun = self._clock.monotonic()
        until = begun + delay_s
        self._next_attempt_at = until
        self._move(LinkState.WAITING)
        while (left_s := until - self._clock.monotonic()) > 0:
            if await self._interruptible(self._clock.sleep(left_s)) or self._stopping:
                break
            until = self._next_attempt_at = min(until, begun + self._backoff.policy.floor_s)
        self._next_attempt_at = None

    # --- orders from outside

    async def _interruptible(self, work: Coroutine[Any, Any, None]) -> bool:
        """Await `work` and return True, or False if `_interrupt` cut it off; raise what it raises otherwise."""
        # In a task of its own, because a task group inside may swallow a cancellation: it must not swallow one of run().
        task = self._work = asyncio.create_task(work)
        self._cut_off = False
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        finally:
            self._work = None
        try:
            task.result()
        except (asyncio.CancelledError, OcppError):
            if not self._cut_off:
                raise
        return not self._cut_off

    def _interrupt(self) -> None:
        if self._work is not None and not self._cut_off:
            self._cut_off = True
            self._work.cancel()

    def _move(self, state: LinkState) -> None:
        if state not in MOVES[self._state]:
            raise RuntimeError(f"a link cannot go from {self._state.value} to {state.value}")
        self._state = state
        self._since = self._clock.monotonic()
        self._tell()

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change(self.status)


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _leading(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that explains a group best; defects that came with it go into the log."""
    leaves = list(_leaves(group))
    ranked = [[leaf for leaf in leaves if isinstance(leaf, kind)] for kind in (ConnectionLost, OcppError)]
    leading = next((found[0] for found in ranked if found), leaves[0])
    for leaf in leaves:
        if leaf is not leading and not isinstance(leaf, OcppError):
            log.error("defect while connected", exc_info=leaf)
    return leading
