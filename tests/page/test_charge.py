"""What a person does at the pole, done on the page."""

from pathlib import Path

from hal.types import FaultCode
from ocpp_client.causes import Cause
from tests.page.pole import pole

# The station finds these when it next uses the device.
FOUND_IN_USE = (FaultCode.CONTACTOR_STUCK_OPEN, FaultCode.LEAKAGE_SENSOR, FaultCode.LOCK_JAMMED, FaultCode.METER_SILENT)
KEYS_OF = "Object.keys((await import('/page/js/words/{name}.js')).{name})"


async def test_a_first_visit_finds_plug_tap_stop_and_unplug(tmp_path: Path, devtools_url: str) -> None:
    """The next natural step is the one solid button, in words: plug in, tap card; power flows; tap to stop; unplug. The central
    system has the same transaction in its books."""
    async with pole(tmp_path, devtools_url) as one:
        await one.shows("Free")
        await one.page.click("#evse-1 .act.main", "Plug in")
        await one.shows("Plugged in")
        assert await one.page.text("#evse-1 .hint") == "Tap a card"
        await one.page.click("#evse-1 .act.main", "Tap card")
        await one.shows("Charging")
        await one.page.until("parseFloat(document.querySelector('#evse-1 .num').textContent) > 10")
        assert "16.0 A drawn of 32 A offered" in await one.page.text("#evse-1 .under")
        assert await one.page.eval("document.title.startsWith('EVSE 1 Charging')")
        assert await one.page.eval("!!document.querySelector('#evse-1 .plot .area')")
        await one.says("#evse-1 .facts", "04…F6")
        await one.page.click("#evse-1 .act", "Tap to stop")
        await one.shows("Finished")
        await one.says("#evse-1 .unit", "kWh")
        await one.page.click("#evse-1 .act.main", "Unplug")
        await one.shows("Free")
        [transaction] = one.csms.books.transactions(one.station.app.config.station.id)
        assert transaction.meter_stop_wh is not None


async def test_the_car_is_paused_and_goes_on(tmp_path: Path, devtools_url: str) -> None:
    """Pause and resume belong to the car: the state says who paused, the contactor stays closed."""
    async with pole(tmp_path, devtools_url) as one:
        await one.station.charge()
        await one.shows("Charging")
        await one.page.click("#evse-1 .act", "Pause car")
        await one.shows("Paused by the car")
        assert "closed" in str(await one.page.eval("document.querySelector('#evse-1 svg').getAttribute('aria-label')"))
        await one.page.click("#evse-1 .act", "Resume car")
        await one.shows("Charging")


async def test_every_fault_says_what_happened_and_what_to_do(tmp_path: Path, devtools_url: str) -> None:
    """Each fault of the mock world can be raised from the bench, has a name, a mark in the picture and steps, and can be cleared."""
    async with pole(tmp_path, devtools_url) as one:
        await one.shows("Free")
        named = await one.page.eval("(async () => Object.keys((await import('/page/js/words/faults.js')).FAULTS))()")
        assert set(named) == {code.value for code in FaultCode}
        for code in [code for code in FaultCode if code not in FOUND_IN_USE]:
            await one.page.choose("#fault", code.value)
            await one.page.click("#faultset", "Set")
            await one.page.until("!document.querySelector('#evse-1 .faultbox').hidden")
            await one.says("#evse-1 .faultbox", "What happened")
            assert await one.page.eval("document.querySelectorAll('#evse-1 .faultbox li').length > 0"), code
            await one.page.click("#faultset", "Clear fault")
            await one.page.until("document.querySelector('#evse-1 .faultbox').hidden")
        for code in FOUND_IN_USE:
            await one.page.choose("#fault", code.value)
            await one.page.click("#faultset", "Set")
            await one.page.click("#faultset", "Clear fault")
            await one.page.until("document.querySelector('#faultset').textContent === 'Set'")


async def test_a_fault_in_a_charge_takes_the_stage(tmp_path: Path, devtools_url: str) -> None:
    """A new fault of an EVSE in the background comes to the front by itself, and its button clears it."""
    async with pole(tmp_path, devtools_url) as one:
        await one.shows("Free", 2)
        assert await one.page.eval("document.querySelector('.evse.big').id") == "evse-1"
        await one.station.act("evse/2/fault", code="leakage", text="8 mA DC")
        await one.page.until("document.querySelector('.evse.big').id === 'evse-2'")
        await one.shows("Fault", 2)
        await one.says("#evse-2 .faultbox", "8 mA DC")
        await one.page.click("#evse-2 .act.main", "Clear fault")
        await one.shows("Free", 2)


async def test_keys_work_at_a_mock_board_and_not_in_fields(tmp_path: Path, devtools_url: str) -> None:
    """2 and P plug a car in at EVSE 2; the same letters in the filter are only text."""
    async with pole(tmp_path, devtools_url) as one:
        await one.shows("Free")
        await one.page.press("2")
        await one.page.press("p")
        await one.shows("Plugged in", 2)
        await one.page.press("/")
        await one.page.press("p")
        await one.page.until("document.querySelector('.q').value === 'p'")
        await one.shows("Plugged in", 2)


async def test_mains_energy_manager_and_other_choices_reach_the_board(tmp_path: Path, devtools_url: str) -> None:
    """The bench's segments act: a limit of 10 A is followed by the car, mains off is told as such, and what is impossible is said."""
    async with pole(tmp_path, devtools_url) as one:
        await one.station.charge()
        await one.shows("Charging")
        await one.page.click("#bench button", "10 A")
        await one.says("#evse-1 .under", "of 10 A offered")
        await one.page.click("#bench button", "Cut")
        await one.shows("No mains")
        await one.page.click("#bench button", "On")
        await one.page.click("#powercut")
        await one.says("#toast", "power cut")


async def test_every_word_is_there_in_german_too(tmp_path: Path, devtools_url: str) -> None:
    """Both languages have the same words and the same faults; the whole page changes at once and stays so."""
    async with pole(tmp_path, devtools_url) as one:
        await one.shows("Free")
        english = await one.page.eval(f"(async () => {KEYS_OF.format(name='en')})()")
        german = await one.page.eval(f"(async () => {KEYS_OF.format(name='de')})()")
        assert english == german
        causes = await one.page.eval(
            "(async () => Object.keys((await import('/page/js/words/causes.js')).CAUSES_DE))()"
        )
        assert set(causes) == {cause.value for cause in Cause}
        await one.page.click("#lang", "Deutsch")
        await one.shows("Frei")
        await one.page.goto(f"{one.station.app.control_url}/?again")
        await one.shows("Frei")
        assert await one.page.eval("document.documentElement.lang") == "de"


async def test_a_phone_has_tabs_and_nothing_sticks_out(tmp_path: Path, devtools_url: str) -> None:
    """At 390 pixels nothing is wider than the screen in any tab, and what is pressed is at least 44 pixels high."""
    async with pole(tmp_path, devtools_url) as one:
        await one.page.look(390, 844, phone=True)
        await one.station.charge()
        await one.shows("Charging")
        for tab in ("Link", "Frames", "Bench", "Charge"):
            await one.page.click("#tabs button", tab)
            assert await one.page.eval("document.documentElement.scrollWidth <= innerWidth"), tab
            low = await one.page.eval(
                "[...document.querySelectorAll('.act,#tabs button,.chip,.btn.small,.field select')]"
                ".filter(e => e.getClientRects().length && e.offsetHeight < 44).map(e => e.outerHTML)"
            )
            assert low == [], tab
