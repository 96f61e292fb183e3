"""The core's words in OCPP 1.6 spelling, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime

from firmware.core.facts import MeterFrame, Sample, SampleContext
from firmware.core.values import StopCause, Token, TokenInfo, Verdict
from hal.types import FaultCode, SignedReading
from ocpp_client.v16.core import (
    ChargePointErrorCode,
    MeterValue,
    Reason,
    SampledValue,
    TransactionMeterValue,
    TransactionSampledValue,
)
from ocpp_client.v16.datatypes import IdTagInfo

REASONS: dict[StopCause, Reason] = {
    StopCause.LOCAL: "Local",
    StopCause.REMOTE: "Remote",
    StopCause.DEAUTHORIZED: "DeAuthorized",
    StopCause.EV_DISCONNECTED: "EVDisconnected",
    StopCause.RESET_SOFT: "SoftReset",
    StopCause.RESET_HARD: "HardReset",
    StopCause.UNLOCK: "UnlockCommand",
    StopCause.EMERGENCY_STOP: "EmergencyStop",
    StopCause.POWER_LOSS: "PowerLoss",
    StopCause.REBOOT: "Reboot",
}

# Faults without a word of their own go as OtherError, with the device's word in vendorErrorCode.
ERROR_CODES: dict[FaultCode, ChargePointErrorCode] = {
    FaultCode.GROUND_FAULT: "GroundFailure",
    FaultCode.LEAKAGE: "GroundFailure",
    FaultCode.NO_GROUND: "GroundFailure",
    FaultCode.DIODE: "EVCommunicationError",
    FaultCode.OVER_TEMPERATURE: "HighTemperature",
    FaultCode.WELDED_CONTACTOR: "PowerSwitchFailure",
    FaultCode.CONTACTOR_STUCK_OPEN: "PowerSwitchFailure",
    FaultCode.LOCK_JAMMED: "ConnectorLockFailure",
    FaultCode.METER_SILENT: "PowerMeterFailure",
    FaultCode.READER_LOST: "ReaderFailure",
    FaultCode.PILOT_LOST: "InternalError",
    FaultCode.DEVICE_LOST: "InternalError",
    FaultCode.INTERNAL: "InternalError",
    FaultCode.OVER_CURRENT: "OverCurrentFailure",
    FaultCode.OVER_VOLTAGE: "OverVoltage",
    FaultCode.UNDER_VOLTAGE: "UnderVoltage",
}
# EVCommunicationError is a warning and must not go with Faulted (section 4.9); such a fault is told as OtherError.
WARNING_ONLY: frozenset[ChargePointErrorCode] = frozenset({"EVCommunicationError"})

_VERDICTS: dict[str, Verdict] = {
    "Accepted": Verdict.ACCEPTED,
    "Blocked": Verdict.BLOCKED,
    "Expired": Verdict.EXPIRED,
    "Invalid": Verdict.INVALID,
    "ConcurrentTx": Verdict.CONCURRENT,
}
_UNITS = {
    "Energy.Active": "Wh",
    "Energy.Reactive": "varh",
    "Power.Active": "W",
    "Power.Reactive": "var",
    "Power.Offered": "W",
    "Current": "A",
    "Voltage": "V",
    "SoC": "Percent",
    "Temperature": "Celcius",  # the published schema's spelling, which central systems validate against
}

MAX_ID_TAG = 20


def moment(wall_s: float) -> datetime:
    """POSIX seconds as the message models want them."""
    return datetime.fromtimestamp(wall_s, UTC)


def token_info(answer: IdTagInfo) -> TokenInfo:
    """An IdTagInfo in the core's words."""
    return TokenInfo(
        _VERDICTS.get(answer.status, Verdict.INVALID),
        Token(answer.parent_id_tag) if answer.parent_id_tag else None,
        answer.expiry_date.timestamp() if answer.expiry_date else None,
    )


def salvaged_info(raw: object) -> TokenInfo | None:
    """What can be used of an `idTagInfo` in an answer that breaks its schema: the verdict, and the parent if it is one."""
    if not isinstance(raw, Mapping) or raw.get("status") not in _VERDICTS:
        return None
    parent = raw.get("parentIdTag")
    group = Token(parent) if isinstance(parent, str) and 0 < len(parent) <= MAX_ID_TAG else None
    return TokenInfo(_VERDICTS[raw["status"]], group)


def id_tag(token: Token | None) -> str:
    """A token as an idTag, cut to its length. A transaction that nobody authorised has an empty one."""
    return token.value[:MAX_ID_TAG] if token is not None else ""


def reason(cause: StopCause | None) -> Reason:
    """The stop reason of a cause; causes that 1.6 has no word for are Other."""
    return REASONS.get(cause, "Other") if cause is not None else "Other"


def meter_value(frame: MeterFrame, wall_s: float) -> MeterValue:
    """A frame as MeterValue. `wall_s` is its best known time."""
    samples = tuple(SampledValue.model_validate(_sampled(sample, frame.context)) for sample in frame.samples)
    return MeterValue(timestamp=moment(wall_s), sampled_value=samples)


def transaction_value(frame: MeterFrame, wall_s: float) -> TransactionMeterValue:
    """A frame as an item of StopTransaction.transactionData, whose schema is a type of its own."""
    samples = tuple(TransactionSampledValue.model_validate(_sampled(sample, frame.context)) for sample in frame.samples)
    return TransactionMeterValue(timestamp=moment(wall_s), sampled_value=samples)


def signed_value(record: SignedReading, wall_s: float) -> TransactionMeterValue:
    """A signed record as an item of StopTransaction.transactionData: its text as the meter made it, format SignedData."""
    sample = TransactionSampledValue(
        value=record.text,
        context="Transaction.End",
        format="SignedData",
        measurand="Energy.Active.Import.Register",
        location="Outlet",
    )
    return TransactionMeterValue(timestamp=moment(wall_s), sampled_value=(sample,))


def _sampled(sample: Sample, context: SampleContext) -> dict[str, str]:
    unit = next((unit for name, unit in _UNITS.items() if sample.quantity.startswith(name)), None)
    fields = {
        "value": _number(sample.value),
        "context": context.value,
        "measurand": sample.quantity,
        "phase": sample.phase,
        "location": "EV" if sample.quantity == "SoC" else "Outlet",
        "unit": unit,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}".rstrip("0")
