"""OCPP 2.1: functional block P, Data transfer.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Json
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, StatusInfoType


class DataTransferRequest(Extensible, Request["DataTransferResponse"]):
    message_id: str | None = Field(None, alias="messageId", max_length=50)
    data: Json = None
    vendor_id: str = Field(alias="vendorId", max_length=255)


DataTransferStatusEnumType = Literal["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"]


class DataTransferResponse(Extensible, Response):
    status: DataTransferStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    data: Json = None
