"""ChangeConfiguration and GetConfiguration (OCPP 1.6 edition 2, sections 5.3, 5.8 and 9.1, with errata)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware.core.context import EvseSpec
from firmware.core.settings import Settings
from firmware.core.station import Station
from firmware.core.values import Result
from firmware.ocpp16.configuration import Configuration
from tests.station.play import Play, play

REQUIRED = {
    "AuthorizeRemoteTxRequests",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys",
    "HeartbeatInterval",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MeterValuesAlignedData",
    "MeterValuesSampledData",
    "MeterValueSampleInterval",
    "NumberOfConnectors",
    "ResetRetries",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnSampledData",
    "SupportedFeatureProfiles",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
}
READ_ONLY = {
    "ConnectorPhaseRotationMaxLength": "3",
    "GetConfigurationMaxKeys": "100",
    "MeterValuesAlignedDataMaxLength": "40",
    "MeterValuesSampledDataMaxLength": "40",
    "NumberOfConnectors": "2",
    "StopTransactionMaxMeterValues": "100",
    "StopTxnAlignedDataMaxLength": "40",
    "StopTxnSampledDataMaxLength": "40",
}
DEFAULTS = {
    "AllowOfflineTxForUnknownId": "false",
    "AuthorizationCacheEnabled": "true",
    "AuthorizeRemoteTxRequests": "true",
    "ClockAlignedDataInterval": "0",
    "ConnectionTimeOut": "60",
    "LocalAuthorizeOffline": "true",
    "LocalPreAuthorize": "false",
    "MaxEnergyOnInvalidId": "0",
    "MeterValuesAlignedData": "Energy.Active.Import.Register",
    "MeterValuesSampledData": "Energy.Active.Import.Register",
    "MeterValueSampleInterval": "60",
    "MinimumStatusDuration": "0",
    "ResetRetries": "1",
    "StopTransactionOnEVSideDisconnect": "true",
    "StopTransactionOnInvalidId": "true",
    "StopTxnAlignedData": "",
    "StopTxnSampledData": "",
    "TransactionMessageAttempts": "3",
    "TransactionMessageRetryInterval": "60",
    "UnlockConnectorOnEVSideDisconnect": "true",
    "WebSocketPingInterval": "60",
}
BOOLEANS = [name for name, value in DEFAULTS.items() if value in ("true", "false")]
COUNTS = [name for name, value in DEFAULTS.items() if value.isdecimal()]
LISTS = ["MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData", "StopTxnAlignedData"]


async def _all(stage: Play) -> dict[str, dict[str, Any]]:
    answer = await stage.csms.ask("GetConfiguration", {})
    assert "unknownKey" not in answer
    return {key["key"]: key for key in answer["configurationKey"]}


async def _change(stage: Play, name: str, value: str) -> str:
    answer = await stage.csms.ask("ChangeConfiguration", {"key": name, "value": value})
    status: str = answer.get("status") or answer["error"]
    return status


def test_every_required_key_is_there_with_a_sane_value(tmp_path: Path) -> None:
    """All keys of the Core profile that the standard requires, with our defaults; no key without a value."""

    async def scenario(stage: Play) -> None:
        keys = await _all(stage)
        assert keys.keys() >= REQUIRED
        assert {name: keys[name]["value"] for name in DEFAULTS} == DEFAULTS
        assert {name: keys[name]["value"] for name in READ_ONLY} == READ_ONLY
        profiles = keys["SupportedFeatureProfiles"]["value"].split(",")
        assert set(profiles) >= {"Core", "RemoteTrigger"}
        assert {name for name, key in keys.items() if key["readonly"]} >= {*READ_ONLY, "SupportedFeatureProfiles"}
        assert not any(keys[name]["readonly"] for name in DEFAULTS)

    play(tmp_path, scenario)


def test_keys_compare_without_regard_to_case_and_unknown_ones_are_named(tmp_path: Path) -> None:
    """Known keys come in configurationKey under their own spelling, the others in unknownKey as they were asked for."""

    async def scenario(stage: Play) -> None:
        wanted = ["heartbeatinterval", "NoSuchKey", "NUMBEROFCONNECTORS"]
        answer = await stage.csms.ask("GetConfiguration", {"key": wanted})
        assert [key["key"] for key in answer["configurationKey"]] == ["HeartbeatInterval", "NumberOfConnectors"]
        assert answer["unknownKey"] == ["NoSuchKey"]
        assert await _change(stage, "heartbeatINTERVAL", "77") == "Accepted"
        assert await stage.key("HeartbeatInterval") == "77"
        answer = await stage.csms.ask("GetConfiguration", {"key": ["NoSuchKey"]})
        assert answer == {"unknownKey": ["NoSuchKey"]}

    play(tmp_path, scenario)


def test_an_empty_list_of_keys_means_all(tmp_path: Path) -> None:
    """As if the list were left out."""

    async def scenario(stage: Play) -> None:
        answer = await stage.csms.ask("GetConfiguration", {"key": []})
        assert {key["key"] for key in answer["configurationKey"]} == set(await _all(stage))

    play(tmp_path, scenario)


def test_more_keys_than_allowed_are_refused(tmp_path: Path) -> None:
    """GetConfigurationMaxKeys bounds one request."""

    async def scenario(stage: Play) -> None:
        assert len((await stage.csms.ask("GetConfiguration", {"key": ["Nothing"] * 100}))["unknownKey"]) == 100
        answer = await stage.csms.ask("GetConfiguration", {"key": ["Nothing"] * 101})
        assert answer == {"error": "OccurenceConstraintViolation"}

    play(tmp_path, scenario)


def test_unknown_keys_are_not_supported_and_read_only_ones_rejected(tmp_path: Path) -> None:
    """NotSupported and Rejected; nothing changes."""

    async def scenario(stage: Play) -> None:
        assert await _change(stage, "NoSuchKey", "1") == "NotSupported"
        for name, value in READ_ONLY.items():
            assert await _change(stage, name, "7") == "Rejected"
            assert await stage.key(name) == value
        assert await _change(stage, "SupportedFeatureProfiles", "Core") == "Rejected"

    play(tmp_path, scenario)


def test_booleans_and_counts_are_checked(tmp_path: Path) -> None:
    """true and false in any case; whole numbers of seconds, times or watt hours, none of them negative."""

    async def scenario(stage: Play) -> None:
        for name in BOOLEANS:
            for value in ("1", "yes", "", "truefalse"):
                assert await _change(stage, name, value) == "Rejected", (name, value)
            assert await stage.key(name) == DEFAULTS[name]
            assert await _change(stage, name, "TRUE") == "Accepted"
            assert await _change(stage, name, "False") == "Accepted"
            assert await stage.key(name) == "false"
        for name in [*COUNTS, "HeartbeatInterval", "MessageTimeout"]:
            before = await stage.key(name)
            for value in ("-1", "1.5", "ten", "", "0x10", "9" * 20, "\u0661"):
                assert await _change(stage, name, value) == "Rejected", (name, value)
            assert await stage.key(name) == before
            assert await _change(stage, name, "123") == "Accepted"
            assert await stage.key(name) == "123"

    play(tmp_path, scenario)


def test_a_list_of_measurands_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    """One measurand that is not supported refuses the list, and the old one stays; empty is a value; order and phases stay."""

    async def scenario(stage: Play) -> None:
        for name in LISTS:
            before = await stage.key(name)
            for value in (
                "Voltage,RPM",
                "Voltage,Nonsense",
                "Voltage.L9",
                "Energy.Reactive.Import.Register",
                "SoC.L1",
                "Energy.Active.Import.Register.L1",
                "Voltage.L1-L2",
                "Current.Import.N",
            ):
                assert await _change(stage, name, value) == "Rejected", (name, value)
                assert await stage.key(name) == before
            assert await _change(stage, name, "") == "Accepted"
            assert await stage.key(name) == ""
            assert await _change(stage, name, "Voltage.L1, Power.Active.Import") == "Accepted"
            assert await stage.key(name) == "Voltage.L1,Power.Active.Import"

    play(tmp_path, scenario)


def test_a_list_of_more_measurands_than_its_max_length_key_says_is_rejected(tmp_path: Path) -> None:
    """As many as that are taken; one more is too many, also where the same one comes again."""

    async def scenario(stage: Play) -> None:
        for name in LISTS:
            most = int(await stage.key(f"{name}MaxLength") or 0)
            assert await _change(stage, name, ",".join(["Voltage"] * (most + 1))) == "Rejected", name
            assert await _change(stage, name, ",".join(["Voltage"] * most)) == "Accepted", name

    play(tmp_path, scenario)


def test_the_phase_rotation_names_connectors_that_exist(tmp_path: Path) -> None:
    """Items are a connector (0 is the main meter), a dot and a rotation of the standard; no connector comes twice."""

    async def scenario(stage: Play) -> None:
        for value in (
            "3.RST",
            "1.XYZ",
            "RST",
            "1-RST",
            "0.RST;1.RST",
            "01.RST",
            "1.RST,1.RTS",
            "0.RST,1.RST,2.RST,2.RST",
        ):
            assert await _change(stage, "ConnectorPhaseRotation", value) == "Rejected", value
        assert await _change(stage, "ConnectorPhaseRotation", "0.RST,1.RTS,2.NotApplicable") == "Accepted"
        assert await stage.key("ConnectorPhaseRotation") == "0.RST,1.RTS,2.NotApplicable"

    play(tmp_path, scenario)


def test_what_was_set_is_kept_over_a_crash(tmp_path: Path) -> None:
    """A value that was answered Accepted is there after the program was killed, and wins over the configuration file."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("MeterValueSampleInterval", "17")
        await stage.set_key("StopTxnSampledData", "Voltage")
        await asyncio.sleep(1)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        assert await stage.key("MeterValueSampleInterval") == "17"
        assert await stage.key("StopTxnSampledData") == "Voltage"

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "99"})


