"""The WebSocket door, tried by raw clients: who gets in, who stays, and what bad input does."""

import asyncio
import json
import time
from base64 import b64encode
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from csms.app import Csms
from csms.config import CsmsConfig, Limits, StationConfig
from csms.core.effects import OutcomeKind
from csms.core.router import Context, Router
from csms.passwords import hash_password
from ocpp_client.errors import Refuse
from ocpp_client.messages import Message
from ocpp_client.v16.core import HeartbeatResponse, ResetRequest
from tests.csms.conftest import PATIENCE_S, dialled, running

SALT = bytes(range(16))
HEARTBEAT = [2, "h", "Heartbeat", {}]


def basic(user: str, password: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(user.encode() + b":" + password).decode()}


async def turned_away(csms: Csms, path: str = "CP1", **kwargs: Any) -> Any:
    with pytest.raises(InvalidStatus) as refused:
        async with dialled(csms, path, **kwargs):
            pass
    return refused.value.response


# --- who gets in


@pytest.mark.parametrize(
    ("path", "station"),
    [
        ("CP1", "CP1"),
        ("some/where/CP1", "CP1"),
        ("RDAM%20123", "RDAM 123"),
        ("CP%2F1?x=/y", "CP/1"),
        ("%C3%9F", "ß"),
        ("x" * 48, "x" * 48),
    ],
)
async def test_the_identity_is_the_end_of_the_path(csms: Csms, path: str, station: str) -> None:
    """Whatever precedes it, the last piece of the path is the percent-encoded identity."""
    async with dialled(csms, path) as raw:
        await raw.ask(HEARTBEAT)
        assert csms.stations.known() == [station]


@pytest.mark.parametrize("path", ["", "CP%ZZ", "%FF", "x" * 49, "CP%0A1"])
async def test_a_path_without_an_acceptable_identity_is_not_found(csms: Csms, path: str) -> None:
    """No identity, a bad escape, no UTF-8, too many characters or control characters mean 404."""
    assert (await turned_away(csms, path)).status_code == 404


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("ocpp1.6",), "ocpp1.6"),
        (("ocpp1.6", "ocpp2.0.1"), "ocpp2.0.1"),
        (("ocpp2.1", "ocpp2.0.1"), "ocpp2.0.1"),
    ],
)
async def test_the_server_s_preference_wins(csms: Csms, offered: tuple[str, ...], chosen: str) -> None:
    """Of the versions both speak, the one the server prefers is taken."""
    async with dialled(csms, protocols=offered) as raw:
        assert raw.socket.subprotocol == chosen
        await raw.ask(HEARTBEAT)
        assert csms.stations.description("CP1")["protocol"] == chosen


async def test_the_preference_is_a_setting() -> None:
    """A server that prefers 1.6 takes it although 2.0.1 is offered first."""
    async with (
        running(protocols=("ocpp1.6", "ocpp2.0.1")) as csms,
        dialled(csms, protocols=("ocpp2.0.1", "ocpp1.6")) as raw,
    ):
        assert raw.socket.subprotocol == "ocpp1.6"


@pytest.mark.parametrize("offered", [(), ("ocpp1.5",), ("chat", "ocpp2.1")])
async def test_without_a_common_version_the_connection_is_closed(csms: Csms, offered: tuple[str, ...]) -> None:
    """No version agreed: the upgrade names no subprotocol and the server closes at once."""
    async with dialled(csms, protocols=offered) as raw:
        assert raw.socket.subprotocol is None
        assert await raw.closed() == 1002
    assert csms.stations.known() == []


async def test_configured_stations_need_their_password() -> None:
    """With stations configured, others are not found, and a password must be right for its own identity."""
    hashed = hash_password(b"\x01secret:\xff", SALT)
    stations = {"CP1": StationConfig(hashed), "CP2": StationConfig()}
    async with running(stations=stations) as csms:
        assert (await turned_away(csms, "CP3")).status_code == 404
        for headers in ({}, basic("CP1", b"wrong"), basic("CP2", b"\x01secret:\xff"), {"Authorization": "Basic ?"}):
            refused = await turned_away(csms, "CP1", additional_headers=headers)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"] == 'Basic realm="OCPP"'
        for _ in range(2):
            async with dialled(csms, "CP1", additional_headers=basic("CP1", b"\x01secret:\xff")) as raw:
                assert (await raw.ask(HEARTBEAT))[0] == 3
        async with dialled(csms, "CP2") as raw:
            assert (await raw.ask(HEARTBEAT))[0] == 3


