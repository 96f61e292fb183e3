"""The last lines of the program's log, kept in memory for the diagnostics archive."""

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Final

KEPT_CHARACTERS: Final = 1024 * 1024


class Logbook(logging.Handler):
    """A handler that keeps what it hears. Attach it to the root logger while the program runs."""

    def __init__(self, kept_characters: int = KEPT_CHARACTERS) -> None:
        super().__init__()
        self._lines: deque[tuple[float, str]] = deque()
        self._characters = 0
        self._kept = kept_characters

    def emit(self, record: logging.LogRecord) -> None:
        """One more line; the oldest go."""
        try:
            time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
            line = f"{time} {record.levelname} {record.name}: {self.format(record)}"
        except (TypeError, ValueError):
            self.handleError(record)
            return
        self._lines.append((record.created, line))
        self._characters += len(line)
        while self._characters > self._kept:
            self._characters -= len(self._lines.popleft()[1])

    def read(self, oldest_s: float | None = None, latest_s: float | None = None) -> bytes:
        """Lines from a time to a time, oldest first."""
        chosen = [
            line
            for at_s, line in tuple(self._lines)
            if (oldest_s is None or at_s >= oldest_s) and (latest_s is None or at_s <= latest_s)
        ]
        return "".join(f"{line}\n" for line in chosen).encode()
