"""Enters what a station reports and tells the world, for the handlers of every OCPP version."""

from csms.books import Books, Fact
from csms.core.presence import set_registration
from csms.core.router import Context
from csms.core.solicited import forget
from csms.ledger import Ledger
from csms.stations import Boots, Registration, Stations
from ocpp_client.messages import Message


def record_boot(context: Context, request: Message) -> tuple[Registration, int]:
    """Enter a BootNotification; the status and the interval in seconds that answer it."""
    answer, interval_s = Boots(context.store).next_answer(
        context.station, heartbeat_s=context.policy.heartbeat_interval_s, retry_s=context.policy.retry_interval_s
    )
    description = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    Stations(context.store).booted(context.station, description, context.at.utc)
    set_registration(context.store, context.station, answer, context.at)
    forget(context.store, context.station)
    context.emit("booted", status=answer, interval_s=interval_s, boot=description)
    return answer, interval_s


def record(context: Context, transaction_id: str, fact: Fact) -> None:
    """Record one fact; publish what it did to its transaction, and each anomaly it brought."""
    ledger = Ledger(context.store)
    entry = ledger.record(context.station, context.protocol, transaction_id, fact, context.at.utc)
    if entry.repeated:
        context.remark("repeated-content", transaction_id=transaction_id)
        return
    transaction = Books(context.store).transaction(context.station, entry.key)
    assert transaction is not None  # it was recorded just now
    kind = "started" if entry.opened else "stopped" if entry.closed else "updated"
    context.emit(
        f"transaction-{kind}",
        transaction_id=transaction_id,
        connector_id=transaction.connector_id,
        evse_id=transaction.evse_id,
        id_token=transaction.id_token,
        meter_last_wh=transaction.meter_last_wh,
        energy_wh=transaction.energy_wh,
        reason=transaction.reason,
    )
    if entry.opened and entry.closed:
        context.emit("transaction-stopped", transaction_id=transaction_id, reason=transaction.reason)
    for anomaly in entry.anomalies:
        context.emit(
            "anomaly",
            transaction_id=transaction_id,
            anomaly=anomaly.kind.value,
            text=anomaly.text,
            message_id=anomaly.message_id,
        )
