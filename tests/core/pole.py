"""A station without hardware: readings and commits are answered by the test, at once unless it says otherwise."""

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from firmware.core import events as ev
from firmware.core.context import EvseSpec
from firmware.core.evse import Evse
from firmware.core.facts import Fact, FactKind
from firmware.core.settings import BY_ID, Settings
from firmware.core.station import Station
from firmware.core.values import Registration, Token, TokenInfo, Verdict
from hal.types import Fault, FaultCode, Instant, LockState, MeterReading, PilotReading, PilotState, TimeTrust

CARD = Token("04A1B2C3")
OTHER = Token("04D4E5F6")
FAMILY = Token("FAMILY")
EPOCH_S = 1_780_272_000.0

E = TypeVar("E", bound=ev.Event)


class Pole:
    """One station and the people at it."""

    def __init__(
        self, *, evses: int = 1, lock: bool = False, supply_a: float | None = None, online: bool = True, **settings: str
    ) -> None:
        """Settings are named by their ids, with `__` for dots and `_` for hyphens."""
        names = {name.replace("__", ".").replace("_", "-"): value for name, value in settings.items()}
        assert set(names) <= set(BY_ID)
        keys = count(1)
        specs = [EvseSpec(number, 32.0, fixed_cable=not lock, has_lock=lock) for number in range(1, evses + 1)]
        self.station = Station(specs, Settings(names), lambda: f"tx-{next(keys)}", supply_a)
        self.now_s = 100.0
        self.import_mwh: int | None = 1_000_000
        self.events: list[ev.Event] = []
        self.prompt = True  # readings and commits are answered at once
        self.needed: list[ev.ReadingNeeded] = []
        if online:
            self.do(lambda station, now: station.connection_changed(True))
            self.do(lambda station, now: station.registered(Registration.ACCEPTED))
        for number in self.station.evses:
            self.pilot(PilotState.A, number)
        self.events.clear()

    # ---- time and events ----------------------------------------------------------------------------------------------

    def now(self) -> Instant:
        """The present moment."""
        return Instant(self.now_s, "boot", EPOCH_S + self.now_s, TimeTrust.SYNCHRONISED)

    def do(self, action: Callable[[Station, Instant], Any]) -> Any:
        """Call the station, and act upon its events as the engine would."""
        result = action(self.station, self.now())
        self.pump()
        return result

    def pump(self) -> None:
        """Act upon what the station says until it is silent."""
        while found := self.station.drain(self.now()):
            self.events += found
            for event in found:
                if isinstance(event, ev.ReadingNeeded):
                    self.needed.append(event)
                    if self.prompt:
                        self.read()
                elif isinstance(event, ev.FactRecorded) and event.fact.kind is FactKind.STARTED and self.prompt:
                    self.evse(event.fact.evse).stored(event.fact.transaction, self.now())

    def reading(self) -> MeterReading:
        """What the meter shows."""
        return MeterReading(import_mwh=self.import_mwh)

    def read(self, reading: MeterReading | None = None) -> None:
        """Answer the oldest question for a register."""
        needed = self.needed.pop(0)
        evse = self.evse(needed.evse)
        answer = reading or self.reading()
        if needed.ending:
            evse.finish(answer, self.now())
        else:
            evse.begin(answer, self.now())

    def later(self, seconds: float) -> None:
        """Time passes, and deadlines with it."""
        self.now_s += seconds
        self.do(lambda station, now: station.tick(now))

    def told(self, kind: type[E]) -> list[E]:
        """Events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def facts(self, kind: FactKind | None = None) -> list[Fact]:
        """Facts so far."""
        found = [event.fact for event in self.told(ev.FactRecorded)]
        return [fact for fact in found if kind is None or fact.kind is kind]

    def decisions(self) -> list[str]:
        """Reasons of all decisions on tokens so far."""
        return [event.reason for event in self.told(ev.TokenDecided)]

    # ---- people -------------------------------------------------------------------------------------------------------

    def evse(self, number: int = 1) -> Evse:
        """One EVSE."""
        return self.station.evses[number]

    def pilot(self, state: PilotState, number: int = 1, *, cable: bool | None = None) -> None:
        """The control pilot shows a state."""
        self.do(lambda station, now: station.pilot_changed(number, PilotReading(state, cable), now))

    def tap(self, token: Token = CARD, *evses: int) -> None:
        """A token is held to the reader."""
        self.do(lambda station, now: station.desk.present(token, evses, now))

    def answer(self, verdict: Verdict | None = Verdict.ACCEPTED, group: Token | None = None) -> None:
        """The central system answers its newest question; None: it does not."""
        query = self.told(ev.TokenQueryNeeded)[-1]
        info = None if verdict is None else TokenInfo(verdict, group)
        self.do(lambda station, now: station.desk.answer(query.query, info, now))

    def bolt(self, state: LockState = LockState.LOCKED, number: int = 1) -> None:
        """The bolt reached a position."""
        self.do(lambda station, now: self.evse(number).lock_changed(state, now))

    def fault(self, code: FaultCode, active: bool = True, number: int | None = 1) -> None:
        """A fault comes or goes; None: of the station."""
        fault = Fault(code, active)
        if number is None:
            self.do(lambda station, now: station.station_fault(fault, now))
        else:
            self.do(lambda station, now: self.evse(number).fault_changed(fault, now))

    def charge(self, token: Token = CARD, number: int = 1, group: Token | None = None) -> None:
        """Plug in, tap, be accepted, charge."""
        self.pilot(PilotState.B, number)
        self.tap(token, number)
        self.answer(group=group)
        if self.evse(number).spec.has_lock:
            self.bolt(number=number)
        self.pilot(PilotState.C, number)

    def learn(self, token: Token, info: TokenInfo) -> None:
        """The central system says something about a token."""
        self.do(lambda station, now: station.desk.learn(token, info, now))

    def refuse_running(self, number: int = 1) -> None:
        """The central system refuses the token of the running transaction."""
        tx = self.evse(number).running
        assert tx is not None
        self.do(lambda station, now: self.evse(number).deauthorise(tx.id, Verdict.BLOCKED, now))
