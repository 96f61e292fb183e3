"""The durable queue beside its floor: the same bytes appended to a file and synced, in turns, on the same disk.

Also: commits made durable in groups, the drain of a backlog, a queue of a million records beside an empty one, and what a fact
costs the flash. `rows()` gives the table; run as a program it prints it. Set TMPDIR to measure another disk.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.table import Row, show
from offline_queue import Bounds, Commit, NewRecord, Queue

PAYLOAD = b"x" * 300  # a transaction fact with a meter reading
BATCH = 50
MILLION = 1_000_000
ROOMY = Bounds(rows=2 * MILLION, bytes=4 * 1024**3, reserve_bytes=0)


@dataclass(frozen=True, slots=True)
class Latency:
    """Of single durable writes, in seconds. A ratio is the median, over all turns, of the ratio of medians."""

    p50_s: float
    p99_s: float
    floor_p50_s: float  # append and fsync
    floor_p99_s: float
    ratio: float
    thread_p50_s: float  # the same in a thread, as a program must do it whose loop may not block
    thread_ratio: float


@dataclass(frozen=True, slots=True)
class Large:
    """A queue of many records beside one of a few. Times are medians in seconds, memory is of the whole process."""

    records: int
    enqueue_s: float
    small_enqueue_s: float
    dequeue_s: float
    small_dequeue_s: float
    open_s: float
    memory_mib: float
    small_memory_mib: float


def fact(number: int = 0) -> Commit:
    """A commit with one fact; fifty facts belong to one transaction."""
    return Commit(append=[NewRecord("tx", f"8d4f7c1e-6d2b-4e0f-9c1a-{number // 50:012d}", "Sampled", PAYLOAD)])


def enqueue(turns: int = 10, count: int = 200) -> Latency:
    """Durable commits of one fact each, one after the other, beside append and fsync of the same bytes."""
    return asyncio.run(_enqueue(turns, count))


async def _enqueue(turns: int, count: int) -> Latency:
    loop = asyncio.get_running_loop()
    ours: list[float] = []
    floor: list[float] = []
    threaded: list[float] = []
    ratios: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        queue = await Queue.open(Path(folder) / "queue.db", bounds=ROOMY)
        file = os.open(Path(folder) / "file", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        await _timed(lambda: queue.commit(fact()), 4 * count)  # the log reaches its size
        for _ in range(turns):
            begun = len(ours)
            ours += await _timed(lambda: queue.commit(fact()), count)
            floor += [_append(file) for _ in range(count)]
            threaded += await _timed(lambda: loop.run_in_executor(thread, _append, file), count)
            turn = statistics.median(ours[begun:])
            ratios.append((turn / statistics.median(floor[begun:]), turn / statistics.median(threaded[begun:])))
        os.close(file)
        await queue.close()
    ratio, thread_ratio = (statistics.median(column) for column in zip(*ratios, strict=True))
    return Latency(*_percentiles(ours), *_percentiles(floor), ratio, statistics.median(threaded), thread_ratio)


def _append(file: int) -> float:
    begun = perf_counter()
    os.write(file, PAYLOAD)
    os.fsync(file)
    return perf_counter() - begun


async def _timed(action: Callable[[], Awaitable[object]], count: int) -> list[float]:
    times = []
    for _ in range(count):
        begun = perf_counter()
        await action()
        times.append(perf_counter() - begun)
    return times


def _percentiles(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def group_rate(turns: int = 7, batches: int = 100) -> float:
    """Facts a second when fifty callers wait for a commit each, batch after batch; the median of some turns."""
    return asyncio.run(_group_rate(turns, batches))


async def _group_rate(turns: int, batches: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        queue = await Queue.open(Path(folder) / "queue.db", bounds=ROOMY)
        rates = []
        for _ in range(turns + 1):
            facts = [fact(number) for number in range(BATCH)]
            begun = perf_counter()
            for _ in range(batches):
                await asyncio.gather(*[queue.submit(one) for one in facts])
            rates.append(batches * BATCH / (perf_counter() - begun))
        await queue.close()
    return statistics.median(rates[1:])


def drain_rate(backlog: int = 10_000, page: int = 64) -> float:
    """Records a second read in pages and acknowledged in order, the acknowledgements under way while the next record is taken."""
    return asyncio.run(_drain_rate(backlog, page))


async def _drain_rate(backlog: int, page: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        queue = await Queue.open(Path(folder) / "queue.db", bounds=ROOMY)
        await _fill(queue, backlog)
        begun = perf_counter()
        after = 0
        confirming: list[asyncio.Future[tuple[int, ...]]] = []
        while records := await queue.peek("tx", page, after=after):
            for record in records:
                confirming.append(queue.submit(Commit(acknowledge=[record.id])))
                await asyncio.sleep(0)  # where the answer of the central system is waited for
            after = records[-1].id
        await asyncio.gather(*confirming)
        rate = backlog / (perf_counter() - begun)
        await queue.close()
    return rate


async def _fill(queue: Queue, count: int, at_once: int = 1000) -> None:
    for begin in range(0, count, at_once):
        records = [record for number in range(begin, min(begin + at_once, count)) for record in fact(number).append]
        await queue.commit(Commit(append=records))


def written_bytes(facts: int = 1000) -> float | None:
    """Bytes that go to the disk for a hundred facts, each committed alone, delivered and acknowledged alone.

    By the kernel's count for this process; None on a file system that does not count, as in memory.
    """
    return asyncio.run(_written_bytes(facts))


async def _written_bytes(facts: int) -> float | None:
    with tempfile.TemporaryDirectory() as folder:
        queue = await Queue.open(Path(folder) / "queue.db", bounds=ROOMY)
        begun = _bytes_so_far()
        for number in range(facts):
            (id_,) = await queue.commit(fact(number))
            await queue.commit(Commit(acknowledge=[id_]))
        await queue.close()
        written = _bytes_so_far() - begun
    return written / facts * 100 if written else None


def _bytes_so_far() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"])


def large(records: int = MILLION) -> Large:
    """A queue filled in one process, and opened and measured in others: the best of three, to set aside what else runs."""
    figures = []
    for count in (1000, records):
        with tempfile.TemporaryDirectory() as folder:
            _large_process("fill", folder, count)
            turns = [[float(word) for word in _large_process("measure", folder, count).split()] for _ in range(3)]
        figures.append([min(column) for column in zip(*turns, strict=True)])
    (small_enqueue, small_dequeue, _, small_memory), (enqueue_s, dequeue_s, open_s, memory) = figures
    return Large(records, enqueue_s, small_enqueue, dequeue_s, small_dequeue, open_s, memory, small_memory)


def _large_process(step: str, folder: str, count: int) -> str:
    command = [sys.executable, "-m", "bench.queue", step, folder, str(count)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def _large_step(step: str, folder: Path, count: int) -> None:
    begun = perf_counter()
    queue = await Queue.open(folder / "queue.db", bounds=ROOMY)
    open_s = perf_counter() - begun
    if step == "fill":
        await _fill(queue, count)
    else:
        enqueue_s = statistics.median(await _timed(lambda: queue.commit(fact()), 400))
        dequeue_s = statistics.median(await _timed(lambda: _dequeue(queue), 400))
        print(enqueue_s, dequeue_s, open_s, _resident_mib())
    await queue.close()


async def _dequeue(queue: Queue) -> None:
    head = await queue.head("tx")
    assert head is not None
    await queue.commit(Commit(acknowledge=[head.id]))


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def rows() -> list[Row]:
    """The lines of the table."""
    latency = enqueue()
    rate = group_rate()
    many = large()
    written = written_bytes()
    slower = max(many.enqueue_s / many.small_enqueue_s, many.dequeue_s / many.small_dequeue_s)
    return [
        Row(
            "durable enqueue of a fact, p50",
            _us(latency.p50_s),
            f"append + fsync {_us(latency.floor_p50_s)}",
            f"{latency.ratio:.2f}",
            "<= 2",
            latency.ratio <= 2,
        ),
        Row(
            "the same, beside append + fsync in a thread",
            _us(latency.p50_s),
            _us(latency.thread_p50_s),
            f"{latency.thread_ratio:.2f}",
        ),
        Row("durable enqueue of a fact, p99", _us(latency.p99_s), f"append + fsync {_us(latency.floor_p99_s)}", ""),
        Row(f"group commit, batches of {BATCH}", f"{rate:,.0f} facts/s", "", "", ">= 50,000/s", rate >= 50_000),
        Row("drain of 10,000 records, without a network", f"{drain_rate():,.0f} records/s", "", ""),
        Row(
            f"queue of {many.records:,}: enqueue / dequeue",
            f"{_us(many.enqueue_s)} / {_us(many.dequeue_s)}",
            f"with 1,000: {_us(many.small_enqueue_s)} / {_us(many.small_dequeue_s)}",
            f"{slower:.2f}",
            "unchanged",
            slower < 1.5,
        ),
        Row(f"queue of {many.records:,}: open", f"{many.open_s:.2f} s", "", "", "< 1 s", many.open_s < 1),
        Row(
            f"queue of {many.records:,}: memory",
            f"{many.memory_mib:.0f} MiB",
            f"with 1,000: {many.small_memory_mib:.0f} MiB",
            f"{many.memory_mib / many.small_memory_mib:.2f}",
        ),
        Row(
            "disk writes for 100 facts, in and out", f"{written / 1024:,.0f} KiB" if written else "not counted", "", ""
        ),
    ]


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} us"


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(_large_step(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
    else:
        print(show(rows()))
