"""Firmware updates of OCPP 1.6 (edition 2, sections 4.5 and 5.19): the whole program fetches, installs, restarts and proves it."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from firmware.app import Exit
from hal.mock.firmware import MockFirmware
from hal.types import TimeTrust
from tests.station.file_server import HOST, FileServer, image
from tests.station.play import TAG, Play, play

PAST = "2020-01-01T00:00:00Z"


def serve(stage: Play) -> FileServer:
    """A file server with an image."""
    server = FileServer({"fw.img": image()})
    stage.sim.processes.spawn(stage.sim.host(HOST), server.run, name="files")
    return server


def told(stage: Play) -> list[str]:
    """Statuses told so far."""
    return [call.payload["status"] for call in stage.csms.named("FirmwareStatusNotification")]


async def order(stage: Play, server: FileServer, name: str = "fw.img", **more: Any) -> None:
    """UpdateFirmware; its answer is empty."""
    request = {"location": server.url(name), "retrieveDate": PAST, **more}
    assert await stage.csms.ask("UpdateFirmware", request) == {}


async def until_told(stage: Play, word: str, timeout_s: float = 600.0) -> None:
    """Wait for a status."""
    try:
        await stage.until(lambda: word in told(stage), timeout_s)
    except TimeoutError:
        raise AssertionError(f"{told(stage)} without {word}") from None


def test_an_update_is_installed_once_the_new_system_was_accepted(tmp_path: Path) -> None:
    """Downloading, Downloaded, Installing; a restart; BootNotification with the new version; only then Installed."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        await order(stage, server)
        await until_told(stage, "Installed")
        assert told(stage) == ["Downloading", "Downloaded", "Installing", "Installed"]
        assert stage.exits == [Exit.RESTART]
        boots = stage.csms.named("BootNotification")
        assert [call.payload["firmwareVersion"] for call in boots[1:]] == ["2.0.0"]
        installed = stage.csms.named("FirmwareStatusNotification")[-1]
        assert installed.at > boots[-1].at
        assert not stage.world.firmware.trial
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_nothing_is_fetched_before_its_time(tmp_path: Path) -> None:
    """retrieveDate in the future: the download begins then, to the second."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        begun = asyncio.get_running_loop().time()
        at = stage.sim.wall_s() + 3600
        await order(stage, server, retrieveDate=datetime.fromtimestamp(at, UTC).isoformat())
        await asyncio.sleep(3500)
        assert (server.requests, told(stage)) == ([], [])
        await until_told(stage, "Downloaded")
        assert server.requests[0][0] - begun == pytest.approx(3600, abs=1)

    play(tmp_path, scenario)


def test_a_download_that_fails_is_tried_again_and_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    """`retries` attempts more, `retryInterval` apart; one Downloading."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.failures, server.break_after = [503], [50_000]
        await order(stage, server, retries=2, retryInterval=120)
        await until_told(stage, "Downloaded")
        times = [request[0] for request in server.requests]
        assert [request[3] for request in server.requests] == [None, None, "bytes=50000-"]
        assert [later - earlier for earlier, later in pairwise(times)] == [pytest.approx(120, abs=2)] * 2
        assert told(stage) == ["Downloading", "Downloaded"]

    play(tmp_path, scenario)


def test_a_download_that_fails_for_good_is_told(tmp_path: Path) -> None:
    """DownloadFailed after all retries; charging is not touched."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        await order(stage, server, name="missing.img", retries=1, retryInterval=10)
        await until_told(stage, "DownloadFailed")
        assert told(stage) == ["Downloading", "DownloadFailed"]
        assert len(server.requests) == 2
        assert stage.exits == []
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_nothing_is_installed_while_somebody_charges(tmp_path: Path) -> None:
    """The free connector goes Unavailable, the charge goes on; when it has ended the installation begins."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await order(stage, serve(stage))
        await stage.status("Unavailable", 2)
        await asyncio.sleep(600)
        assert stage.status_now(1) == "Charging"
        assert told(stage) == ["Downloading", "Downloaded"]
        stage.tap(TAG)
        await stage.unplug()
        await until_told(stage, "Installed")
        (transaction,) = stage.csms.transactions
        assert transaction["stop"]["reason"] == "Local"
        await stage.status("Available", 2)

    play(tmp_path, scenario)


