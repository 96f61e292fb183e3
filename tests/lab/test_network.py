"""What networks do to a station: silence, resets, other addresses, a server that hangs. With the kernel's own means."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware.uplink.watch import Watch
from hal.clock import Clock
from hal.clocks import SystemClock
from hal.drivers.network_linux import LinuxNetwork
from ocpp_client.causes import Cause
from ocpp_client.diagnosis import Circumstances
from tests.interfaces import undisturbed
from tests.lab.programs import found, free_ports, listens, needs, running
from tests.lab.station import station

PORT = 9000
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def sh(*command: str) -> None:
    """Run one of the system's commands; fail with what it says."""
    done = subprocess.run([str(found(command[0])), *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


@dataclass(frozen=True)
class Far:
    """A CSMS in a network namespace, at the other end of a cable."""

    namespace: str
    cable: str
    """The interface at the station's end."""
    host: str = "10.213.7.2"

    @property
    def url(self) -> str:
        return f"ws://{self.host}:{PORT}/ocpp"

    def firewall(self, verdict: str) -> None:
        """From now on the CSMS's side does this with every packet of the station."""
        sh("ip", "netns", "exec", self.namespace, str(found("nft")), "add table inet lab")
        chain = "add chain inet lab in { type filter hook input priority 0 ; }"
        sh("ip", "netns", "exec", self.namespace, str(found("nft")), chain)
        sh("ip", "netns", "exec", self.namespace, str(found("nft")), f"add rule inet lab in tcp dport {PORT} {verdict}")

    def no_firewall(self) -> None:
        """All is well again."""
        sh("ip", "netns", "exec", self.namespace, str(found("nft")), "delete table inet lab")


@pytest.fixture
def far(folder: Path) -> Iterator[Far]:
    """A namespace, a cable to it, and a CSMS in it."""
    with undisturbed():
        yield from _cabled(folder)


def _cabled(folder: Path) -> Iterator[Far]:
    made = Far(f"wayside{os.getpid()}", f"ws{os.getpid()}"[:15])
    try:
        sh("ip", "netns", "add", made.namespace)
    except AssertionError as error:
        pytest.skip(f"no network namespaces here ({error})")
    try:
        inside = "ip", "netns", "exec", made.namespace, "ip"
        sh("ip", "link", "add", made.cable, "type", "veth", "peer", "name", "eth0", "netns", made.namespace)
        sh("ip", "addr", "add", "10.213.7.1/24", "dev", made.cable)
        sh("ip", "link", "set", made.cable, "up")
        sh(*inside, "addr", "add", f"{made.host}/24", "dev", "eth0")
        sh(*inside, "link", "set", "eth0", "up")
        csms = [sys.executable, "-m", "tests.lab.csms_process", "0.0.0.0", str(PORT)]
        with running([*inside[:4], *csms], folder / "csms.log"):
            yield made
        sh("ip", "link", "del", made.cable)  # at once; with the namespace it would go some time later
    finally:
        sh("ip", "netns", "del", made.namespace)


# --- 2: a server that hangs


async def test_a_server_that_hangs_is_found_by_pings_within_seconds(folder: Path) -> None:
    """Row 2: the process is stopped, its sockets stay open; found within ping interval, pong time-out and close time-out."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.lab.csms_process", "127.0.0.1", str(port)]
    with running(command, folder / "csms.log") as process:
        await listens(port)
        async with station(f"ws://127.0.0.1:{port}/ocpp", ping_interval_s=0.3) as one:
            await one.comes_online()
            stopped_at = time.monotonic()
            process.send_signal(signal.SIGSTOP)
            diagnosis = await one.diagnosis()
            assert time.monotonic() - stopped_at < 3.0
            process.send_signal(signal.SIGCONT)
            await one.comes_online()
    assert diagnosis.cause is Cause.PING_TIMEOUT
    assert diagnosis.evidence["cause"] == "no-pong"


# --- 6: the carrier


@pytest.mark.root
@needs_root
@needs("nft")
async def test_a_nat_that_forgot_the_connection_is_found_by_pings(far: Far) -> None:
    """Row 6a: packets vanish without a word; on cellular that is the carrier's NAT. Back as soon as the way is."""
    await listens(PORT, far.host)
    around = Circumstances(cellular=True)
    async with station(far.url, ping_interval_s=0.3, around=around) as one:
        await one.comes_online()
        far.firewall("drop")
        diagnosis = await one.diagnosis()
        far.no_firewall()
        await one.comes_online()
    assert diagnosis.cause is Cause.NAT_FORGOT
    assert "ping interval" in diagnosis.check_first


@pytest.mark.root
@needs_root
@needs("nft")
async def test_without_pings_a_black_hole_is_not_noticed(far: Far) -> None:
    """Row 6a, the reason for the pings: nothing at all tells the station."""
    await listens(PORT, far.host)
    async with station(far.url) as one:
        await one.comes_online()
        far.firewall("drop")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.drops.get(), 3.0)
        assert one.online.is_set()
        far.no_firewall()


@pytest.mark.root
@needs_root
@needs("nft")
async def test_a_nat_that_resets_is_told_from_one_that_is_silent(far: Far) -> None:
    """Row 6b: the next packet is answered by a reset."""
    await listens(PORT, far.host)
    async with station(far.url, ping_interval_s=0.5) as one:
        await one.comes_online()
        far.firewall("reject with tcp reset")
        diagnosis = await one.diagnosis()
        far.no_firewall()
        await one.comes_online()
    assert diagnosis.cause is Cause.RESET


@pytest.mark.root
@needs_root
async def test_an_address_change_is_acted_upon_at_once(far: Far) -> None:
    """Row 6c: the socket would live on, the kernel's news end it, long before any ping."""
    await listens(PORT, far.host)
    clock: Clock = SystemClock(asyncio.get_running_loop(), boot="lab")
    async with station(far.url, around=Circumstances(address_changed_s=0.0)) as one:
        await one.comes_online()
        changes: list[float] = []
        network = LinuxNetwork(far.cable)
        watch = Watch(one, clock, network, None, on_address=lambda: changes.append(time.monotonic()))
        watching = asyncio.create_task(watch.run())
        async with asyncio.timeout(5):
            while not network.status.up:
                await asyncio.sleep(0.02)
        begun = time.monotonic()
        sh("ip", "addr", "del", "10.213.7.1/24", "dev", far.cable)
        sh("ip", "addr", "add", "10.213.7.9/24", "dev", far.cable)
        diagnosis = await one.diagnosis()
        assert time.monotonic() - begun < 1.0
        await one.comes_online()
        watching.cancel()
        await network.close()
    assert diagnosis.cause is Cause.ADDRESS_CHANGED
    assert changes


@pytest.mark.root
@needs_root
async def test_removing_the_address_alone_does_not_end_the_connection(far: Far) -> None:
    """Row 6c, the reason for the watch: the socket stands although its address is gone."""
    await listens(PORT, far.host)
    async with station(far.url) as one:
        await one.comes_online()
        sh("ip", "addr", "del", "10.213.7.1/24", "dev", far.cable)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.drops.get(), 1.5)
