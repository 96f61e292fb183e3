"""Whatever happens in whatever order, the books are exact and energy flows only where it may."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.core import events as ev
from firmware.core import power
from firmware.core.facts import FactKind
from firmware.core.transaction import Phase, Transaction
from firmware.core.values import Energy, Plug, ResetKind, Token, Verdict
from firmware.ocpp16.status import TRANSITIONS, path, status_of
from hal.types import FaultCode, LockState, PilotState
from tests.core.pole import CARD, FAMILY, OTHER, Pole

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

    @rule(number=_evses, state=st.sampled_from("ABCEF"), cable=st.booleans())
    def pilot(self, number: int, state: str, cable: bool) -> None:
        self.pole.pilot(PilotState(state), number, cable=cable or state in "BC")

    @rule(token=_tokens, number=st.sampled_from((None, 1, 2)))
    def tap(self, token: Token, number: int | None) -> None:
        self.pole.tap(token, *([number] if number else []))

    @rule(verdict=st.sampled_from((None, Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.BLOCKED)))
    def answer(self, verdict: Verdict | None) -> None:
        if self.pole.told(ev.TokenQueryNeeded):
            self.pole.answer(verdict, FAMILY)

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
        """The sum of what is offered stays within the smallest limit of the station."""
        context = self.pole.station.context
        limit_a = min(SUPPLY_A, SUPPLY_A if context.limit_a is None else context.limit_a)
        assert sum(power.desired(evse).offer_a for evse in self.pole.station.evses.values()) <= limit_a + 1e-6

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
