"""A whole charging session on the shipped board `raspberry-pi-openevse`, with nothing mocked but what is beyond the wires.

pyserial opens real terminals. Beyond them stand an OpenEVSE controller written from its protocol description, pymodbus' simulator
as a three-phase meter, and a PN532 that knows only literal frames. The central system is the reference CSMS over a real socket.
"""

import asyncio
import random
import tomllib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from boards import BoardDescription, find_board
from boards.loader import describe
from csms.app import Csms
from csms.config import CsmsConfig
from firmware.app import App, Surroundings
from firmware.config import load_config
from firmware.core.values import Plug
from hal.clocks import SystemClock
from hal.types import FaultCode
from tests.drivers.openevse import SLEEPING, FakeOpenEvse
from tests.drivers.test_readers import FakePn532
from tests.drivers.wire import Wire
from tests.drivers_meters.lines import needs_socat
from tests.drivers_meters.slaves import BAUD, device, far_side, float32, words
from tests.drivers_meters.test_meters import EASTRON_3_PHASES, EASTRON_TOTALS, filled

CARD = "04112233445566"
STATION = "CP001"
IMPORT_REGISTER = 0x48  # SDM630: total import energy, kWh as a float
READ_INPUTS = 4
GONE_LOOKS = 8  # of the reader, 0.2 s apart: longer than a card may be out of sight before it counts as taken away
WAIT_S = 20.0


class Grid:
    """The meter between the mains and the vehicle: its import register, as its display would show it."""

    def __init__(self) -> None:
        self.import_kwh = 100.0

    async def answer(
        self, function: int, start: int, address: int, count: int, registers: list[int], written: object
    ) -> None:
        """pymodbus asks before each answer."""
        if function == READ_INPUTS:
            data = float32(self.import_kwh)
            place = IMPORT_REGISTER - start
            registers[place : place + 2] = [int.from_bytes(data[:2]), int.from_bytes(data[2:])]


@dataclass
class Site:
    """What a test can touch: the devices beyond the wires, the program, and the central system."""

    wire: Wire  # of the controller
    box: FakeOpenEvse
    reader: FakePn532
    grid: Grid
    app: App
    csms: Csms

    async def until(self, check: Callable[[], object], what: str) -> None:
        """Wait for something to become so."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not check():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"never came: {what}") from None

    async def tap(self, until: Callable[[], object], what: str) -> None:
        """Hold the card to the reader until something happens, and take it away for long enough to be seen as gone."""
        self.reader.cards = [CARD]
        await self.until(until, what)
        self.reader.cards = []
        looks = self.reader.looks + GONE_LOOKS
        await self.until(lambda: self.reader.looks >= looks, "a reader that goes on looking")

    def transactions(self) -> list[Any]:
        """What the central system has in its books."""
        return list(self.csms.books.transactions(STATION))


def board_on(paths: dict[str, str]) -> BoardDescription:
    """The shipped board, with its three device paths replaced and its bus as fast as the simulated meter's."""
    text = find_board("raspberry-pi-openevse").read_text(encoding="utf-8")
    for shipped, here in paths.items():
        assert text.count(f'"{shipped}"') == 1
        text = text.replace(f'"{shipped}"', f'"{here}"')
    document = tomllib.loads(text)
    document["bus"]["rs485"]["baud"] = BAUD
    return describe(document, "raspberry-pi-openevse")


@asynccontextmanager
async def site(folder: Path, grace_s: int = 20) -> AsyncIterator[Site]:
    """The board beside its devices, connected to a central system."""
    for name in ("box", "reader", "meter"):
        (folder / name).mkdir()
    wires = Wire(folder / "box"), Wire(folder / "reader")
    box, reader, grid = FakeOpenEvse(wires[0]), FakePn532(wires[1]), Grid()
    inputs = {**EASTRON_3_PHASES, 0x34: filled(28, {**EASTRON_TOTALS, 0x4C: float32(5.25), 0x4E: float32(1.75)}, 0x34)}
    slave = replace(device(1, inputs, {0xFC00: words(0x0134, 0x5678)}), action=grid.answer)
    description_paths = {
        "/dev/ttyAMA0": wires[0].path,
        "/dev/ttyUSB0": wires[1].path,
        "/dev/ttyAMA1": str(folder / "meter" / "near"),
    }
    async with far_side(folder / "meter", slave), Csms(CsmsConfig()) as csms:
        config = load_config(
            None,
            environment={},
            overrides={
                "csms.url": csms.ws_url,
                "station.id": STATION,
                "control.enabled": "false",
                "protection.lost_device_grace_s": str(grace_s),
            },
        )
        clock = SystemClock(asyncio.get_running_loop(), boot="test")
        around = Surroundings(clock, random.Random(1), lambda: str(uuid.uuid4()), folder / "state")
        app = await App.open(config, board_on(description_paths), around)
        running = asyncio.create_task(app.run())
        here = Site(wires[0], box, reader, grid, app, csms)
        try:
            await here.until(lambda: app.engine.station.context.in_service, "the central system's acceptance")
            await here.until(lambda: box.mode == SLEEPING, "a controller that is told to sleep")
            yield here
        finally:
            app.stop()
            await running
            box.power_off()
            for wire in wires:
                wire.unplug()


