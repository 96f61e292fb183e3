"""A thousand stations and one server that restarts: how hard they come back, and how soon. In virtual time."""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest

from ocpp_client.answers import AnswerCache
from ocpp_client.backoff import Backoff, BackoffPolicy
from ocpp_client.catalogue import catalogue
from ocpp_client.clock import LoopClock
from ocpp_client.endpoint import Target
from ocpp_client.link import Link, LinkOptions
from ocpp_client.link_status import LinkState, LinkStatus
from ocpp_client.micro.dial import connect
from ocpp_client.peer import Peer
from ocpp_client.sockets import WebSocket
from tests.ocpp_client.lines import refuse_all
from tests.ocpp_client.loops import VirtualLoop, run
from tests.ocpp_client.stations import Csms, accepting, boot, csms

STATIONS = 1000
POLICY = BackoffPolicy()  # as the firmware has it: 2 s, doubled up to 300 s, 30 % of jitter
OPTIONS = LinkOptions()


@dataclass
class Herd:
    """What came of it."""

    peak_per_s: int
    back_after_s: float


def link(number: int, target: Csms, online: set[int], everybody: asyncio.Event) -> Link:
    """A station of the fleet."""
    numbers = itertools.count(1)

    def changed(status: LinkStatus) -> None:
        if status.state is LinkState.ONLINE:
            online.add(number)
            if len(online) == STATIONS:
                everybody.set()
        elif status.state is LinkState.WAITING:
            online.discard(number)
            everybody.clear()

    def peer(socket: WebSocket, protocol: str) -> Peer:
        return Peer(
            socket,
            catalogue(protocol),
            handler=refuse_all,
            answers=AnswerCache(),
            clock=LoopClock(),
            new_id=lambda: str(next(numbers)),
        )

    return Link(
        target=lambda: Target(target.url, ("ocpp1.6",)),
        open_peer=peer,
        session=boot,
        backoff=Backoff(POLICY, Random(number)),
        clock=LoopClock(),
        dial=connect,
        on_change=changed,
        options=OPTIONS,
        ping_interval_s=0,
    )


def restart(code: int | None, down_s: float) -> Herd:
    """Bring a fleet up, restart its server with this close code (None: killed), and watch it come back."""
    found: list[Herd] = []

    served: list[WebSocket] = []

    async def script(socket: WebSocket) -> None:
        served.append(socket)
        await accepting(socket)

    async def main(loop: VirtualLoop) -> None:
        there = await csms(script=script)
        online: set[int] = set()
        everybody = asyncio.Event()
        links = [link(number, there, online, everybody) for number in range(STATIONS)]
        running = [asyncio.create_task(one.run()) for one in links]
        await everybody.wait()
        await asyncio.sleep(60)  # every connection has proven itself
        there.came.clear()
        ended_at = loop.time()
        loop.refuse = True
        if code is None:
            for socket in served:
                socket.abort()
        else:
            await asyncio.gather(*[socket.close(code) for socket in served])
        await asyncio.sleep(max(down_s, 0.5))  # at least until everybody has noticed
        loop.refuse = False
        await everybody.wait()
        seconds = Counter(int(at) for at in there.came)
        found.append(Herd(max(seconds.values()), loop.time() - ended_at))
        await asyncio.gather(*[one.stop() for one in links])
        await asyncio.gather(*running)

    run(main)
    return found[0]


@pytest.mark.parametrize(
    ("code", "down_s", "spread_s"),
    [(1012, 0.0, OPTIONS.restart_spread_s), (1001, 0.0, OPTIONS.loss_spread_s), (None, 0.0, OPTIONS.loss_spread_s)],
    ids=["restart announced", "going away", "killed"],
)
def test_a_fleet_comes_back_no_faster_than_its_jitter_allows(code: int | None, down_s: float, spread_s: float) -> None:
    """First attempts are scattered over the spread: the peak stays near the mean, and nobody waits longer than it."""
    herd = restart(code, down_s)
    print(
        f"close code {code}: {STATIONS} stations, peak {herd.peak_per_s} dials/s, all back after {herd.back_after_s:.1f} s"
    )
    assert herd.peak_per_s <= 1.5 * STATIONS / spread_s
    assert herd.back_after_s <= POLICY.start_s * (1 + POLICY.jitter_ratio) + spread_s + 1


def test_a_fleet_does_not_fall_into_step_during_a_long_outage() -> None:
    """After two minutes without a server the attempts are still scattered: jitter is part of every wait."""
    herd = restart(1012, 120.0)
    print(
        f"two minutes down: {STATIONS} stations, peak {herd.peak_per_s} dials/s, all back after {herd.back_after_s:.1f} s"
    )
    assert herd.peak_per_s <= 1.5 * STATIONS / OPTIONS.restart_spread_s
    assert herd.back_after_s <= 120 + POLICY.base_s(6) * (1 + POLICY.jitter_ratio)
