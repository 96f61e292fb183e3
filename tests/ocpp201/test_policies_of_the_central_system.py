"""Variables by which the central system decides how a station serves and connects (OCPP 2.0.1 edition 3, blocks B, C and E)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.ocpp201.play import TAG, Play, Scripted201, play
from tests.ocpp201.test_provisioning import get, named, put
from tests.station.scripted import Call

ORDER = named("OCPPCommCtrlr", "NetworkConfigurationPriority")
ENDPOINTS = '[{"url": "ws://csms:9000/one"}, {"url": "ws://csms:9000/two", "priority": 1}]'


def test_without_authorisation_every_vehicle_is_served(tmp_path: Path) -> None:
    """AuthCtrlr.Enabled false: plugging in starts, with NoAuthorization; a charge that is over does not begin anew (C02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (named("AuthCtrlr", "Enabled"), "false"))
        csms.judge("Unknown")
        stage.plug()
        await stage.charging()
        await stage.delivered()
        assert csms.named("Authorize") == []
        assert csms.events[0]["idToken"] == {"idToken": "", "type": "NoAuthorization"}
        key = csms.events[0]["transactionInfo"]["transactionId"]
        assert (await csms.ask("RequestStopTransaction", {"transactionId": key}))["status"] == "Accepted"
        await asyncio.sleep(30)
        assert [event for (event,) in csms.told("eventType") if event != "Updated"] == ["Started", "Ended"]
        await stage.unplug()
        await put(csms, (named("AuthCtrlr", "Enabled"), "true"))
        stage.plug()
        await asyncio.sleep(30)
        assert len({event["transactionInfo"]["transactionId"] for event in csms.events}) == 1

    play(tmp_path, scenario)


def test_before_the_first_acceptance_charging_needs_leave(tmp_path: Path) -> None:
    """TxBeforeAcceptedEnabled true: a station that is Pending charges, and tells once it is accepted (B02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        standing = ["Pending"]

        def boot(call: Call) -> dict[str, Any]:
            return {"status": standing[0], "currentTime": csms.time(), "interval": 30}

        csms.scripts["BootNotification"] = boot
        stage.start_csms()
        await stage.start_station()
        await csms.heard("BootNotification")
        unknown = (named("AuthCtrlr", "OfflineTxForUnknownIdEnabled"), "true")
        allowed = named("TxCtrlr", "TxBeforeAcceptedEnabled")
        await put(csms, unknown)
        stage.plug()
        stage.tap(TAG)
        await asyncio.sleep(20)
        assert stage.meter_wh() == 0
        assert await put(csms, (allowed, "true")) == ["Accepted"]
        stage.tap(TAG)
        await stage.charging()
        await asyncio.sleep(60)
        assert csms.events == []
        standing[0] = "Accepted"
        await stage.delivered()
        assert csms.told("eventType", "offline")[0] == ("Started", True)

    play(tmp_path, scenario, connected=None)


def test_the_order_of_the_ways_takes_effect_at_the_next_start(tmp_path: Path) -> None:
    """NetworkConfigurationPriority names slots that exist and fit; the first is dialled after the restart (B10)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        active = named("OCPPCommCtrlr", "ActiveNetworkProfile")
        assert await get(csms, ORDER, active) == [("Accepted", "1,2"), ("Accepted", "1")]
        assert await put(csms, (ORDER, "3"), (ORDER, ""), (ORDER, "2,2"), (ORDER, "2,1")) == [
            "Rejected",
            "Rejected",
            "Rejected",
            "RebootRequired",
        ]
        assert await get(csms, ORDER, active) == [("Accepted", "2,1"), ("Accepted", "1")]
        await stage.end_station()
        await stage.start_station()
        await stage.online()
        assert await get(csms, active) == [("Accepted", "2")]

    play(tmp_path, scenario, settings={"csms.endpoints": ENDPOINTS})


def test_a_way_is_given_up_after_the_attempts_that_were_set(tmp_path: Path) -> None:
    """NetworkProfileConnectionAttempts counts from when it was set (B10.FR.07)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (named("OCPPCommCtrlr", "NetworkProfileConnectionAttempts"), "1"))
        rota = stage.app.connection._rota
        rota.failed()
        assert rota.current.url.endswith("/two")

    play(tmp_path, scenario, settings={"csms.endpoints": ENDPOINTS})


def test_the_clock_goes_by_the_central_system_only_where_it_is_a_time_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Heartbeat among the sources of TimeSource an answer's time changes nothing (B01)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        source = named("ClockCtrlr", "TimeSource")
        heard: list[float] = []

        def note(wall_s: float) -> float:
            heard.append(wall_s)
            return 0.0

        monkeypatch.setattr(stage.app.clock, "set_from_csms", note)
        assert await put(csms, (source, "NTP")) == ["Accepted"]
        await put(csms, (named("OCPPCommCtrlr", "HeartbeatInterval"), "10"))
        await csms.heard("Heartbeat", 2)
        assert heard == []
        assert await put(csms, (source, "NTP,Heartbeat")) == ["Accepted"]
        await csms.heard("Heartbeat", 5)
        assert heard

    play(tmp_path, scenario)
