"""The security whitepaper (edition 3) on OCPP 1.6, without TLS: certificates, events, signed firmware, keys, triggers."""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.core.settings import BY_ID
from hal.types import FaultCode
from tests.services.pki import Signer, answer, make, root
from tests.station.file_server import HOST, FileServer, image
from tests.station.play import Play, play
from tests.station.scripted import Error, Scripted

SECURED = {
    "station.profiles": "FirmwareManagement,RemoteTrigger,Security",
    "station.serial_number": "K22-0001",
}
PAST = "2020-01-01T00:00:00Z"
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


def now(stage: Play) -> dt.datetime:
    """The station's time."""
    return dt.datetime.fromtimestamp(stage.sim.wall_s(), dt.UTC)


def authority(stage: Play, name: str = "Root") -> Signer:
    """A root that is valid in the station's time."""
    return root(name, begins=now(stage) - dt.timedelta(days=1), days=3650)


def leaf(stage: Play, name: str, issuer: Signer, **more: Any) -> Signer:
    """A certificate that is valid in the station's time."""
    return make(name, issuer, **{"begins": now(stage) - dt.timedelta(days=1), **more})


def events(stage: Play) -> list[str]:
    """Security events told so far."""
    return [call.payload["type"] for call in stage.csms.named("SecurityEventNotification")]


async def install(stage: Play, signer: Signer, use: str = "ManufacturerRootCertificate") -> dict[str, Any]:
    """InstallCertificate."""
    return await stage.csms.ask("InstallCertificate", {"certificateType": use, "certificate": signer.pem})


def serve(stage: Play) -> FileServer:
    """A file server with an image."""
    server = FileServer({"fw.img": image()})
    stage.sim.processes.spawn(stage.sim.host(HOST), server.run, name="files")
    return server


# ---- events -----------------------------------------------------------------------------------------------------------


def test_the_start_of_the_station_is_told_after_the_boot(tmp_path: Path) -> None:
    """StartupOfTheDevice is critical: told at each start, after the statuses."""

    async def scenario(stage: Play) -> None:
        event = await stage.csms.heard("SecurityEventNotification")
        assert event.payload["type"] == "StartupOfTheDevice"
        assert stage.csms.received.index("SecurityEventNotification") > stage.csms.received.index("StatusNotification")

    play(tmp_path, scenario, settings=SECURED)


def test_critical_events_outlive_a_power_cut_and_go_out_in_order(tmp_path: Path) -> None:
    """Recorded offline, with the time at which they happened."""

    async def scenario(stage: Play) -> None:
        await stage.delivered()
        await stage.offline()
        happened = stage.sim.wall_s()
        stage.do("fault", code=FaultCode.DOOR_OPEN.value)
        await asyncio.sleep(60)
        await stage.kill_station()
        stage.start_csms()
        await stage.start_station()
        await stage.csms.heard("SecurityEventNotification", 3)
        assert events(stage) == ["StartupOfTheDevice", "TamperDetectionActivated", "StartupOfTheDevice"]
        told = stage.csms.named("SecurityEventNotification")[1].payload["timestamp"]
        assert dt.datetime.fromisoformat(told).timestamp() == pytest.approx(happened, abs=1)

    play(tmp_path, scenario, settings=SECURED)


def test_a_reset_and_a_step_of_the_clock_are_told(tmp_path: Path) -> None:
    """ResetOrReboot with the command; SettingSystemTime for more than 20 s, not for less."""

    async def scenario(stage: Play) -> None:
        await stage.delivered()
        stage.do("clock", offset_s=15)
        await asyncio.sleep(30)
        stage.do("clock", offset_s=3600)
        await stage.csms.heard("SecurityEventNotification", 2)
        await stage.csms.ask("Reset", {"type": "Soft"})
        await stage.csms.heard("SecurityEventNotification", 4)
        assert events(stage)[1:] == ["SettingSystemTime", "ResetOrReboot", "StartupOfTheDevice"]

    play(tmp_path, scenario, settings=SECURED)


def test_a_central_system_without_the_whitepaper_is_not_bothered_twice(tmp_path: Path) -> None:
    """NotImplemented ends the matter: nothing waits, and nothing is a dead letter."""

    async def scenario(stage: Play) -> None:
        await stage.csms.heard("SecurityEventNotification")
        await stage.delivered()
        assert stage.app.queue.stats().dead == 0
        assert events(stage) == ["StartupOfTheDevice"]

    def csms(now_s: Callable[[], float]) -> Scripted:
        made = Scripted(now_s)
        made.scripts["SecurityEventNotification"] = lambda _: Error("NotImplemented")
        return made

    play(tmp_path, scenario, settings=SECURED, csms=csms)


