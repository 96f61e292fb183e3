"""What can be wrong with a board file."""


class BoardError(ValueError):
    """A board file that cannot be used. The text is one line: file, place in it, what is wrong and what would be right."""

    def __init__(self, source: str, place: str, reason: str) -> None:
        where = f"{source}: {place}" if place else source
        super().__init__(" ".join(f"{where}: {reason}".split()))
        self.source = source
        self.place = place
        self.reason = reason
