"""Names: from the wire's camel case to Python's, and for what the 1.6 schemas leave nameless."""

import re

# EMAIDs, V2X, SoC and SoH are words; else a run of capitals ends before the capital that begins the next word.
_WORD = re.compile(r"EMAIDs|V2X|[Ss]o[CH](?![a-z])|[A-Z]+(?![a-z])\d*|[A-Z]?[a-z0-9]+")


def snake_case(wire: str) -> str:
    """Return the Python name of a wire name: `evMaxV2XEnergyRequest` becomes `ev_max_v2x_energy_request`."""
    return "_".join(_WORD.findall(wire)).lower()


# The 1.6 schemas write most objects and enumerations in place. Their names are those of the specification, chapter 7.
OBJECTS_16 = {
    "chargingProfile": "ChargingProfile",
    "chargingSchedule": "ChargingSchedule",
    "chargingSchedulePeriod": "ChargingSchedulePeriod",
    "configurationKey": "KeyValue",
    "csChargingProfiles": "ChargingProfile",
    "idTagInfo": "IdTagInfo",
    "localAuthorizationList": "AuthorizationData",
    "meterValue": "MeterValue",
    "sampledValue": "SampledValue",
}

# The samples in a StopTransaction have other limits than those in MeterValues, so they are types of their own.
OBJECTS_16_BY_OWNER = {
    ("StopTransactionRequest", "transactionData"): "TransactionMeterValue",
    ("TransactionMeterValue", "sampledValue"): "TransactionSampledValue",
}

ENUMS_16 = {
    "chargingProfileKind": "ChargingProfileKindType",
    "chargingProfilePurpose": "ChargingProfilePurposeType",
    "chargingRateUnit": "ChargingRateUnitType",
    "context": "ReadingContext",
    "errorCode": "ChargePointErrorCode",
    "format": "ValueFormat",
    "location": "Location",
    "measurand": "Measurand",
    "phase": "Phase",
    "reason": "Reason",
    "recurrencyKind": "RecurrencyKindType",
    "requestedMessage": "MessageTrigger",
    "unit": "UnitOfMeasure",
    "updateType": "UpdateType",
}

ENUMS_16_BY_OWNER = {
    ("BootNotificationResponse", "status"): "RegistrationStatus",
    ("ChangeAvailabilityRequest", "type"): "AvailabilityType",
    ("ChangeAvailabilityResponse", "status"): "AvailabilityStatus",
    ("ChangeConfigurationResponse", "status"): "ConfigurationStatus",
    ("DiagnosticsStatusNotificationRequest", "status"): "DiagnosticsStatus",
    ("FirmwareStatusNotificationRequest", "status"): "FirmwareStatus",
    ("IdTagInfo", "status"): "AuthorizationStatus",
    ("RemoteStartTransactionResponse", "status"): "RemoteStartStopStatus",
    ("RemoteStopTransactionResponse", "status"): "RemoteStartStopStatus",
    ("ReserveNowResponse", "status"): "ReservationStatus",
    ("ResetRequest", "type"): "ResetType",
    ("SendLocalListResponse", "status"): "UpdateStatus",
    ("SetChargingProfileResponse", "status"): "ChargingProfileStatus",
    ("StatusNotificationRequest", "status"): "ChargePointStatus",
    ("TransactionSampledValue", "unit"): "TransactionUnitOfMeasure",
    ("UnlockConnectorResponse", "status"): "UnlockStatus",
}


def object_name_16(owner: str, wire: str) -> str:
    """Return the name of the object in field `wire` of `owner`. Raises KeyError for a new one: name it here."""
    return OBJECTS_16_BY_OWNER.get((owner, wire)) or OBJECTS_16[wire]


def enum_name_16(owner: str, wire: str) -> str:
    """Return the name of the enumeration in field `wire` of `owner`. Raises KeyError for a new one: name it here."""
    name = ENUMS_16_BY_OWNER.get((owner, wire))
    if name is None and wire == "status" and owner.endswith("Response"):
        name = owner.removesuffix("Response") + "Status"
    return name or ENUMS_16[wire]
