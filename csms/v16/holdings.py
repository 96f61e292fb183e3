"""OCPP 1.6: what a station holds, learnt from its answers (edition 2, sections 5.3, 5.5, 5.8, 5.10, 5.15, 5.16)."""

from csms.core.router import Context, Router
from csms.core.store import Record
from csms.holdings import Holdings
from ocpp_client.messages import Part
from ocpp_client.v16.core import (
    ChangeConfigurationRequest,
    ChangeConfigurationResponse,
    GetConfigurationRequest,
    GetConfigurationResponse,
)
from ocpp_client.v16.local_auth_list import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
)
from ocpp_client.v16.security import (
    DeleteCertificateRequest,
    DeleteCertificateResponse,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
)
from ocpp_client.v16.smart_charging import (
    ClearChargingProfileRequest,
    ClearChargingProfileResponse,
    SetChargingProfileRequest,
    SetChargingProfileResponse,
)


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.answered("ocpp1.6", "GetConfiguration")(configuration)
    router.answered("ocpp1.6", "ChangeConfiguration")(configuration_changed)
    router.answered("ocpp1.6", "GetLocalListVersion")(list_version)
    router.answered("ocpp1.6", "SendLocalList")(list_sent)
    router.answered("ocpp1.6", "SetChargingProfile")(profile_set)
    router.answered("ocpp1.6", "ClearChargingProfile")(profiles_cleared)
    router.answered("ocpp1.6", "GetInstalledCertificateIds")(certificates)
    router.answered("ocpp1.6", "DeleteCertificate")(certificate_deleted)


def configuration(context: Context, _request: GetConfigurationRequest, response: GetConfigurationResponse) -> None:
    """Note every key that was told, and forget those the station does not know."""
    holdings = Holdings(context.store)
    for each in response.configuration_key or ():
        holdings.set_configuration(context.station, each.key, each.value, readonly=each.readonly)
    for key in response.unknown_key or ():
        holdings.remove_configuration(context.station, key)


def configuration_changed(
    context: Context, request: ChangeConfigurationRequest, response: ChangeConfigurationResponse
) -> None:
    """Note the new value of a key."""
    if response.status in ("Accepted", "RebootRequired"):
        needs_reboot = response.status == "RebootRequired"
        Holdings(context.store).set_configuration(
            context.station, request.key, request.value, needs_reboot=needs_reboot
        )


def list_version(context: Context, _request: GetLocalListVersionRequest, response: GetLocalListVersionResponse) -> None:
    """Note the version; -1 says that there are no lists (section 5.10)."""
    Holdings(context.store).set_list_version(context.station, response.list_version)


def list_sent(context: Context, request: SendLocalListRequest, response: SendLocalListResponse) -> None:
    """Note an accepted list; an entry without idTagInfo removes its tag from it (section 5.15)."""
    if response.status == "Accepted":
        changes = [
            (each.id_tag, None if each.id_tag_info is None else _wire(each))
            for each in request.local_authorization_list or ()
        ]
        full = request.update_type == "Full"
        Holdings(context.store).update_list(context.station, request.list_version, changes, full=full)


def profile_set(context: Context, request: SetChargingProfileRequest, response: SetChargingProfileResponse) -> None:
    """Note an accepted profile; it replaces the one of its id, and of its place in the stack (section 3.13.2)."""
    if response.status != "Accepted":
        return
    holdings, profile = Holdings(context.store), request.cs_charging_profiles
    row = {"connectorId": request.connector_id, "chargingProfile": _wire(profile)}

    def is_replaced(other: Record) -> bool:
        theirs = other["chargingProfile"]
        place = (other["connectorId"], theirs["stackLevel"], theirs["chargingProfilePurpose"])
        return place == (request.connector_id, profile.stack_level, profile.charging_profile_purpose)

    holdings.remove_profiles(context.station, is_replaced)
    holdings.set_profile(context.station, profile.charging_profile_id, row)


def profiles_cleared(
    context: Context, request: ClearChargingProfileRequest, response: ClearChargingProfileResponse
) -> None:
    """Forget the profiles that were cleared: one by its id, or all that fit every field given (section 5.5)."""
    if response.status != "Accepted":
        return

    def is_cleared(row: Record) -> bool:
        profile = row["chargingProfile"]
        if request.id is not None:
            return bool(profile["chargingProfileId"] == request.id)
        return (
            request.connector_id in (None, row["connectorId"])
            and request.charging_profile_purpose in (None, profile["chargingProfilePurpose"])
            and request.stack_level in (None, profile["stackLevel"])
        )

    Holdings(context.store).remove_profiles(context.station, is_cleared)


def certificates(
    context: Context, request: GetInstalledCertificateIdsRequest, response: GetInstalledCertificateIdsResponse
) -> None:
    """Note the certificates of one type."""
    kind = request.certificate_type
    rows = [
        {"certificateType": kind, "certificateHashData": _wire(each)} for each in response.certificate_hash_data or ()
    ]
    Holdings(context.store).set_certificates(context.station, frozenset({kind}), rows)


def certificate_deleted(
    context: Context, request: DeleteCertificateRequest, response: DeleteCertificateResponse
) -> None:
    """Forget a certificate that is gone."""
    if response.status != "Failed":
        Holdings(context.store).remove_certificate(context.station, _wire(request.certificate_hash_data))


def _wire(part: Part) -> Record:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)
