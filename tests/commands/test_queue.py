"""`wayside queue`: what waits and what was given up, of a station that is stopped and of one that runs."""

import asyncio
import json
from pathlib import Path

import pytest

from firmware.app import DATABASE
from firmware.cli import main
from firmware.core.facts import Fact, FactKind, Trigger, encode
from firmware.core.values import StopCause, Token
from hal.types import Instant, TimeTrust
from offline_queue import Burial, Commit, NewRecord, Queue
from tests.process.running import Running, free_port

TRANSACTION = "8d4f7c1e-6d2b-4e0f-9c1a-000000000001"


def _record(kind: FactKind, meter_wh: int) -> NewRecord:
    at = Instant(1.0, "boot", 1_780_000_000.0, TimeTrust.SYNCHRONISED)
    token = Token("04A1B2C3D4E5F6")
    cause = StopCause.LOCAL if kind is FactKind.ENDED else None
    fact = Fact(TRANSACTION, 0, kind, Trigger.AUTHORIZED, at, 1, meter_wh=meter_wh, token=token, cause=cause)
    return NewRecord("transaction", TRANSACTION, kind.value, encode(fact))


def _fill(directory: Path) -> None:
    """A journal with one message that waits and one that was given up."""

    async def fill() -> None:
        queue = await Queue.open(directory / DATABASE)
        first, _ = await queue.commit(
            Commit(append=[_record(FactKind.STARTED, 100), _record(FactKind.ENDED, 900)]),
        )
        await queue.commit(Commit(bury=[Burial(first, "refused 3 times")]))
        await queue.close()

    directory.mkdir(exist_ok=True)
    asyncio.run(fill())


def test_waiting_messages_and_dead_letters_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, with EVSE, transaction, register and time; tokens are not shown."""
    _fill(tmp_path)
    assert main(["queue", "list", "--state-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "waiting         2  transaction ended EVSE 1 transaction 8d4f7c1e meter 900 Wh of 2026-05-28T20:26:40" in out
    assert "dead            1  transaction started EVSE 1 transaction 8d4f7c1e meter 100 Wh" in out
    assert out.endswith("1 waiting, 1 dead letter\n")
    assert "04A1B2C3D4E5F6" not in out


def test_dead_letters_are_exported_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines with everything that a bill needs."""
    _fill(tmp_path)
    assert main(["queue", "export", "--state-dir", str(tmp_path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["reason"] == "refused 3 times"
    assert "04A1B2C3D4E5F6" in line


def test_a_dead_letter_is_put_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By number or all of them; in its old place in the order."""
    _fill(tmp_path)
    assert main(["queue", "retry", "1", "--state-dir", str(tmp_path)]) == 0
    assert main(["queue", "list", "--state-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 dead letter put back into the queue"
    assert [line.split()[1] for line in lines[1:3]] == ["1", "2"]
    assert lines[3] == "2 waiting, 0 dead letters"


def test_a_journal_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 1, and nothing is created."""
    assert main(["queue", "list", "--state-dir", str(tmp_path / "none")]) == 1
    assert "no journal at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


async def test_a_running_station_is_asked(tmp_path: Path) -> None:
    """The journal is locked then; the command asks the station that holds it."""
    await asyncio.to_thread(_fill, tmp_path)
    station = Running(tmp_path, f"ws://127.0.0.1:{free_port()}/ocpp")
    station.start()
    try:
        await station.until(lambda state: state["queue"]["dead"] == 1, "the station runs")
        listen = station.command[station.command.index("--listen") + 1]
        options = ["--state-dir", str(tmp_path), "--listen", listen]
        assert await asyncio.to_thread(main, ["queue", "retry", *options]) == 0
        await station.until(lambda state: state["queue"]["dead"] == 0, "the dead letter is back")
        assert await asyncio.to_thread(main, ["queue", "list", *options]) == 0
    finally:
        station.kill()
