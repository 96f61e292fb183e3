"""Messages leave in order, one at a time, under ids that stay, until they are answered or given up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firmware.core.settings import Settings
from firmware.outbox import NOTHING, AnyRequest, Outbox, Settled
from firmware.simulation.runtime import Simulation
from ocpp_client.errors import CallError, CallTimeout, ConnectionLost, MessageTooLarge
from ocpp_client.messages import Response
from ocpp_client.v16 import DataTransferRequest, DataTransferResponse
from offline_queue import Commit, NewRecord, Queue, Record

ANSWER = DataTransferResponse(status="Accepted")
Failure = Callable[[str], Exception | None]


@dataclass
class Plain:
    """Renders a record's text as a DataTransfer; `-` is told to nobody, `?` cannot be read."""

    lanes: tuple[str, ...] = ("tx",)
    given: list[str] = field(default_factory=list)

    def render(self, record: Record) -> AnyRequest | None:
        text = record.payload.decode()
        if text == "?":
            raise ValueError("not a text of ours")
        return None if text == "-" else DataTransferRequest(vendor_id="v", data=text)

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        return NOTHING

    def given_up(self, record: Record) -> Settled:
        self.given.append(record.payload.decode())
        return NOTHING

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        text = record.payload.decode()
        return request.model_copy(update={"data": text[:1]}) if text.startswith("s") else None


class Post:
    """A queue, an outbox, and what arrived where."""

    def __init__(self, sim: Simulation, queue: Queue) -> None:
        self.sim = sim
        self.queue = queue
        self.renderer = Plain()
        self.sent: list[tuple[str, str]] = []  # text and message id
        self.times: list[float] = []
        self.failure: Failure = lambda text: None
        self.fresh()

    def fresh(self) -> None:
        """A new program on the same queue."""
        self.outbox = Outbox(self.queue, self.sim.clock("boot"), Settings(), id_prefix="p")

    async def put(self, *texts: str) -> None:
        """Journal some messages."""
        await self.queue.commit(Commit(append=[NewRecord("tx", "s", "k", text.encode()) for text in texts]))
        self.outbox.wake()

    async def send(self, request: AnyRequest, message_id: str) -> Response:
        """The link."""
        assert isinstance(request, DataTransferRequest)
        text = request.data or ""
        self.sent.append((text, message_id))
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)
        error = self.failure(text)
        if error is not None:
            raise error
        return ANSWER

    async def connected(self, seconds: float) -> None:
        """A connection for so long, or until it is lost."""
        try:
            async with asyncio.timeout(seconds):
                await self.outbox.drain(self.renderer, self.send)
        except (TimeoutError, ConnectionLost):
            pass

    @property
    def texts(self) -> list[str]:
        """What arrived."""
        return [text for text, _ in self.sent]

    async def dead(self) -> list[str]:
        """Dead letters."""
        return [record.payload.decode() for record in await self.queue.dead(100)]


def _run(directory: Path, scenario: Callable[[Post], Awaitable[None]]) -> None:
    async def main(sim: Simulation) -> None:
        queue = await Queue.open(directory / "wayside.db")
        await scenario(Post(sim, queue))
        await queue.close()

    sim = Simulation(1)
    sim.run(main)
    assert sim.problems == []


def test_everything_leaves_once_and_in_order(tmp_path: Path) -> None:
    """More than a batch, some that have no message, and one that comes later."""

    async def scenario(post: Post) -> None:
        texts = [str(number) for number in range(150)]
        await post.put(*texts[:75], "-", *texts[75:], "-")
        connection = asyncio.create_task(post.connected(60))
        await asyncio.sleep(30)
        await post.put("late")
        await connection
        assert post.texts == [*texts, "late"]
        assert post.queue.stats().rows == 0

    _run(tmp_path, scenario)


