"""Carries out a firmware update, over restarts of the program and of the machine.

Rules:
- One update at a time. A new order replaces one that is not being installed yet.
- Nothing is installed while somebody charges: free EVSEs are out of service from the moment the installation is due, and it begins
  when the last transaction has ended. `Policy.stop_charging` ends transactions instead.
- *Installed* is said when the new system runs, is connected and was accepted. Until then it is not confirmed, and what starts the
  machine goes back by itself. One that is not accepted within `Policy.proof_s` is given up.
- An installation that was cut short by a loss of power is begun again, once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from firmware.core import events as ev
from firmware.core.values import Maintenance, StopCause
from firmware.engine.engine import Engine
from firmware.engine.journal import Change
from firmware.services.notices import Notices
from firmware.services.transfer import Limits, Location, TransferError, Transfers
from firmware.services.transfer.files import discard
from firmware.services.updates.order import Answer, Progress, Stage, Status, UpdateOrder
from hal.errors import DeviceRefused, HalError
from hal.updater import RunningFirmware, Updater
from offline_queue import Queue

log = logging.getLogger(__name__)

DOCUMENTS: Final = "firmware"
KEY: Final = "update"
IMAGE: Final = "firmware.image"
FIRST_LOOK_S: Final = 5.0  # for the updater to say what runs, at the start of the program
LOOK_S: Final = 30.0  # how often a wall clock that may jump is looked at
RESTART_S: Final = 120.0  # for a machine that was asked to start again to do so
TELL_S: Final = 10.0  # for statuses to be told before a restart
MOST_INSTALLATIONS: Final = 2

Signatures = Callable[[Path, str, str], Awaitable[str | None]]
"""Checks a file against a signing certificate (PEM) and a signature (Base64); returns what is wrong, None when it is good."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How this station updates itself."""

    stop_charging: bool = False  # end transactions instead of waiting for them
    proof_s: float = 1800.0  # within which a new system has to be accepted by the central system
    limits: Limits = Limits()  # noqa: RUF009 - frozen


class _Failed(Exception):
    """The update is over."""

    def __init__(self, stage: Stage, text: str) -> None:
        super().__init__(text)
        self.stage = stage


