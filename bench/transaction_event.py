"""A TransactionEvent of OCPP 2.0.1 with 8 samples, as text and as msgspec structs."""

import json
from datetime import datetime
from typing import Annotated

import msgspec

from ocpp_client.v201 import datatypes, transactions

SAMPLES: tuple[tuple[str, str | None, float], ...] = (
    ("Energy.Active.Import.Register", None, 1234567),
    ("Power.Active.Import", "W", 7360.5),
    ("Current.Import", "A", 32.1),
    ("Current.Import", "A", 31.9),
    ("Current.Import", "A", 32.0),
    ("Voltage", "V", 230.1),
    ("Voltage", "V", 229.8),
    ("SoC", "Percent", 54),
)
PAYLOAD = {
    "eventType": "Updated",
    "timestamp": "2026-05-01T12:00:00Z",
    "triggerReason": "MeterValuePeriodic",
    "seqNo": 17,
    "transactionInfo": {"transactionId": "5f1c0a52-9f0e-4a3b-8d27-1f1c6f8b2a10", "chargingState": "Charging"},
    "evse": {"id": 1, "connectorId": 1},
    "meterValue": [
        {
            "timestamp": "2026-05-01T12:00:00Z",
            "sampledValue": [
                {
                    "value": value,
                    "context": "Sample.Periodic",
                    "measurand": measurand,
                    "location": "Outlet",
                    **({"unitOfMeasure": {"unit": unit}} if unit else {}),
                }
                for measurand, unit, value in SAMPLES
            ],
        }
    ],
}
FRAME = json.dumps([2, "0b0c6a3a-6c5e-4a52-a3a7-3f0f0c4d6a11", "TransactionEvent", PAYLOAD], separators=(",", ":"))


class _Unit(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    unit: str = "Wh"
    multiplier: int = 0


class _Sampled(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    value: float
    context: datatypes.ReadingContextEnumType | None = None
    measurand: datatypes.MeasurandEnumType | None = None
    phase: datatypes.PhaseEnumType | None = None
    location: datatypes.LocationEnumType | None = None
    unit_of_measure: _Unit | None = None


class _MeterValue(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    timestamp: datetime
    sampled_value: Annotated[tuple[_Sampled, ...], msgspec.Meta(min_length=1)]


class _Evse(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    id: int
    connector_id: int | None = None


class _Info(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    transaction_id: Annotated[str, msgspec.Meta(max_length=36)]
    charging_state: transactions.ChargingStateEnumType | None = None
    stopped_reason: transactions.ReasonEnumType | None = None
    remote_start_id: int | None = None


class TransactionEvent(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    """What msgspec reads: the fields that this message has."""

    event_type: transactions.TransactionEventEnumType
    timestamp: datetime
    trigger_reason: transactions.TriggerReasonEnumType
    seq_no: int
    transaction_info: _Info
    evse: _Evse | None = None
    meter_value: tuple[_MeterValue, ...] | None = None
    offline: bool | None = None
