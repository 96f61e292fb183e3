"""OCPP 2.0.1: what a station holds, learnt from its answers and reports (part 2, blocks B, D, K and M)."""

from typing import Any

from csms.core.router import Context, Router
from csms.core.store import Record
from csms.holdings import Holdings
from csms.noting import note
from csms.redaction import HIDDEN, is_secret
from csms.stations import Stations
from ocpp_client.messages import Part
from ocpp_client.v201.certificates import (
    DeleteCertificateRequest,
    DeleteCertificateResponse,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
)
from ocpp_client.v201.datatypes import ComponentType, VariableType
from ocpp_client.v201.local_list import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
)
from ocpp_client.v201.provisioning import (
    GetVariablesRequest,
    GetVariablesResponse,
    NotifyReportRequest,
    NotifyReportResponse,
    SetVariablesRequest,
    SetVariablesResponse,
)
from ocpp_client.v201.smart_charging import (
    ClearChargingProfileRequest,
    ClearChargingProfileResponse,
    ReportChargingProfilesRequest,
    ReportChargingProfilesResponse,
    SetChargingProfileRequest,
    SetChargingProfileResponse,
)


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp2.0.1", "NotifyReport")(report)
    router.on("ocpp2.0.1", "ReportChargingProfiles")(profiles_reported)
    router.answered("ocpp2.0.1", "GetVariables")(variables)
    router.answered("ocpp2.0.1", "SetVariables")(variables_set)
    router.answered("ocpp2.0.1", "GetLocalListVersion")(list_version)
    router.answered("ocpp2.0.1", "SendLocalList")(list_sent)
    router.answered("ocpp2.0.1", "SetChargingProfile")(profile_set)
    router.answered("ocpp2.0.1", "ClearChargingProfile")(profiles_cleared)
    router.answered("ocpp2.0.1", "GetInstalledCertificateIds")(certificates)
    router.answered("ocpp2.0.1", "DeleteCertificate")(certificate_deleted)


def report(context: Context, request: NotifyReportRequest) -> NotifyReportResponse:
    """Keep what the station tells of its device model (B07, B08)."""
    note(context, request)
    for entry in request.report_data or ():
        key = _key(entry.component, entry.variable)
        Stations(context.store).set_variable(context.station, key, _wire(entry))
    return NotifyReportResponse()


def variables(context: Context, _request: GetVariablesRequest, response: GetVariablesResponse) -> None:
    """Note the values that were told (B06)."""
    for each in response.get_variable_result:
        if each.attribute_status == "Accepted":
            _set(context, each.component, each.variable, each.attribute_type or "Actual", each.attribute_value)


def variables_set(context: Context, request: SetVariablesRequest, response: SetVariablesResponse) -> None:
    """Note the values that were taken (B05)."""
    taken = {
        (_key(each.component, each.variable), each.attribute_type or "Actual")
        for each in response.set_variable_result
        if each.attribute_status in ("Accepted", "RebootRequired")
    }
    for wanted in request.set_variable_data:
        kind = wanted.attribute_type or "Actual"
        if (_key(wanted.component, wanted.variable), kind) in taken:
            _set(context, wanted.component, wanted.variable, kind, wanted.attribute_value)


def list_version(context: Context, _request: GetLocalListVersionRequest, response: GetLocalListVersionResponse) -> None:
    """Note the version of the list (D02)."""
    Holdings(context.store).set_list_version(context.station, response.version_number)


def list_sent(context: Context, request: SendLocalListRequest, response: SendLocalListResponse) -> None:
    """Note an accepted list; an entry without idTokenInfo removes its token from it (D01)."""
    if response.status == "Accepted":
        changes = [
            (f"{each.id_token.type}/{each.id_token.id_token}", None if each.id_token_info is None else _wire(each))
            for each in request.local_authorization_list or ()
        ]
        full = request.update_type == "Full"
        Holdings(context.store).update_list(context.station, request.version_number, changes, full=full)


def profile_set(context: Context, request: SetChargingProfileRequest, response: SetChargingProfileResponse) -> None:
    """Note an accepted profile (K01)."""
    if response.status == "Accepted":
        row = {"evseId": request.evse_id, "source": "CSO", "chargingProfile": _wire(request.charging_profile)}
        Holdings(context.store).set_profile(context.station, request.charging_profile.id, row)


def profiles_reported(context: Context, request: ReportChargingProfilesRequest) -> ReportChargingProfilesResponse:
    """Keep the profiles that a station reports (K09)."""
    note(context, request)
    for profile in request.charging_profile:
        row = {
            "evseId": request.evse_id,
            "source": request.charging_limit_source,
            "chargingProfile": _wire(profile),
        }
        Holdings(context.store).set_profile(context.station, profile.id, row)
    return ReportChargingProfilesResponse()


def profiles_cleared(
    context: Context, request: ClearChargingProfileRequest, response: ClearChargingProfileResponse
) -> None:
    """Forget the profiles that were cleared: one by its id, or all that fit the criteria (K10)."""
    if response.status != "Accepted":
        return
    wanted, criteria = request.charging_profile_id, request.charging_profile_criteria

    def is_cleared(row: Record) -> bool:
        profile = row["chargingProfile"]
        if wanted is not None or criteria is None:
            return bool(profile["id"] == wanted)
        return (
            criteria.evse_id in (None, row["evseId"])
            and criteria.charging_profile_purpose in (None, profile["chargingProfilePurpose"])
            and criteria.stack_level in (None, profile["stackLevel"])
        )

    Holdings(context.store).remove_profiles(context.station, is_cleared)


def certificates(
    context: Context, request: GetInstalledCertificateIdsRequest, response: GetInstalledCertificateIdsResponse
) -> None:
    """Note the certificates of the types that were asked for, or of all (M03)."""
    types = None if request.certificate_type is None else frozenset[str](request.certificate_type)
    rows = [_wire(each) for each in response.certificate_hash_data_chain or ()]
    Holdings(context.store).set_certificates(context.station, types, rows)


def certificate_deleted(
    context: Context, request: DeleteCertificateRequest, response: DeleteCertificateResponse
) -> None:
    """Forget a certificate that is gone (M04)."""
    if response.status != "Failed":
        Holdings(context.store).remove_certificate(context.station, _wire(request.certificate_hash_data))


def _key(component: ComponentType, variable: VariableType) -> str:
    evse = component.evse
    return "/".join(
        (
            component.name,
            component.instance or "",
            "" if evse is None else str(evse.id),
            "" if evse is None or evse.connector_id is None else str(evse.connector_id),
            variable.name,
            variable.instance or "",
        )
    )


def _set(context: Context, component: ComponentType, variable: VariableType, kind: str, value: str | None) -> None:
    """Write one attribute into what is known of a variable."""
    stations, key = Stations(context.store), _key(component, variable)
    known = stations.variable(context.station, key)
    found: Record = known or {"component": _wire(component), "variable": _wire(variable), "variableAttribute": []}
    shown = HIDDEN if is_secret(variable.name) else value
    attributes: list[dict[str, Any]] = [dict(each) for each in found["variableAttribute"]]
    attribute = next((each for each in attributes if each.get("type", "Actual") == kind), None)
    if attribute is None:
        attributes.append({"type": kind, "value": shown})
    else:
        attribute["value"] = shown
    stations.set_variable(context.station, key, {**found, "variableAttribute": attributes})


def _wire(part: Part) -> Record:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)
