"""Card readers that type as a USB keyboard. The only file that imports evdev, and only when such a reader is opened."""

import asyncio
import errno
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from hal.codecs.keys import EV_KEY, KEY_PRESSED, LineTyper
from hal.codecs.uid import ISO14443_LENGTHS, ByteOrder, UidFormat
from hal.drivers.cards import RELEASE_S, TextCards
from hal.errors import DeviceLost
from hal.registry import DriverContext, driver
from hal.types import TokenRead

TYPING_GAP_S = 1.0  # a reader types a number in one go; what stood before a longer pause is the rest of something else


class KeyEvent(Protocol):
    """One event of the kernel's input layer."""

    type: int
    code: int
    value: int


class Keyboard(Protocol):
    """What is used of evdev.InputDevice."""

    def fileno(self) -> int:
        """Becomes readable when keys were pressed."""

    def read(self) -> Iterable[KeyEvent]:
        """Events since the last look. Raises BlockingIOError without any, OSError when the device is gone."""

    def grab(self) -> None:
        """Keep its keys from everybody else: card numbers must not end up on a console."""

    def close(self) -> None:
        """Release it."""


def open_keyboard(path: str) -> Keyboard:
    """The device at a path. Raises DeviceLost when the evdev library is missing, OSError when the device is."""
    try:
        import evdev  # noqa: PLC0415 - an optional library, needed by this kind of reader only
    except ImportError:
        raise DeviceLost("keyboard readers need the evdev library; install wayside[keyboard]") from None
    keyboard: Keyboard = evdev.InputDevice(path)
    return keyboard


@driver("reader", "keyboard")
class KeyboardReader:
    """Satisfies hal.reader.TokenReader, one listener at a time.

    `path` is an event device, best a link under /dev/input/by-id that ends in -event-kbd. `format`, `byte_order`, `uid_bytes`
    and `release_s` are those of the serial line reader.
    """

    def __init__(
        self,
        context: DriverContext,
        path: str,
        format: UidFormat = UidFormat.HEX,  # noqa: A002 - the name of the option in the board file
        byte_order: ByteOrder = ByteOrder.ISO,
        uid_bytes: tuple[int, ...] = ISO14443_LENGTHS,
        release_s: float = RELEASE_S,
        evses: tuple[int, ...] = (),
    ) -> None:
        self._clock = context.clock
        self._path = path
        self._cards = TextCards(
            context.clock,
            path,
            layout=format,
            order=byte_order,
            lengths=uid_bytes,
            release_s=release_s,
            evses=evses,
        )
        self._typer = LineTyper()
        self._typed_at = 0.0
        self._keyboard: Keyboard | None = None
        self._waiting: asyncio.Future[None] | None = None  # of the listener, for keys or for the end

    async def open(self) -> None:
        """Open the device and keep its keys to ourselves. Raises DeviceLost."""
        try:
            keyboard = await asyncio.to_thread(open_keyboard, self._path)
        except OSError as error:
            raise self._lost(error) from error
        try:
            keyboard.grab()
        except OSError as error:
            keyboard.close()
            raise self._lost(error) from error
        self._typer.clear()
        self._keyboard = keyboard

    async def tokens(self) -> AsyncIterator[TokenRead]:
        """Each presentation. Ends when closed; raises DeviceLost when the device is gone."""
        while (keyboard := self._keyboard) is not None:
            for line in self._lines(keyboard):
                token = self._cards.token(line)
                if token is not None:
                    yield token
            await self._keys(keyboard)

    async def close(self) -> None:
        """Release the device. Never raises."""
        keyboard, self._keyboard = self._keyboard, None
        if keyboard is None:
            return
        asyncio.get_running_loop().remove_reader(keyboard.fileno())
        keyboard.close()
        if self._waiting is not None:
            _wake(self._waiting)

    def _lines(self, keyboard: Keyboard) -> list[str]:
        """Lines completed by the keys pressed since the last look."""
        try:
            codes = [event.code for event in keyboard.read() if event.type == EV_KEY and event.value == KEY_PRESSED]
        except BlockingIOError:
            return []
        except OSError as error:
            raise self._lost(error) from error
        now = self._clock.monotonic()
        if now - self._typed_at > TYPING_GAP_S:
            self._typer.clear()
        self._typed_at = now
        return [line for code in codes if (line := self._typer.press(code)) is not None]

    async def _keys(self, keyboard: Keyboard) -> None:
        """Wait until keys are pressed or the device is closed."""
        if self._keyboard is not keyboard:
            return
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        loop.add_reader(keyboard.fileno(), _wake, self._waiting)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if self._keyboard is keyboard:  # else closed, and its descriptor may be somebody else's by now
                loop.remove_reader(keyboard.fileno())

    def _lost(self, error: OSError) -> DeviceLost:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        return DeviceLost(f"keyboard reader {self._path}: {reason}")


_REASONS = {
    errno.ENOENT: "there is no such device; is the reader plugged in?",
    errno.ENODEV: "the reader was unplugged",
    errno.EACCES: "permission denied; the program's user must be in the group input",
    errno.EBUSY: "another program holds its keys",
}


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
