"""The TCP relay on real sockets: what each network mode does to open and to new connections."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress

import pytest

from hal.mock.fasttime import scaled_loop_factory
from hal.mock.network import MockNetwork, NetworkMode
from hal.mock.relay import Relay

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SHORT_S = 0.05  # how long a test listens to a silence


class Echo:
    """A far end that sends back what it gets, and can be made to reset or to finish."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.tasks: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.tasks.append(asyncio.current_task())
        try:
            while data := await reader.read(4096):
                writer.write(data)
            writer.write(b"bye")
            await writer.drain()
            writer.close()
        except ConnectionError:
            writer.transport.abort()


class Line:
    """A network, an echo behind a relay, and a way to dial."""

    def __init__(self, network: MockNetwork, relay: Relay, echo: Echo, server: asyncio.Server) -> None:
        self.network = network
        self.relay = relay
        self.echo = echo
        self.server = server
        self.address: tuple[str, int] = server.sockets[0].getsockname()

    async def dial(self) -> Streams:
        return await asyncio.open_connection(*await self.relay.route(*self.address))


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    """A working line that is torn down completely."""
    echo, network = Echo(), MockNetwork()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with Relay(network) as relay:
        yield Line(network, relay, echo, server)
    server.close()
    for writer in echo.writers:
        writer.transport.abort()


async def exchange(streams: Streams, word: bytes) -> bytes:
    """Send a word and read as much back."""
    reader, writer = streams
    writer.write(word)
    async with asyncio.timeout(5):
        return await reader.readexactly(len(word))


async def silent(reader: asyncio.StreamReader) -> bool:
    """True when nothing arrives for a little while, not even an end."""
    try:
        async with asyncio.timeout(SHORT_S):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_up_bytes_pass_both_ways_and_ends_are_kept() -> None:
    """A large message comes back whole, and a half-closed sender still gets the last answer."""
    async with line() as there:
        streams = await there.dial()
        assert await exchange(streams, b"x" * 300_000) == b"x" * 300_000
        streams[1].write_eof()
        assert await streams[0].read() == b"bye"
        streams[1].close()


async def test_route_is_the_same_at_every_call_and_needs_the_relay_to_run() -> None:
    """A destination keeps its local port; a relay that is not entered says so."""
    async with line() as there:
        assert await there.relay.route(*there.address) == await there.relay.route(*there.address)
    with pytest.raises(RuntimeError, match="enter it first"):
        await there.relay.route(*there.address)


async def test_down_resets_what_is_open_and_refuses_what_is_new_until_up() -> None:
    """The open connection ends in a reset, a dial is refused, and the same address works again afterwards."""
    async with line() as there:
        streams = await there.dial()
        assert await exchange(streams, b"hello") == b"hello"
        there.network.set_mode(NetworkMode.DOWN)
        with pytest.raises(ConnectionResetError):
            await streams[0].read()
        with pytest.raises(ConnectionRefusedError):
            await there.dial()
        there.network.set_mode(NetworkMode.UP)
        for _ in range(100):  # the listener comes back within a few turns of the loop
            try:
                streams = await there.dial()
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0)
        assert await exchange(streams, b"again") == b"again"
        streams[1].close()


async def test_first_dial_while_down_is_refused() -> None:
    """A destination first asked for while the network is down refuses too."""
    async with line() as there:
        there.network.set_mode(NetworkMode.DOWN)
        with pytest.raises(ConnectionRefusedError):
            await there.dial()


async def test_black_hole_is_silent_and_delivers_after_healing() -> None:
    """Open and new connections hang without an error; what was sent arrives when the network is up again."""
    async with line() as there:
        old = await there.dial()
        assert await exchange(old, b"before") == b"before"
        there.network.set_mode(NetworkMode.BLACK_HOLE)
        new = await there.dial()
        for reader, writer in (old, new):
            writer.write(b"held")
            assert await silent(reader)
        there.network.set_mode(NetworkMode.UP)
        for reader, writer in (old, new):
            async with asyncio.timeout(5):
                assert await reader.readexactly(4) == b"held"
            writer.close()


async def test_new_address_kills_open_connections_silently() -> None:
    """A connection from under the old address stays open and silent for good, also through later changes; a new one works."""
    async with line() as there:
        old = await there.dial()
        assert await exchange(old, b"before") == b"before"
        there.network.change_address("10.0.0.9")
        old[1].write(b"lost")
        assert await silent(old[0])
        there.network.set_mode(NetworkMode.BLACK_HOLE)
        there.network.set_mode(NetworkMode.UP)
        assert await silent(old[0])
        new = await there.dial()
        assert await exchange(new, b"after") == b"after"
        for _, writer in (old, new):
            writer.close()


async def test_latency_delays_each_direction_and_keeps_order() -> None:
    """A word takes at least twice the latency to come back, and words keep their order."""
    async with line() as there:
        there.network.set_latency(0.01)
        streams = await there.dial()
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        for word in (b"one", b"two", b"six"):
            streams[1].write(word)
        async with asyncio.timeout(5):
            assert await streams[0].readexactly(9) == b"onetwosix"
        assert loop.time() - begun_at >= 0.02
        streams[1].close()


async def test_reset_at_the_far_end_is_passed_on() -> None:
    """A central system that dies takes the near connection with it."""
    async with line() as there:
        streams = await there.dial()
        assert await exchange(streams, b"hello") == b"hello"
        there.echo.writers[0].transport.abort()
        async with asyncio.timeout(5):
            assert await streams[0].read() == b""
        streams[1].close()


