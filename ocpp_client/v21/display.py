"""OCPP 2.1: functional block O, Display message.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import ComponentType, Extensible, MessageContentType, StatusInfoType


class ClearDisplayMessageRequest(Extensible, Request["ClearDisplayMessageResponse"]):
    id: NonNegative


ClearMessageStatusEnumType = Literal["Accepted", "Unknown", "Rejected"]


class ClearDisplayMessageResponse(Extensible, Response):
    status: ClearMessageStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


MessagePriorityEnumType = Literal["AlwaysFront", "InFront", "NormalCycle"]
MessageStateEnumType = Literal["Charging", "Faulted", "Idle", "Unavailable", "Suspended", "Discharging"]


class GetDisplayMessagesRequest(Extensible, Request["GetDisplayMessagesResponse"]):
    id: tuple[NonNegative, ...] | None = Field(None, min_length=1)
    request_id: Integer = Field(alias="requestId")
    priority: MessagePriorityEnumType | None = None
    state: MessageStateEnumType | None = None


GetDisplayMessagesStatusEnumType = Literal["Accepted", "Unknown"]


class GetDisplayMessagesResponse(Extensible, Response):
    status: GetDisplayMessagesStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class MessageInfoType(Extensible):
    display: ComponentType | None = None
    id: NonNegative
    priority: MessagePriorityEnumType
    state: MessageStateEnumType | None = None
    start_date_time: ShortTimestamp | None = Field(None, alias="startDateTime")
    end_date_time: ShortTimestamp | None = Field(None, alias="endDateTime")
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)
    message: MessageContentType
    message_extra: tuple[MessageContentType, ...] | None = Field(None, alias="messageExtra", min_length=1, max_length=4)


class NotifyDisplayMessagesRequest(Extensible, Request["NotifyDisplayMessagesResponse"]):
    message_info: tuple[MessageInfoType, ...] | None = Field(None, alias="messageInfo", min_length=1)
    request_id: Integer = Field(alias="requestId")
    # Absent means false.
    tbc: bool | None = None


class NotifyDisplayMessagesResponse(Extensible, Response):
    pass


class SetDisplayMessageRequest(Extensible, Request["SetDisplayMessageResponse"]):
    message: MessageInfoType


DisplayMessageStatusEnumType = Literal[
    "Accepted",
    "NotSupportedMessageFormat",
    "Rejected",
    "NotSupportedPriority",
    "NotSupportedState",
    "UnknownTransaction",
    "LanguageNotSupported",
]


class SetDisplayMessageResponse(Extensible, Response):
    status: DisplayMessageStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
