"""A running `wayside` process, and central systems of two makes to run it against."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TAG = "04A1B2C3D4E5F6"
PATIENCE_S = 30.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """`wayside run` as a process, driven through its control API."""

    def __init__(self, directory: Path, csms_url: str, *options: str) -> None:
        self._port = free_port()
        self.command = [
            sys.executable, "-m", "firmware", "run", "--state-dir", str(directory), "--csms-url", csms_url,
            "--listen", f"127.0.0.1:{self._port}", *options,
        ]  # fmt: skip
        self._directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Switch it on."""
        self._directory.mkdir(exist_ok=True)
        log = (self._directory / "log.txt").open("ab")
        self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(5)

    async def get(self, path: str) -> Any:
        """GET."""
        return await asyncio.to_thread(self._ask, path, None)

    async def do(self, path: str, **body: Any) -> Any:
        """Something in the mock world."""
        return await asyncio.to_thread(self._ask, f"/api/mock/{path}", body)

    def _ask(self, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}", data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    async def evse(self, number: int = 1) -> dict[str, Any]:
        """One EVSE of the state."""
        state = await self.get("/api/state")
        return next(evse for evse in state["evses"] if evse["id"] == number)

    async def until(self, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Wait until the state is as wanted."""
        state: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        state = await self.get("/api/state")
                    except OSError:
                        state = {}
                    if state and condition(state):
                        return state
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log = (self._directory / "log.txt").read_text()[-3000:]
            raise AssertionError(f"in vain: {what}\n{json.dumps(state)[:2000]}\n{log}") from None

    async def status(self, word: str, number: int = 1) -> None:
        """Wait for a status of an EVSE."""
        await self.until(lambda state: state["evses"][number - 1]["status"]["ocpp1.6"] == word, f"{number} {word}")

    async def online(self) -> None:
        """Wait until the central system accepts the station."""
        await self.until(lambda state: state["station"]["online"], "online")

    async def delivered(self) -> None:
        """Wait until nothing waits to be sent."""
        await self.until(lambda state: state["queue"]["rows"] == 0, "an empty queue")


class OtherCsms(ChargePoint):  # type: ignore[misc]
    """A central system written with PyPI `ocpp`."""

    books: "Books"

    @on("BootNotification")
    def boot(self, **_: Any) -> Any:
        return call_result.BootNotification(current_time=_now(), interval=300, status="Accepted")

    @on("Heartbeat")
    def heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=_now())

    @on("StatusNotification")
    def status(self, **_: Any) -> Any:
        return call_result.StatusNotification()

    @on("Authorize")
    def authorize(self, **_: Any) -> Any:
        return call_result.Authorize(id_tag_info={"status": "Accepted"})

    @on("MeterValues")
    def meter_values(self, **_: Any) -> Any:
        return call_result.MeterValues()

    @on("StartTransaction")
    def start_transaction(self, **payload: Any) -> Any:
        number = self.books.start(payload)
        return call_result.StartTransaction(transaction_id=number, id_tag_info={"status": "Accepted"})

    @on("StopTransaction")
    def stop_transaction(self, **payload: Any) -> Any:
        self.books.stops.append(payload)
        return call_result.StopTransaction()


class Books:
    """What the other library's central system recorded; it outlives its server."""

    def __init__(self) -> None:
        self.starts: list[dict[str, Any]] = []
        self.stops: list[dict[str, Any]] = []

    def start(self, payload: dict[str, Any]) -> int:
        """One more, or the same once more."""
        if payload not in self.starts:
            self.starts.append(payload)
        return self.starts.index(payload) + 1

    def energies(self) -> list[int]:
        """Energy of each transaction in Wh, by the registers told."""
        return [stop["meter_stop"] - self.starts[stop["transaction_id"] - 1]["meter_start"] for stop in self.stops]


def _now() -> str:
    return datetime.now(UTC).isoformat()


@asynccontextmanager
async def other_csms(books: Books, port: int) -> AsyncIterator[None]:
    """The central system of another library, listening."""

    async def connected(socket: ServerConnection) -> None:
        csms = OtherCsms("CP001", socket)
        csms.books = books
        with suppress(ConnectionClosed):
            await csms.start()

    async with serve(connected, "127.0.0.1", port, subprotocols=["ocpp1.6"]):  # type: ignore[list-item]
        yield


__all__ = ["PATIENCE_S", "TAG", "Books", "Running", "free_port", "other_csms"]
