"""What was ordered, how far it has come, and the durable form of both."""

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from firmware.services.transfer import Retries


class Stage(StrEnum):
    """How far an update has come. The moves are in `MOVES`."""

    IDLE = "idle"
    DOWNLOAD_SCHEDULED = "download-scheduled"
    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    SIGNATURE_VERIFIED = "signature-verified"
    INSTALL_SCHEDULED = "install-scheduled"
    INSTALLING = "installing"
    REBOOTING = "rebooting"
    INSTALLED = "installed"
    DOWNLOAD_FAILED = "download-failed"
    INVALID_SIGNATURE = "invalid-signature"
    VERIFICATION_FAILED = "verification-failed"
    INSTALLATION_FAILED = "installation-failed"

    @property
    def is_end(self) -> bool:
        """True when nothing follows."""
        return not MOVES[self]


_S = Stage
MOVES: dict[Stage, frozenset[Stage]] = {
    _S.IDLE: frozenset({_S.DOWNLOAD_SCHEDULED, _S.DOWNLOADING}),
    _S.DOWNLOAD_SCHEDULED: frozenset({_S.DOWNLOADING}),
    _S.DOWNLOADING: frozenset({_S.DOWNLOADED, _S.DOWNLOAD_FAILED}),
    _S.DOWNLOADED: frozenset(
        {
            _S.SIGNATURE_VERIFIED,
            _S.INVALID_SIGNATURE,
            _S.VERIFICATION_FAILED,
            _S.INSTALL_SCHEDULED,
            _S.INSTALLING,
            _S.INSTALLATION_FAILED,
        }
    ),
    _S.SIGNATURE_VERIFIED: frozenset(
        {_S.VERIFICATION_FAILED, _S.INSTALL_SCHEDULED, _S.INSTALLING, _S.INSTALLATION_FAILED}
    ),
    _S.INSTALL_SCHEDULED: frozenset({_S.INSTALLING, _S.INSTALLATION_FAILED}),
    _S.INSTALLING: frozenset({_S.REBOOTING, _S.INSTALLATION_FAILED}),
    _S.REBOOTING: frozenset({_S.INSTALLED, _S.INSTALLATION_FAILED}),
    _S.INSTALLED: frozenset(),
    _S.DOWNLOAD_FAILED: frozenset(),
    _S.INVALID_SIGNATURE: frozenset(),
    _S.VERIFICATION_FAILED: frozenset(),
    _S.INSTALLATION_FAILED: frozenset(),
}


class Answer(StrEnum):
    """What becomes of an order."""

    ACCEPTED = "accepted"
    REPLACED = "replaced"  # another one was under way and is not any more
    BUSY = "busy"  # another one is being installed


@dataclass(frozen=True, slots=True)
class UpdateOrder:
    """Firmware to be fetched and installed. Times are POSIX seconds, None for at once. Without a number the central system uses the
    messages that have none; with a signature the file is verified before it is installed."""

    location: str = field(repr=False)
    retrieve_at_s: float | None = None
    install_at_s: float | None = None
    retries: Retries = Retries()  # noqa: RUF009 - frozen
    number: int | None = None
    certificate: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Status:
    """What is told."""

    stage: Stage = Stage.IDLE
    number: int | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """An order with how far it has come: what outlives the program."""

    order: UpdateOrder
    stage: Stage = Stage.IDLE
    told: bool = True  # the stage was delivered
    before: tuple[str, str] | None = None  # slot and machine start that ran before the restart
    image_version: str | None = None
    installations: int = 0  # begun
    fell_back: bool = False  # the new system was given up by us

    @property
    def status(self) -> Status:
        """What is told of it."""
        return Status(self.stage, self.order.number, self.order.signature is not None)

    def at(self, stage: Stage) -> Self:
        """A step on. Raises ValueError for a step that the table does not have."""
        if stage not in MOVES[self.stage]:
            raise ValueError(f"an update cannot go from {self.stage.value} to {stage.value}")
        return replace(self, stage=stage, told=False)

    def document(self) -> bytes:
        """The durable form. The location may hold credentials: for the station's own database only."""
        order = self.order
        row = {
            "location": order.location,
            "retrieve_at": order.retrieve_at_s,
            "install_at": order.install_at_s,
            "retries": [order.retries.count, order.retries.interval_s],
            "number": order.number,
            "certificate": order.certificate,
            "signature": order.signature,
            "stage": self.stage.value,
            "told": self.told,
            "before": self.before,
            "version": self.image_version,
            "installations": self.installations,
            "fell_back": self.fell_back,
        }
        return json.dumps(row, separators=(",", ":")).encode()

    @classmethod
    def of(cls, document: bytes) -> Self:
        """The reverse of `document`. Raises ValueError for what is none."""
        try:
            row: dict[str, Any] = json.loads(document)
            order = UpdateOrder(
                location=row["location"],
                retrieve_at_s=row["retrieve_at"],
                install_at_s=row["install_at"],
                retries=Retries(*row["retries"]),
                number=row["number"],
                certificate=row["certificate"],
                signature=row["signature"],
            )
            return cls(
                order,
                Stage(row["stage"]),
                row["told"],
                None if row["before"] is None else (str(row["before"][0]), str(row["before"][1])),
                row["version"],
                row["installations"],
                row["fell_back"],
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a document of a firmware update: {error!r}") from None