async def test_far_end_that_refuses_is_seen_to_refuse() -> None:
    """Nobody listening at the destination refuses the dial; as soon as somebody does, the same address works."""
    async with line() as there:
        with socket.socket() as nobody:
            nobody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            nobody.bind(("127.0.0.1", 0))
            destination: tuple[str, int] = nobody.getsockname()
            for _ in range(2):
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection(*await there.relay.route(*destination))
        somebody = await asyncio.start_server(there.echo.serve, *destination, reuse_address=True)
        streams = await asyncio.open_connection(*await there.relay.route(*destination))
        assert await exchange(streams, b"hello") == b"hello"
        streams[1].close()
        somebody.close()


def test_far_end_that_never_answers_leaves_the_dial_waiting() -> None:
    """A destination that drops every packet is asked for 5 s at most; then the dial hangs there, as it would without a relay."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as deaf, ExitStack() as crowd:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            for _ in range(3):  # more than its queue holds: the kernel drops who comes next
                caller = crowd.enter_context(socket.socket())
                caller.setblocking(False)
                with suppress(BlockingIOError):
                    caller.connect(deaf.getsockname())
            async with line() as there:
                begun_at = loop.time()
                address = await there.relay.route(*deaf.getsockname())
                assert loop.time() - begun_at >= 5.0
                reader, writer = await asyncio.open_connection(*address)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(10):
                        await reader.read()
                writer.close()

    with asyncio.Runner(loop_factory=scaled_loop_factory(100)) as runner:
        runner.run(main())


async def test_network_that_fails_during_the_question_refuses() -> None:
    """Down while the far end is being connected to: the dial that follows is refused, and nothing is left open."""
    async with line() as there:
        await there.relay.route(*there.address)
        asking = asyncio.ensure_future(there.relay.route(*there.address))
        await asyncio.sleep(0)
        there.network.set_mode(NetworkMode.DOWN)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*await asking)
        await asyncio.gather(*filter(None, there.echo.tasks))


async def test_far_end_that_goes_away_before_the_dial_resets_the_near_one() -> None:
    """A destination lost between the question and the dial ends the connection."""
    async with line() as there:
        address = await there.relay.route(*there.address)
        first = await asyncio.open_connection(*address)
        assert await exchange(first, b"hello") == b"hello"
        there.server.close()
        reader, _ = await asyncio.open_connection(*address)
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        first[1].close()


async def test_question_without_a_dial_leaves_no_connection_behind() -> None:
    """Asking again, and leaving, end the far connection that nobody used."""
    async with line() as there:
        for _ in range(3):
            await there.relay.route(*there.address)
        streams = await there.dial()
        assert await exchange(streams, b"hello") == b"hello"
        await there.relay.route(*there.address)
        streams[1].close()
    async with asyncio.timeout(5):
        await asyncio.gather(*filter(None, there.echo.tasks))


async def test_leaving_the_relay_resets_every_connection() -> None:
    """No connection and no task outlives the relay, not even a hanging one."""
    before = len(asyncio.all_tasks())
    async with line() as there:
        old = await there.dial()
        assert await exchange(old, b"hello") == b"hello"
        there.network.set_mode(NetworkMode.BLACK_HOLE)
        hanging = await there.dial()
        await asyncio.sleep(0)
    for reader, _ in (old, hanging):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    await asyncio.gather(*filter(None, there.echo.tasks))
    assert len(asyncio.all_tasks()) == before


async def test_leaving_at_once_after_a_dial_does_not_hang() -> None:
    """A connection that the relay has not even looked at yet ends with it."""
    for turns in range(6):
        async with asyncio.timeout(5):
            async with line() as there:
                reader, writer = await there.dial()
                for _ in range(turns):
                    await asyncio.sleep(0)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()


async def test_dead_connection_is_forgotten_when_both_ends_have_gone() -> None:
    """A connection under an old address is kept only until neither end holds it."""
    async with line() as there:
        reader, writer = await there.dial()
        assert await exchange((reader, writer), b"hello") == b"hello"
        there.network.change_address("10.0.0.9")
        writer.close()
        there.echo.writers[0].close()
        async with asyncio.timeout(5):
            await asyncio.wait([connection.task for connection in there.relay._connections])
        assert there.relay._connections == []


def test_listener_comes_back_when_its_port_is_free_again(caplog: pytest.LogCaptureFixture) -> None:
    """A port taken by somebody else while the network was down is tried again every second."""

    async def main() -> None:
        async with line() as there:
            address = await there.relay.route(*there.address)
            there.network.set_mode(NetworkMode.DOWN)
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                thief.bind(address)
                thief.listen()
                there.network.set_mode(NetworkMode.UP)
                await asyncio.sleep(2)
                assert "relay cannot listen again" in caplog.text
            await asyncio.sleep(3)
            streams = await there.dial()
            assert await exchange(streams, b"back") == b"back"
            streams[1].close()

    with asyncio.Runner(loop_factory=scaled_loop_factory(100)) as runner:
        runner.run(main())


@pytest.mark.parametrize("latency_s", [-1.0, 61.0])
async def test_impossible_latency_is_refused(latency_s: float) -> None:
    """Latency is between nothing and a minute."""
    with pytest.raises(ValueError, match="latency_s"):
        MockNetwork().set_latency(latency_s)
