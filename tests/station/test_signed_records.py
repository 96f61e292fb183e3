"""A meter that signs: its record goes from the end of the transaction to the central system, over restarts of the program too."""

from pathlib import Path

import pytest

from hal.errors import DeviceTimeout
from hal.mock.devices.evse import MockMeter
from hal.types import SignedReading
from tests.station.play import Play, play

RECORD = 'OCMF|{"FV":"1.0","GI":"Example","TT":"%s","RD":[]}|{"SD":"887F"}'


class Seal:
    """Makes the mock meters sign, and notes what they were told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[str] = []
        self.silent = False
        seal = self

        async def start_transaction(_meter: MockMeter, text: str) -> None:
            seal.begun.append(text)

        async def stop_transaction(_meter: MockMeter) -> SignedReading:
            if seal.silent:
                raise DeviceTimeout("no record")
            return SignedReading(RECORD % seal.begun[-1])

        monkeypatch.setattr(MockMeter, "start_transaction", start_transaction, raising=False)
        monkeypatch.setattr(MockMeter, "stop_transaction", stop_transaction, raising=False)


def test_the_record_is_told_with_the_end_as_the_meter_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One item of transactionData, format SignedData, byte for byte, also when the central system is away at the end."""
    seal = Seal(monkeypatch)

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.offline()
        stage.tap()
        await stage.unplug()
        await stage.kill_station()
        stage.start_csms()
        await stage.start_station()
        stop = (await stage.csms.heard("StopTransaction", timeout_s=600)).payload
        *_, last = stop["transactionData"]
        [sample] = last["sampledValue"]
        assert sample == {
            "value": RECORD % seal.begun[0],
            "context": "Transaction.End",
            "format": "SignedData",
            "measurand": "Energy.Active.Import.Register",
            "location": "Outlet",
        }
        assert last["timestamp"] == stop["timestamp"]

    play(tmp_path, scenario)


def test_a_record_that_does_not_come_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction ends with the register alone."""
    seal = Seal(monkeypatch)
    seal.silent = True

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.finish()
        stop = (await stage.csms.heard("StopTransaction")).payload
        assert stop["meterStop"] == stage.meter_wh()
        assert "SignedData" not in str(stop)

    play(tmp_path, scenario)
