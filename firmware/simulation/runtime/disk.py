"""The disk of one simulated machine: a folder whose files survive the end of a process, as new files.

What a dead process had open must not touch what the next one finds: locks, file positions and late writes stay with the old
files, which are removed once the process is buried.
"""

import shutil
from pathlib import Path


class Disk:
    """`path` is the folder that programs are given. Its parent must belong to this disk alone."""

    def __init__(self, root: Path) -> None:
        self.path = root / "state"
        self._next = root / "next"
        self.path.mkdir(parents=True)

    def freeze(self) -> None:
        """Take the files as they are now: the process has just died."""
        shutil.rmtree(self._next, ignore_errors=True)
        shutil.copytree(self.path, self._next, symlinks=True)

    def thaw(self) -> None:
        """Give the next process what was frozen; what happened to the old files since is lost."""
        shutil.rmtree(self.path)
        self._next.rename(self.path)