def test_charging_ends_for_an_installation_where_that_was_decided(tmp_path: Path) -> None:
    """`firmware.charging = stop`: the transaction ends with reason Reboot and is told."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await order(stage, serve(stage))
        await until_told(stage, "Installed")
        (transaction,) = stage.csms.transactions
        assert transaction["stop"]["reason"] == "Reboot"

    play(tmp_path, scenario, settings={"firmware.charging": "stop"})


def test_a_reset_is_refused_while_firmware_is_written(tmp_path: Path) -> None:
    """Rejected; the installation goes on."""

    async def scenario(stage: Play) -> None:
        await order(stage, serve(stage))
        await until_told(stage, "Installing")
        assert await stage.csms.ask("Reset", {"type": "Hard"}) == {"status": "Rejected"}
        await until_told(stage, "Installed")

    play(tmp_path, scenario)


@pytest.mark.parametrize("trouble", ["install_fails", "boot_fails"])
def test_an_installation_that_fails_leaves_the_old_system(tmp_path: Path, trouble: str) -> None:
    """InstallationFailed, and the station charges as before."""

    async def scenario(stage: Play) -> None:
        stage.do("firmware", **{trouble: True})
        await order(stage, serve(stage))
        await until_told(stage, "InstallationFailed")
        assert told(stage) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
        assert stage.world.firmware.booted == "A"
        await stage.status("Available", 1)
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_what_is_no_image_is_not_installed(tmp_path: Path) -> None:
    """The updater refuses it before anything is written."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.files["fw.img"] = b"anything else"
        await order(stage, server)
        await until_told(stage, "InstallationFailed")
        assert told(stage) == ["Downloading", "Downloaded", "InstallationFailed"]
        assert stage.world.firmware.versions == {"A": None, "B": None}

    play(tmp_path, scenario)


def test_a_new_system_that_is_not_accepted_in_time_is_given_up(tmp_path: Path) -> None:
    """The proof is a connection that the central system accepts; without it the old system comes back and says so."""

    async def scenario(stage: Play) -> None:
        refused = {"status": "Rejected", "currentTime": stage.csms.time(), "interval": 30}
        await order(stage, serve(stage))
        await until_told(stage, "Installing")
        stage.csms.scripts["BootNotification"] = lambda call: (
            {**refused, "status": "Accepted" if call.payload["firmwareVersion"] != "2.0.0" else "Rejected"}
        )
        await until_told(stage, "InstallationFailed", 3000)
        assert stage.exits == [Exit.RESTART, Exit.RESTART]
        assert stage.world.firmware.booted == "A"
        versions = [call.payload["firmwareVersion"] for call in stage.csms.named("BootNotification")]
        assert versions[1] == "2.0.0"
        assert versions[-1] == versions[0]

    play(tmp_path, scenario, settings={"firmware.proof_s": "600"})


def test_a_machine_that_does_not_start_again_is_asked_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that is back on the same start of the machine waits for it, and takes nothing for a failure."""
    boot, asked = MockFirmware.boot, list[float]()

    def reluctant(firmware: MockFirmware) -> None:
        asked.append(asyncio.get_running_loop().time())
        if len(asked) > 1:
            boot(firmware)

    monkeypatch.setattr(MockFirmware, "boot", reluctant)

    async def scenario(stage: Play) -> None:
        await order(stage, serve(stage))
        await until_told(stage, "Installed")
        assert told(stage) == ["Downloading", "Downloaded", "Installing", "Installed"]
        assert asked[1] - asked[0] > 100

    play(tmp_path, scenario)


@pytest.mark.parametrize("word", ["Downloading", "Downloaded", "Installing"])
def test_an_update_goes_on_after_a_power_cut(tmp_path: Path, word: str) -> None:
    """Whatever it was at; the end is Installed, once."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.delay_s = 5.0
        if word == "Downloaded":
            await stage.charge(60)
        await order(stage, server)
        await until_told(stage, word)
        await stage.kill_station()
        await stage.start_station()
        if word == "Downloaded":
            await stage.online()
            stage.tap(TAG)
        await until_told(stage, "Installed")
        assert told(stage).count("Installed") == 1
        assert stage.world.firmware.booted == "B"

    play(tmp_path, scenario)


