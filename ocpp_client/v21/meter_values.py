"""OCPP 2.1: functional block J, Meter values.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from pydantic import Field

from ocpp_client.fields import NonNegative
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, MeterValueType


class MeterValuesRequest(Extensible, Request["MeterValuesResponse"]):
    evse_id: NonNegative = Field(alias="evseId")
    meter_value: tuple[MeterValueType, ...] = Field(alias="meterValue", min_length=1)


class MeterValuesResponse(Extensible, Response):
    pass