def test_every_writable_key_can_have_its_first_value_in_the_configuration_file(tmp_path: Path) -> None:
    """The [ocpp16] table gives the start value of each."""
    first = {
        "ConnectionTimeOut": "41",
        "LocalPreAuthorize": "true",
        "StopTxnSampledData": "Voltage",
        "MinimumStatusDuration": "3",
    }

    async def scenario(stage: Play) -> None:
        for name, value in first.items():
            assert await stage.key(name) == value

    play(tmp_path, scenario, keys=first)


@pytest.mark.parametrize(("interval", "noticed"), [("5", True), ("0", False)])
def test_the_ping_interval_counts_at_once(tmp_path: Path, interval: str, noticed: bool) -> None:
    """WebSocketPingInterval: a dead line is noticed by the missing pong, without pings (0) only by a message."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("WebSocketPingInterval", interval)
        stage.do("network", mode="black_hole")
        await asyncio.sleep(30)
        assert stage.app.engine.station.context.online is not noticed

    play(tmp_path, scenario)


@pytest.mark.parametrize("name", ["BlinkRepeat", "LightIntensity"])
def test_a_key_without_a_function_is_not_there(tmp_path: Path, name: str) -> None:
    """An optional key is offered only where it does something: this station's lamps have neither blinks nor brightness to set."""

    async def scenario(stage: Play) -> None:
        assert await _change(stage, name, "3") == "NotSupported"

    play(tmp_path, scenario)


def test_where_every_cable_is_fixed_there_is_nothing_to_unlock() -> None:
    """UnlockConnectorOnEVSideDisconnect is false and read-only then (errata)."""
    station = Station([EvseSpec(1, 32.0), EvseSpec(2, 32.0)], Settings(), lambda: "id")
    keys = Configuration(station, profiles=("Core",), quantities=frozenset())
    key = keys.get("UnlockConnectorOnEVSideDisconnect")
    assert key is not None
    assert (key.value, key.readonly) == ("false", True)
    assert keys.change("UnlockConnectorOnEVSideDisconnect", "true").result is Result.REJECTED
