"""Profiles that this station does not have, where OCPP 1.6 has an answer for that other than a CALLERROR."""

from firmware.ocpp16.local_auth_list import NO_LIST
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
    TriggerMessageRequest,
    TriggerMessageResponse,
)


async def get_local_list_version(_: GetLocalListVersionRequest) -> Reply:
    """GetLocalListVersion (edition 2, section 5.10)."""
    return Reply(GetLocalListVersionResponse(list_version=NO_LIST))


async def send_local_list(_: SendLocalListRequest) -> Reply:
    """SendLocalList (edition 2, section 5.15)."""
    return Reply(SendLocalListResponse(status="NotSupported"))


async def trigger_message(_: TriggerMessageRequest) -> Reply:
    """TriggerMessage (edition 2, section 5.17)."""
    return Reply(TriggerMessageResponse(status="NotImplemented"))
