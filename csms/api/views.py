"""How records look in JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from csms.books import Fact, Sample, Transaction
from csms.core.effects import Outcome, OutcomeKind
from csms.hub import Numbered
from csms.tokens import TokenEntry


def transaction(found: Transaction, *, whole: bool = False) -> dict[str, Any]:
    """A transaction; the whole of it has its messages and samples too."""
    view: dict[str, Any] = {
        "station": found.station,
        "transaction_id": found.transaction_id,
        "protocol": found.protocol,
        "connector_id": found.connector_id,
        "evse_id": found.evse_id,
        "id_token": found.id_token,
        "stop_id_token": found.stop_id_token,
        "open": found.open,
        "started_at": _time(found.started_at),
        "stopped_at": _time(found.stopped_at),
        "meter_start_wh": found.meter_start_wh,
        "meter_stop_wh": found.meter_stop_wh,
        "meter_last_wh": found.meter_last_wh,
        "energy_wh": found.energy_wh,
        "reason": found.reason,
        "heard_at": _time(found.heard_at),
        "duplicates": found.duplicates,
        "missing_sequence": list(found.missing_sequence),
        "anomalies": [
            {"kind": each.kind.value, "text": each.text, "message_id": each.message_id} for each in found.anomalies
        ],
        "details": found.details,
    }
    if whole:
        view["messages"] = [_fact(fact) for fact in found.facts]
    return view


def outcome(found: Outcome) -> dict[str, Any]:
    """The end of a command."""
    view: dict[str, Any] = {
        "outcome": found.kind.value,
        "message_id": found.message_id,
        "elapsed_ms": round(found.elapsed_s * 1000, 3),
    }
    if found.kind is OutcomeKind.ANSWERED:
        view["response"] = found.response
        if found.violations:
            view["violations"] = list(found.violations)
    elif found.kind is OutcomeKind.ERROR:
        view["error"] = {
            "code": found.error_code,
            "description": found.error_description,
            "details": dict(found.error_details),
        }
    return view


def invalid(violations: Sequence[str]) -> dict[str, Any]:
    """A command of a batch that was not sent, because it breaks its schema."""
    return {"outcome": "invalid", "message_id": None, "elapsed_ms": 0.0, "violations": list(violations)}


def token(found: TokenEntry) -> dict[str, Any]:
    """A configured token."""
    return {
        "id_token": found.id_token,
        "status": found.status,
        "parent": found.parent,
        "expires_at": _time(found.expires_at),
    }


def event(found: Numbered) -> dict[str, Any]:
    """A domain event with its place in the stream."""
    return {
        "number": found.number,
        "kind": found.event.kind,
        "station": found.event.station,
        "at": _time(found.event.at),
        "data": dict(found.event.data),
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "kind": fact.kind.value,
        "action": fact.action,
        "message_id": fact.message_id,
        "at": _time(fact.at),
        "sequence": fact.sequence,
        "offline": fact.offline,
        "details": fact.details,
        "samples": [_sample(sample) for sample in fact.samples],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "at": _time(sample.at),
        "value": sample.value,
        "measurand": sample.measurand,
        "unit": sample.unit,
        "multiplier": sample.multiplier,
        "context": sample.context,
        "phase": sample.phase,
        "location": sample.location,
        "format": sample.format,
        "signed": sample.signed,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
