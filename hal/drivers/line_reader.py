"""Card readers that send one line of text for each card: on a serial port."""

from collections.abc import AsyncIterator

from hal.codecs.lines import LineSplitter
from hal.codecs.uid import ISO14443_LENGTHS, ByteOrder, UidFormat
from hal.drivers.cards import RELEASE_S, TextCards
from hal.drivers.serial_port import SerialPort
from hal.errors import DeviceLost
from hal.registry import DriverContext, driver
from hal.types import TokenRead

LINE_MAX = 64  # bytes: more than any card number with separators
_FRAMING = b" \t\x02\x03"  # some readers put the number between STX and ETX


@driver("reader", "serial-line")
class LineReader:
    """Satisfies hal.reader.TokenReader, one listener at a time.

    `format` is `hex` or `decimal`, `byte_order` how this reader sends UIDs, `uid_bytes` the lengths of UIDs that it may send.
    A card counts once until its number has not come for `release_s`. Silence cannot be told from no card: only the loss of the
    port is noticed.
    """

    def __init__(
        self,
        context: DriverContext,
        path: str,
        baud: int = 9600,
        format: UidFormat = UidFormat.HEX,  # noqa: A002 - the name of the option in the board file
        byte_order: ByteOrder = ByteOrder.ISO,
        uid_bytes: tuple[int, ...] = ISO14443_LENGTHS,
        release_s: float = RELEASE_S,
        evses: tuple[int, ...] = (),
    ) -> None:
        self._port = SerialPort(path, baud)
        self._lines = LineSplitter(LINE_MAX)
        self._cards = TextCards(
            context.clock,
            path,
            layout=format,
            order=byte_order,
            lengths=uid_bytes,
            release_s=release_s,
            evses=evses,
        )
        self._closed = True

    async def open(self) -> None:
        """Open the port. Raises DeviceLost."""
        await self._port.open()
        self._lines.clear()
        self._closed = False

    async def tokens(self) -> AsyncIterator[TokenRead]:
        """Each presentation. Ends when closed; raises DeviceLost when the port is gone."""
        while True:
            try:
                data = await self._port.read_some()
            except DeviceLost:
                if self._closed:
                    return
                raise
            for line in self._lines.feed(data):
                token = self._cards.token(line.strip(_FRAMING).decode("ascii", "replace"))
                if token is not None:
                    yield token

    async def close(self) -> None:
        """Release the port. Never raises."""
        self._closed = True
        await self._port.close()