# ---- certificates -----------------------------------------------------------------------------------------------------


def test_roots_are_installed_listed_and_deleted(tmp_path: Path) -> None:
    """Accepted; in the list under its hashes; deleted once, then NotFound; NotFound for an empty list."""

    async def scenario(stage: Play) -> None:
        ask = {"certificateType": "ManufacturerRootCertificate"}
        assert await stage.csms.ask("GetInstalledCertificateIds", ask) == {"status": "NotFound"}
        assert await install(stage, authority(stage)) == ACCEPTED
        listed = await stage.csms.ask("GetInstalledCertificateIds", ask)
        (name,) = listed["certificateHashData"]
        assert (listed["status"], name["hashAlgorithm"]) == ("Accepted", "SHA256")
        other = {"certificateType": "CentralSystemRootCertificate"}
        assert await stage.csms.ask("GetInstalledCertificateIds", other) == {"status": "NotFound"}
        delete = {"certificateHashData": name}
        assert await stage.csms.ask("DeleteCertificate", delete) == ACCEPTED
        assert await stage.csms.ask("DeleteCertificate", delete) == {"status": "NotFound"}
        bad = {"certificateType": "ManufacturerRootCertificate", "certificate": "nonsense"}
        assert await stage.csms.ask("InstallCertificate", bad) == REJECTED

    play(tmp_path, scenario, settings=SECURED)


def test_a_certificate_is_asked_for_by_trigger_and_taken_in(tmp_path: Path) -> None:
    """SignCertificate with O = CpoName and CN = serial number, after the answer; CertificateSigned is Accepted."""

    async def scenario(stage: Play) -> None:
        trigger = {"requestedMessage": "SignChargePointCertificate"}
        assert await stage.csms.ask("ExtendedTriggerMessage", trigger) == REJECTED  # nobody operates it yet
        await stage.set_key("CpoName", "Operator")
        assert await stage.csms.ask("ExtendedTriggerMessage", trigger) == ACCEPTED
        request = (await stage.csms.heard("SignCertificate")).payload["csr"]
        chain = answer(request, authority(stage), begins=now(stage) - dt.timedelta(days=1))
        assert await stage.csms.ask("CertificateSigned", {"certificateChain": chain}) == ACCEPTED
        stranger = answer(request, authority(stage), name="K22-0002", begins=now(stage) - dt.timedelta(days=1))
        assert await stage.csms.ask("CertificateSigned", {"certificateChain": stranger}) == REJECTED
        await stage.until(lambda: "InvalidChargePointCertificate" in events(stage))

    play(tmp_path, scenario, settings=SECURED)


def test_a_certificate_that_ends_within_a_month_is_renewed_without_being_asked(tmp_path: Path) -> None:
    """One request a day at the most, until a new one has come."""

    async def scenario(stage: Play) -> None:
        await stage.csms.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        first = (await stage.csms.heard("SignCertificate")).payload["csr"]
        begins = now(stage) - dt.timedelta(days=1)
        short = answer(first, authority(stage), begins=begins, days=33)
        assert await stage.csms.ask("CertificateSigned", {"certificateChain": short}) == ACCEPTED
        await asyncio.sleep(86_400)
        assert len(stage.csms.named("SignCertificate")) == 1
        second = (await stage.csms.heard("SignCertificate", 2, 2 * 86_400)).payload["csr"]
        begins = now(stage) - dt.timedelta(days=1)
        new = answer(second, authority(stage), begins=begins)
        assert await stage.csms.ask("CertificateSigned", {"certificateChain": new}) == ACCEPTED
        await asyncio.sleep(2 * 86_400)
        assert len(stage.csms.named("SignCertificate")) == 2

    keys = {"CpoName": "Operator", "HeartbeatInterval": "86400", "WebSocketPingInterval": "0"}
    play(tmp_path, scenario, settings=SECURED, keys=keys)


# ---- signed firmware ----------------------------------------------------------------------------------------------------


async def _order(stage: Play, server: FileServer, signer: Signer, signature: str, **more: Any) -> dict[str, Any]:
    firmware = {
        "location": server.url("fw.img"),
        "retrieveDateTime": PAST,
        "signingCertificate": signer.pem,
        "signature": signature,
        **more,
    }
    return await stage.csms.ask("SignedUpdateFirmware", {"requestId": 5, "firmware": firmware})


