"""A cellular modem that ModemManager owns, asked through its command line tool.

`mmcli -J` speaks to the daemon over D-Bus and prints JSON; a call takes tens of milliseconds and happens every few seconds, so no
D-Bus library is worth its memory here.
"""

import asyncio
import logging
from enum import StrEnum
from typing import Any

from hal.clock import Clock
from hal.codecs import mmcli
from hal.errors import DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.registry import DriverContext, driver
from hal.types import ModemStatus, SimIdentity

log = logging.getLogger(__name__)

PROGRAM = "mmcli"
ANSWER_TIMEOUT_S = 10.0
ORDER_TIMEOUT_S = 60.0
RECOVERY_TIMEOUT_S = 90.0
SIGNAL_EVERY_S = 10  # how often the daemon measures the signal
RADIO_PAUSE_S = 3.0
BOOT_LOOK_S = 2.0
COMPLAINT_MAX = 200  # characters of an error text that are passed on


class Step(StrEnum):
    """The recovery ladder, mildest first."""

    REATTACH = "reattach"
    RADIO_CYCLE = "radio-cycle"
    RESET = "reset"


class ModemManager:
    """Satisfies hal.modem.Modem. `modem` is the number, D-Bus path or `any` that mmcli takes to choose one."""

    def __init__(
        self, clock: Clock, *, modem: str = "any", program: str = PROGRAM, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        self._clock = clock
        self._modem = modem
        self._program = program
        self._answer_timeout_s = answer_timeout_s

    @property
    def recovery_steps(self) -> tuple[str, ...]:
        """Mildest first. ModemManager cuts no power; a board that can, has a watchdog of its own."""
        return tuple(step.value for step in Step)

    async def open(self) -> None:
        """See that the daemon knows the modem, and let it measure the signal. Raises HalError."""
        await self._ask()
        try:
            await self._run(f"--signal-setup={SIGNAL_EVERY_S}")
        except DeviceRefused as error:
            log.warning("modem measures no signal error=%s", error)

    async def identity(self) -> SimIdentity:
        """Numbers of the SIM. Raises DeviceRefused without one, HalError."""
        sim = mmcli.text_at(await self._ask(), "modem", "generic", "sim")
        if sim is None:
            raise DeviceRefused("ModemManager finds no SIM in the modem")
        card = mmcli.parse(await self._call("-i", mmcli.index_of(sim)))
        return SimIdentity(
            iccid=mmcli.text_at(card, "sim", "properties", "iccid"),
            imsi=mmcli.text_at(card, "sim", "properties", "imsi"),
        )

    async def status(self) -> ModemStatus:
        """Registration, signal, address. Raises HalError."""
        modem = await self._ask()
        registered, roaming = mmcli.registration(modem)
        bearers = [
            mmcli.parse(await self._call("-b", mmcli.index_of(path)))
            for path in mmcli.texts_at(modem, "modem", "generic", "bearers")
        ]
        return ModemStatus(
            registered=registered,
            roaming=roaming,
            operator=mmcli.text_at(modem, "modem", "3gpp", "operator-name"),
            technology=mmcli.technology(modem),
            signal_dbm=await self._signal_dbm(),
            address=mmcli.address(bearers),
        )

    async def recover(self, step: str) -> None:
        """Carry out one step, at most 90 s. Raises DeviceRefused, DeviceTimeout, HalError."""
        if step not in self.recovery_steps:
            raise DeviceRefused(f"ModemManager has no step {step!r}; it has {', '.join(self.recovery_steps)}")
        log.warning("modem recovery modem=%s step=%s", self._modem, step)
        try:
            async with asyncio.timeout(RECOVERY_TIMEOUT_S):
                await self._recover(Step(step))
        except TimeoutError:
            raise DeviceTimeout(f"modem {self._modem}: step {step} took more than {RECOVERY_TIMEOUT_S:g} s") from None

    async def close(self) -> None:
        """Nothing is held open."""

    async def _recover(self, step: Step) -> None:
        match step:
            case Step.REATTACH:
                await self._run("--simple-disconnect")
                await self._run("--3gpp-register-home")
            case Step.RADIO_CYCLE:
                await self._run("--disable")
                await self._clock.sleep(RADIO_PAUSE_S)
                await self._run("--enable")
            case Step.RESET:
                await self._run("--reset")
                await self._come_back()

    async def _come_back(self) -> None:
        """The modem boots and is found again, under another number. The caller limits the time."""
        while True:
            await self._clock.sleep(BOOT_LOOK_S)
            try:
                await self.open()
            except HalError as error:
                log.debug("modem not back yet modem=%s error=%s", self._modem, error)
            else:
                return

    async def _signal_dbm(self) -> int | None:
        try:
            return mmcli.signal_dbm(mmcli.parse(await self._call("-m", self._modem, "--signal-get")))
        except DeviceRefused:
            return None  # this modem does not measure

    async def _ask(self) -> dict[str, Any]:
        return mmcli.parse(await self._call("-m", self._modem))

    async def _run(self, order: str) -> None:
        await self._call("-m", self._modem, order, timeout_s=ORDER_TIMEOUT_S)

    async def _call(self, *arguments: str, timeout_s: float | None = None) -> bytes:
        """What mmcli prints. Raises DeviceLost without the program or its daemon, DeviceRefused for its errors, DeviceTimeout."""
        command = " ".join((self._program, *arguments))
        limit_s = self._answer_timeout_s if timeout_s is None else timeout_s
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                "-J",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise DeviceLost(f"{self._program} cannot be run ({error.strerror}); is ModemManager installed?") from error
        try:
            async with asyncio.timeout(limit_s):
                output, complaint = await process.communicate()
        except TimeoutError:
            raise DeviceTimeout(f"`{command}` gave no answer within {limit_s:g} s; is ModemManager running?") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise DeviceRefused(f"`{command}` failed: {complaint.decode('utf-8', 'replace').strip()[:COMPLAINT_MAX]}")
        return output


@driver("modem", "modemmanager")
def modem_manager(context: DriverContext, modem: str = "any", program: str = PROGRAM) -> ModemManager:
    """The modem that ModemManager manages."""
    return ModemManager(context.clock, modem=modem, program=program)
