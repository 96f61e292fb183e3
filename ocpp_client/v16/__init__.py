"""The messages of OCPP 1.6 edition 2, a module for each feature profile.

A class is imported from its module, or from here; either way only what is used is loaded and built.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import TYPE_CHECKING

ACTIONS = {
    "Authorize": "core",
    "BootNotification": "core",
    "ChangeAvailability": "core",
    "ChangeConfiguration": "core",
    "ClearCache": "core",
    "DataTransfer": "core",
    "GetConfiguration": "core",
    "Heartbeat": "core",
    "MeterValues": "core",
    "RemoteStartTransaction": "core",
    "RemoteStopTransaction": "core",
    "Reset": "core",
    "StartTransaction": "core",
    "StatusNotification": "core",
    "StopTransaction": "core",
    "UnlockConnector": "core",
    "DiagnosticsStatusNotification": "firmware_management",
    "FirmwareStatusNotification": "firmware_management",
    "GetDiagnostics": "firmware_management",
    "UpdateFirmware": "firmware_management",
    "GetLocalListVersion": "local_auth_list",
    "SendLocalList": "local_auth_list",
    "TriggerMessage": "remote_trigger",
    "CancelReservation": "reservation",
    "ReserveNow": "reservation",
    "CertificateSigned": "security",
    "DeleteCertificate": "security",
    "ExtendedTriggerMessage": "security",
    "GetInstalledCertificateIds": "security",
    "GetLog": "security",
    "InstallCertificate": "security",
    "LogStatusNotification": "security",
    "SecurityEventNotification": "security",
    "SignCertificate": "security",
    "SignedFirmwareStatusNotification": "security",
    "SignedUpdateFirmware": "security",
    "ClearChargingProfile": "smart_charging",
    "GetCompositeSchedule": "smart_charging",
    "SetChargingProfile": "smart_charging",
}
"""The module of each action's messages."""

TYPES = {
    "AuthorizationData": "local_auth_list",
    "AuthorizationStatus": "datatypes",
    "AvailabilityStatus": "core",
    "AvailabilityType": "core",
    "CancelReservationStatus": "reservation",
    "CertificateHashDataType": "security",
    "CertificateSignedStatusEnumType": "security",
    "CertificateUseEnumType": "security",
    "ChargePointErrorCode": "core",
    "ChargePointStatus": "core",
    "ChargingProfile": "datatypes",
    "ChargingProfileKindType": "datatypes",
    "ChargingProfilePurposeType": "datatypes",
    "ChargingProfileStatus": "smart_charging",
    "ChargingRateUnitType": "datatypes",
    "ChargingSchedule": "datatypes",
    "ChargingSchedulePeriod": "datatypes",
    "ClearCacheStatus": "core",
    "ClearChargingProfileStatus": "smart_charging",
    "ConfigurationStatus": "core",
    "DataTransferStatus": "core",
    "DeleteCertificateStatusEnumType": "security",
    "DiagnosticsStatus": "firmware_management",
    "FirmwareStatus": "firmware_management",
    "FirmwareStatusEnumType": "security",
    "FirmwareType": "security",
    "GenericStatusEnumType": "security",
    "GetCompositeScheduleStatus": "smart_charging",
    "GetInstalledCertificateStatusEnumType": "security",
    "HashAlgorithmEnumType": "security",
    "IdTagInfo": "datatypes",
    "InstallCertificateStatusEnumType": "security",
    "KeyValue": "core",
    "Location": "core",
    "LogEnumType": "security",
    "LogParametersType": "security",
    "LogStatusEnumType": "security",
    "Measurand": "core",
    "MessageTrigger": "remote_trigger",
    "MessageTriggerEnumType": "security",
    "MeterValue": "core",
    "Phase": "core",
    "ReadingContext": "core",
    "Reason": "core",
    "RecurrencyKindType": "datatypes",
    "RegistrationStatus": "core",
    "RemoteStartStopStatus": "core",
    "ReservationStatus": "reservation",
    "ResetStatus": "core",
    "ResetType": "core",
    "SampledValue": "core",
    "TransactionMeterValue": "core",
    "TransactionSampledValue": "core",
    "TransactionUnitOfMeasure": "core",
    "TriggerMessageStatus": "remote_trigger",
    "TriggerMessageStatusEnumType": "security",
    "UnitOfMeasure": "core",
    "UnlockStatus": "core",
    "UpdateFirmwareStatusEnumType": "security",
    "UpdateStatus": "local_auth_list",
    "UpdateType": "local_auth_list",
    "UploadLogStatusEnumType": "security",
    "ValueFormat": "core",
}
"""The module of each type that messages are made of."""

PROFILES = {
    "core": "Core",
    "firmware_management": "FirmwareManagement",
    "local_auth_list": "LocalAuthListManagement",
    "remote_trigger": "RemoteTrigger",
    "reservation": "Reservation",
    "security": "Security",
    "smart_charging": "SmartCharging",
}
"""The feature profile of each module."""

UNANSWERED: frozenset[str] = frozenset()
"""Actions that are sent without an answer."""

if TYPE_CHECKING:
    from ocpp_client.v16.core import *  # noqa: F403
    from ocpp_client.v16.datatypes import *  # noqa: F403
    from ocpp_client.v16.firmware_management import *  # noqa: F403
    from ocpp_client.v16.local_auth_list import *  # noqa: F403
    from ocpp_client.v16.remote_trigger import *  # noqa: F403
    from ocpp_client.v16.reservation import *  # noqa: F403
    from ocpp_client.v16.security import *  # noqa: F403
    from ocpp_client.v16.smart_charging import *  # noqa: F403
else:
    from ocpp_client.catalogue import names_on_demand

    __getattr__ = names_on_demand(__name__, ACTIONS, TYPES)
