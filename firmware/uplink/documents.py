"""What the link remembers over restarts, as documents in the queue's database."""

import json
import logging
from dataclasses import dataclass
from typing import Final

from firmware.engine.journal import Change
from offline_queue import Queue

log = logging.getLogger(__name__)

LINK: Final = "link"
STATE, ACCESS, USAGE = "state", "access", "usage"
MOST_FAILURES: Final = 1000


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was kept of the link's history."""

    failures: int = 0
    """In a row: the back-off goes on from there."""
    worked: str | None = None
    """URL of the endpoint that worked last."""


def state(failures: int, worked: str | None) -> Change:
    """The back-off and the endpoint, to be written."""
    data = json.dumps({"failures": min(failures, MOST_FAILURES), "worked": worked}, separators=(",", ":"))
    return Change(put={(LINK, STATE): data.encode()})


def document(name: str, data: bytes) -> Change:
    """Another document, to be written."""
    return Change(put={(LINK, name): data})


async def recall(queue: Queue) -> Remembered:
    """What was kept; nothing if it cannot be read, with a line in the log."""
    data = await queue.get(LINK, STATE)
    if data is None:
        return Remembered()
    try:
        kept = json.loads(data)
        failures, worked = int(kept["failures"]), kept["worked"]
        if not 0 <= failures <= MOST_FAILURES or not isinstance(worked, str | None):
            raise ValueError("out of range")
    except (KeyError, TypeError, ValueError) as error:
        log.warning("kept state of the link ignored error=%s", error)
        return Remembered()
    return Remembered(failures, worked)
