"""SecurityEventNotification of OCPP 2.0.1 (edition 3, part 2, use case A04): what the station's security log holds as critical."""

from collections.abc import Mapping
from typing import Any

from firmware.engine.timeline import Timeline
from firmware.ocpp201.words import moment
from firmware.outbox import NOTHING, AnyRequest, Settled
from firmware.services.security_events import LANE, SecurityEvent
from ocpp_client.messages import Response
from ocpp_client.v201.security import SecurityEventNotificationRequest
from offline_queue import Record

# The words that differ from those of 1.6 (appendix 1).
WORDS = {
    "InvalidCentralSystemCertificate": "InvalidCsmsCertificate",
    "InvalidChargePointCertificate": "InvalidChargingStationCertificate",
}
MAX_TYPE = 50


class SecurityEvents:
    """Renders security events."""

    lanes: tuple[str, ...] = (LANE,)

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def render(self, record: Record) -> AnyRequest:
        """The message of an event."""
        event = SecurityEvent.decode(record.payload)
        return SecurityEventNotificationRequest(
            type=WORDS.get(event.kind, event.kind)[:MAX_TYPE],
            timestamp=moment(self._timeline.date(event.at).wall_s),
            tech_info=event.text or None,
        )

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        """The answer says nothing."""
        return NOTHING

    def given_up(self, record: Record) -> Settled:
        """It stays in the security log."""
        return NOTHING

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        """Nothing can be left out."""
        return None
