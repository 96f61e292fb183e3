"""OCPP 2.1: functional block N, Diagnostics.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Message, Request, Response
from ocpp_client.v21.datatypes import (
    CertificateHashDataType,
    ComponentType,
    ComponentVariableType,
    Extensible,
    IdTokenType,
    StatusInfoType,
    VariableType,
)
from ocpp_client.v21.enums import GenericDeviceModelStatusEnumType, GenericStatusEnumType


class PeriodicEventStreamParamsType(Extensible):
    interval: NonNegative | None = None
    values: NonNegative | None = None


class AdjustPeriodicEventStreamRequest(Extensible, Request["AdjustPeriodicEventStreamResponse"]):
    id: NonNegative
    params: PeriodicEventStreamParamsType


class AdjustPeriodicEventStreamResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class ClearVariableMonitoringRequest(Extensible, Request["ClearVariableMonitoringResponse"]):
    id: tuple[NonNegative, ...] = Field(min_length=1)


ClearMonitoringStatusEnumType = Literal["Accepted", "Rejected", "NotFound"]


class ClearMonitoringResultType(Extensible):
    status: ClearMonitoringStatusEnumType
    id: NonNegative
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class ClearVariableMonitoringResponse(Extensible, Response):
    clear_monitoring_result: tuple[ClearMonitoringResultType, ...] = Field(alias="clearMonitoringResult", min_length=1)


class ClosePeriodicEventStreamRequest(Extensible, Request["ClosePeriodicEventStreamResponse"]):
    id: NonNegative


class ClosePeriodicEventStreamResponse(Extensible, Response):
    pass


class CustomerInformationRequest(Extensible, Request["CustomerInformationResponse"]):
    customer_certificate: CertificateHashDataType | None = Field(None, alias="customerCertificate")
    id_token: IdTokenType | None = Field(None, alias="idToken")
    request_id: NonNegative = Field(alias="requestId")
    report: bool
    clear: bool
    customer_identifier: str | None = Field(None, alias="customerIdentifier", max_length=64)


CustomerInformationStatusEnumType = Literal["Accepted", "Rejected", "Invalid"]


class CustomerInformationResponse(Extensible, Response):
    status: CustomerInformationStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class LogParametersType(Extensible):
    remote_location: str = Field(alias="remoteLocation", max_length=2000)
    oldest_timestamp: ShortTimestamp | None = Field(None, alias="oldestTimestamp")
    latest_timestamp: ShortTimestamp | None = Field(None, alias="latestTimestamp")


LogEnumType = Literal["DiagnosticsLog", "SecurityLog", "DataCollectorLog"]


class GetLogRequest(Extensible, Request["GetLogResponse"]):
    log: LogParametersType
    log_type: LogEnumType = Field(alias="logType")
    request_id: Integer = Field(alias="requestId")
    retries: NonNegative | None = None
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


class GetPeriodicEventStreamRequest(Extensible, Request["GetPeriodicEventStreamResponse"]):
    pass


class ConstantStreamDataType(Extensible):
    id: NonNegative
    params: PeriodicEventStreamParamsType
    variable_monitoring_id: NonNegative = Field(alias="variableMonitoringId")


class GetPeriodicEventStreamResponse(Extensible, Response):
    constant_stream_data: tuple[ConstantStreamDataType, ...] | None = Field(
        None, alias="constantStreamData", min_length=1
    )


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
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class LogStatusNotificationResponse(Extensible, Response):
    pass


class NotifyCustomerInformationRequest(Extensible, Request["NotifyCustomerInformationResponse"]):
    data: str = Field(max_length=512)
    # Absent means false.
    tbc: bool | None = None
    seq_no: NonNegative = Field(alias="seqNo")
    generated_at: ShortTimestamp = Field(alias="generatedAt")
    request_id: NonNegative = Field(alias="requestId")


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
    event_id: NonNegative = Field(alias="eventId")
    timestamp: ShortTimestamp
    trigger: EventTriggerEnumType
    cause: NonNegative | None = None
    actual_value: str = Field(alias="actualValue", max_length=2500)
    tech_code: str | None = Field(None, alias="techCode", max_length=50)
    tech_info: str | None = Field(None, alias="techInfo", max_length=500)
    cleared: bool | None = None
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)
    component: ComponentType
    variable_monitoring_id: NonNegative | None = Field(None, alias="variableMonitoringId")
    event_notification_type: EventNotificationEnumType = Field(alias="eventNotificationType")
    variable: VariableType
    severity: NonNegative | None = None


class NotifyEventRequest(Extensible, Request["NotifyEventResponse"]):
    generated_at: ShortTimestamp = Field(alias="generatedAt")
    # Absent means false.
    tbc: bool | None = None
    seq_no: NonNegative = Field(alias="seqNo")
    event_data: tuple[EventDataType, ...] = Field(alias="eventData", min_length=1)


class NotifyEventResponse(Extensible, Response):
    pass


MonitorEnumType = Literal[
    "UpperThreshold",
    "LowerThreshold",
    "Delta",
    "Periodic",
    "PeriodicClockAligned",
    "TargetDelta",
    "TargetDeltaRelative",
]


class VariableMonitoringType(Extensible):
    id: NonNegative
    transaction: bool
    value: Number
    type: MonitorEnumType
    severity: NonNegative
    event_notification_type: EventNotificationEnumType = Field(alias="eventNotificationType")


class MonitoringDataType(Extensible):
    component: ComponentType
    variable: VariableType
    variable_monitoring: tuple[VariableMonitoringType, ...] = Field(alias="variableMonitoring", min_length=1)


class NotifyMonitoringReportRequest(Extensible, Request["NotifyMonitoringReportResponse"]):
    monitor: tuple[MonitoringDataType, ...] | None = Field(None, min_length=1)
    request_id: Integer = Field(alias="requestId")
    # Absent means false.
    tbc: bool | None = None
    seq_no: NonNegative = Field(alias="seqNo")
    generated_at: ShortTimestamp = Field(alias="generatedAt")


class NotifyMonitoringReportResponse(Extensible, Response):
    pass


class StreamDataElementType(Extensible):
    t: Number
    v: str = Field(max_length=2500)


class NotifyPeriodicEventStreamRequest(Extensible, Message):
    data: tuple[StreamDataElementType, ...] = Field(min_length=1)
    id: NonNegative
    pending: NonNegative
    basetime: ShortTimestamp


class OpenPeriodicEventStreamRequest(Extensible, Request["OpenPeriodicEventStreamResponse"]):
    constant_stream_data: ConstantStreamDataType = Field(alias="constantStreamData")


class OpenPeriodicEventStreamResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


MonitoringBaseEnumType = Literal["All", "FactoryDefault", "HardWiredOnly"]


class SetMonitoringBaseRequest(Extensible, Request["SetMonitoringBaseResponse"]):
    monitoring_base: MonitoringBaseEnumType = Field(alias="monitoringBase")


class SetMonitoringBaseResponse(Extensible, Response):
    status: GenericDeviceModelStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class SetMonitoringLevelRequest(Extensible, Request["SetMonitoringLevelResponse"]):
    severity: NonNegative


class SetMonitoringLevelResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class SetMonitoringDataType(Extensible):
    id: NonNegative | None = None
    periodic_event_stream: PeriodicEventStreamParamsType | None = Field(None, alias="periodicEventStream")
    # Absent means false.
    transaction: bool | None = None
    value: Number
    type: MonitorEnumType
    severity: NonNegative
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
    id: NonNegative | None = None
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    status: SetMonitoringStatusEnumType
    type: MonitorEnumType
    component: ComponentType
    variable: VariableType
    severity: NonNegative


class SetVariableMonitoringResponse(Extensible, Response):
    set_monitoring_result: tuple[SetMonitoringResultType, ...] = Field(alias="setMonitoringResult", min_length=1)
