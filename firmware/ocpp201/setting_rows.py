"""The variables of OCPP 2.0.1 that are settings of the core: the same settings that the keys of OCPP 1.6 point to.

Source: edition 3, appendices, "Referenced Components and Variables". Nothing here loads message models, so that the configuration
file can be read without them.
"""

from dataclasses import dataclass
from typing import Literal

from firmware.core import settings as st
from firmware.core.settings import AnySetting
from firmware.core.values import Point

Kind = Literal["string", "decimal", "integer", "dateTime", "boolean", "OptionList", "SequenceList", "MemberList"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be: bounds of a number, or of a text's length. `values` are the items a list may hold."""

    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()


NO_LIMITS = Limits()

# No energy flows before its start is on disk, so that its flow cannot be what starts a transaction. There is no sensor in the bay.
START_POINTS = (Point.EV_CONNECTED, Point.AUTHORIZED, Point.POWER_PATH_CLOSED)
STOP_POINTS = (*START_POINTS, Point.ENERGY_TRANSFER)


@dataclass(frozen=True, slots=True)
class Row:
    """One variable that is a setting."""

    component: str
    name: str
    kind: Kind
    setting: AnySetting
    instance: str | None = None
    unit: str | None = None
    limits: Limits = NO_LIMITS
    readonly: bool = False

    @property
    def path(self) -> str:
        """The variable's name as the configuration file has it."""
        return f"{self.component}.{self.name}" + (f"[{self.instance}]" if self.instance else "")


_ANY = Limits(minimum=0)
_POSITIVE = Limits(minimum=1)

SETTINGS: tuple[Row, ...] = (
    Row("OCPPCommCtrlr", "HeartbeatInterval", "integer", st.HEARTBEAT_INTERVAL_S, unit="s", limits=_POSITIVE),
    Row("OCPPCommCtrlr", "MessageTimeout", "integer", st.MESSAGE_TIMEOUT_S, "Default", "s", readonly=True),
    Row("OCPPCommCtrlr", "MessageAttempts", "integer", st.TRANSACTION_ATTEMPTS, "TransactionEvent", limits=_ANY),
    Row("OCPPCommCtrlr", "MessageAttemptInterval", "integer", st.TRANSACTION_RETRY_S, "TransactionEvent", "s", _ANY),
    Row("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "integer", st.ATTEMPTS_PER_WAY, limits=_POSITIVE),
    Row("OCPPCommCtrlr", "OfflineThreshold", "integer", st.OFFLINE_THRESHOLD_S, unit="s", limits=_ANY),
    Row("OCPPCommCtrlr", "ResetRetries", "integer", st.RESET_RETRIES, limits=_ANY),
    Row("OCPPCommCtrlr", "RetryBackOffWaitMinimum", "integer", st.RETRY_WAIT_S, unit="s", limits=_ANY),
    Row("OCPPCommCtrlr", "RetryBackOffRepeatTimes", "integer", st.RETRY_DOUBLINGS, limits=_ANY),
    Row("OCPPCommCtrlr", "RetryBackOffRandomRange", "integer", st.RETRY_RANDOM_S, unit="s", limits=_ANY),
    Row("OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "boolean", st.UNLOCK_ON_EV_DISCONNECT),
    Row("OCPPCommCtrlr", "WebSocketPingInterval", "integer", st.PING_INTERVAL_S, unit="s", limits=_ANY),
    Row("SecurityCtrlr", "OrganizationName", "string", st.ORGANISATION, limits=Limits(maximum=64)),
    Row("AuthCtrlr", "Enabled", "boolean", st.AUTH_ENABLED),
    Row("AuthCtrlr", "AuthorizeRemoteStart", "boolean", st.AUTHORIZE_REMOTE),
    Row("AuthCtrlr", "LocalAuthorizeOffline", "boolean", st.LOCAL_AUTHORIZE_OFFLINE),
    Row("AuthCtrlr", "LocalPreAuthorize", "boolean", st.LOCAL_PRE_AUTHORIZE),
    Row("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "boolean", st.OFFLINE_UNKNOWN),
    Row("AuthCtrlr", "DisableRemoteAuthorization", "boolean", st.REMOTE_DISABLED),
    Row("AuthCtrlr", "MasterPassGroupId", "string", st.MASTER_GROUP, limits=Limits(maximum=36)),
    Row("AuthCacheCtrlr", "Enabled", "boolean", st.CACHE_ENABLED),
    Row("AuthCacheCtrlr", "LifeTime", "integer", st.CACHE_LIFETIME_S, unit="s", limits=_ANY),
    Row("AuthCacheCtrlr", "DisablePostAuthorize", "boolean", st.CACHE_IS_FINAL),
    Row("LocalAuthListCtrlr", "Enabled", "boolean", st.LIST_ENABLED),
    Row("LocalAuthListCtrlr", "DisablePostAuthorize", "boolean", st.LIST_IS_FINAL),
    Row("LocalAuthListCtrlr", "ItemsPerMessage", "integer", st.LIST_UPDATE_LIMIT, readonly=True),
    Row("TxCtrlr", "EVConnectionTimeOut", "integer", st.CONNECTION_TIMEOUT_S, unit="s", limits=_ANY),
    Row("TxCtrlr", "StopTxOnEVSideDisconnect", "boolean", st.STOP_ON_EV_DISCONNECT),
    Row("TxCtrlr", "StopTxOnInvalidId", "boolean", st.STOP_ON_INVALID),
    Row("TxCtrlr", "MaxEnergyOnInvalidId", "integer", st.MAX_ENERGY_ON_INVALID_WH, unit="Wh", limits=_ANY),
    Row("TxCtrlr", "TxBeforeAcceptedEnabled", "boolean", st.BEFORE_ACCEPTED),
    Row("TxCtrlr", "TxStartPoint", "MemberList", st.START_POINTS, limits=Limits(values=START_POINTS)),
    Row("TxCtrlr", "TxStopPoint", "MemberList", st.STOP_POINTS, limits=Limits(values=STOP_POINTS)),
    Row("SampledDataCtrlr", "TxStartedMeasurands", "MemberList", st.STARTED_SAMPLED),
    Row("SampledDataCtrlr", "TxUpdatedMeasurands", "MemberList", st.SAMPLED),
    Row("SampledDataCtrlr", "TxEndedMeasurands", "MemberList", st.ENDED_SAMPLED),
    Row("SampledDataCtrlr", "TxUpdatedInterval", "integer", st.SAMPLE_INTERVAL_S, unit="s", limits=_ANY),
    Row("SampledDataCtrlr", "TxEndedInterval", "integer", st.ENDED_INTERVAL_S, unit="s", limits=_ANY),
    Row("AlignedDataCtrlr", "Measurands", "MemberList", st.ALIGNED),
    Row("AlignedDataCtrlr", "TxEndedMeasurands", "MemberList", st.ENDED_ALIGNED),
    Row("AlignedDataCtrlr", "Interval", "integer", st.ALIGNED_INTERVAL_S, unit="s", limits=_ANY),
)
MEASURAND_SETTINGS = frozenset(
    {st.STARTED_SAMPLED.id, st.SAMPLED.id, st.ENDED_SAMPLED.id, st.ALIGNED.id, st.ENDED_ALIGNED.id}
)


def initial_settings(variables: dict[str, str]) -> dict[str, str]:
    """Values of the configuration file's `[ocpp201]` table as settings. Raises ValueError naming a variable that is not one.

    A variable is named `Component.Variable`, with an instance `Component.Variable[Instance]`.
    """
    known = {row.path.casefold(): row.setting for row in SETTINGS}
    found: dict[str, str] = {}
    for name, value in variables.items():
        setting = known.get(name.casefold())
        if setting is None:
            raise ValueError(f"ocpp201.{name}: no variable that can be set")
        try:
            setting.parse(value)
        except st.BadSetting as error:
            raise ValueError(f"ocpp201.{name}: {error}") from None
        found[setting.id] = value
    return found
