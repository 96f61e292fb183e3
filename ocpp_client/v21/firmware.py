"""OCPP 2.1: functional block L, Firmware management.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Annotated, Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, StatusInfoType
from ocpp_client.v21.enums import GenericStatusEnumType

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


class FirmwareStatusNotificationRequest(Extensible, Request["FirmwareStatusNotificationResponse"]):
    status: FirmwareStatusEnumType
    request_id: Integer | None = Field(None, alias="requestId")
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class FirmwareStatusNotificationResponse(Extensible, Response):
    pass


class PublishFirmwareRequest(Extensible, Request["PublishFirmwareResponse"]):
    location: str = Field(max_length=2000)
    retries: NonNegative | None = None
    checksum: str = Field(max_length=32)
    request_id: NonNegative = Field(alias="requestId")
    retry_interval: NonNegative | None = Field(None, alias="retryInterval")


class PublishFirmwareResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


PublishFirmwareStatusEnumType = Literal[
    "Idle",
    "DownloadScheduled",
    "Downloading",
    "Downloaded",
    "Published",
    "DownloadFailed",
    "DownloadPaused",
    "InvalidChecksum",
    "ChecksumVerified",
    "PublishFailed",
]


class PublishFirmwareStatusNotificationRequest(Extensible, Request["PublishFirmwareStatusNotificationResponse"]):
    status: PublishFirmwareStatusEnumType
    location: tuple[Annotated[str, Field(max_length=2000)], ...] | None = Field(None, min_length=1)
    request_id: NonNegative | None = Field(None, alias="requestId")
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class PublishFirmwareStatusNotificationResponse(Extensible, Response):
    pass


class UnpublishFirmwareRequest(Extensible, Request["UnpublishFirmwareResponse"]):
    checksum: str = Field(max_length=32)


UnpublishFirmwareStatusEnumType = Literal["DownloadOngoing", "NoFirmware", "Unpublished"]


class UnpublishFirmwareResponse(Extensible, Response):
    status: UnpublishFirmwareStatusEnumType


class FirmwareType(Extensible):
    location: str = Field(max_length=2000)
    retrieve_date_time: ShortTimestamp = Field(alias="retrieveDateTime")
    install_date_time: ShortTimestamp | None = Field(None, alias="installDateTime")
    signing_certificate: str | None = Field(None, alias="signingCertificate", max_length=5500)
    signature: str | None = Field(None, max_length=800)


class UpdateFirmwareRequest(Extensible, Request["UpdateFirmwareResponse"]):
    retries: NonNegative | None = None
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


class UpdateFirmwareResponse(Extensible, Response):
    status: UpdateFirmwareStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
