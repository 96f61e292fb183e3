"""The link, the queue and the page's own connection to its charge point."""

import asyncio
from pathlib import Path

from tests.control.station import open_app, station
from tests.control.test_queue import bury
from tests.page.browser import open_page
from tests.page.pole import pole

TOKEN = "a-control-token-of-some-length"


async def test_a_network_cut_shows_as_a_gap_and_heals(tmp_path: Path, devtools_url: str) -> None:
    """Network down: offline, a countdown, the first check, queued messages; the charge goes on. Network up and Try now: connected,
    the queue is empty."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        await one.page.click(".sw button", "Down")
        await one.says(".lst", "Offline")
        await one.says(".rtt", "Next try in")
        await one.station.charge()
        await one.shows("Charging")
        await one.says(".qbtn", "waiting")
        await one.says(".ldrop", "First check")
        await one.page.click(".sw button", "Up")
        await one.page.click(".lsub .btn", "Try now")
        await one.says(".lst", "Connected")
        await one.says(".qbtn", "Queue empty")
        await one.page.click(".lmore")
        await one.says(".drops", "First check")


async def test_a_dead_letter_is_sent_again(tmp_path: Path, devtools_url: str) -> None:
    """What the central system refused shows with its reason, can be taken away as a file, and goes out again when asked."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        await bury(one.station)
        await one.says(".qbtn", "1 stuck")
        await one.page.click(".qbtn")
        await one.says(".deadl", "refused 3 times")
        exported = await one.page.eval("fetch(document.querySelector('.deadl a').href).then(r => r.text())")
        assert '"transaction"' in exported
        await one.page.click(".deadl .btn", "Send again")
        await one.page.until(
            "!document.querySelector('.deadl') && !document.querySelector('.qbtn').innerText.includes('stuck')"
        )
        await one.page.until("[...document.querySelectorAll('.row b')].some(e => e.textContent === 'StartTransaction')")


async def test_a_reload_shows_the_same_charge(tmp_path: Path, devtools_url: str) -> None:
    """After a reload the state, the frames and the curve of the time before are there again."""
    async with pole(tmp_path, devtools_url) as one:
        await one.station.charge()
        await one.shows("Charging")
        await one.page.until("parseFloat(document.querySelector('#evse-1 .num').textContent) > 10")
        before = len(one.station.app.frames.since(0))
        await one.page.call("Page.reload")
        await one.shows("Charging")
        await one.page.until("!!document.querySelector('#evse-1 .plot .area')")
        await one.page.until(f"parseInt(document.querySelector('#framecount').textContent) >= {before // 2}")


async def test_the_page_survives_a_restart_of_the_program(tmp_path: Path, devtools_url: str) -> None:
    """When the program goes, the page says so and nothing is shown as live; when it is back, the page goes on, with frames of both
    runs."""
    async with open_page(devtools_url) as page:
        async with station(tmp_path) as one:
            url = one.app.control_url or ""
            await page.goto(f"{url}/")
            await page.until("document.querySelector('#evse-1 .word')?.textContent === 'Free'")
            one.app.frames.note("out", '[2,"first","Heartbeat",{}]', 1.0)
            await page.until("document.querySelector('#framecount').textContent === '1'")
        await page.until("document.documentElement.classList.contains('is-stale')")
        assert "lost the charge point" in await page.text("#stale")
        assert await page.eval("getComputedStyle(document.querySelector('.acts')).visibility") == "hidden"
        app = await open_app(tmp_path, {"control.listen": url.removeprefix("http://")})
        app.frames.note("out", '[2,"second","Heartbeat",{}]', 2.0)
        async with station(tmp_path, app=app) as again:
            await page.until("!document.documentElement.classList.contains('is-stale')")
            await page.until("document.querySelector('#framecount').textContent === '2'")
            await again.act("evse/1/plug", car="compact")
            await page.until("document.querySelector('#evse-1 .word').textContent !== 'Free'")
            page.errors.clear()  # requests that found nobody


async def test_the_page_asks_for_the_token_once(tmp_path: Path, devtools_url: str) -> None:
    """With a token nothing is shown before it is given; a wrong one is refused; the right one lasts over a reload until
    one signs out, and no script can read what the browser keeps of it."""
    async with station(tmp_path, {"control.token": TOKEN}) as one, open_page(devtools_url) as page:
        await page.goto(f"{one.app.control_url}/")
        await page.until("!document.querySelector('#login').hidden")
        await page.write("#token", "wrong-wrong-wrong-wrong")
        await page.click("#login .btn")
        await page.until("document.querySelector('#login .bad').textContent.length > 0")
        await page.write("#token", TOKEN)
        await page.click("#login .btn")
        await page.until("document.querySelector('#evse-1 .word')?.textContent === 'Free'")
        assert await page.eval("document.cookie") == ""
        assert TOKEN not in await page.eval("document.documentElement.outerHTML + JSON.stringify(localStorage)")
        await page.call("Page.reload")
        await page.until("document.querySelector('#evse-1 .word')?.textContent === 'Free'")
        await page.click("#signout", "Sign out")
        await page.until("!document.querySelector('#login').hidden")
        page.errors.clear()  # the refusals


async def test_a_frozen_page_does_not_slow_the_charge_point(tmp_path: Path, devtools_url: str) -> None:
    """While the page's script hangs, the station takes frames and answers others as ever; afterwards the page has caught up."""
    async with pole(tmp_path, devtools_url) as one:
        await one.shows("Free")
        hanging = asyncio.create_task(
            one.page.eval(
                "(() => { const end = performance.now() + 1500; while (performance.now() < end); return 1 })()"
            )
        )
        app = one.station.app
        before = len(app.frames.since(0))
        for number in range(2000):
            app.frames.note("out", f'[2,"n{number}","Heartbeat",{{}}]', float(number))
            if number % 100 == 0:
                assert (await one.station.http.get("/health")).status_code == 200
        assert not hanging.done(), "the station was as slow as the page"
        await hanging
        await one.page.until(
            f"parseInt(document.querySelector('#framecount').textContent.replace(/\\s/g, '')) >= {before // 2 + 2000}"
        )
