"""Sends what the journal holds, in order, one message at a time, until it is answered, given up or the link is gone.

A protocol brings a `Renderer`; the rules of order and retry are here and the same for all:
- Lanes are served in their order; within a lane strictly oldest first.
- Being offline is never a failed attempt. A CALLERROR and a time-out are; so is a server that closes the connection with an
  error code instead of answering. After the allowed attempts the record goes to the dead letters and the lane moves on; a sample
  of a meter goes there at once when the central system has no such message.
- The wait before attempt n+1 is n times the retry interval.
- The message id of a record is derived from its number, so that every transmission carries the same id, over restarts too.
- What the answer assigned is stored in the commit that acknowledges the record. Answers that assign nothing are committed in the
  background while the next message is under way: after a crash such a message goes out once more, under its old id.
- While an answer is waited for, the sample that follows is rendered already; it is rendered anew if the answer assigned something.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Protocol

from firmware.core.settings import TRANSACTION_ATTEMPTS, TRANSACTION_RETRY_S, Settings
from firmware.waiting import woken
from hal.clock import Clock
from ocpp_client.errors import AnswerInvalid, CallError, CallTimeout, ConnectionLost, MessageTooLarge
from ocpp_client.messages import Request, Response
from offline_queue import Burial, Commit, Delivery, Queue, QueueError, Record

log = logging.getLogger(__name__)

BATCH = 64  # records looked at together
POISON_CODES = frozenset({1003, 1007, 1008, 1009, 1011})  # close codes that are an answer to what was just sent
TOO_BIG = 1009  # answered with less of the same, until nothing can be left out
UNKNOWN_CODES = frozenset({"NotImplemented", "NotSupported"})  # the other side has no such message

AnyRequest = Request[Any]

REMOTE_IDS = "ocpp16-transaction"
"""Namespace of what a central system calls our transactions, by our own key. It goes when the end of one is delivered, in whatever
version that was."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an answer means: documents to change with the acknowledgement, and what to do once that is on disk."""

    put: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    delete: tuple[tuple[str, str], ...] = ()
    after: Callable[[], None] | None = None


NOTHING = Settled()


class Renderer(Protocol):
    """A protocol's view of journal records."""

    lanes: tuple[str, ...]

    def render(self, record: Record) -> AnyRequest | None:
        """The message of a record, None when this protocol has none for it. Raises ValueError for a row it cannot read."""

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        """The message was answered. A mapping stands for an answer that breaks its schema: its fields as they came, under
        their names on the wire, and those that are valid by themselves under their Python names, too."""

    def given_up(self, record: Record) -> Settled:
        """The message was refused for good."""

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        """The same message with less in it, None when it cannot shrink."""


class ByLane:
    """Several renderers, a lane or more each."""

    def __init__(self, *renderers: Renderer) -> None:
        self._of = {lane: renderer for renderer in renderers for lane in renderer.lanes}
        self.lanes = tuple(self._of)

    def render(self, record: Record) -> AnyRequest | None:
        """The message of a record."""
        return self._of[record.lane].render(record)

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        """The message was answered."""
        return self._of[record.lane].delivered(record, answer)

    def given_up(self, record: Record) -> Settled:
        """The message was refused for good."""
        return self._of[record.lane].given_up(record)

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        """The same message with less in it."""
        return self._of[record.lane].smaller(record, request)


Send = Callable[[AnyRequest, str], Awaitable[Response]]


