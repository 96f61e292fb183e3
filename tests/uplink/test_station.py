"""The whole station and its link: diagnoses, what is remembered over a restart, networks and modems of the mock world."""

import asyncio
from pathlib import Path

from firmware.uplink import documents
from hal.mock.network import NetworkMode
from ocpp_client.causes import Cause
from ocpp_client.link_status import LinkState
from tests.station.play import Play, play


def state(stage: Play) -> LinkState:
    return stage.app.connection.state


def test_a_lost_server_is_diagnosed_and_the_history_kept(tmp_path: Path) -> None:
    """The loss and the failed attempts after it, each with its own cause."""

    async def scenario(stage: Play) -> None:
        await stage.online()
        await stage.offline()
        await stage.until(lambda: len(stage.app.connection.diagnoses) >= 3)
        causes = [found.cause for found in stage.app.connection.diagnoses]
        assert causes[0] in {Cause.BROKEN, Cause.RESET}
        assert set(causes[1:]) == {Cause.PORT_CLOSED}
        assert stage.app.connection.diagnoses[0].evidence["endpoint"] == "ws://csms:9000/ocpp"

    play(tmp_path, scenario)


def test_the_back_off_goes_on_after_a_restart_and_ends_with_a_stable_connection(tmp_path: Path) -> None:
    """A program that is restarted during an outage does not begin to hammer; what was kept is cleared afterwards."""

    async def scenario(stage: Play) -> None:
        await stage.online()
        await stage.offline()
        await stage.until(lambda: stage.app.connection.link.status.attempts >= 5, 600)
        await stage.kill_station()
        await stage.start_station()
        await stage.until(lambda: state(stage) is LinkState.WAITING)
        due_at = stage.app.connection.link.status.next_attempt_at
        assert due_at is not None
        assert due_at - stage.app.clock.monotonic() > 20
        stage.start_csms()
        await stage.online()
        await asyncio.sleep(60)
        await stage.app.engine.journal.written()
        assert await documents.recall(stage.app.queue) == documents.Remembered(0, "ws://csms:9000/ocpp")

    play(tmp_path, scenario)


def test_a_new_address_means_a_new_connection_at_once(tmp_path: Path) -> None:
    """The old one would be dead without a word until a ping finds out."""

    async def scenario(stage: Play) -> None:
        await stage.online()
        await asyncio.sleep(30)
        begun = stage.app.clock.monotonic()
        stage.world.network.change_address("10.0.0.77")
        await stage.until(lambda: stage.app.connection.diagnoses)
        assert stage.app.clock.monotonic() - begun < 1.5
        assert stage.app.connection.cause is Cause.ADDRESS_CHANGED
        await stage.online()

    play(tmp_path, scenario)


def test_a_network_that_is_back_is_used_without_waiting(tmp_path: Path) -> None:
    """The back-off is for servers; when the network itself comes back there is nothing to wait for."""

    async def scenario(stage: Play) -> None:
        await stage.online()
        stage.world.network.set_mode(NetworkMode.DOWN)
        await asyncio.sleep(1800)
        assert not stage.app.engine.station.context.online
        begun = stage.app.clock.monotonic()
        stage.world.network.set_mode(NetworkMode.UP)
        await stage.online()
        assert stage.app.clock.monotonic() - begun < 5

    play(tmp_path, scenario)


def test_data_is_counted_by_day_and_by_connection(tmp_path: Path) -> None:
    """What a SIM is billed for can be seen."""

    async def scenario(stage: Play) -> None:
        await stage.online()
        await asyncio.sleep(3 * 86_400)
        stage.app.connection.reconnect("to see the counters")
        await asyncio.sleep(400)  # with a Heartbeat in it
        await stage.online()
        usage = stage.app.connection.usage
        assert sum(day.sent for day in usage.days.values()) == stage.app.connection.link.status.bytes_sent
        assert 0 < usage.session.sent < stage.app.connection.link.status.bytes_sent

    play(tmp_path, scenario)
