"""`GET /api/state` and `GET /health`."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from firmware.control.address import Address
from firmware.control.api import build_api
from firmware.control.picture import Picture
from firmware.control.stream import Publisher
from firmware.core.profiles import Kind, Period, Profile, Purpose, RateUnit, Schedule
from tests.control.station import CARD, open_app, station

PASSWORD = "a-password-of-sixteen"
TOKEN = "a-control-token-of-some-length"


async def test_a_charge_is_shown_with_everything_that_flows(tmp_path: Path) -> None:
    """During a charge the state has both statuses, the present current, power, energy, contactor, lock and transaction."""
    async with station(tmp_path) as one:
        await one.charge()
        world = one.app.board.world
        assert world is not None
        await one.until(lambda: world.evse(1).contactor_closed())
        evse = (await one.state())["evses"][0]
        assert evse["status"] == {"ocpp1.6": "Charging", "ocpp2.0.1": "Occupied"}
        assert evse["charging_state"] == "Charging"
        assert evse["plugged"] == "vehicle"
        assert evse["locked"] is True
        assert evse["offered_a"] == 32.0
        assert evse["drawn_a"] == [16.0, 16.0, 16.0]
        assert evse["power_w"] == 16 * 230 * 3
        assert evse["contactor"] == {"commanded": True, "feedback": True}
        assert evse["energy"] == "flowing"
        assert evse["meter"]["age_s"] == 0.0
        assert evse["soc_percent"] == pytest.approx(20, abs=0.1)
        transaction = evse["transaction"]
        assert transaction["phase"] == "open"
        assert transaction["start_wh"] == 0
        assert transaction["energy_wh"] == evse["meter"]["import_wh"] - transaction["start_wh"]
        assert transaction["remote_id"] is None
        assert transaction["started"].endswith("Z")


async def test_the_limits_ahead_are_shown(tmp_path: Path) -> None:
    """Seconds from now with the amperes that charging profiles will allow; what the pilot cannot say is 0."""
    async with station(tmp_path) as one:
        assert (await one.state())["evses"][0]["schedule"] == [[0, 32.0]]
        periods = tuple(
            Period(start_s, Decimal(limit)) for start_s, limit in ((0, "16"), (600, "5"), (1200, "10.3"), (9000, "8"))
        )
        profile = Profile(1, 0, Purpose.TX_DEFAULT, 0, Kind.RELATIVE, Schedule(RateUnit.CURRENT, periods))
        one.app.engine.apply(lambda station, now: station.limits.install(profile, now, replaces_slot=True))
        assert (await one.state())["evses"][0]["schedule"] == [[0, 16.0], [600, 0.0], [1200, 10.3]]


async def test_no_secret_is_in_the_state(tmp_path: Path) -> None:
    """Passwords and the control token are nowhere in the state; a token that charges is masked."""
    overrides = {"csms.security_profile": "1", "csms.password": PASSWORD, "control.token": TOKEN}
    async with station(tmp_path, overrides) as one:
        one.http.headers["Authorization"] = f"Bearer {TOKEN}"
        await one.charge()
        text = (await one.http.get("/api/state")).text
        assert PASSWORD not in text
        assert TOKEN not in text
        assert CARD not in text
        assert (await one.state())["evses"][0]["token"] == "04…F6"


async def test_a_station_is_ready_when_a_card_would_be_looked_at(tmp_path: Path) -> None:
    """A station that no central system has ever accepted says that it is not ready."""
    async with station(tmp_path / "allowed") as one:
        await one.ready()
    async with station(tmp_path / "new", {"station.charge_before_accepted": "false"}) as one:
        about = (await one.state())["station"]
        assert about["ready"] is False
        assert about["in_service"] is False


async def test_what_waits_for_the_central_system_is_shown(tmp_path: Path) -> None:
    """The queue tells how many records wait and since when the oldest does; the link tells what it tries and what went wrong."""
    async with station(tmp_path) as one:
        await one.charge()
        state = await one.state()
        assert state["queue"]["rows"] == sum(state["queue"]["lanes"].values())
        assert state["queue"]["lanes"]["transaction"] >= 1
        assert state["queue"]["oldest"]["kind"] == "StartupOfTheDevice"  # a security event is told durably
        assert state["queue"]["oldest"]["created"] is not None
        assert state["queue"]["health"] == "ok"
        assert state["link"]["state"] in {"gated", "dialling", "waiting"}
        assert state["link"]["protocol"] is None
        assert state["registration"] == "unknown"


async def test_a_link_that_failed_says_why(tmp_path: Path) -> None:
    """After a failed attempt the link has its cause in words, and says when it tries again."""
    async with station(tmp_path) as one, one.events() as events:
        link = (await events.next("state")).data["link"]
        while link["last_drop"] is None or link["state"] != "waiting":
            link = (await events.next("link")).data
        assert link["attempts"] >= 1
        assert link["url"] == "ws://127.0.0.1:9/ocpp/CP001"
        assert link["next_attempt_in_s"] > 0
        assert link["last_drop"]["cause"]


async def test_failed_attempts_are_shown_as_diagnoses(tmp_path: Path) -> None:
    """Each with its cause, the evidence and what to check first, in the state and on the stream; and the data used."""
    async with station(tmp_path) as one, one.events() as events:
        while not (found := (await events.next("diagnoses")).data):
            pass
        assert found[0]["cause"] == "port-closed"
        assert found[0]["check_first"].startswith("the port")
        assert found[0]["evidence"]["endpoint"] == "ws://127.0.0.1:9/ocpp"
        state = await one.state()
        assert state["diagnoses"][0] == found[0]
        assert state["usage"]["session"] == {"sent": 0, "received": 0}


async def test_a_fault_is_shown_with_what_it_does(tmp_path: Path) -> None:
    """A fault has its code, its text and its effect, and the EVSE is Faulted in both protocols."""
    async with station(tmp_path) as one:
        await one.act("evse/1/fault", code="ground-fault", text="34 mA")
        await one.until(lambda: one.word() == "Faulted")
        evse = (await one.state())["evses"][0]
        assert evse["faults"] == [
            {"code": "ground-fault", "text": "34 mA", "vendor_code": None, "severity": "stop"},
        ]
        assert evse["status"] == {"ocpp1.6": "Faulted", "ocpp2.0.1": "Faulted"}
        assert evse["sign"] == "fault"


async def test_a_silent_meter_shows_its_last_reading(tmp_path: Path) -> None:
    """While the meter does not answer, the state does not pretend to know more than its last reading."""
    async with station(tmp_path) as one:
        driver = one.app.engine.drivers[1]
        assert await driver.read_meter() is not None
        await one.act("evse/1/fault", code="meter-silent")
        await one.act("supply", voltage_v=240)
        silent, other = (await one.state())["evses"]
        assert silent["voltage_v"] == [230.0, 230.0, 230.0]
        assert silent["meter"]["import_wh"] == 0
        assert other["voltage_v"] == [240.0, 240.0, 240.0]


async def test_a_meter_that_was_never_read_is_unknown(tmp_path: Path) -> None:
    """Before the first reading of a silent meter everything it would tell is null, never 0."""
    async with station(tmp_path) as one:
        await one.act("evse/2/device", device="meter", lost=True)
        evse = (await one.state())["evses"][1]
        assert evse["drawn_a"] is None
        assert evse["power_w"] is None
        assert evse["meter"] == {"import_wh": None, "export_wh": None, "temperature_c": None, "age_s": None}


async def test_the_world_is_there_on_a_mock_board_only(tmp_path: Path) -> None:
    """A mock board shows its world; real hardware has no such part, and no actions either."""
    async with station(tmp_path / "mock") as one:
        state = await one.state()
        assert state["station"]["mock"] is True
        assert state["world"]["network"]["mode"] == "up"
    app = await open_app(tmp_path / "real")
    app.board = replace(app.board, world=None)  # the same devices, as if they were real
    async with station(tmp_path / "real", app=app) as one:
        state = await one.state()
        assert state["station"]["mock"] is False
        assert state["station"]["display"] is None
        assert "world" not in state
        for refused in (await one.http.get("/api/mock"), await one.http.post("/api/mock/token", json={"token": "1"})):
            assert refused.status_code == 404
            assert "real hardware" in refused.json()["error"]["message"]


async def test_the_state_is_answered_while_the_central_system_answers_nothing(tmp_path: Path) -> None:
    """A black hole between station and central system does not hold up the interface."""
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, station(tmp_path, {"csms.url": f"ws://127.0.0.1:{port}"}) as one:
        await one.act("network", mode="black_hole")
        begun = time.perf_counter()
        for _ in range(20):
            await one.state()
        assert (time.perf_counter() - begun) / 20 < 0.1


async def test_real_hardware_shows_the_last_reading_and_its_age(tmp_path: Path) -> None:
    """On real hardware a look at the state is no read of the meter: it shows what was read last, and how old that is."""
    app = await open_app(tmp_path)
    app.board = replace(app.board, world=None)
    async with station(tmp_path, app=app) as one:
        unread = (await one.state())["evses"][0]
        assert unread["drawn_a"] is None
        assert unread["meter"] == {"import_wh": None, "export_wh": None, "temperature_c": None, "age_s": None}
        await app.engine.drivers[1].read_meter()
        read = (await one.state())["evses"][0]
        assert read["drawn_a"] == [0.0, 0.0, 0.0]
        assert read["meter"]["import_wh"] == 0
        assert 0.0 <= read["meter"]["age_s"] < 5.0


async def test_health_is_ok_while_nothing_needs_a_person(tmp_path: Path) -> None:
    """A station in order is ok, also without its central system."""
    async with station(tmp_path) as one:
        await one.until(lambda: one.app.engine.running)
        fine = await one.http.get("/health")
        assert fine.status_code == 200
        assert fine.json()["status"] == "ok"
        assert fine.json()["link"] != "online"


async def test_health_is_degraded_by_a_fault(tmp_path: Path) -> None:
    """A faulted EVSE is named; the station as a whole still serves, so the status is 200."""
    async with station(tmp_path) as one:
        await one.act("evse/2/fault", code="diode")
        await one.until(lambda: one.word(2) == "Faulted")
        worse = await one.http.get("/health")
        assert worse.status_code == 200
        assert worse.json()["status"] == "degraded"
        assert worse.json()["evses_faulted"] == [2]


async def test_health_is_degraded_while_the_disk_has_no_room(tmp_path: Path) -> None:
    """A journal that cannot take another transaction shows before anybody wants to charge."""
    async with station(tmp_path, {"queue.reserve_bytes": str(2**60)}) as one:
        worse = await one.http.get("/health")
        assert worse.json()["status"] == "degraded"
        assert worse.json()["queue_accepting"] is False


async def test_health_is_down_while_nobody_drives_the_station(tmp_path: Path) -> None:
    """Without a running engine the answer is 503, so that a supervisor starts the program again."""
    app = await open_app(tmp_path)
    try:
        picture = Picture(app)
        api = build_api(app, picture, Publisher(app, picture), Address("127.0.0.1", 80), None)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://127.0.0.1") as http:
            down = await http.get("/health")
        assert down.status_code == 503
        assert down.json()["status"] == "down"
    finally:
        await app.queue.close()
