"""docs/control-api.md is true: every example runs against a station, and its answer looks as it is written there."""

import asyncio
import json
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firmware.app import App
from firmware.control.api import CoreRoutes
from firmware.control.bench import bench_routes
from firmware.control.frames import FrameRoutes
from firmware.control.picture import Picture
from firmware.control.queue import QueueRoutes
from firmware.control.stream import Publisher
from hal.mock.actions import ACTIONS
from hal.mock.fasttime import ScaledEventLoop
from hal.mock.network import NetworkMode
from hal.types import FaultCode, PilotState, TimeTrust
from offline_queue import Burial, Commit
from tests.control.station import Station, open_app, station
from tests.control.test_queue import a_start

DOCUMENT = Path(__file__).parents[2] / "docs" / "control-api.md"
URL = "http://127.0.0.1:8080"
MORE = "…"  # as a key: there are more; as a value: anything
SPEED = 10.0  # the cars of the examples take their time


@dataclass(frozen=True)
class Example:
    """A command and what the document says that it answers."""

    line: int
    command: str
    language: str
    answer: str


def examples() -> list[Example]:
    """Every `sh` block, with the answer that follows it."""
    text = DOCUMENT.read_text()
    blocks = [
        (text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]
    found = []
    for index, (line, language, body) in enumerate(blocks):
        if language == "sh":
            after = blocks[index + 1] if index + 1 < len(blocks) else (0, "sh", "")
            answered = after[1] != "sh"
            found.append(Example(line, body, after[1] if answered else "", after[2] if answered else ""))
    return found


def differs(documented: Any, real: Any, where: str = "answer") -> str | None:
    """What about a real value is not as documented: another type, a key too many or too few. null stands for anything."""
    match documented:
        case None | "…":
            return None
        case dict():
            if not isinstance(real, dict):
                return f"{where} is {real!r}"
            keys = documented.keys() - {MORE}
            if not keys <= real.keys() or (MORE not in documented and keys != real.keys()):
                return f"{where} has {sorted(real)}"
            return next(filter(None, (differs(documented[key], real[key], f"{where}.{key}") for key in keys)), None)
        case list():
            if not isinstance(real, list) or (documented and not real):
                return f"{where} is {real!r}"
            items = (differs(documented[0], item, f"{where}[]") for item in real[:1]) if documented else ()
            return next(filter(None, items), None)
        case bool() | str():
            return None if type(real) is type(documented) else f"{where} is {real!r}"
        case _:
            return None if isinstance(real, int | float) and not isinstance(real, bool) else f"{where} is {real!r}"


def check(example: Example, output: str) -> str | None:
    """What is wrong with the output of an example."""
    try:
        match example.language:
            case "json":
                return differs(json.loads(example.answer), json.loads(output))
            case "jsonl":
                return differs(json.loads(example.answer.splitlines()[0]), json.loads(output.splitlines()[0]))
            case "toml":
                return differs(tomllib.loads(example.answer), {"title": tomllib.loads(output)["title"]})
            case "text":
                return next(filter(None, map(event_line, example.answer.splitlines(), output.splitlines())), None)
    except (ValueError, IndexError) as error:
        return f"{error}: {output!r}"
    return None if json.loads(output) else "no answer"


def event_line(documented: str, real: str) -> str | None:
    """The same for a line of an event stream. Which parts changed first is not documented, only that they have a name."""
    name, _, data = real.partition(": ")
    if documented.partition(": ")[0] != name:
        return f"{real!r} instead of {documented!r}"
    if name == "data":
        return None if json.loads(data) else "no data"
    return None if documented != "event: state" or real == documented else f"{real!r} instead of {documented!r}"


async def run(example: Example, one: Station) -> str:
    """Give the command to a shell, as a person would."""
    command = example.command.replace(URL, str(one.app.control_url))
    done = await asyncio.to_thread(subprocess.run, ["sh", "-c", command], capture_output=True, timeout=20, check=False)
    assert not done.stderr, f"line {example.line}: {done.stderr.decode()}"
    return done.stdout.decode()


async def charging_and_waiting(one: Station) -> None:
    """Wait for the moment that the document shows: current flows, and the central system is away and not tried again at once."""
    async with one.events() as events:
        state = (await events.next("state")).data
        seen = {"evse": state["evses"][0], "link": state["link"]}
        while not (
            seen["evse"]["drawn_a"][0] > 0
            and seen["link"]["state"] == "waiting"
            and seen["link"]["next_attempt_in_s"] > 3 * SPEED
            and seen["link"]["modem"]["signal_dbm"] is not None
        ):
            event = await events.next()
            if event.name == "link" or (event.name == "evse" and event.data["id"] == 1):
                seen[event.name] = event.data


async def a_station_with_a_past(directory: Path) -> App:
    """Two dead letters, and a BootNotification that nobody answered."""
    app = await open_app(directory)
    ids = await app.queue.commit(Commit(append=[a_start(number) for number in range(1, 19)]))
    await app.queue.commit(
        Commit(
            acknowledge=ids[:16], bury=[Burial(number, "refused 3 times, last: InternalError") for number in ids[16:]]
        )
    )
    app.frames.note("out", '[2,"1","BootNotification",{"chargePointVendor":"Wayside"}]', 5662.1)
    return app


def test_every_example_of_the_document_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command answers with the keys and types that stand beneath it, from the first to the last in one go."""
    monkeypatch.setattr("tests.control.station.PATIENCE_S", 60 * SPEED)

    async def main() -> list[str]:
        wrong = []
        async with station(tmp_path, app=await a_station_with_a_past(tmp_path)) as one:
            await one.ready()
            for example in examples():
                if example.command.strip().endswith("/api/state"):
                    await charging_and_waiting(one)
                problem = check(example, await run(example, one))
                if problem:
                    wrong.append(f"line {example.line}: {problem}")
        return wrong

    with asyncio.Runner(loop_factory=lambda: ScaledEventLoop(SPEED)) as runner:
        assert runner.run(main()) == []


def test_every_action_is_documented_with_an_example() -> None:
    """No action of the mock world is without its own heading and a command that uses it."""
    text = DOCUMENT.read_text()
    commands = " ".join(example.command for example in examples())
    for action in ACTIONS:
        assert f"\n### {action.path}\n" in text
        used = action.path.replace("{evse}", "[12]")
        assert re.search(rf"/api/mock/{used}\s", commands), action.path
    for words in (FaultCode, PilotState, NetworkMode, TimeTrust):
        assert {word.value for word in words if f"`{word.value}`" not in text} == set()


async def test_every_path_is_documented_with_an_example(tmp_path: Path) -> None:
    """No path is served that the document does not show."""
    app = await open_app(tmp_path)
    assert app.board.world is not None
    try:
        picture = Picture(app)
        publisher = Publisher(app, picture)
        tables: list[Any] = [
            CoreRoutes(app, picture, publisher),
            FrameRoutes(app),
            QueueRoutes(app, picture),
        ]
        routes = [
            *(route for table in tables for route in table.routes()),
            *bench_routes(app, picture, publisher.touch),
        ]
        paths = {re.escape(URL + re.sub(r"{.*?}", "NAME", route.path)).replace("NAME", r"[^/\s]+") for route in routes}
        commands = " ".join(example.command for example in examples())
        paths.discard(re.escape(URL) + "/")
        assert {path for path in paths if not re.search(rf"{path}[\s?']", commands)} == set()
    finally:
        await app.queue.close()


@pytest.mark.parametrize(
    ("documented", "real"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1}, {"a": "1"}),
        ({"a": True}, {"a": 1}),
        ({"a": 1.5}, {"a": None}),
        ({"a": [1]}, {"a": []}),
        ({"a": [{"b": 1}]}, {"a": [{"c": 1}]}),
        ({"a": {}, MORE: MORE}, {"b": {}}),
    ],
)
def test_a_difference_is_noticed(documented: Any, real: Any) -> None:
    """The comparison itself can fail."""
    assert differs(documented, real)


def test_what_is_written_with_an_ellipsis_may_be_more() -> None:
    """Only there."""
    assert differs({"a": 1, MORE: MORE}, {"a": 2, "b": 3}) is None
