"""OCPP 1.6 edition 2: the security whitepaper, edition 3.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Timestamp
from ocpp_client.messages import Part, Request, Response


class CertificateSignedRequest(Request["CertificateSignedResponse"]):
    certificate_chain: str = Field(alias="certificateChain", max_length=10000)


CertificateSignedStatusEnumType = Literal["Accepted", "Rejected"]


class CertificateSignedResponse(Response):
    status: CertificateSignedStatusEnumType


HashAlgorithmEnumType = Literal["SHA256", "SHA384", "SHA512"]


class CertificateHashDataType(Part):
    hash_algorithm: HashAlgorithmEnumType = Field(alias="hashAlgorithm")
    issuer_name_hash: str = Field(alias="issuerNameHash", max_length=128)
    issuer_key_hash: str = Field(alias="issuerKeyHash", max_length=128)
    serial_number: str = Field(alias="serialNumber", max_length=40)


class DeleteCertificateRequest(Request["DeleteCertificateResponse"]):
    certificate_hash_data: CertificateHashDataType = Field(alias="certificateHashData")


DeleteCertificateStatusEnumType = Literal["Accepted", "Failed", "NotFound"]


class DeleteCertificateResponse(Response):
    status: DeleteCertificateStatusEnumType


MessageTriggerEnumType = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargePointCertificate",
    "StatusNotification",
]


class ExtendedTriggerMessageRequest(Request["ExtendedTriggerMessageResponse"]):
    requested_message: MessageTriggerEnumType = Field(alias="requestedMessage")
    connector_id: Integer | None = Field(None, alias="connectorId")


TriggerMessageStatusEnumType = Literal["Accepted", "Rejected", "NotImplemented"]


class ExtendedTriggerMessageResponse(Response):
    status: TriggerMessageStatusEnumType


CertificateUseEnumType = Literal["CentralSystemRootCertificate", "ManufacturerRootCertificate"]


class GetInstalledCertificateIdsRequest(Request["GetInstalledCertificateIdsResponse"]):
    certificate_type: CertificateUseEnumType = Field(alias="certificateType")


GetInstalledCertificateStatusEnumType = Literal["Accepted", "NotFound"]


class GetInstalledCertificateIdsResponse(Response):
    certificate_hash_data: tuple[CertificateHashDataType, ...] | None = Field(
        None, alias="certificateHashData", min_length=1
    )
    status: GetInstalledCertificateStatusEnumType


class LogParametersType(Part):
    remote_location: str = Field(alias="remoteLocation", max_length=512)
    oldest_timestamp: Timestamp | None = Field(None, alias="oldestTimestamp")
    latest_timestamp: Timestamp | None = Field(None, alias="latestTimestamp")


LogEnumType = Literal["DiagnosticsLog", "SecurityLog"]


class GetLogRequest(Request["GetLogResponse"]):
    log: LogParametersType
    log_type: LogEnumType = Field(alias="logType")
    request_id: Integer = Field(alias="requestId")
    retries: Integer | None = None
    retry_interval: Integer | None = Field(None, alias="retryInterval")


LogStatusEnumType = Literal["Accepted", "Rejected", "AcceptedCanceled"]


class GetLogResponse(Response):
    status: LogStatusEnumType
    filename: str | None = Field(None, max_length=255)


class InstallCertificateRequest(Request["InstallCertificateResponse"]):
    certificate_type: CertificateUseEnumType = Field(alias="certificateType")
    certificate: str = Field(max_length=5500)


InstallCertificateStatusEnumType = Literal["Accepted", "Failed", "Rejected"]


class InstallCertificateResponse(Response):
    status: InstallCertificateStatusEnumType


UploadLogStatusEnumType = Literal[
    "BadMessage",
    "Idle",
    "NotSupportedOperation",
    "PermissionDenied",
    "Uploaded",
    "UploadFailure",
    "Uploading",
]


class LogStatusNotificationRequest(Request["LogStatusNotificationResponse"]):
    status: UploadLogStatusEnumType
    request_id: Integer | None = Field(None, alias="requestId")


class LogStatusNotificationResponse(Response):
    pass


class SecurityEventNotificationRequest(Request["SecurityEventNotificationResponse"]):
    type: str = Field(max_length=50)
    timestamp: Timestamp
    tech_info: str | None = Field(None, alias="techInfo", max_length=255)


class SecurityEventNotificationResponse(Response):
    pass


class SignCertificateRequest(Request["SignCertificateResponse"]):
    csr: str = Field(max_length=5500)


GenericStatusEnumType = Literal["Accepted", "Rejected"]


class SignCertificateResponse(Response):
    status: GenericStatusEnumType


FirmwareStatusEnumType = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "DownloadScheduled",
    "DownloadPaused",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
    "InstallRebooting",
    "InstallScheduled",
    "InstallVerificationFailed",
    "InvalidSignature",
    "SignatureVerified",
]


class SignedFirmwareStatusNotificationRequest(Request["SignedFirmwareStatusNotificationResponse"]):
    status: FirmwareStatusEnumType
    request_id: Integer | None = Field(None, alias="requestId")


class SignedFirmwareStatusNotificationResponse(Response):
    pass


class FirmwareType(Part):
    location: str = Field(max_length=512)
    retrieve_date_time: Timestamp = Field(alias="retrieveDateTime")
    install_date_time: Timestamp | None = Field(None, alias="installDateTime")
    signing_certificate: str = Field(alias="signingCertificate", max_length=5500)
    signature: str = Field(max_length=800)


class SignedUpdateFirmwareRequest(Request["SignedUpdateFirmwareResponse"]):
    retries: Integer | None = None
    retry_interval: Integer | None = Field(None, alias="retryInterval")
    request_id: Integer = Field(alias="requestId")
    firmware: FirmwareType


UpdateFirmwareStatusEnumType = Literal[
    "Accepted",
    "Rejected",
    "AcceptedCanceled",
    "InvalidCertificate",
    "RevokedCertificate",
]


class SignedUpdateFirmwareResponse(Response):
    status: UpdateFirmwareStatusEnumType
