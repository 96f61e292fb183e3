"""The fault matrix in docs/safety.md is the one that the program follows."""

from pathlib import Path

import pytest

from firmware.core.faults import RULES, Severity
from firmware.ocpp16.words import ERROR_CODES, REASONS, WARNING_ONLY
from hal.types import FaultCode

PAGE = Path(__file__).parent.parent.parent / "docs" / "safety.md"
EFFECTS = {Severity.WARN: "warns", Severity.BLOCK: "blocks", Severity.STOP: "stops"}
NO_END = "—"


def rows() -> dict[str, list[str]]:
    """The matrix as written: fault -> the other cells."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {name.strip("`"): rest for name, *rest in cells}


def test_every_fault_has_one_row_and_a_rule() -> None:
    """No fault without an effect, and none that the page does not know."""
    assert set(RULES) == set(FaultCode)
    assert set(rows()) == {code.value for code in FaultCode}


@pytest.mark.parametrize("code", FaultCode)
def test_a_fault_does_and_is_called_what_the_page_says(code: FaultCode) -> None:
    """Effect, reason of the end, and the words of OCPP 1.6; how it clears is said for every fault."""
    effect, reason, told, clears = rows()[code.value]
    rule = RULES[code]
    stops = rule.severity is Severity.STOP
    error = ERROR_CODES.get(code, "OtherError")
    if rule.severity is not Severity.WARN and error in WARNING_ONLY:
        error = "OtherError"  # a code that OCPP 1.6 keeps for warnings is no reason for Faulted
    assert effect == EFFECTS[rule.severity]
    assert reason == (rule.cause.value if stops else NO_END)
    assert told == (f"{error} / {REASONS.get(rule.cause, 'Other')}" if stops else error)
    assert clears
