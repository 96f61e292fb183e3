"""The AT modem driver against a modem at the far end of a pseudo-terminal, with answers as its manuals print them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hal.drivers.modem_at import AtModem
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.registry import Registry
from hal.types import ModemStatus, SimIdentity
from tests.drivers.gpio import FakeLines
from tests.drivers.virtual import make_context, virtually
from tests.drivers.wire import Transport, Wire

# Answers of a Quectel EC25 in an LTE network, from the examples in 3GPP TS 27.007 and the Quectel EC2x AT commands manual.
QUECTEL = {
    "AT+CGMI": ["Quectel"],
    "AT+CPIN?": ["+CPIN: READY"],
    "AT+CIMI": ["262011234567890"],
    "AT+QCCID": ["+QCCID: 8949020000123456789F"],
    "AT+CEREG?": ["+CEREG: 0,1"],
    "AT+COPS?": ['+COPS: 0,0,"Telekom.de",7'],
    "AT+CSQ": ["+CSQ: 18,99"],
    "AT+CGPADDR=1": ['+CGPADDR: 1,"10.56.1.23"'],
    "AT+QCSQ": ['+QCSQ: "LTE",-64,-95,131,-10'],
    "AT+QTEMP": ["+QTEMP: 35,38,33"],
}
SILENT_ORDERS = ("ATE0", "AT+CMEE=2", "AT+CGATT=0", "AT+CGATT=1", "AT+CFUN=4", "AT+CFUN=1", "AT+CFUN=1,1")


class FakeModem:
    """A modem that knows its answers by heart. Everything it does not know is an error."""

    def __init__(self, wire: Wire, answers: dict[str, list[str]]) -> None:
        self.answers = dict(answers)
        self.refused: dict[str, str] = {}  # command -> final line
        self.swallowed = 0  # commands that it does not hear, to begin with
        self.slow: dict[str, float] = {}  # command -> seconds
        self.silent = False
        self.echo = True
        self.events: list[str] = []  # lines that it sends by itself before each answer
        self.commands: list[str] = []
        self.on_command: Callable[[str], None] = lambda _command: None
        self._wire = wire
        self._line = b""
        wire.on_data = self._take

    def _take(self, data: bytes) -> None:
        if self.echo and not self.silent:
            self._wire.send(data)
        self._line += data
        while b"\r" in self._line:
            line, _, self._line = self._line.partition(b"\r")
            self._hear(line.decode("latin-1").strip())

    def _hear(self, command: str) -> None:
        if self.silent:
            return
        if self.swallowed:
            self.swallowed -= 1
            return
        self.commands.append(command)
        self.on_command(command)
        if command == "ATE0":
            self.echo = False
        lines = [*self.events, *self.answers.get(command, [])]
        known = command in self.answers or command in SILENT_ORDERS
        lines.append(self.refused.get(command, "OK" if known else "ERROR"))
        data = "".join(f"\r\n{line}\r\n" for line in lines).encode()
        asyncio.get_running_loop().call_later(self.slow.get(command, 0.0), self._wire.send, data)


def make(wire: Wire, lines: FakeLines | None = None, power: str | None = None) -> AtModem:
    """A driver on that wire."""
    return AtModem(make_context().clock, wire.path, lines=lines or FakeLines(), power=power)


@asynccontextmanager
async def opened(
    folder: Path, answers: dict[str, list[str]], transport: Transport = "whole"
) -> AsyncIterator[tuple[AtModem, FakeModem]]:
    """An open driver and its modem."""
    wire = Wire(folder, transport, seed=5)
    fake, modem = FakeModem(wire, answers), make(wire)
    await modem.open()
    yield modem, fake
    await modem.close()


EXPECTED = ModemStatus(
    registered=True,
    roaming=False,
    operator="Telekom.de",
    technology="LTE",
    signal_dbm=-64,
    address="10.56.1.23",
    temperature_c=38.0,
)


@pytest.mark.parametrize("transport", ["whole", "bytewise", "delayed"])
@virtually
async def test_a_modem_through_every_line(tmp_path: Path, transport: Transport) -> None:
    """Status and identity are whole, byte by byte and delayed."""
    async with opened(tmp_path, QUECTEL, transport) as (modem, _):
        assert await modem.status() == EXPECTED
        assert await modem.identity() == SimIdentity(iccid="8949020000123456789", imsi="262011234567890")


@virtually
async def test_on_a_lossy_line_nothing_impossible_comes_out(tmp_path: Path) -> None:
    """AT has no checksums: a value may be wrong. But none is impossible, the SIM's numbers are right, and only HalErrors are raised."""
    wire = Wire(tmp_path, "lossy", seed=5)
    FakeModem(wire, QUECTEL)
    modem = make(wire)
    right = 0
    for _ in range(30):
        try:
            await modem.open()
            status = await modem.status()
            identity = await modem.identity()
        except HalError:
            await modem.close()
            continue
        assert status.signal_dbm is None or -140 <= status.signal_dbm < 0
        assert status.temperature_c is None or -40 <= status.temperature_c <= 150
        assert identity.imsi in {None, "262011234567890"}
        assert identity.iccid in {None, "8949020000123456789"}
        right += status == EXPECTED
    assert right > 3
    await modem.close()


