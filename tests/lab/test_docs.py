"""The tables of docs/disconnections.md: every row has its tests, every cause its row, and what is named exists."""

import re
from pathlib import Path

from ocpp_client.causes import Cause

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "disconnections.md").read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("|") and not line.startswith(("|---", "| |"))]
HEADS = ("Cause |", "Rule |", "Situation |", "It sends |")


def test_every_test_that_the_table_names_exists() -> None:
    """A row whose test was renamed or removed is noticed."""
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    written = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 80
    assert named <= written, sorted(named - written)


def test_every_row_names_a_test() -> None:
    """What is said without a proof is noticed."""
    rows = [row for row in ROWS if not row.removeprefix("| ").startswith(HEADS)]
    assert len(rows) > 50
    assert [row for row in rows if "`test_" not in row] == []


def test_every_cause_is_explained() -> None:
    """A diagnosis that a technician reads is found in the document."""
    assert [cause.value for cause in Cause if f"`{cause.value}`" not in TEXT] == []
