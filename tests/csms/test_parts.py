"""The small parts: store, hub, clock, redaction, passwords, admission, HTTP server."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from csms.admission import House, admit
from csms.api.serving import ApiServer
from csms.clock import LoopClock, SystemClock
from csms.config import CsmsConfig
from csms.core.effects import DomainEvent
from csms.core.solicited import note_request, solicited
from csms.hub import LAG_EVENTS, Hub
from csms.memory import MemoryStore
from csms.passwords import PasswordCheck, basic_credentials, check_hash, hash_password
from csms.redaction import redacted
from ocpp_client.websocket import Rejection
from tests.csms.conftest import PATIENCE_S

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event(number: int) -> DomainEvent:
    return DomainEvent("test", "CP1", NOW, {"number": number})


# --- store


def test_a_full_table_loses_its_oldest_row() -> None:
    """Rows beyond the bound push out the oldest of the same owner; a rewritten row keeps its place."""
    store = MemoryStore({"answers": 2})
    for key in ("a", "b", "a", "c"):
        store.put("answers", "CP1", key, {"key": key})
    store.put("answers", "CP2", "x", {})
    assert [key for key, _ in store.items("answers", "CP1")] == ["b", "c"]
    assert store.first("answers", "CP1") == ("b", {"key": "b"})
    assert (store.count("answers", "CP1"), store.owners("answers")) == (2, ["CP1", "CP2"])


def test_a_full_log_loses_its_oldest_entry() -> None:
    """Logs are bounded too; a limit gives the newest entries, oldest first."""
    store = MemoryStore({"messages": 3})
    for number in range(5):
        store.append("messages", "CP1", {"number": number})
    assert [entry["number"] for entry in store.entries("messages", "CP1")] == [2, 3, 4]
    assert [entry["number"] for entry in store.entries("messages", "CP1", 2)] == [3, 4]
    assert store.entries("messages", "CP2") == []


def test_deleting_and_dropping_leave_nothing() -> None:
    """An owner without rows is no owner any more; deleting what is not there is no error."""
    store = MemoryStore()
    store.put("calls", "CP1", "a", {})
    store.delete("calls", "CP1", "a")
    store.delete("calls", "CP1", "a")
    store.put("calls", "CP2", "a", {})
    store.append("calls", "CP2", {})
    store.drop("calls", "CP2")
    assert (store.owners("calls"), store.first("calls", "CP1"), store.entries("calls", "CP2")) == ([], None, [])


def test_counters_never_repeat() -> None:
    """Each counter counts from one by itself."""
    store = MemoryStore()
    assert [store.increment("a"), store.increment("a"), store.increment("b")] == [1, 2, 1]


# --- hub


async def test_a_listener_that_lags_is_dropped_once(caplog: pytest.LogCaptureFixture) -> None:
    """A listener too far behind gets what it was given, then its stream ends; one line in the log says so."""
    hub = Hub()
    with hub.subscribe() as subscription:
        for number in range(LAG_EVENTS + 10):
            hub.publish(event(number))
        found = [numbered.number async for numbered in subscription]
    assert found == list(range(1, LAG_EVENTS + 1))
    assert len(caplog.records) == 1


async def test_listening_to_a_closed_hub_ends_at_once() -> None:
    """A subscription after the end has no events."""
    hub = Hub()
    hub.close()
    with hub.subscribe() as subscription:
        assert [numbered async for numbered in subscription] == []


async def test_an_unfulfilled_wait_is_forgotten() -> None:
    """A wait that timed out or was answered is not asked again."""
    hub, asked = Hub(), 0

    def ask() -> int:
        nonlocal asked
        asked += 1
        return asked >= 2

    waiting = asyncio.create_task(hub.wait_for(ask, PATIENCE_S))
    await asyncio.sleep(0)
    hub.changed()
    hub.changed()
    assert await waiting
    hub.changed()
    assert asked == 2


# --- clock


async def test_the_loop_s_clock_keeps_the_loop_s_pace() -> None:
    """A LoopClock's date moves as far as the loop's time, from the date it was given."""
    clock = LoopClock(NOW)
    first, second = clock.moment(), clock.moment()
    assert first.utc == NOW
    assert second.utc - first.utc == timedelta(seconds=second.monotonic_s - first.monotonic_s)


async def test_the_system_s_clock_tells_the_date() -> None:
    """A SystemClock tells the system's date in UTC and the loop's time."""
    moment = SystemClock().moment()
    assert abs(moment.utc - datetime.now(UTC)) < timedelta(seconds=5)
    assert moment.monotonic_s == pytest.approx(asyncio.get_running_loop().time(), abs=1)


# --- redaction


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('[2,"i","Heartbeat",{}]', '[2,"i","Heartbeat",{}]'),
        (
            '[2, "i", "X", {"key": "authorizationkey", "value": "abc"}]',
            '[2,"i","X",{"key":"authorizationkey","value":"***"}]',
        ),
        (
            '[{"variable":{"name":"BasicAuthPassword"},"attributeValue":"abc"},{"variable":{"name":"X"},"attributeValue":"1"}]',
            '[{"variable":{"name":"BasicAuthPassword"},"attributeValue":"***"},{"variable":{"name":"X"},"attributeValue":"1"}]',
        ),
        ('{"AuthorizationKey": abc', "<24 characters that mention a password and are not JSON>"),
    ],
)
def test_password_values_are_hidden(text: str, shown: str) -> None:
    """Values of password settings are replaced; what mentions one and cannot be read is not shown at all."""
    assert redacted(text) == shown


# --- solicited messages


@pytest.mark.parametrize(
    ("action", "payload", "expected"),
    [
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}, "Heartbeat"),
        ("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"}, "SignCertificate"),
        (
            "ExtendedTriggerMessage",
            {"requestedMessage": "FirmwareStatusNotification"},
            "SignedFirmwareStatusNotification",
        ),
        ("GetBaseReport", {}, "NotifyReport"),
        ("GetDiagnostics", {}, "DiagnosticsStatusNotification"),
    ],
)
def test_requests_entitle_to_what_they_bring_about(action: str, payload: dict[str, str], expected: str) -> None:
    """A request makes the message that answers it later admissible, and no other."""
    store = MemoryStore()
    note_request(store, "CP1", action, json.dumps(payload))
    assert solicited(store, "CP1", expected)
    assert not solicited(store, "CP1", "StatusNotification")


@pytest.mark.parametrize("payload", ["{", "[]", '{"requestedMessage":5}', "{}"])
def test_a_trigger_that_names_nothing_entitles_to_nothing(payload: str) -> None:
    """Commands may be sent unchecked: a trigger without a message name is passed over."""
    store = MemoryStore()
    note_request(store, "CP1", "TriggerMessage", payload)
    assert store.owners("solicited") == []


# --- passwords and admission


def test_passwords_match_their_hash_only() -> None:
    """The right password matches, also the second time; a wrong one never does."""
    hashed = hash_password(b"right", bytes(16))
    check = PasswordCheck(b"secret of this process")
    assert [check.matches(hashed, each) for each in (b"wrong", b"right", b"right", b"wrong")] == [
        False,
        True,
        True,
        False,
    ]


def test_salts_make_hashes_differ() -> None:
    """Equal passwords have different hashes; a salt of the wrong length is refused."""
    assert hash_password(b"same", bytes(16)) != hash_password(b"same", bytes(range(16)))
    with pytest.raises(ValueError, match="16 random"):
        hash_password(b"same", b"short")


@pytest.mark.parametrize(
    "text", ["", "sesame", "scrypt$1$1$1$AAAA", "scrypt$x$1$1$AAAA$AAAA", "bcrypt$8192$8$1$AAAA$AAAA"]
)
def test_what_is_no_hash_is_refused(text: str) -> None:
    """Only what hash_password writes is taken for a hash."""
    with pytest.raises(ValueError, match="not a password hash"):
        check_hash(text)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic Q1AxOnB3", ("CP1", b"pw")),
        ("basic  Q1AxOmE6Yg==", ("CP1", b"a:b")),
        ("Basic Q1Ax", None),
        ("Basic !!!", None),
        ("Basic /zpw", None),
        ("Bearer Q1AxOnB3", None),
        ("", None),
    ],
)
def test_basic_credentials_are_read(header: str, expected: tuple[str, bytes] | None) -> None:
    """The password is all after the first colon, as bytes; what cannot be read is none."""
    assert basic_credentials(header) == expected


def test_nobody_is_admitted_while_stopping() -> None:
    """While it stops, the central system asks stations to come back later."""
    house = House(connections=0, stations=0, is_known=True, closing=True)
    decision = admit("CP1", {}, CsmsConfig(), PasswordCheck(b""), house)
    assert isinstance(decision, Rejection)
    assert (decision.status, decision.headers["Retry-After"]) == (503, "30")


def test_a_version_that_is_not_spoken_cannot_be_configured() -> None:
    """The protocols of a configuration are those that have handlers."""
    for protocols in (("ocpp1.5",), ()):
        with pytest.raises(ValueError, match="name one or more"):
            CsmsConfig(protocols=protocols)


# --- HTTP server


async def test_a_request_that_hangs_does_not_hold_up_the_end() -> None:
    """Closing the HTTP server drops what does not end by itself, in less than a second."""
    begun = asyncio.Event()

    async def hang(scope: Scope, _receive: Receive, _send: Send) -> None:
        assert scope["type"] == "http"
        begun.set()
        await asyncio.Event().wait()

    server = ApiServer(hang, "127.0.0.1", 0)
    port = await server.open()
    async with httpx.AsyncClient(trust_env=False) as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
        await begun.wait()
        began = time.monotonic()
        await server.close()
        assert time.monotonic() - began < 1.0
        with pytest.raises(httpx.TransportError):
            await request


async def test_a_server_that_was_never_opened_can_be_closed() -> None:
    """Closing before opening does nothing."""

    async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    await ApiServer(nothing, "127.0.0.1", 0).close()
