"""The console of the reference central system in a real browser, with a real station at the other end."""

from pathlib import Path

from csms.app import Csms
from csms.config import CsmsConfig
from tests.control.station import CARD, EAGER_CAR, station
from tests.page.browser import Page, open_page

TOKEN = "a-token-for-this-test"


async def shows(page: Page, selector: str, text: str) -> None:
    """Wait until an element shows a text."""
    await page.until(f"document.querySelector({selector!r})?.innerText.includes({text!r})")


async def command(page: Page, action: str) -> None:
    """Choose a command, and wait for its form."""
    await page.until(f"document.querySelector('#action option[value={action}]')")
    await page.choose("#action", action)
    await page.until("document.querySelector('#send')")


async def test_a_charge_is_watched_and_ended_from_the_console(tmp_path: Path, devtools_url: str) -> None:
    """The station appears, its charge grows, a command made from its schema ends it, and its frames can be read."""
    settings = {"ocpp16.MeterValueSampleInterval": "1"}
    async with (
        Csms(CsmsConfig()) as csms,
        open_page(devtools_url) as page,
        station(tmp_path, {"csms.url": csms.ws_url, **settings}) as one,
    ):
        assert csms.api_url is not None
        await page.goto(csms.api_url.removesuffix("api"))
        await shows(page, "#station-list", "CP001")
        await shows(page, ".connectors", "Available")

        await one.act("evse/1/plug", car=EAGER_CAR)
        await one.act("token", token=CARD, evses=[1])
        await shows(page, "#station-list", "Charging")
        await page.until("document.querySelector('.tx .plot .drawn')")
        await shows(page, ".facts", CARD)

        await command(page, "RemoteStopTransaction")
        await page.write("[data-path=transactionId]", "")
        await page.click("#send")
        await shows(page, "[data-wrong=transactionId]", "required")
        running = csms.books.transactions("CP001", open_only=True)[0].transaction_id
        await page.write("[data-path=transactionId]", running)
        await page.click("#send")
        await shows(page, "#outcome", "Accepted")
        await shows(page, ".txs", "Remote")
        await shows(page, ".txs", "kWh")

        await page.write("#q-log", "RemoteStop")
        await page.click("#rows .row")
        await shows(page, "#pane", '"transactionId"')
        await page.click("#pane .linkish")
        await page.click("[data-key=disconnect]")
        await shows(page, ".link", "away")


async def test_a_form_has_a_field_for_everything_in_the_schema(tmp_path: Path, devtools_url: str) -> None:
    """Nested objects and lists too; what comes of it is a payload that the schema allows."""
    async with (
        Csms(CsmsConfig()) as csms,
        open_page(devtools_url) as page,
        station(tmp_path, {"csms.url": csms.ws_url}) as one,
    ):
        assert csms.api_url is not None
        await one.until(lambda: one.app.engine.station.context.online)
        await page.goto(csms.api_url.removesuffix("api"))
        await command(page, "SetChargingProfile")
        path = "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit"
        await page.write(f"[data-path='{path}']", "10")
        await page.choose("[data-path='csChargingProfiles.chargingProfilePurpose']", "TxDefaultProfile")
        await page.click("#send")
        await page.until("document.querySelector('#outcome').innerText.includes('Answered')")
        frames = csms.store.entries("messages", "CP001", 10)
        sent = next(frame["text"] for frame in frames if "SetChargingProfile" in frame["text"])
        assert '"chargingSchedulePeriod":[{"startPeriod":0,"limit":10}]' in sent


async def test_a_central_system_with_a_token_asks_for_it(devtools_url: str) -> None:
    """A wrong one is refused; the right one opens the page."""
    async with Csms(CsmsConfig(api_token=TOKEN)) as csms, open_page(devtools_url) as page:
        assert csms.api_url is not None
        await page.goto(csms.api_url.removesuffix("api"))
        await page.write("#token", "wrong")
        await page.click("#login button")
        await page.until("!document.querySelector('#login-wrong').hidden")
        await page.write("#token", TOKEN)
        await page.click("#login button")
        await shows(page, "#station-list", "No station has connected yet")
        await page.until("document.querySelector('#login').hidden")
