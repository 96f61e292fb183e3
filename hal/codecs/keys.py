"""Keys of a USB reader that types as a keyboard, turned into lines of text.

Only key presses count: the kernel's repeats (2) and releases (0) do not. The layout is the US one, which such readers use.

Source: Linux uapi header linux/input-event-codes.h.
"""

KEY_PRESSED = 1
EV_KEY = 1

_ENTER = frozenset({28, 96})  # KEY_ENTER, KEY_KPENTER
_SHIFTS = frozenset({42, 54})
_ROWS = {
    2: "1234567890-",
    16: "qwertyuiop",
    30: "asdfghjkl:",  # with Shift, as readers type a colon; no card number has a semicolon
    44: "zxcvbnm",
    57: " ",
    71: "789-456+1230.",  # keypad
}
_CHARACTERS = {first + offset: key for first, row in _ROWS.items() for offset, key in enumerate(row)}
_UNKNOWN = "?"  # stands for a key that no card number contains, so that the line is refused and not silently shortened


class LineTyper:
    """Collects key presses until Enter. A line longer than `max_length` is dropped whole."""

    def __init__(self, max_length: int = 64) -> None:
        self._max_length = max_length
        self._typed: list[str] = []

    def clear(self) -> None:
        """Forget what has been typed since the last Enter."""
        self._typed.clear()

    def press(self, code: int) -> str | None:
        """Take a key press; the line, when it is Enter and the line is neither empty nor too long."""
        if code in _SHIFTS:
            return None
        if code not in _ENTER:
            if len(self._typed) <= self._max_length:
                self._typed.append(_CHARACTERS.get(code, _UNKNOWN))
            return None
        line = "".join(self._typed)
        self.clear()
        return line if 0 < len(line) <= self._max_length else None
