"""OCPP 2.0.1: TransactionEvent and MeterValues (part 2, blocks E and J)."""

from collections.abc import Iterable
from typing import Any, Final

from csms.books import Fact, FactKind, Sample
from csms.core.router import Context, Router
from csms.metering import last_register_wh
from csms.recording import record
from csms.stations import Stations
from csms.v201.authorization import judge, token_info
from ocpp_client.v201.datatypes import MeterValueType, SampledValueType
from ocpp_client.v201.meter_values import MeterValuesRequest, MeterValuesResponse
from ocpp_client.v201.transactions import TransactionEventRequest, TransactionEventResponse

_KINDS: Final = {"Started": FactKind.START, "Updated": FactKind.UPDATE, "Ended": FactKind.STOP}


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp2.0.1", "TransactionEvent")(transaction_event)
    router.on("ocpp2.0.1", "MeterValues")(meter_values)


def transaction_event(context: Context, request: TransactionEventRequest) -> TransactionEventResponse:
    """Record one event of a transaction; a token in it is judged, and nothing is ever refused."""
    transaction_id = request.transaction_info.transaction_id
    verdict = None
    if request.id_token is not None:
        starting = None if request.event_type == "Ended" else transaction_id
        verdict = judge(context, request.id_token, starting=starting)
    fact = fact_of_event(context, request, None if verdict is None else verdict.status)
    record(context, transaction_id, fact)
    return TransactionEventResponse(id_token_info=None if verdict is None else token_info(verdict))


def fact_of_event(context: Context, request: TransactionEventRequest, verdict: str | None) -> Fact:
    """What the books need of an event. The registers are those of the reading contexts Transaction.Begin and .End."""
    kind = _KINDS[request.event_type]
    readings = samples(request.meter_value or ())
    begin_wh = last_register_wh(readings, "Transaction.Begin")
    last_wh = last_register_wh(readings)
    end_wh = last_register_wh(readings, "Transaction.End")
    evse = request.evse
    return Fact(
        kind=kind,
        action=context.action,
        message_id=context.message_id,
        at=request.timestamp,
        evse_id=None if evse is None else evse.id,
        connector_id=None if evse is None else evse.connector_id,
        id_token=None if request.id_token is None else request.id_token.id_token,
        meter_start_wh=last_wh if kind is FactKind.START and begin_wh is None else begin_wh,
        meter_stop_wh=None if kind is not FactKind.STOP else last_wh if end_wh is None else end_wh,
        register_wh=last_wh if kind is FactKind.UPDATE else None,
        # Local, and no other reason, may be left out.
        reason=(request.transaction_info.stopped_reason or "Local") if kind is FactKind.STOP else None,
        sequence=request.seq_no,
        offline=bool(request.offline),
        verdict=verdict,
        samples=readings,
        details=_details(request),
    )


def meter_values(context: Context, request: MeterValuesRequest) -> MeterValuesResponse:
    """Keep readings outside transactions with the station (J01)."""
    payload = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    Stations(context.store).note_values(context.station, payload, context.at.utc)
    context.emit("meter-values", evse_id=request.evse_id)
    return MeterValuesResponse()


def samples(values: Iterable[MeterValueType]) -> tuple[Sample, ...]:
    """Sampled values with the protocol's defaults where the station left a field out."""
    return tuple(_sample(value, sampled) for value in values for sampled in value.sampled_value)


def _sample(value: MeterValueType, sampled: SampledValueType) -> Sample:
    unit, signed = sampled.unit_of_measure, sampled.signed_meter_value
    return Sample(
        at=value.timestamp,
        value=_text(sampled.value),
        measurand=sampled.measurand or "Energy.Active.Import.Register",
        unit=(unit.unit if unit is not None else None) or "Wh",
        context=sampled.context or "Sample.Periodic",
        phase=sampled.phase,
        location=sampled.location or "Outlet",
        multiplier=(unit.multiplier if unit is not None else None) or 0,
        signed=None if signed is None else signed.model_dump(mode="json", by_alias=True, exclude_none=True),
    )


def _text(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _details(request: TransactionEventRequest) -> dict[str, Any]:
    info = request.transaction_info
    found = {
        "trigger_reason": request.trigger_reason,
        "charging_state": info.charging_state,
        "time_spent_charging_s": info.time_spent_charging,
        "remote_start_id": info.remote_start_id,
        "reservation_id": request.reservation_id,
        "cable_max_current_a": request.cable_max_current,
        "phases_used": request.number_of_phases_used,
        "token_type": None if request.id_token is None else request.id_token.type,
    }
    return {name: value for name, value in found.items() if value is not None}
