"""Configuration keys of OCPP 1.6 (edition 2, section 9, with errata): names that point to the core's settings.

A key is either a view of a setting or a value computed from the station. Keys compare without regard to case. What a key may not
do is refused before the setting sees it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firmware.core import settings as st
from firmware.core.quantities import MeasurandList, parse_measurands
from firmware.core.settings import AnySetting
from firmware.core.station import Station
from firmware.core.values import Outcome, Result, rejected
from ocpp_client.v16.core import KeyValue

MAX_VALUE = 500
MEASURAND_KEYS = (st.SAMPLED, st.ALIGNED, st.ENDED_SAMPLED, st.ENDED_ALIGNED)

# Standard key -> setting, for keys the central system may write. BlinkRepeat and LightIntensity are optional and left out: the
# contract of a lamp knows signs only, and a key that does nothing would claim a function that is not there. The two keys of the current
# while offline are our own.
WRITABLE: dict[str, AnySetting] = {
    "AllowOfflineTxForUnknownId": st.OFFLINE_UNKNOWN,
    "AuthorizationCacheEnabled": st.CACHE_ENABLED,
    "AuthorizeRemoteTxRequests": st.AUTHORIZE_REMOTE,
    "ClockAlignedDataInterval": st.ALIGNED_INTERVAL_S,
    "ConnectionTimeOut": st.CONNECTION_TIMEOUT_S,
    "ConnectorPhaseRotation": st.PHASE_ROTATION,
    "CpoName": st.ORGANISATION,
    "HeartbeatInterval": st.HEARTBEAT_INTERVAL_S,
    "LocalAuthListEnabled": st.LIST_ENABLED,
    "LocalAuthorizeOffline": st.LOCAL_AUTHORIZE_OFFLINE,
    "LocalPreAuthorize": st.LOCAL_PRE_AUTHORIZE,
    "MaxEnergyOnInvalidId": st.MAX_ENERGY_ON_INVALID_WH,
    "MessageTimeout": st.MESSAGE_TIMEOUT_S,
    "MeterValuesAlignedData": st.ALIGNED,
    "MeterValuesSampledData": st.SAMPLED,
    "MeterValueSampleInterval": st.SAMPLE_INTERVAL_S,
    "MinimumStatusDuration": st.MINIMUM_STATUS_S,
    "OfflineChargingCurrent": st.OFFLINE_CURRENT_A,
    "OfflineChargingCurrentAfter": st.OFFLINE_CURRENT_AFTER_S,
    "ResetRetries": st.RESET_RETRIES,
    "StopTransactionOnEVSideDisconnect": st.STOP_ON_EV_DISCONNECT,
    "StopTransactionOnInvalidId": st.STOP_ON_INVALID,
    "StopTxnAlignedData": st.ENDED_ALIGNED,
    "StopTxnSampledData": st.ENDED_SAMPLED,
    "TransactionMessageAttempts": st.TRANSACTION_ATTEMPTS,
    "TransactionMessageRetryInterval": st.TRANSACTION_RETRY_S,
    "UnlockConnectorOnEVSideDisconnect": st.UNLOCK_ON_EV_DISCONNECT,
    "WebSocketPingInterval": st.PING_INTERVAL_S,
}
# Keys that the configuration file may set and the central system can only read.
READ_ONLY: dict[str, AnySetting] = {
    "ChargeProfileMaxStackLevel": st.PROFILE_MAX_STACK,
    "ChargingScheduleAllowedChargingRateUnit": st.PROFILE_UNITS,
    "ChargingScheduleMaxPeriods": st.PROFILE_MAX_PERIODS,
    "LocalAuthListMaxLength": st.LIST_LIMIT,
    "MaxChargingProfilesInstalled": st.PROFILE_MAX_INSTALLED,
    "ReserveConnectorZeroSupported": st.RESERVE_ANY,
    "SendLocalListMaxLength": st.LIST_UPDATE_LIMIT,
    "StopTransactionMaxMeterValues": st.ENDED_MAX_VALUES,
}
# Keys of a feature profile: not there without it.
OF_PROFILE: dict[str, tuple[str, ...]] = {
    "LocalAuthListManagement": ("LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"),
    "Reservation": ("ReserveConnectorZeroSupported",),
    "SmartCharging": (
        "ChargeProfileMaxStackLevel",
        "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods",
        "ConnectorSwitch3to1PhaseSupported",
        "MaxChargingProfilesInstalled",
    ),
}

OF_SECURITY: tuple[str, ...] = ("CpoName",)


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key as this station has it. Without a setting and an act it is read-only; a value of None is not told."""

    name: str
    value: Callable[[], str | None]
    setting: AnySetting | None = None
    act: Callable[[str], Outcome] | None = None

    @property
    def readonly(self) -> bool:
        """Whether only the station changes it."""
        return self.setting is None and self.act is None


