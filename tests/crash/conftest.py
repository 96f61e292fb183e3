"""Recording for tests: a folder to record, and skipping where there is no compiler."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.record import Log, NoCompilerError, record

Recorder = Callable[..., Log]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is recorded."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def recorder(root: Path, tmp_path: Path) -> Recorder:
    """Runs Python with these arguments and returns the record of what it did below the root."""

    def run(*arguments: str) -> Log:
        try:
            return record([sys.executable, *arguments], root, tmp_path)
        except NoCompilerError as error:
            pytest.skip(str(error))

    return run
