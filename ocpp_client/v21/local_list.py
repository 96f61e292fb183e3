"""OCPP 2.1: functional block D, Local authorization list.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, IdTokenInfoType, IdTokenType, StatusInfoType


class GetLocalListVersionRequest(Extensible, Request["GetLocalListVersionResponse"]):
    pass


class GetLocalListVersionResponse(Extensible, Response):
    version_number: Integer = Field(alias="versionNumber")


class AuthorizationData(Extensible):
    id_token: IdTokenType = Field(alias="idToken")
    id_token_info: IdTokenInfoType | None = Field(None, alias="idTokenInfo")


UpdateEnumType = Literal["Differential", "Full"]


class SendLocalListRequest(Extensible, Request["SendLocalListResponse"]):
    local_authorization_list: tuple[AuthorizationData, ...] | None = Field(
        None, alias="localAuthorizationList", min_length=1
    )
    version_number: Integer = Field(alias="versionNumber")
    update_type: UpdateEnumType = Field(alias="updateType")


SendLocalListStatusEnumType = Literal["Accepted", "Failed", "VersionMismatch"]


class SendLocalListResponse(Extensible, Response):
    status: SendLocalListStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
