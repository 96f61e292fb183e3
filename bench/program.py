"""The program itself: memory when connected, and time from its start to BootNotification on the wire."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

from bench.table import Row

ROUNDS = 5


async def start(directory: Path, *options: str) -> tuple[float, float]:
    """Seconds to BootNotification, and MiB of resident memory a little after."""
    heard = asyncio.Event()
    at = 0.0

    async def csms(socket: ServerConnection) -> None:
        nonlocal at
        async for text in socket:
            if "BootNotification" in str(text) and not heard.is_set():
                at = time.monotonic()
                heard.set()
            message_id = re.match(r'\[2,"([^"]*)"', str(text))
            if message_id and "BootNotification" in str(text):
                answer = '{"status":"Accepted","currentTime":"2026-05-01T12:00:00Z","interval":300}'
                await socket.send(f'[3,"{message_id[1]}",{answer}]')
            elif message_id:
                await socket.send(f'[3,"{message_id[1]}",{{}}]')

    async with serve(csms, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None) as server:  # type: ignore[list-item]
        port = server.sockets[0].getsockname()[1]
        begun = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "firmware", "run", "--quiet", "--state-dir", str(directory),
            "--csms-url", f"ws://127.0.0.1:{port}/ocpp", "--listen", "127.0.0.1:0", *options,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(30):
                await heard.wait()
            await asyncio.sleep(2.0)
            memory_mib = _resident_mib(process.pid)
        finally:
            process.terminate()
            await process.wait()
    return at - begun, memory_mib


def _resident_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) / 1024


def _interpreter_s() -> float:
    best = 9.0
    for _ in range(ROUNDS):
        begun = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True, env=os.environ)
        best = min(best, time.monotonic() - begun)
    return best


def rows() -> list[Row]:
    """Measure."""
    floor_s = _interpreter_s()
    with tempfile.TemporaryDirectory() as directory:
        bare = [asyncio.run(start(Path(directory), "--set", "control.enabled=false")) for _ in range(ROUNDS)]
        whole = [asyncio.run(start(Path(directory))) for _ in range(ROUNDS)]
    boot_s = min(seconds for seconds, _ in bare)
    boot_whole_s = min(seconds for seconds, _ in whole)
    memory = min(mib for _, mib in bare)
    memory_whole = min(mib for _, mib in whole)
    return [
        Row("start to BootNotification", f"{boot_s:.2f} s", f"interpreter {floor_s:.2f} s", f"+{boot_s - floor_s:.2f} s", "<= +0.5 s", boot_s - floor_s <= 0.5),
        Row("  with control API", f"{boot_whole_s:.2f} s", "", f"+{boot_whole_s - floor_s:.2f} s", "<= +0.5 s", boot_whole_s - floor_s <= 0.5),
        Row("memory, mock board, connected", f"{memory:.0f} MiB", "", "", "<= 45 MiB", memory <= 45),
        Row("  with control API", f"{memory_whole:.0f} MiB", "", "", "<= 55 MiB", memory_whole <= 55),
    ]  # fmt: skip
