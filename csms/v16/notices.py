"""OCPP 1.6: what stations tell without expecting a decision (edition 2, and the security whitepaper)."""

from collections.abc import Callable
from functools import partial
from typing import Final

from csms.core.router import Context, Router
from csms.noting import note, noting
from ocpp_client.messages import Message
from ocpp_client.v16.core import DataTransferRequest, DataTransferResponse
from ocpp_client.v16.firmware_management import (
    DiagnosticsStatusNotificationResponse,
    FirmwareStatusNotificationResponse,
)
from ocpp_client.v16.security import (
    LogStatusNotificationResponse,
    SecurityEventNotificationResponse,
    SignCertificateResponse,
    SignedFirmwareStatusNotificationResponse,
)

_ANSWERS: Final[dict[str, Callable[[], Message]]] = {
    "DiagnosticsStatusNotification": DiagnosticsStatusNotificationResponse,
    "FirmwareStatusNotification": FirmwareStatusNotificationResponse,
    "LogStatusNotification": LogStatusNotificationResponse,
    "SecurityEventNotification": SecurityEventNotificationResponse,
    "SignedFirmwareStatusNotification": SignedFirmwareStatusNotificationResponse,
    # Accepted means that the request is passed on; whoever signs it sends CertificateSigned later.
    "SignCertificate": partial(SignCertificateResponse, status="Accepted"),
}


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp1.6", "DataTransfer")(data_transfer)
    for action, answer in _ANSWERS.items():
        router.on("ocpp1.6", action)(noting(answer))


def data_transfer(context: Context, request: DataTransferRequest) -> DataTransferResponse:
    """Keep vendor data."""
    note(context, request)
    return DataTransferResponse(status="Accepted" if context.policy.accept_data_transfer else "UnknownVendorId")
