"""An open WebSocket on asyncio: moves bytes between a transport and `client`, which knows the protocol.

Rules:
- At most `MAX_WAITING` messages wait for whoever receives; then the network is read no further, and TCP holds the rest back.
- While the network takes nothing, nothing is added to what waits to be sent: neither messages nor answers to pings.
- Once closing has begun, by whichever side, the TCP connection ends within `close_timeout_s`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Final, cast

from ocpp_client.dialling import MAX_REASON_BYTES, peer_name
from ocpp_client.errors import ABNORMAL_CLOSURE, ConnectionLost
from ocpp_client.micro.client import Client, Event, may_be_sent
from ocpp_client.micro.frames import CLOSE, PONG

log = logging.getLogger(__name__)

MAX_WAITING: Final = 16


class MicroSocket(asyncio.Protocol):
    """`ocpp_client.sockets.WebSocket` on a transport. Call `begin` first."""

    def __init__(
        self, client: Client, *, subprotocol: str | None, headers: Mapping[str, str], close_timeout_s: float
    ) -> None:
        self.subprotocol = subprotocol
        self.response_headers = headers
        self.bytes_sent = 0
        self.bytes_received = 0
        self._client = client
        self._close_timeout_s = close_timeout_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._messages: deque[Event] = deque()
        self._receiver: asyncio.Future[None] | None = None
        self._pings: dict[bytes, tuple[asyncio.Future[float], float]] = {}  # oldest first
        self._pings_sent = 0
        self._room = asyncio.Event()  # the network takes more
        self._room.set()
        self._full = False  # as many messages wait as may
        self._paused = False  # by whoever uses the connection
        self._reading = False  # bytes are taken from the network
        self._lost: ConnectionLost | None = None
        self._gone = asyncio.Event()  # the TCP connection has ended
        self._close_timer: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.Transport, first: bytes) -> None:
        """Take over a transport whose upgrade is done; `first` is what came after the answer's head."""
        self._transport = transport
        self.peer_address = peer_name(transport.get_extra_info("peername"))
        self.local_address = peer_name(transport.get_extra_info("sockname"))
        transport.set_protocol(self)
        if first:
            self.data_received(first)
        self._pace()

    # --- for whoever uses the connection

    async def send(self, text: str) -> None:
        """Send one text message."""
        while not self._room.is_set():  # of several that wait, the first may fill it again
            await self._room.wait()
        if self._lost is not None or self._client.sent is not None:
            raise self._verdict(None)
        data = text.encode()
        self._transport.write(self._client.text(data))
        self.bytes_sent += len(data)
        if not self._room.is_set():
            await self._room.wait()
            if self._lost is not None:
                raise self._lost.again()

    async def receive(self) -> str | bytes:
        """Return the next message. Raises ConnectionLost, after what came before it; RuntimeError when called twice at once."""
        if self._receiver is not None:
            raise RuntimeError("one task receives at a time")
        while not self._messages:
            if self._lost is not None:
                raise self._lost.again()
            self._receiver = self._loop.create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        event = self._messages.popleft()
        if self._full:
            self._take()
        self.bytes_received += event.size
        return event.value

    async def ping(self) -> float:
        """Ping, wait for the pong, and return the round trip in seconds."""
        if self._lost is not None or self._client.sent is not None:
            raise self._verdict(None)
        self._pings_sent += 1
        payload = self._pings_sent.to_bytes(4, "big")
        pong: asyncio.Future[float] = self._loop.create_future()
        self._pings[payload] = pong, self._loop.time()
        self._transport.write(self._client.ping(payload))
        try:
            return await pong
        finally:
            self._pings.pop(payload, None)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, politely at first, and return within the close timeout in any case."""
        if not may_be_sent(code):
            raise ValueError(f"close code {code} cannot be sent; use 1000-1014 or 3000-4999")
        short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        if not self._transport.is_closing():
            self._transport.write(self._client.close(code, short))
        try:
            async with asyncio.timeout(self._close_timeout_s):
                await self._gone.wait()
        except TimeoutError:
            log.debug("closing not completed in time peer=%s", self.peer_address)
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the TCP connection at once."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Take no bytes from the network."""
        self._paused = True
        self._pace()

    def resume_reading(self) -> None:
        """Take bytes from the network again."""
        self._paused = False
        self._pace()

    # --- what the transport calls

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._client.feed(data)
        self._take()

    def pause_writing(self) -> None:
        """The network takes no more for now."""
        self._room.clear()

    def resume_writing(self) -> None:
        """The network takes more."""
        self._room.set()
        self._answer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection has ended. What came before is still given out."""
        self._take(everything=True)
        self._end(self._verdict(exc))
        self._gone.set()
        self._room.set()
        if self._close_timer is not None:
            self._close_timer.cancel()

    # --- inside

    def _take(self, *, everything: bool = False) -> None:
        while everything or len(self._messages) < MAX_WAITING:
            event = self._client.next()
            if event is None:
                break
            if event.kind == PONG:
                self._pong(cast("bytes", event.value))
            elif event.kind == CLOSE:
                self._end(self._verdict(None))
            else:
                self._messages.append(event)
        self._full = len(self._messages) >= MAX_WAITING
        self._answer()
        self._pace()
        self._wake()

    def _answer(self) -> None:
        if self._room.is_set() and not self._transport.is_closing():
            answers = self._client.answers()
            if answers:
                self._transport.write(answers)

    def _pace(self) -> None:
        reading = not self._paused and not self._full
        if reading is not self._reading:
            self._reading = reading
            (self._transport.resume_reading if reading else self._transport.pause_reading)()

    def _pong(self, payload: bytes) -> None:
        if payload not in self._pings:
            return  # nobody asked for it (RFC 6455, section 5.5.3)
        now = self._loop.time()
        for sent in list(self._pings):  # a pong answers the pings before it too
            pong, at = self._pings.pop(sent)
            if not pong.done():
                pong.set_result(now - at)
            if sent == payload:
                break

    def _wake(self) -> None:
        if self._receiver is not None and not self._receiver.done() and (self._messages or self._lost is not None):
            self._receiver.set_result(None)

    def _end(self, lost: ConnectionLost) -> None:
        """Nothing more will come; the TCP connection may still have to be ended."""
        if self._lost is None:
            self._lost = lost
            for pong, _ in self._pings.values():
                if not pong.done():
                    pong.set_exception(lost.again())
            self._close_timer = self._loop.call_later(self._close_timeout_s, self._transport.abort)
        self._wake()

    def _verdict(self, exc: Exception | None) -> ConnectionLost:
        """Who or what ended the connection, as far as is known."""
        if self._lost is not None:
            return self._lost.again()
        client = self._client
        if client.server_closed and client.received is not None:
            return ConnectionLost(*client.received, clean=True, cause="peer")
        if client.sent is not None:
            cause = "local" if client.fault is None else "protocol"
            return ConnectionLost(*client.sent, clean=client.received is not None, cause=cause)
        number = exc.errno if isinstance(exc, OSError) else None
        return ConnectionLost(ABNORMAL_CLOSURE, str(exc) if exc else "", cause="broken", number=number)
