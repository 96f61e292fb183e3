"""Pictures of the page for the README: `make screenshots`. A charge of an hour in a minute, then what can go wrong with it."""

import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hal.mock.fasttime import ScaledEventLoop
from tests.page.browser import Page, chromium, find_chromium
from tests.page.pole import Pole, pole

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
DESK = (1440, 900)
PHONE = (390, 844)
FAST = 120.0


async def settle(page: Page) -> None:
    """Give the page time to draw what it has heard."""
    await page.eval("new Promise(done => setTimeout(done, 1200))")


async def shoot(page: Page, name: str, *, dark: bool = False, phone: bool = False) -> None:
    """Take a picture at one of the two sizes."""
    width, height = PHONE if phone else DESK
    await page.look(width, height, phone=phone, dark=dark, scale=2 if phone else 1)
    await page.eval("document.querySelector('#stage').scrollTo(0, 0)")
    await settle(page)
    await page.screenshot(FOLDER / f"{name}.png")
    print(f"docs/screenshots/{name}.png")


async def limits(one: Pole) -> None:
    """The central system sends a plan for the next two hours."""
    app = one.station.app
    start = datetime.fromtimestamp(app.clock.wall() or 0.0, UTC)
    periods = [(0, 16), (900, 10), (2000, 16), (4200, 12), (5400, 8), (6600, 16)]
    profile = {
        "chargingProfileId": 14,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": (start - timedelta(seconds=60)).isoformat().replace("+00:00", "Z"),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": at, "limit": limit} for at, limit in periods],
        },
    }
    payload = json.dumps({"connectorId": 1, "csChargingProfiles": profile})
    outcome = await one.csms.command_raw(app.config.station.id, "SetChargingProfile", payload)
    assert outcome.response == {"status": "Accepted"}, outcome


async def run(one: Pole, seconds: float) -> None:
    """Let time run fast for so long."""
    await one.station.act("clock", speed=FAST)
    await asyncio.sleep(seconds)
    await one.station.act("clock", speed=1)


async def main(url: str, directory: Path) -> None:
    """Everything in one life of a charge point."""
    names = {"station.id": "WS-0417", "station.model": "Pole 22", "ocpp16.MeterValueSampleInterval": "300"}
    async with pole(directory, url, names) as one:
        page = one.page
        await one.says(".lst", "Connected")
        await limits(one)
        await page.click("#evse-1 .act.main", "Plug in")
        await one.shows("Plugged in")
        await page.click("#evse-1 .act.main", "Tap card")
        await one.shows("Charging")
        await run(one, 3300)
        await one.csms.command_raw("WS-0417", "TriggerMessage", json.dumps({"requestedMessage": 7}))
        await one.csms.command_raw("WS-0417", "TriggerMessage", json.dumps({"requestedMessage": "MeterValues"}))
        await page.goto(f"{one.station.app.control_url}/?again")
        await one.shows("Charging")
        await shoot(page, "charge-light")
        await shoot(page, "charge-dark", dark=True)
        await shoot(page, "charge-phone", phone=True)
        await shoot(page, "charge-phone-dark", phone=True, dark=True)
        await page.look(*DESK)
        await page.click("#hold")
        await page.click(".row.m-viol")
        await shoot(page, "frames")
        await page.click(".pane button", "Close")
        await page.click("#hold", "Follow")
        await page.click(".sw button", "Down")
        await one.says(".lst", "Offline")
        await run(one, 900)
        await shoot(page, "offline")
        await page.click(".sw button", "Up")
        await one.says(".lst", "Connected")
        await page.choose("#fault", "ground-fault")
        await page.click("#faultset", "Set")
        await one.shows("Fault")
        await shoot(page, "fault-dark", dark=True)
        page.errors.clear()


if __name__ == "__main__":
    assert find_chromium(), "no Chromium on this machine; as root: apt-get install chromium"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as made,
        chromium() as devtools,
        asyncio.Runner(loop_factory=ScaledEventLoop) as runner,
    ):
        runner.run(main(devtools, Path(made)))
