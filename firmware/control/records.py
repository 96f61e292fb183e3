"""Records of the journal as JSON: what waits, what was given up, and the oldest of them for the state. Tokens are masked."""

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from firmware.control.times import iso
from firmware.core.facts import decode
from offline_queue import DeadRecord, Queue, QueueError, Record

if TYPE_CHECKING:
    from firmware.engine.timeline import Timeline

log = logging.getLogger(__name__)

LOOK_TIMEOUT_S: Final = 0.1  # for the oldest record; a slow disk must not hold up the state


class Oldest:
    """Keeps the record that waits longest at hand, because the queue tells its number from memory but not its age."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._known: Record | None = None

    def picture(self, oldest_id: int | None) -> dict[str, Any] | None:
        """Number, kind and age of the record, as far as they are known."""
        if oldest_id is None:
            return None
        known = self._known if self._known is not None and self._known.id == oldest_id else None
        return {
            "id": oldest_id,
            "kind": known.kind if known else None,
            "created": iso(known.created_at_s) if known else None,
        }

    async def look(self) -> None:
        """Look at the record if it is another one than before; bounded in time, and no error of the disk comes out."""
        stats = self._queue.stats()
        if stats.oldest_id is None or (self._known is not None and self._known.id == stats.oldest_id):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                try:
                    heads = [await self._queue.head(lane) for lane in stats.depth]
                except QueueError as error:
                    log.warning("oldest record not read error=%s", error)
                else:
                    self._known = min((head for head in heads if head), key=lambda head: head.id, default=None)


def record_picture(record: Record | DeadRecord, timeline: "Timeline") -> dict[str, Any]:
    """A record: where it waits, what it tells of which transaction, and how its sending went."""
    shown: dict[str, Any] = {
        "id": record.id,
        "lane": record.lane,
        "kind": record.kind,
        "created": iso(record.created_at_s),
        "attempts": record.attempts,
        **_fact(record, timeline),
    }
    if isinstance(record, DeadRecord):
        shown["reason"] = record.reason
    return shown


def _fact(record: Record | DeadRecord, timeline: "Timeline") -> dict[str, Any]:
    try:
        fact = decode(record.payload)
    except ValueError:
        return {"evse": None, "transaction": None, "at": None, "meter_wh": None, "token": None}
    return {
        "evse": fact.evse,
        "transaction": fact.transaction or None,
        "at": iso(timeline.date(fact.at).wall_s),
        "meter_wh": fact.meter_wh,
        "token": fact.token.masked if fact.token is not None else None,
    }
