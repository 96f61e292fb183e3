"""The network in memory: TCP's promises on a good day, and what each fault looks like to a program."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.simulation.runtime import Simulation

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Peer:
    """A server that keeps what it gets, on host `csms`, and a client connected to it from host `station`."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.got = bytearray()
        self.ended: str | None = None  # how the server's end of the last connection ended
        self.something = asyncio.Event()  # set when anything arrived
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, read: bool = True) -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writers.append(writer)
            self.ended = None
            try:
                while read and (data := await reader.read(65_536)):
                    self.got += data
                    self.something.set()
                self.ended = "eof" if read else None
                if not read:
                    await asyncio.sleep(1e6)
            except OSError as error:
                self.ended = type(error).__name__
            writer.close()

        server = await asyncio.start_server(handle, "", 9000)
        await server.serve_forever()


def _play(
    scene: Callable[[Simulation, Peer, Streams], Awaitable[None]], *, seed: int = 1, read: bool = True
) -> Simulation:
    """Run a scene in which the client stands outside of every process, as host `outside`."""

    async def main(sim: Simulation) -> None:
        peer = Peer(sim)
        sim.processes.spawn(sim.host("csms"), peer.serve, read)
        await asyncio.sleep(1)
        streams = await asyncio.open_connection("csms", 9000)
        await asyncio.sleep(1)
        await scene(sim, peer, streams)

    sim = Simulation(seed)
    sim.run(main)
    assert sim.problems == []
    return sim


async def _ends(reader: asyncio.StreamReader) -> str:
    """How a connection ends for whoever reads it."""
    try:
        await reader.read()
    except OSError as error:
        return type(error).__name__
    return "eof"


# A good day


@settings(max_examples=40, deadline=None)
@given(
    chunks=st.lists(st.binary(min_size=1, max_size=2_000), min_size=1, max_size=20),
    seed=st.integers(0, 1_000),
    loss=st.sampled_from([0.0, 0.2, 0.5]),
    fragment=st.sampled_from([0.0, 1.0]),
    bytes_per_s=st.sampled_from([None, 1_000.0]),
)
def test_bytes_arrive_once_and_in_order(
    chunks: list[bytes], seed: int, loss: float, fragment: float, bytes_per_s: float | None
) -> None:
    """Whatever the path does, TCP delivers the stream as it was written."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        sim.network.degrade("outside", "csms", loss=loss, fragment=fragment, bytes_per_s=bytes_per_s)
        for chunk in chunks:
            streams[1].write(chunk)
            await asyncio.sleep(sim.network.rng.choice((0, 0.01, 0.2)))
        streams[1].close()
        await asyncio.sleep(5_000)
        assert bytes(peer.got) == b"".join(chunks)
        assert peer.ended == "eof"

    _play(scene, seed=seed)


def test_latency_and_bandwidth_take_their_time() -> None:
    """10,000 bytes over 1,000 bytes a second take about ten seconds more than the latency."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        sim.network.degrade("outside", "csms", latency_s=2.0, bytes_per_s=1_000)
        began_s = sim.loop.time()
        streams[1].write(b"x" * 10_000)
        async with asyncio.timeout(15):
            await peer.something.wait()
        assert 12 < sim.loop.time() - began_s < 12.2

    _play(scene)


def test_a_full_window_pauses_the_writer_until_the_reader_reads() -> None:
    """Half a megabyte to a peer that does not read: what does not fit waits, and `drain` waits with it."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        writer = streams[1]
        peer.writers[0].transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(8):
            writer.write(b"y" * 65_536)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await writer.drain()
        assert peer.got == b""
        peer.writers[0].transport.resume_reading()  # type: ignore[attr-defined]
        await writer.drain()
        await asyncio.sleep(5)
        assert len(peer.got) == 8 * 65_536

    _play(scene)


def test_closing_with_unread_data_resets_the_peer() -> None:
    """As on Linux: closing without having read what arrived is a reset, not a FIN."""

    async def scene(_: Simulation, peer: Peer, streams: Streams) -> None:
        reader, writer = streams
        peer.writers[0].transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"unread")
        await asyncio.sleep(1)
        peer.writers[0].transport.close()
        assert await _ends(reader) == "ConnectionResetError"

    _play(scene)


@pytest.mark.parametrize(("linger_s", "ends"), [(0, "ConnectionResetError"), (5, "eof")])
def test_a_linger_time_of_nothing_turns_the_end_into_a_reset(linger_s: int, ends: str) -> None:
    """SO_LINGER with 0 seconds is how a program resets a connection on purpose."""

    async def scene(_: Simulation, peer: Peer, streams: Streams) -> None:
        tcp = peer.writers[0].get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger_s))
        peer.writers[0].transport.abort()
        assert await _ends(streams[0]) == ends

    _play(scene)


def test_one_direction_can_be_closed_alone() -> None:
    """After `write_eof` the other side's bytes still arrive."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            question = await reader.read()
            writer.write(question + b"!")
            writer.close()

        server = await asyncio.start_server(answer, "localhost", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"really?")
        writer.write_eof()
        assert await reader.read() == b"really?!"
        server.close()

    _play(scene)


