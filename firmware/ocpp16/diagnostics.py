"""Diagnostics and logs of OCPP 1.6: GetDiagnostics of the profile FirmwareManagement (edition 2, section 5.9), and GetLog of the
security whitepaper (edition 3, N01)."""

import logging
from datetime import datetime

from firmware.services.archive import Span
from firmware.services.transfer import Reason, Retries, TransferError
from firmware.services.uploads import UploadKind, UploadOrder, Uploads, UploadStage, UploadStatus
from ocpp_client.errors import Refuse
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    DiagnosticsStatusNotificationRequest,
    GetDiagnosticsRequest,
    GetDiagnosticsResponse,
    GetLogRequest,
    GetLogResponse,
    LogStatusNotificationRequest,
)
from ocpp_client.v16.firmware_management import DiagnosticsStatus
from ocpp_client.v16.security import UploadLogStatusEnumType

log = logging.getLogger(__name__)

PLAIN: dict[UploadStage, DiagnosticsStatus] = {
    UploadStage.IDLE: "Idle",
    UploadStage.UPLOADING: "Uploading",
    UploadStage.UPLOADED: "Uploaded",
    UploadStage.FAILED: "UploadFailed",
}
NUMBERED: dict[UploadStage, UploadLogStatusEnumType] = {
    UploadStage.IDLE: "Idle",
    UploadStage.UPLOADING: "Uploading",
    UploadStage.UPLOADED: "Uploaded",
    UploadStage.FAILED: "UploadFailure",
}
FAILURES: dict[Reason, UploadLogStatusEnumType] = {
    Reason.BAD_LOCATION: "BadMessage",
    Reason.DENIED: "PermissionDenied",
    Reason.NOT_SUPPORTED: "NotSupportedOperation",
}


class Diagnostics:
    """Handlers, and the words for statuses."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    async def get_diagnostics(self, request: GetDiagnosticsRequest) -> Reply:
        """GetDiagnostics: the name of the file, then its upload."""
        span = Span(_seconds(request.start_time), _seconds(request.stop_time))
        retries = Retries(request.retries, request.retry_interval)
        try:
            begun = self._uploads.order(UploadOrder(UploadKind.DIAGNOSTICS, request.location, span, retries))
        except TransferError as error:
            raise Refuse("PropertyConstraintViolation", f"location: {error}") from error
        return Reply(GetDiagnosticsResponse(file_name=begun.file_name))

    async def get_log(self, request: GetLogRequest) -> Reply:
        """GetLog: an upload that is under way ends for it."""
        wanted = request.log
        order = UploadOrder(
            UploadKind.SECURITY if request.log_type == "SecurityLog" else UploadKind.DIAGNOSTICS,
            wanted.remote_location,
            Span(_seconds(wanted.oldest_timestamp), _seconds(wanted.latest_timestamp)),
            Retries(request.retries, request.retry_interval),
            request.request_id,
        )
        try:
            begun = self._uploads.order(order)
        except TransferError as error:
            log.warning("log refused reason=%s", error)
            return Reply(GetLogResponse(status="Rejected"))
        return Reply(
            GetLogResponse(status="AcceptedCanceled" if begun.cancelled else "Accepted", filename=begun.file_name)
        )

    @staticmethod
    def message(status: UploadStatus) -> DiagnosticsStatusNotificationRequest | LogStatusNotificationRequest | None:
        """What is told of a stage; None for one without a word (cancelled)."""
        if status.stage not in NUMBERED:
            return None
        if status.number is None:
            return DiagnosticsStatusNotificationRequest(status=PLAIN[status.stage])
        word = NUMBERED[status.stage]
        if status.reason is not None:
            word = FAILURES.get(status.reason, word)
        return LogStatusNotificationRequest(status=word, request_id=status.number)

    def plain_now(self) -> DiagnosticsStatusNotificationRequest:
        """The present status for TriggerMessage: Uploading, or Idle."""
        uploading = self._uploads.status.stage is UploadStage.UPLOADING
        return DiagnosticsStatusNotificationRequest(status="Uploading" if uploading else "Idle")

    def numbered_now(self) -> LogStatusNotificationRequest:
        """The present status for ExtendedTriggerMessage: Uploading with its number, or Idle without."""
        status = self._uploads.status
        if status.stage is UploadStage.UPLOADING and status.number is not None:
            return LogStatusNotificationRequest(status="Uploading", request_id=status.number)
        return LogStatusNotificationRequest(status="Idle")


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()
