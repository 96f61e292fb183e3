"""Bytes written to flash for one charging session, beside the bytes of its messages.

The whole program charges for an hour in virtual time, with a sample a minute, on a real disk. `/proc/self/io` counts what reaches
the block layer; the central system of the scene writes nothing.
"""

import asyncio
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from bench.drain import ANSWERS
from bench.table import Row
from firmware.simulation.testing import Stage, run_scene

SAMPLES = 60
HOUR_S = 3600.0
KIB = 1024


async def _talk(socket: ServerConnection) -> None:
    async for text in socket:
        _, message_id, _, action, _ = str(text).split('"', 4)
        await socket.send(f'[3,"{message_id}",{ANSWERS.get(action, "{}")}]')


async def _serve() -> None:
    async with serve(_talk, "0.0.0.0", 9000, subprotocols=["ocpp1.6"], compression=None) as server:  # type: ignore[list-item]
        await server.serve_forever()


def _written() -> int:
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["write_bytes"])


async def _scene(stage: Stage) -> tuple[int, int, int]:
    """Bytes of an idle hour, of the hour with a session, and of the session's messages."""
    stage.serve(_serve)
    station = stage.charge_point("ws://csms:9000/ocpp", {"MeterValueSampleInterval": str(int(HOUR_S / SAMPLES))})
    await asyncio.sleep(60)
    begun = _written()
    await asyncio.sleep(HOUR_S)
    idle, begun = _written() - begun, _written()
    stage.frames.clear()
    station.plug_in(1, "van", soc_percent=5)
    station.tap("04A1B2C3")
    await asyncio.sleep(HOUR_S - 60)
    station.tap("04A1B2C3")
    await asyncio.sleep(30)
    station.unplug(1)
    await asyncio.sleep(30)
    sent: list[Any] = [text for _, out, text in stage.frames if out]
    if sum("MeterValues" in text for text in sent) < SAMPLES - 3 or not any("StopTransaction" in text for text in sent):
        raise RuntimeError("this was no whole session")
    return idle, _written() - begun, sum(len(text) for text in sent)


def rows() -> list[Row]:
    """Measure."""
    idle, session, messages = run_scene(_scene)
    return [
        Row(
            f"flash wear, 1 h of charging, {SAMPLES} samples",
            f"{session / KIB:.0f} KiB",
            f"messages {messages / KIB:.0f} KiB",
            f"{session / messages:.1f}x",
        ),
        Row("  an idle hour", f"{idle / KIB:.0f} KiB", "", ""),
    ]