@pytest.mark.parametrize("error", [CallError("InternalError", "no", {}), CallTimeout("DataTransfer", 35.0)])
def test_a_refused_message_is_tried_with_growing_waits_then_buried(tmp_path: Path, error: Exception) -> None:
    """Three attempts, 60 and 120 s apart, under one id; those answered before are not sent again; then the lane moves on."""

    async def scenario(post: Post) -> None:
        post.failure = lambda text: error if text == "bad" else None
        await post.put("a", "b", "bad", "c")
        await post.connected(600)
        assert post.texts == ["a", "b", "bad", "bad", "bad", "c"]
        assert len({message_id for text, message_id in post.sent if text == "bad"}) == 1
        assert [round(after - before) for before, after in zip(post.times[2:], post.times[3:5], strict=False)] == [
            60,
            120,
        ]
        assert await post.dead() == ["bad"]
        assert post.renderer.given == ["bad"]

    _run(tmp_path, scenario)


def test_being_offline_is_no_attempt(tmp_path: Path) -> None:
    """A connection lost ten times costs nothing, and the id stays, over a restart too."""

    async def scenario(post: Post) -> None:
        await post.put("a")
        post.failure = lambda text: ConnectionLost(1006, "gone")
        for _ in range(10):
            await post.connected(5)
        post.fresh()
        post.failure = lambda text: None
        await post.connected(5)
        assert len(post.sent) == 11
        assert len(set(post.sent)) == 1
        assert await post.dead() == []
        assert post.queue.stats().rows == 0

    _run(tmp_path, scenario)


def test_what_was_answered_before_the_connection_broke_is_not_sent_again(tmp_path: Path) -> None:
    """Acknowledgements that had not reached the disk are brought there first."""

    async def scenario(post: Post) -> None:
        await post.put("a", "b", "c")
        post.failure = lambda text: ConnectionLost(1006, "gone") if text == "c" and post.texts.count("c") == 1 else None
        await post.connected(5)
        await post.connected(5)
        assert post.texts == ["a", "b", "c", "c"]

    _run(tmp_path, scenario)


def test_a_message_that_makes_the_other_side_hang_up_does_not_block_the_lane(tmp_path: Path) -> None:
    """Closing with an error code instead of an answer counts as an attempt; after three it is buried."""

    async def scenario(post: Post) -> None:
        await post.put("pill", "c")
        post.failure = lambda text: ConnectionLost(1011, "oops", cause="peer") if text == "pill" else None
        for _ in range(4):
            await post.connected(200)
        assert post.texts == ["pill", "pill", "pill", "c"]
        assert await post.dead() == ["pill"]

    _run(tmp_path, scenario)


def test_what_is_too_big_is_shrunk_or_buried(tmp_path: Path) -> None:
    """Refused by our own limit or by the other side's close code: once smaller, else a dead letter."""

    async def scenario(post: Post) -> None:
        def too_big(text: str) -> Exception | None:
            return MessageTooLarge("DataTransfer", 9, 1) if len(text) > 1 else None

        post.failure = too_big
        await post.put("shrinks", "large", "x")
        await post.connected(5)
        assert post.texts == ["shrinks", "s", "large", "x"]
        assert await post.dead() == ["large"]
        post.failure = lambda text: ConnectionLost(1009, "too big", cause="peer") if len(text) > 1 else None
        await post.put("second", "y")
        await post.connected(5)
        await post.connected(100)
        assert post.texts[4:] == ["second", "s", "y"]

    _run(tmp_path, scenario)


def test_a_row_that_cannot_be_read_is_buried(tmp_path: Path) -> None:
    """And told about; what follows is sent."""

    async def scenario(post: Post) -> None:
        await post.put("?", "a")
        await post.connected(5)
        assert post.texts == ["a"]
        assert await post.dead() == ["?"]

    _run(tmp_path, scenario)


def test_the_wait_before_a_retry_survives_a_restart(tmp_path: Path) -> None:
    """What is left of it is waited for, and the attempts made are not forgotten."""

    async def scenario(post: Post) -> None:
        await post.put("bad")
        post.failure = lambda text: CallTimeout("DataTransfer", 35.0)
        await post.connected(5)
        await asyncio.sleep(25)
        post.fresh()
        await post.connected(200)
        assert [round(moment) for moment in (post.times[1] - post.times[0], post.times[2] - post.times[1])] == [60, 120]
        assert await post.dead() == ["bad"]

    _run(tmp_path, scenario)
