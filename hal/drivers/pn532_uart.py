"""NXP PN532 card reader on a serial port."""

import asyncio
import logging
from collections.abc import AsyncIterator

from hal.codecs import pn532
from hal.codecs.pn532 import Ack, Answer, Command, Parser, Refusal, Target
from hal.codecs.uid import ByteOrder, token_of
from hal.drivers.cards import RELEASE_S, Presentations
from hal.drivers.serial_port import SerialPort
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.registry import DriverContext, driver
from hal.types import TokenRead

log = logging.getLogger(__name__)

PN532_IC = 0x32
LOOKS = 2  # of the reader for a card before it answers "none": about 30 ms each
ANSWER_TIMEOUT_S = 0.5  # for acknowledgement and answer together; the slowest command needs 0.1 s
TRIES = 3  # after so many failures in a row the reader is set up anew, and if that fails it is lost


@driver("reader", "pn532")
class Pn532Reader:
    """Satisfies hal.reader.TokenReader for ISO 14443 type A cards, one listener at a time.

    `byte_order` says how this reader sends UIDs (`iso` for the PN532 itself; modules in front of it may reverse). A card counts
    once until it has not been seen for `release_s`.
    """

    def __init__(
        self,
        context: DriverContext,
        path: str,
        byte_order: ByteOrder = ByteOrder.ISO,
        poll_s: float = 0.2,
        release_s: float = RELEASE_S,
        evses: tuple[int, ...] = (),
    ) -> None:
        if poll_s <= 0:
            raise ValueError(f"poll_s must be above 0, is {poll_s!r}")
        self._clock = context.clock
        self._port = SerialPort(path, pn532.BAUD)
        self._parser = Parser()
        self._order = ByteOrder(byte_order)
        self._poll_s = poll_s
        self._presentations = Presentations(context.clock, release_s)
        self._evses = evses
        self._closed = True

    async def open(self) -> None:
        """Open the port and set the reader up. Raises DeviceLost, DeviceTimeout or BadReply when no PN532 is there."""
        await self._port.open()
        self._closed = False
        try:
            await self._set_up()
        except BaseException:
            await self._port.close()
            raise

    async def tokens(self) -> AsyncIterator[TokenRead]:
        """Each presentation. Ends when closed; raises DeviceLost when the port is gone or the reader answers no more."""
        failures = 0
        while True:
            try:
                target = await self._look()
            except DeviceLost:
                if self._closed:
                    return
                raise
            except HalError as error:
                failures += 1
                self._presentations.was_blind()
                log.info("card reader failed to answer path=%s failures=%d error=%s", self._port.path, failures, error)
                if failures % TRIES == 0:
                    await self._revive()
                continue
            failures = 0
            if target is None:
                self._presentations.saw_none()
            elif self._presentations.is_new(target.uid):
                yield TokenRead(token_of(target.uid, self._order), evses=self._evses)
            await self._clock.sleep(self._poll_s)

    async def close(self) -> None:
        """Release the port. Never raises."""
        self._closed = True
        await self._port.close()

    async def _set_up(self) -> None:
        self._parser.reset()
        await self._port.write(pn532.WAKE_UP)
        firmware = pn532.parse_firmware(await self._ask(Command.GET_FIRMWARE_VERSION, pn532.get_firmware_version()))
        if firmware.ic != PN532_IC:
            raise BadReply(f"{self._port.path}: IC {firmware.ic:#04x} answers where a PN532 ({PN532_IC:#04x}) belongs")
        await self._ask(Command.SAM_CONFIGURATION, pn532.sam_configuration())
        await self._ask(Command.RF_CONFIGURATION, pn532.limit_retries(LOOKS))
        log.info("card reader ready path=%s firmware=%d.%d", self._port.path, firmware.version, firmware.revision)

    async def _revive(self) -> None:
        """Set the reader up again; it may have lost power for a moment. Raises DeviceLost when that fails too."""
        try:
            await self._set_up()
        except HalError as error:
            await self._port.close()
            raise DeviceLost(
                f"PN532 at {self._port.path} answers no more ({error}); check its cable and power"
            ) from error

    async def _look(self) -> Target | None:
        return pn532.parse_targets(await self._ask_once(Command.IN_LIST_PASSIVE_TARGET, pn532.list_passive_target()))

    async def _ask(self, command: Command, frame: bytes) -> bytes:
        """An answer, in as many attempts as it takes up to TRIES."""
        for _ in range(TRIES - 1):
            try:
                return await self._ask_once(command, frame)
            except (DeviceTimeout, DeviceRefused):
                continue
        return await self._ask_once(command, frame)

    async def _ask_once(self, command: Command, frame: bytes) -> bytes:
        await self._port.write(frame)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await self._answer(command)
        except TimeoutError:
            self._parser.reset()
            await self._port.write(pn532.ACK)  # ends whatever the reader is still doing (UM0701-02, section 6.2.1.3)
            raise DeviceTimeout(
                f"{self._port.path}: no PN532 answers {command.name}; check wiring and mode switches"
            ) from None

    async def _answer(self, command: Command) -> bytes:
        taken = False  # an answer before the acknowledgement is a late one to the question before
        while True:
            for message in self._parser.feed(await self._port.read_some()):
                match message:
                    case Ack():
                        taken = True
                    case Answer(code, data) if taken and code == command:
                        return data
                    case Refusal() if taken:
                        raise DeviceRefused(f"{self._port.path}: the PN532 does not take {command.name}")
