"""Firmware updates of OCPP 1.6: profile FirmwareManagement (edition 2, sections 4.5 and 5.19) and the signed ones of the security
whitepaper (edition 3, L01)."""

import logging
from collections.abc import Callable
from datetime import datetime

from firmware.services.certificates.desk import CertificateDesk
from firmware.services.transfer import Retries, TransferError
from firmware.services.updates import Answer, FirmwareUpdates, Stage, Status, UpdateOrder
from ocpp_client.errors import Refuse
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    FirmwareStatusNotificationRequest,
    SignedFirmwareStatusNotificationRequest,
    SignedUpdateFirmwareRequest,
    SignedUpdateFirmwareResponse,
    UpdateFirmwareRequest,
    UpdateFirmwareResponse,
)
from ocpp_client.v16.firmware_management import FirmwareStatus
from ocpp_client.v16.security import FirmwareStatusEnumType, UpdateFirmwareStatusEnumType

log = logging.getLogger(__name__)

AnyStatus = FirmwareStatusNotificationRequest | SignedFirmwareStatusNotificationRequest

SIGNED: dict[Stage, FirmwareStatusEnumType] = {
    Stage.IDLE: "Idle",
    Stage.DOWNLOAD_SCHEDULED: "DownloadScheduled",
    Stage.DOWNLOADING: "Downloading",
    Stage.DOWNLOADED: "Downloaded",
    Stage.SIGNATURE_VERIFIED: "SignatureVerified",
    Stage.INSTALL_SCHEDULED: "InstallScheduled",
    Stage.INSTALLING: "Installing",
    Stage.REBOOTING: "InstallRebooting",
    Stage.INSTALLED: "Installed",
    Stage.DOWNLOAD_FAILED: "DownloadFailed",
    Stage.INVALID_SIGNATURE: "InvalidSignature",
    Stage.VERIFICATION_FAILED: "InstallVerificationFailed",
    Stage.INSTALLATION_FAILED: "InstallationFailed",
}
# A stage without a word is not told.
PLAIN: dict[Stage, FirmwareStatus] = {
    Stage.IDLE: "Idle",
    Stage.DOWNLOADING: "Downloading",
    Stage.DOWNLOADED: "Downloaded",
    Stage.INSTALLING: "Installing",
    Stage.INSTALLED: "Installed",
    Stage.DOWNLOAD_FAILED: "DownloadFailed",
    Stage.INVALID_SIGNATURE: "InstallationFailed",
    Stage.VERIFICATION_FAILED: "InstallationFailed",
    Stage.INSTALLATION_FAILED: "InstallationFailed",
}
# What a plain status is while its stage has no word: the word of the stage before.
PLAIN_NOW: dict[Stage, FirmwareStatus] = {
    Stage.DOWNLOAD_SCHEDULED: "Idle",
    Stage.SIGNATURE_VERIFIED: "Downloaded",
    Stage.INSTALL_SCHEDULED: "Downloaded",
    Stage.REBOOTING: "Installing",
    **PLAIN,
}
_ANSWERS: dict[Answer, UpdateFirmwareStatusEnumType] = {
    Answer.ACCEPTED: "Accepted",
    Answer.REPLACED: "AcceptedCanceled",
    Answer.BUSY: "Rejected",
}


class FirmwareManagement:
    """Handlers, and the words for statuses."""

    def __init__(
        self,
        updates: FirmwareUpdates,
        certificates: CertificateDesk,
        *,
        unsigned: bool,
        security_event: Callable[[str, str], None],
    ) -> None:
        """`unsigned`: plain UpdateFirmware is obeyed."""
        self._updates = updates
        self._certificates = certificates
        self._unsigned = unsigned
        self._security_event = security_event

    async def update(self, request: UpdateFirmwareRequest) -> Reply:
        """UpdateFirmware (5.19). A station that takes signed firmware only must not take this (whitepaper L01.FR.20)."""
        if not self._unsigned:
            raise Refuse("NotSupported", "this charge point takes signed firmware only: SignedUpdateFirmware")
        order = UpdateOrder(
            request.location,
            retrieve_at_s=request.retrieve_date.timestamp(),
            retries=Retries(request.retries, request.retry_interval),
        )
        try:
            answer = self._updates.order(order)
        except TransferError as error:
            raise Refuse("PropertyConstraintViolation", f"location: {error}") from error
        if answer is Answer.BUSY:
            log.warning("firmware update ignored, another one is being installed")  # the answer has no word for it
        return Reply(UpdateFirmwareResponse())

    async def update_signed(self, request: SignedUpdateFirmwareRequest) -> Reply:
        """SignedUpdateFirmware: the certificate is checked before the answer."""
        firmware = request.firmware
        problem = await self._certificates.signer_problem(firmware.signing_certificate)
        if problem is not None:
            log.warning("firmware refused reason=%s", problem)
            self._security_event("InvalidFirmwareSigningCertificate", problem)
            return Reply(SignedUpdateFirmwareResponse(status="InvalidCertificate"))
        order = UpdateOrder(
            firmware.location,
            retrieve_at_s=firmware.retrieve_date_time.timestamp(),
            install_at_s=_seconds(firmware.install_date_time),
            retries=Retries(request.retries, request.retry_interval),
            number=request.request_id,
            certificate=firmware.signing_certificate,
            signature=firmware.signature,
        )
        try:
            answer = self._updates.order(order)
        except TransferError as error:
            log.warning("firmware refused reason=%s", error)
            return Reply(SignedUpdateFirmwareResponse(status="Rejected"))
        return Reply(SignedUpdateFirmwareResponse(status=_ANSWERS[answer]))

    @staticmethod
    def message(status: Status) -> AnyStatus | None:
        """What is told of a stage; None for one that has no word in the messages that the order came with."""
        if status.signed:
            number = None if status.stage is Stage.IDLE else status.number
            return SignedFirmwareStatusNotificationRequest(status=SIGNED[status.stage], request_id=number)
        word = PLAIN.get(status.stage)
        return None if word is None else FirmwareStatusNotificationRequest(status=word)

    def plain_now(self) -> FirmwareStatusNotificationRequest:
        """The present status for TriggerMessage; Idle after an installation that succeeded."""
        stage = self._updates.status.stage
        word: FirmwareStatus = "Idle" if stage is Stage.INSTALLED else PLAIN_NOW[stage]
        return FirmwareStatusNotificationRequest(status=word)

    def signed_now(self) -> SignedFirmwareStatusNotificationRequest:
        """The present status for ExtendedTriggerMessage; Idle after an installation that succeeded, or without a number."""
        status = self._updates.status
        if status.number is None or status.stage in (Stage.IDLE, Stage.INSTALLED):
            return SignedFirmwareStatusNotificationRequest(status="Idle")
        return SignedFirmwareStatusNotificationRequest(status=SIGNED[status.stage], request_id=status.number)


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()
