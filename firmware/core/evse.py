"""One EVSE: observations and wishes in, facts and events out.

Rules of this file: every public method takes the moment it happens at; after each change `reconsider` compares the points that
hold with the policy and starts or ends the transaction; a transaction's start and end wait for a meter reading (`begin`,
`finish`), and energy waits for the start to be on disk (`durable`). What hardware should do is read from `power.desired`.
"""

from firmware.core import power
from firmware.core.authorisation import Authorisation, AuthState
from firmware.core.context import Context, EvseSpec
from firmware.core.events import EndingDecided, EvseChanged, FaultChanged, ReadingNeeded
from firmware.core.facts import MeterFrame, SampleContext, Trigger
from firmware.core.faults import RULES, Severity, blocks
from firmware.core.metering import Use
from firmware.core.profiles import Profile
from firmware.core.quantities import MeasurandList
from firmware.core.recording import TRIGGERS, Recording
from firmware.core.settings import (
    CONNECTION_TIMEOUT_S,
    MAX_ENERGY_ON_INVALID_WH,
    START_POINTS,
    STOP_ON_EV_DISCONNECT,
    STOP_ON_INVALID,
    STOP_POINTS,
    UNLOCK_ON_EV_DISCONNECT,
)
from firmware.core.transaction import Ending, Move, Phase, Transaction
from firmware.core.values import Energy, Maintenance, Plug, Point, StopCause, Token, TokenInfo, Verdict
from hal.types import Fault, FaultCode, Instant, LockState, MeterReading, PilotReading, PilotState, SignedReading

_END_WITH_AUTHORISATION = frozenset({Point.AUTHORIZED, Point.POWER_PATH_CLOSED, Point.ENERGY_TRANSFER})
TAKES_UP_S = 10.0  # a vehicle that was just offered energy has so long to take it before that is told as its pause
_SILENT_PILOT = frozenset({PilotState.E, PilotState.F, PilotState.UNKNOWN})  # says nothing about the plug


