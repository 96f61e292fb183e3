"""GetDiagnostics (OCPP 1.6 edition 2, section 5.9) and GetLog (security whitepaper, edition 3): the file, its upload, its statuses."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.station.file_server import HOST, FileServer
from tests.station.play import TAG, Play, play

SECURED = {"station.profiles": "FirmwareManagement,RemoteTrigger,Security"}


def serve(stage: Play) -> FileServer:
    """A file server."""
    server = FileServer()
    stage.sim.processes.spawn(stage.sim.host(HOST), server.run, name="files")
    return server


def told(stage: Play, action: str = "DiagnosticsStatusNotification") -> list[str]:
    """Statuses told so far."""
    return [call.payload["status"] for call in stage.csms.named(action)]


async def until_told(stage: Play, count: int, action: str = "DiagnosticsStatusNotification") -> None:
    """Wait for so many statuses."""
    try:
        await stage.until(lambda: len(told(stage, action)) >= count, 900)
    except TimeoutError:
        raise AssertionError(f"{told(stage, action)} are not {count}") from None


def log_request(server: FileServer, number: int = 7, kind: str = "DiagnosticsLog", **log: Any) -> dict[str, Any]:
    """GetLog."""
    return {"logType": kind, "requestId": number, "log": {"remoteLocation": server.url("in/"), **log}}


def iso(time_s: float) -> str:
    """A moment on the wire."""
    return datetime.fromtimestamp(time_s, UTC).isoformat()


def test_an_archive_is_uploaded_under_the_name_that_was_answered(tmp_path: Path) -> None:
    """fileName in the answer, Uploading, the file, Uploaded; nothing is left on the disk."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        answer = await stage.csms.ask("GetDiagnostics", {"location": server.url("in/")})
        await until_told(stage, 2)
        assert told(stage) == ["Uploading", "Uploaded"]
        assert list(server.uploads) == [f"in/{answer['fileName']}"]
        assert list((stage.disk.path / "uploads").iterdir()) == []

    play(tmp_path, scenario)


def test_an_archive_holds_what_a_technician_asks_for_and_no_secret(tmp_path: Path) -> None:
    """Log, state, diagnoses, frames, settings, the security log; tokens masked, no password, no credentials."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        await stage.charge(60)
        await stage.set_key("AuthorizationKey", "00112233445566778899aabbccddeeff00112233")
        await asyncio.sleep(30)
        await stage.online()
        await stage.csms.ask("GetDiagnostics", {"location": server.url("in/")})
        await until_told(stage, 2)
        (data,) = server.uploads.values()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name).decode() for name in archive.namelist()}
        assert set(files) == {
            "about.json",
            "diagnoses.jsonl",
            "frames.jsonl",
            "log.txt",
            "security.log",
            "settings.json",
            "state.json",
        }
        assert json.loads(files["about.json"])["station"] == "CP001"
        assert json.loads(files["state.json"])["evses"][0]["id"] == 1
        assert "StartTransaction" in files["frames.jsonl"]
        assert "StartupOfTheDevice" in files["security.log"]
        whole = "".join(files.values())
        for secret in (TAG, "00112233", "user:secret", "secret@"):
            assert secret not in whole

    play(tmp_path, scenario, settings=SECURED)


def test_an_upload_that_fails_is_tried_again_and_then_told(tmp_path: Path) -> None:
    """`retries` more attempts; UploadFailed after the last."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.failures = [500, 500, 500]
        await stage.csms.ask("GetDiagnostics", {"location": server.url("in/"), "retries": 2, "retryInterval": 60})
        await until_told(stage, 2)
        assert told(stage) == ["Uploading", "UploadFailed"]
        assert len(server.requests) == 3

    play(tmp_path, scenario)


