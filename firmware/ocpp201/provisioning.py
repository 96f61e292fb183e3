"""Functional block B of OCPP 2.0.1 (edition 3, part 2): variables, reset, network profiles."""

import logging
from typing import Literal

from firmware.core.values import ResetKind, Result
from firmware.engine.engine import Engine
from firmware.ocpp201.answering import reply
from firmware.ocpp201.device_model import DeviceModel, Variable
from firmware.ocpp201.variables import ITEMS
from firmware.ocpp201.words import status_info, why
from ocpp_client.errors import Refuse
from ocpp_client.peer import Reply
from ocpp_client.v201.datatypes import StatusInfoType
from ocpp_client.v201.provisioning import (
    GetVariableDataType,
    GetVariableResultType,
    GetVariablesRequest,
    GetVariablesResponse,
    GetVariableStatusEnumType,
    ResetRequest,
    ResetResponse,
    SetNetworkProfileRequest,
    SetNetworkProfileResponse,
    SetVariableDataType,
    SetVariableResultType,
    SetVariablesRequest,
    SetVariablesResponse,
    SetVariableStatusEnumType,
)

log = logging.getLogger(__name__)

_SET: dict[Result, Literal["Accepted", "RebootRequired"]] = {
    Result.ACCEPTED: "Accepted",
    Result.REBOOT_REQUIRED: "RebootRequired",
}
_RESET: dict[Result, Literal["Accepted", "Scheduled"]] = {Result.ACCEPTED: "Accepted", Result.SCHEDULED: "Scheduled"}


class Provisioning:
    """Handlers of block B, without its reports."""

    def __init__(self, engine: Engine, model: DeviceModel) -> None:
        self._engine = engine
        self._model = model

    async def set_variables(self, request: SetVariablesRequest) -> Reply:
        """SetVariables (B05): every element for itself, answered in order."""
        _limit(len(request.set_variable_data), "setVariableData")
        results = self._engine.deferred(
            lambda station, now: tuple(self._set(item) for item in request.set_variable_data)
        )
        return reply(self._engine, SetVariablesResponse(set_variable_result=results))

    def _set(self, item: SetVariableDataType) -> SetVariableResultType:
        found = self._model.find(item.component, item.variable, item.attribute_type)
        if not isinstance(found, Variable):
            return _set_result(item, found)
        outcome = found.set(item.attribute_value)
        if outcome.result not in _SET:
            name = f"{found.component.name}.{found.name}"
            log.info("variable refused name=%s reason=%s %s", name, outcome.reason, outcome.detail)
        return _set_result(item, _SET.get(outcome.result, "Rejected"), status_info(outcome))

    async def get_variables(self, request: GetVariablesRequest) -> Reply:
        """GetVariables (B06)."""
        _limit(len(request.get_variable_data), "getVariableData")
        results = tuple(self._get(item) for item in request.get_variable_data)
        return Reply(GetVariablesResponse(get_variable_result=results))

    def _get(self, item: GetVariableDataType) -> GetVariableResultType:
        found = self._model.find(item.component, item.variable, item.attribute_type)
        if not isinstance(found, Variable):
            return _get_result(item, found)
        if found.read is None:
            return _get_result(item, "Rejected", info=why("WriteOnly"))
        return _get_result(item, "Accepted", found.read())

    async def reset(self, request: ResetRequest) -> Reply:
        """Reset (B11, B12). A single EVSE of this station is not reset alone."""
        if request.evse_id is not None:
            refusal = why("UnsupportedParam", "an EVSE cannot be reset alone")
            return Reply(ResetResponse(status="Rejected", status_info=refusal))
        kind = ResetKind.SOFT if request.type == "Immediate" else ResetKind.IDLE
        outcome = self._engine.deferred(lambda station, now: station.reset(kind, now))
        response = ResetResponse(status=_RESET.get(outcome.result, "Rejected"), status_info=status_info(outcome))
        return reply(self._engine, response)

    async def set_network_profile(self, _: SetNetworkProfileRequest) -> Reply:
        """SetNetworkProfile (B09): the ways to the central system are in the station's configuration file."""
        refusal = why("InvalidConfSlot", "no slot can be written: the ways are set in the station's configuration")
        return Reply(SetNetworkProfileResponse(status="Rejected", status_info=refusal))


def _limit(count: int, field: str) -> None:
    if count > ITEMS:
        raise Refuse("OccurrenceConstraintViolation", f"{field}: at most {ITEMS} items in one request")


def _set_result(
    item: SetVariableDataType, status: SetVariableStatusEnumType, info: StatusInfoType | None = None
) -> SetVariableResultType:
    return SetVariableResultType(
        attribute_type=item.attribute_type or "Actual",
        attribute_status=status,
        attribute_status_info=info,
        component=item.component,
        variable=item.variable,
    )


def _get_result(
    item: GetVariableDataType,
    status: GetVariableStatusEnumType,
    value: str | None = None,
    info: StatusInfoType | None = None,
) -> GetVariableResultType:
    return GetVariableResultType(
        attribute_type=item.attribute_type or "Actual",
        attribute_status=status,
        attribute_status_info=info,
        attribute_value=value,
        component=item.component,
        variable=item.variable,
    )
