"""Registration and heartbeat (OCPP 1.6 edition 2, sections 4.2 and 4.6)."""

import asyncio
import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import TAG, Play, play
from tests.station.scripted import Answer, Call, Error

BEFORE_ACCEPTED = {"station.charge_before_accepted": "true"}
KNOWN = {"AllowOfflineTxForUnknownId": "true"}


def _boot(stage: Play, *statuses: str, interval: int = 100) -> None:
    """Answer BootNotifications with these statuses in turn, the last one again and again."""
    left = list(statuses)

    def answer(_: Call) -> Answer:
        status = left.pop(0) if len(left) > 1 else left[0]
        return {"status": status, "currentTime": stage.csms.time(), "interval": interval}

    stage.csms.scripts["BootNotification"] = answer


def _actions(stage: Play) -> list[str]:
    return [call.action for call in stage.csms.calls]


async def _switch_on(stage: Play) -> None:
    stage.start_csms()
    await stage.start_station()


def test_the_boot_tells_what_the_station_is_within_the_lengths_of_the_protocol(tmp_path: Path) -> None:
    """BootNotification names vendor, model, serial numbers, firmware and meter; what is too long is cut."""

    async def scenario(stage: Play) -> None:
        boot = stage.csms.named("BootNotification")[0].payload
        assert boot["chargePointVendor"] == "A vendor with far to"
        assert (boot["chargePointModel"], boot["chargePointSerialNumber"]) == ("Kerb", "SN-1")
        assert (boot["meterType"], boot["meterSerialNumber"]) == ("Mock meter", "MM-0001")
        assert boot["firmwareVersion"]

    settings = {
        "station.vendor": "A vendor with far too long a name",
        "station.model": "Kerb",
        "station.serial_number": "SN-1",
    }
    play(tmp_path, scenario, settings=settings)


def test_nothing_but_the_boot_is_sent_before_its_answer(tmp_path: Path) -> None:
    """Neither statuses nor what the queue holds nor Authorize precede the first answer."""

    async def scenario(stage: Play) -> None:
        held = asyncio.Event()

        async def answer(_: Call) -> Answer:
            await held.wait()
            return {"status": "Accepted", "currentTime": stage.csms.time(), "interval": 300}

        stage.csms.scripts["BootNotification"] = answer
        await stage.start_station()
        await stage.charge(120)
        stage.start_csms()
        await stage.csms.heard("BootNotification", timeout_s=600)
        await asyncio.sleep(20)
        assert _actions(stage) == ["BootNotification"]
        held.set()
        await stage.csms.heard("StartTransaction")
        assert _actions(stage)[1:4] == ["StatusNotification"] * 3

    play(tmp_path, scenario, connected=None, settings=BEFORE_ACCEPTED, keys=KNOWN)


def test_accepted_sets_the_heartbeat_interval(tmp_path: Path) -> None:
    """The interval of the answer is HeartbeatInterval from then on, and 0 leaves it as it was."""

    async def scenario(stage: Play) -> None:
        _boot(stage, "Accepted", interval=47)
        await _switch_on(stage)
        await stage.csms.heard("Heartbeat", 3, timeout_s=300)
        assert await stage.key("HeartbeatInterval") == "47"
        beats = [call.at for call in stage.csms.named("Heartbeat")]
        assert [round(later - earlier) for earlier, later in itertools.pairwise(beats)] == [47, 47]
        _boot(stage, "Accepted", interval=0)
        await stage.end_station()
        await stage.start_station()
        await stage.online()
        assert await stage.key("HeartbeatInterval") == "47"

    play(tmp_path, scenario, connected=None)


def test_a_changed_heartbeat_interval_counts_at_once(tmp_path: Path) -> None:
    """ChangeConfiguration of HeartbeatInterval restarts the timer; 0 is refused."""

    async def scenario(stage: Play) -> None:
        await asyncio.sleep(10)
        await stage.set_key("HeartbeatInterval", "20")
        changed = stage.sim.loop.time()
        assert (await stage.csms.heard("Heartbeat")).at - changed <= 20.1
        answer = await stage.csms.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "0"})
        assert answer == {"status": "Rejected"}

    play(tmp_path, scenario)


def test_pending_waits_for_its_interval_and_sends_nothing_of_its_own(tmp_path: Path) -> None:
    """While Pending only BootNotifications are sent, one interval apart."""

    async def scenario(stage: Play) -> None:
        _boot(stage, "Pending", "Pending", "Accepted")
        await _switch_on(stage)
        await stage.csms.heard("BootNotification")
        stage.plug()
        await stage.csms.heard("BootNotification", 3, timeout_s=300)
        assert _actions(stage)[:3] == ["BootNotification"] * 3
        times = [call.at for call in stage.csms.named("BootNotification")]
        assert [round(later - earlier) for earlier, later in itertools.pairwise(times)] == [100, 100]
        await stage.csms.heard("StatusNotification", 3)

    play(tmp_path, scenario, connected=None)


