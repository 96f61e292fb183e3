"""A connection that asks frame rules about every frame that passes; see `frame_rules`."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import assert_never

from firmware.frame_rules import FrameRules, Numbered, Seen, Verb, edited
from ocpp_client.errors import ConnectionLost
from ocpp_client.sockets import WebSocket

log = logging.getLogger(__name__)


class RuledSocket:
    """A connection that asks the rules about each frame. See `WebSocket` for what each member promises."""

    def __init__(self, inner: WebSocket, rules: FrameRules) -> None:
        self._inner = inner
        self._rules = rules
        self._inbox: deque[str] = deque()  # frames to be received before others
        self._more = asyncio.Event()  # the inbox has something
        self._reading: asyncio.Task[tuple[str | bytes, ConnectionLost | None]] | None = None
        self._waiting_in = 0  # inbound frames that are held or delayed
        self._held: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def subprotocol(self) -> str | None:
        return self._inner.subprotocol

    @property
    def response_headers(self) -> Mapping[str, str]:
        return self._inner.response_headers

    @property
    def peer_address(self) -> str:
        return self._inner.peer_address

    @property
    def local_address(self) -> str:
        return self._inner.local_address

    @property
    def bytes_sent(self) -> int:
        return self._inner.bytes_sent

    @property
    def bytes_received(self) -> int:
        return self._inner.bytes_received

    async def ping(self) -> float:
        return await self._inner.ping()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._end()
        await self._inner.close(code, reason)

    def abort(self) -> None:
        self._end()
        self._inner.abort()

    def _end(self) -> None:
        """Everything that waits belongs to this connection and is gone with it."""
        for number in tuple(self._held):
            self._rules.forget(number)
        self._held.clear()
        for task in tuple(self._tasks):
            task.cancel()
        if self._reading is not None:
            self._reading.cancel()

    # ---- out ------------------------------------------------------------------------------------------------------------

    async def send(self, text: str) -> None:
        found = None if self._rules.idle else self._rules.judge("out", text)
        if found is None:
            await self._inner.send(text)
            return
        for each in self._judged(*found, self._send_soon):
            await self._inner.send(each)

    def _send_soon(self, text: str) -> None:
        self._start(self._inner.send(text))

    # ---- in -------------------------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """Whoever is interrupted in this has given the connection up, like whoever learns that it is lost."""
        try:
            return await self._receive()
        except (ConnectionLost, asyncio.CancelledError):
            self._end()
            raise

    async def _receive(self) -> str | bytes:
        while True:
            if self._inbox:
                return self._inbox.popleft()
            text = await self._next()
            if text is None:
                continue
            if isinstance(text, bytes) or self._rules.idle:
                return text
            found = self._rules.judge("in", text)
            if found is None:
                return text
            self._inbox.extend(self._judged(*found, self._receive_soon))

    async def _next(self) -> str | bytes | None:
        """The next frame of the network; None when the inbox has one before it."""
        if self._reading is None and not self._waiting_in:
            return await self._inner.receive()
        if self._reading is None:
            self._reading = asyncio.create_task(_received(self._inner))
        self._more.clear()
        more = asyncio.create_task(self._more.wait())
        try:
            await asyncio.wait({self._reading, more}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            more.cancel()
        if self._inbox or not self._reading.done():
            return None
        reading, self._reading = self._reading, None
        text, lost = reading.result()
        if lost is not None:
            raise lost
        return text

    def _receive_soon(self, text: str) -> None:
        self._waiting_in -= 1
        self._inbox.append(text)
        self._more.set()

    # ---- either way -----------------------------------------------------------------------------------------------------

    def _judged(self, numbered: Numbered, frame: Seen, pass_on: Callable[[str], None]) -> tuple[str, ...]:
        """What passes now; `pass_on` takes what passes later."""
        rules, rule = self._rules, numbered.rule
        match rule.verb:
            case Verb.DROP:
                rules.did(numbered, frame, "dropped")
                return ()
            case Verb.DUPLICATE:
                rules.did(numbered, frame, "duplicated")
                return (frame.text, frame.text)
            case Verb.EDIT:
                text = edited(rule, frame)
                rules.did(numbered, frame, "edited", text)
                return (text,)
            case Verb.DELAY:
                rules.did(numbered, frame, "delayed")
                self._waits(frame)
                self._start(_later(rule.delay_s, frame.text, pass_on))
                return ()
            case Verb.HOLD:
                return self._hold(numbered, frame, pass_on)
        assert_never(rule.verb)

    def _hold(self, numbered: Numbered, frame: Seen, pass_on: Callable[[str], None]) -> tuple[str, ...]:
        def let_go(text: str) -> None:
            self._held.discard(number)
            pass_on(text)

        number = self._rules.hold(numbered, frame, let_go)
        if number is None:
            return (frame.text,)
        self._held.add(number)
        self._waits(frame)
        return ()

    def _waits(self, frame: Seen) -> None:
        if frame.direction == "in":
            self._waiting_in += 1

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except ConnectionLost as lost:
                log.info("frame not sent, its connection is lost cause=%s", lost.cause)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _later(delay_s: float, text: str, pass_on: Callable[[str], None]) -> None:
    await asyncio.sleep(delay_s)
    pass_on(text)


async def _received(socket: WebSocket) -> tuple[str | bytes, ConnectionLost | None]:
    """The next frame. The end of the connection is returned, because nobody may be there to take what a task raises."""
    try:
        return await socket.receive(), None
    except ConnectionLost as lost:
        return b"", lost
