"""The stream of changes, as Server-Sent Events (WHATWG HTML, section 9.2): the whole state first, then each part that changed and
every OCPP frame.

No client has a queue of its own. Parts have a version and the program keeps the last frames anyway; a client remembers what it was
told, and is told what differs as soon as its connection takes more. A slow one gets fewer, newer versions; what is lost of the
frames is said in an event `gap`. So nothing here grows, and nobody waits for a client.
"""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.types import Receive, Scope, Send

from firmware.control.answers import dumps
from firmware.control.frames import frame_picture
from firmware.control.picture import Part, Picture, document
from firmware.control.violations import AT_ONCE, Inspector
from firmware.frames import Frame

if TYPE_CHECKING:
    from firmware.app import App

log = logging.getLogger(__name__)

# In seconds as people count them, also while the mock clock runs fast.
COALESCE_S: Final = 0.1  # between two looks at the program
LIVE_S: Final = 0.5  # between looks when nothing reports a change: current and energy flow on
KEEP_ALIVE_S: Final = 5.0  # of silence until the connection shows that it lives
STALLED_S: Final = 30.0  # for a client to take one piece; then it is dropped

SLICE_S: Final = 2.0  # of the program's time: how soon a wait notices that the mock clock's speed changed
PIECE_CHARACTERS: Final = 64 * 1024  # of frames, before a client has to take them
MAX_STREAMS: Final = 16

CUT: Final = "cut"  # in the state of a request: ends its connection at once, without what is still to be sent

Key = tuple[str, int | None]


@dataclass(slots=True)
class _Told:
    """The newest form of a part, as an event. Every change of any part makes a higher version."""

    version: int
    essence: Any
    text: str


