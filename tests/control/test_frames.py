"""`GET /api/frames` and its export."""

import json
from pathlib import Path

import pytest

from tests.control.station import Station, station


def note(one: Station, count: int) -> None:
    """So many frames in the log."""
    for number in range(1, count + 1):
        one.app.frames.note("out" if number % 2 else "in", f'[2,"{number}","Heartbeat",{{}}]', float(number))


async def test_the_newest_frames_come_without_being_asked_for_a_place(tmp_path: Path) -> None:
    """Without `since` the page ends with the newest frame; the limit cuts off older ones."""
    async with station(tmp_path) as one:
        note(one, 5)
        page = (await one.http.get("/api/frames?limit=2")).json()["frames"]
        assert [frame["number"] for frame in page] == [4, 5]
        assert [frame["direction"] for frame in page] == ["in", "out"]


async def test_since_pages_through_all_frames(tmp_path: Path) -> None:
    """The number of the last frame of a page asks for the next one, until there is none."""
    async with station(tmp_path) as one:
        note(one, 5)
        seen: list[int] = []
        while True:
            path = f"/api/frames?since={seen[-1] if seen else 0}&limit=2"
            page = (await one.http.get(path)).json()["frames"]
            if not page:
                break
            seen += [frame["number"] for frame in page]
        assert seen == [1, 2, 3, 4, 5]


async def test_the_text_is_what_went_over_the_wire_without_secrets(tmp_path: Path) -> None:
    """A password that the central system sets is not in the log, and everything else is unchanged."""
    async with station(tmp_path) as one:
        text = '[2, "a",  "ChangeConfiguration", {"key": "AuthorizationKey", "value": "0011aabb"}]'
        one.app.frames.note("in", text, 1.0)
        one.app.frames.note("in", "no JSON \u2713 \x00", 2.0)
        first, second = (await one.http.get("/api/frames")).json()["frames"]
        assert first["text"] == text.replace("0011aabb", "***")
        assert second["text"] == "no JSON \u2713 \x00"


async def test_a_frame_of_an_unknown_time_has_none(tmp_path: Path) -> None:
    """While the clock is known to be wrong, `at` is null and the monotonic time still orders the frames."""
    async with station(tmp_path) as one:
        await one.act("clock", trust="unknown")
        note(one, 1)
        [frame] = (await one.http.get("/api/frames")).json()["frames"]
        assert frame["at"] is None
        assert frame["monotonic_s"] == 1.0
        assert (await one.state())["station"]["time"]["wall"] is None


async def test_the_export_has_every_frame_on_its_own_line(tmp_path: Path) -> None:
    """JSON lines, to take away as a file."""
    async with station(tmp_path) as one:
        note(one, 250)
        response = await one.http.get("/api/frames.jsonl")
        assert [json.loads(line)["number"] for line in response.text.splitlines()] == list(range(1, 251))
        assert response.headers["content-type"].startswith("application/x-ndjson")
        assert "frames.jsonl" in response.headers["content-disposition"]


@pytest.mark.parametrize("query", ["limit=5001", "limit=x", "since=-1", "since=1.5", "since=", "limit=\u0663"])
async def test_numbers_out_of_range_are_refused_by_name(tmp_path: Path, query: str) -> None:
    """The parameter at fault is named."""
    async with station(tmp_path) as one:
        refused = await one.http.get(f"/api/frames?{query}")
        assert refused.status_code == 400
        assert refused.json()["error"]["field"] == query.partition("=")[0]
