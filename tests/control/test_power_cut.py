"""A power cut in the mock world, with the real program in a process of its own."""

import asyncio
import re
import sys
from pathlib import Path

import httpx
import pytest

from firmware.app import DATABASE
from firmware.control.client import ControlClient
from firmware.engine import memory
from offline_queue import Queue

PATIENCE_S = 20.0


async def test_the_program_dies_of_a_power_cut(tmp_path: Path) -> None:
    """`wayside run` is gone at once with the status of a killed process, and has not written that it ended in order."""
    arguments = [
        "run",
        "--quiet",
        "--listen",
        "127.0.0.1:0",
        "--csms-url",
        "ws://127.0.0.1:9",
        "--state-dir",
        str(tmp_path),
    ]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firmware", *arguments, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert program.stderr is not None
            served, said = None, ""
            while served is None:
                line = (await program.stderr.readline()).decode()
                said += line
                assert line, f"the program ended before it served: {said}"
                served = re.search(r"control interface served url=(\S+)", line)
            state = await asyncio.to_thread(ControlClient(served[1]).state)
            assert state["station"]["mock"] is True
            async with httpx.AsyncClient(base_url=served[1]) as http:
                with pytest.raises(httpx.RemoteProtocolError):
                    await http.post("/api/mock/power-cut", json={})
            assert await program.wait() == 137
        journal = await Queue.open(tmp_path / DATABASE)
        assert await journal.get(memory.STATION, "shutdown") is None
        await journal.close()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