def test_a_password_hash_must_be_one() -> None:
    """A password in clear where its hash belongs is found when the configuration is read, and not repeated."""
    with pytest.raises(ValueError, match="not a password hash") as refused:
        StationConfig("letmein")
    assert "letmein" not in str(refused.value)
    assert "scrypt" not in repr(StationConfig(hash_password(b"x", SALT)))


async def test_connections_are_limited() -> None:
    """One connection more than allowed is answered 503 with Retry-After; those who are in stay."""
    async with running(limits=Limits(connections=1, retry_after_s=7)) as csms, dialled(csms, "CP1") as raw:
        await raw.ask(HEARTBEAT)
        refused = await turned_away(csms, "CP2")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "7")
        assert (await raw.ask(HEARTBEAT))[0] == 3


async def test_connections_of_one_address_are_limited() -> None:
    """One connection too many from one address is answered 429 with a time to wait, and nobody who is in suffers."""
    async with running(limits=Limits(connections_per_address=1)) as csms, dialled(csms, "CP1") as raw:
        await raw.ask(HEARTBEAT)
        refused = await turned_away(csms, "CP2")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
        assert (await raw.ask(HEARTBEAT))[0] == 3


async def test_stations_of_an_open_house_are_limited() -> None:
    """An open house meets only so many identities; those it knows are always welcome."""
    async with running(limits=Limits(stations=1)) as csms:
        for _ in range(2):
            async with dialled(csms, "CP1") as raw:
                await raw.ask(HEARTBEAT)
        assert (await turned_away(csms, "CP2")).status_code == 503


async def test_messages_are_limited_in_size() -> None:
    """A longer message than allowed ends the connection with 1009."""
    async with running(limits=Limits(message_bytes=1000)) as csms, dialled(csms) as raw:
        await raw.send("x" * 1001)
        assert await raw.closed() == 1009


async def test_silence_ends_the_connection_if_so_configured() -> None:
    """A connection on which no message came for the idle time is closed with 1001."""
    async with running(idle_timeout_s=0.02) as csms, dialled(csms) as raw:
        assert await raw.closed() == 1001


# --- who stays


async def test_the_newest_connection_of_an_identity_wins(csms: Csms) -> None:
    """A second connection closes the first with 1001 and is the one that gets commands."""
    async with dialled(csms) as first:
        await first.ask(HEARTBEAT)
        async with dialled(csms) as second:
            assert await first.closed() == 1001
            assert (await second.ask(HEARTBEAT))[0] == 3
            command = asyncio.create_task(csms.command("CP1", "ClearCache"))
            call = await second.receive()
            await second.send([3, call[1], {"status": "Accepted"}])
            assert (await command).response == {"status": "Accepted"}


async def test_stopping_closes_with_1012_within_a_second(csms: Csms) -> None:
    """A stop closes every connection with 1012, also one that does not read, and takes less than a second."""
    async with dialled(csms, "CP1") as polite, dialled(csms, "CP2") as frozen:
        await polite.ask(HEARTBEAT)
        await frozen.ask(HEARTBEAT)
        frozen.socket.transport.pause_reading()
        began = time.monotonic()
        await csms.stop()
        assert time.monotonic() - began < 1.0
        assert await polite.closed() == 1012
        frozen.socket.transport.abort()


async def test_the_operator_can_close_a_connection(csms: Csms) -> None:
    """A connection is closed with the code that was asked for; a station without one is none."""
    async with dialled(csms) as raw:
        await raw.ask(HEARTBEAT)
        assert csms.disconnect("CP1", code=4000, reason="go")
        assert await raw.closed() == 4000
    await csms.wait_for(lambda: not csms.is_connected("CP1"), PATIENCE_S)
    assert not csms.disconnect("CP1")


