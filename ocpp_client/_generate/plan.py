"""Which action belongs to which module: the feature profiles of 1.6, the functional blocks of 2.0.1 and 2.1."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """A module of messages; `profile` is what the version calls the group, `title` how a sentence does."""

    profile: str
    title: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionPlan:
    """A version: its folder here and in the schemas, its name in prose, its field type of moments, its modules."""

    package: str
    name: str
    timestamp: str
    modules: Mapping[str, ModulePlan]


def _module(profile: str, title: str, actions: str) -> ModulePlan:
    return ModulePlan(profile, title, tuple(actions.split()))


def _block(letter: str, title: str, actions: str) -> ModulePlan:
    return ModulePlan(letter, f"functional block {letter}, {title}", tuple(actions.split()))


V16 = VersionPlan(
    "v16",
    "OCPP 1.6 edition 2",
    "Timestamp",
    {
        "core": _module(
            "Core",
            "feature profile Core",
            "Authorize BootNotification ChangeAvailability ChangeConfiguration ClearCache DataTransfer GetConfiguration "
            "Heartbeat MeterValues RemoteStartTransaction RemoteStopTransaction Reset StartTransaction "
            "StatusNotification StopTransaction UnlockConnector",
        ),
        "firmware_management": _module(
            "FirmwareManagement",
            "feature profile FirmwareManagement",
            "DiagnosticsStatusNotification FirmwareStatusNotification GetDiagnostics UpdateFirmware",
        ),
        "local_auth_list": _module(
            "LocalAuthListManagement", "feature profile LocalAuthListManagement", "GetLocalListVersion SendLocalList"
        ),
        "remote_trigger": _module("RemoteTrigger", "feature profile RemoteTrigger", "TriggerMessage"),
        "reservation": _module("Reservation", "feature profile Reservation", "CancelReservation ReserveNow"),
        "security": _module(
            "Security",
            "the security whitepaper, edition 3",
            "CertificateSigned DeleteCertificate ExtendedTriggerMessage GetInstalledCertificateIds GetLog "
            "InstallCertificate LogStatusNotification SecurityEventNotification SignCertificate "
            "SignedFirmwareStatusNotification SignedUpdateFirmware",
        ),
        "smart_charging": _module(
            "SmartCharging",
            "feature profile SmartCharging",
            "ClearChargingProfile GetCompositeSchedule SetChargingProfile",
        ),
    },
)

_BLOCKS_201: Mapping[str, ModulePlan] = {
    "security": _block("A", "Security", "CertificateSigned SecurityEventNotification SignCertificate"),
    "provisioning": _block(
        "B",
        "Provisioning",
        "BootNotification GetBaseReport GetReport GetVariables NotifyReport Reset SetNetworkProfile SetVariables",
    ),
    "authorization": _block("C", "Authorization", "Authorize ClearCache"),
    "local_list": _block("D", "Local authorization list", "GetLocalListVersion SendLocalList"),
    "transactions": _block("E", "Transactions", "GetTransactionStatus TransactionEvent"),
    "remote_control": _block(
        "F", "Remote control", "RequestStartTransaction RequestStopTransaction TriggerMessage UnlockConnector"
    ),
    "availability": _block("G", "Availability", "ChangeAvailability Heartbeat StatusNotification"),
    "reservation": _block("H", "Reservation", "CancelReservation ReservationStatusUpdate ReserveNow"),
    "tariff_cost": _block("I", "Tariff and cost", "CostUpdated"),
    "meter_values": _block("J", "Meter values", "MeterValues"),
    "smart_charging": _block(
        "K",
        "Smart charging",
        "ClearChargingProfile ClearedChargingLimit GetChargingProfiles GetCompositeSchedule NotifyChargingLimit "
        "NotifyEVChargingNeeds NotifyEVChargingSchedule ReportChargingProfiles SetChargingProfile",
    ),
    "firmware": _block(
        "L",
        "Firmware management",
        "FirmwareStatusNotification PublishFirmware PublishFirmwareStatusNotification UnpublishFirmware UpdateFirmware",
    ),
    "certificates": _block(
        "M",
        "ISO 15118 certificate management",
        "DeleteCertificate Get15118EVCertificate GetCertificateStatus GetInstalledCertificateIds InstallCertificate",
    ),
    "diagnostics": _block(
        "N",
        "Diagnostics",
        "ClearVariableMonitoring CustomerInformation GetLog GetMonitoringReport LogStatusNotification "
        "NotifyCustomerInformation NotifyEvent NotifyMonitoringReport SetMonitoringBase SetMonitoringLevel "
        "SetVariableMonitoring",
    ),
    "display": _block(
        "O", "Display message", "ClearDisplayMessage GetDisplayMessages NotifyDisplayMessages SetDisplayMessage"
    ),
    "data_transfer": _block("P", "Data transfer", "DataTransfer"),
}

V201 = VersionPlan("v201", "OCPP 2.0.1", "ShortTimestamp", _BLOCKS_201)

_ADDED_IN_21 = {
    "authorization": "NotifySettlement NotifyWebPaymentStarted VatNumberValidation",
    "certificates": "GetCertificateChainStatus",
    "diagnostics": "AdjustPeriodicEventStream ClosePeriodicEventStream GetPeriodicEventStream "
    "NotifyPeriodicEventStream OpenPeriodicEventStream",
    "smart_charging": "NotifyPriorityCharging PullDynamicScheduleUpdate UpdateDynamicSchedule UsePriorityCharging",
    "tariff_cost": "ChangeTransactionTariff ClearTariffs GetTariffs SetDefaultTariff",
}

V21 = VersionPlan(
    "v21",
    "OCPP 2.1",
    "ShortTimestamp",
    {
        module: ModulePlan(
            block.profile,
            block.title,
            tuple(sorted((*block.actions, *_ADDED_IN_21.get(module, "").split()))),
        )
        for module, block in _BLOCKS_201.items()
    }
    | {
        "bidirectional": _block("Q", "Bidirectional power transfer", "AFRRSignal NotifyAllowedEnergyTransfer"),
        "der_control": _block(
            "R",
            "Distributed energy resources",
            "ClearDERControl GetDERControl NotifyDERAlarm NotifyDERStartStop ReportDERControl SetDERControl",
        ),
        "battery_swap": _block("S", "Battery swapping", "BatterySwap RequestBatterySwap"),
    },
)

VERSIONS = (V16, V201, V21)
