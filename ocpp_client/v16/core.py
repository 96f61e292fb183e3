"""OCPP 1.6 edition 2: feature profile Core.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Annotated, Literal

from pydantic import Field

from ocpp_client.fields import Integer, Timestamp
from ocpp_client.messages import Part, Request, Response
from ocpp_client.v16.datatypes import ChargingProfile, IdTagInfo


class AuthorizeRequest(Request["AuthorizeResponse"]):
    id_tag: str = Field(alias="idTag", max_length=20)


class AuthorizeResponse(Response):
    id_tag_info: IdTagInfo = Field(alias="idTagInfo")


class BootNotificationRequest(Request["BootNotificationResponse"]):
    charge_point_vendor: str = Field(alias="chargePointVendor", max_length=20)
    charge_point_model: str = Field(alias="chargePointModel", max_length=20)
    charge_point_serial_number: str | None = Field(None, alias="chargePointSerialNumber", max_length=25)
    charge_box_serial_number: str | None = Field(None, alias="chargeBoxSerialNumber", max_length=25)
    firmware_version: str | None = Field(None, alias="firmwareVersion", max_length=50)
    iccid: str | None = Field(None, max_length=20)
    imsi: str | None = Field(None, max_length=20)
    meter_type: str | None = Field(None, alias="meterType", max_length=25)
    meter_serial_number: str | None = Field(None, alias="meterSerialNumber", max_length=25)


RegistrationStatus = Literal["Accepted", "Pending", "Rejected"]


class BootNotificationResponse(Response):
    status: RegistrationStatus
    current_time: Timestamp = Field(alias="currentTime")
    interval: Integer


AvailabilityType = Literal["Inoperative", "Operative"]


class ChangeAvailabilityRequest(Request["ChangeAvailabilityResponse"]):
    connector_id: Integer = Field(alias="connectorId")
    type: AvailabilityType


AvailabilityStatus = Literal["Accepted", "Rejected", "Scheduled"]


class ChangeAvailabilityResponse(Response):
    status: AvailabilityStatus


class ChangeConfigurationRequest(Request["ChangeConfigurationResponse"]):
    key: str = Field(max_length=50)
    value: str = Field(max_length=500)


ConfigurationStatus = Literal["Accepted", "Rejected", "RebootRequired", "NotSupported"]


class ChangeConfigurationResponse(Response):
    status: ConfigurationStatus


class ClearCacheRequest(Request["ClearCacheResponse"]):
    pass


ClearCacheStatus = Literal["Accepted", "Rejected"]


class ClearCacheResponse(Response):
    status: ClearCacheStatus


class DataTransferRequest(Request["DataTransferResponse"]):
    vendor_id: str = Field(alias="vendorId", max_length=255)
    message_id: str | None = Field(None, alias="messageId", max_length=50)
    data: str | None = None


DataTransferStatus = Literal["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"]


class DataTransferResponse(Response):
    status: DataTransferStatus
    data: str | None = None


class GetConfigurationRequest(Request["GetConfigurationResponse"]):
    key: tuple[Annotated[str, Field(max_length=50)], ...] | None = None


class KeyValue(Part):
    key: str = Field(max_length=50)
    readonly: bool
    value: str | None = Field(None, max_length=500)


class GetConfigurationResponse(Response):
    configuration_key: tuple[KeyValue, ...] | None = Field(None, alias="configurationKey")
    unknown_key: tuple[Annotated[str, Field(max_length=50)], ...] | None = Field(None, alias="unknownKey")


class HeartbeatRequest(Request["HeartbeatResponse"]):
    pass


class HeartbeatResponse(Response):
    current_time: Timestamp = Field(alias="currentTime")


ReadingContext = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
    "Other",
]
ValueFormat = Literal["Raw", "SignedData"]
Measurand = Literal[
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "Power.Factor",
    "Current.Import",
    "Current.Export",
    "Current.Offered",
    "Voltage",
    "Frequency",
    "Temperature",
    "SoC",
    "RPM",
]
Phase = Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"]
Location = Literal["Cable", "EV", "Inlet", "Outlet", "Body"]
UnitOfMeasure = Literal[
    "Wh",
    "kWh",
    "varh",
    "kvarh",
    "W",
    "kW",
    "VA",
    "kVA",
    "var",
    "kvar",
    "A",
    "V",
    "K",
    "Celcius",
    "Celsius",
    "Fahrenheit",
    "Percent",
    "Hertz",
]


class SampledValue(Part):
    value: str
    context: ReadingContext | None = None
    format: ValueFormat | None = None
    measurand: Measurand | None = None
    phase: Phase | None = None
    location: Location | None = None
    unit: UnitOfMeasure | None = None


class MeterValue(Part):
    timestamp: Timestamp
    sampled_value: tuple[SampledValue, ...] = Field(alias="sampledValue", min_length=1)


class MeterValuesRequest(Request["MeterValuesResponse"]):
    connector_id: Integer = Field(alias="connectorId")
    transaction_id: Integer | None = Field(None, alias="transactionId")
    meter_value: tuple[MeterValue, ...] = Field(alias="meterValue", min_length=1)


class MeterValuesResponse(Response):
    pass


class RemoteStartTransactionRequest(Request["RemoteStartTransactionResponse"]):
    connector_id: Integer | None = Field(None, alias="connectorId")
    id_tag: str = Field(alias="idTag", max_length=20)
    charging_profile: ChargingProfile | None = Field(None, alias="chargingProfile")


RemoteStartStopStatus = Literal["Accepted", "Rejected"]


class RemoteStartTransactionResponse(Response):
    status: RemoteStartStopStatus


class RemoteStopTransactionRequest(Request["RemoteStopTransactionResponse"]):
    transaction_id: Integer = Field(alias="transactionId")


class RemoteStopTransactionResponse(Response):
    status: RemoteStartStopStatus


ResetType = Literal["Hard", "Soft"]


class ResetRequest(Request["ResetResponse"]):
    type: ResetType


ResetStatus = Literal["Accepted", "Rejected"]


class ResetResponse(Response):
    status: ResetStatus


class StartTransactionRequest(Request["StartTransactionResponse"]):
    connector_id: Integer = Field(alias="connectorId")
    id_tag: str = Field(alias="idTag", max_length=20)
    meter_start: Integer = Field(alias="meterStart")
    reservation_id: Integer | None = Field(None, alias="reservationId")
    timestamp: Timestamp


class StartTransactionResponse(Response):
    id_tag_info: IdTagInfo = Field(alias="idTagInfo")
    transaction_id: Integer = Field(alias="transactionId")


ChargePointErrorCode = Literal[
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "NoError",
    "OtherError",
    "OverCurrentFailure",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "OverVoltage",
    "WeakSignal",
]
ChargePointStatus = Literal[
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEVSE",
    "SuspendedEV",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
]


class StatusNotificationRequest(Request["StatusNotificationResponse"]):
    connector_id: Integer = Field(alias="connectorId")
    error_code: ChargePointErrorCode = Field(alias="errorCode")
    info: str | None = Field(None, max_length=50)
    status: ChargePointStatus
    timestamp: Timestamp | None = None
    vendor_id: str | None = Field(None, alias="vendorId", max_length=255)
    vendor_error_code: str | None = Field(None, alias="vendorErrorCode", max_length=50)


class StatusNotificationResponse(Response):
    pass


Reason = Literal[
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "Other",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
    "DeAuthorized",
]
TransactionUnitOfMeasure = Literal[
    "Wh",
    "kWh",
    "varh",
    "kvarh",
    "W",
    "kW",
    "VA",
    "kVA",
    "var",
    "kvar",
    "A",
    "V",
    "K",
    "Celcius",
    "Celsius",
    "Fahrenheit",
    "Percent",
]


class TransactionSampledValue(Part):
    value: str
    context: ReadingContext | None = None
    format: ValueFormat | None = None
    measurand: Measurand | None = None
    phase: Phase | None = None
    location: Location | None = None
    unit: TransactionUnitOfMeasure | None = None


class TransactionMeterValue(Part):
    timestamp: Timestamp
    sampled_value: tuple[TransactionSampledValue, ...] = Field(alias="sampledValue")


class StopTransactionRequest(Request["StopTransactionResponse"]):
    id_tag: str | None = Field(None, alias="idTag", max_length=20)
    meter_stop: Integer = Field(alias="meterStop")
    timestamp: Timestamp
    transaction_id: Integer = Field(alias="transactionId")
    reason: Reason | None = None
    transaction_data: tuple[TransactionMeterValue, ...] | None = Field(None, alias="transactionData")


class StopTransactionResponse(Response):
    id_tag_info: IdTagInfo | None = Field(None, alias="idTagInfo")


class UnlockConnectorRequest(Request["UnlockConnectorResponse"]):
    connector_id: Integer = Field(alias="connectorId")


UnlockStatus = Literal["Unlocked", "UnlockFailed", "NotSupported"]


class UnlockConnectorResponse(Response):
    status: UnlockStatus
