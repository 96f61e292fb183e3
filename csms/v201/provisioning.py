"""OCPP 2.0.1: boot, heartbeat and connector status (part 2, blocks B and G)."""

from csms.core.router import Context, Router
from csms.recording import record_boot
from csms.stations import ConnectorStatus, Stations
from ocpp_client.v201.availability import (
    HeartbeatRequest,
    HeartbeatResponse,
    StatusNotificationRequest,
    StatusNotificationResponse,
)
from ocpp_client.v201.provisioning import (
    BootNotificationRequest,
    BootNotificationResponse,
)


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp2.0.1", "BootNotification")(boot)
    router.on("ocpp2.0.1", "Heartbeat")(heartbeat)
    router.on("ocpp2.0.1", "StatusNotification")(status)


def boot(context: Context, request: BootNotificationRequest) -> BootNotificationResponse:
    """Accept the station, unless an operator holds it back (B01-B03)."""
    answer, interval_s = record_boot(context, request)
    return BootNotificationResponse(status=answer, current_time=context.at.utc, interval=interval_s)


def heartbeat(context: Context, _request: HeartbeatRequest) -> HeartbeatResponse:
    """Tell the time (G02)."""
    context.emit("heartbeat")
    return HeartbeatResponse(current_time=context.at.utc)


def status(context: Context, request: StatusNotificationRequest) -> StatusNotificationResponse:
    """Note a connector's status (G01)."""
    found = ConnectorStatus(
        evse_id=request.evse_id,
        connector_id=request.connector_id,
        status=request.connector_status,
        error_code=None,
        at=request.timestamp,
        details={},
    )
    Stations(context.store).set_status(context.station, found)
    context.emit("status", evse_id=found.evse_id, connector_id=found.connector_id, status=found.status)
    return StatusNotificationResponse()
