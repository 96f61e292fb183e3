"""BootNotification of OCPP 1.6 (edition 2, section 4.2)."""

from firmware.identity import Identity
from firmware.registration import Boot
from ocpp_client.v16 import BootNotificationRequest

PROTOCOL = "ocpp1.6"


def _boot(identity: Identity, triggered: bool) -> BootNotificationRequest:
    def cut(value: str | None, length: int) -> str | None:
        return value[:length] if value else None

    return BootNotificationRequest(
        charge_point_vendor=identity.vendor[:20],
        charge_point_model=identity.model[:20],
        charge_point_serial_number=cut(identity.serial_number, 25),
        charge_box_serial_number=cut(identity.box_serial_number, 25),
        firmware_version=cut(identity.firmware_version, 50),
        iccid=cut(identity.iccid, 20),
        imsi=cut(identity.imsi, 20),
        meter_type=cut(identity.meter_type, 25),
        meter_serial_number=cut(identity.meter_serial_number, 25),
    )


BOOT = Boot(PROTOCOL, _boot)
