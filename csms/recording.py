"""Enters a station's report into the books and tells the world, for the handlers of every OCPP version."""

from csms.books import Books, Fact
from csms.core.router import Context
from csms.ledger import Ledger


def record(context: Context, transaction_id: str, fact: Fact) -> None:
    """Record one fact; publish what it did to its transaction, and each anomaly it brought."""
    ledger = Ledger(context.store)
    entry = ledger.record(context.station, context.protocol, transaction_id, fact)
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