async def test_a_station_that_does_not_read_is_cut_off() -> None:
    """Unsent messages are bounded: a station that takes none is disconnected, and its commands end."""
    async with running(limits=Limits(waiting_messages=4)) as csms, dialled(csms) as raw:
        await raw.ask(HEARTBEAT)
        raw.socket.transport.pause_reading()
        big = {"vendorId": "x", "data": "y" * 900_000}
        outcomes = [
            await csms.command("CP1", "DataTransfer", big, timeout_s=0.01)
            for _ in range(40)
            if csms.is_connected("CP1")
        ]
        await csms.wait_for(lambda: not csms.is_connected("CP1"), PATIENCE_S)
        assert {outcome.kind for outcome in outcomes} <= {OutcomeKind.TIMEOUT, OutcomeKind.NOT_CONNECTED}
        raw.socket.transport.abort()


# --- bad input


LONG_ID = "a" * 37


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\x00", None),
        (b'[2,"a","Heartbeat",{}]', None),
        (' [2,"a","Heartbeat",{}]', [3, "a"]),
        ('[2,"a","Heartbeat",null]', [3, "a"]),
        ("[2]", None),
        ("[" * 50_000, None),
        ('[2,"a","StartTransaction",' + "[" * 50_000, [4, "a", "FormationViolation"]),
        ('[2,"a","Heartbeat",{"n":NaN}]', [4, "a", "FormationViolation"]),
        ('[2,"a","Authorize",{"idTag":"' + "x" * 900_000 + '"}]', [4, "a", "PropertyConstraintViolation"]),
        (f'[2,"{LONG_ID}","Heartbeat",{{}}]', [4, LONG_ID, "FormationViolation"]),
        ('[5,"a","Heartbeat",{}]', None),
    ],
)
async def test_bad_input_gets_its_answer_and_the_connection_lives(csms: Csms, text: str | bytes, answer: Any) -> None:
    """Nothing a client sends ends its connection or keeps the next call from being answered."""
    async with dialled(csms) as raw:
        await raw.send(text)
        if answer is not None:
            assert (await raw.receive())[: len(answer)] == answer
        assert (await raw.ask([2, "next", "Heartbeat", {}]))[:2] == [3, "next"]


async def test_everything_on_the_wire_is_logged_without_passwords(csms: Csms) -> None:
    """The message log has each frame with its direction; the value of a password setting is hidden."""
    async with dialled(csms) as raw:
        payload = {"key": "AuthorizationKey", "value": "0123456789abcdef0123456789abcdef"}
        command = asyncio.create_task(csms.command("CP1", "ChangeConfiguration", payload))
        await csms.wait_for(lambda: csms.is_connected("CP1"), PATIENCE_S)
        call = await raw.receive()
        assert call[3] == payload
        await raw.send([3, call[1], {"status": "Accepted"}])
        await command
    entries = csms.store.entries("messages", "CP1")
    assert [entry["direction"] for entry in entries] == ["out", "in"]
    assert json.loads(entries[0]["text"])[3] == {"key": "AuthorizationKey", "value": "***"}


# --- handlers that take time


async def test_a_handler_may_call_the_station_that_calls_it() -> None:
    """An asynchronous handler awaits a command to the very station whose call it is answering: no deadlock."""
    router = Router()

    @router.on("ocpp1.6", "Heartbeat")
    async def heartbeat(context: Context, _request: Message) -> HeartbeatResponse:
        outcome = await csms.command(context.station, "Reset", ResetRequest(type="Soft"))
        assert outcome.response == {"status": "Accepted"}
        return HeartbeatResponse(current_time=context.at.utc)

    async with Csms(CsmsConfig(api_host=None), router=router) as csms, dialled(csms) as raw:
        call = await raw.ask(HEARTBEAT)
        assert call[2] == "Reset"
        assert (await raw.ask([3, call[1], {"status": "Accepted"}]))[:2] == [3, "h"]


