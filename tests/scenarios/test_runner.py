"""How a scenario is played: what its steps wait for, how it fails, and what is told."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from csms.app import Csms
from csms.config import CsmsConfig
from firmware.cli import main
from firmware.scenarios.format import parse
from firmware.scenarios.runner import Run, TickState
from firmware.scenarios.virtual import play

PLUG = '[[step]]\ndo = "plug"\nevse = 1\nwith = { car = "compact" }\n'
TAP = '[[step]]\ndo = "tap"\nevse = 1\nwith = { token = "04A1B2C3D4E5F6" }\n'
CHARGING = '[[step]]\nexpect = { state = "charging" }\n'


def played(*steps: str, head: str = "", protocol: str = "ocpp1.6") -> tuple[Run, Sequence[str]]:
    """Play steps in virtual time."""
    return play(parse('title = "t"\n' + head + "\n".join(steps), name="t", source="t.toml"), protocol)


def failure(*steps: str, head: str = "") -> str:
    """Why the last step that was played failed; the steps before it were done, those after it were not begun."""
    run, _ = played(*steps, head=head)
    assert not run.passed
    states = [tick.state for tick in run.ticks]
    index = states.index(TickState.FAILED)
    assert set(states[:index]) <= {TickState.DONE}
    assert set(states[index + 1 :]) <= {TickState.AHEAD}
    return run.ticks[index].why


def test_an_expectation_waits_no_longer_than_it_may() -> None:
    """It fails after its time, and says what was found."""
    run, _ = played('[[step]]\nexpect = { state = "charging" }\nwithin_s = 7\n')
    (tick,) = run.ticks
    assert tick.why == "after 7 s state is available, not charging"
    assert 7.0 <= tick.took_s < 7.1


def test_something_that_must_never_happen_fails_when_it_does() -> None:
    """And passes when the time is over without it."""
    never = "[[step]]\nnever = { contactor = true }\nfor_s = 20\n"
    assert failure(PLUG, TAP, never) == "it did happen"
    run, _ = played(PLUG, never)
    assert run.passed
    assert run.ticks[1].took_s >= 20


def test_a_message_is_taken_by_one_expectation_only() -> None:
    """There is one start: the second expectation of a start finds none."""
    start = '[[step]]\nexpect = { message = "start" }\nwithin_s = 10\n'
    assert "no StartTransaction" in failure(PLUG, TAP, CHARGING, start, start)


def test_messages_before_the_last_deed_do_not_count() -> None:
    """The BootNotification came long ago."""
    assert "no BootNotification" in failure(PLUG, '[[step]]\nexpect = { message = "boot" }\nwithin_s = 5\n')


def test_payload_and_answer_of_a_message_are_compared() -> None:
    """What differs is told with its path."""
    steps = [PLUG, TAP, CHARGING]
    wrong = '[[step]]\nexpect = { message = "start", with = { "ocpp1.6" = { idTag = "04" } } }\nwithin_s = 5\n'
    assert failure(*steps, wrong) == "after 5 s StartTransaction: idTag is 04A1B2C3D4E5F6, not 04"
    wrong = '[[step]]\nexpect = { message = "start", answer = { idTagInfo = { status = "Blocked" } } }\nwithin_s = 5\n'
    assert "answer.idTagInfo.status is Accepted, not Blocked" in failure(*steps, wrong)
    wrong = '[[step]]\nexpect = { message = "start", error = "InternalError" }\nwithin_s = 5\n'
    assert "its answer is {" in failure(*steps, wrong)


def test_a_command_that_is_answered_otherwise_fails() -> None:
    """By its status, its error, or not at all."""
    stop = '[[step]]\ncommand = "remote-stop"\nwith = { transaction = "7" }\n'
    assert failure(stop + 'answer = "Accepted"\n') == "RemoteStopTransaction was answered Rejected, not Accepted"
    assert "not with the error NotSupported" in failure(stop + 'error = "NotSupported"\n')
    gone = '[[step]]\ncsms = "stop"\n'
    assert "was not answered: not connected" in failure(gone, stop)


def test_a_deed_that_is_impossible_fails_at_once_or_after_its_time() -> None:
    """A locked plug stays where it is."""
    unplug = '[[step]]\ndo = "unplug"\nevse = 1\n'
    assert "locked" in failure(PLUG, TAP, CHARGING, unplug)
    run, _ = played(PLUG, TAP, CHARGING, unplug + "within_s = 9\n")
    assert 9.0 <= run.ticks[-1].took_s < 11


def test_energy_that_the_books_do_not_have_is_noticed() -> None:
    """The charge goes on, so the books cannot have all of it."""
    books = '[[step]]\nexpect = { books = { energy_wh = "meter" } }\nwithin_s = 5\n'
    assert "in the books energy_wh is 0" in failure(PLUG, TAP, CHARGING, "[[step]]\nwait_s = 600\n", books)


def test_a_step_for_another_version_is_left_out() -> None:
    """And the scenario passes."""
    run, _ = played('[[step]]\nonly = "ocpp2.0.1"\nexpect = { state = "faulted" }\n')
    assert run.passed
    assert (run.ticks[0].state, run.ticks[0].why) == (TickState.SKIPPED, "only for ocpp2.0.1")


def test_a_raw_command_is_sent_as_it_is() -> None:
    """Any action with any payload, even one that the station must refuse."""
    step = (
        '[[step]]\ncommand = "raw"\nerror = "FormationViolation"\n'
        '[step.with.forms."ocpp1.6"]\naction = "GetConfiguration"\npayload = { key = [] }\n'
    )
    run, _ = played(step.replace('error = "FormationViolation"\n', 'answer = { configurationKey = "*" }\n'))
    assert run.passed


def test_the_same_seed_gives_the_same_frames() -> None:
    """A failure can be played again."""
    steps = (PLUG, TAP, CHARGING, "[[step]]\nwait_s = 100\n")
    assert played(*steps)[1] == played(*steps)[1]


def test_the_command_line_tells_by_exit_code_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 passed, 1 failed, 2 cannot be read; the JUnit file has each step of a failure."""
    good, bad, wrong = tmp_path / "good.toml", tmp_path / "bad.toml", tmp_path / "wrong.toml"
    good.write_text(f'title = "good"\n{PLUG}')
    bad.write_text(f'title = "bad"\n{PLUG}[[step]]\nexpect = {{ state = "faulted" }}\nwithin_s = 3\n')
    wrong.write_text('title = "wrong"\n[[step]]\nwait_s = "long"\n')
    report = tmp_path / "report.xml"

    assert main(["scenario", "run", str(good)]) == 0
    assert "✓ plug at EVSE 1 car compact" in capsys.readouterr().out
    assert main(["scenario", "run", str(good), str(bad), "--junit", str(report)]) == 1
    assert "line 6: expect state faulted: after 3 s state is preparing, not faulted" in capsys.readouterr().out
    cases = ET.parse(report).getroot().findall(".//testcase")
    assert [case.get("name") for case in cases] == ["good: good", "bad: bad"]
    failed = cases[1].find("failure")
    assert failed is not None
    assert "✓ plug at EVSE 1" in (failed.text or "")
    assert main(["scenario", "run", str(wrong)]) == 2
    assert "wrong.toml:3: step 1: wait_s" in capsys.readouterr().err
    assert main(["scenario", "run", "no-such"]) == 2
    assert main(["scenario", "run"]) == 2
    assert main(["scenario", "list"]) == 0
    assert "A charge from plug to unplug" in capsys.readouterr().out


