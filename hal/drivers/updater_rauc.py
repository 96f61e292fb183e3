"""RAUC by its command line: an A/B installer whose boot loader goes back when a new system is not marked good.

`rauc` prints JSON for `status` and `info`, and percent lines while it installs; it speaks to its service over D-Bus by itself.
Needs RAUC 1.5 or newer, and a boot loader that counts attempts. Bundles are verified by RAUC against the keyring of the device.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hal.clocks import read_boot_id
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout
from hal.registry import DriverContext, driver
from hal.updater import RunningFirmware

log = logging.getLogger(__name__)

PROGRAM = "rauc"
RESTART = ("systemctl", "reboot")
ANSWER_TIMEOUT_S = 30.0
INSTALL_TIMEOUT_S = 3600.0
COMPLAINT_MAX = 200  # characters of an error text that are passed on
_PERCENT = re.compile(rb"^\s*(\d{1,3})%")


class Rauc:
    """Satisfies hal.updater.Updater."""

    def __init__(
        self,
        *,
        program: str = PROGRAM,
        restart: tuple[str, ...] = RESTART,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        install_timeout_s: float = INSTALL_TIMEOUT_S,
    ) -> None:
        """`restart` is the command that has the machine start again."""
        self._program = program
        self._restart = restart
        self._answer_timeout_s = answer_timeout_s
        self._install_timeout_s = install_timeout_s

    async def open(self) -> None:
        """See that RAUC answers. Raises HalError."""
        await self.running()

    async def running(self) -> RunningFirmware:
        """The booted slot, and the version of the bundle it was written from. Raises HalError."""
        status = await self._json("status", "--detailed", "--output-format=json")
        booted = status.get("booted")
        for entry in status.get("slots", ()):
            for name, slot in entry.items():
                if booted is not None and booted in (name, slot.get("bootname")):
                    bundle = (slot.get("slot_status") or {}).get("bundle") or {}
                    return RunningFirmware(str(name), bundle.get("version"), self._boot())
        raise BadReply(f"`{self._program} status` names no booted slot; is rauc.slot on the kernel's command line?")

    @staticmethod
    def _boot() -> str:
        try:
            return read_boot_id()
        except OSError as error:
            raise DeviceLost(f"the machine does not tell its boot id: {error.strerror}") from error

    async def check(self, image: Path) -> str | None:
        """RAUC verifies signature and kind of machine. Raises DeviceRefused, HalError."""
        about = await self._json("info", "--output-format=json", str(image))
        mine = (await self._json("status", "--output-format=json")).get("compatible")
        if mine is not None and about.get("compatible") != mine:
            raise DeviceRefused(f"{image.name} is for {about.get('compatible')!r}, this machine is {mine!r}")
        version = about.get("version")
        return None if version is None else str(version)

    async def install(self, image: Path, progress: Callable[[int], None]) -> None:
        """Write the other slot and choose it. Raises HalError."""

        def line(text: bytes) -> None:
            percent = _PERCENT.match(text)
            if percent is not None:
                progress(min(int(percent[1]), 100))

        await self._call((self._program, "install", str(image)), self._install_timeout_s, line)

    async def restart(self) -> None:
        """Run the restart command. Raises HalError."""
        await self._call(self._restart, self._answer_timeout_s)

    async def confirm(self) -> None:
        """`rauc status mark-good`. Raises HalError."""
        await self._call((self._program, "status", "mark-good", "booted"), self._answer_timeout_s)

    async def fall_back(self) -> None:
        """`rauc status mark-bad`, and the other slot is the primary one. Raises HalError."""
        await self._call((self._program, "status", "mark-bad", "booted"), self._answer_timeout_s)
        await self._call((self._program, "status", "mark-active", "other"), self._answer_timeout_s)

    async def close(self) -> None:
        """Nothing is held open."""

    async def _json(self, *arguments: str) -> dict[str, Any]:
        output = await self._call((self._program, *arguments), self._answer_timeout_s)
        try:
            answer = json.loads(output)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise BadReply(f"`{self._program} {arguments[0]}` printed no JSON object; RAUC 1.5 or newer is needed")
        return answer

    async def _call(
        self, command: tuple[str, ...], timeout_s: float, line: Callable[[bytes], None] = lambda _: None
    ) -> bytes:
        """What a command prints. Raises DeviceLost where it cannot be run, DeviceRefused for its errors, DeviceTimeout."""
        shown = " ".join(command[:2])
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise DeviceLost(f"{command[0]} cannot be run ({error.strerror}); is it installed?") from error
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(timeout_s):
                complaining = asyncio.ensure_future(process.stderr.read())
                output = b""
                async for text in process.stdout:
                    line(text)
                    output += text
                complaint = await complaining
                await process.wait()
        except TimeoutError:
            raise DeviceTimeout(f"`{shown}` did not end within {timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise DeviceRefused(f"`{shown}` failed: {complaint.decode('utf-8', 'replace').strip()[:COMPLAINT_MAX]}")
        return output


@driver("updater", "rauc")
def rauc(_context: DriverContext, program: str = PROGRAM, restart: tuple[str, ...] = RESTART) -> Rauc:
    """The installer of a machine with RAUC."""
    return Rauc(program=program, restart=restart)
