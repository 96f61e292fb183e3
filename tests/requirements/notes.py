"""What the code cannot tell of a message: who begins it, and why it is not there."""

DIRECTIONS: dict[str, str] = dict.fromkeys(
    (
        "Authorize",
        "BootNotification",
        "ClearedChargingLimit",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Get15118EVCertificate",
        "GetCertificateStatus",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "ReportChargingProfiles",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
        "TransactionEvent",
    ),
    "station",
) | {"DataTransfer": "both"}

OUT_OF_SCOPE = "not sent"

NOTES: dict[tuple[str, str], str] = {
    ("ocpp1.6", "DataTransfer"): "vendors register their handlers; the station sends none of its own",
    ("ocpp2.0.1", "DataTransfer"): "vendors register their handlers; the station sends none of its own",
    ("ocpp2.0.1", "SetNetworkProfile"): "answered with Rejected: the ways are set in the station's configuration",
    ("ocpp2.0.1", "Reset"): "of the station; an EVSE alone is Rejected (AllowReset is false)",
    ("ocpp2.0.1", "PublishFirmware"): "NotSupported: for local controllers",
    ("ocpp2.0.1", "UnpublishFirmware"): "NotSupported: for local controllers",
    ("ocpp2.0.1", "UpdateFirmware"): "NotSupported, so that a probe does nothing",
}
