"""The whole station under a change of its security settings, a modem that has to be helped up, and a CSMS that sets the back-off."""

import asyncio
import itertools
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from firmware.core.settings import RETRY_DOUBLINGS, RETRY_RANDOM_S, RETRY_WAIT_S, AnySetting
from firmware.core.station import Station
from firmware.core.values import Result
from firmware.uplink.access import TRIAL_ATTEMPTS
from firmware.uplink.ladder import BETWEEN_S, PATIENCE_S
from hal.mock.network import NetworkMode
from hal.types import Instant
from ocpp_client.causes import Cause
from tests.station.play import Play, play

KEY = "0123456789abcdef"
PASSWORD = {"csms.password": KEY}
MODEM = {"csms.cellular": "true"}

Upgrade = Callable[[ServerConnection, Request], Response | None]


def noting(shown: list[str | None], *, admits: Callable[[str | None], bool]) -> Upgrade:
    """A CSMS that notes the password of each upgrade, and admits some."""

    def upgrade(connection: ServerConnection, request: Request) -> Response | None:
        header = request.headers.get("Authorization")
        password = None if header is None else b64decode(header.removeprefix("Basic ")).decode().partition(":")[2]
        shown.append(password)
        return None if admits(password) else connection.respond(HTTPStatus.UNAUTHORIZED, "who are you?")

    return upgrade


# --- security profiles


def test_a_profile_that_comes_to_nothing_falls_back_and_the_charge_goes_on(tmp_path: Path) -> None:
    """A05: after so many failures the old profile is back; what was charging meanwhile is none the wiser."""

    async def scenario(stage: Play) -> None:
        shown: list[str | None] = []
        await stage.charge(60)
        stage.csms.on_upgrade = noting(shown, admits=lambda password: password is None)
        assert stage.app.connection.ask_profile(1) is None
        await stage.until(lambda: len(shown) > TRIAL_ATTEMPTS, 600)
        await stage.online()
        assert shown == [*[KEY] * TRIAL_ATTEMPTS, None]
        assert stage.app.connection.access.current.profile == 0
        assert stage.app.connection.cause is Cause.CREDENTIALS
        assert stage.status_now() == "Charging"
        await stage.finish()
        assert len(stage.csms.transactions) == 1

    play(tmp_path, scenario, settings=PASSWORD)


def test_a_proven_profile_is_used_after_a_restart_and_never_fallen_back_from(tmp_path: Path) -> None:
    """Once accepted, the station dials with it at once, and goes on with it however often it is refused."""

    async def scenario(stage: Play) -> None:
        shown: list[str | None] = []
        stage.csms.on_upgrade = noting(shown, admits=lambda password: password == KEY)
        assert stage.app.connection.ask_profile(1) is None
        await stage.until(lambda: shown and stage.app.engine.station.context.online, 600)
        await stage.app.engine.journal.written()
        await stage.kill_station()
        stage.csms.on_upgrade = noting(shown, admits=lambda password: len(shown) > 3 * TRIAL_ATTEMPTS)
        await stage.start_station()
        await stage.online()
        assert set(shown) == {KEY}
        assert stage.app.connection.ask_profile(0) is not None

    play(tmp_path, scenario, settings=PASSWORD)


def test_a_trial_goes_on_over_a_power_cut(tmp_path: Path) -> None:
    """A station that is switched off in the middle neither forgets the new profile nor begins the trial anew."""

    async def scenario(stage: Play) -> None:
        shown: list[str | None] = []
        stage.csms.on_upgrade = noting(shown, admits=lambda password: password is None)
        assert stage.app.connection.ask_profile(1) is None
        await stage.until(lambda: len(shown) == 2, 600)
        await asyncio.sleep(0.5)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        assert shown == [*[KEY] * TRIAL_ATTEMPTS, None]

    play(tmp_path, scenario, settings=PASSWORD)


# --- the modem


