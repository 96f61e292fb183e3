"""Starts the program many times a minute: one process has imported everything, and each start is a copy of it.

``python -m tests.crash.nursery HOW`` reads JSON lines: ["start", [argument, …], log file], answered with a process number, and
["kill", process number], answered once that process is gone. HOW is as for `tests.crash.narrated`. Time runs fast from the start.
"""

import asyncio
import importlib
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firmware.cli import main
from firmware.commands import run
from hal.mock.fasttime import ScaledEventLoop
from tests.crash.narrated import BROKEN
from tests.crash.visitors import FAST, SETTINGS
from tests.process.running import Running

NEEDED = (
    "firmware.control.server",
    "hal.mock.devices",
    "hal.mock.relay",
    "uvicorn.lifespan.off",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
    "websockets.asyncio.client",
)


class Nursery:
    """A process that makes copies of itself."""

    def __init__(self, how: str = "whole") -> None:
        command = [sys.executable, "-m", "tests.crash.nursery", how]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, *line: object) -> Any:
        """One request and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Copy(Running):
    """`wayside run`, started from a nursery."""

    def __init__(self, nursery: Nursery, directory: Path, csms_url: str) -> None:
        super().__init__(directory, csms_url, *SETTINGS)
        self._nursery = nursery
        directory.mkdir(exist_ok=True)
        self._log_file = directory / "log.txt"
        self._number: int | None = None

    def start(self) -> None:
        """Switch it on."""
        self._number = self._nursery.ask("start", self.command[3:], str(self._log_file))

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._number is not None:
            self._nursery.ask("kill", self._number)
            self._number = None


def _fast_loop() -> asyncio.AbstractEventLoop:
    loop = ScaledEventLoop()
    loop.set_speed(FAST)
    return loop


def _live(arguments: list[str], log_file: str) -> None:
    """The life of a copy."""
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, target in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    code = 1
    try:
        code = main(arguments)
    finally:
        os._exit(code)


def _serve() -> None:
    for line in sys.stdin:
        match json.loads(line):
            case ["start", list(arguments), str(log_file)]:
                number = os.fork()
                if number == 0:
                    _live(arguments, log_file)
                answer = number
            case ["kill", int(number)]:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
                _, answer = os.waitpid(number, 0)
            case _:
                raise ValueError(f"the nursery does not know {line!r}")
        print(answer, flush=True)


if __name__ == "__main__":
    if sys.argv[1] != "whole":
        BROKEN[sys.argv[1]]()
    for name in NEEDED:
        importlib.import_module(name)
    setattr(run, "_loop_factory", _fast_loop)  # noqa: B010 - for the type checker a function is not assignable
    _serve()
