"""Calls and answers on one connection, for either side of it.

Rules:
- One CALL of ours is in flight at a time (`outbound`); CALLs of the other side are handled in order (`inbound`).
- Reading never waits: not for handlers, and not for the answer to a CALL of ours. A handler may itself call.
- An answer is matched by its id, on the connection its CALL was sent on. Late and unknown answers are logged, no more.
- Whatever the other side sends, the connection is kept; only calls unanswered `max_unanswered` times in a row end it.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, Final, Literal, NoReturn, TypeVar, cast

from ocpp_client import framing
from ocpp_client.answers import AnswerCache
from ocpp_client.catalogue import Catalogue
from ocpp_client.clock import Clock
from ocpp_client.dialects import CALLERROR, CALLRESULT, CALLRESULTERROR, SEND, dialect
from ocpp_client.errors import AnswerInvalid, CallError, ConnectionLost
from ocpp_client.framing import Call, CallResult, CallResultError, Malformed, Send
from ocpp_client.inbound import Handler, Inbound, Incoming, Reply, SendHandler
from ocpp_client.messages import (
    Message,
    MessageInvalid,
    Request,
    Response,
    Violation,
    ViolationKind,
    from_wire,
    salvage,
    to_wire,
)
from ocpp_client.outbound import Answer, Outbound
from ocpp_client.sockets import WebSocket

__all__ = ["CALL_TIMEOUT_S", "FrameHook", "Handler", "Incoming", "Peer", "Reply", "SendHandler"]

log = logging.getLogger(__name__)

CALL_TIMEOUT_S: Final = 35.0
"""Above 30 s on purpose: servers exist that answer our CALL only after their own, unanswered one timed out at 30 s."""

MAX_SENT_BYTES: Final = 64 * 1024
"""The longest message sent; the tightest limit met in the field."""

ResponseT = TypeVar("ResponseT", bound=Response)
FrameHook = Callable[[Literal["in", "out"], str, float], None]
"""Told of every text: which way, the text, and when in monotonic seconds. It must not raise, and must not take long."""


class Peer:
    """One end of one connection. `run` must be running for `call` to get its answer.

    `answers` outlives the connection and is shared by all connections of one identity. `new_id` gives message ids that
    are never given twice. `on_send` takes the unanswered messages of 2.1. Times of `clock` go to `on_frame` and
    `answers`; time-outs follow the event loop.
    """

    def __init__(
        self,
        socket: WebSocket,
        catalogue: Catalogue,
        *,
        handler: Handler,
        answers: AnswerCache,
        clock: Clock,
        new_id: Callable[[], str],
        call_timeout_s: float = CALL_TIMEOUT_S,
        on_frame: FrameHook | None = None,
        on_send: SendHandler | None = None,
        max_message_bytes: int = MAX_SENT_BYTES,
        max_inbound: int = 64,
        max_unanswered: int = 2,
        patience_s: float = 5.0,
        drain_s: float = 1.0,
    ) -> None:
        self.call_timeout_s = call_timeout_s
        """Applies to calls that name no time-out of their own; may be changed at any time."""
        self._socket = socket
        self._catalogue = catalogue
        self._dialect = dialect(catalogue.protocol)
        self._clock = clock
        self._new_id = new_id
        self._on_frame = on_frame
        self._max_message_bytes = max_message_bytes
        self._drain_s = drain_s
        self._pairs: dict[type[Message], tuple[str, type[Message]]] = {}  # what was called: its action and response
        write = socket.send if on_frame is None else self._write  # one coroutine less for each message
        self._outbound = Outbound(write, max_unanswered=max_unanswered, give_up=self._give_up)
        self._inbound = Inbound(
            catalogue,
            self._dialect,
            write,
            handler=handler,
            on_send=on_send,
            answers=answers,
            clock=clock,
            malformed=self._malformed,
            max_message_bytes=max_message_bytes,
            max_inbound=max_inbound,
            patience_s=patience_s,
        )
        self._tasks: asyncio.TaskGroup | None = None
        self._verdict: ConnectionLost | None = None  # why this side gives the connection up

    # --- our messages

    async def call(
        self, request: Request[ResponseT], *, message_id: str | None = None, timeout_s: float | None = None
    ) -> ResponseT:
        """Send a CALL and return its answer.

        `timeout_s` counts from when it is this call's turn. A repeated message may keep its `message_id`. Raises
        CallError, CallTimeout, AnswerInvalid, MessageTooLarge or ConnectionLost; after CallTimeout and ConnectionLost
        the other side may or may not have acted on it.
        """
        action, model = self._pair(request)
        message_id, text = self._encode(action, to_wire(request), message_id)
        timeout_s = self.call_timeout_s if timeout_s is None else timeout_s
        payload = _payload(action, await self._outbound.exchange(message_id, action, text, timeout_s))
        try:
            return from_wire(model, payload)
        except MessageInvalid as invalid:
            await self._refuse_answer(message_id, invalid.violations)
            raw = _decoded(payload)
            raise AnswerInvalid(action, invalid.violations, raw, salvage(model, raw)) from invalid

    async def call_raw(
        self, action: str, payload: str, *, message_id: str | None = None, timeout_s: float | None = None
    ) -> str:
        """Send a CALL of any action with any payload, and return the payload of its CALLRESULT, both as JSON text.

        For tests and for what no model covers; raises what `call` does.
        """
        message_id, text = self._encode(action, payload, message_id)
        timeout_s = self.call_timeout_s if timeout_s is None else timeout_s
        return _payload(action, await self._outbound.exchange(message_id, action, text, timeout_s))

    def _pair(self, request: Request[ResponseT]) -> tuple[str, type[ResponseT]]:
        pair = self._pairs.get(type(request))
        if pair is None:
            action = self._catalogue.action_of(request)
            pair = self._pairs[type(request)] = action, self._catalogue.response(action)
        return cast("tuple[str, type[ResponseT]]", pair)

    def _encode(self, action: str, payload: str, message_id: str | None) -> tuple[str, str]:
        message_id = message_id or self._new_id()
        if len(message_id) > framing.MAX_ID_CHARS:
            raise ValueError(f"a message id has at most {framing.MAX_ID_CHARS} characters, this one {len(message_id)}")
        text = framing.encode_call(message_id, action, payload)
        framing.check_size(action, text, self._max_message_bytes)
        return message_id, text

    async def send(self, request: Message, *, message_id: str | None = None) -> None:
        """Send a SEND: nobody answers it, and it need not wait for a CALL in flight (OCPP 2.1 part 4, section 4.2.5).

        Raises MessageTooLarge or ConnectionLost, and ValueError where the version has no SEND.
        """
        if SEND not in self._dialect.message_types:
            raise ValueError(f"{self._dialect.protocol} has no unanswered messages; use call()")
        action = self._catalogue.action_of(request)
        text = framing.encode_send(message_id or self._new_id(), action, to_wire(request))
        framing.check_size(action, text, self._max_message_bytes)
        await self._write(text)

    async def _refuse_answer(self, message_id: str, violations: tuple[Violation, ...]) -> None:
        if CALLRESULTERROR in self._dialect.message_types:
            error = CallResultError(message_id, self._dialect.codes[violations[0].kind], str(violations[0]))
            await self._write(framing.encode_error(error))

    async def _write(self, text: str) -> None:
        if self._on_frame is not None:
            self._on_frame("out", text, self._clock.monotonic())
        await self._socket.send(text)

    # --- the connection

    async def run(self) -> NoReturn:
        """Read and handle until the connection is gone, then raise ConnectionLost. To be run once.

        Handlers still at work when the connection is lost have `drain_s` to finish; their answers are remembered.
        """
        lost = ConnectionLost(1001, "this side stopped", cause="local")  # if cancelled
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                lost = await self._read(tasks)
            finally:
                self._tasks = None
                self._outbound.end(lost)
            await self._inbound.drain(self._drain_s)
        raise lost

    def _give_up(self, verdict: ConnectionLost) -> None:
        self._verdict = self._verdict or verdict
        if self._tasks is None:
            self._socket.abort()
        else:
            self._tasks.create_task(self._socket.close(verdict.code, verdict.reason))

    async def _read(self, tasks: asyncio.TaskGroup) -> ConnectionLost:
        while True:
            try:
                text = await self._socket.receive()
            except ConnectionLost as lost:
                return self._verdict or lost
            if isinstance(text, bytes):
                log.warning("binary message ignored bytes=%d", len(text))
                continue
            if self._on_frame is not None:
                self._on_frame("in", text, self._clock.monotonic())
            frame = framing.split(text) or framing.parse(text, self._dialect)
            match frame:
                case CallResult():
                    self._outbound.answered(frame.id, frame)
                case Call() | Send():
                    await self._inbound.admit(frame, text, tasks)
                case framing.CallError(id=None):
                    self._outbound.nobodys_error(frame)
                case framing.CallError(id=str(message_id)):
                    self._outbound.answered(message_id, frame)
                case CallResultError():
                    log.warning("answer refused id=%r code=%.40r text=%.100r", frame.id, frame.code, frame.description)
                case Malformed():
                    await self._malformed(frame)

    async def _malformed(self, bad: Malformed) -> None:
        log.warning("malformed message fault=%s type=%s id=%.40r", bad.fault.name, bad.message_type, bad.id)
        if bad.message_type in (CALLRESULT, CALLERROR) and bad.id is not None:
            self._outbound.answered(bad.id, bad)
        answer = framing.answer_to(bad, self._dialect)
        if answer is not None:
            try:
                await self._write(framing.encode_error(answer))
            except ConnectionLost as lost:
                log.info("answer not sent, connection lost cause=%s", lost.cause)


def _payload(action: str, answer: Answer) -> str:
    match answer:
        case CallResult(payload=payload):
            return payload
        case framing.CallError(_, code, description, details):
            raise CallError(code, description, details, action=action)
        case Malformed(text=fault):
            raise AnswerInvalid(action, [Violation(ViolationKind.NOT_JSON, "", fault)], {}, {})


def _decoded(payload: str) -> dict[str, Any]:
    try:
        decoded = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
