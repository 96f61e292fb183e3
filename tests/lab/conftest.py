"""Fixtures of the lab."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.nginx import Nginx
from tests.lab.programs import found, running


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """A running nginx; skips without the program."""
    program = found("nginx")
    if program is None:
        pytest.skip("nginx is not installed (scripts/prepare-tests)")
    made = Nginx(tmp_path_factory.mktemp("nginx"))
    with running(made.command(program), made.folder / "log"):
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place for files."""
    return tmp_path
