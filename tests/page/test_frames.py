"""The list of frames, the rules that meddle with them, and scenarios."""

import json
from pathlib import Path

from tests.page.pole import pole

MANY = 10_000  # frames: 5,000 exchanges
COUNT = "document.querySelector('#framecount').textContent.replace(/\\s/g, '')"
ROWS = "document.querySelectorAll('.row').length"


async def test_ten_thousand_frames_are_a_handful_of_elements(tmp_path: Path, devtools_url: str) -> None:
    """Only rows that can be seen exist; the list follows the newest, stays where a person scrolled, and filters all of them."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        app = one.station.app
        for number in range(MANY // 2):
            tag = "needle" if number == 4321 else "straw"
            app.frames.note("out", f'[2,"many-{number}","DataTransfer",{{"vendorId":"{tag}"}}]', float(number))
            app.frames.note("in", f'[3,"many-{number}",{{"status":"Accepted"}}]', number + 0.01)
            if number % 500 == 499:
                await one.page.until(f"Number({COUNT}) >= {number + 1}")
        await one.page.until(f"Number({COUNT}) >= 5000")
        assert await one.page.eval(ROWS) < 60
        scrolled = await one.page.eval(
            "(async () => { const list = document.querySelector('.rows'), times = [];"
            " for (let i = 0; i < 60; i++) { const from = performance.now(); list.scrollTop = i * 2400;"
            " list.dispatchEvent(new Event('scroll')); times.push(performance.now() - from);"
            " await new Promise(done => setTimeout(done, 1)); }"
            " return times.sort((a, b) => a - b)[30]; })()"
        )
        print(f"a scroll over 80 of 5,000 rows is drawn in {scrolled:.1f} ms (median of 60)")
        assert await one.page.eval(ROWS) < 60
        await one.page.write(".q", "needle")
        await one.page.until(f"{COUNT} === '1'")
        await one.page.click(".row")
        await one.says(".pane", "needle")


async def test_requests_and_answers_are_one_row_with_their_time(tmp_path: Path, devtools_url: str) -> None:
    """A row has both frames, the status of the answer and how long it took; chips, words and `evse:` narrow the list."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        await one.station.charge()
        await one.page.write(".q", "starttransaction evse:1")
        await one.page.until(f"{COUNT} === '1'")
        await one.says(".row .st", "Accepted")
        await one.says(".row .ms", "ms")
        await one.page.click(".row")
        await one.says(".pane", "meterStart")
        await one.says(".pane", "transactionId")
        await one.page.click(".pane button", "Raw")
        await one.says(".pane", '[2,"')
        await one.page.click(".chip", "In")
        await one.says(".rows", "No frame matches this filter.")
        await one.page.click(".rows button", "Clear filter")
        await one.page.until(f"Number({COUNT}) > 3")


async def test_what_breaks_its_schema_is_marked(tmp_path: Path, devtools_url: str) -> None:
    """A command that breaks its schema shows as a violation with the path of the field, and the chip finds it."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        name = one.station.app.config.station.id
        await one.csms.command_raw(name, "Reset", json.dumps({"type": "Sideways"}))
        await one.page.click(".chip", "Violations")
        await one.page.until(f"{COUNT} === '1'")
        await one.page.click(".row.m-viol")
        await one.says(".pane .why", "type")


async def test_hold_stops_the_list_and_tells_what_came(tmp_path: Path, devtools_url: str) -> None:
    """While the list is held nothing moves; a button says how many came below and goes there."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        await one.page.until(f"Number({COUNT}) > 2")
        await one.page.click("#hold")
        one.station.app.frames.note("out", '[2,"x1","Heartbeat",{}]', 1.0)
        await one.says(".newer", "1 new below")
        await one.page.click(".newer")
        await one.page.until("document.querySelector('.newer').hidden")


async def test_frames_are_taken_away_as_json_lines(tmp_path: Path, devtools_url: str) -> None:
    """Export gives every frame that is kept, a line each."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        text = await one.page.eval("fetch(document.querySelector('.fh a').href).then(r => r.text())")
        frames = [json.loads(line) for line in text.splitlines()]
        assert "BootNotification" in frames[0]["text"]


async def test_a_rule_holds_a_frame_until_it_is_let_go(tmp_path: Path, devtools_url: str) -> None:
    """Hold the next Authorize from the page: the card is not accepted until Let go, and the row says which rule did it."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        await one.page.click("#rulestab")
        await one.page.choose("#ruleaction", "Authorize")
        await one.page.choose("#rulekind", "call")
        await one.page.click("#addrule")
        await one.says(".rule", "Hold the next Authorize request")
        await one.page.click("#evse-1 .act.main", "Plug in")
        await one.shows("Plugged in")
        await one.page.click("#evse-1 .act.main", "Tap card")
        await one.says(".rule", "Let go 1")
        await one.shows("Checking the card")
        await one.page.click(".rule .btn")
        await one.shows("Charging")
        await one.says(".rule .hits", "1\u00d7")
        await one.page.click(".rule button", "Remove")
        await one.page.until("!document.querySelector('.rule')")
        await one.page.click(".tab")
        await one.page.until("[...document.querySelectorAll('.row em')].some(e => e.textContent === 'rule 1')")


async def test_what_is_done_at_the_bench_becomes_a_scenario(tmp_path: Path, devtools_url: str) -> None:
    """Record, plug, stop: a file of what was done can be taken away."""
    async with pole(tmp_path, devtools_url) as one:
        await one.page.until("document.querySelectorAll('#steps li').length > 0")
        await one.page.click("#record", "Record")
        await one.page.until("document.querySelector('#record').textContent === 'Stop recording'")
        await one.page.click("#evse-1 .act.main", "Plug in")
        await one.shows("Plugged in")
        await one.page.click("#record", "Stop recording")
        await one.says(".recorder a", "1 actions")
        text = await one.page.eval("fetch(document.querySelector('.recorder a').href).then(r => r.text())")
        assert "plug" in text


async def test_a_scenario_runs_with_ticks(tmp_path: Path, devtools_url: str) -> None:
    """Chosen and run from the page: each step gets its tick, and at the end the page says that it passed."""
    async with pole(tmp_path, devtools_url) as one:
        await one.says(".lst", "Connected")
        await one.page.choose("#scenario", "ground-fault")
        await one.page.click("#runscenario", "Run")
        await one.page.until("document.querySelector('#steps li.ok')")
        await one.page.until("document.querySelector('.verdict')", looks=30)
        assert await one.page.text(".verdict") == "Passed."
        assert await one.page.eval("document.querySelectorAll('#steps li.ok').length") >= 8
        assert await one.page.eval("document.querySelectorAll('#steps li.bad').length") == 0
