"""OCPP 2.1: functional block R, Distributed energy resources.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Annotated, Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, StatusInfoType
from ocpp_client.v21.enums import DERControlEnumType


class ClearDERControlRequest(Extensible, Request["ClearDERControlResponse"]):
    is_default: bool = Field(alias="isDefault")
    control_type: DERControlEnumType | None = Field(None, alias="controlType")
    control_id: str | None = Field(None, alias="controlId", max_length=36)


DERControlStatusEnumType = Literal["Accepted", "Rejected", "NotSupported", "NotFound"]


class ClearDERControlResponse(Extensible, Response):
    status: DERControlStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class GetDERControlRequest(Extensible, Request["GetDERControlResponse"]):
    request_id: Integer = Field(alias="requestId")
    is_default: bool | None = Field(None, alias="isDefault")
    control_type: DERControlEnumType | None = Field(None, alias="controlType")
    control_id: str | None = Field(None, alias="controlId", max_length=36)


class GetDERControlResponse(Extensible, Response):
    status: DERControlStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


GridEventFaultEnumType = Literal[
    "CurrentImbalance",
    "LocalEmergency",
    "LowInputPower",
    "OverCurrent",
    "OverFrequency",
    "OverVoltage",
    "PhaseRotation",
    "RemoteEmergency",
    "UnderFrequency",
    "UnderVoltage",
    "VoltageImbalance",
]


class NotifyDERAlarmRequest(Extensible, Request["NotifyDERAlarmResponse"]):
    control_type: DERControlEnumType = Field(alias="controlType")
    grid_event_fault: GridEventFaultEnumType | None = Field(None, alias="gridEventFault")
    alarm_ended: bool | None = Field(None, alias="alarmEnded")
    timestamp: ShortTimestamp
    extra_info: str | None = Field(None, alias="extraInfo", max_length=200)


class NotifyDERAlarmResponse(Extensible, Response):
    pass


class NotifyDERStartStopRequest(Extensible, Request["NotifyDERStartStopResponse"]):
    control_id: str = Field(alias="controlId", max_length=36)
    started: bool
    timestamp: ShortTimestamp
    superseded_ids: tuple[Annotated[str, Field(max_length=36)], ...] | None = Field(
        None, alias="supersededIds", min_length=1, max_length=24
    )


class NotifyDERStartStopResponse(Extensible, Response):
    pass


class DERCurvePointsType(Extensible):
    x: Number
    y: Number


class HysteresisType(Extensible):
    hysteresis_high: Number | None = Field(None, alias="hysteresisHigh")
    hysteresis_low: Number | None = Field(None, alias="hysteresisLow")
    hysteresis_delay: Number | None = Field(None, alias="hysteresisDelay")
    hysteresis_gradient: Number | None = Field(None, alias="hysteresisGradient")


class ReactivePowerParamsType(Extensible):
    v_ref: Number | None = Field(None, alias="vRef")
    autonomous_v_ref_enable: bool | None = Field(None, alias="autonomousVRefEnable")
    autonomous_v_ref_time_constant: Number | None = Field(None, alias="autonomousVRefTimeConstant")


PowerDuringCessationEnumType = Literal["Active", "Reactive"]


class VoltageParamsType(Extensible):
    hv10_min_mean_value: Number | None = Field(None, alias="hv10MinMeanValue")
    hv10_min_mean_trip_delay: Number | None = Field(None, alias="hv10MinMeanTripDelay")
    power_during_cessation: PowerDuringCessationEnumType | None = Field(None, alias="powerDuringCessation")


DERUnitEnumType = Literal["Not_Applicable", "PctMaxW", "PctMaxVar", "PctWAvail", "PctVarAvail", "PctEffectiveV"]


class DERCurveType(Extensible):
    curve_data: tuple[DERCurvePointsType, ...] = Field(alias="curveData", min_length=1, max_length=10)
    hysteresis: HysteresisType | None = None
    priority: NonNegative
    reactive_power_params: ReactivePowerParamsType | None = Field(None, alias="reactivePowerParams")
    voltage_params: VoltageParamsType | None = Field(None, alias="voltageParams")
    y_unit: DERUnitEnumType = Field(alias="yUnit")
    response_time: Number | None = Field(None, alias="responseTime")
    start_time: ShortTimestamp | None = Field(None, alias="startTime")
    duration: Number | None = None


class DERCurveGetType(Extensible):
    curve: DERCurveType
    id: str = Field(max_length=36)
    curve_type: DERControlEnumType = Field(alias="curveType")
    is_default: bool = Field(alias="isDefault")
    is_superseded: bool = Field(alias="isSuperseded")


class EnterServiceType(Extensible):
    priority: NonNegative
    high_voltage: Number = Field(alias="highVoltage")
    low_voltage: Number = Field(alias="lowVoltage")
    high_freq: Number = Field(alias="highFreq")
    low_freq: Number = Field(alias="lowFreq")
    delay: Number | None = None
    random_delay: Number | None = Field(None, alias="randomDelay")
    ramp_rate: Number | None = Field(None, alias="rampRate")


class EnterServiceGetType(Extensible):
    enter_service: EnterServiceType = Field(alias="enterService")
    id: str = Field(max_length=36)


class FixedPFType(Extensible):
    priority: NonNegative
    displacement: Number
    excitation: bool
    start_time: ShortTimestamp | None = Field(None, alias="startTime")
    duration: Number | None = None


class FixedPFGetType(Extensible):
    fixed_pf: FixedPFType = Field(alias="fixedPF")
    id: str = Field(max_length=36)
    is_default: bool = Field(alias="isDefault")
    is_superseded: bool = Field(alias="isSuperseded")


class FixedVarType(Extensible):
    priority: NonNegative
    setpoint: Number
    unit: DERUnitEnumType
    start_time: ShortTimestamp | None = Field(None, alias="startTime")
    duration: Number | None = None


class FixedVarGetType(Extensible):
    fixed_var: FixedVarType = Field(alias="fixedVar")
    id: str = Field(max_length=36)
    is_default: bool = Field(alias="isDefault")
    is_superseded: bool = Field(alias="isSuperseded")


class FreqDroopType(Extensible):
    priority: NonNegative
    over_freq: Number = Field(alias="overFreq")
    under_freq: Number = Field(alias="underFreq")
    over_droop: Number = Field(alias="overDroop")
    under_droop: Number = Field(alias="underDroop")
    response_time: Number = Field(alias="responseTime")
    start_time: ShortTimestamp | None = Field(None, alias="startTime")
    duration: Number | None = None


class FreqDroopGetType(Extensible):
    freq_droop: FreqDroopType = Field(alias="freqDroop")
    id: str = Field(max_length=36)
    is_default: bool = Field(alias="isDefault")
    is_superseded: bool = Field(alias="isSuperseded")


class GradientType(Extensible):
    priority: NonNegative
    gradient: Number
    soft_gradient: Number = Field(alias="softGradient")


class GradientGetType(Extensible):
    gradient: GradientType
    id: str = Field(max_length=36)


class LimitMaxDischargeType(Extensible):
    priority: NonNegative
    pct_max_discharge_power: Number | None = Field(None, alias="pctMaxDischargePower")
    power_monitoring_must_trip: DERCurveType | None = Field(None, alias="powerMonitoringMustTrip")
    start_time: ShortTimestamp | None = Field(None, alias="startTime")
    duration: Number | None = None


class LimitMaxDischargeGetType(Extensible):
    id: str = Field(max_length=36)
    is_default: bool = Field(alias="isDefault")
    is_superseded: bool = Field(alias="isSuperseded")
    limit_max_discharge: LimitMaxDischargeType = Field(alias="limitMaxDischarge")


class ReportDERControlRequest(Extensible, Request["ReportDERControlResponse"]):
    curve: tuple[DERCurveGetType, ...] | None = Field(None, min_length=1, max_length=24)
    enter_service: tuple[EnterServiceGetType, ...] | None = Field(
        None, alias="enterService", min_length=1, max_length=24
    )
    fixed_pf_absorb: tuple[FixedPFGetType, ...] | None = Field(None, alias="fixedPFAbsorb", min_length=1, max_length=24)
    fixed_pf_inject: tuple[FixedPFGetType, ...] | None = Field(None, alias="fixedPFInject", min_length=1, max_length=24)
    fixed_var: tuple[FixedVarGetType, ...] | None = Field(None, alias="fixedVar", min_length=1, max_length=24)
    freq_droop: tuple[FreqDroopGetType, ...] | None = Field(None, alias="freqDroop", min_length=1, max_length=24)
    gradient: tuple[GradientGetType, ...] | None = Field(None, min_length=1, max_length=24)
    limit_max_discharge: tuple[LimitMaxDischargeGetType, ...] | None = Field(
        None, alias="limitMaxDischarge", min_length=1, max_length=24
    )
    request_id: Integer = Field(alias="requestId")
    tbc: bool | None = None


class ReportDERControlResponse(Extensible, Response):
    pass


class SetDERControlRequest(Extensible, Request["SetDERControlResponse"]):
    is_default: bool = Field(alias="isDefault")
    control_id: str = Field(alias="controlId", max_length=36)
    control_type: DERControlEnumType = Field(alias="controlType")
    curve: DERCurveType | None = None
    enter_service: EnterServiceType | None = Field(None, alias="enterService")
    fixed_pf_absorb: FixedPFType | None = Field(None, alias="fixedPFAbsorb")
    fixed_pf_inject: FixedPFType | None = Field(None, alias="fixedPFInject")
    fixed_var: FixedVarType | None = Field(None, alias="fixedVar")
    freq_droop: FreqDroopType | None = Field(None, alias="freqDroop")
    gradient: GradientType | None = None
    limit_max_discharge: LimitMaxDischargeType | None = Field(None, alias="limitMaxDischarge")


class SetDERControlResponse(Extensible, Response):
    status: DERControlStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    superseded_ids: tuple[Annotated[str, Field(max_length=36)], ...] | None = Field(
        None, alias="supersededIds", min_length=1, max_length=24
    )
