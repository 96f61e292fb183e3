"""OCPP 2.0.1: what stations tell without expecting a decision, or ask of services that are not here."""

from typing import Final

from csms.core.router import Context, Router
from csms.noting import note, noting
from ocpp_client.catalogue import catalogue
from ocpp_client.v201.data_transfer import DataTransferRequest, DataTransferResponse

_ANSWERS: Final = {
    "ClearedChargingLimit": "{}",
    "FirmwareStatusNotification": "{}",
    "LogStatusNotification": "{}",
    "NotifyChargingLimit": "{}",
    "NotifyCustomerInformation": "{}",
    "NotifyDisplayMessages": "{}",
    "NotifyEvent": "{}",
    "NotifyMonitoringReport": "{}",
    "PublishFirmwareStatusNotification": "{}",
    "ReservationStatusUpdate": "{}",
    "SecurityEventNotification": "{}",
    "NotifyEVChargingSchedule": '{"status":"Accepted"}',
    # Accepted means that the request is passed on; whoever signs it sends CertificateSigned later.
    "SignCertificate": '{"status":"Accepted"}',
    # No smart charging by ISO 15118, no contract certificates and no OCSP responder behind this central system.
    "NotifyEVChargingNeeds": '{"status":"Rejected"}',
    "Get15118EVCertificate": '{"status":"Failed","exiResponse":""}',
    "GetCertificateStatus": '{"status":"Failed"}',
}


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp2.0.1", "DataTransfer")(data_transfer)
    messages = catalogue("ocpp2.0.1")
    for action, answer in _ANSWERS.items():
        router.on("ocpp2.0.1", action)(noting(messages, answer))


def data_transfer(context: Context, request: DataTransferRequest) -> DataTransferResponse:
    """Keep vendor data."""
    note(context, request)
    return DataTransferResponse(status="Accepted" if context.policy.accept_data_transfer else "UnknownVendorId")
