"""A cellular modem on a serial port, spoken to with AT commands.

For machines on which nothing else owns the port: where ModemManager runs, use its driver instead. What a modem refuses to tell is
None; what it does not answer at all is an error.
"""

import asyncio
import logging
import re
from enum import StrEnum

from hal.clock import Clock
from hal.codecs import at
from hal.codecs.at import Exchange, Registration, Response
from hal.codecs.lines import LineSplitter
from hal.drivers.gpio_lines import GpiodLines, Lines
from hal.drivers.serial_port import SerialPort
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.registry import DriverContext, driver
from hal.types import ModemStatus, SimIdentity

log = logging.getLogger(__name__)

BAUD = 115_200
ANSWER_TIMEOUT_S = 3.0
NETWORK_TIMEOUT_S = 40.0  # for commands that talk to the network; 3GPP allows more, a person at the pole does not
TRIES = 3  # of the first command: a modem with automatic baud rate swallows the first bytes
RECOVERY_TIMEOUT_S = 90.0
RADIO_PAUSE_S = 3.0
POWER_OFF_S = 5.0
BOOT_LOOK_S = 2.0

QUIET_S = 1.0  # after a command that was not answered, a late answer is waited out

_FULL, _RADIO_OFF = "1", "4"  # +CFUN


class Step(StrEnum):
    """The recovery ladder, mildest first."""

    REATTACH = "reattach"
    RADIO_CYCLE = "radio-cycle"
    RESET = "reset"
    POWER_CYCLE = "power-cycle"


