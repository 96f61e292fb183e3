"""OCPP 1.6: boot, heartbeat, connector status, authorisation (edition 2, sections 4.1, 4.2, 4.6, 4.9)."""

from typing import Final, cast

from csms.core.router import Context, Router
from csms.recording import record_boot
from csms.stations import ConnectorStatus, Stations
from csms.tokens import Tokens, Verdict
from ocpp_client.v16.core import (
    AuthorizeRequest,
    AuthorizeResponse,
    BootNotificationRequest,
    BootNotificationResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    StatusNotificationRequest,
    StatusNotificationResponse,
)
from ocpp_client.v16.datatypes import AuthorizationStatus, IdTagInfo

_KNOWN_STATUSES: Final = frozenset({"Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"})


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp1.6", "BootNotification")(boot)
    router.on("ocpp1.6", "Heartbeat")(heartbeat)
    router.on("ocpp1.6", "StatusNotification")(status)
    router.on("ocpp1.6", "Authorize")(authorize)


def boot(context: Context, request: BootNotificationRequest) -> BootNotificationResponse:
    """Accept the station, unless an operator holds it back."""
    answer, interval_s = record_boot(context, request)
    return BootNotificationResponse(status=answer, current_time=context.at.utc, interval=interval_s)


def heartbeat(context: Context, _request: HeartbeatRequest) -> HeartbeatResponse:
    """Tell the time."""
    context.emit("heartbeat")
    return HeartbeatResponse(current_time=context.at.utc)


def status(context: Context, request: StatusNotificationRequest) -> StatusNotificationResponse:
    """Note a connector's status; the station's own time counts if it gave one."""
    details = {"info": request.info, "vendor_id": request.vendor_id, "vendor_error_code": request.vendor_error_code}
    found = ConnectorStatus(
        evse_id=None,
        connector_id=request.connector_id,
        status=request.status,
        error_code=request.error_code,
        at=request.timestamp or context.at.utc,
        details={name: value for name, value in details.items() if value is not None},
    )
    Stations(context.store).set_status(context.station, found)
    context.emit("status", connector_id=found.connector_id, status=found.status, error_code=found.error_code)
    return StatusNotificationResponse()


def authorize(context: Context, request: AuthorizeRequest) -> AuthorizeResponse:
    """Look the tag up."""
    verdict = Tokens(context.store, context.policy).judge(request.id_tag, context.at.utc)
    context.emit("authorized", id_token=request.id_tag, status=verdict.status)
    return AuthorizeResponse(id_tag_info=tag_info(verdict))


def tag_info(verdict: Verdict) -> IdTagInfo:
    """A verdict in the words of 1.6, where five statuses must do."""
    status = verdict.status if verdict.status in _KNOWN_STATUSES else "Invalid"
    return IdTagInfo(
        status=cast(AuthorizationStatus, status), parent_id_tag=verdict.parent, expiry_date=verdict.expires_at
    )
