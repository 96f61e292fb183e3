"""OCPP 1.6 edition 2: feature profile FirmwareManagement.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Timestamp
from ocpp_client.messages import Request, Response

DiagnosticsStatus = Literal["Idle", "Uploaded", "UploadFailed", "Uploading"]


class DiagnosticsStatusNotificationRequest(Request["DiagnosticsStatusNotificationResponse"]):
    status: DiagnosticsStatus


class DiagnosticsStatusNotificationResponse(Response):
    pass


FirmwareStatus = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
]


class FirmwareStatusNotificationRequest(Request["FirmwareStatusNotificationResponse"]):
    status: FirmwareStatus


class FirmwareStatusNotificationResponse(Response):
    pass


class GetDiagnosticsRequest(Request["GetDiagnosticsResponse"]):
    location: str
    retries: Integer | None = None
    retry_interval: Integer | None = Field(None, alias="retryInterval")
    start_time: Timestamp | None = Field(None, alias="startTime")
    stop_time: Timestamp | None = Field(None, alias="stopTime")


class GetDiagnosticsResponse(Response):
    file_name: str | None = Field(None, alias="fileName", max_length=255)


class UpdateFirmwareRequest(Request["UpdateFirmwareResponse"]):
    location: str
    retries: Integer | None = None
    retrieve_date: Timestamp = Field(alias="retrieveDate")
    retry_interval: Integer | None = Field(None, alias="retryInterval")


class UpdateFirmwareResponse(Response):
    pass
