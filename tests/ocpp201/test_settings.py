"""Variables in the configuration file, and the table that makes them views of settings."""

import asyncio
from pathlib import Path

import pytest

from firmware.ocpp16.configuration import WRITABLE
from firmware.ocpp201.setting_rows import SETTINGS, initial_settings
from tests.ocpp201.play import Play, Scripted201, play
from tests.ocpp201.test_provisioning import get, named, put

OF_16_ALONE = {"ConnectorPhaseRotation", "MinimumStatusDuration"}
"""Keys that 2.0.1 has no variable for, or an optional one of another form."""


def test_every_setting_of_charging_has_a_name_in_both_versions() -> None:
    """What decides on tokens, transactions and meter values is reached under 2.0.1 as under 1.6."""
    rows = {row.setting.id for row in SETTINGS}
    missing = {name for name, setting in WRITABLE.items() if setting.id not in rows}
    assert missing >= OF_16_ALONE
    assert [name for name in missing if WRITABLE[name].id.startswith(("auth.", "tx.", "meter."))] == []


def test_variables_in_the_configuration_file_are_initial_values() -> None:
    """By component, variable and instance, in any case; what is no variable is named."""
    found = initial_settings(
        {"OCPPCommCtrlr.HeartbeatInterval": "17", "ocppcommctrlr.messageattempts[transactionevent]": "2"}
    )
    assert found == {"link.heartbeat-interval": "17", "queue.attempts": "2"}
    with pytest.raises(ValueError, match=r"ocpp201\.TxCtrlr\.Nothing: no variable that can be set"):
        initial_settings({"TxCtrlr.Nothing": "1"})
    with pytest.raises(ValueError, match=r"ocpp201\.TxCtrlr\.StopTxOnInvalidId: expected true or false"):
        initial_settings({"TxCtrlr.StopTxOnInvalidId": "perhaps"})


def test_samples_for_the_end_have_an_interval_of_their_own(tmp_path: Path) -> None:
    """TxEndedInterval: as long as nobody set it that of the updates, 0 for none, else its own (J02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        ended, updated = named("SampledDataCtrlr", "TxEndedInterval"), named("SampledDataCtrlr", "TxUpdatedInterval")
        measurands = named("SampledDataCtrlr", "TxEndedMeasurands")
        await put(csms, (updated, "50"), (measurands, "Energy.Active.Import.Register"))
        assert await get(csms, ended) == [("Accepted", "50")]
        for interval, kept in (("0", 0), ("20", 9)):
            await put(csms, (ended, interval))
            await stage.charge(190)
            await stage.finish()
            contexts = [
                sample["context"] for value in csms.events[-1]["meterValue"] for sample in value["sampledValue"]
            ]
            assert contexts == ["Transaction.Begin", *["Sample.Periodic"] * kept, "Transaction.End"]
            periodic = [event for event in csms.events if event["triggerReason"] == "MeterValuePeriodic"]
            assert len(periodic) == 3
            csms.calls.clear()

    play(tmp_path, scenario)


def test_a_cached_token_lapses_after_its_lifetime(tmp_path: Path) -> None:
    """LifeTime counts from the last word about a token that named no end itself (C10)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(
            csms, (named("AuthCtrlr", "LocalPreAuthorize"), "true"), (named("AuthCacheCtrlr", "LifeTime"), "3600")
        )
        for pause_s, asked in ((0, 1), (1800, 1), (3700, 2)):
            await asyncio.sleep(pause_s)
            await stage.charge(10)
            await stage.finish()
            assert len(csms.named("Authorize")) == asked

    play(tmp_path, scenario)
