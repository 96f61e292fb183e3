"""Meter values during a transaction and at clock marks (OCPP 1.6 edition 2, sections 3.18 and 4.7)."""

import asyncio
import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import Play, play

REGISTER = "Energy.Active.Import.Register"


def _posix(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _values(stage: Play, connector: int = 1, context: str | None = None) -> list[dict[str, Any]]:
    """The MeterValues of a connector, one dictionary of payload and samples each."""
    found = [call.payload for call in stage.csms.named("MeterValues") if call.payload["connectorId"] == connector]
    return [
        payload
        for payload in found
        if context is None or payload["meterValue"][0]["sampledValue"][0]["context"] == context
    ]


def _samples(payload: dict[str, Any]) -> list[dict[str, str]]:
    samples: list[dict[str, str]] = payload["meterValue"][0]["sampledValue"]
    return samples


def _names(payload: dict[str, Any]) -> list[str]:
    return [sample["measurand"] + ("." + sample["phase"] if "phase" in sample else "") for sample in _samples(payload)]


async def _end(stage: Play) -> dict[str, Any]:
    stage.tap()
    stop = await stage.csms.heard("StopTransaction")
    await stage.delivered()
    return stop.payload


def test_samples_are_taken_at_each_interval_from_the_start(tmp_path: Path) -> None:
    """MeterValueSampleInterval counts from the start of the transaction and never drifts."""

    async def scenario(stage: Play) -> None:
        await stage.charge(600)
        await _end(stage)
        start = _posix(stage.csms.transactions[0]["start"]["timestamp"])
        times = [_posix(payload["meterValue"][0]["timestamp"]) - start for payload in _values(stage)]
        assert times == pytest.approx([45.0 * n for n in range(1, 14)], abs=0.01)
        assert {payload["transactionId"] for payload in _values(stage)} == {1}
        sample = _samples(_values(stage)[0])[0]
        assert sample == {
            "value": sample["value"],
            "context": "Sample.Periodic",
            "measurand": REGISTER,
            "location": "Outlet",
            "unit": "Wh",
        }
        registers = [int(_samples(payload)[0]["value"]) for payload in _values(stage)]
        assert registers == sorted(registers)
        assert stage.csms.transactions[0]["start"]["meterStart"] < registers[0]
        assert registers[-1] <= stage.csms.transactions[0]["stop"]["meterStop"]

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "45"})


def test_an_interval_of_zero_samples_nothing(tmp_path: Path) -> None:
    """0 switches periodic samples off, and a new interval counts at once."""

    async def scenario(stage: Play) -> None:
        await stage.charge(600)
        assert stage.csms.named("MeterValues") == []
        await stage.set_key("MeterValueSampleInterval", "10")
        await asyncio.sleep(41)
        assert len(_values(stage)) == 4

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "0"})