async def test_a_coroutine_may_emit_and_refuse() -> None:
    """What a coroutine emits is published after its answer; what it refuses becomes a CALLERROR."""
    router = Router()

    @router.on("ocpp1.6", "Heartbeat")
    async def heartbeat(context: Context, _request: Message) -> HeartbeatResponse:
        if context.message_id == "no":
            raise Refuse("GenericError", "not today")
        context.emit("own", answer=42)
        return HeartbeatResponse(current_time=context.at.utc)

    async with Csms(CsmsConfig(api_host=None), router=router) as csms, dialled(csms) as raw:
        assert (await raw.ask(HEARTBEAT))[:2] == [3, "h"]
        assert csms.hub.kept()[-1].event.data == {"answer": 42}
        assert (await raw.ask([2, "no", "Heartbeat", {}]))[:4] == [4, "no", "GenericError", "not today"]


async def test_a_handler_that_hangs_is_ended() -> None:
    """After the handler time-out the call is answered InternalError and the next one is executed."""
    router = Router()

    @router.on("ocpp1.6", "ClearCache")
    async def hang(_context: Context, _request: Message) -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")

    config = CsmsConfig(api_host=None, handler_timeout_s=0.01)
    async with Csms(config, router=router) as csms, dialled(csms) as raw:
        await raw.send([2, "slow", "ClearCache", {}])
        await raw.send(HEARTBEAT)
        assert (await raw.receive())[:3] == [4, "slow", "InternalError"]
        assert (await raw.receive())[:2] == [3, "h"]


async def test_a_stop_ends_running_handlers() -> None:
    """A handler that is still running does not hold up the end."""
    router, began = Router(), asyncio.Event()

    @router.on("ocpp1.6", "ClearCache")
    async def hang(_context: Context, _request: Message) -> Message:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")

    async with Csms(CsmsConfig(api_host=None), router=router) as csms, dialled(csms) as raw:
        await raw.send([2, "slow", "ClearCache", {}])
        await began.wait()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("handler")]


# --- waiting


async def test_waiting_ends_when_it_becomes_true(csms: Csms) -> None:
    """wait_for returns the predicate's value as soon as an event makes it truthy."""
    waiting = asyncio.create_task(csms.wait_for(lambda: csms.stations.status("CP1", 1), PATIENCE_S))
    async with dialled(csms) as raw:
        await raw.ask([2, "s", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}])
    assert await waiting == "Charging"


async def test_waiting_gives_up_or_passes_on_what_the_predicate_raises(csms: Csms) -> None:
    """A wait ends with TimeoutError, or with the predicate's own error."""
    with pytest.raises(TimeoutError):
        await csms.wait_for(lambda: False, 0.01)
    with pytest.raises(ZeroDivisionError):
        await csms.wait_for(lambda: 1 // 0, PATIENCE_S)


async def test_a_command_is_checked_before_it_is_sent(csms: Csms) -> None:
    """A payload that breaks its schema never reaches the station."""
    async with dialled(csms) as raw:
        await raw.ask(HEARTBEAT)
        with pytest.raises(ValueError, match="type"):
            await csms.command("CP1", "Reset", {"type": "Tepid"})
        with pytest.raises(LookupError, match="NoSuchThing"):
            await csms.command("CP1", "NoSuchThing")


async def test_a_payload_that_is_no_text_is_refused(csms: Csms) -> None:
    """A lone surrogate cannot go over the wire; it is refused before anything is queued."""
    with pytest.raises(ValueError, match="surrogates"):
        await csms.command_raw("CP1", "X", '{"a":"\ud800"}')


async def test_many_stations_at_once(csms: Csms) -> None:
    """Fifty stations that call at the same time each get their own answers."""

    async def talk(number: int) -> None:
        async with dialled(csms, f"CP{number}") as raw:
            for count in range(5):
                assert (await raw.ask([2, f"{number}-{count}", "Heartbeat", {}]))[:2] == [3, f"{number}-{count}"]

    await asyncio.gather(*(talk(number) for number in range(50)))
    assert len(csms.stations.known()) == 50