def signed_statuses(stage: Play) -> list[str]:
    """Told so far, each with the number of the request."""
    calls = stage.csms.named("SignedFirmwareStatusNotification")
    assert all(call.payload.get("requestId") == 5 for call in calls if call.payload["status"] != "Idle")
    return [call.payload["status"] for call in calls]


def test_signed_firmware_is_verified_and_installed(tmp_path: Path) -> None:
    """Every status of the whitepaper's sequence with the number of the request, then the event FirmwareUpdated."""

    async def scenario(stage: Play) -> None:
        server, manufacturer = serve(stage), authority(stage)
        await install(stage, manufacturer)
        signer = leaf(stage, "Signer", manufacturer)
        times = {"retrieveDateTime": (now(stage) + dt.timedelta(minutes=5)).isoformat()}
        times["installDateTime"] = (now(stage) + dt.timedelta(minutes=30)).isoformat()
        assert await _order(stage, server, signer, signer.sign(image()), **times) == ACCEPTED
        await stage.until(lambda: "Installed" in signed_statuses(stage), 3600)
        assert signed_statuses(stage) == [
            "DownloadScheduled",
            "Downloading",
            "Downloaded",
            "SignatureVerified",
            "InstallScheduled",
            "Installing",
            "InstallRebooting",
            "Installed",
        ]
        await stage.until(lambda: "FirmwareUpdated" in events(stage))
        await stage.csms.ask("ExtendedTriggerMessage", {"requestedMessage": "FirmwareStatusNotification"})
        await stage.until(lambda: signed_statuses(stage)[-1] == "Idle")

    play(tmp_path, scenario, settings=SECURED)


def test_firmware_with_a_wrong_signature_is_not_installed(tmp_path: Path) -> None:
    """InvalidSignature, with its event; the station goes on."""

    async def scenario(stage: Play) -> None:
        server, manufacturer = serve(stage), authority(stage)
        await install(stage, manufacturer)
        signer = leaf(stage, "Signer", manufacturer)
        assert await _order(stage, server, signer, signer.sign(b"another file")) == ACCEPTED
        await stage.until(lambda: "InvalidSignature" in signed_statuses(stage))
        assert signed_statuses(stage) == ["Downloading", "Downloaded", "InvalidSignature"]
        await stage.until(lambda: "InvalidFirmwareSignature" in events(stage))
        assert stage.exits == []

    play(tmp_path, scenario, settings=SECURED)


def test_a_signing_certificate_is_checked_before_the_answer(tmp_path: Path) -> None:
    """InvalidCertificate with its event, and nothing is fetched."""

    async def scenario(stage: Play) -> None:
        server = serve(stage)
        await install(stage, authority(stage))
        signer = leaf(stage, "Signer", authority(stage, "Stranger"))
        assert await _order(stage, server, signer, signer.sign(image())) == {"status": "InvalidCertificate"}
        await stage.until(lambda: "InvalidFirmwareSigningCertificate" in events(stage))
        assert server.requests == []

    play(tmp_path, scenario, settings=SECURED)


def test_a_new_order_ends_a_download_but_no_installation(tmp_path: Path) -> None:
    """AcceptedCanceled while it downloads, Rejected while it is installed."""

    async def scenario(stage: Play) -> None:
        server, manufacturer = serve(stage), authority(stage)
        server.delay_s = 30.0
        await install(stage, manufacturer)
        signer = leaf(stage, "Signer", manufacturer)
        signature = signer.sign(image())
        await _order(stage, server, signer, signature)
        await stage.until(lambda: "Downloading" in signed_statuses(stage))
        assert await _order(stage, server, signer, signature) == {"status": "AcceptedCanceled"}
        await stage.until(lambda: "Installing" in signed_statuses(stage), 300)
        assert await _order(stage, server, signer, signature) == REJECTED

    play(tmp_path, scenario, settings=SECURED)


def test_plain_updates_are_not_taken_beside_signed_ones(tmp_path: Path) -> None:
    """NotSupported (whitepaper L01.FR.20), unless the configuration wants it."""

    async def scenario(stage: Play) -> None:
        request = {"location": "http://files:8000/fw.img", "retrieveDate": PAST}
        expected = {} if stage.settings.get("firmware.unsigned") else {"error": "NotSupported"}
        assert await stage.csms.ask("UpdateFirmware", request) == expected

    play(tmp_path / "a", scenario, settings=SECURED)
    play(tmp_path / "b", scenario, settings={**SECURED, "firmware.unsigned": "true"})


