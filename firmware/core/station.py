"""The station: every command and observation enters here, and events are drained here."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from firmware.core import power
from firmware.core.authorisation import AuthState
from firmware.core.context import Context, EvseSpec
from firmware.core.desk import Desk
from firmware.core.events import (
    AvailabilityChanged,
    Event,
    FactRecorded,
    FaultChanged,
    OnlineChanged,
    RegistrationChanged,
    ResetWanted,
    SettingChanged,
    StationChanged,
)
from firmware.core.evse import Evse
from firmware.core.facts import Fact, FactKind, MeterFrame, SampleContext, Trigger
from firmware.core.limits import Limits
from firmware.core.profiles import Profile
from firmware.core.quantities import Interval, MeasurandList, samples_of
from firmware.core.reservations import Reservations
from firmware.core.settings import ALIGNED, AUTHORIZE_REMOTE, AnySetting, Settings
from firmware.core.sharing import share
from firmware.core.tokens import NOBODY
from firmware.core.transaction import Transaction
from firmware.core.values import (
    ACCEPTED,
    SCHEDULED,
    Maintenance,
    Outcome,
    Plug,
    Registration,
    ResetKind,
    Result,
    StopCause,
    Token,
    rejected,
)
from hal.types import Fault, Instant, MeterReading, PilotReading

CLOCK_STEP_S = 1.0  # more than an adjustment that goes unnoticed
MAIN_METER = 0  # stands for the main meter where facts name an EVSE
_UNKNOWN_EVSE = rejected("UnknownEvse")


class Station:
    """All EVSEs with what they share. Pure: nothing here waits, and time comes in with each call."""

    def __init__(
        self,
        specs: Iterable[EvseSpec],
        settings: Settings,
        new_id: Callable[[], str],
        supply_a: float | None = None,
    ) -> None:
        """`supply_a` is what the station is connected with, per phase; None: enough for all."""
        self.context = Context(settings, new_id, supply_a=supply_a)
        self.evses = {spec.id: Evse(spec, self.context) for spec in specs}
        self.reservations = Reservations(self.context, self.evses)
        self.limits = Limits(self.context, self.evses)
        self.desk = Desk(self.context, self.evses, self.reservations)
        self.registration = Registration.UNKNOWN
        self._connected = False
        self._reset_waits = False  # for the last transaction to end
        self._clock_zero_s: float | None = None  # wall time at monotonic zero, as it was last followed
        self._main_before: Interval | None = None  # registers of the main meter at the last mark

    @property
    def settings(self) -> Settings:
        """The present settings."""
        return self.context.settings

    def drain(self, now: Instant) -> list[Event]:
        """Events since the last call, in order."""
        if not self.context.events and not self._clock_stepped(now):
            return []  # what follows from the state changes with an event, or with a deadline
        if self._reset_waits and all(evse.tx is None for evse in self.evses.values()):
            self._reset_waits = False
            self.context.emit(ResetWanted(ResetKind.IDLE))
        self._follow(now)
        events, self.context.events = self.context.events, []
        return events

    def _follow(self, now: Instant) -> None:
        """Bring up to date what follows from the state of all EVSEs together, and from the time."""
        context = self.context
        self._clock_zero_s = _clock_zero_s(now)
        self.reservations.review(now)
        self.desk.serve_all(now)
        before = context.levels.caps_a, context.shares
        context.levels = self.limits.follow(now)
        context.shares = self._shares()
        if (context.levels.caps_a, context.shares) != before:
            for evse in self.evses.values():
                if power.entitled(evse):
                    evse.reconsider(now)

    def _clock_stepped(self, now: Instant) -> bool:
        """Whether the clock was put right since the last time that anything followed from it."""
        before_s, after_s = self._clock_zero_s, _clock_zero_s(now)
        return (before_s is None) is not (after_s is None) or abs((after_s or 0.0) - (before_s or 0.0)) > CLOCK_STEP_S

    def _shares(self) -> dict[int, float]:
        """The station's own limit, divided among the EVSEs that are entitled to energy, first come first; empty without one."""
        context = self.context
        limits = [limit for limit in (context.limit_a, context.supply_a, context.levels.station_a) if limit is not None]
        if not limits:
            return {}
        entitled = [evse for evse in self.evses.values() if power.entitled(evse)]
        entitled.sort(key=lambda evse: (evse.tx.started.monotonic_s if evse.tx and evse.tx.started else 0.0, evse.id))
        wanted = {evse.id: power.own_limit_a(evse) for evse in entitled}
        return dict.fromkeys(self.evses, min(limits)) | share(min(limits), wanted, context.levels.least_a)

    # ---- observations ---------------------------------------------------------------------------------------------

    def pilot_changed(self, evse: int, reading: PilotReading, now: Instant) -> None:
        """The control pilot or the cable of an EVSE changed."""
        target = self.evses[evse]
        target.pilot_changed(reading, now)
        if target.plug is not Plug.UNPLUGGED:
            self.desk.plugged(target, now)

    def station_fault(self, fault: Fault, now: Instant) -> None:
        """A fault that concerns every EVSE."""
        faults = self.context.faults
        if fault.active == (fault.code in faults):
            return
        if fault.active:
            faults[fault.code] = fault
        else:
            del faults[fault.code]
        self.context.emit(FaultChanged(None, fault))
        self.context.emit(StationChanged())
        for evse in self.evses.values():
            evse.apply_fault(fault, now)

    def main_metered(self, reading: MeterReading, at: Instant) -> None:
        """The main meter was read at a clock mark."""
        samples = samples_of(self.settings[ALIGNED], reading, None, self._main_before)
        self._main_before = Interval(reading.import_mwh, reading.export_mwh)
        if samples:
            frame = MeterFrame(at, SampleContext.CLOCK, samples)
            fact = Fact("", 0, FactKind.METERED, Trigger.SAMPLE_CLOCK, at, MAIN_METER, frames=(frame,))
            self.context.emit(FactRecorded(fact, None))

    def main_frame(self, reading: MeterReading, at: Instant, wanted: MeasurandList) -> MeterFrame | None:
        """Values of the main meter for somebody who asks; None when it tells nothing of what is wanted."""
        samples = samples_of(wanted, reading)
        return MeterFrame(at, SampleContext.TRIGGER, samples) if samples else None

    def limit_changed(self, limit_a: float | None, now: Instant) -> None:
        """The local energy manager has a new limit."""
        self.context.limit_a = limit_a
        self.reconsider(now)

    def reconsider(self, now: Instant) -> None:
        """Something that concerns every EVSE changed: compare what holds with what is wanted."""
        for evse in self.evses.values():
            evse.reconsider(now)

    def storage_changed(self, ok: bool, now: Instant) -> None:
        """The disk has (or has no) room for new transactions; what waited for room starts now."""
        if ok != self.context.storage_ok:
            self.context.storage_ok = ok
            self.context.emit(StationChanged())
            self.reconsider(now)

    def maintain(self, maintenance: Maintenance, now: Instant, *, stop: StopCause | None = None) -> None:
        """Work on the station begins or is over. What was granted and has not begun ends; with `stop` transactions end as well."""
        if maintenance is self.context.maintenance:
            return
        self.context.maintenance = maintenance
        self.context.emit(StationChanged())
        for evse in self.evses.values():
            if maintenance is not Maintenance.NONE and evse.tx is None:
                evse.withdraw(StopCause.OTHER, now)
            elif maintenance is not Maintenance.NONE and stop is not None:
                evse.stop(stop, now)
        self.reconsider(now)

    def connection_changed(self, connected: bool) -> None:
        """The link to the central system came or went."""
        self._connected = connected
        self._update_online()

    def registered(self, registration: Registration) -> None:
        """The central system's view of this station changed."""
        if registration is Registration.ACCEPTED:
            self.context.accepted = True
        if registration is not self.registration:
            self.registration = registration
            self.context.emit(RegistrationChanged(registration))
        self._update_online()

    def _update_online(self) -> None:
        online = self._connected and self.registration is Registration.ACCEPTED
        if online != self.context.online:
            self.context.online = online
            self.context.emit(OnlineChanged(online))

    def tick(self, now: Instant) -> None:
        """Let deadlines pass that are over."""
        self.desk.tick(now)
        for evse in self.evses.values():
            evse.tick(now)
        self._follow(now)

    def next_deadline(self, now: Instant) -> float | None:
        """Monotonic time of the next deadline, None when there is none. What ends by the clock is told as of now."""
        deadlines = [evse.deadline_s for evse in self.evses.values()]
        deadlines += [evse.takes_up_by_s for evse in self.evses.values()]
        deadlines.append(self.desk.waiting.deadline_s if self.desk.waiting else None)
        deadlines += [self.reservations.next_deadline(now), self.limits.next_deadline(now)]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    # ---- commands -------------------------------------------------------------------------------------------------

    def start_remote(
        self,
        evse: int | None,
        token: Token,
        now: Instant,
        *,
        remote_start_id: int | None = None,
        group: Token | None = None,
        profile: Profile | None = None,
    ) -> Outcome:
        """Start charging with this token, as if it had been presented; `evse` None lets the station choose. `profile` is for the
        transaction that comes of it, at whichever EVSE.

        A token that the central system made for this start, or that stands for nobody, is not asked about (use cases C02, C05).
        """
        check = self.settings[AUTHORIZE_REMOTE] and token.type not in NOBODY

        def admitted(target: Evse) -> bool:
            return self.desk.admits(token, target, now, check=check, group=group)

        target = self._choose(admitted) if evse is None else self.evses.get(evse)
        if target is None:
            return _UNKNOWN_EVSE if evse is not None else rejected("NoFreeEvse")
        if self.context.halting or not self.context.storage_ok or not self.context.in_service:
            return rejected("NotReady")
        if target.blocked:
            return rejected("Faulted")
        if not target.available:
            return rejected("Unavailable")
        if not target.vacant or target.leftover:
            return rejected("Occupied")
        if not admitted(target):
            return rejected("Reserved")
        problem = self.limits.problem_at_start(replace(profile, evse=target.id)) if profile is not None else None
        if problem is not None:
            return problem
        self.desk.ask_for(
            token, target, now, check=check, remote_start_id=remote_start_id, group=group, profile=profile
        )
        return ACCEPTED

    def _choose(self, admitted: Callable[[Evse], bool]) -> Evse | None:
        free = [
            evse
            for evse in self.evses.values()
            if evse.vacant and evse.available and not evse.blocked and not evse.leftover and admitted(evse)
        ]
        own = [evse for evse in free if evse.reserved]
        return next((evse for evse in free if evse.plug is Plug.VEHICLE), next(iter(own or free), None))

    def transaction(self, key: str) -> tuple[Evse, Transaction] | None:
        """A running transaction by our own key."""
        for evse in self.evses.values():
            if evse.running is not None and evse.running.id == key:
                return evse, evse.running
        return None

    def stop_remote(self, key: str, now: Instant) -> Outcome:
        """End a running transaction."""
        found = self.transaction(key)
        if found is None:
            return rejected("TxNotFound")
        evse, tx = found
        if tx.invalid is not None or evse.auth.state is AuthState.NONE:
            return ACCEPTED if evse.stop(StopCause.REMOTE, now) else rejected("TxNotFound")
        evse.withdraw(StopCause.REMOTE, now)
        return ACCEPTED

    def set_availability(self, evse: int, operative: bool, now: Instant) -> Outcome:
        """Take an EVSE (0: the station with all of them) in or out of service; a running transaction ends first."""
        if evse != 0 and evse not in self.evses:
            return _UNKNOWN_EVSE
        targets = list(self.evses.values()) if evse == 0 else [self.evses[evse]]
        if evse == 0:
            if self.context.operative != operative:
                self.context.operative = operative
                self.context.emit(AvailabilityChanged(0, operative))
                self.context.emit(StationChanged())
            changed = targets if operative else []
        else:
            changed = targets
        for target in changed:
            if target.operative != operative:
                target.operative = operative
                self.context.emit(AvailabilityChanged(target.id, operative))
        for target in targets:
            if not operative and target.tx is None:
                target.withdraw(StopCause.OTHER, now)
            target.reconsider(now)
        return SCHEDULED if not operative and any(target.tx is not None for target in targets) else ACCEPTED

    def stop_for_unlock(self, evse: int, now: Instant) -> None:
        """End whatever keeps the connector of an EVSE locked."""
        target = self.evses[evse]
        target.held_for = target.held_group = None
        if not target.stop(StopCause.UNLOCK, now):
            target.withdraw(StopCause.UNLOCK, now)

    def reset(self, kind: ResetKind, now: Instant) -> Outcome:
        """Start the program again. SOFT and HARD end all transactions, IDLE lets them end by themselves and admits no new ones.

        Repeating the command changes nothing, except that the other two do not wait for what IDLE waits for.
        """
        if self.context.halting and (kind is ResetKind.IDLE or not self._reset_waits):
            return SCHEDULED if self._reset_waits else ACCEPTED
        if self.context.maintenance is Maintenance.RUNNING:
            return rejected("FwUpdateInProgress")
        self.context.halting = True
        self._reset_waits = kind is ResetKind.IDLE and any(evse.tx is not None for evse in self.evses.values())
        if self._reset_waits:
            return SCHEDULED
        cause = StopCause.RESET_SOFT if kind is ResetKind.SOFT else StopCause.RESET_HARD
        for evse in self.evses.values():
            evse.stop(cause, now)
        self.context.emit(ResetWanted(ResetKind.HARD if kind is ResetKind.HARD else ResetKind.SOFT))
        return ACCEPTED

    def clear_cache(self) -> Outcome:
        """Forget every cached token."""
        return ACCEPTED if self.desk.clear_cache() else rejected("CacheDisabled")

    def set_setting(self, setting: AnySetting, text: str) -> Outcome:
        """Change a setting; refused values change nothing."""
        outcome = self.settings.set(setting, text)
        if outcome.result in (Result.ACCEPTED, Result.REBOOT_REQUIRED):
            self.context.emit(SettingChanged(setting.id, self.settings.text(setting)))
        return outcome

    # ---- recovery ---------------------------------------------------------------------------------------------------

    def recover(self, tx: Transaction, now: Instant) -> None:
        """Take up a transaction that was open when the program ended."""
        self.evses[tx.evse].recover(tx, now)


def _clock_zero_s(now: Instant) -> float | None:
    return None if now.wall_s is None else now.wall_s - now.monotonic_s
