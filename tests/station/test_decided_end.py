"""An end that was decided is kept: a power cut before the end register is read does not undo it."""

import asyncio
import json
from datetime import datetime
from pathlib import Path

import pytest

from firmware.core.events import EndingDecided, Event
from firmware.core.transaction import Ending, Phase, Transaction
from firmware.core.values import StopCause, Token
from hal.types import Instant, TimeTrust
from tests.station.play import TAG, Play, play


async def _cut_after_the_tap(stage: Play) -> float:
    """Charge, tap, and lose power as soon as the decision is on disk; returns when it was made."""
    await stage.charge(600)
    decided = asyncio.Event()

    def watch(event: Event) -> None:
        if isinstance(event, EndingDecided):
            decided.set()

    stage.app.engine.observe(watch)
    stage.tap()
    await decided.wait()
    at_s = stage.sim.wall_s()
    await stage.app.engine.journal.written()
    transaction = stage.app.engine.station.evses[1].tx
    assert transaction is not None
    assert transaction.phase is Phase.ENDING  # its end is no fact yet
    await stage.kill_station()
    return at_s


@pytest.mark.parametrize("after_power_loss", ["resume", "close"])
def test_a_tap_before_a_power_cut_ends_the_transaction_after_it(tmp_path: Path, after_power_loss: str) -> None:
    """With the cause, the time and the token of the tap, whatever the setting says of transactions that nobody ended."""

    async def scenario(stage: Play) -> None:
        at_s = await _cut_after_the_tap(stage)
        await asyncio.sleep(300)
        await stage.start_station()
        await stage.csms.heard("StopTransaction")
        await stage.delivered()
        (transaction,) = stage.csms.transactions
        stop = transaction["stop"]
        assert stop.get("reason", "Local") == "Local"
        assert stop["idTag"] == TAG
        assert abs(datetime.fromisoformat(stop["timestamp"]).timestamp() - at_s) < 0.01
        assert stop["meterStop"] - transaction["start"]["meterStart"] == stage.meter_wh() > 0
        assert stage.status_now() == "Finishing"
        assert stage.app.engine.station.evses[1].tx is None

    play(tmp_path, scenario, settings={"station.after_power_loss": after_power_loss})


AT = Instant(12.5, "boot", 1_700_000_000.25, TimeTrust.SYNCHRONISED)


@pytest.mark.parametrize(
    "ending",
    [None, Ending(StopCause.REMOTE, AT), Ending(StopCause.LOCAL, AT, Token(TAG))],
    ids=["none", "plain", "token"],
)
def test_the_recovery_record_brings_the_ending_back(ending: Ending | None) -> None:
    """With its cause, its time and its token, or none."""
    transaction = Transaction("key", 1, Token(TAG), started=AT, ending=ending)
    assert Transaction.recovered(transaction.record(), []).ending == ending


def test_a_record_of_an_older_program_has_no_ending() -> None:
    """It is read all the same."""
    row = json.loads(Transaction("key", 1, Token(TAG), started=AT).record())
    del row["ending"]
    assert Transaction.recovered(json.dumps(row).encode(), []).ending is None
