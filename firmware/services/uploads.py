"""Sends diagnostics and logs to where somebody wants them: one at a time, and a new wish takes the place of the one before."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from firmware.engine.journal import Change, Journal
from firmware.services.archive import Span
from firmware.services.notices import Notices
from firmware.services.transfer import Location, Reason, Retries, TransferError, Transfers
from hal.clock import Clock
from offline_queue import Queue

log = logging.getLogger(__name__)

DOCUMENTS: Final = "upload"
KEY: Final = "running"
DIRECTORY: Final = "uploads"


class UploadKind(StrEnum):
    """What is wanted."""

    DIAGNOSTICS = "diagnostics"
    SECURITY = "security"


class UploadStage(StrEnum):
    """How far it has come."""

    IDLE = "idle"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class UploadOrder:
    """A wish. Without a number the central system uses the messages that have none."""

    kind: UploadKind
    location: str = field(repr=False)
    span: Span = Span()  # noqa: RUF009 - frozen
    retries: Retries = Retries()  # noqa: RUF009 - frozen
    number: int | None = None


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """What is told."""

    stage: UploadStage = UploadStage.IDLE
    number: int | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to a wish: the file's name, and whether another upload was ended for it."""

    file_name: str
    cancelled: bool


Make = Callable[[UploadKind, Path, Span], Awaitable[None]]
"""Writes the file. Raises OSError."""


class Uploads:
    """The uploads of one station. `load` first, then `run`."""

    def __init__(
        self, clock: Clock, journal: Journal, transfers: Transfers, directory: Path, station: str, make: Make
    ) -> None:
        """`station` names the files."""
        self._clock = clock
        self._journal = journal
        self._transfers = transfers
        self._directory = directory / DIRECTORY
        self._station = re.sub(r"[^A-Za-z0-9._-]", "_", station)
        self._make = make
        self._order: UploadOrder | None = None
        self._path = self._directory
        self._work: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._count = 0
        self.status = UploadStatus()
        self.notices: Notices[UploadStatus] = Notices(clock)

    async def load(self, queue: Queue) -> None:
        """An upload that the end of the program cut short has failed, and is not begun again: nobody may wait for it any more."""
        number = await queue.get(DOCUMENTS, KEY)
        if number is not None:
            self._tell(UploadStatus(UploadStage.FAILED, int(number) if number else None, Reason.BROKEN))

    def order(self, order: UploadOrder) -> Begun:
        """Begin an upload. Raises TransferError for a location that cannot be used."""
        Location.parse(order.location)
        cancelled = self._wake.is_set() or (self._work is not None and not self._work.done())
        if self._work is not None:
            self._work.cancel()
        if cancelled:
            self._tell(UploadStatus(UploadStage.CANCELLED, self.status.number))
        self._count += 1
        wall_s = self._clock.wall()
        time = "unknown-time" if wall_s is None else datetime.fromtimestamp(wall_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        suffix = "zip" if order.kind is UploadKind.DIAGNOSTICS else "log"
        self._path = self._directory / f"{self._station}-{order.kind.value}-{time}-{self._count}.{suffix}"
        self._order = order
        self._wake.set()
        return Begun(self._path.name, cancelled)

    async def run(self) -> None:
        """Carry out wishes, one after the other."""
        await asyncio.to_thread(self._clear)
        while True:
            await self._wake.wait()
            self._wake.clear()
            assert self._order is not None
            self._work = asyncio.create_task(self._perform(self._order, self._path), name="upload")
            try:
                await asyncio.wait([self._work])
            finally:
                self._work.cancel()
            if not self._work.cancelled():
                self._work.result()

    async def _perform(self, order: UploadOrder, path: Path) -> None:
        number = b"" if order.number is None else str(order.number).encode()
        self._journal.write(Change(put={(DOCUMENTS, KEY): number}))
        self._tell(UploadStatus(UploadStage.UPLOADING, order.number))
        try:
            await self._make(order.kind, path, order.span)
            await self._transfers.upload(Location.parse(order.location), path, retries=order.retries)
        except TransferError as error:
            self._tell(UploadStatus(UploadStage.FAILED, order.number, error.reason))
        except OSError as error:
            log.error("upload not made file=%s error=%s", path.name, error)
            self._tell(UploadStatus(UploadStage.FAILED, order.number, Reason.DISK_FULL))
        else:
            self._tell(UploadStatus(UploadStage.UPLOADED, order.number))
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        self._journal.write(Change(delete=((DOCUMENTS, KEY),)))

    def _tell(self, status: UploadStatus) -> None:
        self.status = status
        log.info("upload stage=%s number=%s reason=%s", status.stage.value, status.number, status.reason)
        self.notices.post(status)

    def _clear(self) -> None:
        """What an earlier run left."""
        if self._directory.is_dir():
            for path in self._directory.iterdir():
                path.unlink()
