"""The command `wayside simulate`: options, verdict, exit code, and what a failure leaves behind."""

import argparse
import asyncio
from functools import partial
from pathlib import Path

import pytest

from firmware.app import App
from firmware.simulation import cli
from firmware.simulation.scenario import scenario


def _run(*options: str) -> int:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return cli.run(parser.parse_args(options))


def test_a_run_that_holds_ends_with_0_and_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """Seed, length, speed, what happened, the trace; twice the same."""
    assert _run("--seed", "3", "--faults", "cut,kill", "--visits", "3", "--twice") == 0
    said = capsys.readouterr().out
    assert "seed 3: 1 day of 1 station" in said
    assert "every rule held" in said
    assert "transactions" in said
    assert "played again: the same trace" in said


def test_several_seeds_are_played_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    """`--seeds` counts from `--seed` on."""
    assert _run("--seed", "5", "--seeds", "2", "--faults", "none", "--visits", "1") == 0
    said = capsys.readouterr().out
    assert "seed 5:" in said
    assert "seed 6:" in said


def test_a_broken_rule_ends_with_1_the_seed_and_the_shortest_story(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The failure is made shorter, its story is written, and the command to repeat it is told."""

    def break_it(_: App) -> None:
        def fail() -> None:
            raise RuntimeError("on purpose")

        asyncio.get_running_loop().call_later(3_000, fail)

    monkeypatch.setattr(cli, "scenario", partial(scenario, change=break_it))
    monkeypatch.chdir(tmp_path)
    assert _run("--seed", "2", "--faults", "cut", "--shorten", "3", "--days", "2") == 1
    said = capsys.readouterr().out
    assert "BROKEN" in said
    assert "on purpose" in said
    assert "--seed 2 --days 2" in said
    story = (tmp_path / "wayside-simulate-2.txt").read_text()
    assert "BootNotification" in story


def test_a_story_is_written_on_request(tmp_path: Path) -> None:
    """Frames, log lines and deeds, with virtual times."""
    story = tmp_path / "story.txt"
    assert _run("--faults", "none", "--visits", "2", "--story", str(story)) == 0
    lines = story.read_text().splitlines()
    assert any("BootNotification" in line for line in lines)
    assert any(" log info " in line for line in lines)
    assert [float(line.split()[0]) for line in lines] == sorted(float(line.split()[0]) for line in lines)


@pytest.mark.parametrize("options", [("--faults", "gremlins"), ("--days", "0"), ("--stations", "x")])
def test_wrong_options_are_refused(options: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A precise message and exit code 2, as every command."""
    with pytest.raises(SystemExit) as ended:
        _run(*options)
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err
