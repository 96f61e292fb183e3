"""Notices are told in order while somebody listens; of an absence the newest is told."""

import asyncio

from firmware.services.notices import RETRY_S, TRIES, Notices
from tests.services.test_transfer_http import NoWait


class Listener:
    """Hears notices; answers as it is told."""

    def __init__(self, *answers: bool) -> None:
        self.heard: list[str] = []
        self._answers = list(answers)

    async def tell(self, notice: str) -> bool:
        self.heard.append(notice)
        return self._answers.pop(0) if self._answers else True


async def _listen(notices: Notices[str], listener: Listener) -> None:
    task = asyncio.create_task(notices.run(listener.tell))
    await asyncio.wait_for(notices.empty(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_everything_is_told_in_order_while_somebody_listens() -> None:
    """And what nobody heard is told by its newest only."""
    notices, listener = Notices[str](NoWait()), Listener()
    notices.post("one")
    notices.post("two")
    task = asyncio.create_task(notices.run(listener.tell))
    await notices.empty()
    for word in ("three", "four"):
        notices.post(word)
    await notices.empty()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    notices.post("five")
    notices.post("six")
    await _listen(notices, listener)
    assert listener.heard == ["two", "three", "four", "six"]


async def test_what_is_not_answered_is_told_again_a_few_times() -> None:
    """Then it counts as told, and its owner hears so once."""
    clock, told = NoWait(), list[str]()
    notices, listener = Notices[str](clock, told=told.append), Listener(False, False, False)
    notices.post("one")
    await _listen(notices, listener)
    assert listener.heard == ["one"] * TRIES
    assert clock.slept == [RETRY_S] * (TRIES - 1)
    assert told == ["one"]


async def test_a_lost_connection_leaves_what_was_not_answered() -> None:
    """It is told on the next one."""
    notices, listener = Notices[str](NoWait()), Listener()

    async def lost(_: str) -> bool:
        raise ConnectionError

    notices.post("one")
    await asyncio.gather(notices.run(lost), return_exceptions=True)
    await _listen(notices, listener)
    assert listener.heard == ["one"]
