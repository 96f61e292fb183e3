"""The whole central system, HTTP API included, in an event loop whose time is not the machine's."""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Any

from csms.app import Csms
from csms.clock import LoopClock
from csms.config import CsmsConfig
from csms.faults import FaultPlan
from firmware.simulation.runtime import Simulation
from ocpp_client.websocket import connect

PORT = 9000
START = datetime(2026, 3, 1, tzinfo=UTC)


async def central(stopping: asyncio.Event, story: list[Any]) -> None:
    config = CsmsConfig(host="0.0.0.0", port=PORT, api_port=9001, idle_timeout_s=7200)
    async with Csms(config, clock=LoopClock(START), rng=random.Random(1)) as csms:
        csms.set_faults("CP1", FaultPlan.model_validate({"rules": [{"fault": "late", "delay_s": 600, "times": 1}]}))
        await csms.wait_for(lambda: csms.is_connected("CP1"), 60)
        outcome = await csms.command("CP1", "ClearCache", timeout_s=3600)
        story.append((outcome.kind.value, outcome.elapsed_s))
        await stopping.wait()


async def station(story: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    socket = await connect(f"ws://csms:{PORT}/CP1", subprotocols=["ocpp1.6"])
    began_s = loop.time()
    await socket.receive()  # the command, which is never answered
    await socket.send('[2,"h","Heartbeat",{}]')
    story.append((await socket.receive(), round(loop.time() - began_s)))
    try:
        await socket.receive()
    except ConnectionError:
        story.append(("idle", round(loop.time() - began_s)))


def test_hours_pass_in_no_time_and_in_the_same_way() -> None:
    """Late answers, command time-outs and idle time-outs follow the loop's time, and a second run is like the first."""

    async def main(sim: Simulation) -> list[Any]:
        story: list[Any] = []
        stopping = asyncio.Event()
        running = sim.processes.spawn(sim.host("csms"), central, stopping, story)
        await asyncio.sleep(1)
        await sim.processes.spawn(sim.host("cp1"), station, story).wait()
        stopping.set()
        await running.wait()
        return story

    began = time.monotonic()
    first, second = Simulation(5).run(main), Simulation(5).run(main)
    assert time.monotonic() - began < 10
    assert first == second
    assert [entry[1] for entry in first] == [600, 3600, 7200]
    assert first[0][0].startswith('[3,"h",{"currentTime":"2026-03-01T00:00:')
    assert first[1][0] == "timeout"
