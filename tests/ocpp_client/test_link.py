"""The link: its round, every kind of refusal, and what it takes to agree on a version."""

import asyncio
import logging
from typing import Any

import pytest

from ocpp_client.endpoint import Credentials, Target
from ocpp_client.errors import OcppError
from ocpp_client.link_status import LinkState
from ocpp_client.sockets import Rejection
from tests.ocpp_client.loops import VirtualLoop, run
from tests.ocpp_client.stations import Station, csms, gaps

pytestmark = pytest.mark.usefixtures("each_backing")

# --- the good way


def test_the_link_goes_its_round_and_tells_of_it() -> None:
    """Gate, dial, connect, accepted: each step is told, with the version agreed and where to."""

    async def main(loop: VirtualLoop) -> None:
        there = await csms(chosen=lambda offered: "ocpp1.6")
        station = Station(there, protocols=("ocpp2.0.1", "ocpp1.6"))
        await station.reach(LinkState.ONLINE)
        assert [status.state.value for status in station.told] == ["gated", "dialling", "connected", "online"]
        status = station.status
        assert status.protocol == "ocpp1.6"  # the server's preference wins
        assert status.url == f"ws://127.0.0.1:{there.server.ports[0]}/ocpp/CP1"
        assert (status.attempts, status.last_drop, status.next_attempt_at) == (0, None, None)
        assert status.bytes_sent > 50
        assert status.bytes_received > 50
        await station.link.stop()
        assert station.status.state is LinkState.STOPPED
        assert station.running.done()
        assert loop.now < 1002

    run(main)


def test_the_gate_holds_the_dialling_back() -> None:
    """Nothing is dialled before there is leave; an error at the gate is a reason to try again later."""

    async def main(_: VirtualLoop) -> None:
        there, leave = await csms(), asyncio.Event()
        failures = [OcppError("the clock is not set")]

        async def gate() -> None:
            if failures:
                raise failures.pop()
            await leave.wait()

        station = Station(there, gate=gate)
        await asyncio.sleep(100)
        assert station.kinds == ["error"]
        assert station.status.state is LinkState.GATED
        assert there.came == []
        leave.set()
        await station.reach(LinkState.ONLINE)

    run(main)


def test_credentials_go_into_the_header_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    """Basic authentication reaches the server; password, header and query reach no log, status or repr."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(401))
        credentials = Credentials("CP1", b"hunter2\xff")
        station = Station(there, credentials=credentials)
        await station.reach(LinkState.WAITING)
        assert there.headers[0]["authorization"] == "Basic Q1AxOmh1bnRlcjL/"
        shown = f"{caplog.text} {station.status} {credentials!r} {station.link!r}"
        assert "hunter2" not in shown
        assert "Q1AxOmh1" not in shown
        assert "Target(protocols" in repr(Target(there.url, ("ocpp1.6",), credentials))

    with caplog.at_level(logging.DEBUG):
        run(main)


# --- refusals


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 502, 503])
def test_every_refusal_is_tried_again_for_ever(status: int) -> None:
    """HTTP refusals, 401 and 404 among them, are recorded and retried with a growing delay."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(status))
        station = Station(there)
        await asyncio.sleep(200)
        assert gaps(there.came) == [2, 4, 8, 16, 32, 60, 60]
        drop = station.status.last_drop
        assert drop is not None
        assert (drop.kind, drop.evidence, drop.lasted_s) == ("http", {"http_status": status}, None)
        assert station.status.attempts == 8
        there.rejection = None
        await station.reach(LinkState.ONLINE)

    run(main)


def test_retry_after_is_honoured() -> None:
    """A server that asks for two minutes gets two minutes."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(503, {"Retry-After": "120"}))
        station = Station(there)
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.retry_after_s == 120
        assert station.status.next_attempt_at == pytest.approx(1120, abs=1)
        await asyncio.sleep(130)
        assert gaps(there.came) == [120]

    run(main)


def test_a_redirect_is_not_followed() -> None:
    """The new address belongs into the configuration; it is named."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(302, {"Location": "wss://else.where/ocpp?token=hunter2"}))
        station = Station(there)
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.kind == "redirect"
        assert drop.evidence["location"] == "wss://else.where/ocpp"

    run(main)


def test_unreachable_servers_are_tried_again() -> None:
    """Unknown name, refused and swallowed connections: each has its kind, and none ends the link."""

    async def main(loop: VirtualLoop) -> None:
        there = await csms()
        urls = iter(["ws://nowhere.invalid/CP1", "ws://127.0.0.1:9/CP1", "ws://h:99999/CP1"])
        station = Station(lambda: Target(next(urls, there.url), ("ocpp1.6",)))
        await station.reach(LinkState.ONLINE)
        assert station.kinds == ["dns", "tcp", "url"]
        loop.black_hole = True
        station.link.reconnect("try the black hole")
        await asyncio.sleep(40)
        assert station.kinds[3:5] == ["asked", "timeout"]
        drop = station.status.last_drop
        assert drop is not None
        assert "no WebSocket within 20 s" in drop.cause
        loop.black_hole = False
        await station.reach(LinkState.ONLINE)

    run(main)


# --- versions


def test_a_missing_subprotocol_is_accepted_when_there_was_no_choice(caplog: pytest.LogCaptureFixture) -> None:
    """Servers exist that name none: with one version offered it is clear which is meant."""

    async def main(_: VirtualLoop) -> None:
        station = Station(await csms(chosen=lambda offered: None))
        await station.reach(LinkState.ONLINE)
        assert station.status.protocol == "ocpp1.6"

    run(main)
    assert "server named no subprotocol" in caplog.text


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({"accept_missing_subprotocol": False}, None),
        ({"protocols": ("ocpp2.0.1", "ocpp1.6")}, None),
        ({}, "ocpp1.5"),
    ],
)
def test_without_an_agreed_version_the_connection_is_closed(settings: dict[str, Any], answer: str | None) -> None:
    """No version, or one that was not offered: close, wait, try again."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(chosen=lambda offered: answer)
        station = Station(there, **settings)
        await asyncio.sleep(10)
        assert station.kinds == ["subprotocol", "subprotocol", "subprotocol"]
        assert LinkState.CONNECTED not in [status.state for status in station.told]
        assert gaps(there.came) == pytest.approx([2, 4], abs=0.2)

    run(main)
