"""BootNotification of OCPP 2.0.1 (edition 3, part 2, use cases B01 to B03)."""

from firmware.identity import Identity, StartReason
from firmware.registration import Boot
from ocpp_client.v201.provisioning import (
    BootNotificationRequest,
    BootReasonEnumType,
    ChargingStationType,
    ModemType,
)

PROTOCOL = "ocpp2.0.1"

REASONS: dict[StartReason, BootReasonEnumType] = {
    StartReason.POWER_UP: "PowerUp",
    StartReason.RESET_COMMAND: "RemoteReset",
    StartReason.RESET_WHEN_IDLE: "ScheduledReset",
    StartReason.FIRMWARE_UPDATE: "FirmwareUpdate",
    StartReason.WATCHDOG: "Watchdog",
    StartReason.LOCAL: "LocalReset",
}


def _boot(identity: Identity, triggered: bool) -> BootNotificationRequest:
    def cut(value: str | None, length: int) -> str | None:
        return value[:length] if value else None

    modem = None
    if identity.iccid or identity.imsi:
        modem = ModemType(iccid=cut(identity.iccid, 20), imsi=cut(identity.imsi, 20))
    return BootNotificationRequest(
        reason="Triggered" if triggered else REASONS[identity.start],
        charging_station=ChargingStationType(
            vendor_name=identity.vendor[:50],
            model=identity.model[:20],
            serial_number=cut(identity.serial_number, 25),
            firmware_version=cut(identity.firmware_version, 50),
            modem=modem,
        ),
    )


BOOT = Boot(PROTOCOL, _boot, on_each_way=True)