def test_nothing_is_sampled_without_a_transaction(tmp_path: Path) -> None:
    """Periodic samples belong to transactions only."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        await asyncio.sleep(600)
        assert stage.csms.named("MeterValues") == []

    play(tmp_path, scenario)


def test_clock_aligned_values_are_exactly_on_the_mark(tmp_path: Path) -> None:
    """Every multiple of ClockAlignedDataInterval since midnight UTC, for each connector and the main meter, busy or not."""

    async def scenario(stage: Play) -> None:
        await stage.charge(1000)
        await _end(stage)
        for connector in (0, 1, 2):
            told = _values(stage, connector, "Sample.Clock")
            marks = [payload["meterValue"][0]["timestamp"] for payload in told]
            assert marks == [f"2026-06-01T00:{minute:02d}:00.000Z" for minute in (5, 10, 15)]
        assert [payload.get("transactionId") for payload in _values(stage, 1, "Sample.Clock")] == [1, 1, 1]
        assert not any("transactionId" in payload for payload in _values(stage, 2) + _values(stage, 0))

    play(tmp_path, scenario, keys={"ClockAlignedDataInterval": "300", "MeterValueSampleInterval": "0"})


def test_a_measurand_is_told_for_every_phase_that_there_is(tmp_path: Path) -> None:
    """A list names quantities; what exists per phase is told per phase, and a suffix asks for one of them."""

    async def scenario(stage: Play) -> None:
        stage.plug(car="long-range")  # tells its state of charge
        stage.tap()
        await stage.status("Charging")
        wanted = "Voltage.L1,Current.Import,Power.Active.Import,SoC,Frequency,Power.Offered,Current.Offered"
        await stage.set_key("MeterValuesSampledData", wanted)
        await stage.csms.heard("MeterValues")
        last = _values(stage)[-1]
        assert _names(last) == [
            "Voltage.L1-N",
            *(f"Current.Import.L{n}" for n in (1, 2, 3)),
            "Power.Active.Import",
            *(f"Power.Active.Import.L{n}" for n in (1, 2, 3)),
            "SoC",
            "Frequency",
            "Power.Offered",
            "Current.Offered",
        ]
        units = {sample["measurand"]: sample.get("unit") for sample in _samples(last)}
        assert units == {
            "Voltage": "V",
            "Current.Import": "A",
            "Power.Active.Import": "W",
            "SoC": "Percent",
            "Frequency": None,
            "Power.Offered": "W",
            "Current.Offered": "A",
        }
        assert {sample["location"] for sample in _samples(last) if sample["measurand"] == "SoC"} == {"EV"}

    play(tmp_path, scenario)


def test_an_interval_measurand_counts_from_the_sample_before(tmp_path: Path) -> None:
    """Energy.Active.Import.Interval is the energy since the last sample: their sum is what the register moved."""

    async def scenario(stage: Play) -> None:
        await stage.charge(600)
        await stage.delivered()
        pairs = [tuple(int(sample["value"]) for sample in _samples(payload)) for payload in _values(stage)]
        assert sum(interval for _, interval in pairs) == pairs[-1][0]
        assert all(interval > 0 for _, interval in pairs)

    play(tmp_path, scenario, keys={"MeterValuesSampledData": f"{REGISTER},Energy.Active.Import.Interval"})


def test_the_stop_carries_no_data_unless_it_was_asked_for(tmp_path: Path) -> None:
    """With both StopTxn lists empty there is no transactionData."""

    async def scenario(stage: Play) -> None:
        await stage.charge(200)
        assert "transactionData" not in await _end(stage)

    play(tmp_path, scenario)


def test_the_stop_carries_begin_samples_and_end(tmp_path: Path) -> None:
    """StopTxnSampledData: the first value is Transaction.Begin, the last Transaction.End, the samples are between."""

    async def scenario(stage: Play) -> None:
        await stage.charge(200)
        stop = await _end(stage)
        data = stop["transactionData"]
        contexts = [value["sampledValue"][0]["context"] for value in data]
        assert contexts == ["Transaction.Begin", *["Sample.Periodic"] * 3, "Transaction.End"]
        registers = [int(value["sampledValue"][0]["value"]) for value in data]
        assert registers[0] == stage.csms.transactions[0]["start"]["meterStart"]
        assert registers[-1] == stop["meterStop"]
        assert registers == sorted(registers)
        assert data[-1]["timestamp"] == stop["timestamp"]

    play(tmp_path, scenario, keys={"StopTxnSampledData": REGISTER, "MeterValuesSampledData": ""})


def test_the_stop_carries_clock_aligned_values(tmp_path: Path) -> None:
    """StopTxnAlignedData: the marks of the transaction, between Begin and End."""

    async def scenario(stage: Play) -> None:
        await stage.charge(650)
        data = (await _end(stage))["transactionData"]
        contexts = [value["sampledValue"][0]["context"] for value in data]
        assert contexts == ["Transaction.Begin", "Sample.Clock", "Sample.Clock", "Transaction.End"]
        assert [value["timestamp"] for value in data[1:3]] == ["2026-06-01T00:05:00.000Z", "2026-06-01T00:10:00.000Z"]

    play(tmp_path, scenario, keys={"StopTxnAlignedData": "Voltage", "ClockAlignedDataInterval": "300"})


def test_too_many_values_are_thinned_but_never_the_first_and_the_last(tmp_path: Path) -> None:
    """StopTransactionMaxMeterValues bounds the data; what stays is spread over the whole transaction."""

    async def scenario(stage: Play) -> None:
        assert await stage.key("StopTransactionMaxMeterValues") == "100"
        await stage.charge(6000)
        data = (await _end(stage))["transactionData"]
        assert len(data) <= 100
        contexts = [value["sampledValue"][0]["context"] for value in data]
        assert (contexts[0], contexts[-1]) == ("Transaction.Begin", "Transaction.End")
        times = [_posix(value["timestamp"]) for value in data]
        assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 200

    keys = {"StopTxnSampledData": REGISTER, "MeterValuesSampledData": "", "MeterValueSampleInterval": "10"}
    play(tmp_path, scenario, keys=keys)


def test_values_kept_for_the_stop_outlive_a_crash(tmp_path: Path) -> None:
    """Samples taken before the program was killed are in the data of the stop."""

    async def scenario(stage: Play) -> None:
        await stage.charge(200)
        await stage.kill_station()
        await asyncio.sleep(10)
        await stage.start_station()
        await stage.status("Charging")
        await asyncio.sleep(200)
        data = (await _end(stage))["transactionData"]
        contexts = [value["sampledValue"][0]["context"] for value in data]
        assert (contexts[0], contexts[-1]) == ("Transaction.Begin", "Transaction.End")
        assert contexts.count("Sample.Periodic") >= 6

    play(tmp_path, scenario, keys={"StopTxnSampledData": REGISTER})


def test_samples_go_on_at_their_marks_after_a_restart(tmp_path: Path) -> None:
    """A transaction that was taken up again is sampled as before, counted from its start."""

    async def scenario(stage: Play) -> None:
        await stage.charge(130)
        await stage.kill_station()
        await asyncio.sleep(10)
        await stage.start_station()
        await stage.status("Charging")
        await asyncio.sleep(600)
        await _end(stage)
        start = _posix(stage.csms.transactions[0]["start"]["timestamp"])
        times = [_posix(payload["meterValue"][0]["timestamp"]) - start for payload in _values(stage)]
        assert times == pytest.approx([60.0 * n for n in range(1, 13)], abs=0.05)

    play(tmp_path, scenario)


def test_a_main_meter_that_is_gone_costs_its_own_values_only(tmp_path: Path) -> None:
    """At a mark where the main meter is silent the connectors are told as ever; afterwards it is told again."""

    async def scenario(stage: Play) -> None:
        await asyncio.sleep(70)
        stage.do("device", device="meter", lost=True)
        await asyncio.sleep(60)
        stage.do("device", device="meter", lost=False)
        await asyncio.sleep(120)
        assert [len(_values(stage, connector)) for connector in (0, 1, 2)] == [3, 4, 4]
        assert await stage.csms.ask("TriggerMessage", {"requestedMessage": "MeterValues"}) == {"status": "Accepted"}

    play(tmp_path, scenario, keys={"ClockAlignedDataInterval": "60"})