def test_real_time_is_as_good_as_virtual_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same file on a real event loop and real sockets, over a restart of the program."""
    file = tmp_path / "restart.toml"
    file.write_text(
        'title = "restart"\n[[step]]\ncommand = "reset"\nwith = { kind = "hard" }\nanswer = "Accepted"\n'
        '[[step]]\nexpect = { message = "boot", answer = { status = "Accepted" } }\n'
        "[[step]]\nexpect = { online = true }\n"
    )
    assert main(["scenario", "run", str(file), "--real"]) == 0, capsys.readouterr().out


async def test_a_scenario_is_played_against_another_central_system(tmp_path: Path) -> None:
    """The station connects to the URL, waits are cut, the books of others are left alone, and what cannot be played is left out."""
    file = tmp_path / "short.toml"
    file.write_text(
        f'title = "short"\n{PLUG}{TAP}{CHARGING}[[step]]\nwait_s = 900\n[[step]]\nexpect = {{ books = {{ open = 1 }} }}\n'
    )
    async with Csms(CsmsConfig(api_host=None)) as csms:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "firmware", "scenario", "run", str(file), "power-cut", "boot-held"),
            *("--csms", csms.ws_url, "--longest-wait", "0.2", "--id", "TRIAL"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
        assert process.returncode == 0, out.decode()
        assert "cannot be read from here" in out.decode()
        assert "power-cut is left out" in errors.decode()
        assert "boot-held is left out" in errors.decode()
        assert len(csms.books.transactions("TRIAL")) == 1
