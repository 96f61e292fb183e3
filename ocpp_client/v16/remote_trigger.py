"""OCPP 1.6 edition 2: feature profile RemoteTrigger.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer
from ocpp_client.messages import Request, Response

MessageTrigger = Literal[
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
]


class TriggerMessageRequest(Request["TriggerMessageResponse"]):
    requested_message: MessageTrigger = Field(alias="requestedMessage")
    connector_id: Integer | None = Field(None, alias="connectorId")


TriggerMessageStatus = Literal["Accepted", "Rejected", "NotImplemented"]


class TriggerMessageResponse(Response):
    status: TriggerMessageStatus
