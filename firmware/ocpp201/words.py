"""The core's words in OCPP 2.0.1 spelling (edition 3, part 2, section 3), and back."""

import base64
import logging
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast, get_args

from firmware.core.facts import MeterFrame, Sample, SampleContext, Trigger
from firmware.core.values import Energy, Outcome, StopCause, Token, TokenInfo, TokenType, Verdict
from firmware.ocpp201.status import ChargingState
from hal.types import SignedReading
from ocpp_client.v201.datatypes import (
    IdTokenEnumType,
    IdTokenInfoType,
    IdTokenType,
    MeasurandEnumType,
    MeterValueType,
    SampledValueType,
    SignedMeterValueType,
    StatusInfoType,
    UnitOfMeasureType,
)
from ocpp_client.v201.transactions import ReasonEnumType, TriggerReasonEnumType

log = logging.getLogger(__name__)

MAX_TOKEN = 36
MAX_SIGNED = 2500
REGISTER = "Energy.Active.Import.Register"
MEASURANDS: frozenset[str] = frozenset(get_args(MeasurandEnumType))

REASONS: dict[StopCause, ReasonEnumType] = {
    StopCause.LOCAL: "Local",
    StopCause.REMOTE: "Remote",
    StopCause.DEAUTHORIZED: "DeAuthorized",
    StopCause.EV_DISCONNECTED: "EVDisconnected",
    StopCause.CONNECT_TIMEOUT: "Timeout",
    StopCause.RESET_SOFT: "ImmediateReset",
    StopCause.RESET_HARD: "ImmediateReset",
    StopCause.EMERGENCY_STOP: "EmergencyStop",
    StopCause.GROUND_FAULT: "GroundFault",
    StopCause.OVER_CURRENT: "OvercurrentFault",
    StopCause.POWER_LOSS: "PowerLoss",
    StopCause.POWER_QUALITY: "PowerQuality",
    StopCause.REBOOT: "Reboot",
    StopCause.MASTER_PASS: "MasterPass",
    StopCause.ENERGY_LIMIT: "EnergyLimitReached",
    StopCause.TIME_LIMIT: "TimeLimitReached",
    StopCause.SOC_LIMIT: "SOCLimitReached",
    StopCause.STOPPED_BY_EV: "StoppedByEV",
}
TRIGGERS: dict[Trigger, TriggerReasonEnumType] = {
    Trigger.PLUGGED_IN: "CablePluggedIn",
    Trigger.AUTHORIZED: "Authorized",
    Trigger.REMOTE_START: "RemoteStart",
    Trigger.REMOTE_STOP: "RemoteStop",
    Trigger.ENERGY_CHANGED: "ChargingStateChanged",
    Trigger.SAMPLE_PERIODIC: "MeterValuePeriodic",
    Trigger.SAMPLE_CLOCK: "MeterValueClock",
    Trigger.TRIGGERED: "Trigger",
    Trigger.STOP_AUTHORIZED: "StopAuthorized",
    Trigger.DEAUTHORIZED: "Deauthorized",
    Trigger.EV_DEPARTED: "EVCommunicationLost",
    Trigger.EV_CONNECT_TIMEOUT: "EVConnectTimeout",
    Trigger.BAY_OCCUPIED: "EVDetected",
    Trigger.RESET: "ResetCommand",
    Trigger.UNLOCK: "UnlockCommand",
    Trigger.ABNORMAL: "AbnormalCondition",
    Trigger.ENERGY_LIMIT: "EnergyLimitReached",
    Trigger.RECOVERED: "AbnormalCondition",
}
STATES: dict[Energy, ChargingState] = {
    Energy.OFF: "EVConnected",
    Energy.FLOWING: "Charging",
    Energy.PAUSED_BY_EV: "SuspendedEV",
    Energy.PAUSED_BY_EVSE: "SuspendedEVSE",
}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_UNITS = {
    "Energy.Reactive": "varh",
    "Power.Active": "W",
    "Power.Reactive": "var",
    "Power.Offered": "W",
    "Current": "A",
    "Voltage": "V",
    "Frequency": "Hz",
    "SoC": "Percent",
}
_CARD_DIGITS = (8, 14, 20)  # hexadecimal digits of the identifiers of ISO 14443 cards