@virtually
async def test_numbers_that_differ_each_time_are_refused(tmp_path: Path) -> None:
    """The SIM's numbers are asked for until two answers agree."""
    async with opened(tmp_path, QUECTEL) as (modem, fake):
        numbers = iter(range(100, 200))
        fake.on_command = lambda _command: fake.answers.update({"AT+CIMI": [f"262011234567{next(numbers)}"]})
        with pytest.raises(BadReply, match="differently"):
            await modem.identity()


@virtually
async def test_events_and_echo_are_not_answers(tmp_path: Path) -> None:
    """What the modem says by itself between command and answer changes nothing."""
    async with opened(tmp_path, QUECTEL) as (modem, fake):
        fake.echo = True
        fake.events = ["RING", '+CEREG: 5,"1A2B","0123ABCD",7', "+QIND: SMS DONE", "\x00\xff garbage"]
        assert await modem.status() == EXPECTED
        assert (await modem.identity()).imsi == "262011234567890"


@virtually
async def test_a_plain_modem_is_asked_standard_commands_only(tmp_path: Path) -> None:
    """Another maker: no +Q commands; roaming in an older network; an ICCID under its other name."""
    answers = {
        "AT+CGMI": ["SIMCOM INCORPORATED"],
        "AT+CPIN?": ["+CPIN: READY"],
        "AT+CIMI": ["262011234567890"],
        "AT+ICCID": ["+ICCID: 89490200001234567890"],
        "AT+CEREG?": ["+CEREG: 0,0"],
        "AT+CREG?": ["+CREG: 0,5"],
        "AT+COPS?": ['+COPS: 0,0,"Orange F",2'],
        "AT+CSQ": ["+CSQ: 99,99"],
        "AT+CGPADDR=1": ["+CGPADDR: 1"],
    }
    async with opened(tmp_path, answers) as (modem, fake):
        assert await modem.status() == ModemStatus(
            registered=True, roaming=True, operator="Orange F", technology="UMTS"
        )
        assert await modem.identity() == SimIdentity(iccid="89490200001234567890", imsi="262011234567890")
        assert not [command for command in fake.commands if command.startswith("AT+Q")]


@virtually
async def test_what_a_modem_refuses_is_none(tmp_path: Path) -> None:
    """A modem that answers everything with an error gives a status in which nothing is known, and no 0."""
    async with opened(tmp_path, {}) as (modem, _):
        assert await modem.status() == ModemStatus()


@virtually
async def test_a_modem_without_network_says_so(tmp_path: Path) -> None:
    """Searching is not registered; no address, no signal."""
    answers = QUECTEL | {
        "AT+CEREG?": ["+CEREG: 0,2"],
        "AT+CREG?": ["+CREG: 0,2"],
        "AT+COPS?": ["+COPS: 0"],
        "AT+CSQ": ["+CSQ: 99,99"],
        "AT+QCSQ": ['+QCSQ: "NOSERVICE"'],
        "AT+CGPADDR=1": ['+CGPADDR: 1,"0.0.0.0"'],
    }
    async with opened(tmp_path, answers) as (modem, _):
        assert await modem.status() == ModemStatus(registered=False, temperature_c=38.0)


@pytest.mark.parametrize("final", ["+CME ERROR: SIM not inserted", "OK"])
@virtually
async def test_a_sim_that_is_not_ready_is_told(tmp_path: Path, final: str) -> None:
    """No SIM, or one that wants its PIN: the modem's own words, and no numbers."""
    answers = QUECTEL | {"AT+CPIN?": ["+CPIN: SIM PIN"] if final == "OK" else []}
    async with opened(tmp_path, answers) as (modem, fake):
        fake.refused["AT+CPIN?"] = final
        with pytest.raises(DeviceRefused, match=r"SIM PIN|SIM not inserted"):
            await modem.identity()


@virtually
async def test_a_modem_that_swallows_the_first_command_is_found(tmp_path: Path) -> None:
    """Automatic baud rate needs a few bytes to settle."""
    wire = Wire(tmp_path)
    fake, modem = FakeModem(wire, QUECTEL), make(wire)
    fake.swallowed = 2
    await modem.open()
    assert (await modem.status()).registered
    await modem.close()


