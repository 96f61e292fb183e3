"""What a translator sees of the services. They are put together in `services`, which knows the whole program; translators do not."""

from typing import Final, Protocol

from firmware.services.certificates.desk import CertificateDesk
from firmware.services.security_events import SecurityEvents
from firmware.services.updates import FirmwareUpdates
from firmware.services.uploads import Uploads

FIRMWARE: Final = "FirmwareManagement"
SECURITY: Final = "Security"


class Access(Protocol):
    """The link, whose security settings may be changed. It answers over the old connection first, and then dials anew."""

    @property
    def security_profile(self) -> int:
        """In force, or on trial."""

    def ask_profile(self, profile: int) -> str | None:
        """Dial with a higher profile; returns why not."""

    def ask_password(self, password: bytes) -> None:
        """Dial with a new password."""


class Offer(Protocol):
    """The services of a station. `profiles` are the profiles that are switched on."""

    profiles: frozenset[str]
    events: SecurityEvents
    uploads: Uploads
    certificates: CertificateDesk
    updates: FirmwareUpdates | None

    @property
    def access(self) -> Access:
        """The link; there is one once the program has been put together."""

    @property
    def organisation(self) -> str:
        """Who operates the station."""

    @property
    def takes_unsigned(self) -> bool:
        """Whether firmware without a signature is installed."""
