"""What charging profiles, and an absent central system, make of the current that each EVSE may offer.

`follow` is called after every change and at every boundary: it gives profiles to the transactions they were meant for, drops those of
transactions that are over, and tells the levels that `power` and the station's sharing read. `composite` tells the same ahead of time.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from firmware.core.context import Context
from firmware.core.evse import Evse
from firmware.core.power import MINIMUM_CURRENT_A
from firmware.core.profile_store import ProfileStore
from firmware.core.profiles import STATION, Profile, Purpose, RateUnit, problem_of
from firmware.core.settings import OFFLINE_CURRENT_A, OFFLINE_CURRENT_AFTER_S
from firmware.core.solver import Composite, Constraints, Levels, Wiring, composite, tenths, timeless
from firmware.core.transaction import Phase, Transaction
from firmware.core.values import Outcome, rejected
from hal.types import Instant


class Limits:
    """Profiles of the station, and the limits that follow from them."""

    def __init__(self, context: Context, evses: Mapping[int, Evse]) -> None:
        self._context = context
        self._evses = evses
        self._offline_since_s: float | None = None  # monotonic; None while online
        self.profiles = ProfileStore(context.settings, context.emit)

    # ---- commands ---------------------------------------------------------------------------------------------------

    def problem(self, profile: Profile) -> Outcome | None:
        """Why a profile could not be kept whatever the station is doing; None when it could."""
        if profile.evse != STATION and profile.evse not in self._evses:
            return rejected("UnknownEvse")
        return problem_of(profile, self._context.settings)

    def problem_at_start(self, profile: Profile) -> Outcome | None:
        """Why a profile could not go with a transaction that is to start; None when it could."""
        if profile.purpose is not Purpose.TX or profile.transaction is not None:
            return rejected("InvalidProfile", "a profile that comes with a start is one of the transaction to come")
        return self.problem(profile) or self.profiles.overflow(profile)

    def install(self, profile: Profile, now: Instant, *, replaces_slot: bool) -> Outcome:
        """Keep a profile. One for a transaction needs that transaction, or (None) any that runs at its EVSE."""
        problem = self.problem(profile)
        if problem is not None:
            return problem
        if profile.purpose is Purpose.TX:
            tx = self._evses[profile.evse].running
            if tx is None or tx.phase is not Phase.OPEN or profile.transaction not in (None, tx.id):
                return rejected("TxNotFound", "no such transaction at this EVSE")
            profile = replace(profile, transaction=tx.id)
        installed_ms = None if now.wall_s is None else _ms(now.wall_s)
        return self.profiles.install(replace(profile, installed_ms=installed_ms), replaces_slot=replaces_slot)

    def clear(
        self,
        *,
        number: int | None = None,
        evse: int | None = None,
        purpose: Purpose | None = None,
        stack: int | None = None,
    ) -> int:
        """Drop every profile that fits all that is given; returns how many. What others than the central system set stays."""
        gone = [
            profile
            for profile in self.profiles
            if profile.purpose is not Purpose.EXTERNAL
            and number in (None, profile.id)
            and evse in (None, profile.evse)
            and purpose in (None, profile.purpose)
            and stack in (None, profile.stack)
        ]
        for profile in gone:
            self.profiles.remove(profile)
        return len(gone)

    # ---- levels -----------------------------------------------------------------------------------------------------

    def follow(self, now: Instant) -> Levels:
        """The levels of this moment, after profiles have come to their transactions and gone with them."""
        if self._context.online:
            self._offline_since_s = None
        elif self._offline_since_s is None:
            self._offline_since_s = now.monotonic_s
        self._bind()
        if not len(self.profiles) and self._fallback_a(now) is None:
            return Levels()
        at_ms = _at_ms(now)
        caps: dict[int, float] = {}
        least: dict[int, float] = {}
        for number in self._evses:
            own = self._own(number, now)
            cap, minimum_a = own.limit(at_ms, RateUnit.CURRENT), own.least_a(at_ms)
            if cap is not None:
                caps[number] = float(tenths(cap.value))
            if minimum_a is not None:
                least[number] = float(minimum_a)
        together = self._station(now).limit(at_ms, RateUnit.CURRENT)
        return Levels(None if together is None else float(tenths(together.value)), caps, least)

    def _bind(self) -> None:
        """Give a profile that came with a start to its transaction, and drop those whose transaction is over."""
        for evse in self._evses.values():
            tx, profile = evse.tx, evse.auth.profile
            if tx is not None and profile is not None:
                evse.auth.profile = None
                self.profiles.install(replace(profile, evse=evse.id, transaction=tx.id), replaces_slot=True)
        if self._context.halting:  # at the start: transactions that were open have not been taken up yet
            return
        running = {evse.tx.id for evse in self._evses.values() if evse.tx is not None}
        for profile in self.profiles:
            if profile.purpose is Purpose.TX and profile.transaction not in running:
                self.profiles.remove(profile)

    def _fallback_due_s(self) -> float | None:
        """Monotonic time at which the central system has been away for too long; None while it is there, or where that is no matter."""
        after_s = self._context.settings[OFFLINE_CURRENT_AFTER_S]
        return self._offline_since_s + after_s if after_s > 0 and self._offline_since_s is not None else None

    def _fallback_a(self, now: Instant) -> Decimal | None:
        """The current per EVSE while the central system has been away for too long."""
        due_s = self._fallback_due_s()
        return (
            Decimal(self._context.settings[OFFLINE_CURRENT_A])
            if due_s is not None and now.monotonic_s >= due_s
            else None
        )

    def next_deadline(self, now: Instant) -> float | None:
        """Monotonic time at which a level may change by itself; None when none can. Without transactions none matters."""
        busy = [number for number, evse in self._evses.items() if evse.tx is not None]
        if not busy:
            return None
        due_s = self._fallback_due_s()
        deadlines = [due_s] if due_s is not None and due_s > now.monotonic_s else []
        if len(self.profiles):
            at_ms = _at_ms(now)
            for constraints in (self._station(now), *(self._own(number, now) for number in busy)):
                change_ms = constraints.next_change_ms(at_ms)
                if change_ms is not None:
                    deadlines.append(now.monotonic_s + (change_ms - at_ms) / 1000)
        return min(deadlines, default=None)

    # ---- what bounds whom -------------------------------------------------------------------------------------------

    def _own(self, number: int, now: Instant) -> Constraints:
        """What profiles and settings bound an EVSE with, whatever the others do."""
        evse = self._evses[number]
        own = self._known(now, Purpose.TX, number)
        default = self._known(now, Purpose.TX_DEFAULT, STATION, number)
        external = self._known(now, Purpose.EXTERNAL, number)
        fallback_a = self._fallback_a(now)
        return Constraints(
            Wiring(evse.spec.phases, Decimal(str(evse.spec.voltage_v))),
            _began_ms(evse.tx, now),
            ((own, default), (external,)),
            () if fallback_a is None else (fallback_a,),
        )

    def _built(self, number: int, now: Instant) -> Constraints:
        """The same, with what hardware and cable can carry."""
        evse, own = self._evses[number], self._own(number, now)
        carried = [Decimal(str(value)) for value in (evse.spec.max_current_a, evse.cable_limit_a) if value is not None]
        return replace(own, fixed_a=(*own.fixed_a, *carried))

    def _station(self, now: Instant) -> Constraints:
        """What bounds all EVSEs together, beside the supply."""
        specs = [evse.spec for evse in self._evses.values()]
        wiring = Wiring(max(spec.phases for spec in specs), Decimal(str(specs[0].voltage_v)))
        station_max = self._known(now, Purpose.STATION_MAX, STATION)
        external = self._known(now, Purpose.EXTERNAL, STATION)
        return Constraints(wiring, _at_ms(now), ((station_max,), (external,)))

    def _known(self, now: Instant, purpose: Purpose, *evses: int) -> tuple[Profile, ...]:
        found = self.profiles.of(purpose, *evses)
        return tuple(found) if now.wall_s is not None else tuple(timeless(profile) for profile in found)

    # ---- ahead --------------------------------------------------------------------------------------------------------

    def composite(
        self, evse: int, duration_s: int, unit: RateUnit, now: Instant, *, max_periods: int | None = None
    ) -> Composite | None:
        """What an EVSE (0: all together) may charge with from now on; None while nobody knows what time it is.

        An EVSE without a transaction is taken as if one began now. Limits that are not profiles are taken to stay as they are.
        """
        if now.wall_s is None:
            return None
        parts = [self._built(number, now) for number in (self._evses if evse == STATION else (evse,))]
        context, whole = self._context, self._station(now)
        supply = [Decimal(str(value)) for value in (context.limit_a, context.supply_a) if value is not None]
        whole = replace(whole, fixed_a=tuple(supply))
        return composite(parts, whole, _at_ms(now), duration_s, unit, max_periods=max_periods)

    def ahead(self, evse: int, duration_s: int, now: Instant) -> list[tuple[int, float]]:
        """Amperes per phase that an EVSE may offer from now on, each with the seconds until it holds; empty when that is not known.

        What the pilot cannot say is 0. How the station's limit will be shared is not foreseen.
        """
        found = self.composite(evse, duration_s, RateUnit.CURRENT, now)
        if found is None:
            return []
        offers = [(period.start_s, float(period.limit)) for period in found.periods]
        return [(start_s, limit_a if limit_a >= MINIMUM_CURRENT_A else 0.0) for start_s, limit_a in offers]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _at_ms(now: Instant) -> int:
    """The moment on the solver's axis: POSIX time, or, while that is not known, the machine's own."""
    return _ms(now.monotonic_s if now.wall_s is None else now.wall_s)


def _began_ms(tx: Transaction | None, now: Instant) -> int:
    """The start of a transaction on the same axis; now where it has not begun, or where nobody can tell when it did."""
    started = tx.started if tx is not None else None
    if started is None:
        return _at_ms(now)
    if started.boot == now.boot:
        return _at_ms(now) - _ms(now.monotonic_s - started.monotonic_s)
    return _at_ms(now) if started.wall_s is None or now.wall_s is None else _ms(started.wall_s)
