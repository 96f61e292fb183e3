"""Text lines out of a byte stream, of bounded length."""


class LineSplitter:
    """Cuts at every CR or LF and drops empty lines.

    A line longer than `max_bytes` is dropped whole, up to its end, and counted in `overlong`: it is noise, or a device that
    is not the expected one.
    """

    def __init__(self, max_bytes: int) -> None:
        self.overlong = 0
        self._max_bytes = max_bytes
        self._rest = bytearray()
        self._dropping = False

    @property
    def rest(self) -> bytes:
        """What has come since the last line end, unless it is too long already."""
        return bytes(self._rest)

    def clear(self) -> None:
        """Forget the line that has begun."""
        self._rest.clear()
        self._dropping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Lines completed by these bytes, without their ends."""
        self._rest += data.replace(b"\r", b"\n")
        *whole, last = bytes(self._rest).split(b"\n")
        self._rest[:] = last
        lines = []
        for line in whole:
            if self._dropping:
                self._dropping = False
            elif len(line) > self._max_bytes:
                self.overlong += 1
            elif line:
                lines.append(line)
        if self._dropping:
            self._rest.clear()
        elif len(self._rest) > self._max_bytes:
            self.overlong += 1
            self._dropping = True
            self._rest.clear()
        return lines