def test_pending_answers_the_central_system_but_starts_and_stops_nothing(tmp_path: Path) -> None:
    """Configuration can be read and written; RemoteStartTransaction and RemoteStopTransaction are Rejected."""

    async def scenario(stage: Play) -> None:
        _boot(stage, "Pending")
        await _switch_on(stage)
        await stage.csms.heard("BootNotification")
        stage.plug()
        assert await stage.key("NumberOfConnectors") == "2"
        await stage.set_key("MeterValueSampleInterval", "17")
        assert await stage.key("MeterValueSampleInterval") == "17"
        start = {"idTag": TAG, "connectorId": 1}
        assert await stage.csms.ask("RemoteStartTransaction", start) == {"status": "Rejected"}
        assert await stage.csms.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Rejected"}

    play(tmp_path, scenario, connected=None)


def test_pending_sends_what_it_is_asked_for(tmp_path: Path) -> None:
    """TriggerMessage is obeyed while Pending, and the BootNotification it asks for comes before the interval is over."""

    async def scenario(stage: Play) -> None:
        _boot(stage, "Pending", "Accepted", interval=3600)
        await _switch_on(stage)
        await stage.csms.heard("BootNotification")
        status = {"requestedMessage": "StatusNotification", "connectorId": 1}
        assert await stage.csms.ask("TriggerMessage", status) == {"status": "Accepted"}
        told = await stage.csms.heard("StatusNotification")
        assert told.payload["connectorId"] == 1
        boot = {"requestedMessage": "BootNotification"}
        assert await stage.csms.ask("TriggerMessage", boot) == {"status": "Accepted"}
        await stage.csms.heard("BootNotification", 2, timeout_s=5)
        await stage.online()

    play(tmp_path, scenario, connected=None)


def test_a_station_that_is_registered_does_not_boot_on_demand(tmp_path: Path) -> None:
    """TriggerMessage(BootNotification) after Accepted is Rejected (errata)."""

    async def scenario(stage: Play) -> None:
        assert await stage.csms.ask("TriggerMessage", {"requestedMessage": "BootNotification"}) == {
            "status": "Rejected"
        }

    play(tmp_path, scenario)


def test_rejected_is_silent_until_its_interval_is_over(tmp_path: Path) -> None:
    """While Rejected nothing is sent and no request is answered; then the station boots again."""

    async def scenario(stage: Play) -> None:
        _boot(stage, "Rejected", "Accepted")
        await _switch_on(stage)
        rejected = await stage.csms.heard("BootNotification")
        with pytest.raises(TimeoutError):
            await stage.csms.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
        again = await stage.csms.heard("BootNotification", 2)
        assert _actions(stage)[:2] == ["BootNotification"] * 2
        assert again.at - rejected.at == pytest.approx(100, abs=1)
        await stage.online()
        assert await stage.key("NumberOfConnectors") == "2"

    play(tmp_path, scenario, connected=None)


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_a_new_connection_does_not_shorten_the_interval(tmp_path: Path, status: str) -> None:
    """A central system that closes after its answer hears nothing before the interval is over."""

    async def scenario(stage: Play) -> None:
        _boot(stage, status, "Accepted", interval=100)
        await _switch_on(stage)
        first = await stage.csms.heard("BootNotification")
        await asyncio.sleep(1)
        await stage.csms.close(1000)
        second = await stage.csms.heard("BootNotification", 2)
        assert second.at - first.at == pytest.approx(100, abs=1)
        assert second.connection == 1
        await stage.online()

    play(tmp_path, scenario, connected=None)


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_an_interval_of_zero_is_replaced_by_a_sane_one(tmp_path: Path, status: str) -> None:
    """Without an interval the next BootNotification comes after a minute."""

    async def scenario(stage: Play) -> None:
        _boot(stage, status, "Accepted", interval=0)
        await _switch_on(stage)
        await stage.online()
        first, second = stage.csms.named("BootNotification")
        assert second.at - first.at == pytest.approx(60, abs=1)

    play(tmp_path, scenario, connected=None)


