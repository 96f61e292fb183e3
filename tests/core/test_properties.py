"""Whatever happens in whatever order, the books are exact and energy flows only where it may."""

from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.core import events as ev
from firmware.core import power
from firmware.core.authorisation import AuthState
from firmware.core.facts import FactKind
from firmware.core.profiles import Kind, Period, Profile, Purpose, RateUnit, Schedule
from firmware.core.solver import leading
from firmware.core.transaction import Phase, Transaction
from firmware.core.values import Energy, Plug, Reservation, ResetKind, Token, Verdict
from firmware.ocpp16.status import TRANSITIONS, path, status_of
from hal.types import FaultCode, LockState, PilotState
from tests.core.pole import CARD, EPOCH_S, FAMILY, OTHER, Pole

SUPPLY_A = 40.0
_evses = st.sampled_from((1, 2))
_tokens = st.sampled_from((CARD, OTHER, FAMILY))
_codes = st.sampled_from((FaultCode.DIODE, FaultCode.GROUND_FAULT, FaultCode.READER_LOST, FaultCode.WELDED_CONTACTOR))


class StationMachine(RuleBasedStateMachine):
    """Two EVSEs with locks, one supply, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.pole = Pole(
            evses=2, lock=True, supply_a=SUPPLY_A, tx__stop_on_invalid="false", auth__local_pre_authorize="true"
        )
        self.told = {number: status_of(evse).status for number, evse in self.pole.station.evses.items()}
        self.kept: dict[str, bytes] = {}
        self.seen = 0
        self.profiles = 0

    @rule(number=_evses, state=st.sampled_from("ABCEF"), cable=st.booleans())
    def pilot(self, number: int, state: str, cable: bool) -> None:
        self.pole.pilot(PilotState(state), number, cable=cable or state in "BC")

    @rule(token=_tokens, number=st.sampled_from((None, 1, 2)))
    def tap(self, token: Token, number: int | None) -> None:
        self.pole.tap(token, *([number] if number else []))

    @rule(
        verdict=st.sampled_from((None, Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.BLOCKED)),
        group=st.sampled_from((None, FAMILY)),
    )
    def answer(self, verdict: Verdict | None, group: Token | None) -> None:
        if self.pole.told(ev.TokenQueryNeeded):
            self.pole.answer(verdict, group)

    @rule(token=_tokens, number=_evses)
    def charge(self, token: Token, number: int) -> None:
        """Everything that a charge needs, in one go: by single steps one is seldom reached."""
        self.hesitate(True)
        self.surroundings(True, True)
        self.availability(0, True)
        self.limit(None)
        for code in list(self.pole.evse(number).faults):
            self.fault(number, code, False)
        for code in list(self.pole.station.context.faults):
            self.fault(None, code, False)
        self.pilot(number, "B", cable=True)
        self.tap(token, number)
        self.answer(Verdict.ACCEPTED, None)
        self.bolt(number, LockState.LOCKED)
        self.pilot(number, "C", cable=True)

    @rule(number=_evses, state=st.sampled_from((LockState.LOCKED, LockState.LOCKED, LockState.UNLOCKED)))
    def bolt(self, number: int, state: LockState) -> None:
        self.pole.bolt(state, number)

    @rule(number=st.sampled_from((None, 1, 2)), code=_codes, active=st.booleans())
    def fault(self, number: int | None, code: FaultCode, active: bool) -> None:
        self.pole.fault(code, active, number)

    @rule(number=st.sampled_from((0, 1, 2)), operative=st.booleans())
    def availability(self, number: int, operative: bool) -> None:
        self.pole.do(lambda station, now: station.set_availability(number, operative, now))

    @rule(number=st.sampled_from((None, 1, 2)), token=_tokens)
    def remote_start(self, number: int | None, token: Token) -> None:
        self.pole.do(lambda station, now: station.start_remote(number, token, now))

    @rule(number=_evses, how=st.sampled_from(("stop", "unlock", "refuse")))
    def remote_end(self, number: int, how: str) -> None:
        running = self.pole.evse(number).running
        if how == "unlock":
            self.pole.do(lambda station, now: station.stop_for_unlock(number, now))
        elif running is not None and how == "stop":
            self.pole.do(lambda station, now: station.stop_remote(running.id, now))
        elif running is not None:
            self.pole.refuse_running(number)

    @rule(limit_a=st.sampled_from((None, 0.0, 5.0, 11.0, 16.5, 80.0)))
    def limit(self, limit_a: float | None) -> None:
        self.pole.do(lambda station, now: station.limit_changed(limit_a, now))

    @rule(
        number=st.sampled_from((None, 1, 2)), key=st.integers(1, 2), token=_tokens, seconds=st.sampled_from((30, 600))
    )
    def reserve(self, number: int | None, key: int, token: Token, seconds: int) -> None:
        until_s = EPOCH_S + self.pole.now_s + seconds
        wanted = Reservation(key, number, token, FAMILY, until_s)
        self.pole.do(lambda station, now: station.reservations.reserve(wanted, now))

    @rule(key=st.integers(1, 2))
    def cancel(self, key: int) -> None:
        self.pole.do(lambda station, now: station.reservations.cancel(key))

    @rule(
        where=st.sampled_from(
            ((Purpose.STATION_MAX, 0), *((Purpose.TX_DEFAULT, n) for n in (0, 1, 2)), (Purpose.TX, 1), (Purpose.TX, 2))
        ),
        limits_a=st.lists(st.sampled_from(("0", "5.9", "6", "10.1", "17", "33")), min_size=1, max_size=3),
        stack=st.integers(0, 1),
    )
    def profile(self, where: tuple[Purpose, int], limits_a: list[str], stack: int) -> None:
        self.profiles += 1
        start_ms = round((EPOCH_S + self.pole.now_s) * 1000)
        periods = tuple(Period(30 * place, Decimal(limit_a)) for place, limit_a in enumerate(limits_a))
        schedule = Schedule(RateUnit.CURRENT, periods, start_ms=start_ms)
        purpose, number = where
        profile = Profile(self.profiles, number, purpose, stack, Kind.ABSOLUTE, schedule)
        self.pole.do(lambda station, now: station.limits.install(profile, now, replaces_slot=True))

    @rule(connected=st.booleans(), ok=st.booleans())
    def surroundings(self, connected: bool, ok: bool) -> None:
        self.pole.do(lambda station, now: station.connection_changed(connected))
        self.pole.do(lambda station, now: station.storage_changed(ok, now))

    @rule(prompt=st.booleans())
    def hesitate(self, prompt: bool) -> None:
        """Meter and disk answer at once, or only when `read` comes."""
        self.pole.prompt = prompt

    @rule()
    def read(self) -> None:
        if self.pole.needed:
            self.pole.read()
            self.pole.pump()

    @rule(number=_evses, stored=st.booleans())
    def disk(self, number: int, stored: bool) -> None:
        tx = self.pole.evse(number).running
        if tx is not None and not tx.durable and stored:
            self.pole.do(lambda station, now: station.evses[number].stored(tx.id, now))
        elif tx is not None and not tx.durable:
            self.pole.do(lambda station, now: station.evses[number].not_stored(tx.id, now))
            self.kept.pop(tx.id, None)

    @rule(seconds=st.sampled_from((1.0, 59.0, 61.0)), mwh=st.integers(0, 5_000_000))
    def time(self, seconds: float, mwh: int) -> None:
        assert self.pole.import_mwh is not None
        self.pole.import_mwh += mwh
        self.pole.later(seconds)

    # ---- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def energy_flows_only_where_it_may(self) -> None:
        """Invariant 1, word for word."""
        for evse in self.pole.station.evses.values():
            if power.desired(evse).close or evse.energy is Energy.FLOWING:
                assert evse.tx is not None
                assert evse.tx.phase is Phase.OPEN
                assert evse.tx.durable
                assert evse.auth.token is not None
                assert evse.plug is Plug.VEHICLE
                assert evse.lock_state is LockState.LOCKED
                assert not evse.faults.keys() - {FaultCode.READER_LOST}
                assert not evse.context.faults.keys() - {FaultCode.READER_LOST}
                assert evse.tx.invalid is None
                assert power.limit_a(evse) >= 6.0

    @invariant()
    def the_supply_is_never_exceeded(self) -> None:
        """The sum of what is offered stays within the smallest limit of the station, that of charging profiles included."""
        limits = [SUPPLY_A, self.pole.station.context.limit_a, self._profile_a(Purpose.STATION_MAX, 0)]
        offers = [power.desired(evse).offer_a for evse in self.pole.station.evses.values()]
        assert sum(offers) <= min(limit for limit in limits if limit is not None) + 1e-6

    @invariant()
    def no_evse_offers_more_than_its_profiles_allow(self) -> None:
        """That of the transaction, or else the default."""
        for number, evse in self.pole.station.evses.items():
            limit_a = self._profile_a(Purpose.TX, number)
            limit_a = self._profile_a(Purpose.TX_DEFAULT, 0, number) if limit_a is None else limit_a
            assert limit_a is None or power.desired(evse).offer_a <= limit_a

    def _profile_a(self, purpose: Purpose, *evses: int) -> float | None:
        now_ms = round((EPOCH_S + self.pole.now_s) * 1000)
        led = leading(self.pole.station.limits.profiles.of(purpose, *evses), now_ms, now_ms)
        return None if led is None else float(led[1].limit)

    @invariant()
    def who_is_granted_a_reserved_evse_is_whom_it_is_reserved_for(self) -> None:
        """The token itself, or one of its group."""
        for held in self.pole.station.reservations:
            auth = self.pole.evse(held.evse).auth if held.evse is not None else None
            if auth is not None and auth.state is AuthState.GRANTED:
                assert auth.token is not None
                assert held.admits(auth.token, auth.group)

    @invariant()
    def each_transaction_has_one_start_then_one_end(self) -> None:
        """Facts count without gaps; nothing before the start, nothing after the end; one transaction at a time."""
        per_tx: dict[str, list[FactKind]] = {}
        open_at: dict[int, str] = {}
        for fact in self.pole.facts():
            if fact.kind is FactKind.METERED:
                continue
            kinds = per_tx.setdefault(fact.transaction, [])
            assert fact.seq == len(kinds)
            assert (fact.kind is FactKind.STARTED) is (fact.seq == 0)
            assert FactKind.ENDED not in kinds
            if fact.kind is FactKind.STARTED:
                open_at[fact.evse] = fact.transaction
            assert open_at[fact.evse] == fact.transaction
            kinds.append(fact.kind)

    @invariant()
    def every_watt_hour_belongs_to_one_transaction(self) -> None:
        """A transaction begins at or above the register at which the one before it ended."""
        last: dict[int, int] = {}
        for fact in self.pole.facts():
            assert fact.meter_wh is not None
            assert fact.meter_wh >= last.get(fact.evse, 0)
            last[fact.evse] = fact.meter_wh

    @invariant()
    def the_record_on_disk_is_the_transaction(self) -> None:
        """Invariant 7: recovered from its last record, a transaction is what it was when that was written."""
        recorded = self.pole.told(ev.FactRecorded)
        for event in recorded[self.seen :]:
            if event.keep is None:
                self.kept.pop(event.fact.transaction, None)
            else:
                self.kept[event.fact.transaction] = event.keep
        self.seen = len(recorded)
        for evse in self.pole.station.evses.values():
            tx = evse.running
            if tx is not None:
                again = Transaction.recovered(self.kept[tx.id], [])
                assert (again.id, again.evse, again.token, again.next_seq) == (tx.id, evse.id, tx.token, tx.next_seq)
                assert (again.started, again.start_mwh) == (tx.started, tx.start_mwh)
                assert again.invalid == tx.invalid

    @invariant()
    def statuses_move_along_the_table(self) -> None:
        """Invariant 6: what is told takes legal steps only, without a detour over a fault that is not there."""
        for number, evse in self.pole.station.evses.items():
            before, now = self.told[number], status_of(evse).status
            for step in path(before, now):
                assert step == before or step in TRANSITIONS[before]
                before = step
            self.told[number] = now

    def teardown(self) -> None:
        """A reset at the end closes every transaction."""
        self.pole.prompt = True
        self.pole.do(lambda station, now: station.reset(ResetKind.SOFT, now))
        while self.pole.needed:
            self.pole.read()
            self.pole.pump()
        assert all(evse.tx is None for evse in self.pole.station.evses.values())


TestStation = StationMachine.TestCase
TestStation.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
