"""Where a key of a scenario file stands: the parser of the standard library tells no lines once a document is parsed."""

import re
from collections.abc import Sequence
from typing import Final

_STEP: Final = re.compile(r"\s*\[\[\s*step\s*\]\]")
_TABLE: Final = re.compile(r"\s*\[")
_KEY: Final = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*(?:=|\.)""")


class Lines:
    """Line numbers of one document, from 1."""

    def __init__(self, text: str) -> None:
        self._steps: list[int] = []
        self._keys: dict[tuple[int, str], int] = {}  # (number of the step, or -1 above the first one; key) -> line
        in_text = False
        table = ""  # the header of a table above the first step
        for number, line in enumerate(text.splitlines(), start=1):
            fences = line.count('"""') + line.count("'''")
            if in_text:
                in_text = fences % 2 == 0
                continue
            in_text = fences % 2 == 1
            if _STEP.match(line):
                self._steps.append(number)
            elif _TABLE.match(line):
                table = line.strip().strip("[] ").split("#")[0].strip("[] ")
                self._keys.setdefault((len(self._steps) - 1, table), number)
            elif found := _KEY.match(line):
                self._keys.setdefault((len(self._steps) - 1, found[1] or found[2] or found[3]), number)

    def step(self, index: int) -> int:
        """The line of a step's header."""
        return self._steps[index] if index < len(self._steps) else 1

    def of(self, index: int, path: Sequence[object]) -> int:
        """The line of a key of a step (-1: of the head of the file), as near as it can be told."""
        for key in reversed(path):
            line = self._keys.get((index, str(key)))
            if line is not None:
                return line
        return 1 if index < 0 else self.step(index)
