"""The requirement tables say what the program does and name tests that exist."""

import re
from pathlib import Path

import pytest

from tests.requirements.pages import COMMAND, PAGES, UNTESTED, pages
from tests.requirements.station import ROOT

TEST = re.compile(r"`([\w/]+\.py::test_\w+)`")


@pytest.fixture(scope="module")
def written() -> dict[Path, str]:
    """The pages as they would be written now."""
    return pages()


def bare(page: str) -> list[str]:
    """The rows without their tests, which come and go."""
    return TEST.sub("", page).replace("<br>", "").replace(UNTESTED, "").splitlines()


@pytest.mark.parametrize("path", PAGES.values(), ids=lambda path: path.name)
def test_the_page_says_what_the_program_does(path: Path, written: dict[Path, str]) -> None:
    """Messages, keys, variables and values on the page are those of the code."""
    assert bare((ROOT / path).read_text(encoding="utf-8")) == bare(written[path]), f"run {COMMAND}"


@pytest.mark.parametrize("path", PAGES.values(), ids=lambda path: path.name)
def test_every_test_on_the_page_exists(path: Path) -> None:
    """A test that is gone does not go on proving anything."""
    named = set(TEST.findall((ROOT / path).read_text(encoding="utf-8")))
    assert named
    for place in named:
        file, _, test = place.partition("::")
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{place}: run {COMMAND}"


@pytest.mark.parametrize("path", PAGES.values(), ids=lambda path: path.name)
def test_every_supported_message_has_a_test(path: Path, written: dict[Path, str]) -> None:
    """What the page calls supported, some test names."""
    rows = [row.split(" | ") for row in written[path].splitlines() if row.count(" | ") == 5]
    assert [row[0] for row in rows if row[3] == "yes" and row[4] == UNTESTED] == []