class AtModem:
    """Satisfies hal.modem.Modem.

    `context_id` is the packet data context whose address counts. `power` is an output line that is active while the modem's
    supply is cut, or None; with it the recovery ladder has a last step that helps against everything but a dead modem.
    """

    def __init__(
        self, clock: Clock, path: str, *, baud: int = BAUD, context_id: int = 1, lines: Lines, power: str | None = None
    ) -> None:
        self._clock = clock
        self._port = SerialPort(path, baud)
        self._splitter = LineSplitter(at.LINE_MAX)
        self._context_id = context_id
        self._lines = lines
        self._power = power
        self._turn = asyncio.Lock()
        self._quectel = False
        self._unanswered = False  # the last command

    @property
    def recovery_steps(self) -> tuple[str, ...]:
        """Mildest first."""
        return tuple(step.value for step in Step if step is not Step.POWER_CYCLE or self._power is not None)

    async def open(self) -> None:
        """Open the port and see who is there. Raises DeviceLost, DeviceTimeout."""
        await self._port.open()
        self._unanswered = False
        try:
            await self._greet()
        except BaseException:
            await self._port.close()
            raise

    async def identity(self) -> SimIdentity:
        """Numbers of the SIM. Raises DeviceRefused when it wants a PIN or is not there, DeviceTimeout, DeviceLost."""
        pin = await self._ask("AT+CPIN?", "+CPIN")
        if not pin.ok or pin.first is None or "READY" not in pin.first:
            raise DeviceRefused(f"modem at {self._port.path}: the SIM is not ready ({pin.first or pin.final})")
        imsi = await self._ask_surely("AT+CIMI", at.IMSI)
        iccid = await self._ask_surely("AT+QCCID" if self._quectel else "AT+CCID", at.ICCID)
        if not iccid.ok:
            iccid = await self._ask_surely("AT+ICCID", at.ICCID)
        return SimIdentity(
            iccid=None if iccid.first is None else at.parse_iccid(iccid.first),
            imsi=imsi.first,
        )

    async def status(self) -> ModemStatus:
        """Registration, signal, address. Raises DeviceTimeout, DeviceLost."""
        registration = await self._registration()
        operator = at.parse_operator((await self._ask("AT+COPS?", "+COPS", NETWORK_TIMEOUT_S)).first or "")
        signal_dbm = at.parse_signal_dbm((await self._ask("AT+CSQ", "+CSQ")).first or "")
        address = at.parse_address((await self._ask(f"AT+CGPADDR={self._context_id}", "+CGPADDR")).first or "")
        technology, temperature_c = operator.technology, None
        if self._quectel:
            radio = at.parse_radio_report((await self._ask("AT+QCSQ", "+QCSQ")).first or "")
            technology, signal_dbm = radio.technology or technology, radio.signal_dbm or signal_dbm
            temperature_c = at.parse_temperature_c((await self._ask("AT+QTEMP", "+QTEMP")).lines)
        return ModemStatus(
            registered=registration.registered,
            roaming=registration.roaming,
            operator=operator.name,
            technology=technology,
            signal_dbm=signal_dbm,
            address=address,
            temperature_c=temperature_c,
        )

    async def recover(self, step: str) -> None:
        """Carry out one step, at most 90 s. Raises DeviceRefused for a step that is none, DeviceTimeout, DeviceLost."""
        if step not in self.recovery_steps:
            raise DeviceRefused(
                f"modem at {self._port.path} has no step {step!r}; it has {', '.join(self.recovery_steps)}"
            )
        log.warning("modem recovery path=%s step=%s", self._port.path, step)
        try:
            async with asyncio.timeout(RECOVERY_TIMEOUT_S):
                await self._recover(Step(step))
        except TimeoutError:
            raise DeviceTimeout(
                f"modem at {self._port.path}: step {step} took more than {RECOVERY_TIMEOUT_S:g} s"
            ) from None

    async def close(self) -> None:
        """Release the port. Never raises."""
        await self._port.close()

    async def _greet(self) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                await self._ask("ATE0", None)  # no echo; lines of an echo would be ignored all the same
                break
            except DeviceTimeout:
                if attempt == TRIES:
                    raise
        await self._ask("AT+CMEE=2", None)
        maker = await self._ask("AT+CGMI", re.compile(r"[\x20-\x7e]+"))
        self._quectel = any("quectel" in line.lower() for line in maker.lines)
        log.info("modem ready path=%s maker=%s", self._port.path, " ".join(maker.lines))

    async def _registration(self) -> Registration:
        """As the packet network sees it; modems before LTE know the other commands only."""
        for name in ("+CEREG", "+CGREG", "+CREG"):
            answer = await self._ask(f"AT{name}?", name)
            for line in answer.lines:
                registration = at.parse_registration(line)
                if registration is not None and (registration.registered or name == "+CREG"):
                    return registration
        return Registration(None, None)

    async def _recover(self, step: Step) -> None:
        match step:
            case Step.REATTACH:
                await self._order("AT+CGATT=0")
                await self._order("AT+CGATT=1")
            case Step.RADIO_CYCLE:
                await self._order(f"AT+CFUN={_RADIO_OFF}")
                await self._clock.sleep(RADIO_PAUSE_S)
                await self._order(f"AT+CFUN={_FULL}")
            case Step.RESET:
                try:
                    await self._order(f"AT+CFUN={_FULL},1")
                except (DeviceLost, DeviceTimeout) as error:  # it may be gone before it says OK
                    log.info("modem reset without an answer path=%s error=%s", self._port.path, error)
                await self._come_back()
            case Step.POWER_CYCLE:
                await self._cut_power()
                await self._come_back()

    async def _cut_power(self) -> None:
        assert self._power is not None
        line = self._lines.output(self._power)
        try:
            line.set(True)
            await self._clock.sleep(POWER_OFF_S)
        finally:
            line.close()

    async def _come_back(self) -> None:
        """The modem boots: its port may vanish, and comes back when it is ready. The caller limits the time."""
        await self._port.close()
        while True:
            await self._clock.sleep(BOOT_LOOK_S)
            try:
                await self.open()
            except HalError as error:
                log.debug("modem not back yet path=%s error=%s", self._port.path, error)
            else:
                return

    async def _order(self, command: str) -> None:
        answer = await self._ask(command, None, NETWORK_TIMEOUT_S)
        if not answer.ok:
            raise DeviceRefused(f"modem at {self._port.path} refuses {command}: {answer.final}")

    async def _ask_surely(self, command: str, prefix: re.Pattern[str]) -> Response:
        """The same answer twice in a row: AT has no checksums, and a number that lost a digit is another number."""
        answer = await self._ask(command, prefix)
        for _ in range(TRIES):
            before, answer = answer, await self._ask(command, prefix)
            if answer == before:
                return answer
        raise BadReply(f"modem at {self._port.path} answers {command} differently each time; is the line good?")

    async def _ask(
        self, command: str, prefix: str | re.Pattern[str] | None, timeout_s: float = ANSWER_TIMEOUT_S
    ) -> Response:
        async with self._turn:
            exchange = Exchange(command, prefix)
            if self._unanswered:
                await self._clock.sleep(QUIET_S)
            self._port.discard_input()
            self._splitter.clear()
            await self._port.write(exchange.request)
            self._unanswered = True
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await self._answer(exchange)
            except TimeoutError:
                raise DeviceTimeout(
                    f"no modem answers {command} at {self._port.path}; check power, port, and that ModemManager does not own it"
                ) from None
            self._unanswered = False
            return answer

    async def _answer(self, exchange: Exchange) -> Response:
        while True:
            for line in self._splitter.feed(await self._port.read_some()):
                answer = exchange.feed(line)
                if answer is not None:
                    return answer


@driver("modem", "at")
def at_modem(
    context: DriverContext, path: str, baud: int = BAUD, context_id: int = 1, power: str | None = None
) -> AtModem:
    """A modem on a serial port; `power` names the GPIO line that cuts its supply."""
    return AtModem(context.clock, path, baud=baud, context_id=context_id, lines=GpiodLines(), power=power)
