"""A process killed while it writes: what it was told is durable is there, in order, and what was delivered does not come back."""

import asyncio
import random
import signal
import sys
from pathlib import Path

from tests.offline_queue.conftest import Opener

ROUNDS = 30

# Prints "+id text" once a record is durable, "?id" before an acknowledgement is asked for and "-id" once it is durable.
VICTIM = """
import asyncio, pathlib, sys
from offline_queue import Bounds, Commit, NewRecord, Queue
async def append(queue, text):
    (id_,) = await queue.commit(Commit(append=[NewRecord("tx", "s", "k", text.encode())]))
    print(f"+{id_} {text}", flush=True)
async def main():
    queue = await Queue.open(pathlib.Path(sys.argv[1]), bounds=Bounds(reserve_bytes=0))
    number = 0
    while True:
        texts = [f"{sys.argv[2]}-{number + step}-" + "x" * (number % 3000) for step in range(1 + number % 7)]
        number += len(texts)
        await asyncio.gather(*(append(queue, text) for text in texts))
        head = await queue.head("tx")
        print(f"?{head.id}", flush=True)
        await queue.commit(Commit(acknowledge=[head.id]))
        print(f"-{head.id}", flush=True)
asyncio.run(main())
"""


async def test_killed_process_loses_nothing_it_was_promised(path: Path, opener: Opener) -> None:
    """Thirty kills, each after a random number of promises, of one queue that lives through all of them."""
    chance = random.Random(5)
    promised: dict[int, str] = {}
    asked: set[int] = set()
    gone: set[int] = set()
    for round_ in range(ROUNDS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", VICTIM, str(path), str(round_), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 40)):
            note(await process.stdout.readline(), promised, asked, gone)
        process.send_signal(signal.SIGKILL)
        for line in (await process.stdout.read()).splitlines(keepends=True):
            note(line, promised, asked, gone)
        await process.wait()
        queue = await opener()
        found = {record.id: record.payload.decode() for record in await queue.peek("tx", 100_000)}
        assert list(found) == sorted(found)
        missing = promised.keys() - found.keys()
        assert missing <= asked
        assert not gone & found.keys()
        assert all(found[id_] == promised[id_] for id_ in promised.keys() & found.keys())
        await queue.close()


def note(line: bytes, promised: dict[int, str], asked: set[int], gone: set[int]) -> None:
    """Keep what a line promises; one that was cut off promises nothing."""
    text = line.decode()
    if not text.endswith("\n"):
        return
    kind, (id_, *rest) = text[0], text[1:].split()
    if kind == "+":
        promised[int(id_)] = rest[0]
    elif kind == "?":
        asked.add(int(id_))
    else:
        gone.add(int(id_))