class FirmwareUpdates:
    """The updates of one station. `load` first, then `run`."""

    def __init__(
        self,
        engine: Engine,
        updater: Updater,
        transfers: Transfers,
        directory: Path,
        policy: Policy,
        *,
        signatures: Signatures,
        security_event: Callable[[str, str], None],
        restart: Callable[[], None],
    ) -> None:
        """`restart` ends the program for the machine to start again."""
        self._engine = engine
        self._updater = updater
        self._transfers = transfers
        self._image = directory / IMAGE
        self._policy = policy
        self._signatures = signatures
        self._security_event = security_event
        self._restart = restart
        self._progress: Progress | None = None
        self._work: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._running: RunningFirmware | None = None
        self.percent: int | None = None  # of the download or installation under way, for people
        self.notices: Notices[Status] = Notices(engine.clock, told=self._told)
        engine.observe(self._observe)

    # ---- for the rest of the program ----------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """How far the last update has come."""
        return Status() if self._progress is None else self._progress.status

    @property
    def version(self) -> str | None:
        """The version of the running system, as far as the updater knows it."""
        return None if self._running is None else self._running.version

    async def load(self, queue: Queue) -> None:
        """Take up what an earlier run of the program left, and ask the updater what runs."""
        document = await queue.get(DOCUMENTS, KEY)
        if document is not None:
            try:
                self._progress = Progress.of(document)
            except ValueError as error:
                log.warning("kept firmware update ignored error=%s", error)
        try:
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._updater.open()
                self._running = await self._updater.running()
        except (HalError, TimeoutError) as error:
            log.error("updater does not answer error=%s", error)
        if self._progress is not None and not self._progress.told:
            self.notices.post(self._progress.status)

    def order(self, order: UpdateOrder) -> Answer:
        """Begin an update, now or at its time. Raises TransferError for a location that cannot be used."""
        Location.parse(order.location)
        old = self._progress
        under_way = old is not None and not old.stage.is_end
        if under_way and old is not None and old.stage in (Stage.INSTALLING, Stage.REBOOTING):
            return Answer.BUSY
        if self._work is not None:
            self._work.cancel()
        self._keep(Progress(order))
        log.info("firmware update ordered number=%s replaces=%s", order.number, under_way)
        self._wake.set()
        return Answer.REPLACED if under_way else Answer.ACCEPTED

    async def run(self) -> None:
        """Carry out orders, one after the other."""
        if self._progress is not None and not self._progress.stage.is_end:
            self._wake.set()
        else:
            await asyncio.to_thread(discard, self._image)
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._work = asyncio.create_task(self._perform(), name="firmware update")
            try:
                await asyncio.wait([self._work])
            finally:
                self._work.cancel()
            if not self._work.cancelled():
                self._work.result()

    # ---- one update -----------------------------------------------------------------------------------------------------

    async def _perform(self) -> None:
        progress = self._progress
        assert progress is not None
        self._maintain(Maintenance.NONE)
        try:
            if await self._restarted(progress):
                await self._prove()
                return
            if progress.stage in (Stage.IDLE, Stage.DOWNLOAD_SCHEDULED, Stage.DOWNLOADING):
                if progress.stage is not Stage.DOWNLOADING:
                    await asyncio.to_thread(discard, self._image)
                await self._download(progress.order)
            if self._at(Stage.DOWNLOADED):
                await self._verify(progress.order)
            await self._install()
        except _Failed as failure:
            log.error("firmware update failed stage=%s reason=%s", failure.stage.value, failure)
            self._step(failure.stage)
            self._maintain(Maintenance.NONE)
            await asyncio.to_thread(discard, self._image)
        finally:
            self.percent = None

    async def _restarted(self, progress: Progress) -> bool:
        """Whether the machine was to start into the new system, or did so after a loss of power at the end of an installation."""
        if progress.stage is Stage.INSTALLING and progress.before is not None:
            try:
                if (await self._updater.running()).slot != progress.before[0]:
                    self._step(Stage.REBOOTING)
            except HalError as error:
                raise _Failed(Stage.INSTALLATION_FAILED, str(error)) from error
        return self._at(Stage.REBOOTING)

    async def _download(self, order: UpdateOrder) -> None:
        if self._due_in(order.retrieve_at_s) > 0:
            if not self._at(Stage.DOWNLOAD_SCHEDULED):
                self._step(Stage.DOWNLOAD_SCHEDULED)
            await self._wait_for(order.retrieve_at_s)
        if not self._at(Stage.DOWNLOADING):
            self._step(Stage.DOWNLOADING)
        try:
            await self._transfers.download(
                Location.parse(order.location),
                self._image,
                retries=order.retries,
                limits=self._policy.limits,
                progress=self._percent,
            )
        except TransferError as error:
            raise _Failed(Stage.DOWNLOAD_FAILED, str(error)) from error
        self._step(Stage.DOWNLOADED)

    async def _verify(self, order: UpdateOrder) -> None:
        if order.signature is not None and order.certificate is not None:
            wrong = await self._signatures(self._image, order.certificate, order.signature)
            if wrong is not None:
                self._security_event("InvalidFirmwareSignature", wrong)
                raise _Failed(Stage.INVALID_SIGNATURE, wrong)
            self._step(Stage.SIGNATURE_VERIFIED)

    async def _install(self) -> None:
        progress = self._progress
        assert progress is not None
        if not self._at(Stage.INSTALLING):
            version = await self._checked(progress)
            self._progress = progress = replace(self._progress or progress, image_version=version)
            if self._due_in(progress.order.install_at_s) > 0:
                if not self._at(Stage.INSTALL_SCHEDULED):
                    self._step(Stage.INSTALL_SCHEDULED)
                await self._wait_for(progress.order.install_at_s)
        elif progress.installations >= MOST_INSTALLATIONS:
            raise _Failed(Stage.INSTALLATION_FAILED, "the installation was cut short twice")
        await self._nobody_charges()
        self._maintain(Maintenance.RUNNING)
        if not self._at(Stage.INSTALLING):
            self._step(Stage.INSTALLING)
        assert self._progress is not None
        try:
            running = await self._updater.running()
            count, before = self._progress.installations + 1, (running.slot, running.boot)
            self._keep(replace(self._progress, installations=count, before=before))
            await self._engine.journal.written()
            await self._updater.install(self._image, lambda percent: self._percent(percent, 100))
        except (HalError, OSError) as error:
            raise _Failed(Stage.INSTALLATION_FAILED, str(error)) from error
        self._step(Stage.REBOOTING)
        await self._start_again()

    async def _checked(self, progress: Progress) -> str | None:
        try:
            return await self._updater.check(self._image)
        except (HalError, OSError) as error:
            signed = progress.order.signature is not None and isinstance(error, DeviceRefused)
            stage = Stage.VERIFICATION_FAILED if signed else Stage.INSTALLATION_FAILED
            raise _Failed(stage, str(error)) from error

    async def _nobody_charges(self) -> None:
        """Out of service for whoever comes; wait for those who are there."""
        stop = StopCause.REBOOT if self._policy.stop_charging else None
        self._maintain(Maintenance.WAITING, stop)
        await self._until(lambda: all(evse.tx is None for evse in self._engine.station.evses.values()))

    async def _start_again(self) -> None:
        """Tell and write down what can be, then have the machine start again."""
        if self._engine.station.context.online:
            try:
                async with asyncio.timeout(TELL_S):
                    await self.notices.empty()
            except TimeoutError:
                log.info("restart without having told it")
        await self._engine.journal.written()
        try:
            await self._updater.restart()
        except HalError as error:
            raise _Failed(Stage.INSTALLATION_FAILED, f"the machine does not start again: {error}") from error
        self._restart()
        await asyncio.Event().wait()  # the program ends around this

    # ---- the proof --------------------------------------------------------------------------------------------------------

    async def _prove(self) -> None:
        """The program runs again after an installation."""
        progress = self._progress
        assert progress is not None
        try:
            running = self._running = await self._updater.running()
            slot, boot = progress.before or ("", "")
            if running.boot == boot:
                await self._engine.clock.sleep(RESTART_S)
                log.warning("the machine has not started again, asked once more")
                await self._start_again()
            if running.slot == slot:
                text = "the new system was given up" if progress.fell_back else "the new system did not come up"
                raise _Failed(Stage.INSTALLATION_FAILED, text)
            log.info("new firmware on trial slot=%s version=%s", running.slot, running.version)
            try:
                async with asyncio.timeout(self._policy.proof_s):
                    await self._until(lambda: self._engine.station.context.online)
            except TimeoutError:
                await self._give_up(progress)
            await self._updater.confirm()
        except HalError as error:
            raise _Failed(Stage.INSTALLATION_FAILED, str(error)) from error
        log.info("new firmware confirmed slot=%s version=%s", running.slot, running.version)
        self._step(Stage.INSTALLED)
        self._security_event("FirmwareUpdated", running.version or progress.image_version or "")
        await asyncio.to_thread(discard, self._image)

    async def _give_up(self, progress: Progress) -> None:
        log.error("new firmware was not accepted in time, the old one starts again proof_s=%.0f", self._policy.proof_s)
        before = (progress.before[0], self._running.boot) if progress.before and self._running else progress.before
        self._keep(replace(progress, fell_back=True, before=before))
        await self._updater.fall_back()
        await self._start_again()

    # ---- small things -----------------------------------------------------------------------------------------------------

    def _at(self, stage: Stage) -> bool:
        return self._progress is not None and self._progress.stage is stage

    def _step(self, stage: Stage) -> None:
        assert self._progress is not None
        self._keep(self._progress.at(stage))
        log.info("firmware update stage=%s number=%s", stage.value, self._progress.order.number)
        self.notices.post(self._progress.status)

    def _keep(self, progress: Progress) -> None:
        self._progress = progress
        self._engine.journal.write(Change(put={(DOCUMENTS, KEY): progress.document()}))

    def _told(self, status: Status) -> None:
        if self._progress is not None and self._progress.status == status and not self._progress.told:
            self._keep(replace(self._progress, told=True))

    def _percent(self, done: int, total: int | None) -> None:
        self.percent = None if not total else 100 * done // total

    def _maintain(self, maintenance: Maintenance, stop: StopCause | None = None) -> None:
        self._engine.apply(lambda station, now: station.maintain(maintenance, now, stop=stop))

    def _observe(self, _event: ev.Event) -> None:
        self._changed.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def _due_in(self, at_s: float | None) -> float:
        """Seconds; a station that does not know the time does what it was told at once."""
        wall_s = self._engine.clock.wall()
        return 0.0 if at_s is None or wall_s is None else at_s - wall_s

    async def _wait_for(self, at_s: float | None) -> None:
        while (left_s := self._due_in(at_s)) > 0:
            await self._engine.clock.sleep(min(left_s, LOOK_S))
