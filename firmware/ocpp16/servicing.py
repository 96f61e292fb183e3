"""What OCPP 1.6 says of this station's services, put together: firmware, diagnostics, certificates, security events and their keys."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from firmware.engine.timeline import Timeline
from firmware.ocpp16.configuration import Key
from firmware.ocpp16.diagnostics import Diagnostics
from firmware.ocpp16.firmware_management import FirmwareManagement
from firmware.ocpp16.security import Certificates, WithSecurityEvents
from firmware.ocpp16.security_keys import AUTHORIZATION_KEY, SECURITY_PROFILE, SecurityKeys
from firmware.outbox import Renderer
from firmware.services.notices import Notices
from firmware.services.offer import FIRMWARE, SECURITY, Offer
from firmware.services.transfer import SCHEMES
from firmware.session import Send
from ocpp_client.messages import Request
from ocpp_client.peer import Reply

N = TypeVar("N")

Handler = Callable[[Any], Awaitable[Reply]]
Chore = Callable[[Send], Awaitable[None]]


class Now(Protocol):
    """Makes the message of a present status."""

    def __call__(self) -> Request[Any]:
        """The message."""


class Servicing:
    """Handlers, keys and messages of the profiles that are switched on."""

    def __init__(self, services: Offer, timeline: Timeline) -> None:
        self._services = services
        self._timeline = timeline
        self.manages = FIRMWARE in services.profiles
        self.secures = SECURITY in services.profiles
        self._diagnostics = Diagnostics(services.uploads)
        self._certificates = Certificates(services.certificates)
        self._keys = SecurityKeys(lambda: services.access, services.events.post)
        self._firmware: FirmwareManagement | None = None
        if services.updates is not None:
            self._firmware = FirmwareManagement(
                services.updates,
                services.certificates,
                unsigned=services.takes_unsigned,
                security_event=services.events.post,
            )

    def handlers(self) -> dict[str, Handler]:
        """Handlers by action. Without an updater there is nothing to install with, and its messages are not supported."""
        found: dict[str, Handler] = {}
        if self.manages:
            found["GetDiagnostics"] = self._diagnostics.get_diagnostics
            if self._firmware is not None:
                found["UpdateFirmware"] = self._firmware.update
        if self.secures:
            found |= {
                "CertificateSigned": self._certificates.signed,
                "DeleteCertificate": self._certificates.delete,
                "GetInstalledCertificateIds": self._certificates.installed,
                "GetLog": self._diagnostics.get_log,
                "InstallCertificate": self._certificates.install,
            }
            if self._firmware is not None:
                found["SignedUpdateFirmware"] = self._firmware.update_signed
        return found

    def renderer(self, transactions: Renderer) -> Renderer:
        """Transactions, and security events where they are told."""
        return WithSecurityEvents(transactions, self._timeline) if self.secures else transactions

    def chores(self) -> tuple[Chore, ...]:
        """What is told while the station is accepted."""
        services = self._services
        found = [_telling(services.uploads.notices, self._diagnostics.message)]
        if services.updates is not None and self._firmware is not None:
            found.append(_telling(services.updates.notices, self._firmware.message))
        if self.secures:
            found.append(_telling(services.certificates.requests, self._certificates.message))
        return tuple(found)

    def keys(self) -> list[Key]:
        """Configuration keys of these profiles, beside those that are settings."""
        found: list[Key] = []
        if self.manages:
            found.append(Key("SupportedFileTransferProtocols", lambda: ",".join(SCHEMES)))
        if self.secures:
            rules = self._services.certificates.rules
            found += [
                Key("AdditionalRootCertificateCheck", lambda: str(rules.additional_root_check).lower()),
                Key("CertificateSignedMaxChainSize", lambda: str(rules.longest_chain)),
                Key("CertificateStoreMaxLength", lambda: str(rules.most_roots)),
                Key(AUTHORIZATION_KEY, lambda: None, act=self._keys.set_password),
                Key(SECURITY_PROFILE, self._keys.profile, act=self._keys.set_profile),
            ]
        return found

    # ---- triggers -----------------------------------------------------------------------------------------------------------

    def plain(self, message: str) -> Now | None:
        """The status messages of TriggerMessage; None for one that this station does not have."""
        if not self.manages:
            return None
        if message == "DiagnosticsStatusNotification":
            return self._diagnostics.plain_now
        return self._firmware.plain_now if self._firmware is not None else None

    def extended(self, message: str) -> Now | None:
        """The status messages of ExtendedTriggerMessage; None for one that this station does not have."""
        if message == "LogStatusNotification":
            return self._diagnostics.numbered_now
        return self._firmware.signed_now if self._firmware is not None else None

    async def ask_for_certificate(self) -> None:
        """SignCertificate, as soon as a key has been made."""
        await self._services.certificates.request()

    @property
    def can_sign(self) -> bool:
        """Whether a request may be sent: it names the operator, so there has to be one."""
        return bool(self._services.organisation)


def _telling(notices: Notices[N], message: Callable[[N], Request[Any] | None]) -> Chore:
    async def chore(send: Send) -> None:
        async def tell(notice: N) -> bool:
            request = message(notice)
            return True if request is None else await send(request)

        await notices.run(tell)

    return chore