def moment(wall_s: float) -> datetime:
    """POSIX seconds as the message models want them."""
    return datetime.fromtimestamp(wall_s, UTC)


def status_info(outcome: Outcome) -> StatusInfoType | None:
    """The reason of an outcome, where it has one."""
    if outcome.reason is None:
        return None
    return StatusInfoType(reason_code=outcome.reason[:20], additional_info=outcome.detail[:512] or None)


def why(reason: str, detail: str = "") -> StatusInfoType:
    """A reason of our own."""
    return StatusInfoType(reason_code=reason, additional_info=detail or None)


def id_token(token: Token) -> IdTokenType:
    """A token as IdToken. One that came in without a type is a card if it looks like one, else the central system's own."""
    kind = token.type
    if kind is TokenType.UNKNOWN:
        digits = set(token.value) <= set(string.hexdigits)
        kind = TokenType.ISO14443 if digits and len(token.value) in _CARD_DIGITS else TokenType.CENTRAL
    return IdTokenType(id_token=token.value[:MAX_TOKEN], type=cast("IdTokenEnumType", kind.value))


def token(given: IdTokenType) -> Token:
    """The reverse of `id_token`."""
    return Token(given.id_token, TokenType(given.type))


def token_info(answer: IdTokenInfoType) -> TokenInfo:
    """An IdTokenInfo in the core's words."""
    return TokenInfo(
        _VERDICTS[answer.status],
        token(answer.group_id_token) if answer.group_id_token else None,
        answer.cache_expiry_date_time.timestamp() if answer.cache_expiry_date_time else None,
    )


def salvaged_info(raw: object) -> TokenInfo | None:
    """What can be used of an `idTokenInfo` in an answer that breaks its schema: the verdict."""
    if not isinstance(raw, Mapping) or raw.get("status") not in _VERDICTS:
        return None
    return TokenInfo(_VERDICTS[raw["status"]])


def reason(cause: StopCause | None) -> ReasonEnumType:
    """The stop reason of a cause; causes without a word of their own are Other."""
    return REASONS.get(cause, "Other") if cause is not None else "Other"


def meter_value(frame: MeterFrame, wall_s: float, signed: SignedReading | None = None) -> MeterValueType | None:
    """A frame as MeterValue, None where it holds nothing that 2.0.1 has a word for. `wall_s` is its best known time.

    A signed reading goes with the energy register.
    """
    samples = tuple(
        _sampled(sample, frame.context, signed if sample.quantity == REGISTER and sample.phase is None else None)
        for sample in frame.samples
        if sample.quantity in MEASURANDS
    )
    return MeterValueType(timestamp=moment(wall_s), sampled_value=samples) if samples else None


def _sampled(sample: Sample, context: SampleContext, signed: SignedReading | None) -> SampledValueType:
    unit = next((unit for name, unit in _UNITS.items() if sample.quantity.startswith(name)), None)
    fields: dict[str, Any] = {
        "value": float(sample.value),
        "context": context.value,
        "measurand": sample.quantity,
        "phase": sample.phase,
        "location": "EV" if sample.quantity == "SoC" else "Outlet",
        "unit_of_measure": UnitOfMeasureType(unit=unit) if unit else None,
        "signed_meter_value": _signed(signed) if signed is not None else None,
    }
    return SampledValueType.model_validate({name: value for name, value in fields.items() if value is not None})


def _signed(reading: SignedReading) -> SignedMeterValueType | None:
    data = base64.b64encode(reading.text.encode()).decode()
    if len(data) > MAX_SIGNED:
        log.error(
            "signed reading is too long for a meter value, left out characters=%d limit=%d", len(data), MAX_SIGNED
        )
        return None
    return SignedMeterValueType(
        signed_meter_data=data, signing_method="", encoding_method=reading.format, public_key=reading.public_key or ""
    )
