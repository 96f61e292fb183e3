"""The scaled event loop: real sockets, fast time."""

import asyncio
import time
from contextlib import suppress

import pytest

from hal.mock.clock import MockClock, Scalable, TimeSource
from hal.mock.fasttime import ScaledEventLoop, scaled_loop_factory


def test_an_hour_of_sleep_passes_in_real_milliseconds() -> None:
    """At speed 10000 a sleep of 100 s takes about 10 ms, and never ends early on the loop's own clock."""

    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        begun, real = loop.time(), time.monotonic()
        for _ in range(4):
            await asyncio.sleep(25.0)
        return loop.time() - begun, time.monotonic() - real

    with asyncio.Runner(loop_factory=scaled_loop_factory(10_000)) as runner:
        scaled_s, real_s = runner.run(main())
    assert scaled_s >= 100.0
    assert real_s < 1.0


def test_short_waits_are_not_rounded_up_to_milliseconds() -> None:
    """At speed 1000, twenty waits of 0.1 s are 2 ms of real time, not the 20 ms of a timer that counts milliseconds."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        shortest = 1e9
        for _ in range(3):
            begun = loop.time()
            for _ in range(20):
                await asyncio.sleep(0.1)
            shortest = min(shortest, loop.time() - begun)
        return shortest

    with asyncio.Runner(loop_factory=scaled_loop_factory(1000)) as runner:
        assert runner.run(main()) < 15.0


def test_changing_the_speed_does_not_make_time_jump() -> None:
    """Around each change the clock goes on from where it was, and pending sleeps follow the new speed."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ScaledEventLoop)
        for speed in (5_000.0, 0.5, 10_000.0):
            before, real = loop.time(), time.monotonic()
            highest = max(loop.speed, speed)
            loop.set_speed(speed)
            elapsed = loop.time() - before
            assert 0.0 <= elapsed <= highest * (time.monotonic() - real)
        real = time.monotonic()
        await asyncio.sleep(50.0)
        return time.monotonic() - real

    with asyncio.Runner(loop_factory=scaled_loop_factory(1.0)) as runner:
        assert runner.run(main()) < 1.0


def test_sockets_work_and_timeouts_run_fast() -> None:
    """An answer over a real socket arrives, and a missing one times out in a fraction of its time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        await writer.drain()
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    async def main() -> float:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        real = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await reader.read()
        writer.close()
        server.close()
        return time.monotonic() - real

    with asyncio.Runner(loop_factory=scaled_loop_factory(1000)) as runner:
        assert runner.run(main()) < 2.0


def test_real_speed_is_an_ordinary_loop() -> None:
    """At speed 1 the loop's time is real time."""
    loop = ScaledEventLoop()
    try:
        drift_s = loop.time() - time.monotonic()
        assert abs(drift_s) < 0.05
    finally:
        loop.close()


@pytest.mark.parametrize("speed", [0.0, -1.0, 10_001.0, float("nan")])
def test_impossible_speeds_are_refused(speed: float) -> None:
    """Time neither stands still nor runs backwards, and has a highest speed."""
    loop = ScaledEventLoop(2.0)
    try:
        with pytest.raises(ValueError, match="speed must be above 0"):
            loop.set_speed(speed)
        assert loop.speed == 2.0
    finally:
        loop.close()


def test_mock_clock_changes_the_speed_of_its_loop() -> None:
    """The clock of the mock world is the handle for it."""
    loop = ScaledEventLoop()
    try:
        source: TimeSource = loop
        assert isinstance(loop, Scalable)
        clock = MockClock(source, wall_s=0.0, boot="b")
        clock.set_speed(60.0)
        assert loop.speed == clock.speed == 60.0
    finally:
        loop.close()
