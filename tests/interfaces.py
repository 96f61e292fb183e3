"""One at a time: tests that change the machine's network interfaces, and those that such a change would disturb.

Chromium breaks off what it is loading when an interface comes or goes. Tests run on several cores, in processes of their own.
"""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def undisturbed() -> Iterator[None]:
    """Nobody else who asks for this runs meanwhile."""
    with (Path(tempfile.gettempdir()) / "wayside-tests-interfaces.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
