"""Where in its file each key of a board stands, for errors that name a line.

`tomllib` gives values without their places. This scanner reads only what has been accepted as TOML already, so it needs to know no more
than where keys, strings and brackets begin and end.
"""

import re

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'',
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")


def lines_of(text: str) -> dict[str, int]:
    """The line, from 1, of every table, key and element: `evse[1].meter.unit` -> 14. `text` is valid TOML."""
    return _Scanner(text).scan()


def line_of(lines: dict[str, int], place: str) -> int | None:
    """The line of a place, or of the nearest table around it where the place itself is missing; None for the file as a whole."""
    while place:
        if place in lines:
            return lines[place]
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[str, int] = {}
        self._tables: dict[str, int] = {}  # how many of each `[[name]]` there have been

    def scan(self) -> dict[str, int]:
        table = ""
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_SPACE)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"not TOML at character {self._at}")
        self._at = found.end()
        return found.group()

    def _note(self, place: str, at: int) -> None:
        self._lines.setdefault(place, self._text.count("\n", 0, at) + 1)

    def _header(self) -> str:
        """`[name]` or `[[name]]`; returns the place of the table that begins."""
        begins = self._at
        is_element = self._text.startswith("[[", self._at)
        self._at += 2 if is_element else 1
        place = ""
        parts = self._key()
        for number, part in enumerate(parts, 1):
            place = _within(place, part)
            if is_element and number == len(parts):
                self._tables[place] = self._tables.get(place, 0) + 1
            if place in self._tables:
                place += f"[{self._tables[place]}]"
        self._at += 2 if is_element else 1
        self._note(place, begins)
        return place

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            quoted = self._text[self._at] in "\"'"
            parts.append(self._skip(_STRING)[1:-1] if quoted else self._skip(_BARE_KEY))
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _pair(self, table: str) -> None:
        begins, place = self._at, table
        for part in self._key():
            place = _within(place, part)
            self._note(place, begins)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(place)

    def _value(self, place: str) -> None:
        match self._text[self._at]:
            case "[":
                self._elements(place)
            case "{":
                self._inline(place)
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_SCALAR)

    def _elements(self, place: str) -> None:
        self._at += 1
        number = 1
        while self._another("]"):
            element = f"{place}[{number}]"
            self._note(element, self._at)
            self._value(element)
            number += 1

    def _inline(self, place: str) -> None:
        self._at += 1
        while self._another("}"):
            self._pair(place)

    def _another(self, closing: str) -> bool:
        """Go to the next item of an array or inline table; False behind its end."""
        self._skip(_SPACE)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_SPACE)
        if self._text[self._at] != closing:
            return True
        self._at += 1
        return False


def _within(place: str, part: str) -> str:
    return f"{place}.{part}" if place else part