@dataclass(slots=True, eq=False)
class Reader:
    """What one client has been told. `wake` is set when there is more."""

    frame: int
    versions: dict[Key, int] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Publisher:
    """Looks at the program while anybody listens, and keeps the newest form of each part."""

    def __init__(self, app: "App", picture: Picture) -> None:
        self._app = app
        self._picture = picture
        self._told: dict[Key, _Told] = {}
        self._readers: set[Reader] = set()
        self._inspector = Inspector()
        self._touched = asyncio.Event()
        self._wanted = asyncio.Event()
        self._nothing = asyncio.Event()  # never set: to wait for time alone
        self._changes = 0  # of parts, so far
        self._latest_frame = max((frame.number for frame in app.frames.since(0)), default=0)
        self._spoken: str | None = None
        self._woken_for = (0, 0)  # changes and frame that readers were last woken for
        self.closing = False
        self.run_id = app.around.new_id()[:8]  # tells this run's frame numbers from another's
        app.engine.observe(lambda _event: self.touch())
        app.connection.listen(lambda _status: self.touch())
        app.frames.listen(self._framed)

    @property
    def full(self) -> bool:
        """True while no further stream can be served."""
        return len(self._readers) >= MAX_STREAMS

    def touch(self) -> None:
        """Something may have changed: look soon."""
        self._touched.set()

    def _framed(self, frame: Frame) -> None:
        self._latest_frame = frame.number
        self.touch()

    async def run(self) -> None:
        """Look and tell, for ever; idle while nobody listens."""
        while True:
            await self._wanted.wait()
            await self._wait(LIVE_S, self._touched)
            self._touched.clear()
            await self._picture.oldest.look()
            self._look()
            newest = (self._changes, self._latest_frame)
            if newest != self._woken_for:
                self._woken_for = newest
                self._wake_readers()
            await self.pause(COALESCE_S)

    def close(self) -> None:
        """End every stream."""
        self.closing = True
        self._wake_readers()

    def _wake_readers(self) -> None:
        for reader in self._readers:
            reader.wake.set()

    def people_s(self, seconds: float) -> float:
        """The program's time that passes in so many seconds as people count them."""
        world = self._app.board.world
        return seconds if world is None else seconds * world.clock.speed

    async def pause(self, seconds: float) -> None:
        """Wait so long, as people count it."""
        await self._wait(seconds, self._nothing)

    async def _wait(self, seconds: float, event: asyncio.Event) -> None:
        """Wait so long, as people count it, or until the event."""
        left = 1.0  # of the whole
        while left > 0:
            whole_s = self.people_s(seconds)
            slice_s = min(left * whole_s, SLICE_S)
            try:
                async with asyncio.timeout(slice_s):
                    await event.wait()
            except TimeoutError:
                left -= slice_s / whole_s
            else:
                return

    def _look(self) -> list[Part]:
        parts = self._picture.parts()
        for part in parts:
            key = (part.event, part.evse)
            known = self._told.get(key)
            if known is None or known.essence != part.essence:
                self._changes += 1
                self._told[key] = _Told(self._changes, part.essence, _event(part.event, dumps(part.value)))
        return parts

    # ---- for one client ---------------------------------------------------------------------------------------------

    def join(self, after: int | None) -> tuple[Reader, str]:
        """A new client, and the whole state as its first event. `after`: the frame after which frames are wanted, None: new ones."""
        state = document(self._look())
        latest = self._latest_frame
        reader = Reader(latest if after is None else min(after, latest))
        reader.versions = {key: told.version for key, told in self._told.items()}
        self._readers.add(reader)
        self._wanted.set()
        return reader, _event("state", dumps({**state, "run": self.run_id}))

    def leave(self, reader: Reader) -> None:
        """The client is gone."""
        self._readers.discard(reader)
        if not self._readers:
            self._wanted.clear()

    def more(self, reader: Reader) -> str:
        """The next piece for a client: parts that changed, then some frames; empty when it knows everything."""
        pieces = []
        for key, told in self._told.items():
            if reader.versions.get(key) != told.version:
                reader.versions[key] = told.version
                pieces.append(told.text)
        pieces.extend(self._frames(reader))
        return "".join(pieces)

    def _frames(self, reader: Reader) -> Iterator[str]:
        size = 0
        frames = self._app.frames.since(reader.frame)[:AT_ONCE]
        self._inspector.look(frames, self._protocol)
        for frame in frames:
            missed = frame.number - reader.frame - 1
            if missed:
                yield _event("gap", dumps({"missed": missed}))
            text = f"id: {self.run_id}-{frame.number}\n" + _event(
                "frame", dumps(frame_picture(frame, self._inspector.violation(frame.number)))
            )
            yield text
            reader.frame = frame.number
            size += len(text)
            if size > PIECE_CHARACTERS:
                return

    @property
    def _protocol(self) -> str | None:
        """The version spoken now, or else last."""
        self._spoken = self._app.connection.link.status.protocol or self._spoken
        return self._spoken

    def position(self, last_event_id: str) -> int:
        """The frame number in a `Last-Event-ID`; 0 for one of another run, whose frames are all unknown to the client. Raises
        ValueError for what was never an id of ours."""
        run_id, dash, number = last_event_id.rpartition("-")
        if not dash or not (number.isascii() and number.isdigit()) or len(number) > 18:
            raise ValueError(last_event_id)
        return int(number) if run_id == self.run_id else 0


class EventStream:
    """One client's answer, as an ASGI application."""

    def __init__(self, publisher: Publisher, after: int | None) -> None:
        self._publisher = publisher
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        reader, text = self._publisher.join(self._after)
        gone = asyncio.create_task(_gone(receive, reader.wake))
        try:
            await self._send(send, text)
            while not (gone.done() or self._publisher.closing):
                reader.wake.clear()
                text = self._publisher.more(reader)
                await self._send(send, text or await self._silence(reader))
                await asyncio.sleep(0)  # a client that takes everything at once must not keep the others waiting
        except TimeoutError:
            log.info("event stream cut off, its client takes nothing client=%s", scope.get("client"))
            scope["state"][CUT]()
            await gone
            return
        finally:
            self._publisher.leave(reader)
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _silence(self, reader: Reader) -> str:
        """Wait for news; a comment and an empty event when there are none for long, because scripts do not see comments."""
        try:
            async with asyncio.timeout(self._publisher.people_s(KEEP_ALIVE_S)):
                await reader.wake.wait()
        except TimeoutError:
            return ": still here\n\n" + _event("alive", dumps({}))
        return ""

    async def _send(self, send: Send, text: str) -> None:
        if text:
            async with asyncio.timeout(self._publisher.people_s(STALLED_S)):
                await send({"type": "http.response.body", "body": text.encode(errors="replace"), "more_body": True})


async def _gone(receive: Receive, wake: asyncio.Event) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    wake.set()


def _event(name: str, data: str) -> str:
    """One event. JSON as `dumps` writes it has no line breaks."""
    return f"event: {name}\ndata: {data}\n\n"
