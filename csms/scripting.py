"""A client of the HTTP API, to write tests of charge points in Python.

    async with CsmsClient("http://127.0.0.1:9001/api") as csms, csms.events(station="CP001") as events:
        station = csms.station("CP001")
        await station.misbehave({"fault": "never", "action": "StartTransaction", "times": 1}, seed=7)
        reply = await station.call("RemoteStartTransaction", {"idTag": "04A1B2C3", "connectorId": 1})
        assert reply.response == {"status": "Accepted"}
        started = await events.wait_for("transaction-started", timeout_s=60)
        (running,) = await station.transactions(open_only=True)

JSON comes as the API gives it, see `/api/openapi.json`. What the API refuses raises ApiRefused.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode

from csms.doors.connections import HolderUnavailable
from csms.doors.http_client import HttpClient
from csms.event_stream import EventStream, StreamRefused

T = TypeVar("T")

DEFAULT_TIMEOUT_S: Final = 30.0


class ApiRefused(Exception):
    """The API answered with an error: its HTTP status, its code for programs, its text, what breaks a schema."""

    def __init__(self, status: int, code: str, text: str, violations: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(f"{status} {code}: {text}")
        self.status = status
        self.code = code
        self.violations = tuple(violations)


class ApiUnreachable(ConnectionError):
    """The central system's API does not answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call to a station ended. `outcome` is a word of the API: answered, error, timeout, not_connected, … or, in
    a batch, invalid.

    `response` is the payload of a result, `error` has code, description and details of a CALLERROR.
    """

    outcome: str
    message_id: str | None
    elapsed_ms: float
    response: Any = None
    error: Mapping[str, Any] | None = None
    violations: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Read the API's JSON."""
        return cls(
            record["outcome"],
            record["message_id"],
            record["elapsed_ms"],
            record.get("response"),
            record.get("error"),
            tuple(record.get("violations", ())),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at the central system; see docs/csms.md for the kinds."""

    number: int
    kind: str
    station: str
    at: str
    data: Mapping[str, Any]


class Events:
    """A stream of events, from the moment it was opened on."""

    def __init__(self, frames: AsyncIterator[Event]) -> None:
        self._frames = frames

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._frames

    async def wait_for(self, kind: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, **data: Any) -> Event:
        """The next event of a kind whose data has these values; those before it are passed over.

        Raises TimeoutError, or ApiUnreachable when the stream ends first.
        """
        async with asyncio.timeout(timeout_s):
            async for event in self._frames:
                if event.kind == kind and all(event.data.get(name) == value for name, value in data.items()):
                    return event
        raise ApiUnreachable(f"the stream of events ended before {kind}")


class CsmsClient:
    """The API of one central system."""

    def __init__(self, url: str, *, token: str | None = None) -> None:
        """`url` ends with /api. Raises ValueError for a URL that is not HTTP."""
        self._url = url
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = HttpClient(url, headers=self._headers, timeout_s=DEFAULT_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def station(self, identity: str) -> "Station":
        """One station, whether it is connected or not."""
        return Station(self, identity)

    async def stations(self) -> list[dict[str, Any]]:
        """Every station that is configured or was ever connected."""
        found: list[dict[str, Any]] = await self.get("/stations")
        return found

    async def transactions(self, *, open_only: bool = False, limit: int = 100) -> list[dict[str, Any]]:
        """The newest transactions of all stations."""
        found: list[dict[str, Any]] = await self.get("/transactions", open=int(open_only), limit=limit)
        return found

    async def batch(
        self,
        commands: Iterable[tuple[str, str, Any]],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        unchecked: bool = False,
    ) -> list[Reply]:
        """Call many stations at once: (station, action, payload); a reply for each, in their order."""
        wanted = [{"station": station, "action": action, "payload": payload} for station, action, payload in commands]
        body, flags = {"commands": wanted}, int(unchecked)
        found = await self.ask("POST", "/batch", body, wait_s=timeout_s, timeout_s=timeout_s, unchecked=flags)
        return [Reply.of(each) for each in found]

    async def broadcast(
        self, action: str, payload: Any = None, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> dict[str, Reply]:
        """Call every connected station, unchecked; a reply of each."""
        found = await self.ask("POST", f"/broadcast/{action}", payload or {}, wait_s=timeout_s, timeout_s=timeout_s)
        return {station: Reply.of(each) for station, each in found["outcomes"].items()}

    async def put_token(self, token: str, status: str = "Accepted", **more: Any) -> None:
        """Say what a token is worth; `more` may have parent and expires_at."""
        await self.ask("PUT", f"/tokens/{quote(token, safe='')}", {"status": status, **more})

    @asynccontextmanager
    async def events(
        self, *, station: str | None = None, kinds: Iterable[str] = (), after: int | None = None
    ) -> AsyncIterator[Events]:
        """Listen to what happens from now on, or from after an event that is still kept."""
        wanted = {"station": station, "kind": ",".join(kinds) or None}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        last = {} if after is None else {"Last-Event-ID": str(after)}
        stream = EventStream(self._url, f"/events?{query}", {**self._headers, **last})
        try:
            await _opened(stream)
            yield Events(Event(**json.loads(text)) async for text in stream.texts())
        finally:
            stream.close()

    async def get(self, path: str, **query: Any) -> Any:
        """A document of the API; `path` begins behind /api."""
        return await self.ask("GET", path, **query)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        wait_s: float = 0.0,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Any:
        """One request; its answer as JSON, also one that tells how a command ended. Raises ApiRefused, ApiUnreachable.

        `wait_s` is how long the answer may take of itself.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        content = b"" if body is None else json.dumps(body).encode()
        try:
            answer = await self._http.request(
                method,
                target,
                content,
                media_type="application/json",
                headers=headers,
                timeout_s=wait_s + DEFAULT_TIMEOUT_S,
            )
        except HolderUnavailable as error:
            raise ApiUnreachable(str(error)) from error
        found = json.loads(answer.body) if answer.body else None
        if isinstance(found, dict) and isinstance(found.get("error"), dict) and "outcome" not in found:
            said = found["error"]
            raise ApiRefused(answer.status, said["code"], said["text"], said.get("violations", ()))
        return found


class Station:
    """One station as the central system sees it."""

    def __init__(self, csms: CsmsClient, identity: str) -> None:
        self.identity = identity
        self._csms = csms
        self._path = f"/stations/{quote(identity, safe='')}"

    async def call(
        self,
        action: str,
        payload: Any = None,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        key: str | None = None,
        unchecked: bool = False,
    ) -> Reply:
        """Call the station. `unchecked` sends any action and payload as they are, keys in their order.

        Calls with the same `key` are one call. Raises ApiRefused if the payload breaks its schema.
        """
        path = f"{self._path}/commands/{quote(action, safe='')}"
        flags = {"unchecked": 1} if unchecked else {}
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {} if payload is None else payload
        found = await self._csms.ask(
            "POST", path, body, wait_s=timeout_s, headers=headers, timeout_s=timeout_s, **flags
        )
        return Reply.of(found)

    async def description(self) -> dict[str, Any]:
        """Connection, boot and connectors. Raises ApiRefused for a station nobody knows."""
        found: dict[str, Any] = await self._csms.get(self._path)
        return found

    async def is_connected(self) -> bool:
        """Whether it has an open connection."""
        try:
            return bool((await self.description())["connected"])
        except ApiRefused as refused:
            if refused.status == 404:
                return False
            raise

    async def connected(self, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Wait until it is connected. Raises TimeoutError."""
        await self.until(self.is_connected, timeout_s=timeout_s)

    async def transactions(self, *, open_only: bool = False, limit: int = 100) -> list[dict[str, Any]]:
        """Its newest transactions."""
        return await self._list("transactions", open=int(open_only), limit=limit)

    async def messages(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """The newest WebSocket messages, passwords hidden."""
        return await self._list("messages", limit=limit)

    async def notices(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """Firmware, log, security and other notices."""
        return await self._list("notices", limit=limit)

    async def misbehave(self, *rules: Mapping[str, Any], seed: int = 0) -> None:
        """Give it these faults in place of those it had."""
        await self._csms.ask("PUT", f"{self._path}/faults", {"rules": list(rules), "seed": seed})

    async def behave(self) -> None:
        """End its faults."""
        await self._csms.ask("DELETE", f"{self._path}/faults")

    async def disconnect(self, code: int = 1000) -> None:
        """Close its connection. Raises ApiRefused if there is none."""
        await self._csms.ask("DELETE", f"{self._path}/connection", code=code)

    async def until(self, condition: Callable[[], Awaitable[T]], *, timeout_s: float = DEFAULT_TIMEOUT_S) -> T:
        """Wait until an asynchronous condition is truthy, and return what it gave; it is asked now and after every event.

        Raises TimeoutError, or ApiUnreachable when the stream of events ends first.
        """
        async with asyncio.timeout(timeout_s), self._csms.events(station=self.identity) as events:
            if found := await condition():
                return found
            async for _ in events:
                if found := await condition():
                    return found
        raise ApiUnreachable("the stream of events ended before the condition was met")

    async def _list(self, what: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._csms.get(f"{self._path}/{what}", **query)
        return found


async def _opened(stream: EventStream) -> None:
    try:
        await stream.open()
    except StreamRefused as refused:
        raise ApiRefused(refused.status, "no-stream", str(refused)) from refused
    except OSError as error:
        raise ApiUnreachable(f"the stream of events cannot be opened: {error}") from error
