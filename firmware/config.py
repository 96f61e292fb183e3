"""The configuration: command line beats environment (`WAYSIDE_SECTION_KEY`) beats file beats default.

Read once at start. Whatever is wrong with it is told in one line with the file, the key and the reason.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from firmware.errors import ConfigError
from hal.codecs.sntp import server_address
from ocpp_client.endpoint import endpoint_url

ENVIRONMENT_PREFIX = "WAYSIDE_"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Profile = Literal[
    "FirmwareManagement", "LocalAuthListManagement", "RemoteTrigger", "Reservation", "Security", "SmartCharging"
]


class StationTable(_Table):
    """`[station]`: who this station is and what it does on its own."""

    id: str = Field("CP001", min_length=1, max_length=48)
    vendor: str = Field("Wayside", min_length=1, max_length=50)
    model: str = Field("Charge point", min_length=1, max_length=20)
    serial_number: str | None = Field(None, max_length=25)
    box_serial_number: str | None = Field(None, max_length=25)
    charge_before_accepted: bool = False
    after_power_loss: Literal["resume", "close"] = "resume"
    profiles: tuple[Profile, ...] = get_args(Profile)  # what this station does beside charging itself


def _websocket_url(value: str) -> str:
    endpoint_url(value, "identity")
    return value


class EndpointTable(_Table):
    """`[[csms.endpoints]]`: one of several ways to the central system. The lower the priority, the earlier it is tried."""

    url: Annotated[str, AfterValidator(_websocket_url)]
    priority: int = Field(0, ge=0)
    interface: str | None = Field(None, min_length=1, max_length=15)
    proxy: str | None = Field(None, pattern=r"^https?://[^/@]+/?$")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.interface is not None and self.proxy is not None:
            raise ValueError("an endpoint goes through an interface or a proxy, not both")
        return self


class CsmsTable(_Table):
    """`[csms]`: the way to the central system. The identity is appended to the URL."""

    url: Annotated[str, AfterValidator(_websocket_url)] = "ws://127.0.0.1:9000/ocpp"
    endpoints: tuple[EndpointTable, ...] = Field((), max_length=8)
    attempts_per_endpoint: int = Field(3, ge=1)
    interface: str | None = Field(None, min_length=1, max_length=15)
    proxy: str | None = Field(None, pattern=r"^https?://[^/@]+/?$")
    cellular: bool | None = None
    security_profile: int = Field(0, ge=0, le=3)
    password: str | None = Field(None, repr=False)
    password_hex: str | None = Field(None, repr=False, pattern=r"^([0-9A-Fa-f]{2}){1,20}$")
    protocols: tuple[Literal["ocpp1.6", "ocpp2.0.1"], ...] = Field(
        ("ocpp1.6",), min_length=1
    )  # the preferred one first
    compression: bool = False
    accept_missing_subprotocol: bool | None = None
    pong_timeout_s: float = Field(20.0, gt=0)
    backoff_start_s: float = Field(2.0, ge=0.5)
    backoff_cap_s: float = Field(300.0, ge=1.0)
    max_message_bytes: int = Field(64 * 1024, ge=4096)
    max_received_bytes: int = Field(2 * 1024 * 1024, ge=64 * 1024)
    fragment_bytes: int = Field(32 * 1024, ge=1024)
    websocket: Literal["websockets", "micro"] = "websockets"
    ca_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None

    @property
    def ways(self) -> tuple[EndpointTable, ...]:
        """The endpoints; `url` is the only one where no list is given."""
        return self.endpoints or (EndpointTable(url=self.url, interface=self.interface, proxy=self.proxy),)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        profile = self.security_profile
        if profile in (1, 2) and self.password is None and self.password_hex is None:
            raise ValueError(f"security_profile {profile} needs password or password_hex")
        if profile >= 2 and not any(way.url.startswith("wss:") for way in self.ways):
            raise ValueError(f"security_profile {profile} needs a wss:// URL")
        if profile == 3 and self.client_certificate_file is None:
            raise ValueError("security_profile 3 needs client_certificate_file")
        if self.interface is not None and self.proxy is not None:
            raise ValueError("give interface or proxy, not both")
        if self.compression and self.websocket == "micro":
            raise ValueError('compression needs websocket = "websockets"')
        return self


class ClockTable(_Table):
    """`[clock]`: when wall time is believed enough to judge certificates by it."""

    policy: Literal["strict", "grace", "trust"] = "strict"
    grace_s: float = Field(600.0, ge=0)
    tolerance_days: float = Field(90.0, gt=0, le=3650)
    sntp_servers: tuple[str, ...] = Field((), max_length=8)

    @field_validator("sntp_servers")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for server in value:
            server_address(server)
        return value


class ControlTable(_Table):
    """`[control]`: the local API and page."""

    enabled: bool = True
    listen: str = "127.0.0.1:8080"
    token: str | None = Field(None, repr=False, min_length=16)
    page: bool | None = None  # None: on a mock board only
    certificate_file: Path | None = None  # PEM, the whole chain; with it the interface speaks TLS
    key_file: Path | None = None

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together; set both or neither")
        return self

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise ValueError("expected HOST:PORT")
        return value


class QueueTable(_Table):
    """`[queue]`: bounds of the journal."""

    max_rows: int = Field(100_000, ge=1000)
    max_bytes: int = Field(64 * 1024 * 1024, ge=1024 * 1024)
    max_age_days: float | None = Field(None, gt=0)  # of what nobody is billed by
    reserve_bytes: int = Field(16 * 1024 * 1024, ge=0)


class WatchdogTable(_Table):
    """`[watchdog]`: the machine's watchdog. The service manager's needs no key here: it says itself what it wants."""

    device: str | None = Field(None, min_length=1)
    timeout_s: int = Field(30, ge=10, le=300)


class ProtectionTable(_Table):
    """`[protection]`: what is done about protective and other devices beside what each driver does."""

    self_test_every_h: int = Field(24, ge=0, le=24 * 7)
    lost_device_grace_s: int = Field(20, ge=0, le=300)


class FirmwareTable(_Table):
    """`[firmware]`: how new firmware comes in."""

    charging: Literal["wait", "stop"] = "wait"
    proof_s: float = Field(1800.0, ge=60)
    unsigned: bool | None = None  # None: only without the profile Security
    max_bytes: int = Field(512 * 1024 * 1024, ge=1024)
    reserve_bytes: int = Field(32 * 1024 * 1024, ge=0)
    ca_file: str | None = None


class SecurityTable(_Table):
    """`[security]`: certificates and keys."""

    max_roots: int = Field(10, ge=1, le=100)
    additional_root_check: bool = False
    key_store: Literal["files", "pkcs11"] = "files"
    pkcs11_module: str | None = None
    pkcs11_token: str | None = None
    pkcs11_pin_file: str | None = None
    pkcs11_tls_file: str | None = None

    @model_validator(mode="after")
    def _token_is_named(self) -> Self:
        named = None not in (self.pkcs11_module, self.pkcs11_token, self.pkcs11_pin_file)
        if self.key_store == "pkcs11" and not named:
            raise ValueError('key_store = "pkcs11" needs pkcs11_module, pkcs11_token and pkcs11_pin_file')
        return self


class LogTable(_Table):
    """`[log]`: how much is told."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Table):
    """The whole configuration."""

    station: StationTable = StationTable()
    csms: CsmsTable = CsmsTable()
    clock: ClockTable = ClockTable()
    control: ControlTable = ControlTable()
    queue: QueueTable = QueueTable()
    watchdog: WatchdogTable = WatchdogTable()
    protection: ProtectionTable = ProtectionTable()
    firmware: FirmwareTable = FirmwareTable()
    security: SecurityTable = SecurityTable()
    log: LogTable = LogTable()
    board: str = "mock"
    ocpp16: dict[str, str] = Field(default_factory=dict)
    ocpp201: dict[str, str] = Field(default_factory=dict)
    vendors: dict[str, str] = Field(default_factory=dict)

    @field_validator("ocpp16", "ocpp201", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: _text(item) for key, item in value.items()}

    def initial_settings(self) -> dict[str, str]:
        """Start values of settings. Raises ValueError naming the key."""
        initial = {
            "tx.after-power-loss": self.station.after_power_loss,
            "tx.before-accepted": "true" if self.station.charge_before_accepted else "false",
            "link.attempts-per-way": str(self.csms.attempts_per_endpoint),
            "protection.self-test-interval": str(self.protection.self_test_every_h * 3600),
            "protection.lost-device-grace": str(self.protection.lost_device_grace_s),
        }
        if self.ocpp16:
            from firmware.ocpp16.configuration import initial_settings  # noqa: PLC0415 - only for a station that has such keys

            initial |= initial_settings(self.ocpp16)
        if self.ocpp201:
            from firmware.ocpp201 import setting_rows  # noqa: PLC0415 - likewise

            initial |= setting_rows.initial_settings(self.ocpp201)
        return initial


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return value