def test_a_modem_is_helped_up_when_the_network_is_silent(tmp_path: Path) -> None:
    """Mildest step first, each with its time; the step that helps is the last, and the station is back at once."""

    async def scenario(stage: Play) -> None:
        await stage.online()
        modem = stage.world.modem
        down_at = stage.app.clock.monotonic()
        stage.world.network.set_mode(NetworkMode.BLACK_HOLE)
        await stage.until(lambda: len(modem.recoveries) == 2, 3600)
        stage.world.network.set_mode(NetworkMode.UP)
        await stage.online()
        assert [step for _, step in modem.recoveries] == ["reattach", "radio-cycle"]
        first_at, second_at = [at for at, _ in modem.recoveries]
        assert first_at - down_at >= PATIENCE_S
        assert second_at - first_at >= BETWEEN_S - 30
        await asyncio.sleep(7200)
        assert len(modem.recoveries) == 2  # nothing more is done to a modem whose link stands

    play(tmp_path, scenario, settings=MODEM)


def test_a_modem_is_left_alone_when_the_server_refuses(tmp_path: Path) -> None:
    """A refusal came over the network: switching the radio off would only make it worse."""

    async def scenario(stage: Play) -> None:
        await stage.online()
        await stage.offline()
        stage.csms.on_upgrade = noting([], admits=lambda _: False)
        stage.start_csms()
        await asyncio.sleep(3600)
        assert list(stage.world.modem.recoveries) == []
        assert stage.app.connection.cause is Cause.CREDENTIALS

    play(tmp_path, scenario, settings=MODEM)


# --- heartbeats


def test_heartbeats_go_on_during_a_transaction(tmp_path: Path) -> None:
    """Row 1: a CSMS that counts on them hears one an interval, meter values or not."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("HeartbeatInterval", "60")
        await stage.set_key("MeterValueSampleInterval", "0")
        await stage.charge(1)
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(1800)
        beats = [call.at for call in stage.csms.calls if call.action == "Heartbeat" and call.at >= begun]
        gaps = [later - earlier for earlier, later in itertools.pairwise(beats)]
        assert len(beats) >= 29
        assert max(gaps) <= 62
        assert stage.status_now() == "Charging"

    play(tmp_path, scenario)


# --- back-off


def test_the_back_off_of_ocpp201_follows_its_variables(tmp_path: Path) -> None:
    """RetryBackOffWaitMinimum, doubled RepeatTimes times, then the same for ever; RandomRange 0 leaves nothing to chance."""

    async def scenario(stage: Play) -> None:
        dialled: list[float] = []

        def refuse(connection: ServerConnection, _: Request) -> Response:
            dialled.append(asyncio.get_running_loop().time())
            return connection.respond(HTTPStatus.NOT_FOUND, "nobody of that name")

        for setting, value in ((RETRY_WAIT_S, "10"), (RETRY_DOUBLINGS, "2"), (RETRY_RANDOM_S, "0")):
            stage.app.engine.apply(partial(_set, setting=setting, value=value))
        stage.app.connection.reconnect("new settings")
        stage.csms.on_upgrade = refuse
        stage.start_csms()
        await asyncio.sleep(300)
        dialled.clear()
        await asyncio.sleep(200)
        assert [round(later - earlier) for earlier, later in itertools.pairwise(dialled)] == [40] * 4
        stage.csms.on_upgrade = None
        stage.csms.subprotocol = "ocpp2.0.1"
        await stage.online()
        await asyncio.sleep(60)  # the connection has proven itself
        stage.csms.on_upgrade = refuse
        stage.stop_csms()
        await stage.until(lambda: not stage.app.engine.station.context.online)
        dialled.clear()
        stage.start_csms()
        await asyncio.sleep(150)
        waits = [round(later - earlier) for earlier, later in itertools.pairwise(dialled)]
        assert waits[:3] == [20, 40, 40]

    play(tmp_path, scenario, connected=False, settings={"csms.protocols": "ocpp2.0.1"})


def _set(station: Station, _now: Instant, *, setting: AnySetting, value: str) -> None:
    assert station.set_setting(setting, value).result is Result.ACCEPTED
