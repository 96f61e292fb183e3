"""Which CALLs of the peer were executed already, and what they were answered.

A CSMS sends a CALL again under the same id when its answer got lost, often on the next connection. It must then get the
answer it missed; the command must not run twice. So this memory belongs to the owner of the connections, not to one
connection.

Some central systems count their ids from 1 on every restart. A known id with other content is therefore a new CALL, and
entries are forgotten after `max_age_s`.
"""

import asyncio
import logging

log = logging.getLogger(__name__)


class Execution:
    """One CALL that is being executed, or was. `answer` is the text sent back, None while there is none."""

    __slots__ = ("answer", "content", "finished", "message_id", "started_at")

    def __init__(self, message_id: str, content: int, started_at: float) -> None:
        self.message_id = message_id
        self.content = content
        self.started_at = started_at
        self.answer: str | None = None
        self.finished = asyncio.Event()
        """Set when the execution is over: with an answer, or, if `answer` is still None, abandoned."""


class AnswerCache:
    """Bounded memory of executions. Times are monotonic seconds, given by the caller.

    The oldest answers go first when there are more than `capacity`, or more than `max_bytes` of text; an execution under
    way always stays.
    """

    def __init__(self, *, capacity: int = 128, max_bytes: int = 256 * 1024, max_age_s: float = 600.0) -> None:
        if capacity < 1 or max_bytes < 0 or not max_age_s > 0:
            raise ValueError("capacity and max_age_s must be positive, max_bytes not negative")
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._executions: dict[str, Execution] = {}  # oldest first
        self._bytes = 0

    def find(self, message_id: str, content: str, at: float) -> Execution | None:
        """Return the execution of this very CALL, running or finished; None if it is new."""
        execution = self._executions.get(message_id)
        if execution is None:
            return None
        if execution.answer is not None and at - execution.started_at > self._max_age_s:
            return None
        if execution.content != hash(content):
            log.info("message id used again for another call id=%r", message_id)
            return None
        return execution

    def begin(self, message_id: str, content: str, at: float) -> Execution:
        """Remember that this CALL is being executed from now on."""
        self._drop(message_id)
        execution = self._executions[message_id] = Execution(message_id, hash(content), at)
        self._shrink()
        return execution

    def finish(self, execution: Execution, answer: str) -> None:
        """Remember what the CALL was answered."""
        execution.answer = answer
        if self._executions.get(execution.message_id) is execution:
            self._bytes += len(answer)
            self._shrink()
        execution.finished.set()

    def abandon(self, execution: Execution) -> None:
        """Forget an execution that was cut off: the same CALL may be executed again."""
        if self._executions.get(execution.message_id) is execution:
            del self._executions[execution.message_id]
        execution.finished.set()

    def _shrink(self) -> None:
        if len(self._executions) <= self._capacity and self._bytes <= self._max_bytes:
            return
        for message_id in [entry.message_id for entry in self._executions.values() if entry.answer is not None]:
            if len(self._executions) <= self._capacity and self._bytes <= self._max_bytes:
                break
            self._drop(message_id)

    def _drop(self, message_id: str) -> None:
        execution = self._executions.pop(message_id, None)
        if execution is not None and execution.answer is not None:
            self._bytes -= len(execution.answer)
