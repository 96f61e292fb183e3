"""OCPP 2.1: functional block Q, Bidirectional power transfer.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, StatusInfoType
from ocpp_client.v21.enums import EnergyTransferModeEnumType, GenericStatusEnumType


class AFRRSignalRequest(Extensible, Request["AFRRSignalResponse"]):
    timestamp: ShortTimestamp
    signal: Integer


class AFRRSignalResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class NotifyAllowedEnergyTransferRequest(Extensible, Request["NotifyAllowedEnergyTransferResponse"]):
    transaction_id: str = Field(alias="transactionId", max_length=36)
    allowed_energy_transfer: tuple[EnergyTransferModeEnumType, ...] = Field(alias="allowedEnergyTransfer", min_length=1)


NotifyAllowedEnergyTransferStatusEnumType = Literal["Accepted", "Rejected"]


class NotifyAllowedEnergyTransferResponse(Extensible, Response):
    status: NotifyAllowedEnergyTransferStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
