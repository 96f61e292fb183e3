"""OCPP 2.1: functional block I, Tariff and cost.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Annotated, Literal

from pydantic import Field

from ocpp_client.fields import NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, StatusInfoType, TariffType


class ChangeTransactionTariffRequest(Extensible, Request["ChangeTransactionTariffResponse"]):
    tariff: TariffType
    transaction_id: str = Field(alias="transactionId", max_length=36)


TariffChangeStatusEnumType = Literal[
    "Accepted",
    "Rejected",
    "TooManyElements",
    "ConditionNotSupported",
    "TxNotFound",
    "NoCurrencyChange",
]


class ChangeTransactionTariffResponse(Extensible, Response):
    status: TariffChangeStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class ClearTariffsRequest(Extensible, Request["ClearTariffsResponse"]):
    tariff_ids: tuple[Annotated[str, Field(max_length=60)], ...] | None = Field(None, alias="tariffIds", min_length=1)
    evse_id: NonNegative | None = Field(None, alias="evseId")


TariffClearStatusEnumType = Literal["Accepted", "Rejected", "NoTariff"]


class ClearTariffsResultType(Extensible):
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    tariff_id: str | None = Field(None, alias="tariffId", max_length=60)
    status: TariffClearStatusEnumType


class ClearTariffsResponse(Extensible, Response):
    clear_tariffs_result: tuple[ClearTariffsResultType, ...] = Field(alias="clearTariffsResult", min_length=1)


class CostUpdatedRequest(Extensible, Request["CostUpdatedResponse"]):
    total_cost: Number = Field(alias="totalCost")
    transaction_id: str = Field(alias="transactionId", max_length=36)


class CostUpdatedResponse(Extensible, Response):
    pass


class GetTariffsRequest(Extensible, Request["GetTariffsResponse"]):
    evse_id: NonNegative = Field(alias="evseId")


TariffGetStatusEnumType = Literal["Accepted", "Rejected", "NoTariff"]
TariffKindEnumType = Literal["DefaultTariff", "DriverTariff"]


class TariffAssignmentType(Extensible):
    tariff_id: str = Field(alias="tariffId", max_length=60)
    tariff_kind: TariffKindEnumType = Field(alias="tariffKind")
    valid_from: ShortTimestamp | None = Field(None, alias="validFrom")
    evse_ids: tuple[NonNegative, ...] | None = Field(None, alias="evseIds", min_length=1)
    id_tokens: tuple[Annotated[str, Field(max_length=255)], ...] | None = Field(None, alias="idTokens", min_length=1)


class GetTariffsResponse(Extensible, Response):
    status: TariffGetStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    tariff_assignments: tuple[TariffAssignmentType, ...] | None = Field(None, alias="tariffAssignments", min_length=1)


class SetDefaultTariffRequest(Extensible, Request["SetDefaultTariffResponse"]):
    evse_id: NonNegative = Field(alias="evseId")
    tariff: TariffType


TariffSetStatusEnumType = Literal[
    "Accepted",
    "Rejected",
    "TooManyElements",
    "ConditionNotSupported",
    "DuplicateTariffId",
]


class SetDefaultTariffResponse(Extensible, Response):
    status: TariffSetStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
