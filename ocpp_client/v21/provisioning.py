"""OCPP 2.1: functional block B, Provisioning.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Number, Positive, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import ComponentType, ComponentVariableType, Extensible, StatusInfoType, VariableType
from ocpp_client.v21.enums import GenericDeviceModelStatusEnumType


class ModemType(Extensible):
    iccid: str | None = Field(None, max_length=20)
    imsi: str | None = Field(None, max_length=20)


class ChargingStationType(Extensible):
    serial_number: str | None = Field(None, alias="serialNumber", max_length=25)
    model: str = Field(max_length=20)
    modem: ModemType | None = None
    vendor_name: str = Field(alias="vendorName", max_length=50)
    firmware_version: str | None = Field(None, alias="firmwareVersion", max_length=50)


BootReasonEnumType = Literal[
    "ApplicationReset",
    "FirmwareUpdate",
    "LocalReset",
    "PowerUp",
    "RemoteReset",
    "ScheduledReset",
    "Triggered",
    "Unknown",
    "Watchdog",
]


class BootNotificationRequest(Extensible, Request["BootNotificationResponse"]):
    charging_station: ChargingStationType = Field(alias="chargingStation")
    reason: BootReasonEnumType


RegistrationStatusEnumType = Literal["Accepted", "Pending", "Rejected"]


class BootNotificationResponse(Extensible, Response):
    current_time: ShortTimestamp = Field(alias="currentTime")
    interval: Integer
    status: RegistrationStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


ReportBaseEnumType = Literal["ConfigurationInventory", "FullInventory", "SummaryInventory"]


class GetBaseReportRequest(Extensible, Request["GetBaseReportResponse"]):
    request_id: Integer = Field(alias="requestId")
    report_base: ReportBaseEnumType = Field(alias="reportBase")


class GetBaseReportResponse(Extensible, Response):
    status: GenericDeviceModelStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


ComponentCriterionEnumType = Literal["Active", "Available", "Enabled", "Problem"]


class GetReportRequest(Extensible, Request["GetReportResponse"]):
    component_variable: tuple[ComponentVariableType, ...] | None = Field(None, alias="componentVariable", min_length=1)
    request_id: Integer = Field(alias="requestId")
    component_criteria: tuple[ComponentCriterionEnumType, ...] | None = Field(
        None, alias="componentCriteria", min_length=1, max_length=4
    )


class GetReportResponse(Extensible, Response):
    status: GenericDeviceModelStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


AttributeEnumType = Literal["Actual", "Target", "MinSet", "MaxSet"]


class GetVariableDataType(Extensible):
    # Absent means "Actual".
    attribute_type: AttributeEnumType | None = Field(None, alias="attributeType")
    component: ComponentType
    variable: VariableType


class GetVariablesRequest(Extensible, Request["GetVariablesResponse"]):
    get_variable_data: tuple[GetVariableDataType, ...] = Field(alias="getVariableData", min_length=1)


GetVariableStatusEnumType = Literal[
    "Accepted",
    "Rejected",
    "UnknownComponent",
    "UnknownVariable",
    "NotSupportedAttributeType",
]


class GetVariableResultType(Extensible):
    attribute_status: GetVariableStatusEnumType = Field(alias="attributeStatus")
    attribute_status_info: StatusInfoType | None = Field(None, alias="attributeStatusInfo")
    # Absent means "Actual".
    attribute_type: AttributeEnumType | None = Field(None, alias="attributeType")
    attribute_value: str | None = Field(None, alias="attributeValue", max_length=2500)
    component: ComponentType
    variable: VariableType


class GetVariablesResponse(Extensible, Response):
    get_variable_result: tuple[GetVariableResultType, ...] = Field(alias="getVariableResult", min_length=1)


MutabilityEnumType = Literal["ReadOnly", "WriteOnly", "ReadWrite"]


class VariableAttributeType(Extensible):
    # Absent means "Actual".
    type: AttributeEnumType | None = None
    value: str | None = Field(None, max_length=2500)
    # Absent means "ReadWrite".
    mutability: MutabilityEnumType | None = None
    # Absent means false.
    persistent: bool | None = None
    # Absent means false.
    constant: bool | None = None


DataEnumType = Literal[
    "string",
    "decimal",
    "integer",
    "dateTime",
    "boolean",
    "OptionList",
    "SequenceList",
    "MemberList",
]


class VariableCharacteristicsType(Extensible):
    unit: str | None = Field(None, max_length=16)
    data_type: DataEnumType = Field(alias="dataType")
    min_limit: Number | None = Field(None, alias="minLimit")
    max_limit: Number | None = Field(None, alias="maxLimit")
    max_elements: Positive | None = Field(None, alias="maxElements")
    values_list: str | None = Field(None, alias="valuesList", max_length=1000)
    supports_monitoring: bool = Field(alias="supportsMonitoring")


class ReportDataType(Extensible):
    component: ComponentType
    variable: VariableType
    variable_attribute: tuple[VariableAttributeType, ...] = Field(alias="variableAttribute", min_length=1, max_length=4)
    variable_characteristics: VariableCharacteristicsType | None = Field(None, alias="variableCharacteristics")


class NotifyReportRequest(Extensible, Request["NotifyReportResponse"]):
    request_id: Integer = Field(alias="requestId")
    generated_at: ShortTimestamp = Field(alias="generatedAt")
    report_data: tuple[ReportDataType, ...] | None = Field(None, alias="reportData", min_length=1)
    # Absent means false.
    tbc: bool | None = None
    seq_no: NonNegative = Field(alias="seqNo")


class NotifyReportResponse(Extensible, Response):
    pass


ResetEnumType = Literal["Immediate", "OnIdle", "ImmediateAndResume"]


class ResetRequest(Extensible, Request["ResetResponse"]):
    type: ResetEnumType
    evse_id: NonNegative | None = Field(None, alias="evseId")


ResetStatusEnumType = Literal["Accepted", "Rejected", "Scheduled"]


class ResetResponse(Extensible, Response):
    status: ResetStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


APNAuthenticationEnumType = Literal["PAP", "CHAP", "NONE", "AUTO"]


class APNType(Extensible):
    apn: str = Field(max_length=2000)
    apn_user_name: str | None = Field(None, alias="apnUserName", max_length=50)
    apn_password: str | None = Field(None, alias="apnPassword", max_length=64)
    sim_pin: Integer | None = Field(None, alias="simPin")
    preferred_network: str | None = Field(None, alias="preferredNetwork", max_length=6)
    # Absent means false.
    use_only_preferred_network: bool | None = Field(None, alias="useOnlyPreferredNetwork")
    apn_authentication: APNAuthenticationEnumType = Field(alias="apnAuthentication")


OCPPVersionEnumType = Literal["OCPP12", "OCPP15", "OCPP16", "OCPP20", "OCPP201", "OCPP21"]
OCPPInterfaceEnumType = Literal[
    "Wired0",
    "Wired1",
    "Wired2",
    "Wired3",
    "Wireless0",
    "Wireless1",
    "Wireless2",
    "Wireless3",
    "Any",
]
OCPPTransportEnumType = Literal["SOAP", "JSON"]
VPNEnumType = Literal["IKEv2", "IPSec", "L2TP", "PPTP"]


class VPNType(Extensible):
    server: str = Field(max_length=2000)
    user: str = Field(max_length=50)
    group: str | None = Field(None, max_length=50)
    password: str = Field(max_length=64)
    key: str = Field(max_length=255)
    type: VPNEnumType


class NetworkConnectionProfileType(Extensible):
    apn: APNType | None = None
    ocpp_version: OCPPVersionEnumType | None = Field(None, alias="ocppVersion")
    ocpp_interface: OCPPInterfaceEnumType = Field(alias="ocppInterface")
    ocpp_transport: OCPPTransportEnumType = Field(alias="ocppTransport")
    message_timeout: Integer = Field(alias="messageTimeout")
    ocpp_csms_url: str = Field(alias="ocppCsmsUrl", max_length=2000)
    security_profile: NonNegative = Field(alias="securityProfile")
    identity: str | None = Field(None, max_length=48)
    basic_auth_password: str | None = Field(None, alias="basicAuthPassword", max_length=64)
    vpn: VPNType | None = None


class SetNetworkProfileRequest(Extensible, Request["SetNetworkProfileResponse"]):
    configuration_slot: Integer = Field(alias="configurationSlot")
    connection_data: NetworkConnectionProfileType = Field(alias="connectionData")


SetNetworkProfileStatusEnumType = Literal["Accepted", "Rejected", "Failed"]


class SetNetworkProfileResponse(Extensible, Response):
    status: SetNetworkProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class SetVariableDataType(Extensible):
    # Absent means "Actual".
    attribute_type: AttributeEnumType | None = Field(None, alias="attributeType")
    attribute_value: str = Field(alias="attributeValue", max_length=2500)
    component: ComponentType
    variable: VariableType


class SetVariablesRequest(Extensible, Request["SetVariablesResponse"]):
    set_variable_data: tuple[SetVariableDataType, ...] = Field(alias="setVariableData", min_length=1)


SetVariableStatusEnumType = Literal[
    "Accepted",
    "Rejected",
    "UnknownComponent",
    "UnknownVariable",
    "NotSupportedAttributeType",
    "RebootRequired",
]


class SetVariableResultType(Extensible):
    # Absent means "Actual".
    attribute_type: AttributeEnumType | None = Field(None, alias="attributeType")
    attribute_status: SetVariableStatusEnumType = Field(alias="attributeStatus")
    attribute_status_info: StatusInfoType | None = Field(None, alias="attributeStatusInfo")
    component: ComponentType
    variable: VariableType


class SetVariablesResponse(Extensible, Response):
    set_variable_result: tuple[SetVariableResultType, ...] = Field(alias="setVariableResult", min_length=1)