def test_addresses_are_those_of_the_hosts() -> None:
    """Each end knows its own address and the other's."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        here, there = sim.network.hosts["outside"].address, sim.network.hosts["csms"].address
        assert streams[1].get_extra_info("peername") == (there, 9000)
        assert streams[1].get_extra_info("sockname")[0] == here
        assert peer.writers[0].get_extra_info("peername") == streams[1].get_extra_info("sockname")
        info = await sim.loop.getaddrinfo("csms", 9000)
        assert info[0][4] == (there, 9000)

    _play(scene)


def test_a_port_is_taken_once_and_loopback_stays_on_its_host() -> None:
    """A second server on the same port fails; a server on loopback is not reached from outside."""

    async def listen() -> None:
        await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 80)
        with pytest.raises(OSError, match="in use"):
            await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 80)
        await asyncio.open_connection("localhost", 80)
        await asyncio.sleep(100)

    async def main(sim: Simulation) -> None:
        sim.processes.spawn(sim.host("a"), listen)
        await asyncio.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("a", 80)

    Simulation(1).run(main)


# Dialling into trouble


@pytest.mark.parametrize(
    ("trouble", "error", "after_s"),
    [
        (lambda sim: sim.network.lose_name("csms"), socket.gaierror, 0),
        (lambda sim: sim.network.refuse("outside", "csms"), ConnectionRefusedError, 1),
        (lambda sim: sim.network.black_hole("outside", "csms"), TimeoutError, 127),
        (lambda sim: sim.processes.power_off(sim.network.hosts["csms"]), TimeoutError, 127),
        (lambda sim: sim.processes.kill(sim.network.hosts["csms"].processes[0]), ConnectionRefusedError, 1),
    ],
)
def test_dialling_fails_as_it_would_for_real(
    trouble: Callable[[Simulation], None], error: type[OSError], after_s: float
) -> None:
    """Each fault has its own error and its own delay."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        trouble(sim)
        began_s = sim.loop.time()
        with pytest.raises(error):
            await asyncio.open_connection("csms", 9000)
        assert after_s - 1 <= sim.loop.time() - began_s <= after_s

    _play(scene)


def test_an_unknown_name_is_not_found() -> None:
    """A name that no host has is a lasting error of the resolver."""

    async def main(_: Simulation) -> None:
        with pytest.raises(socket.gaierror, match="not known"):
            await asyncio.open_connection("nowhere", 1)

    Simulation(1).run(main)


def test_dialling_succeeds_once_the_fault_is_over() -> None:
    """A black hole that heals while dialling only delays; names come back; refusal ends."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        sim.network.black_hole("outside", "csms")
        sim.loop.call_later(20, sim.network.heal, "outside", "csms")
        began_s = sim.loop.time()
        await asyncio.open_connection("csms", 9000)
        assert 20 < sim.loop.time() - began_s < 64
        sim.network.lose_name("csms")
        sim.network.find_name("csms")
        sim.network.refuse("outside", "csms")
        sim.network.heal("outside", "csms")
        await asyncio.open_connection("csms", 9000)

    _play(scene)


# Trouble on an open connection


def test_a_cut_resets_both_ends() -> None:
    """A middlebox's reset is seen by either side at once."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        assert sim.network.cut("outside", "csms") == 1
        assert await _ends(streams[0]) == "ConnectionResetError"
        await asyncio.sleep(0)
        assert peer.ended == "ConnectionResetError"
        assert sim.network.pipes == {}

    _play(scene)


