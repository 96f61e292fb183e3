"""A scenario file is checked when it is read; what is wrong is told with line, step and key."""

from pathlib import Path

import pytest

from firmware.scenarios.commands import COMMANDS
from firmware.scenarios.format import Do, ScenarioError, load, parse

HEAD = 'title = "x"\n'


def problem(text: str) -> str:
    """What is said about a file."""
    with pytest.raises(ScenarioError) as caught:
        parse(text, name="t", source="t.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = \n", "t.toml: not TOML"),
        (HEAD, "t.toml: a scenario needs at least one [[step]]"),
        ("[[step]]\nwait_s = 1\n", "t.toml:1: title: Field required"),
        (HEAD + "colour = 1\n[[step]]\nwait_s = 1\n", "t.toml:2: colour: unknown key"),
        (HEAD + "\n[[step]]\n", "t.toml:3: step 1 has no verb"),
        (HEAD + '[[step]]\nwait_s = 1\ndo = "plug"\n', "t.toml:2: step 1 has do and wait_s; use exactly one of"),
        (HEAD + "[[step]]\nwait_s = 1\n[[step]]\nwait_s = -1\n", "t.toml:5: step 2: wait_s: "),
        (HEAD + "[[step]]\nwait_s = true\n", "t.toml:3: step 1: wait_s: Input should be a valid number"),
        (HEAD + '[[step]]\ndo = "plugg"\nevse = 1\n', "t.toml:3: step 1: do: there is no action 'evse/1/plugg'"),
        (HEAD + '[[step]]\ndo = "plug"\nevse = 1\nwith = { cra = 1 }\n', "t.toml:5: step 1: cra: unknown key"),
        (HEAD + '[[step]]\ncommand = "start"\n', "t.toml:3: step 1: command: there is no 'start'"),
        (HEAD + '[[step]]\ncommand = "remote-start"\nwith = {}\n', "t.toml:4: step 1: token: Field required"),
        (
            HEAD + '[[step]]\ncommand = "unlock"\nanswer = "Unlocked"\nerror = "NotSupported"\n',
            "step 1: an answer or an error, not both",
        ),
        (HEAD + '[[step]]\nexpect = { state = "charged" }\n', "t.toml:3: step 1: expect.state: "),
        (HEAD + '[[step]]\nexpect = { message = "start", form = 1 }\n', "t.toml:3: step 1: expect.form: unknown key"),
        (HEAD + "[[step]]\nexpect = { books = { open = true } }\n", "t.toml:3: step 1: expect.books.open: "),
        (HEAD + '[[step]]\nrule = { verb = "explode" }\n', "t.toml:3: step 1: rule.verb: "),
        (
            HEAD + '[[step]]\nrule = { verb = "delay" }\n',
            "t.toml:3: step 1: rule: delay_s: a delay needs seconds above 0",
        ),
        (
            HEAD + '\n[settings]\n"meter.sample-interval" = "x"\n[[step]]\nwait_s = 1\n',
            "t.toml:3: settings: meter.sample-interval: expected a whole number",
        ),
        (
            HEAD + '[settings]\n"no.such" = "1"\n[[step]]\nwait_s = 1\n',
            "t.toml:2: settings: there is no setting 'no.such'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    """File, line, step, key, and why."""
    assert said in problem(text)


def test_a_line_is_found_behind_texts_of_many_lines() -> None:
    """What looks like a step within a text is none."""
    text = 'title = "x"\nabout = """\n[[step]]\nwait_s = 1\n"""\n[[step]]\nwait_s = "a"\n'
    assert problem(text).startswith("t.toml:7: step 1: wait_s")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or not text."""
    with pytest.raises(ScenarioError, match=r"missing\.toml: cannot be read"):
        load(tmp_path / "missing.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        load(tmp_path / "bytes.toml")


def test_short_words_stand_for_actions_of_the_mock_world() -> None:
    """A card is held to the reader of the EVSE that is named; everything else happens at it."""
    scenario = parse(
        HEAD + '[[step]]\ndo = "tap"\nevse = 2\nwith = { token = "04AA" }\n[[step]]\ndo = "pause"\nevse = 1\n',
        name="t",
        source="t",
    )
    tap, pause = scenario.steps
    assert isinstance(tap, Do)
    assert isinstance(pause, Do)
    assert (tap.path, tap.action_body) == ("token", {"token": "04AA", "evses": [2]})
    assert (pause.path, pause.action_body) == ("evse/1/car/pause", {})


def test_every_command_can_be_said_in_every_version() -> None:
    """The tables of the versions have the commands of the format, except raw, which is said as it is."""
    from firmware.scenarios import commands16, commands201  # noqa: PLC0415

    for voice in (commands16, commands201):
        assert voice._SAID.keys() | {"raw"} == COMMANDS.keys()
