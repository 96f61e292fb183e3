"""OCPP 2.0.1: functional block N, Diagnostics.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Number, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v201.datatypes import (
    CertificateHashDataType,
    ComponentType,
    ComponentVariableType,
    Extensible,
    GenericDeviceModelStatusEnumType,
    GenericStatusEnumType,
    IdTokenType,
    StatusInfoType,
    VariableType,
)


class ClearVariableMonitoringRequest(Extensible, Request["ClearVariableMonitoringResponse"]):
    id: tuple[Integer, ...] = Field(min_length=1)


ClearMonitoringStatusEnumType = Literal["Accepted", "Rejected", "NotFound"]


class ClearMonitoringResultType(Extensible):
    status: ClearMonitoringStatusEnumType
    id: Integer
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class ClearVariableMonitoringResponse(Extensible, Response):
    clear_monitoring_result: tuple[ClearMonitoringResultType, ...] = Field(alias="clearMonitoringResult", min_length=1)


class CustomerInformationRequest(Extensible, Request["CustomerInformationResponse"]):
    customer_certificate: CertificateHashDataType | None = Field(None, alias="customerCertificate")
    id_token: IdTokenType | None = Field(None, alias="idToken")
    request_id: Integer = Field(alias="requestId")
    report: bool
    clear: bool
    customer_identifier: str | None = Field(None, alias="customerIdentifier", max_length=64)


CustomerInformationStatusEnumType = Literal["Accepted", "Rejected", "Invalid"]


class CustomerInformationResponse(Extensible, Response):
    status: CustomerInformationStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class LogParametersType(Extensible):
    remote_location: str = Field(alias="remoteLocation", max_length=512)
    oldest_timestamp: ShortTimestamp | None = Field(None, alias="oldestTimestamp")
    latest_timestamp: ShortTimestamp | None = Field(None, alias="latestTimestamp")


LogEnumType = Literal["DiagnosticsLog", "SecurityLog"]


class GetLogRequest(Extensible, Request["GetLogResponse"]):
    log: LogParametersType
    log_type: LogEnumType = Field(alias="logType")
    request_id: Integer = Field(alias="requestId")
    retries: Integer | None = None
    retry_interval: Integer | None = Field(None, alias="retryInterval")


LogStatusEnumType = Literal["Accepted", "Rejected", "AcceptedCanceled"]


class GetLogResponse(Extensible, Response):
    status: LogStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    filename: str | None = Field(None, max_length=255)


MonitoringCriterionEnumType = Literal["ThresholdMonitoring", "DeltaMonitoring", "PeriodicMonitoring"]


class GetMonitoringReportRequest(Extensible, Request["GetMonitoringReportResponse"]):
    component_variable: tuple[ComponentVariableType, ...] | None = Field(None, alias="componentVariable", min_length=1)
    request_id: Integer = Field(alias="requestId")
    monitoring_criteria: tuple[MonitoringCriterionEnumType, ...] | None = Field(
        None, alias="monitoringCriteria", min_length=1, max_length=3
    )


class GetMonitoringReportResponse(Extensible, Response):
    status: GenericDeviceModelStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


UploadLogStatusEnumType = Literal[
    "BadMessage",
    "Idle",
    "NotSupportedOperation",
    "PermissionDenied",
    "Uploaded",
    "UploadFailure",
    "Uploading",
    "AcceptedCanceled",
]


class LogStatusNotificationRequest(Extensible, Request["LogStatusNotificationResponse"]):
    status: UploadLogStatusEnumType
    request_id: Integer | None = Field(None, alias="requestId")


class LogStatusNotificationResponse(Extensible, Response):
    pass


class NotifyCustomerInformationRequest(Extensible, Request["NotifyCustomerInformationResponse"]):
    data: str = Field(max_length=512)
    # Absent means false.
    tbc: bool | None = None
    seq_no: Integer = Field(alias="seqNo")
    generated_at: ShortTimestamp = Field(alias="generatedAt")
    request_id: Integer = Field(alias="requestId")


class NotifyCustomerInformationResponse(Extensible, Response):
    pass


EventTriggerEnumType = Literal["Alerting", "Delta", "Periodic"]
EventNotificationEnumType = Literal[
    "HardWiredNotification",
    "HardWiredMonitor",
    "PreconfiguredMonitor",
    "CustomMonitor",
]


class EventDataType(Extensible):
    event_id: Integer = Field(alias="eventId")
    timestamp: ShortTimestamp
    trigger: EventTriggerEnumType
    cause: Integer | None = None
    actual_value: str = Field(alias="actualValue", max_length=2500)
    tech_code: str | None = Field(None, alias="techCode", max_length=50)
    tech_info: str | None = Field(None, alias="techInfo", max_length=500)
    cleared: bool | None = None
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)
    component: ComponentType
    variable_monitoring_id: Integer | None = Field(None, alias="variableMonitoringId")
    event_notification_type: EventNotificationEnumType = Field(alias="eventNotificationType")
    variable: VariableType


class NotifyEventRequest(Extensible, Request["NotifyEventResponse"]):
    generated_at: ShortTimestamp = Field(alias="generatedAt")
    # Absent means false.
    tbc: bool | None = None
    seq_no: Integer = Field(alias="seqNo")
    event_data: tuple[EventDataType, ...] = Field(alias="eventData", min_length=1)


class NotifyEventResponse(Extensible, Response):
    pass


MonitorEnumType = Literal["UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned"]


class VariableMonitoringType(Extensible):
    id: Integer
    transaction: bool
    value: Number
    type: MonitorEnumType
    severity: Integer


class MonitoringDataType(Extensible):
    component: ComponentType
    variable: VariableType
    variable_monitoring: tuple[VariableMonitoringType, ...] = Field(alias="variableMonitoring", min_length=1)


class NotifyMonitoringReportRequest(Extensible, Request["NotifyMonitoringReportResponse"]):
    monitor: tuple[MonitoringDataType, ...] | None = Field(None, min_length=1)
    request_id: Integer = Field(alias="requestId")
    # Absent means false.
    tbc: bool | None = None
    seq_no: Integer = Field(alias="seqNo")
    generated_at: ShortTimestamp = Field(alias="generatedAt")


class NotifyMonitoringReportResponse(Extensible, Response):
    pass


MonitoringBaseEnumType = Literal["All", "FactoryDefault", "HardWiredOnly"]


class SetMonitoringBaseRequest(Extensible, Request["SetMonitoringBaseResponse"]):
    monitoring_base: MonitoringBaseEnumType = Field(alias="monitoringBase")


class SetMonitoringBaseResponse(Extensible, Response):
    status: GenericDeviceModelStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class SetMonitoringLevelRequest(Extensible, Request["SetMonitoringLevelResponse"]):
    severity: Integer


class SetMonitoringLevelResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class SetMonitoringDataType(Extensible):
    id: Integer | None = None
    # Absent means false.
    transaction: bool | None = None
    value: Number
    type: MonitorEnumType
    severity: Integer
    component: ComponentType
    variable: VariableType


class SetVariableMonitoringRequest(Extensible, Request["SetVariableMonitoringResponse"]):
    set_monitoring_data: tuple[SetMonitoringDataType, ...] = Field(alias="setMonitoringData", min_length=1)


SetMonitoringStatusEnumType = Literal[
    "Accepted",
    "UnknownComponent",
    "UnknownVariable",
    "UnsupportedMonitorType",
    "Rejected",
    "Duplicate",
]


class SetMonitoringResultType(Extensible):
    id: Integer | None = None
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    status: SetMonitoringStatusEnumType
    type: MonitorEnumType
    component: ComponentType
    variable: VariableType
    severity: Integer


class SetVariableMonitoringResponse(Extensible, Response):
    set_monitoring_result: tuple[SetMonitoringResultType, ...] = Field(alias="setMonitoringResult", min_length=1)
