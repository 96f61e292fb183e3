"""Takes what comes out of this node's stream: commands for its stations, outcomes of its own, news.

A command is acknowledged when it has been written to the socket, or when it has ended before. Until then it stays in the
stream: a node that starts again under the same name finds it there, and tells the caller if it had been begun.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

from csms.clock import Clock
from csms.cluster.asking import Asking
from csms.cluster.bus import Bus, BusUnavailable, Message, NodeNameTaken, State
from csms.cluster.members import Members
from csms.cluster.sending import Caller, Sending
from csms.cluster.wire import (
    AnswerBody,
    AskBody,
    BatchItem,
    BroadcastBody,
    BroadcastOutcomesBody,
    CommandBody,
    OutcomeBody,
    ReplacedBody,
    read_body,
)
from csms.core.effects import Outcome, OutcomeKind, record_of_outcome
from csms.core.events import Command

log = logging.getLogger(__name__)

READ_WAIT_S: Final = 0.5
RETRY_S: Final = 0.1
TELL_TRIES: Final = 100


class Receiving:
    """The reader of one node's stream."""

    def __init__(
        self, bus: Bus, members: Members, sending: Sending, asking: Asking, caller: Caller, clock: Clock
    ) -> None:
        self._bus = bus
        self._members = members
        self._sending = sending
        self._asking = asking
        self._caller = caller
        self._clock = clock
        self._in_hand: set[str] = set()
        self.delivered = 0  # commands written to a station
        self.expired = 0  # commands that came too late and were not

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    messages = await self._bus.read(READ_WAIT_S)
                    if messages and not self._members.lease_is_good:
                        await self._members.renew()  # this process was stopped: see first what is still ours
                except BusUnavailable as error:
                    log.info("cannot read this node's stream, trying again error=%s", error)
                    await asyncio.sleep(RETRY_S)
                    continue
                except NodeNameTaken:
                    await asyncio.sleep(RETRY_S)  # keep_alive closes the connections
                    continue
                for message in messages:
                    if message.entry not in self._in_hand:
                        self._in_hand.add(message.entry)
                        tasks.create_task(self._handle(message), name="message from the bus")

    async def _handle(self, message: Message) -> None:
        try:
            await self._take(message)
        finally:
            self._in_hand.discard(message.entry)

    async def _take(self, message: Message) -> None:
        try:
            body = read_body(message.body)
        except ValueError as error:
            log.warning("message from the bus dropped, it cannot be read entry=%s error=%s", message.entry, error)
            await self._acknowledge(message.entry)
            return
        match body:
            case CommandBody():
                await self._command(message, body)
                return
            case OutcomeBody():
                self._sending.ended(body)
            case ReplacedBody():
                await self._members.replaced(body.station, body.connection)
            case BroadcastBody():
                await self._broadcast(body)
            case BroadcastOutcomesBody():
                self._sending.counted(body)
            case AskBody():
                await self._asking.asked(body)
            case AnswerBody():
                self._asking.answered(body)
        await self._acknowledge(message.entry)

    async def _command(self, message: Message, body: CommandBody) -> None:
        try:
            begun = await self._bus.begin(message)
        except BusUnavailable as error:
            # Whether it was begun is not known. It stays in the stream, and when it comes again that will be told.
            log.warning("command not delivered, the bus is away station=%s error=%s", body.station, error)
            return
        match begun.state:
            case State.BEGIN:
                await self._deliver(message, body, begun.remaining_s)
                return
            case State.BEGUN:
                await self._reply(body, Outcome(OutcomeKind.NOT_CONNECTED, body.message_id, 0.0))
            case State.EXPIRED:
                self.expired += 1
                await self._reply(body, Outcome(OutcomeKind.EXPIRED, None, 0.0))
            case _:  # withdrawn: the caller knows. Unknown: it has given up long ago.
                log.info("command not delivered, it was taken back station=%s id=%s", body.station, body.message_id)
        await self._acknowledge(message.entry)

    async def _deliver(self, message: Message, body: CommandBody, remaining_s: float) -> None:
        held = self._members.held(body.station)
        if held is None or held.epoch != body.epoch:
            await self._reply(body, Outcome(OutcomeKind.NOT_CONNECTED, None, 0.0))
            await self._acknowledge(message.entry)
            return
        now = self._clock.moment()
        command = Command(
            command_id=body.command_id,
            station=body.station,
            action=body.action,
            payload=body.payload,
            deadline_s=now.monotonic_s + remaining_s,
            at=now,
            idempotency_key=body.idempotency_key,
            message_id=body.message_id,
        )
        written = asyncio.Event()
        answer = asyncio.create_task(self._caller.command(command, on_written=written.set))
        writing = asyncio.create_task(written.wait())
        await asyncio.wait({answer, writing}, return_when=asyncio.FIRST_COMPLETED)
        self.delivered += written.is_set()
        writing.cancel()
        acknowledging = asyncio.create_task(self._acknowledge(message.entry))
        await self._reply(body, await answer)
        await acknowledging

    async def _broadcast(self, body: BroadcastBody) -> None:
        stations = self._members.stations
        items = [BatchItem(station, body.action, body.payload) for station in stations]
        outcomes = await self._sending.batch(items, body.timeout_s)
        told = BroadcastOutcomesBody(
            broadcast_id=body.broadcast_id,
            node=self._bus.node,
            outcomes={station: record_of_outcome(outcome) for station, outcome in zip(stations, outcomes, strict=True)},
        )
        await self._tell(body.reply_to, told.model_dump_json())

    async def _reply(self, body: CommandBody, outcome: Outcome) -> None:
        told = OutcomeBody(command_id=body.command_id, outcome=record_of_outcome(replace(outcome, elapsed_s=0.0)))
        await self._tell(body.reply_to, told.model_dump_json())

    async def _tell(self, node: str, text: str) -> None:
        """Tell, through a short outage too. After a long one the caller has given up."""
        await self._until_done(partial(self._bus.tell, node, text), "outcome not told")

    async def _acknowledge(self, entry: str) -> None:
        await self._until_done(partial(self._bus.acknowledge, entry), "message not acknowledged")

    async def _until_done(self, action: Callable[[], Awaitable[None]], failure: str) -> None:
        for _ in range(TELL_TRIES):
            try:
                await action()
                return
            except BusUnavailable:
                await asyncio.sleep(RETRY_S)
        log.warning("%s: the bus stayed away", failure)
