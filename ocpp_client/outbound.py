"""Our CALLs on one connection: one in flight at a time, first come first served.

The place belongs to the CALL, not to its caller: it is free again when the answer or the time-out is there, even if the
caller has gone in the meantime (OCPP-J 1.6, section 4.1.1; OCPP 2.0.1 part 4, section 4.1.1).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from ocpp_client.errors import CallTimeout, ConnectionLost
from ocpp_client.framing import CallError, CallResult, Malformed

log = logging.getLogger(__name__)

NOBODYS_GRACE_S: Final = 2.0
"""How long a CALL still waits for its answer after a CALLERROR that names no id."""

Answer = CallResult | CallError | Malformed
"""What ends a CALL that is not left unanswered; Malformed where only its id could be read."""


class _Flight:
    """The CALL that is on its way. `refusal` is the CALLERROR without an id that most likely means it."""

    __slots__ = ("action", "answer", "deadline", "message_id", "refusal", "timeout_s", "written")

    def __init__(
        self, message_id: str, action: str, timeout_s: float, deadline: float, answer: "asyncio.Future[Answer]"
    ) -> None:
        self.message_id = message_id
        self.action = action
        self.timeout_s = timeout_s
        self.deadline = deadline
        self.answer = answer
        self.refusal: CallError | None = None
        self.written = False

    def abandon(self) -> None:
        """Take note that nobody will ask for the outcome."""
        if not self.answer.cancel() and not self.answer.cancelled():
            self.answer.exception()  # asyncio reports an error that nobody has looked at


class Outbound:
    """Pairs our CALLs with their answers.

    `write` sends a text. `give_up` is called, once or more, when `max_unanswered` calls in a row got no answer, or one
    could not even be written within its time-out: the connection is of no use then.
    """

    def __init__(
        self,
        write: Callable[[str], Awaitable[None]],
        *,
        max_unanswered: int,
        give_up: Callable[[ConnectionLost], None],
    ) -> None:
        self._write = write
        self._max_unanswered = max_unanswered
        self._give_up = give_up
        self._slot = asyncio.Lock()  # held by the flight; a fair lock, so callers take turns
        self._flight: _Flight | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._unanswered = 0
        self._timed_out: deque[str] = deque(maxlen=8)  # ids whose answer would be late, not unknown
        self._lost: ConnectionLost | None = None

    async def exchange(self, message_id: str, action: str, text: str, timeout_s: float) -> Answer:
        """Send the text of a CALL when it is its turn, and return what comes back.

        Raises CallTimeout `timeout_s` after its turn began, and ConnectionLost.
        """
        await self._slot.acquire()
        if self._lost is not None:
            self._slot.release()
            raise self._lost.again()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        flight = self._flight = _Flight(message_id, action, timeout_s, deadline, loop.create_future())
        self._set_alarm(deadline, loop)
        try:
            await self._write(text)
        except asyncio.CancelledError:
            flight.abandon()  # it may be on its way: the place stays taken
            raise
        except Exception:
            self._land(flight)
            flight.abandon()
            raise
        flight.written = True
        return await flight.answer

    def answered(self, message_id: str, answer: Answer) -> None:
        """Take an answer; one that belongs to no call is logged and forgotten."""
        flight = self._flight
        if flight is not None and flight.message_id == message_id:
            self._unanswered = 0
            if self._land(flight):
                flight.answer.set_result(answer)
        elif message_id in self._timed_out:
            self._unanswered = 0  # slow is not mute
            log.warning("answer late, ignored id=%s", message_id)
        else:
            log.warning("answer to no call of ours, ignored id=%.40r", message_id)

    def nobodys_error(self, error: CallError) -> None:
        """Take a CALLERROR without an id.

        In all likelihood it means the CALL in flight; it could also mean an answer of ours. Taking it for the answer
        could fail a call that is about to be answered; ignoring it would hold up all calls for a whole time-out. So the
        wait is cut short instead: the true answer still wins.
        """
        log.warning("error without a message id code=%.40r text=%.100r", error.code, error.description)
        flight = self._flight
        if flight is None or flight.refusal is not None:
            return
        self._unanswered = 0
        flight.refusal = error
        loop = asyncio.get_running_loop()
        flight.deadline = min(flight.deadline, loop.time() + NOBODYS_GRACE_S)
        self._set_alarm(flight.deadline, loop)

    def end(self, lost: ConnectionLost) -> None:
        """Fail the call in flight and all that wait or come later. Only the first `lost` counts."""
        if self._lost is not None:
            return
        self._lost = lost
        if self._alarm is not None:
            self._alarm.cancel()
        flight = self._flight
        if flight is not None and self._land(flight):
            flight.answer.set_exception(lost.again())

    def _set_alarm(self, deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        # One alarm for all calls, left standing from one call to the next: a timer for each would cost more than the
        # rest of this class. It may go off too early for the call it then finds, and is set again.
        if self._alarm is None or self._alarm.when() > deadline:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = loop.call_at(deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        self._alarm = None
        flight = self._flight
        if flight is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < flight.deadline:
            self._set_alarm(flight.deadline, loop)
        else:
            self._expire(flight)

    def _expire(self, flight: _Flight) -> None:
        if flight.refusal is not None:
            if self._land(flight):
                flight.answer.set_result(flight.refusal)
            return
        self._timed_out.append(flight.message_id)
        self._unanswered += 1
        log.warning("call timed out action=%s id=%s unanswered=%d", flight.action, flight.message_id, self._unanswered)
        if self._land(flight):
            flight.answer.set_exception(CallTimeout(flight.action, flight.timeout_s))
        if self._unanswered >= self._max_unanswered or not flight.written:
            self._give_up(ConnectionLost(1001, "calls unanswered", cause="unanswered"))

    def _land(self, flight: _Flight) -> bool:
        """Free the place of the CALL in flight. Return whether its outcome is still open."""
        if self._flight is flight:
            self._flight = None
            self._slot.release()
        return not flight.answer.done()
