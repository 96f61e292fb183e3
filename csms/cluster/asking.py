"""Requests of the API from node to node: whoever is asked about a station passes the question to the node that holds it.

Questions go through the streams of the bus, so nodes need no other way to each other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from csms.cluster.bus import Bus, BusUnavailable
from csms.cluster.members import Members
from csms.cluster.wire import AnswerBody, AskBody

log = logging.getLogger(__name__)

ASK_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Question:
    """One request. The path is percent-decoded, the query is not."""

    method: str
    path: str
    query: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node answered, as its API would."""

    status: int
    media_type: str
    body: str


Serve: TypeAlias = Callable[[Question], Awaitable[Answer]]

MOVED: Final = Answer(
    409, "application/json", '{"error":{"code":"moved","text":"the station is elsewhere; try again"}}'
)


class NodeSilent(TimeoutError):
    """A node did not answer in time; whether it did what it was asked for is not known."""


class Asking:
    """Both ends of it on one node."""

    def __init__(self, bus: Bus, members: Members, new_id: Callable[[], str]) -> None:
        self._bus = bus
        self._members = members
        self._new_id = new_id
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self.serve: Serve | None = None  # how this node answers; None: it answers nothing yet

    async def ask(self, node: str, question: Question, *, station: str = "", epoch: int | None = None) -> Answer:
        """Ask a node. With an epoch it answers only while it holds that connection of the station.

        Raises BusUnavailable or NodeSilent.
        """
        ask_id = self._new_id()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[ask_id] = future
        body = AskBody(
            reply_to=self._bus.node,
            ask_id=ask_id,
            method=question.method,
            path=question.path,
            query=question.query,
            body=question.body,
            station=station,
            epoch=epoch,
        )
        try:
            await self._bus.tell(node, body.model_dump_json())
            async with asyncio.timeout(ASK_TIMEOUT_S):
                return await future
        except TimeoutError:
            raise NodeSilent(f"node {node} does not answer") from None
        finally:
            del self._asked[ask_id]

    async def ask_others(self, question: Question) -> list[Answer]:
        """Ask every other node alive; the answers of those that gave one. Raises BusUnavailable."""
        others = [node for node in await self._bus.nodes() if node != self._bus.node]
        found = await asyncio.gather(*(self.ask(node, question) for node in others), return_exceptions=True)
        answers: list[Answer] = []
        for node, each in zip(others, found, strict=True):
            match each:
                case Answer():
                    answers.append(each)
                case NodeSilent() | BusUnavailable():
                    log.warning("node left out of an answer node=%s reason=%s", node, each)
                case _:
                    raise each
        return answers

    async def asked(self, body: AskBody) -> None:
        """Answer another node."""
        held = self._members.held(body.station)
        if body.epoch is not None and (held is None or held.epoch != body.epoch):
            answer = MOVED
        elif self.serve is None:
            return
        else:
            answer = await self.serve(Question(body.method, body.path, body.query, body.body))
        told = AnswerBody(ask_id=body.ask_id, status=answer.status, media_type=answer.media_type, body=answer.body)
        try:
            await self._bus.tell(body.reply_to, told.model_dump_json())
        except BusUnavailable as error:
            log.info("question not answered, the bus is away path=%s error=%s", body.path, error)

    def answered(self, body: AnswerBody) -> None:
        """Another node has answered."""
        future = self._asked.get(body.ask_id)
        if future is not None and not future.done():
            future.set_result(Answer(body.status, body.media_type, body.body))