def test_what_happened_while_offline_is_told_by_its_newest_status(tmp_path: Path) -> None:
    """The central system comes back and hears how far it is."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        server = serve(stage)
        server.delay_s = 50.0
        await order(stage, server)
        await until_told(stage, "Downloading")
        await stage.offline()
        await asyncio.sleep(600)
        stage.start_csms()
        await until_told(stage, "Downloaded")
        assert told(stage) == ["Downloading", "Downloaded"]

    play(tmp_path, scenario)


def test_a_new_order_replaces_one_that_is_not_being_installed(tmp_path: Path) -> None:
    """The second image is the one that is installed."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.files["newer.img"] = image("3.0.0")
        server.delay_s = 40.0
        await order(stage, server)
        await until_told(stage, "Downloading")
        await order(stage, server, name="newer.img")
        await until_told(stage, "Installed")
        assert told(stage) == ["Downloading", "Downloading", "Downloaded", "Installing", "Installed"]
        assert stage.world.firmware.versions["B"] == "3.0.0"

    play(tmp_path, scenario)


async def _triggered(stage: Play) -> str:
    before = len(told(stage))
    answer = await stage.csms.ask("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"})
    assert answer == {"status": "Accepted"}
    await stage.until(lambda: len(told(stage)) > before)
    return told(stage)[-1]


def test_the_present_status_is_told_on_demand(tmp_path: Path) -> None:
    """Idle before, Downloading meanwhile, Idle after an installation that succeeded."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.delay_s = 40.0
        assert await _triggered(stage) == "Idle"
        await order(stage, server)
        await until_told(stage, "Downloading")
        assert await _triggered(stage) == "Downloading"
        await until_told(stage, "Installed")
        assert await _triggered(stage) == "Idle"

    play(tmp_path, scenario)


def test_a_location_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """An unknown scheme is a wrong value, not a download that fails later."""

    async def scenario(stage: Play) -> None:
        request = {"location": "dummy://dummy", "retrieveDate": PAST}
        assert await stage.csms.ask("UpdateFirmware", request) == {"error": "PropertyConstraintViolation"}

    play(tmp_path, scenario)


def test_credentials_of_a_location_are_seen_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the log, not in the frames kept for people."""
    caplog.set_level("DEBUG")

    async def scenario(stage: Play) -> None:
        await order(stage, serve(stage))
        frames = [frame.text for frame in stage.app.frames.since(0)]
        await until_told(stage, "Downloaded")
        assert any("UpdateFirmware" in text for text in frames)
        assert not any("secret" in text for text in frames)

    play(tmp_path, scenario)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("firmware", "hal", "ocpp"))]
    assert not any("user:secret" in text for text in ours)


def test_without_a_trusted_clock_an_order_is_carried_out_at_once(tmp_path: Path) -> None:
    """A station that does not know the time does not wait for it."""

    async def scenario(stage: Play) -> None:
        stage.do("clock", trust=TimeTrust.UNKNOWN.value)
        await order(stage, serve(stage), retrieveDate="2040-01-01T00:00:00Z")
        await until_told(stage, "Downloading", 60)

    play(tmp_path, scenario)


def test_a_profile_that_is_off_is_not_answered(tmp_path: Path) -> None:
    """NotSupported, NotImplemented for the trigger, and not in SupportedFeatureProfiles."""

    async def scenario(stage: Play) -> None:
        for action, request in (
            ("UpdateFirmware", {"location": "http://files/fw", "retrieveDate": PAST}),
            ("GetDiagnostics", {"location": "http://files/"}),
        ):
            assert await stage.csms.ask(action, request) == {"error": "NotSupported"}
        for message in ("FirmwareStatusNotification", "DiagnosticsStatusNotification"):
            assert await stage.csms.ask("TriggerMessage", {"requestedMessage": message}) == {"status": "NotImplemented"}
        assert "FirmwareManagement" not in str(await stage.key("SupportedFeatureProfiles"))

    play(tmp_path, scenario, settings={"station.profiles": "RemoteTrigger"})
