"""One line of the benchmark table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, what it is compared with, and what was aimed at. `met` None: there is no target."""

    what: str
    ours: str
    beside: str
    ratio: str
    target: str = ""
    met: bool | None = None


def show(rows: list[Row]) -> str:
    """The table as text."""
    head = Row("what", "ours", "floor or peer", "ratio", "target")
    cells = [(r.what, r.ours, r.beside, r.ratio, r.target, _mark(r)) for r in (head, *rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _mark(row: Row) -> str:
    return {True: "met", False: "MISSED", None: ""}[row.met]
