"""CALLs of the other side on one connection: read, executed once, answered in order.

They are handled one at a time in the order they came, and answered in that order. A handler that takes longer than
`patience_s` no longer holds up the next one: a handler may itself wait for an answer of the other side, which may in
turn answer nothing before its own next CALL is answered.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from ocpp_client import framing
from ocpp_client.answers import AnswerCache, Execution
from ocpp_client.catalogue import Catalogue, UnknownAction
from ocpp_client.clock import Clock
from ocpp_client.dialects import Dialect
from ocpp_client.errors import ConnectionLost, OcppError, Refuse
from ocpp_client.framing import Call, CallError, Malformed, Send
from ocpp_client.messages import Message, MessageInvalid, Response, ViolationKind, from_wire, to_wire

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A CALL (or SEND) of the other side that fits its schema."""

    action: str
    request: Message
    message_id: str


FollowUp = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers.

    `after` runs once the answer has been written, or cannot be because the connection is gone. It is cut off soon after
    the connection is: what must happen in any case is handed over to somebody else there, not done there.
    """

    response: Response
    after: FollowUp | None = None


Handler = Callable[[Incoming], Awaitable[Reply]]
"""Answers a CALL. It may raise Refuse to answer with a CALLERROR; anything else it raises becomes an InternalError."""

SendHandler = Callable[[Incoming], Awaitable[None]]


class Inbound:
    """Executes the CALLs of the other side. `malformed` takes a CALL whose payload turned out not to be JSON."""

    def __init__(
        self,
        catalogue: Catalogue,
        version: Dialect,
        write: Callable[[str], Awaitable[None]],
        *,
        handler: Handler,
        on_send: SendHandler | None,
        answers: AnswerCache,
        clock: Clock,
        malformed: Callable[[Malformed], Awaitable[None]],
        max_message_bytes: int,
        max_inbound: int,
        patience_s: float,
    ) -> None:
        self._catalogue = catalogue
        self._dialect = version
        self._write = write
        self._handler = handler
        self._on_send = on_send
        self._answers = answers
        self._clock = clock
        self._malformed = malformed
        self._max_message_bytes = max_message_bytes
        self._max_inbound = max_inbound
        self._patience_s = patience_s
        self._turn = asyncio.Lock()  # a fair lock: calls are executed in the order they came
        self._serving: set[asyncio.Task[None]] = set()

    async def admit(self, call: Call | Send, text: str, tasks: asyncio.TaskGroup) -> None:
        """Begin to handle a CALL or SEND in `tasks`; refuse it when `max_inbound` are being handled or waiting."""
        if len(self._serving) >= self._max_inbound:
            log.warning("too many calls at once, refused action=%.40r id=%r", call.action, call.id)
            await self._refuse(call, "InternalError", "busy: too many messages at once, send it again later")
            return
        task = tasks.create_task(self._serve(call, text))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def drain(self, timeout_s: float) -> None:
        """Give what is being handled `timeout_s` to finish, then cancel the rest."""
        if self._serving:
            await asyncio.wait(self._serving, timeout=timeout_s)
        for task in self._serving:
            task.cancel()

    async def _serve(self, call: Call | Send, text: str) -> None:
        await self._turn.acquire()
        leave = _Once(self._turn.release)
        timer = asyncio.get_running_loop().call_later(self._patience_s, leave)
        try:
            after = await self._take(call, text)
        finally:
            timer.cancel()
            leave()
        if after is not None:
            await self._guarded(after, "follow-up failed", call)

    async def _take(self, call: Call | Send, text: str) -> FollowUp | None:
        """Read, execute and answer one CALL or SEND; return what remains to be done after it."""
        try:
            request = from_wire(self._catalogue.request(call.action), call.payload)
        except UnknownAction:
            log.warning("unknown action=%.40r id=%r", call.action, call.id)
            await self._refuse(call, "NotImplemented", f"{self._dialect.protocol} has no such action")
            return None
        except MessageInvalid as invalid:
            await self._refuse_payload(call, text, invalid)
            return None
        if (call.action in self._catalogue.unanswered) is not isinstance(call, Send):
            log.warning("action sent as the wrong message type action=%s id=%r", call.action, call.id)
            await self._refuse(call, "NotSupported", f"{call.action} is not sent as a CALL")
            return None
        incoming = Incoming(call.action, request, call.id)
        if isinstance(call, Call):
            return await self._execute_once(incoming, call.payload)
        if self._on_send is not None:
            await self._guarded(partial(self._on_send, incoming), "unanswered message failed", call)
        return None

    async def _refuse_payload(self, call: Call | Send, text: str, invalid: MessageInvalid) -> None:
        first = invalid.violations[0]
        if first.kind is ViolationKind.NOT_JSON:
            # The fast reader does not look into payloads: perhaps it is the whole message that is malformed.
            proven = framing.parse(text, self._dialect)
            if isinstance(proven, Malformed):
                await self._malformed(proven)
                return
        log.warning("message against its schema action=%s id=%r fault=%r", call.action, call.id, str(first))
        await self._refuse(call, self._dialect.codes[first.kind], str(first))

    async def _refuse(self, call: Call | Send, code: str, description: str) -> None:
        if isinstance(call, Call):
            await self._try_to_write(framing.encode_error(CallError(call.id, code, description)))

    async def _execute_once(self, incoming: Incoming, payload: str) -> FollowUp | None:
        content = f"{incoming.action} {payload}"
        while (known := self._answers.find(incoming.message_id, content, self._clock.monotonic())) is not None:
            log.info("call repeated action=%s id=%r", incoming.action, incoming.message_id)
            await known.finished.wait()
            if known.answer is not None:
                await self._try_to_write(known.answer)
                return None
        execution = self._answers.begin(incoming.message_id, content, self._clock.monotonic())
        try:
            return await self._execute(incoming, execution)
        finally:
            if execution.answer is None:
                self._answers.abandon(execution)

    async def _execute(self, incoming: Incoming, execution: Execution) -> FollowUp | None:
        try:
            answer, after = await self._answer(incoming)
        except Exception:
            log.exception("handler failed action=%s id=%r", incoming.action, incoming.message_id)
            text = "the message could not be processed; the log of this side says why"
            answer, after = framing.encode_error(CallError(incoming.message_id, "InternalError", text)), None
        self._answers.finish(execution, answer)
        await self._try_to_write(answer)
        return after

    async def _answer(self, incoming: Incoming) -> tuple[str, FollowUp | None]:
        try:
            reply = await self._handler(incoming)
        except Refuse as refusal:
            error = CallError(incoming.message_id, refusal.code, refusal.description, refusal.details)
            return framing.encode_error(error), None
        return self._encode(incoming, reply.response), reply.after

    def _encode(self, incoming: Incoming, response: Response) -> str:
        expected = self._catalogue.response(incoming.action)
        if type(response) is not expected:
            given = type(response).__name__
            raise TypeError(f"{incoming.action} is answered with {expected.__name__}, not {given}: mend its handler")
        text = framing.encode_result(incoming.message_id, to_wire(response))
        framing.check_size(incoming.action, text, self._max_message_bytes)
        return text

    async def _try_to_write(self, text: str) -> None:
        try:
            await self._write(text)
        except ConnectionLost as lost:
            log.info("answer not sent, connection lost cause=%s", lost.cause)

    async def _guarded(self, work: FollowUp, phrase: str, call: Call | Send) -> None:
        """Do what nobody waits for; what it raises ends here, in the log."""
        try:
            await work()
        except OcppError as error:
            log.warning("%s action=%s id=%r error=%s", phrase, call.action, call.id, error)
        except Exception:
            log.exception("%s action=%s id=%r", phrase, call.action, call.id)


class _Once:
    """Calls what it wraps the first time only."""

    __slots__ = ("_action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def __call__(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()
