"""OCPP 1.6: what stations tell without expecting a decision (edition 2, and the security whitepaper)."""

from typing import Final

from csms.core.router import Context, Router
from csms.noting import note, noting
from ocpp_client.catalogue import catalogue
from ocpp_client.v16.core import DataTransferRequest, DataTransferResponse

_ANSWERS: Final = {
    "DiagnosticsStatusNotification": "{}",
    "FirmwareStatusNotification": "{}",
    "LogStatusNotification": "{}",
    "SecurityEventNotification": "{}",
    "SignedFirmwareStatusNotification": "{}",
    # Accepted means that the request is passed on; whoever signs it sends CertificateSigned later.
    "SignCertificate": '{"status":"Accepted"}',
}


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp1.6", "DataTransfer")(data_transfer)
    messages = catalogue("ocpp1.6")
    for action, answer in _ANSWERS.items():
        router.on("ocpp1.6", action)(noting(messages, answer))


def data_transfer(context: Context, request: DataTransferRequest) -> DataTransferResponse:
    """Keep vendor data."""
    note(context, request)
    return DataTransferResponse(status="Accepted" if context.policy.accept_data_transfer else "UnknownVendorId")