class Evse:
    """State of one EVSE and its connector."""

    def __init__(self, spec: EvseSpec, context: Context) -> None:
        self.spec = spec
        self.context = context
        self.plug = Plug.UNPLUGGED
        self.pilot = PilotState.UNKNOWN
        self.pilot_seen = False  # the pilot has told since the start whether a vehicle is there
        self.cable_limit_a: float | None = None
        self.contactor_closed: bool | None = None
        self.lock_state = LockState.UNKNOWN
        self.faults: dict[FaultCode, Fault] = {}
        self.operative = True
        self.auth = Authorisation()
        self.tx: Transaction | None = None
        self.leftover = False  # a transaction is over, the cable is still in
        self.held_for: Token | None = None  # the cable stays locked until this token (or its group) comes again
        self.held_group: Token | None = None
        self.engaged_at: Instant | None = None
        self._facts = Recording(self)
        self._trigger = Trigger.PLUGGED_IN
        self._told_energy = Energy.OFF
        self._offered_s: float | None = (
            None  # monotonic time at which a transaction first offered energy, till it is told
        )

    # ---- what holds now -------------------------------------------------------------------------------------------

    @property
    def id(self) -> int:
        """Number of the EVSE, from 1."""
        return self.spec.id

    @property
    def blocked(self) -> bool:
        """True while a fault here or station-wide forbids charging."""
        return self.context.blocked or any(blocks(code) for code in self.faults)

    @property
    def available(self) -> bool:
        """Effective availability: wanted so, with room on disk for a transaction and nobody at work on the station. A running
        transaction is not interrupted."""
        context = self.context
        wanted = self.operative and context.operative and context.maintenance is Maintenance.NONE
        return self.tx is not None or (wanted and context.storage_ok)

    @property
    def reserved(self) -> bool:
        """Kept for somebody who has not begun yet; a foreign cable changes nothing about that."""
        return self.id in self.context.reserved and self.auth.state is not AuthState.GRANTED

    @property
    def engaged(self) -> bool:
        """Somebody has begun to use this EVSE and no transaction runs."""
        return self.auth.state is not AuthState.NONE or (self.plug is not Plug.UNPLUGGED and not self.leftover)

    @property
    def vacant(self) -> bool:
        """Nobody charges here or has asked to: no transaction, or one that waits for somebody who may charge in it."""
        return self.unclaimed and self.auth.state is AuthState.NONE

    @property
    def unclaimed(self) -> bool:
        """Nobody charges here: no transaction, or one that waits for somebody who may charge in it."""
        return self.tx is None or (self.tx.token is None and self.tx.phase is not Phase.ENDING)

    @property
    def deadline_s(self) -> float | None:
        """Monotonic time at which an authorisation lapses that no vehicle follows."""
        waiting = self.tx is None or (self.tx.phase is Phase.OPEN and self.plug is not Plug.VEHICLE)
        return self.auth.deadline_s if waiting else None

    @property
    def takes_up_by_s(self) -> float | None:
        """Monotonic time until which a vehicle may take what was just offered; None when that is not waited for."""
        waiting = self.plug is Plug.VEHICLE and self.energy is Energy.PAUSED_BY_EV and self._told_energy is Energy.OFF
        return self._offered_s + TAKES_UP_S if waiting and self._offered_s is not None else None

    @property
    def running(self) -> Transaction | None:
        """The transaction whose start is a fact and whose end is not."""
        return self.tx if self.tx is not None and self.tx.phase is not Phase.STARTING else None

    @property
    def underway(self) -> Transaction | None:
        """The transaction whose end is not even decided: what is measured now belongs to it."""
        return self.tx if self.tx is not None and self.tx.phase is Phase.OPEN else None

    @property
    def secured(self) -> bool:
        """The cable is held, where there is a bolt to hold it."""
        return not self.spec.has_lock or self.lock_state is LockState.LOCKED

    @property
    def energy(self) -> Energy:
        """State of the energy path."""
        return power.energy(self)

    def points(self) -> frozenset[Point]:
        """The conditions that hold now."""
        found = set()
        if self.plug is Plug.VEHICLE:
            found.add(Point.EV_CONNECTED)
        if self.auth.state is AuthState.GRANTED:
            found.add(Point.AUTHORIZED)
        if len(found) == 2 and self.secured:
            found.add(Point.POWER_PATH_CLOSED)
        if self.energy is Energy.FLOWING:
            found.add(Point.ENERGY_TRANSFER)
        return frozenset(found)

    # ---- observations ---------------------------------------------------------------------------------------------

    def pilot_changed(self, reading: PilotReading, now: Instant) -> None:
        """The control pilot or the cable changed."""
        self.pilot = reading.state
        self.pilot_seen = self.pilot_seen or reading.state not in _SILENT_PILOT
        self.cable_limit_a = reading.cable_limit_a
        before, self.plug = self.plug, self._plug_of(reading)
        if self.plug is before:
            self.reconsider(now)
            return
        if self.plug is Plug.UNPLUGGED:
            self.leftover = False
            self.held_for = self.held_group = None
        if before is Plug.VEHICLE:
            self._departed(now)
        elif self.plug is Plug.VEHICLE:
            self._trigger = Trigger.PLUGGED_IN
            if self.tx is not None:
                self.auth.deadline_s = None
            self._update(Trigger.PLUGGED_IN, now)
        self._touch(now)
        self.reconsider(now)

    def _plug_of(self, reading: PilotReading) -> Plug:
        if reading.state in _SILENT_PILOT:
            return Plug.UNPLUGGED if reading.cable_at_station is False else self.plug
        if reading.state.vehicle_connected:
            return Plug.VEHICLE
        return Plug.STATION if reading.cable_at_station else Plug.UNPLUGGED

    def _departed(self, now: Instant) -> None:
        settings = self.context.settings
        if self.tx is None or self.tx.phase is not Phase.OPEN:
            return
        granted = self.auth.state is AuthState.GRANTED
        if self._told_energy is Energy.FLOWING and Point.ENERGY_TRANSFER in settings[STOP_POINTS]:
            self.stop(StopCause.EV_DISCONNECTED, now)
            return
        if settings[STOP_ON_EV_DISCONNECT] or not granted:
            if granted and not settings[UNLOCK_ON_EV_DISCONNECT] and self.plug is Plug.STATION:
                self.held_for, self.held_group = self.tx.token, self.tx.group
            if settings[STOP_POINTS] & frozenset({Point.EV_CONNECTED, Point.POWER_PATH_CLOSED}):
                self.stop(StopCause.EV_DISCONNECTED, now)
                return
            if granted:
                self.withdraw(StopCause.EV_DISCONNECTED, now)
                return
            if self.auth.state is AuthState.NONE:  # neither vehicle nor driver is left
                self.stop(StopCause.EV_DISCONNECTED, now)
                return
        self._update(Trigger.EV_DEPARTED, now)

    def contactor_changed(self, closed: bool | None, now: Instant) -> None:
        """The feedback contact changed."""
        if closed != self.contactor_closed:
            self.contactor_closed = closed
            self.reconsider(now)

    def lock_changed(self, state: LockState, now: Instant) -> None:
        """The bolt reached a position."""
        if state is not self.lock_state:
            self.lock_state = state
            self.reconsider(now)

    def fault_changed(self, fault: Fault, now: Instant) -> None:
        """A fault was raised or cleared. Repeating what is known changes nothing."""
        known = self.faults.get(fault.code)
        if fault.active == (known is not None):
            return
        if fault.active:
            self.faults[fault.code] = fault
        else:
            del self.faults[fault.code]
        self.context.emit(FaultChanged(self.id, fault))
        self.apply_fault(fault, now)

    def apply_fault(self, fault: Fault, now: Instant) -> None:
        """Let a fault (of this EVSE or station-wide) do what its rule says."""
        rule = RULES[fault.code]
        if fault.active and rule.severity is Severity.STOP and self.tx is not None and self.tx.phase is Phase.OPEN:
            self.stop(rule.cause, now)
        self._touch(now)
        self.reconsider(now)

    def metered(self, reading: MeterReading, now: Instant) -> None:
        """The meter was read, for whatever reason."""
        tx = self.tx
        if tx is not None and tx.phase is Phase.OPEN:
            tx.saw(reading.import_mwh, now)
            if tx.invalid is not None:  # it may have used up what it was still allowed
                self.reconsider(now)

    # ---- authorisation --------------------------------------------------------------------------------------------

    def asking(self, token: Token, now: Instant, remote_start_id: int | None = None) -> None:
        """The central system is being asked about a token that was presented here."""
        self.auth.ask(token, remote_start_id)
        self._touch(now)

    def grant(
        self,
        token: Token,
        info: TokenInfo,
        now: Instant,
        *,
        remote: bool = False,
        remote_start_id: int | None = None,
        reservation_id: int | None = None,
        profile: Profile | None = None,
    ) -> None:
        """The token may charge here. Without a vehicle the grant lapses after the connection time-out."""
        timeout_s = self.context.settings[CONNECTION_TIMEOUT_S]
        self.auth.grant(token, info, remote_start_id, now.monotonic_s + timeout_s if timeout_s > 0 else None)
        self.auth.reservation_id, self.auth.profile = reservation_id, profile
        self._trigger = Trigger.REMOTE_START if remote else Trigger.AUTHORIZED
        self.leftover = False
        if self.tx is not None:
            self.tx.token, self.tx.group = token, info.group
            self.tx.remote_start_id, self.tx.reservation_id = remote_start_id, reservation_id
            if self.plug is Plug.VEHICLE:
                self.auth.deadline_s = None
            self._update(self._trigger, now, token)
        self._touch(now)
        self.reconsider(now)

    def withdraw(
        self, cause: StopCause, now: Instant, token: Token | None = None, trigger: Trigger | None = None
    ) -> None:
        """End the authorisation, and with it the transaction where policy says so, or where no vehicle is left in it. One that goes
        on all the same serves nobody else, and its first cause will be the one it ended for."""
        if self.auth.state is AuthState.NONE:
            return
        tx = self.tx
        granted = self.auth.state is AuthState.GRANTED
        self.auth.to(AuthState.NONE)
        if granted and tx is not None and tx.phase is Phase.OPEN:
            tx.revoked = tx.revoked or cause
            deserted = self.pilot_seen and self.plug is not Plug.VEHICLE
            if deserted or self.context.settings[STOP_POINTS] & _END_WITH_AUTHORISATION:
                self.stop(cause, now, token)
            else:
                self._update(trigger or TRIGGERS.get(cause, Trigger.ABNORMAL), now, token=token)
        self._touch(now)
        self.reconsider(now)

    def deauthorise(self, transaction: str, verdict: Verdict, now: Instant) -> None:
        """The central system refuses the token of a running transaction."""
        tx = self.tx
        if tx is None or tx.id != transaction or tx.phase is not Phase.OPEN or tx.invalid is not None:
            return
        if self.context.settings[STOP_ON_INVALID]:
            self.held_for, self.held_group = tx.token, tx.group
            self.withdraw(StopCause.DEAUTHORIZED, now, trigger=Trigger.DEAUTHORIZED)
            return
        tx.invalid, tx.invalid_at_mwh = verdict, tx.last_mwh
        if self.energy is self._told_energy:  # it may use what it is still allowed; else the change of energy tells
            self._update(Trigger.DEAUTHORIZED, now)
        self.reconsider(now)

    def release(self, token: Token, group: Token | None) -> bool:
        """A token at the reader frees a cable that was held for it or its group; True when it did."""
        if self.held_for is None:
            return False
        if not self.held_for.same_as(token) and not (group is not None and group.same_as(self.held_group)):
            return False
        self.held_for = self.held_group = None
        self.context.emit(EvseChanged(self.id))
        return True

    # ---- transaction ----------------------------------------------------------------------------------------------

    def begin(self, reading: MeterReading | None, now: Instant) -> None:
        """The start register is known (None: the meter is silent, and nothing starts)."""
        tx = self.tx
        if tx is None or tx.phase is not Phase.STARTING:
            return
        if reading is None or reading.import_mwh is None or not self._start_wanted():
            tx.move(Move.ABANDON)
            self.tx = None
            self._touch(now)
            return
        tx.move(Move.BEGIN)
        tx.started, tx.start_mwh = now, reading.import_mwh
        tx.saw(reading.import_mwh, now)
        if self.plug is Plug.VEHICLE:
            self.auth.deadline_s = None
        self._facts.started(tx, reading, self._trigger, now)
        self._touch(now)

    def stored(self, transaction: str, now: Instant) -> None:
        """The start is on disk: energy may flow."""
        if self.tx is not None and self.tx.id == transaction and not self.tx.durable:
            self.tx.durable = True
            self._touch(now)
            self.reconsider(now)

    def not_stored(self, transaction: str, now: Instant) -> None:
        """The start could not be written: the transaction never was."""
        tx = self.tx
        if tx is None or tx.id != transaction or tx.durable:
            return
        self.tx = None
        if self.auth.state is not AuthState.NONE:
            self.auth.to(AuthState.NONE)
        self._touch(now)

    def stop(self, cause: StopCause, now: Instant, token: Token | None = None) -> bool:
        """End the transaction: energy is denied at once, the end is a fact when the register has been read."""
        tx = self.tx
        if tx is None or tx.phase is not Phase.OPEN:
            return False
        tx.move(Move.STOP)
        tx.ending = Ending(cause, now, token)
        self.context.emit(EndingDecided(tx.id, tx.record()))
        if self.auth.state is not AuthState.NONE:
            self.auth.to(AuthState.NONE)
        self.context.emit(ReadingNeeded(self.id, ending=True))
        self._touch(now)
        return True

    def finish(self, reading: MeterReading | None, now: Instant, signed: SignedReading | None = None) -> None:
        """The end register is known; None takes the last one seen."""
        tx = self.tx
        if tx is None or tx.phase is not Phase.ENDING or tx.ending is None:
            return
        if reading is not None:
            tx.saw(reading.import_mwh, now)
        tx.move(Move.FINISH)
        self._facts.ended(tx, tx.ending, reading, signed)
        self.tx = None
        self.leftover = self.plug is not Plug.UNPLUGGED
        self.engaged_at = None
        self._told_energy, self._offered_s = Energy.OFF, None
        self._touch(now)

    def recover(self, tx: Transaction, now: Instant) -> None:
        """Take up a transaction that was open when the program ended; recovery decides what becomes of it."""
        self.tx = tx
        if tx.token is not None and tx.revoked is None:
            self.auth.grant(tx.token, TokenInfo(Verdict.ACCEPTED, tx.group), tx.remote_start_id, None)
        self._touch(now)

    def sampled(self, reading: MeterReading, at: Instant, context: SampleContext, use: Use = Use.BOTH) -> None:
        """A sample is due, for the running transaction if there is one."""
        tx = self.tx if self.tx is not None and self.tx.phase is Phase.OPEN else None
        if tx is not None:
            tx.saw(reading.import_mwh, at)
        self._facts.sampled(tx, reading, at, context, use)
        if tx is not None:
            self.reconsider(at)

    def triggered(self, reading: MeterReading, at: Instant) -> None:
        """Somebody asks how the running transaction stands."""
        if self.tx is not None and self.tx.phase is Phase.OPEN:
            self._facts.triggered(self.tx, reading, at)

    def frame_now(self, reading: MeterReading, at: Instant, wanted: MeasurandList) -> MeterFrame | None:
        """Values for somebody who asks, context Trigger."""
        return self._facts.frame(reading, at, SampleContext.TRIGGER, wanted)

    def reconsider(self, now: Instant) -> None:
        """Compare what holds with what the policy wants, and act on the difference."""
        tx = self.tx
        if tx is None and not self.leftover and self._start_wanted():
            auth = self.auth
            self.tx = Transaction(
                self.context.new_id(), self.id, auth.token, auth.group, auth.remote_start_id, auth.reservation_id
            )
            self.context.emit(ReadingNeeded(self.id, ending=False))
        elif tx is not None and tx.durable and self.plug is Plug.VEHICLE and self.energy is not self._told_energy:
            if self._told_energy is Energy.FLOWING and Point.ENERGY_TRANSFER in self.context.settings[STOP_POINTS]:
                self.stop(StopCause.STOPPED_BY_EV if self.energy is Energy.PAUSED_BY_EV else StopCause.OTHER, now)
            elif not self._may_take_up(now):
                self._update(Trigger.ENERGY_CHANGED, now)
        self.context.emit(EvseChanged(self.id))

    def _may_take_up(self, now: Instant) -> bool:
        """Whether the vehicle was offered energy just now, so that it has not paused, but not begun yet."""
        if self._offered_s is None:
            self._offered_s = now.monotonic_s
        by_s = self.takes_up_by_s
        return by_s is not None and now.monotonic_s < by_s

    def tick(self, now: Instant) -> None:
        """Let deadlines pass that are over."""
        if self.takes_up_by_s is not None and now.monotonic_s >= self.takes_up_by_s:
            self.reconsider(now)
        deadline_s = self.deadline_s
        if deadline_s is not None and now.monotonic_s >= deadline_s:
            self.withdraw(StopCause.CONNECT_TIMEOUT, now, trigger=Trigger.EV_CONNECT_TIMEOUT)

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _start_wanted(self) -> bool:
        wanted = self.context.settings[START_POINTS] & self.points()
        return (
            bool(wanted)
            and self.available
            and not self.blocked
            and not self.context.halting
            and self.context.in_service
            and self.context.storage_ok
        )

    def _update(self, trigger: Trigger, now: Instant, token: Token | None = None) -> None:
        if self.tx is not None and self.tx.phase is Phase.OPEN:
            self._told_energy = self.energy
            self._facts.updated(self.tx, trigger, now, token)

    def _touch(self, now: Instant) -> None:
        if not self.engaged and self.tx is None:
            self.engaged_at = None
        elif self.engaged_at is None:
            self.engaged_at = now
        self.context.emit(EvseChanged(self.id))

    @property
    def allowance_spent(self) -> bool:
        """True when a transaction with an invalid token has used what it was still allowed."""
        tx = self.tx
        if tx is None or tx.invalid is None:
            return False
        allowed_wh = self.context.settings[MAX_ENERGY_ON_INVALID_WH]
        return (tx.last_mwh or 0) - (tx.invalid_at_mwh or 0) >= allowed_wh * 1000
