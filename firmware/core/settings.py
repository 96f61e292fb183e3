"""Settings: one typed definition each. Protocols give them their own names elsewhere; here they have an id, a type, a range.

Values travel as text (as every protocol writes them) and are kept parsed. What is stored wins over what the configuration
file gives, which wins over the default.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from firmware.core.quantities import MeasurandList, parse_measurands
from firmware.core.values import ACCEPTED, Outcome, Point, Result, rejected

T = TypeVar("T")


class BadSetting(ValueError):
    """A value that its setting does not allow. The text says what it does allow."""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """Definition of one setting. `unit` is s, Wh, %, times or empty; `restart` means it takes effect at the next start."""

    id: str
    default: T
    parse: Callable[[str], T]
    render: Callable[[T], str]
    unit: str = ""
    effect: str = ""
    restart: bool = False


def _parse_bool(text: str) -> bool:
    match text.strip().lower():
        case "true":
            return True
        case "false":
            return False
    raise BadSetting("expected true or false")


def boolean(name: str, default: bool, effect: str) -> Setting[bool]:
    """A setting that is true or false."""
    return Setting(name, default, _parse_bool, lambda value: "true" if value else "false", "", effect)


def integer(
    name: str, default: int, unit: str, effect: str, *, minimum: int = 0, maximum: int = 2**31 - 1
) -> Setting[int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        digits = text.strip()
        if not digits.removeprefix("-").isdecimal() or not digits.isascii():
            raise BadSetting("expected a whole number")
        value = int(digits)
        if not minimum <= value <= maximum:
            raise BadSetting(f"expected {minimum} to {maximum}")
        return value

    return Setting(name, default, parse, str, unit, effect)


def text(name: str, default: str, effect: str, *, max_length: int = 500) -> Setting[str]:
    """Free text of bounded length."""

    def parse(value: str) -> str:
        if len(value) > max_length:
            raise BadSetting(f"expected at most {max_length} characters")
        return value

    return Setting(name, default, parse, str, "", effect)


def choice(name: str, default: str, options: tuple[str, ...], effect: str) -> Setting[str]:
    """One of a few words."""

    def parse(value: str) -> str:
        if value not in options:
            raise BadSetting(f"expected one of {', '.join(options)}")
        return value

    return Setting(name, default, parse, str, "", effect)


def words(name: str, options: tuple[str, ...], effect: str) -> Setting[tuple[str, ...]]:
    """Some of a few words, at least one; all unless said otherwise. Case does not matter."""

    def parse(value: str) -> tuple[str, ...]:
        found = [item.strip().upper() for item in value.split(",")]
        if not found or not set(found) <= set(options):
            raise BadSetting(f"expected some of {', '.join(options)}")
        return tuple(option for option in options if option in found)

    return Setting(name, options, parse, lambda value: ",".join(word.capitalize() for word in value), "", effect)


def measurands(name: str, default: str, effect: str) -> Setting[MeasurandList]:
    """A list of quantities, each with an optional phase."""

    def parse(value: str) -> MeasurandList:
        try:
            return parse_measurands(value)
        except ValueError as error:
            raise BadSetting(str(error)) from None

    return Setting(name, parse(default), parse, lambda value: ",".join(str(item) for item in value), "", effect)


def points(name: str, default: frozenset[Point], effect: str) -> Setting[frozenset[Point]]:
    """A set of transaction points, at least one."""

    def parse(value: str) -> frozenset[Point]:
        try:
            found = frozenset(Point(item.strip()) for item in value.split(",") if item.strip())
        except ValueError as error:
            raise BadSetting(str(error)) from None
        if not found:
            raise BadSetting("expected at least one point")
        return found

    return Setting(name, default, parse, lambda value: ",".join(sorted(value)), "", effect)


def order(name: str, effect: str) -> Setting[tuple[int, ...]]:
    """Numbers from 1, each once, in an order; none unless said otherwise. Takes effect at the next start."""

    def parse(value: str) -> tuple[int, ...]:
        items = [item.strip() for item in value.split(",") if item.strip()]
        if not all(item.isascii() and item.isdecimal() and int(item) > 0 for item in items):
            raise BadSetting("expected numbers from 1")
        if len(set(items)) < len(items):
            raise BadSetting("a number comes twice")
        return tuple(int(item) for item in items)

    return Setting(name, (), parse, lambda value: ",".join(map(str, value)), "", effect, restart=True)


_ENERGY = "Energy.Active.Import.Register"

# Authorisation
AUTH_ENABLED = boolean("auth.enabled", True, "ask who wants to charge; without it every vehicle is served")
LOCAL_PRE_AUTHORIZE = boolean("auth.local-pre-authorize", False, "start at once with a token that list or cache know")
LOCAL_AUTHORIZE_OFFLINE = boolean("auth.local-offline", True, "let list and cache decide while offline")
OFFLINE_UNKNOWN = boolean("auth.offline-unknown", False, "let unknown tokens charge while offline")
AUTHORIZE_REMOTE = boolean("auth.authorize-remote", True, "check the token of a remote start like one at the reader")
CACHE_ENABLED = boolean("auth.cache-enabled", True, "remember what the central system said of tokens")
LIST_ENABLED = boolean("auth.list-enabled", True, "let the local list decide on tokens")
LIST_LIMIT = integer(
    "auth.list-limit", 1000, "times", "entries that the local list may have", minimum=1, maximum=100_000
)
LIST_UPDATE_LIMIT = integer(
    "auth.list-update-limit", 200, "times", "entries in one change of the local list", minimum=1
)
REMOTE_DISABLED = boolean("auth.remote-disabled", False, "never ask the central system; list and cache alone decide")
LIST_IS_FINAL = boolean("auth.list-is-final", False, "do not ask about a token that the list refuses")
CACHE_IS_FINAL = boolean("auth.cache-is-final", False, "do not ask about a token that the cache refuses")
CACHE_LIFETIME_S = integer("auth.cache-lifetime", 0, "s", "a cached token holds that names no end itself; 0 has none")
MASTER_GROUP = text("auth.master-group", "", "group whose tokens end every transaction and start none", max_length=36)
STOP_ON_INVALID = boolean("tx.stop-on-invalid", True, "end a transaction whose token turns out invalid")
MAX_ENERGY_ON_INVALID_WH = integer(
    "tx.max-energy-on-invalid", 0, "Wh", "energy still allowed after a token turns out invalid"
)
# Reservations
RESERVE_ENABLED = boolean("reservation.enabled", True, "take reservations")
RESERVE_ANY = boolean("reservation.any-evse", True, "take reservations for whichever EVSE is free")
# Charging profiles
PROFILE_MAX_STACK = integer("profile.max-stack-level", 10, "", "highest stack level of a profile")
PROFILE_MAX_PERIODS = integer("profile.max-periods", 24, "times", "periods in one schedule", minimum=1, maximum=1024)
PROFILE_MAX_INSTALLED = integer("profile.max-installed", 50, "times", "profiles kept", minimum=1, maximum=1000)
PROFILE_UNITS = words("profile.units", ("CURRENT", "POWER"), "units that limits may have")
OFFLINE_CURRENT_AFTER_S = integer("profile.offline-after", 0, "s", "offline until the offline current holds; 0 never")
OFFLINE_CURRENT_A = integer("profile.offline-current", 6, "A", "per EVSE while offline for long", maximum=80)
# Transactions
CONNECTION_TIMEOUT_S = integer("tx.connection-timeout", 60, "s", "time from token to plug; 0 waits for ever")
STOP_ON_EV_DISCONNECT = boolean("tx.stop-on-ev-disconnect", True, "unplugging the vehicle ends the transaction")
UNLOCK_ON_EV_DISCONNECT = boolean("tx.unlock-on-ev-disconnect", True, "unplugging the vehicle unlocks the cable")
START_POINTS = points("tx.start-points", frozenset({Point.POWER_PATH_CLOSED}), "what starts a transaction")
STOP_POINTS = points(
    "tx.stop-points", frozenset({Point.EV_CONNECTED, Point.AUTHORIZED}), "what ends a transaction when it goes"
)
BEFORE_ACCEPTED = boolean(
    "tx.before-accepted", False, "charge although no central system has ever accepted this station"
)
AFTER_POWER_LOSS = choice("tx.after-power-loss", "resume", ("resume", "close"), "open transactions found at start-up")
# Meter values
SAMPLE_INTERVAL_S = integer("meter.sample-interval", 60, "s", "between samples of a transaction; 0 off")
SAMPLED = measurands("meter.sampled", _ENERGY, "quantities sampled during a transaction")
STARTED_SAMPLED = measurands("meter.started-sampled", _ENERGY, "quantities told with the start of a transaction")
ENDED_SAMPLED = measurands("meter.ended-sampled", "", "quantities sampled for the end of a transaction")
ALIGNED_INTERVAL_S = integer("meter.aligned-interval", 0, "s", "between clock-aligned values, from midnight UTC; 0 off")
ALIGNED = measurands("meter.aligned", _ENERGY, "quantities of clock-aligned values")
ENDED_ALIGNED = measurands("meter.ended-aligned", "", "clock-aligned quantities for the end of a transaction")
WITH_EACH_SAMPLE = -1
ENDED_INTERVAL_S = integer(
    "meter.ended-interval",
    WITH_EACH_SAMPLE,
    "s",
    "between samples for the end of a transaction; 0 none, -1 with each sample",
    minimum=WITH_EACH_SAMPLE,
)
ENDED_MAX_VALUES = integer(
    "meter.ended-max-values", 100, "times", "readings told at the end of a transaction", minimum=2
)
# Communication
HEARTBEAT_INTERVAL_S = integer("link.heartbeat-interval", 300, "s", "of silence before a heartbeat", minimum=1)
PING_INTERVAL_S = integer("link.ping-interval", 60, "s", "between WebSocket pings; 0 off")
# One central system holds back its answers for 30.0 s, so the default is above that.
MESSAGE_TIMEOUT_S = integer("link.message-timeout", 35, "s", "to wait for an answer", minimum=1)
TRANSACTION_ATTEMPTS = integer("queue.attempts", 3, "times", "a refused transaction message is sent")
TRANSACTION_RETRY_S = integer("queue.retry-interval", 60, "s", "before a retry, times the attempts made")
RETRY_WAIT_S = integer("link.retry-wait", 10, "s", "to wait before dialling again, at first", maximum=86_400)
RETRY_DOUBLINGS = integer("link.retry-doublings", 5, "times", "that wait is doubled", maximum=16)
RETRY_RANDOM_S = integer("link.retry-random", 10, "s", "at most, at random, on top of each wait", maximum=86_400)
ATTEMPTS_PER_WAY = integer("link.attempts-per-way", 3, "times", "a way is tried before the next", minimum=1)
WAYS = order(
    "link.ways", "numbers of the ways to the central system that are tried, in this order; none: as configured"
)
OFFLINE_THRESHOLD_S = integer("link.offline-threshold", 60, "s", "offline after which every status is told anew")
# Behaviour at the pole
CENTRAL_TIME = boolean("clock.central-time", True, "set the clock by the central system where nothing better does")
MINIMUM_STATUS_S = integer("status.minimum-duration", 0, "s", "a status must last before it is told")
RESET_RETRIES = integer("reset.retries", 1, "times", "a failed reset is tried again")
SELF_TEST_INTERVAL_S = integer(
    "protection.self-test-interval", 86_400, "s", "between self-tests while no vehicle is there; 0 before charges only"
)
LOST_DEVICE_GRACE_S = integer(
    "protection.lost-device-grace", 20, "s", "for which a device may be gone before its transaction ends", maximum=300
)
BLINK_REPEAT = integer("lamp.blink-repeat", 3, "times", "the lamp blinks to give a sign", maximum=100)
LIGHT_INTENSITY = integer("lamp.intensity", 100, "%", "brightness of the lamp", maximum=100)
ORGANISATION = text("security.organisation", "", "who operates the station, as its certificate says", max_length=64)
PHASE_ROTATION = text("supply.phase-rotation", "", "how the phases are wired, per connector")

AnySetting = Setting[Any]

ALL: tuple[AnySetting, ...] = tuple(value for value in dict(globals()).values() if isinstance(value, Setting))
BY_ID: dict[str, AnySetting] = {setting.id: setting for setting in ALL}


class Settings:
    """The present values. Reading is typed by the definition: `settings[HEARTBEAT_INTERVAL_S]` is an int."""

    def __init__(self, initial: Mapping[str, str] | None = None) -> None:
        """`initial` maps ids to text; raises BadSetting naming the id."""
        self._values: dict[str, object] = {setting.id: setting.default for setting in ALL}
        for name, value in (initial or {}).items():
            self._values[name] = self._parse(name, value)

    def __getitem__(self, setting: Setting[T]) -> T:
        return self._values[setting.id]  # type: ignore[return-value]

    def text(self, setting: Setting[T]) -> str:
        """The present value as text."""
        return setting.render(self[setting])

    def set(self, setting: Setting[T], value: str) -> Outcome:
        """Take a new value. Anything that the definition does not allow is refused and changes nothing."""
        try:
            parsed = self._parse(setting.id, value)
        except BadSetting as error:
            return rejected("InvalidValue", str(error))
        self._values[setting.id] = parsed
        return Outcome(Result.REBOOT_REQUIRED) if setting.restart else ACCEPTED

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for setting in ALL:
            yield setting.id, self.text(setting)

    @staticmethod
    def _parse(name: str, value: str) -> object:
        try:
            return BY_ID[name].parse(value)
        except KeyError:
            raise BadSetting(f"no setting {name!r}") from None
        except BadSetting as error:
            raise BadSetting(f"{name}: {error}") from None
