"""What people tell the world in JSON or TOML: pydantic at its edge. Defaults mean "left out"; ranges are those of the world."""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hal.mock.cable import End
from hal.mock.car import CarSpec
from hal.mock.errors import BadBody
from hal.mock.modem import RecoveryStep
from hal.mock.network import NetworkMode
from hal.mock.supply import Supply
from hal.types import FaultCode, PilotState, TimeTrust, TokenKind

Volts = float | tuple[float, float, float]


class Body(BaseModel):
    """Strict: wrong types and unknown keys are refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    def given(self) -> dict[str, Any]:
        """The fields that somebody set, `None` included."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class CarBody(Body):
    """A vehicle: a preset by name, and what differs from it. Currents in amperes per phase."""

    preset: str | None = Field(default=None, description="name of a vehicle in the garage; `compact` when left out")
    battery_wh: float | None = None
    soc_percent: float | None = None
    target_percent: float | None = Field(default=None, description="where it stops asking for energy")
    phases: int | None = None
    max_current_a: float | None = None
    min_current_a: float | None = Field(default=None, description="draws nothing when offered less")
    taper_from_percent: float | None = Field(default=None, description="from here its current falls towards full")
    trickle_current_a: float | None = Field(default=None, description="what is left of it at 100 %")
    efficiency: float | None = None
    power_factor: float | None = None
    ask_delay_s: float | None = Field(default=None, description="from the offer to state C")
    draw_delay_s: float | None = Field(default=None, description="from power to the first current")
    ramp_s: float | None = Field(default=None, description="from the first current to the full one")
    reaction_s: float | None = Field(default=None, description="from a change of the offer until it follows")
    asks: bool | None = Field(default=None, description="false: never asks for energy")
    needs_ventilation: bool | None = None
    exceeds_by_a: float | None = Field(default=None, description="draws so much more than it is offered")
    tells_soc: bool | None = None

    def spec(self, garage: dict[str, CarSpec]) -> CarSpec:
        """The vehicle. Raises BadBody for a name that is not in the garage and for values that no vehicle has."""
        preset = self.preset or "compact"
        if preset not in garage:
            raise BadBody(f"there is no vehicle {preset!r}; there are: {', '.join(garage)}", "preset")
        given = {name: value for name, value in self.given().items() if value is not None and name not in _NO_SPEC}
        try:
            return replace(garage[preset], **given)
        except ValueError as error:
            raise BadBody(str(error), str(error).split(maxsplit=1)[0]) from None


_NO_SPEC = frozenset({"preset", "name"})


class SupplyBody(Body):
    """The mains: what is given changes, the rest stays."""

    voltage_v: Volts | None = Field(default=None, description="phase to neutral; one value, or one for each phase")
    frequency_hz: float | None = None
    mains: bool | None = Field(default=None, description="false: the mains are gone, the controller is on backup")
    background_a: float | None = Field(
        default=None, description="per phase, beside the vehicles; seen by the main meter"
    )
    noise_percent: float | None = Field(default=None, description="flicker of displayed voltages")
    noise_seed: int | None = None

    def changes(self) -> dict[str, Any]:
        """The same as fields of Supply."""
        given = {name: value for name, value in self.given().items() if value is not None}
        if isinstance(given.get("voltage_v"), float):
            given["voltage_v"] = (given["voltage_v"],) * 3
        return given

    def supply(self, base: Supply) -> Supply:
        """The mains after the change. Raises BadBody for values that are not possible."""
        try:
            return replace(base, **self.changes())
        except ValueError as error:
            raise BadBody(str(error), str(error).split(maxsplit=1)[0]) from None


class EmptyBody(Body):
    """Nothing to say."""


class PlugBody(Body):
    """Where to plug in, and what arrives."""

    end: End = Field(default="both", description="for a fixed cable, `both` is its vehicle end")
    car: CarBody | str | None = Field(
        default=None, description="preset or values; left out: the car that was here last"
    )
    cable_limit_a: float | None = Field(default=None, ge=6, le=80, description="a detachable cable's proximity coding")


class UnplugBody(Body):
    """What to pull."""

    end: End = "both"


class FaultBody(Body):
    """A fault, raised or cleared."""

    code: FaultCode
    active: bool = True
    text: str = Field(default="", max_length=200)
    vendor_code: str | None = Field(default=None, max_length=50)


class DeviceBody(Body):
    """A device, lost or back."""

    device: str
    lost: bool


class OccupiedBody(Body):
    """A parking bay."""

    occupied: bool


class TemperatureBody(Body):
    """Degrees inside the EVSE."""

    celsius: float = Field(ge=-60, le=200)


class PilotBody(Body):
    """A control pilot state, or none."""

    forced: PilotState | None


class SwipeBody(Body):
    """A token; hexadecimal digits are a card and everything else is a code unless `kind` says otherwise."""

    token: str = Field(min_length=1, max_length=36, pattern="^[!-~]+$")
    kind: TokenKind | None = None
    evses: tuple[int, ...] = Field(default=(), max_length=1000, description="none: any reader")


class NetworkBody(Body):
    """The network; what is left out stays."""

    mode: NetworkMode | None = None
    latency_s: float | None = Field(default=None, ge=0, le=60, description="one way")
    address: str | None = Field(
        default=None, min_length=1, max_length=64, description="a new one kills open connections silently"
    )


class ModemBody(Body):
    """What the modem says of itself; what is left out stays, null is unknown."""

    registered: bool | None = None
    roaming: bool | None = None
    operator: str | None = Field(default=None, max_length=50)
    technology: str | None = Field(default=None, max_length=50)
    signal_dbm: int | None = Field(default=None, ge=-150, le=0)
    address: str | None = Field(default=None, max_length=64)
    temperature_c: float | None = Field(default=None, ge=-60, le=150)
    heals_with: RecoveryStep | None = Field(default=None, description="the recovery step that registers it again")


class FirmwareBody(Body):
    """What goes wrong with the next installation, and how long it takes; what is left out stays."""

    install_s: float | None = Field(default=None, ge=0, le=3600)
    install_fails: bool | None = None
    boot_fails: bool | None = Field(default=None, description="what was installed does not come up")


class ClockBody(Body):
    """The station's clock; what is left out stays."""

    offset_s: float | None = Field(default=None, ge=-1e10, le=1e10, description="ahead of the true time")
    drift_ppm: float | None = Field(default=None, ge=-1e6, le=1e6, description="millionths too fast")
    trust: TimeTrust | None = None
    speed: float | None = Field(
        default=None, gt=0, le=10_000, description="seconds per real second, for the whole program"
    )


class LimitBody(Body):
    """A bound for the station."""

    current_a: float | None = Field(ge=0, le=10_000)


class KeyBody(Body):
    """A key of the display."""

    key: str = Field(min_length=1, max_length=20)