def test_a_refused_boot_is_tried_again_after_a_minute(tmp_path: Path) -> None:
    """A CALLERROR to BootNotification is not the end."""

    async def scenario(stage: Play) -> None:
        answers: list[Any] = [Error("InternalError"), Error("GenericError")]
        kind = {"status": "Accepted", "currentTime": stage.csms.time(), "interval": 300}
        stage.csms.scripts["BootNotification"] = lambda call: answers.pop() if answers else kind
        await _switch_on(stage)
        await stage.online()
        times = [call.at for call in stage.csms.named("BootNotification")]
        assert [round(later - earlier) for earlier, later in itertools.pairwise(times)] == [60, 60]

    play(tmp_path, scenario, connected=None)


def test_an_answer_without_a_status_is_no_registration(tmp_path: Path) -> None:
    """What cannot be understood is asked again after a minute."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["BootNotification"] = lambda call: {"currentTime": stage.csms.time()}
        await _switch_on(stage)
        await stage.csms.heard("BootNotification")
        del stage.csms.scripts["BootNotification"]
        again = await stage.csms.heard("BootNotification", 2)
        assert again.at - stage.csms.calls[0].at == pytest.approx(60, abs=1)
        await stage.online()

    play(tmp_path, scenario, connected=None)


def test_an_unanswered_boot_leads_to_another_connection(tmp_path: Path) -> None:
    """Two BootNotifications in vain on one connection, then a new connection is tried."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["BootNotification"] = lambda call: None
        await _switch_on(stage)
        await stage.csms.heard("BootNotification", 3, timeout_s=300)
        assert [call.connection for call in stage.csms.calls] == [0, 0, 1]
        del stage.csms.scripts["BootNotification"]
        await stage.online()

    play(tmp_path, scenario, connected=None)


def test_the_clock_is_set_from_the_boots_answer(tmp_path: Path) -> None:
    """An untrusted clock takes currentTime over, and times told afterwards are right."""

    async def scenario(stage: Play) -> None:
        await stage.start_station()
        stage.do("clock", trust="unknown", offset_s=-86_400.0)
        stage.start_csms()
        await stage.online()
        stage.plug()
        told = await stage.csms.heard("StatusNotification", 4)
        assert abs(_posix(told.payload["timestamp"]) - stage.sim.wall_s()) < 2

    play(tmp_path, scenario, connected=None)


def test_a_heartbeat_corrects_the_clock_and_moves_no_time_already_taken(tmp_path: Path) -> None:
    """A wrong clock is corrected by the next Heartbeat; the start of a charge keeps the time it was given."""

    async def scenario(stage: Play) -> None:
        stage.do("clock", trust="csms", offset_s=600.0)
        stage.csms.scripts["StartTransaction"] = lambda call: Error() if call.at < 200 else stage.csms.start(call)
        await stage.charge(5)
        began = stage.sim.wall_s() + 600
        await stage.csms.heard("Heartbeat", timeout_s=400)
        await asyncio.sleep(5)
        assert abs((stage.app.clock.wall() or 0.0) - stage.sim.wall_s()) < 1
        await stage.csms.heard("StartTransaction", 3, timeout_s=400)
        times = {call.payload["timestamp"] for call in stage.csms.named("StartTransaction")}
        assert len(times) == 1
        assert abs(_posix(times.pop()) - began) < 10

    play(tmp_path, scenario)


def _posix(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def test_nobody_charges_before_the_first_acceptance(tmp_path: Path) -> None:
    """A station that was never accepted refuses every token, unless it is configured otherwise."""

    async def scenario(stage: Play) -> None:
        await stage.start_station()
        stage.plug()
        stage.tap()
        await asyncio.sleep(30)
        assert stage.app.queue.stats().rows == 0
        assert stage.status_now() == "Preparing"

    play(tmp_path, scenario, connected=None, keys=KNOWN)


def test_a_station_that_was_accepted_once_charges_offline_after_a_restart(tmp_path: Path) -> None:
    """Acceptance is remembered over restarts."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await stage.end_station()
        await stage.start_station()
        await stage.charge(60)
        assert stage.status_now() == "Charging"

    play(tmp_path, scenario, keys=KNOWN)


def test_a_reconnect_is_no_boot(tmp_path: Path) -> None:
    """After a lost connection nothing is told but what changed meanwhile."""

    async def scenario(stage: Play) -> None:
        await stage.csms.heard("StatusNotification", 3)
        await stage.offline()
        stage.plug()
        before = len(stage.csms.calls)
        stage.start_csms()
        await stage.online()
        await asyncio.sleep(30)
        told = [(call.action, call.payload.get("status")) for call in stage.csms.calls[before:]]
        assert told == [("StatusNotification", "Preparing")]

    play(tmp_path, scenario)
