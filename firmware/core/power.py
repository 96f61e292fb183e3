"""What the hardware of an EVSE should do now, as a pure function of its state.

A level, not an event: whoever drives the hardware compares it with what it last did. `permit` is the one place where energy
is allowed, and every condition of it must hold.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware.core.authorisation import AuthState
from firmware.core.transaction import Phase
from firmware.core.values import Energy, Plug
from hal.types import FaultCode, LampSign

if TYPE_CHECKING:
    from firmware.core.evse import Evse

MINIMUM_CURRENT_A = 6.0  # IEC 61851-1: the pilot cannot offer less


@dataclass(frozen=True, slots=True)
class Desired:
    """Levels for the hardware. `lock` is None where there is none; `close` lets the contactor close."""

    offer_a: float
    close: bool
    lock: bool | None
    in_service: bool
    sign: LampSign


def limit_a(evse: "Evse") -> float:
    """Current per phase that may be offered: the smallest of all limits, in steps of 0.1 A; 0 below what the pilot can say."""
    lowest = math.floor(min(own_limit_a(evse), evse.context.shares.get(evse.id, math.inf)) * 10 + 1e-6) / 10
    return lowest if lowest >= MINIMUM_CURRENT_A else 0.0


def own_limit_a(evse: "Evse") -> float:
    """Current per phase that hardware, cable and charging profiles allow, whatever the other EVSEs do."""
    limits = (evse.spec.max_current_a, evse.cable_limit_a, evse.context.levels.caps_a.get(evse.id))
    return min(value for value in limits if value is not None)


def entitled(evse: "Evse") -> bool:
    """True when energy may flow as far as anything but the limit is concerned."""
    tx = evse.tx
    return (
        tx is not None
        and tx.phase is Phase.OPEN
        and tx.durable
        and evse.auth.state is AuthState.GRANTED
        and not evse.allowance_spent
        and evse.plug is Plug.VEHICLE
        and not evse.blocked
        and evse.secured
    )


def permit(evse: "Evse") -> bool:
    """True when energy may flow."""
    return entitled(evse) and limit_a(evse) > 0


def energy(evse: "Evse") -> Energy:
    """State of the energy path, from permission, pilot and feedback contact."""
    tx = evse.tx
    if tx is None or tx.phase is not Phase.OPEN or not tx.durable or evse.auth.state is not AuthState.GRANTED:
        return Energy.OFF
    if evse.plug is not Plug.VEHICLE:
        return Energy.PAUSED_BY_EV
    if not permit(evse):
        on_its_way = not evse.secured and not evse.blocked  # the bolt; nobody has been offered anything yet
        return Energy.OFF if on_its_way else Energy.PAUSED_BY_EVSE
    if not evse.pilot.asks_energy:
        return Energy.PAUSED_BY_EV
    # A contactor that is about to close is no restriction of ours; one that does not close is a fault soon.
    return Energy.FLOWING if evse.contactor_closed is not False else Energy.PAUSED_BY_EV


def desired(evse: "Evse") -> Desired:
    """Levels for the hardware of this EVSE."""
    allowed = permit(evse)
    return Desired(
        offer_a=limit_a(evse) if allowed else 0.0,
        close=allowed and evse.pilot.asks_energy,
        lock=_lock(evse),
        in_service=evse.available,
        sign=_sign(evse),
    )


def _lock(evse: "Evse") -> bool | None:
    if not evse.spec.has_lock:
        return None
    ending = evse.tx is not None and evse.tx.phase is Phase.ENDING
    used = ending or evse.auth.state is AuthState.GRANTED or evse.held_for is not None
    used = used or FaultCode.WELDED_CONTACTOR in evse.faults  # the cable may be live
    return used and evse.plug is not Plug.UNPLUGGED


def _sign(evse: "Evse") -> LampSign:
    if evse.blocked:
        return LampSign.FAULT
    if not evse.available:
        return LampSign.UNAVAILABLE
    if evse.running is not None:
        return LampSign.CHARGING if energy(evse) is Energy.FLOWING else LampSign.PAUSED
    if evse.leftover:
        return LampSign.FINISHED
    if evse.auth.state is AuthState.PENDING:
        return LampSign.TOKEN_WAITING
    if evse.reserved:
        return LampSign.RESERVED
    return LampSign.PREPARING if evse.engaged else LampSign.AVAILABLE
