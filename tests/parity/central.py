"""Central systems made with the PyPI package `ocpp`, one for each version, that keep the same books and take the same commands."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

TIME_OUT_S = 60.0


@dataclass(slots=True)
class Charge:
    """One transaction as the central system has it. Times are POSIX seconds, registers Wh."""

    key: str
    evse: int
    token: str | None
    start_s: float
    start_wh: float
    stop_s: float | None = None
    stop_wh: float | None = None
    reason: str | None = None
    stop_token: str | None = None


@dataclass
class Central:
    """What both have in common. `verdicts` are those of tokens, `groups` their groups; who is not named is accepted."""

    now_s: Callable[[], float]
    charges: dict[str, Charge] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    verdicts_at_start: dict[str, str] = field(default_factory=dict)  # where they differ from those before
    groups: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # tokens that the station asked about
    silent: bool = False  # answers nothing
    boots: int = 0
    station: Any = None  # the package's charge point of the newest connection

    protocol: ClassVar[str] = ""

    def charge_point(self, socket: ServerConnection) -> Any:
        """The package's object for one connection."""
        raise NotImplementedError

    async def run(self) -> None:
        """Serve for ever."""
        spoken = [Subprotocol(self.protocol)]
        async with serve(self._serve, "0.0.0.0", 9000, subprotocols=spoken, compression=None, ping_interval=None):
            await asyncio.Event().wait()

    async def _serve(self, socket: ServerConnection) -> None:
        self.station = self.charge_point(socket)
        try:
            await self.station.start()
        except ConnectionClosed:
            pass

    def time(self) -> str:
        """currentTime."""
        return datetime.fromtimestamp(self.now_s(), UTC).isoformat().replace("+00:00", "Z")

    def verdict(self, token: str, *, starting: bool = False) -> str:
        """What is said of a token."""
        known = self.verdicts_at_start if starting and token in self.verdicts_at_start else self.verdicts
        return known.get(token, "Accepted")

    async def patience(self) -> None:
        """Hold an answer back for as long as the central system is silent."""
        while self.silent:
            await asyncio.sleep(1)

    async def call(self, request: Any) -> Any:
        """Ask the station."""
        async with asyncio.timeout(TIME_OUT_S):
            return await self.station.call(request)

    # ---- commands, each True when accepted -------------------------------------------------------------------------

    async def remote_start(self, evse: int, token: str) -> bool:
        """Start from afar."""
        raise NotImplementedError

    async def remote_stop(self, charge: Charge) -> bool:
        """Stop from afar."""
        raise NotImplementedError

    async def reset(self) -> bool:
        """Start the station again now, ending its transactions."""
        raise NotImplementedError

    async def availability(self, evse: int, *, operative: bool) -> str:
        """Take an EVSE, or with 0 the station, in or out of service; returns the status."""
        raise NotImplementedError

    async def set(self, name: str, value: str) -> bool:
        """Set a key of 1.6, or the variable that is the same setting."""
        raise NotImplementedError

    async def get(self, name: str) -> str:
        """The reverse of `set`."""
        raise NotImplementedError

    async def clear_cache(self) -> bool:
        """Let the station forget every token."""
        raise NotImplementedError

    async def send_list(self, version: int, *tokens: str) -> bool:
        """A whole local list."""
        raise NotImplementedError


def posix(text: str) -> float:
    """A timestamp of the wire."""
    return datetime.fromisoformat(text).timestamp()