class Configuration:
    """The keys of this station."""

    def __init__(
        self,
        station: Station,
        *,
        profiles: tuple[str, ...],
        quantities: frozenset[str],
        lists_limit: int = 40,
        secures: bool = False,
        more: Sequence[Key] = (),
    ) -> None:
        """`profiles` are the feature profiles that are switched on, `quantities` what the meters can tell. `secures`: the security
        whitepaper is, which is no profile. `more` are keys that are no settings."""
        self._station = station
        self._quantities = quantities
        self._limit = lists_limit
        count = len(station.evses)
        self.profiles = profiles
        keys = [Key(name, self._reader(setting), setting) for name, setting in WRITABLE.items()]
        fixed = {
            "ConnectorSwitch3to1PhaseSupported": "false",
            "ConnectorPhaseRotationMaxLength": str(count + 1),
            "GetConfigurationMaxKeys": "100",
            "MeterValuesAlignedDataMaxLength": str(lists_limit),
            "MeterValuesSampledDataMaxLength": str(lists_limit),
            "NumberOfConnectors": str(count),
            "StopTxnAlignedDataMaxLength": str(lists_limit),
            "StopTxnSampledDataMaxLength": str(lists_limit),
            "SupportedFeatureProfiles": ",".join(profiles),
        }
        keys += [Key(name, self._reader(setting)) for name, setting in READ_ONLY.items()]
        keys += [Key(name, _always(value)) for name, value in fixed.items()]
        keys += more
        absent = {name for profile, names in OF_PROFILE.items() if profile not in profiles for name in names}
        if not secures:
            absent |= set(OF_SECURITY)
        self._keys = {key.name.casefold(): key for key in keys if key.name not in absent}
        if all(evse.spec.fixed_cable for evse in station.evses.values()):
            # A fixed cable has nothing to unlock: the key is there, false, and cannot be changed (errata).
            name = "UnlockConnectorOnEVSideDisconnect"
            self._keys[name.casefold()] = Key(name, lambda: "false")
        if not station.settings[st.PHASE_ROTATION]:
            default = ",".join(f"{number}.{'RST' if number else 'Unknown'}" for number in (0, *station.evses))
            self._rotation_default = default
        else:
            self._rotation_default = ""

    def _reader(self, setting: AnySetting) -> Callable[[], str]:
        def read() -> str:
            value = self._station.settings.text(setting)
            return self._rotation_default if setting is st.PHASE_ROTATION and not value else value

        return read

    def names(self) -> list[str]:
        """Every key, in alphabetical order."""
        return sorted(key.name for key in self._keys.values())

    def get(self, name: str) -> KeyValue | None:
        """A key with its value; None for an unknown one."""
        key = self._keys.get(name.casefold())
        if key is None:
            return None
        value = key.value()
        return KeyValue(key=key.name, readonly=key.readonly, value=None if value is None else value[:MAX_VALUE])

    def change(self, name: str, value: str) -> Outcome:
        """Set a key. NOT_SUPPORTED for an unknown one, REJECTED for one that is read-only or a value that does not fit."""
        key = self._keys.get(name.casefold())
        if key is None:
            return Outcome(Result.NOT_SUPPORTED, "UnknownKey")
        if key.act is not None:
            return key.act(value)
        if key.setting is None:
            return rejected("ReadOnly")
        problem = self._problem(key.setting, value)
        if problem is not None:
            return rejected("InvalidValue", problem)
        return self._station.set_setting(key.setting, value)

    def _problem(self, setting: AnySetting, value: str) -> str | None:
        if setting in MEASURAND_KEYS:
            return self._measurand_problem(value)
        if setting is st.PHASE_ROTATION:
            return self._rotation_problem(value)
        return None

    def _measurand_problem(self, value: str) -> str | None:
        try:
            wanted: MeasurandList = parse_measurands(value)
        except ValueError as error:
            return str(error)
        if len(value.split(",")) > self._limit:  # also of those that come twice
            return f"more than {self._limit} items"
        missing = [str(item) for item in wanted if item.quantity not in self._quantities or not item.measured]
        return f"the meter does not tell {missing[0]}" if missing else None

    def _rotation_problem(self, value: str) -> str | None:
        rotations = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
        left = {str(number) for number in (0, *self._station.evses)}
        for item in filter(None, (part.strip() for part in value.split(","))):
            number, _, rotation = item.partition(".")
            if number not in left or rotation not in rotations:
                return f"no rotation {item!r}, or not the first for its connector"
            left.remove(number)
        return None


def _always(value: str) -> Callable[[], str]:
    return lambda: value


def initial_settings(keys: dict[str, str]) -> dict[str, str]:
    """Values of the configuration file's `[ocpp16]` table as settings. Raises ValueError naming a key that is not one."""
    known = {name.casefold(): setting for name, setting in (WRITABLE | READ_ONLY).items()}
    found: dict[str, str] = {}
    for name, value in keys.items():
        setting = known.get(name.casefold())
        if setting is None:
            raise ValueError(f"ocpp16.{name}: no configuration key that can be set")
        try:
            setting.parse(value)
        except st.BadSetting as error:
            raise ValueError(f"ocpp16.{name}: {error}") from None
        found[setting.id] = value
    return found