def test_the_present_status_is_told_on_demand(tmp_path: Path) -> None:
    """Idle before and after, Uploading meanwhile."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.delay_s = 30.0
        trigger = {"requestedMessage": "DiagnosticsStatusNotification"}
        await stage.csms.ask("TriggerMessage", trigger)
        await until_told(stage, 1)
        await stage.csms.ask("GetDiagnostics", {"location": server.url("in/")})
        await until_told(stage, 2)
        await stage.csms.ask("TriggerMessage", trigger)
        await until_told(stage, 4)
        await stage.csms.ask("TriggerMessage", trigger)
        await until_told(stage, 5)
        assert told(stage) == ["Idle", "Uploading", "Uploading", "Uploaded", "Idle"]

    play(tmp_path, scenario)


def test_an_upload_cut_short_by_a_power_cut_has_failed(tmp_path: Path) -> None:
    """It is not begun again; the central system hears so after the boot."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.delay_s = 50.0
        await stage.csms.ask("GetDiagnostics", {"location": server.url("in/")})
        await until_told(stage, 1)
        await asyncio.sleep(5)
        await stage.kill_station()
        await stage.start_station()
        await until_told(stage, 2)
        assert told(stage) == ["Uploading", "UploadFailed"]

    play(tmp_path, scenario)


def test_the_security_log_is_uploaded_within_its_times(tmp_path: Path) -> None:
    """One file of JSON lines; only what lies between oldestTimestamp and latestTimestamp."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        await asyncio.sleep(100)
        stage.app.services.events.post("AttemptedReplayAttacks", "the one in between")
        await asyncio.sleep(100)
        stage.app.services.events.post("AttemptedReplayAttacks", "too late")
        now_s = stage.sim.wall_s()
        span = {"oldestTimestamp": iso(now_s - 150), "latestTimestamp": iso(now_s - 50)}
        answer = await stage.csms.ask("GetLog", log_request(server, 7, "SecurityLog", **span))
        await until_told(stage, 2, "LogStatusNotification")
        assert answer["status"] == "Accepted"
        lines = server.uploads[f"in/{answer['filename']}"].decode().splitlines()
        assert [json.loads(line)["text"] for line in lines] == ["the one in between"]
        assert [call.payload for call in stage.csms.named("LogStatusNotification")] == [
            {"status": "Uploading", "requestId": 7},
            {"status": "Uploaded", "requestId": 7},
        ]

    play(tmp_path, scenario, settings=SECURED)


def test_a_new_request_ends_the_upload_under_way(tmp_path: Path) -> None:
    """AcceptedCanceled; only the second file arrives."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        server.delay_s = 30.0
        await stage.csms.ask("GetLog", log_request(server, 1))
        await until_told(stage, 1, "LogStatusNotification")
        answer = await stage.csms.ask("GetLog", log_request(server, 2))
        assert answer["status"] == "AcceptedCanceled"
        await until_told(stage, 3, "LogStatusNotification")
        numbers = [call.payload["requestId"] for call in stage.csms.named("LogStatusNotification")]
        assert (numbers, told(stage, "LogStatusNotification")[1:]) == ([1, 2, 2], ["Uploading", "Uploaded"])

    play(tmp_path, scenario, settings=SECURED)


def test_reasons_of_failed_uploads_have_their_words(tmp_path: Path) -> None:
    """PermissionDenied, BadMessage, NotSupportedOperation, and UploadFailure for the rest; an unknown scheme is Rejected."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        for number, (status, word) in enumerate(
            [(403, "PermissionDenied"), (400, "BadMessage"), (501, "NotSupportedOperation"), (500, "UploadFailure")], 1
        ):
            server.failures = [status, status]
            await stage.csms.ask("GetLog", {**log_request(server, number), "retries": 0})
            await until_told(stage, 2 * number, "LogStatusNotification")
            assert told(stage, "LogStatusNotification")[-1] == word
        request = {"logType": "SecurityLog", "requestId": 9, "log": {"remoteLocation": "sftp://host/x"}}
        assert await stage.csms.ask("GetLog", request) == {"status": "Rejected"}

    play(tmp_path, scenario, settings=SECURED)