@virtually
async def test_silence_and_the_wrong_device_are_told_at_open(tmp_path: Path) -> None:
    """Nothing there, and a device that speaks another language."""
    wire = Wire(tmp_path)
    modem = make(wire)
    with pytest.raises(DeviceTimeout, match="ModemManager"):
        await modem.open()
    wire.on_data = lambda _data: wire.send(b"$OK^20\r\x00\x00\xff")
    with pytest.raises(DeviceTimeout):
        await modem.open()
    wire.unplug()
    with pytest.raises(DeviceLost):
        await modem.open()


@virtually
async def test_a_late_answer_is_not_taken_for_the_next(tmp_path: Path) -> None:
    """A command that timed out is waited out before the next is asked."""
    async with opened(tmp_path, QUECTEL) as (modem, fake):
        fake.slow["AT+CSQ"] = 3.5
        with pytest.raises(DeviceTimeout, match=r"AT\+CSQ"):
            await modem.status()
        fake.slow.clear()
        assert await modem.identity() == SimIdentity(iccid="8949020000123456789", imsi="262011234567890")


@virtually
async def test_a_modem_that_vanishes_is_lost_and_returns(tmp_path: Path) -> None:
    """DeviceLost while it is gone; opened again it works again."""
    wire = Wire(tmp_path)
    FakeModem(wire, QUECTEL)
    modem = make(wire)
    await modem.open()
    wire.unplug()
    with pytest.raises(DeviceLost):
        await modem.status()
    wire.plug()
    await modem.open()
    assert await modem.status() == EXPECTED
    await modem.close()


@virtually
async def test_the_ladder_step_by_step(tmp_path: Path) -> None:
    """Each step sends what TS 27.007 has for it; a reset waits for the modem to come back, with or without an answer."""
    wire = Wire(tmp_path)
    fake, modem = FakeModem(wire, QUECTEL), make(wire)
    assert modem.recovery_steps == ("reattach", "radio-cycle", "reset")
    await modem.open()
    fake.commands.clear()
    await modem.recover("reattach")
    await modem.recover("radio-cycle")
    assert fake.commands == ["AT+CGATT=0", "AT+CGATT=1", "AT+CFUN=4", "AT+CFUN=1"]
    await modem.recover("reset")
    assert await modem.status() == EXPECTED

    def vanish() -> None:
        wire.unplug()
        asyncio.get_running_loop().call_later(20, wire.plug)

    asyncio.get_running_loop().call_later(0.5, vanish)
    fake.slow["AT+CFUN=1,1"] = 1.0
    begin = asyncio.get_running_loop().time()
    await modem.recover("reset")
    assert 20 < asyncio.get_running_loop().time() - begin < 30
    assert await modem.status() == EXPECTED
    await modem.close()


@virtually
async def test_the_last_step_cuts_the_power(tmp_path: Path) -> None:
    """For five seconds, and never longer, even when the modem does not come back; the step is bounded."""
    wire, lines = Wire(tmp_path), FakeLines()
    FakeModem(wire, QUECTEL)
    modem = make(wire, lines, "MODEM_OFF")
    assert modem.recovery_steps[-1] == "power-cycle"
    await modem.open()
    await modem.recover("power-cycle")
    (cut, on), (restored, off) = lines["MODEM_OFF"].history
    assert (on, off) == (True, False)
    assert restored - cut == pytest.approx(5.0)
    wire.on_data = lambda _data: None
    begin = asyncio.get_running_loop().time()
    with pytest.raises(DeviceTimeout, match="more than 90 s"):
        await modem.recover("power-cycle")
    assert asyncio.get_running_loop().time() - begin < 91
    assert not lines.active("MODEM_OFF")
    assert lines.in_use == []
    await modem.close()


@virtually
async def test_a_step_that_is_refused_or_unknown(tmp_path: Path) -> None:
    """The modem's final line, or the steps that there are."""
    async with opened(tmp_path, QUECTEL) as (modem, fake):
        fake.refused["AT+CGATT=1"] = "+CME ERROR: 30"
        with pytest.raises(DeviceRefused, match=r"AT\+CGATT=1: \+CME ERROR: 30"):
            await modem.recover("reattach")
        for step in ("power-cycle", "prayer"):
            with pytest.raises(DeviceRefused, match="it has reattach"):
                await modem.recover(step)


@virtually
async def test_it_is_built_from_a_board(tmp_path: Path) -> None:
    """With a line for its power there is one step more."""
    options = {"path": str(tmp_path / "none"), "power": "MODEM_OFF"}
    modem = Registry([]).build("modem", "at", make_context(), options)
    assert isinstance(modem, AtModem)
    assert len(modem.recovery_steps) == 4
