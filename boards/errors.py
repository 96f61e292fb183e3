"""What can be wrong with a board file."""


class BoardError(ValueError):
    """A board file that cannot be used. The text is one line: file, line and key, what is wrong and what would be right."""

    def __init__(self, source: str, place: str, reason: str, line: int | None = None) -> None:
        where = source if line is None else f"{source}:{line}"
        if place:
            where += f": {place}"
        super().__init__(" ".join(f"{where}: {reason}".split()))
        self.source = source
        self.place = place
        self.reason = reason
        self.line = line

    def on(self, line: int | None) -> "BoardError":
        """The same, with the line that the place stands on."""
        return BoardError(self.source, self.place, self.reason, line)
