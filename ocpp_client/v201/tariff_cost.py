"""OCPP 2.0.1: functional block I, Tariff and cost.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from pydantic import Field

from ocpp_client.fields import Number
from ocpp_client.messages import Request, Response
from ocpp_client.v201.datatypes import Extensible


class CostUpdatedRequest(Extensible, Request["CostUpdatedResponse"]):
    total_cost: Number = Field(alias="totalCost")
    transaction_id: str = Field(alias="transactionId", max_length=36)


class CostUpdatedResponse(Extensible, Response):
    pass
