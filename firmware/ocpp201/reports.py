"""Reports of the device model (OCPP 2.0.1 edition 3, part 2, use cases B07 and B08): the answer first, then NotifyReport."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from firmware.ocpp201.device_model import Component, DeviceModel, Variable
from firmware.ocpp201.words import moment, why
from hal.clock import Clock
from ocpp_client.messages import Response
from ocpp_client.peer import Reply
from ocpp_client.v201.datatypes import ComponentVariableType
from ocpp_client.v201.provisioning import (
    ComponentCriterionEnumType,
    GetBaseReportRequest,
    GetBaseReportResponse,
    GetReportRequest,
    GetReportResponse,
    NotifyReportRequest,
)

log = logging.getLogger(__name__)

PER_MESSAGE = 40  # variables in one NotifyReport: about 15 kB
SUMMARY = frozenset({"availabilitystate"})

Tell = Callable[[NotifyReportRequest], Awaitable[bool]]


class Reports:
    """Handlers of the reports; one report at a time."""

    def __init__(self, model: DeviceModel, clock: Clock, tell: Tell) -> None:
        """`tell` sends a message; False when nobody answered."""
        self._model = model
        self._clock = clock
        self._tell = tell
        self._busy = False

    async def base_report(self, request: GetBaseReportRequest) -> Reply:
        """GetBaseReport (B07)."""
        if self._busy:
            return Reply(GetBaseReportResponse(status="Rejected", status_info=_BUSY))
        match request.report_base:
            case "ConfigurationInventory":
                chosen = [variable for variable in self._model if variable.write is not None]
            case "SummaryInventory":
                chosen = [variable for variable in self._model if variable.name.casefold() in SUMMARY]
            case "FullInventory":
                chosen = list(self._model)
        return self._sending(GetBaseReportResponse(status="Accepted"), request.request_id, chosen)

    async def report(self, request: GetReportRequest) -> Reply:
        """GetReport (B08): components by criteria, and of these the variables that are named."""
        if self._busy:
            return Reply(GetReportResponse(status="Rejected", status_info=_BUSY))
        chosen = [
            variable
            for variable in self._model
            if (not request.component_criteria or self._meets(variable.component, request.component_criteria))
            and (not request.component_variable or any(_asked(variable, item) for item in request.component_variable))
        ]
        if not chosen:
            return Reply(GetReportResponse(status="EmptyResultSet"))
        return self._sending(GetReportResponse(status="Accepted"), request.request_id, chosen)

    def _meets(self, component: Component, criteria: Iterable[ComponentCriterionEnumType]) -> bool:
        """Whether any criterion holds: its variable is true or, except for a problem, is not there (B08.FR.09)."""
        own = {
            v.name: v.read() for v in self._model.component(component.key) if v.kind == "boolean" and v.read is not None
        }
        return any(
            own.get(criterion, "false" if criterion == "Problem" else "true") == "true" for criterion in criteria
        )

    def _sending(self, response: Response, request_id: int, chosen: Sequence[Variable]) -> Reply:
        self._busy = True

        async def send() -> None:
            try:
                await self._send(request_id, chosen)
            finally:
                self._busy = False

        return Reply(response, send)

    async def _send(self, request_id: int, chosen: Sequence[Variable]) -> None:
        generated_at = moment(self._clock.wall() or 0.0)
        for number, first in enumerate(range(0, len(chosen), PER_MESSAGE)):
            message = NotifyReportRequest(
                request_id=request_id,
                generated_at=generated_at,
                seq_no=number,
                tbc=first + PER_MESSAGE < len(chosen),
                report_data=tuple(variable.report() for variable in chosen[first : first + PER_MESSAGE]),
            )
            if not await self._tell(message):
                log.warning("report given up request=%d message=%d", request_id, number)
                return


_BUSY = why("Unspecified", "another report is under way")


def _asked(variable: Variable, item: ComponentVariableType) -> bool:
    """Whether an element of a request means this variable: what it does not name, it leaves open (B08.FR.20 to FR.24)."""
    wanted, own = Component.of(item.component), variable.component
    if wanted.name.casefold() != own.name.casefold():
        return False
    if wanted.instance is not None and wanted.instance.casefold() != (own.instance or "").casefold():
        return False
    if wanted.evse is not None and (wanted.evse != own.evse or wanted.connector not in (None, own.connector)):
        return False
    if item.variable is None:
        return True
    name, instance = item.variable.name.casefold(), item.variable.instance
    return name == variable.name.casefold() and (
        instance is None or instance.casefold() == (variable.instance or "").casefold()
    )
