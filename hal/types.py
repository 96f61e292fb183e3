"""Values that cross the hardware seam: frozen, with units in their names, unknown as `None`.

Energy is an integer number of milliwatt hours so that sums are exact; everything else that a meter measures is a float in SI
units. No value here is ever 0 because it is unknown.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum

PHASES = 3


class PilotState(StrEnum):
    """Vehicle state on the control pilot (IEC 61851-1, table A.2), and the states a controller adds to it."""

    A = "A"  # no vehicle
    B = "B"  # vehicle connected, does not ask for energy
    C = "C"  # vehicle asks for energy
    D = "D"  # vehicle asks for energy, needs ventilation
    E = "E"  # pilot shorted or EVSE without supply
    F = "F"  # EVSE not available
    UNKNOWN = "?"

    @property
    def vehicle_connected(self) -> bool:
        """True when a vehicle is seen at the other end of the cable."""
        return self in _CONNECTED

    @property
    def asks_energy(self) -> bool:
        """True when the vehicle's contactors may be closed now. State D counts only where ventilation exists: not here."""
        return self is PilotState.C


_CONNECTED = frozenset({PilotState.B, PilotState.C, PilotState.D})


@dataclass(frozen=True, slots=True)
class PilotReading:
    """What the control pilot shows. `cable_at_station` is None for a fixed cable and for boards that cannot tell."""

    state: PilotState
    cable_at_station: bool | None = None
    cable_limit_a: float | None = None  # from the proximity resistor, where the board reads it


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One look at a meter. Per-phase tuples have one entry per phase that the meter has, L1 first.

    Energies are register values as the meter shows them: never rebased, never reset by us.
    """

    import_mwh: int | None = None  # active energy towards the vehicle, milliwatt hours
    export_mwh: int | None = None  # active energy from the vehicle
    reactive_import_mvarh: int | None = None
    reactive_export_mvarh: int | None = None
    power_w: float | None = None  # positive towards the vehicle
    power_per_phase_w: tuple[float | None, ...] = ()
    reactive_power_var: float | None = None
    current_a: tuple[float | None, ...] = ()
    voltage_v: tuple[float | None, ...] = ()
    power_factor: float | None = None
    frequency_hz: float | None = None
    temperature_c: float | None = None
    soc_percent: float | None = None  # only where the vehicle tells it


@dataclass(frozen=True, slots=True)
class SignedReading:
    """A reading signed by the meter, as text in the meter's own format (OCMF for most)."""

    text: str
    format: str = "OCMF"
    public_key: str | None = None


class TokenKind(StrEnum):
    """How a token was read."""

    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    KEY_CODE = "KeyCode"
    MAC_ADDRESS = "MacAddress"
    OTHER = "Other"


@dataclass(frozen=True, slots=True)
class TokenRead:
    """A token presented at a reader. `value` is upper-case hexadecimal for cards, byte 0 first; it never goes to a log whole."""

    value: str = field(repr=False)
    kind: TokenKind = TokenKind.ISO14443
    evses: tuple[int, ...] = ()  # the EVSEs this reader serves; empty means all


class LockState(StrEnum):
    """Position of a connector lock."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    JAMMED = "jammed"
    UNKNOWN = "unknown"


class FaultCode(StrEnum):
    """What a device can find wrong. The names are the field's; translators map them to their protocol's words."""

    GROUND_FAULT = "ground-fault"
    DIODE = "diode"  # pilot diode of the vehicle missing or shorted
    OVER_TEMPERATURE = "over-temperature"
    WELDED_CONTACTOR = "welded-contactor"
    CONTACTOR_STUCK_OPEN = "contactor-stuck-open"
    LEAKAGE = "leakage"  # residual direct current above 6 mA
    LEAKAGE_SENSOR = "leakage-sensor"  # self-test of the sensor failed
    LOCK_JAMMED = "lock-jammed"
    METER_SILENT = "meter-silent"
    READER_LOST = "reader-lost"
    PILOT_LOST = "pilot-lost"
    OVER_CURRENT = "over-current"
    OVER_VOLTAGE = "over-voltage"
    UNDER_VOLTAGE = "under-voltage"
    POWER_LOSS = "power-loss"  # mains gone, controller on backup
    EMERGENCY_STOP = "emergency-stop"
    DOOR_OPEN = "door-open"
    NO_GROUND = "no-ground"
    DEVICE_LOST = "device-lost"  # gone a moment ago; what its loss amounts to is told when it stays away
    VENTILATION = "ventilation"  # state D without ventilation
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault raised or cleared by a device. `vendor_code` is the device's own word for it."""

    code: FaultCode
    active: bool
    text: str = ""
    vendor_code: str | None = None


class LampSign(Enum):
    """What the driver at the pole should understand from light and sound."""

    OFF = "off"
    AVAILABLE = "available"
    PREPARING = "preparing"
    CHARGING = "charging"
    PAUSED = "paused"
    FINISHED = "finished"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULT = "fault"
    TOKEN_ACCEPTED = "token-accepted"
    TOKEN_REFUSED = "token-refused"
    TOKEN_WAITING = "token-waiting"


@dataclass(frozen=True, slots=True)
class ModemStatus:
    """What a modem knows of itself. `signal_dbm` is the received strength; registration in the words of 3GPP TS 27.007."""

    registered: bool | None = None
    roaming: bool | None = None
    operator: str | None = None
    technology: str | None = None
    signal_dbm: int | None = None
    address: str | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class SimIdentity:
    """Numbers of the SIM card in the modem."""

    iccid: str | None = None
    imsi: str | None = None


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """The operating system's view of the network: `changes` counts address and route changes since start."""

    up: bool
    interface: str | None = None
    addresses: tuple[str, ...] = ()
    changes: int = 0


class TimeTrust(StrEnum):
    """How far wall time can be believed, lowest first."""

    UNKNOWN = "unknown"
    FLOOR = "floor"  # not before the newest time we can prove has passed
    CSMS = "csms"  # set from the central system's answer
    SYNCHRONISED = "synchronised"  # a time source the operating system trusts

    @property
    def usable(self) -> bool:
        """True when a time of this trust may be written into a record that a bill is made from."""
        return self in {TimeTrust.CSMS, TimeTrust.SYNCHRONISED}


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment as the station knows it: monotonic seconds of one boot, and wall time (POSIX seconds) as far as it is trusted.

    `wall_s` is None while the clock is known to be wrong; `boot` tells two boots' monotonic times apart.
    """

    monotonic_s: float
    boot: str
    wall_s: float | None = None
    trust: TimeTrust = TimeTrust.UNKNOWN