# ---- keys and triggers ----------------------------------------------------------------------------------------------------


def test_keys_of_the_whitepaper_are_there_with_their_rules(tmp_path: Path) -> None:
    """Read-only limits; CpoName can be set; the value of AuthorizationKey is never told."""

    async def scenario(stage: Play) -> None:
        names = [
            "AdditionalRootCertificateCheck",
            "CertificateSignedMaxChainSize",
            "CertificateStoreMaxLength",
            "CpoName",
            "SecurityProfile",
            "SupportedFileTransferProtocols",
        ]
        found = (await stage.csms.ask("GetConfiguration", {"key": names}))["configurationKey"]
        assert [(key["value"], key["readonly"]) for key in found] == [
            ("false", True),
            ("10000", True),
            ("10", True),
            ("", False),
            ("0", False),
            ("HTTP,HTTPS,FTP,FTPS", True),
        ]
        (key,) = (await stage.csms.ask("GetConfiguration", {"key": ["AuthorizationKey"]}))["configurationKey"]
        assert key == {"key": "AuthorizationKey", "readonly": False}
        assert "security.organisation" in BY_ID

    play(tmp_path, scenario, settings=SECURED)


@pytest.mark.parametrize("value", ["", "0011", "g" * 41, "00112233445566778899aabbccddeeff0011223344"])
def test_an_unfit_authorization_key_is_rejected(tmp_path: Path, value: str) -> None:
    """And the connection stays as it is."""

    async def scenario(stage: Play) -> None:
        request = {"key": "AuthorizationKey", "value": value}
        assert await stage.csms.ask("ChangeConfiguration", request) == REJECTED
        await asyncio.sleep(10)
        assert len(stage.csms.connections) == 1

    play(tmp_path, scenario, settings=SECURED)


@pytest.mark.parametrize("value", ["0", "1", "2", "3", "4", "x"])
def test_a_security_profile_needs_what_it_needs(tmp_path: Path, value: str) -> None:
    """Not lower or equal; 1 and 2 need a password, 2 and 3 a root, 3 a certificate; anything else is no profile."""

    async def scenario(stage: Play) -> None:
        request = {"key": "SecurityProfile", "value": value}
        assert await stage.csms.ask("ChangeConfiguration", request) == REJECTED
        assert await stage.key("SecurityProfile") == "0"

    play(tmp_path, scenario, settings=SECURED)


def test_messages_of_the_whitepaper_are_told_on_demand(tmp_path: Path) -> None:
    """The answer first; Idle without a number where nothing is under way; the rest as TriggerMessage."""

    async def scenario(stage: Play) -> None:
        for message, action in (
            ("LogStatusNotification", "LogStatusNotification"),
            ("FirmwareStatusNotification", "SignedFirmwareStatusNotification"),
        ):
            assert await stage.csms.ask("ExtendedTriggerMessage", {"requestedMessage": message}) == ACCEPTED
            assert (await stage.csms.heard(action)).payload == {"status": "Idle"}
        assert await stage.csms.ask("ExtendedTriggerMessage", {"requestedMessage": "Heartbeat"}) == ACCEPTED
        await stage.csms.heard("Heartbeat")
        assert await stage.csms.ask("ExtendedTriggerMessage", {"requestedMessage": "BootNotification"}) == REJECTED
        unknown = {"requestedMessage": "StatusNotification", "connectorId": 9}
        assert await stage.csms.ask("ExtendedTriggerMessage", unknown) == REJECTED

    play(tmp_path, scenario, settings=SECURED)


def test_without_the_whitepaper_nothing_of_it_is_answered(tmp_path: Path) -> None:
    """NotSupported, no keys, no events."""

    async def scenario(stage: Play) -> None:
        ask = {"certificateType": "ManufacturerRootCertificate"}
        assert await stage.csms.ask("GetInstalledCertificateIds", ask) == {"error": "NotSupported"}
        trigger = {"requestedMessage": "Heartbeat"}
        assert await stage.csms.ask("ExtendedTriggerMessage", trigger) == {"error": "NotSupported"}
        unknown = await stage.csms.ask("GetConfiguration", {"key": ["SecurityProfile", "AuthorizationKey", "CpoName"]})
        assert unknown == {"unknownKey": ["SecurityProfile", "AuthorizationKey", "CpoName"]}
        await asyncio.sleep(60)
        assert events(stage) == []

    play(tmp_path, scenario)
