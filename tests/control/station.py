"""A whole charge point program on the mock board with its control interface on a real port. Its central system is never there."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from boards import find_board, load_board
from firmware.app import App, Exit, Surroundings
from firmware.config import load_config
from hal.clocks import SystemClock

PATIENCE_S = 10.0
NOBODY = "ws://127.0.0.1:9/ocpp"  # the discard port: nothing listens there
CARD = "04A1B2C3D4E5F6"
EAGER_CAR = {
    "phases": 3,
    "max_current_a": 16,
    "soc_percent": 20,
    "tells_soc": True,
    "ask_delay_s": 0,
    "draw_delay_s": 0,
    "ramp_s": 0,
    "reaction_s": 0,
}


@dataclass
class Station:
    """A running program and a client of its interface."""

    app: App
    http: httpx.AsyncClient
    running: asyncio.Task[Exit]
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.app.engine.observe(lambda _event: self._changed.set())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the core tells of."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def act(self, path: str, **body: Any) -> dict[str, Any]:
        """Let the mock world do something that it can do."""
        response = await self.http.post(f"/api/mock/{path}", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def ready(self) -> None:
        """Wait until cards are looked at."""
        async with self.events() as events:
            station = (await events.next("state")).data["station"]
            while not station["ready"]:
                station = (await events.next("station")).data

    async def charge(self, evse: int = 1) -> None:
        """A car plugged in, a card accepted, current flowing."""
        await self.ready()
        await self.act(f"evse/{evse}/plug", car=EAGER_CAR)
        await self.act("token", token=CARD, evses=[evse])
        await self.until(lambda: self.word(evse) == "Charging")

    def word(self, evse: int = 1) -> str:
        """The status of an EVSE as OCPP 1.6 has it."""
        return self.app.translator.status_word(evse)

    async def state(self) -> Any:
        """What `GET /api/state` answers."""
        response = await self.http.get("/api/state")
        assert response.status_code == 200, response.text
        return response.json()

    @asynccontextmanager
    async def events(self, path: str = "/api/events", **headers: str) -> AsyncIterator["Events"]:
        """An open event stream."""
        async with self.http.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Events(response)


@dataclass(frozen=True)
class Event:
    """One Server-Sent Event."""

    name: str
    data: Any
    id: str | None = None


class Events:
    """Reads an event stream as the standard says (WHATWG HTML, section 9.2)."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self, name: str | None = None) -> Event:
        """The next event, or the next of a name."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await self._one()
                if name in (None, event.name):
                    return event

    async def comment(self) -> list[str]:
        """Wait for a comment; returns the names of the events before it."""
        names: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if line.startswith(":"):
                    return names
                if line.startswith("event: "):
                    names.append(line.removeprefix("event: "))
        raise EOFError("the stream has ended")

    async def end(self) -> None:
        """Wait until the station ends the stream."""
        async with asyncio.timeout(PATIENCE_S):
            async for _ in self._lines:
                pass

    async def _one(self) -> Event:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and fields:
                return Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        raise EOFError("the stream has ended")


async def open_app(directory: Path, overrides: Mapping[str, str] | None = None) -> App:
    """The program, not running yet. Cards that nobody knows may charge, because there is nobody to ask."""
    settings = {
        "csms.url": NOBODY,
        "control.listen": "127.0.0.1:0",
        "station.charge_before_accepted": "true",
        "ocpp16.AllowOfflineTxForUnknownId": "true",
    }
    config = load_config(None, environment={}, overrides={**settings, **(overrides or {})})
    clock = SystemClock(asyncio.get_running_loop(), boot="boot-1")
    around = Surroundings(clock, random.Random(1), lambda: str(uuid.uuid4()), directory)
    return await App.open(config, load_board(find_board("mock")), around)


@asynccontextmanager
async def station(
    directory: Path, overrides: Mapping[str, str] | None = None, *, app: App | None = None
) -> AsyncIterator[Station]:
    """A running program, stopped at the end."""
    app = app or await open_app(directory, overrides)
    running = asyncio.create_task(app.run())
    async with asyncio.timeout(PATIENCE_S):
        await app.serving.wait()
    try:
        async with httpx.AsyncClient(base_url=app.control_url or "http://127.0.0.1:1", timeout=PATIENCE_S) as http:
            yield Station(app, http, running)
    finally:
        app.stop()
        async with asyncio.timeout(PATIENCE_S):
            await running
