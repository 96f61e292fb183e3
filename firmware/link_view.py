"""What a central system is told of the link, and may change about it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from firmware.config import Config

if TYPE_CHECKING:
    from firmware.connection import Connection


class ConfiguredLink:
    """The link as the configuration file describes it, with what has become of it since."""

    def __init__(self, config: Config, connection: "Callable[[], Connection]") -> None:
        """`connection` is asked for when it is needed: it is made last."""
        self._config = config
        self._connection = connection
        self._ways = sorted(config.csms.ways, key=lambda way: way.priority)

    @property
    def identity(self) -> str:
        """The station's name towards the central system."""
        return self._config.station.id

    @property
    def security_profile(self) -> int:
        """0 to 3."""
        return self._connection().access.current.profile

    @property
    def slots(self) -> int:
        """Ways to the central system that are configured."""
        return len(self._ways)

    @property
    def active_slot(self) -> int:
        """The way in use, from 1."""
        host = self._connection().endpoint.url.partition(":")[2]
        return next((place for place, way in enumerate(self._ways, start=1) if way.url.partition(":")[2] == host), 1)

    def fits(self, slot: int) -> bool:
        """Whether a way can be used with the security profile that is in force."""
        access = self._connection().access.current
        return access.profile == 0 or self._ways[slot - 1].url.startswith("wss:") is access.tls

    def ask_password(self, password: bytes) -> None:
        """Dial with a new password from the next connection on, and begin that one."""
        self._connection().ask_password(password)