def load_config(
    path: Path | None, *, environment: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> Config:
    """Read the configuration. `overrides` maps `section.key` to text. Raises ConfigError."""
    source = str(path) if path is not None else "configuration"
    document: dict[str, Any] = {}
    if path is not None:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{source}: cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{source}: not TOML: {error}") from None
    origin: dict[str, str] = {}
    for name, value in _from_environment(environment).items():
        _put(document, name, value)
        origin[name] = f"environment {ENVIRONMENT_PREFIX}{name.replace('.', '_').upper()}"
    for name, value in (overrides or {}).items():
        _put(document, name, value)
        origin[name] = "command line"
    try:
        config = Config.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(piece) for piece in first["loc"])
        where = origin.get(".".join(str(piece) for piece in first["loc"][:2]), source)
        reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{where}: {key}: {reason}") from None
    try:
        config.initial_settings()
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from None
    return config


def _sections() -> dict[str, type[BaseModel]]:
    return {
        name: field.annotation
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for section, model in _sections().items():
        for key in model.model_fields:
            value = environment.get(f"{ENVIRONMENT_PREFIX}{section}_{key}".upper())
            if value is not None:
                found[f"{section}.{key}"] = value
    if (board := environment.get(f"{ENVIRONMENT_PREFIX}BOARD")) is not None:
        found["board"] = board
    return found


def _put(document: dict[str, Any], name: str, value: str) -> None:
    """Set a key from text: what reads as JSON and is not a string field is taken as such."""
    section, _, key = name.rpartition(".")
    table = document.setdefault(section, {}) if section else document
    if not isinstance(table, dict):
        raise ConfigError(f"{name}: {section} is not a table")
    model = _sections().get(section)
    annotation = str(model.model_fields[key].annotation) if model is not None and key in model.model_fields else "str"
    if "tuple" in annotation and not value.lstrip().startswith("["):
        table[key] = [item.strip() for item in value.split(",") if item.strip()]
    elif "str" in annotation or "Literal" in annotation:
        table[key] = value
    else:
        try:
            table[key] = json.loads(value)
        except ValueError:
            table[key] = value
