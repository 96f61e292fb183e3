"""OCPP 1.6 edition 2: feature profile LocalAuthListManagement.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer
from ocpp_client.messages import Part, Request, Response
from ocpp_client.v16.datatypes import IdTagInfo


class GetLocalListVersionRequest(Request["GetLocalListVersionResponse"]):
    pass


class GetLocalListVersionResponse(Response):
    list_version: Integer = Field(alias="listVersion")


class AuthorizationData(Part):
    id_tag: str = Field(alias="idTag", max_length=20)
    id_tag_info: IdTagInfo | None = Field(None, alias="idTagInfo")


UpdateType = Literal["Differential", "Full"]


class SendLocalListRequest(Request["SendLocalListResponse"]):
    list_version: Integer = Field(alias="listVersion")
    local_authorization_list: tuple[AuthorizationData, ...] | None = Field(None, alias="localAuthorizationList")
    update_type: UpdateType = Field(alias="updateType")


UpdateStatus = Literal["Accepted", "Failed", "NotSupported", "VersionMismatch"]


class SendLocalListResponse(Response):
    status: UpdateStatus
