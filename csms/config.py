"""The settings of a central system."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from csms.core.policy import Policy
from csms.passwords import check_hash

SPOKEN = ("ocpp2.0.1", "ocpp1.6")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class StationConfig:
    """One station that may connect. Without a password hash (see `passwords`) it needs no password.

    `common_name` is the one in its TLS certificate, where that is not its identity (2.0.1 part 2, A00.FR.506).
    """

    password_hash: str | None = field(default=None, repr=False)
    common_name: str | None = None

    def __post_init__(self) -> None:
        if self.password_hash is not None:
            check_hash(self.password_hash)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one central system takes. Beyond it a newcomer is turned away, and nobody who is in suffers."""

    connections: int = 2_000
    connections_per_address: int = 1_000
    messages_per_s: float | None = None  # of one station, on average; what comes faster is read later
    messages_at_once: int = 100  # so many may come at any speed
    stations: int = 10_000  # identities ever met, in open mode
    message_bytes: int = 1024 * 1024
    waiting_messages: int = 256  # unsent messages to one station; with more it is taken for dead
    retry_after_s: int = 30  # told to those who were turned away


@dataclass(frozen=True, slots=True)
class FilesConfig:
    """A small HTTP file endpoint: firmware to download, logs to upload; see `files`. The key is part of every URL."""

    directory: Path
    key: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("the file endpoint needs a key: anybody could fill the disk otherwise")


@dataclass(frozen=True, slots=True)
class CsmsConfig:
    """Where to listen, whom to admit, how to behave. Port 0 takes any free port."""

    host: str = "127.0.0.1"
    port: int = 0
    api_host: str | None = "127.0.0.1"  # None: no HTTP API
    api_port: int = 0
    api_token: str | None = field(default=None, repr=False)  # needed for an API that is not on loopback
    files: FilesConfig | None = None  # None: no file endpoint
    protocols: tuple[str, ...] = SPOKEN  # in order of preference; the server's preference wins
    stations: Mapping[str, StationConfig] | None = None  # None: open, whoever connects is admitted
    security_profile: int | None = None  # what every station must use; None: what its own settings ask for
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    handler_timeout_s: float = 30.0  # for asynchronous handlers
    command_timeout_s: float = 30.0  # when a command names none
    idle_timeout_s: float | None = None  # close a connection on which no message came for so long
    close_timeout_s: float = 0.4
    faults_seed: int | None = None  # misbehave towards every station, as this seed has it
    drain_s: float = 0.0  # over how long connections are closed at the end, so that not all come back at once

    def __post_init__(self) -> None:
        unknown = [protocol for protocol in self.protocols if protocol not in SPOKEN]
        if unknown or not self.protocols:
            raise ValueError(f"protocols {self.protocols!r}: name one or more of {', '.join(SPOKEN)}")
        if self.security_profile not in (None, 0, 1, 2, 3):
            raise ValueError(f"security profile {self.security_profile}: OCPP has 0 (none), 1, 2 and 3")
        if self.security_profile in (1, 2):
            bare = [name for name, each in (self.stations or {}).items() if each.password_hash is None]
            if self.stations is None or bare:
                raise ValueError(f"security profile {self.security_profile} needs a password hash for each station")
        if self.api_host not in (None, *LOOPBACK) and not self.api_token:
            raise ValueError(
                f"an API on {self.api_host} is open to others: give it a token (api_token), or use 127.0.0.1"
            )