@needs_socat
async def test_a_charge_on_real_serial_lines_is_in_the_books_as_the_meter_shows_it(tmp_path: Path) -> None:
    """Card, pause by the vehicle, card: one transaction, whose registers are those of the meter on the bus."""
    async with site(tmp_path) as here:
        box, grid = here.box, here.grid
        box.plug(asks=True)
        await here.tap(lambda: box.relay, "energy after the card")
        assert box.offered_a == 32
        grid.import_kwh = 100.25
        box.ask(False)
        await here.until(lambda: not box.relay, "an open relay while the vehicle pauses")
        box.ask(True)
        await here.until(lambda: box.relay, "energy after the pause")
        grid.import_kwh = 101.5
        await here.tap(lambda: not box.relay, "no energy after the second card")
        box.unplug()
        await here.until(lambda: not here.transactions()[0].open, "the end in the books")
        await here.until(lambda: here.app.queue.stats().rows == 0, "an empty journal")
        [booked] = here.transactions()
        assert (booked.meter_start_wh, booked.meter_stop_wh, booked.energy_wh) == (100_000, 101_500, 1500)
        assert (booked.id_token, booked.reason) == (CARD, "Local")
        assert booked.anomalies == ()
        assert here.app.engine.station.evses[1].faults == {}
        assert box.eeprom_writes <= 1  # the boot lock, once
    assert box.mode == SLEEPING


@needs_socat
async def test_a_controller_whose_plug_was_touched_goes_on_with_the_same_charge(tmp_path: Path) -> None:
    """Back within the grace: one transaction, no second card, and the controller was denied before it was allowed again."""
    async with site(tmp_path) as here:
        box, grid, evse = here.box, here.grid, here.app.engine.station.evses[1]
        box.plug(asks=True)
        await here.tap(lambda: box.relay, "energy after the card")
        grid.import_kwh = 100.5
        here.wire.unplug()
        await here.until(lambda: evse.faults, "a fault of the lost controller")
        assert not here.app.engine.drivers[1].allowed
        asked = len(box.requests)
        here.wire.plug()
        await here.until(lambda: not evse.faults, "no fault with the controller back")
        await here.until(lambda: box.relay and here.app.engine.drivers[1].allowed, "energy without another card")
        since = box.requests[asked:]
        assert since.index("FD") < since.index("FE")
        grid.import_kwh = 101.0
        await here.tap(lambda: not box.relay, "no energy after the second card")
        await here.until(lambda: not here.transactions()[0].open, "the end in the books")
        [booked] = here.transactions()
        assert (booked.energy_wh, booked.reason, booked.anomalies) == (1000, "Local", ())


@needs_socat
async def test_a_controller_that_is_pulled_out_ends_its_charge_and_serves_the_next_vehicle_when_it_is_back(
    tmp_path: Path,
) -> None:
    """Without its controller an EVSE is faulted and bills nothing further; put back, it denies until the next card, then charges."""
    async with site(tmp_path, grace_s=1) as here:
        box, grid, evse = here.box, here.grid, here.app.engine.station.evses[1]
        box.plug(asks=True)
        await here.tap(lambda: box.relay, "energy after the card")
        grid.import_kwh = 100.5
        here.wire.unplug()
        await here.until(lambda: FaultCode.PILOT_LOST in evse.faults, "a fault of the lost controller")
        await here.until(lambda: here.transactions() and not here.transactions()[0].open, "the end in the books")
        here.wire.plug()
        box.boot()
        await here.until(lambda: not evse.faults, "no fault with the controller back")
        await here.until(lambda: not box.relay, "a controller that is denied")
        box.unplug()
        await here.until(lambda: evse.plug is Plug.UNPLUGGED, "the vehicle's departure")
        box.plug(asks=True)
        await here.tap(lambda: box.relay, "energy for the next vehicle")
        await here.tap(lambda: not box.relay, "no energy after its card")
        await here.until(lambda: [tx.open for tx in here.transactions()] == [False, False], "both ends in the books")
        first, second = sorted(here.transactions(), key=lambda tx: tx.meter_start_wh)
        assert (first.energy_wh, second.meter_start_wh) == (500, 100_500)
        assert first.anomalies == second.anomalies == ()
