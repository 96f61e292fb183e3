"""While an answer is waited for the next sample is rendered, and nothing of that is seen from outside."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware.core.settings import Settings
from firmware.outbox import NOTHING, AnyRequest, Outbox, Settled
from firmware.simulation.runtime import Simulation
from ocpp_client.messages import Response
from ocpp_client.v16 import DataTransferRequest, DataTransferResponse
from offline_queue import Commit, NewRecord, Queue, Record


class Numbering:
    """Tells each record with the number that the answer to the last start assigned."""

    lanes: tuple[str, ...] = ("tx",)

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.assigned = 0

    def render(self, record: Record) -> AnyRequest | None:
        self.steps.append(f"render {record.payload.decode()}")
        return DataTransferRequest(vendor_id="v", data=f"{record.payload.decode()} {self.assigned}")

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        if record.kind != "start":
            return NOTHING
        self.assigned += 1
        return Settled(put={("number", "last"): str(self.assigned).encode()})

    def given_up(self, record: Record) -> Settled:
        return NOTHING

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        return None


def _sent(directory: Path, records: list[NewRecord]) -> tuple[Numbering, list[str]]:
    renderer, sent = Numbering(), list[str]()

    async def send(request: AnyRequest, _: str) -> Response:
        assert isinstance(request, DataTransferRequest)
        sent.append(request.data or "")
        renderer.steps.append(f"send {request.data}")
        await asyncio.sleep(0.01)
        renderer.steps.append("answer")
        return DataTransferResponse(status="Accepted")

    async def main(sim: Simulation) -> None:
        queue = await Queue.open(directory / "wayside.db")
        await queue.commit(Commit(append=records))
        outbox = Outbox(queue, sim.clock("boot"), Settings(), id_prefix="p")
        draining = asyncio.create_task(outbox.drain(renderer, send))
        await asyncio.sleep(10)
        draining.cancel()
        await queue.close()

    Simulation(1).run(main)
    return renderer, sent


def _sample(text: str) -> NewRecord:
    return NewRecord("tx", "s", "sample", text.encode(), billable=False, thinnable=True)


def test_a_sample_is_rendered_while_the_one_before_it_is_under_way(tmp_path: Path) -> None:
    """Once each, and before the answer that lets it go."""
    renderer, sent = _sent(tmp_path, [_sample("a"), _sample("b")])
    assert sent == ["a 0", "b 0"]
    assert renderer.steps == ["render a", "send a 0", "render b", "answer", "send b 0", "answer"]


def test_what_an_answer_assigns_is_in_the_message_that_follows(tmp_path: Path) -> None:
    """The sample after a start was rendered too early: it is rendered again."""
    _, sent = _sent(tmp_path, [NewRecord("tx", "s", "start", b"start"), _sample("a")])
    assert sent == ["start 0", "a 1"]


def test_what_is_billable_is_rendered_only_when_it_is_its_turn(tmp_path: Path) -> None:
    """A renderer may count how often it has told a start."""
    renderer, _ = _sent(tmp_path, [_sample("a"), NewRecord("tx", "s", "start", b"start")])
    assert renderer.steps.index("render start") > renderer.steps.index("answer")
