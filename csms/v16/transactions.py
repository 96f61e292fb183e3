"""OCPP 1.6: StartTransaction, MeterValues, StopTransaction (edition 2, sections 4.7, 4.8, 4.10)."""

from collections.abc import Iterable

from csms.books import Fact, FactKind, Sample, stamp
from csms.core.router import Context, Router
from csms.ledger import Ledger
from csms.metering import last_register_wh
from csms.recording import record
from csms.stations import Stations
from csms.tokens import Tokens
from csms.v16.provisioning import tag_info
from ocpp_client.v16.core import (
    MeterValue,
    MeterValuesRequest,
    MeterValuesResponse,
    StartTransactionRequest,
    StartTransactionResponse,
    StopTransactionRequest,
    StopTransactionResponse,
    TransactionMeterValue,
)


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp1.6", "StartTransaction")(start)
    router.on("ocpp1.6", "MeterValues")(meter_values)
    router.on("ocpp1.6", "StopTransaction")(stop)


def start(context: Context, request: StartTransactionRequest) -> StartTransactionResponse:
    """Number the transaction; a repeated request gets the number it had, and every start is recorded, wanted or not."""
    content = f"{request.connector_id} {request.id_tag} {stamp(request.timestamp)} {request.meter_start}"
    number, _ = Ledger(context.store).number_start(context.station, content)
    verdict = Tokens(context.store, context.policy).judge_start(
        request.id_tag, context.at.utc, station=context.station, transaction_id=str(number)
    )
    details = {} if request.reservation_id is None else {"reservation_id": request.reservation_id}
    fact = Fact(
        kind=FactKind.START,
        action=context.action,
        message_id=context.message_id,
        at=request.timestamp,
        connector_id=request.connector_id,
        id_token=request.id_tag,
        meter_start_wh=request.meter_start,
        verdict=verdict.status,
        details=details,
    )
    record(context, str(number), fact)
    return StartTransactionResponse(transaction_id=number, id_tag_info=tag_info(verdict))


def meter_values(context: Context, request: MeterValuesRequest) -> MeterValuesResponse:
    """Record readings with their transaction, or with the station if they belong to none."""
    if request.transaction_id is None:
        payload = request.model_dump(mode="json", by_alias=True, exclude_none=True)
        Stations(context.store).note_values(context.station, payload, context.at.utc)
        context.emit("meter-values", connector_id=request.connector_id)
        return MeterValuesResponse()
    readings = samples(request.meter_value)
    fact = Fact(
        kind=FactKind.UPDATE,
        action=context.action,
        message_id=context.message_id,
        at=max(value.timestamp for value in request.meter_value),
        connector_id=request.connector_id,
        register_wh=last_register_wh(readings),
        samples=readings,
    )
    record(context, str(request.transaction_id), fact)
    return MeterValuesResponse()


def stop(context: Context, request: StopTransactionRequest) -> StopTransactionResponse:
    """Record the end; a stop cannot be refused, whatever it is about."""
    fact = Fact(
        kind=FactKind.STOP,
        action=context.action,
        message_id=context.message_id,
        at=request.timestamp,
        id_token=request.id_tag,
        meter_stop_wh=request.meter_stop,
        reason=request.reason or "Local",  # which alone may be left out
        samples=samples(request.transaction_data or ()),
    )
    record(context, str(request.transaction_id), fact)
    if request.id_tag is None:
        return StopTransactionResponse()
    verdict = Tokens(context.store, context.policy).judge(request.id_tag, context.at.utc)
    return StopTransactionResponse(id_tag_info=tag_info(verdict))


def samples(values: Iterable[MeterValue | TransactionMeterValue]) -> tuple[Sample, ...]:
    """Sampled values with the defaults of section 4.7 where the station left a field out."""
    return tuple(
        Sample(
            at=value.timestamp,
            value=sampled.value,
            measurand=sampled.measurand or "Energy.Active.Import.Register",
            unit=sampled.unit or "Wh",
            context=sampled.context or "Sample.Periodic",
            phase=sampled.phase,
            location=sampled.location or "Outlet",
            format=sampled.format or "Raw",
        )
        for value in values
        for sampled in value.sampled_value
    )