class Outbox:
    """Drains the durable lanes over whatever connection there is."""

    def __init__(self, queue: Queue, clock: Clock, settings: Settings, *, id_prefix: str) -> None:
        """`id_prefix` makes message ids of this queue's records unique for the station (8 characters or so)."""
        self._queue = queue
        self._clock = clock
        self._settings = settings
        self._prefix = id_prefix
        self._wake = asyncio.Event()
        self._shrinks: dict[int, int] = {}  # how often a record was too big for the other side, or for us
        self._due_s: dict[int, float] = {}  # monotonic time of the next attempt, by record
        self._answered: list[int] = []  # records whose acknowledgement need not be on disk before the next is sent
        self._confirming: asyncio.Future[Any] | None = None
        self._ahead: tuple[int, AnyRequest] | None = None  # a record rendered before its turn, and its message
        self.sending: int | None = None  # number of the record under way

    def wake(self) -> None:
        """Something was written: look again."""
        self._wake.set()

    def waiting(self, lane: str) -> bool:
        """True while anything of a lane is left to be sent."""
        return self._queue.stats().depth.get(lane, 0) > 0

    def message_id(self, record: Record) -> str:
        """The id under which a record is sent, every time."""
        return f"{self._prefix}-{record.id}"

    async def drain(self, renderer: Renderer, send: Send) -> None:
        """Deliver for as long as the connection lasts. Raises ConnectionLost."""
        while True:
            self._wake.clear()
            waits = [await self._drain_lane(lane, renderer, send) for lane in renderer.lanes]
            if 0.0 in waits:
                continue
            wait_s = min((wait for wait in waits if wait is not None), default=None)
            await woken(self._wake, wait_s)

    async def _drain_lane(self, lane: str, renderer: Renderer, send: Send) -> float | None:
        """Deliver what can go now; returns seconds to wait for a retry, 0.0 for "look again", None when empty."""
        await self._confirmed()  # what was answered in an earlier round is not sent again
        self._ahead = None
        after = 0
        silent: list[int] = []
        while True:
            batch = await self._queue.peek(lane, BATCH, after=after)
            for record, following in zip_longest(batch, batch[1:]):
                after = record.id
                wait_s = self._wait_s(record)
                if wait_s > 0:
                    await self._pass_over(silent)
                    return wait_s
                try:
                    request = self._rendered(record, renderer)
                except ValueError as error:
                    log.error("journal row unreadable, given up record=%d error=%s", record.id, error)
                    await self._commit(Commit(bury=[Burial(record.id, f"unreadable: {error}")]))
                    continue
                if request is None:
                    silent.append(record.id)
                elif not await self._deliver(record, request, renderer, send, silent, following):
                    return 0.0
            if len(batch) < BATCH:
                await self._pass_over(silent)
                return None

    def _rendered(self, record: Record, renderer: Renderer) -> AnyRequest | None:
        ahead, self._ahead = self._ahead, None
        return ahead[1] if ahead is not None and ahead[0] == record.id else renderer.render(record)

    def _render_ahead(self, record: Record, renderer: Renderer) -> None:
        try:
            request = renderer.render(record)
        except ValueError:
            return  # reported when it is its turn
        if request is not None:
            self._ahead = record.id, request

    def _wait_s(self, record: Record) -> float:
        """Seconds until the next attempt. After a restart what is left of the wait is taken from the record."""
        if record.attempts == 0:
            return 0.0
        now_s = self._clock.monotonic()
        if record.id not in self._due_s:
            wait_s = float(record.attempts * self._settings[TRANSACTION_RETRY_S])
            wall_s = self._clock.wall()
            if record.not_before_s is not None and wall_s is not None:
                wait_s = min(max(record.not_before_s - wall_s, 0.0), wait_s)
            self._due_s[record.id] = now_s + wait_s
        return max(self._due_s[record.id] - now_s, 0.0)

    async def _deliver(
        self,
        record: Record,
        request: AnyRequest,
        renderer: Renderer,
        send: Send,
        silent: list[int],
        following: Record | None,
    ) -> bool:
        """Send one record; False when it has to be looked at again (a failed attempt, or given up)."""
        for _ in range(self._shrinks.get(record.id, 0)):
            request = renderer.smaller(record, request) or request
        self.sending = record.id
        ahead: asyncio.Handle | None = None
        if following is not None and following.thinnable:  # a renderer may count how often it tells what is billable
            ahead = asyncio.get_running_loop().call_soon(self._render_ahead, following, renderer)
        try:
            answer: Response | Mapping[str, Any] = await send(request, self.message_id(record))
        except AnswerInvalid as invalid:
            log.warning("answer breaks its schema record=%d error=%s", record.id, invalid)
            answer = {**invalid.raw, **invalid.usable}
        except MessageTooLarge as error:
            if not self._shrink(record, request, renderer):
                await self._give_up(record, renderer, str(error))
            return False
        except (CallError, CallTimeout) as error:
            await self._failed(record, renderer, error)
            return False
        except ConnectionLost as lost:
            refused = lost.cause == "peer" and lost.code in POISON_CODES
            if refused and not (lost.code == TOO_BIG and self._shrink(record, request, renderer)):
                await self._failed(record, renderer, lost)
            raise
        finally:
            self.sending = None
            if ahead is not None:
                ahead.cancel()
        settled = renderer.delivered(record, answer)
        self._forget(record)
        self._answered += (*silent, record.id)
        silent.clear()
        if settled is NOTHING:
            if len(self._answered) >= BATCH:
                await self._confirm()
        else:
            self._ahead = None
            await self._confirmed(settled)
        return True

    def _shrink(self, record: Record, request: AnyRequest, renderer: Renderer) -> bool:
        """Send less of a record the next time; False when there is no less. That is no failed attempt."""
        smaller = renderer.smaller(record, request)
        if smaller is None or smaller == request:
            return False
        self._shrinks[record.id] = self._shrinks.get(record.id, 0) + 1
        return True

    async def _failed(self, record: Record, renderer: Renderer, error: Exception) -> None:
        attempts = record.attempts + 1
        self._due_s.pop(record.id, None)
        allowed = max(self._settings[TRANSACTION_ATTEMPTS], 1)
        unknown = isinstance(error, CallError) and error.code in UNKNOWN_CODES
        if unknown and not record.billable and not record.thinnable:
            log.info("message unknown to the central system, let go record=%d kind=%s", record.id, record.kind)
            self._forget(record)
            self._answered.append(record.id)
            return
        if attempts >= allowed or (unknown and record.thinnable):
            await self._give_up(record, renderer, f"refused {attempts} times, last: {error}")
            return
        wall_s = self._clock.wall()
        wait_s = attempts * self._settings[TRANSACTION_RETRY_S]
        log.warning("message not taken record=%d attempt=%d next_in_s=%d error=%s", record.id, attempts, wait_s, error)
        not_before_s = None if wall_s is None else wall_s + wait_s
        await self._commit(Commit(update=[Delivery(record.id, attempts, not_before_s, self.message_id(record))]))

    async def _give_up(self, record: Record, renderer: Renderer, reason: str) -> None:
        log.error("message given up, kept as dead letter record=%d kind=%s reason=%s", record.id, record.kind, reason)
        settled = renderer.given_up(record)
        self._forget(record)
        await self._confirmed(settled, [Burial(record.id, reason)])

    def _forget(self, record: Record) -> None:
        self._shrinks.pop(record.id, None)
        self._due_s.pop(record.id, None)

    async def _pass_over(self, silent: list[int]) -> None:
        """The end of what can be sent now: records without a message are done too."""
        self._answered += silent
        silent.clear()
        await self._confirmed()

    async def _confirm(self) -> None:
        """Bring acknowledgements to disk while sending goes on; at most one such commit is under way."""
        await self._wait_for_confirmation()
        if self._answered:
            answered, self._answered = self._answered, []
            self._confirming = self._queue.submit(Commit(acknowledge=answered))

    async def _wait_for_confirmation(self) -> None:
        pending, self._confirming = self._confirming, None
        if pending is not None:
            try:
                await pending
            except QueueError as error:
                log.error("acknowledgements not written, the messages will be sent again error=%s", error)

    async def _confirmed(self, settled: Settled = NOTHING, bury: Sequence[Burial] = ()) -> None:
        """Bring everything answered so far to disk, with what the last answer means, and only then act upon it."""
        await self._wait_for_confirmation()
        answered, self._answered = self._answered, []
        if answered or bury or settled.put or settled.delete:
            await self._commit(Commit(acknowledge=answered, bury=bury, put=settled.put, delete=settled.delete))
        if settled.after is not None:
            settled.after()

    async def _commit(self, commit: Commit) -> None:
        while True:
            try:
                await self._queue.commit(commit)
            except QueueError as error:
                log.error("delivery state not written error=%s", error)
                await self._clock.sleep(5.0)
            else:
                return
