"""Every serial driver against devices that make no sense, and ports that vanish at any moment: only HalError, in bounded time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from hal.drivers.line_reader import LineReader
from hal.drivers.modem_at import AtModem
from hal.drivers.openevse_sides import openevse_pilot
from hal.drivers.pn532_uart import Pn532Reader
from hal.errors import DeviceLost, HalError
from tests.drivers.gpio import FakeLines
from tests.drivers.openevse import FakeOpenEvse
from tests.drivers.test_modem_at import QUECTEL, FakeModem
from tests.drivers.test_readers import FakePn532
from tests.drivers.virtual import make_context, virtually
from tests.drivers.wire import Wire

SEEDS = range(4)
BOUND_S = 60.0  # virtual: no call on any driver takes longer, whatever the device does

Use = Callable[[Wire], Awaitable[None]]


async def use_pn532(wire: Wire) -> None:
    """Open, and wait for a card."""
    reader = Pn532Reader(make_context(), wire.path)
    try:
        await reader.open()
        async for _ in reader.tokens():
            pass
    finally:
        await reader.close()


async def use_line_reader(wire: Wire) -> None:
    """Open, and listen for a while."""
    reader = LineReader(make_context(), wire.path)
    tokens = []

    async def listen() -> None:
        async for token in reader.tokens():
            tokens.append(token)  # noqa: PERF401 - what came before a failure counts too

    try:
        await reader.open()
        async with asyncio.timeout(BOUND_S / 2):
            await listen()
    except TimeoutError:
        pass
    finally:
        await reader.close()
        assert tokens == []


async def use_openevse(wire: Wire) -> None:
    """Open both sides, charge, deny."""
    pilot = openevse_pilot(make_context(), wire.path)
    try:
        await pilot.open()
        await pilot.contactor.open()
        for _ in range(10):
            await pilot.offer(16)
            await pilot.contactor.allow()
            await asyncio.sleep(0.5)
            await pilot.contactor.deny()
    finally:
        await pilot.contactor.close()
        await pilot.close()


async def use_modem(wire: Wire) -> None:
    """Open, and ask for everything."""
    modem = AtModem(make_context().clock, wire.path, lines=FakeLines())
    try:
        await modem.open()
        for _ in range(5):
            await modem.status()
            await modem.identity()
    finally:
        await modem.close()


USES: dict[str, Use] = {"pn532": use_pn532, "line": use_line_reader, "openevse": use_openevse, "modem": use_modem}
FRAGMENTS = (
    b"\x00\x00\xff\x00\xff\x00",
    b"\x00\x00\xff\x06\xfa\xd5\x03\x32\x01\x06\x07\xe8\x00",
    b"$OK^20\r",
    b"$OK 03 120 03 0140^",
    b"\r\nOK\r\n",
    b"+CPIN: READY\r\n",
    b"deadbee\r\n",
    b"$AT 03 03 16 0140^",
)


def attach_nonsense(wire: Wire, seed: int) -> None:
    """Whatever is written, the answer is noise with pieces of real protocols in it."""
    rng = Random(seed)

    def answer(_data: bytes) -> None:
        parts = [rng.choice(FRAGMENTS) if rng.random() < 0.5 else rng.randbytes(rng.randrange(40)) for _ in range(3)]
        wire.send(b"".join(parts))

    wire.on_data = answer


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("driver", USES)
@virtually
async def test_nonsense_is_an_error_in_bounded_time(tmp_path: Path, driver: str, seed: int) -> None:
    """The wrong device on the port, at its worst: no driver crashes, hangs or believes it."""
    wire = Wire(tmp_path, seed=seed)
    attach_nonsense(wire, seed)
    async with asyncio.timeout(BOUND_S):
        if driver == "line":
            wire.on_data(b"")  # it never writes, so the noise comes by itself
            await USES[driver](wire)
        else:
            with pytest.raises(HalError):
                await USES[driver](wire)
    wire.unplug()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("driver", USES)
@virtually
async def test_a_port_that_vanishes_at_any_moment_is_a_loss(tmp_path: Path, driver: str, seed: int) -> None:
    """A working device is pulled out: DeviceLost, closing does not raise, and no task is left behind."""
    wire = Wire(tmp_path, seed=seed)
    box = None
    match driver:
        case "pn532":
            FakePn532(wire)
        case "openevse":
            box = FakeOpenEvse(wire)
            box.plug(asks=True)
        case "modem":
            FakeModem(wire, QUECTEL)
    asyncio.get_running_loop().call_later(Random(seed).uniform(0.0, 0.4), wire.unplug)
    async with asyncio.timeout(BOUND_S):
        if driver == "modem":  # it may be done before
            try:
                await USES[driver](wire)
            except DeviceLost:
                pass
        else:
            with pytest.raises(DeviceLost):
                await USES[driver](wire)
    if box is not None:
        box.power_off()
