"""The frame log: bounded, in order, without secrets."""

import pytest

from firmware.frames import FrameLog, redact
from firmware.simulation.runtime import Simulation


def _log(**bounds: int) -> FrameLog:
    return FrameLog(Simulation(1).clock("boot"), **bounds)


def _numbers(log: FrameLog, since: int = 0) -> list[int]:
    return [frame.number for frame in log.since(since)]


def test_the_oldest_frames_go_first() -> None:
    """Never more than the given number."""
    log = _log(kept=3)
    for text in "abcde":
        log.note("out", text, 0.0)
    assert _numbers(log) == [3, 4, 5]


def test_long_frames_leave_room_for_fewer() -> None:
    """Never more characters than given, whatever the number."""
    log = _log(kept_characters=100)
    for _ in range(5):
        log.note("in", "x" * 40, 0.0)
    assert _numbers(log) == [4, 5]


@pytest.mark.parametrize(("since", "expected"), [(0, [3, 4, 5]), (3, [4, 5]), (5, []), (99, [])])
def test_frames_after_a_number(since: int, expected: list[int]) -> None:
    """What is gone is passed over."""
    log = _log(kept=3)
    for text in "abcde":
        log.note("out", text, 0.0)
    assert _numbers(log, since) == expected


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"00112233445566778899AABBCCDDEEFF"}]',
        '[2,"1","ChangeConfiguration",{"value":"00112233445566778899AABBCCDDEEFF","key":"authorizationkey"}]',
        (
            '[2,"1","SetVariables",{"setVariableData":[{"attributeValue":"00112233445566778899AABBCCDDEEFF",'
            '"component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"}}]}]'
        ),
    ],
)
def test_passwords_are_hidden(text: str) -> None:
    """Whatever the order and case of the fields."""
    assert "00112233445566778899AABBCCDDEEFF" not in redact(text)