def test_a_black_hole_holds_bytes_and_delivers_them_after_healing() -> None:
    """Nothing arrives and nobody is told; after healing all bytes arrive in order with the next retransmission."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        sim.network.black_hole("outside", "csms")
        for number in range(10):
            streams[1].write(b"%d" % number)
            await asyncio.sleep(10)
        assert peer.got == b""
        sim.network.heal("outside", "csms")
        streams[1].write(b"after")
        await asyncio.sleep(120)
        assert peer.got == b"0123456789after"

    _play(scene)


def test_bytes_in_flight_when_the_hole_opens_are_not_overtaken() -> None:
    """A segment on its way when the path breaks is still delivered before those written later."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        sim.network.degrade("outside", "csms", latency_s=1.0)
        streams[1].write(b"first ")
        await asyncio.sleep(0.5)
        sim.network.black_hole("outside", "csms")
        streams[1].write(b"second")
        await asyncio.sleep(5)
        sim.network.heal("outside", "csms")
        await asyncio.sleep(60)
        assert peer.got == b"first second"

    _play(scene)


@pytest.mark.parametrize(("user_timeout_ms", "after_s"), [(None, 924.6), (30_000, 30)])
def test_a_sender_in_a_black_hole_gives_up(user_timeout_ms: int | None, after_s: float) -> None:
    """Unacknowledged bytes end the connection after the system's patience, or after TCP_USER_TIMEOUT."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        reader, writer = streams
        if user_timeout_ms is not None:
            tcp = writer.get_extra_info("socket")
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
        sim.network.black_hole("outside", "csms")
        writer.write(b"anybody?")
        began_s = sim.loop.time()
        assert await _ends(reader) == "TimeoutError"
        assert sim.loop.time() - began_s == pytest.approx(after_s, abs=0.2)
        assert peer.ended is None  # the other side has heard nothing

    _play(scene)


def test_a_silent_black_hole_is_never_noticed() -> None:
    """Without bytes to send, a dead path looks like a quiet peer, for ever."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        sim.network.black_hole("outside", "csms")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(86_400):
                await streams[0].read()

    _play(scene)


def test_a_forgotten_mapping_swallows_the_old_connection_and_lets_new_ones_pass() -> None:
    """A carrier's NAT: the open connection is dead for good, a new one works."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        assert sim.network.forget_mapping("outside", "csms") == 1
        streams[1].write(b"lost")
        _, writer = await asyncio.open_connection("csms", 9000)
        writer.write(b"found")
        sim.network.heal("outside", "csms")
        await asyncio.sleep(600)
        assert peer.got == b"found"

    _play(scene)


def test_a_half_open_connection_answers_the_next_bytes_with_a_reset() -> None:
    """One side has forgotten; the other learns it when it sends."""

    async def scene(sim: Simulation, peer: Peer, streams: Streams) -> None:
        assert sim.network.half_open("outside", "csms") == 1
        await asyncio.sleep(3_600)
        assert peer.ended == "TimeoutError"
        assert not streams[0].at_eof()
        streams[1].write(b"still there?")
        assert await _ends(streams[0]) == "ConnectionResetError"

    _play(scene)


def test_a_killed_process_says_goodbye_and_a_host_without_power_does_not() -> None:
    """After SIGKILL the peer reads the end; after a power cut it reads nothing until power is back and it sends."""

    async def killed(sim: Simulation, peer: Peer, streams: Streams) -> None:
        sim.processes.kill(sim.network.hosts["csms"].processes[0])
        assert await _ends(streams[0]) == "eof"

    async def without_power(sim: Simulation, peer: Peer, streams: Streams) -> None:
        host = sim.network.hosts["csms"]
        sim.processes.power_off(host)
        streams[1].write(b"hello?")
        await asyncio.sleep(100)
        assert not streams[0].at_eof()
        sim.processes.power_on(host)
        assert await _ends(streams[0]) == "ConnectionResetError"

    _play(killed)
    _play(without_power)


def test_a_server_that_closes_waits_for_its_connections() -> None:
    """`wait_closed` returns when the last connection is over; new ones are refused before that."""

    async def main(sim: Simulation) -> None:
        server = await asyncio.start_server(lambda _r, _w: None, "", 7000)
        reader, writer = await asyncio.open_connection("outside", 7000)
        await asyncio.sleep(1)
        server.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("outside", 7000)
        waiting = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(10)
        assert not waiting.done()
        server.abort_clients()  # type: ignore[attr-defined, unused-ignore] # typed from Python 3.13 on
        await waiting
        assert await _ends(reader) == "eof"
        writer.close()

    Simulation(1).run(main)
