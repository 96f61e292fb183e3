"""A life that chance makes: people, vehicles, faults, commands, networks and crashes, with rules watched all the time.

The rules are those of the core: energy only where it is allowed, one transaction per EVSE, one start and one stop each, statuses
along the transition table, registers that add up.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from websockets.exceptions import ConnectionClosed

from firmware.core.authorisation import AuthState
from firmware.core.transaction import Phase
from firmware.core.values import Plug
from firmware.ocpp16.status import TRANSITIONS
from hal.mock.errors import Impossible
from tests.station.play import Play
from tests.station.scripted import Answer, Call

EVSES = (1, 2)
MEMBERS = ("04A1", "04A2")  # of one group
STRANGER = "04FF"
PATIENCE_S = 1.0  # for a contactor to open and be seen
LOOK_S = 0.25
FAULTS = ("ground-fault", "over-temperature", "diode", "lock-jammed", "over-voltage", "leakage")
KEYS = {
    "StopTransactionOnEVSideDisconnect": ("true", "false"),
    "UnlockConnectorOnEVSideDisconnect": ("true", "false"),
    "StopTransactionOnInvalidId": ("true", "false"),
    "MaxEnergyOnInvalidId": ("0", "300"),
    "LocalPreAuthorize": ("true", "false"),
    "MinimumStatusDuration": ("0", "3"),
    "MeterValueSampleInterval": ("0", "7", "60"),
    "ClockAlignedDataInterval": ("0", "60"),
    "ConnectionTimeOut": ("5", "60"),
}

Move = Callable[[], Awaitable[None]]


class RandomLife:
    """Plays `steps` moves and then lets everything come to rest. Raises AssertionError when a rule is broken."""

    def __init__(self, stage: Play, seed: int) -> None:
        self.stage = stage
        self.rng = Random(f"life/{seed}")
        self.broken: list[str] = []
        self.story: list[str] = []  # what was done, for whoever looks into a failure
        self._suspect_since: dict[str, float] = {}
        self._starts: dict[str, Answer] = {}  # by message id: a repeated start gets its first answer
        self._tasks: list[asyncio.Task[None]] = []  # what ends a trouble after a while
        self._invalid = 0.0  # how often a start is answered Invalid
        stage.csms.scripts["Authorize"] = self._authorise
        stage.csms.scripts["StartTransaction"] = self._start

    # ---- the central system -------------------------------------------------------------------------------------------

    def _authorise(self, call: Call) -> Answer:
        if call.payload["idTag"] in MEMBERS:
            return {"idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}}
        return {"idTagInfo": {"status": self.rng.choice(("Accepted", "Blocked"))}}

    def _start(self, call: Call) -> Answer:
        if call.id not in self._starts:
            status = "Invalid" if self.rng.random() < self._invalid else "Accepted"
            self._starts[call.id] = self.stage.csms.start(call, status)
        return self._starts[call.id]

    async def _ask(self, action: str, payload: dict[str, Any]) -> None:
        try:
            await self.stage.csms.ask(action, payload)
        except (ConnectionClosed, TimeoutError, IndexError):
            pass  # nobody is connected

    # ---- what can happen ----------------------------------------------------------------------------------------------

    async def session(self) -> None:
        """Somebody plugs in and shows a token, in either order."""
        evse, tag, plug_first = self._evse(), self.rng.choice(MEMBERS), self.rng.random() < 0.5
        if plug_first:
            self._plug(evse)
        else:
            self.stage.tap(tag, evse)
        await asyncio.sleep(self.rng.choice((0.0, 0.1, 3.0, 20.0)))
        if plug_first:
            self.stage.tap(tag, evse)
        else:
            self._plug(evse)

    async def leave(self) -> None:
        """Somebody shows the token again, and goes."""
        evse = self._evse()
        self.stage.tap(self.rng.choice(MEMBERS), evse)
        await asyncio.sleep(self.rng.choice((0.0, 0.3, 5.0)))
        self._unplug(evse)

    async def plug(self) -> None:
        """A vehicle comes."""
        self._plug(self._evse())

    def _plug(self, evse: int) -> None:
        car = self.rng.choice(("compact", "compact", "one-phase", "nearly-full", "never-asks"))
        self.stage.plug(evse, {"preset": car, "ask_delay_s": self.rng.choice((0.0, 1.0, 20.0))})

    async def unplug(self) -> None:
        """It goes."""
        self._unplug(self._evse())

    def _unplug(self, evse: int) -> None:
        """By whichever end comes out."""
        try:
            self.stage.do(f"evse/{evse}/unplug")
        except Impossible:
            self.stage.do(f"evse/{evse}/unplug", end="vehicle")

    async def pause(self) -> None:
        """A driver stops the charge in the vehicle, or goes on with it."""
        self.stage.do(f"evse/{self._evse()}/car/{self.rng.choice(('pause', 'resume', 'resume'))}")

    async def tap(self) -> None:
        """Somebody shows a token, at one EVSE or at a reader for all."""
        tag = self.rng.choice((*MEMBERS, STRANGER))
        self.stage.tap(tag, *self.rng.choice(((1,), (2,), EVSES)))

    async def remote_start(self) -> None:
        """By an app."""
        where = self.rng.choice(({}, {"connectorId": 1}, {"connectorId": 2}))
        await self._ask("RemoteStartTransaction", {"idTag": self.rng.choice(MEMBERS), **where})

    async def remote_stop(self) -> None:
        """Of the latest transactions, or of none."""
        number = max(len(self.stage.csms.transactions) - self.rng.choice((-1, 0, 0, 1, 5)), 0)
        await self._ask("RemoteStopTransaction", {"transactionId": number})

    async def availability(self) -> None:
        """Out of service, and back after a while."""
        connector = self.rng.choice((0, 1, 2))
        await self._ask("ChangeAvailability", {"connectorId": connector, "type": "Inoperative"})
        self._later(self._ask, "ChangeAvailability", {"connectorId": connector, "type": "Operative"})

    async def unlock(self) -> None:
        """The hotline unlocks a connector."""
        await self._ask("UnlockConnector", {"connectorId": self._evse()})

    async def configure(self) -> None:
        """A key changes."""
        key = self.rng.choice(sorted(KEYS))
        await self._ask("ChangeConfiguration", {"key": key, "value": self.rng.choice(KEYS[key])})

    async def fault(self) -> None:
        """Something breaks, best where energy flows, and is mended after a while."""
        busy = [evse for evse in EVSES if sum(self.stage.world.evse(evse).drawn_a()) > 0]
        path, code = f"evse/{self.rng.choice(busy or EVSES)}/fault", self.rng.choice(FAULTS)
        self.stage.do(path, code=code, active=True)
        self._later(self._do, path, {"code": code, "active": False})

    async def emergency(self) -> None:
        """Somebody hits the button, and somebody turns it back."""
        self.stage.do("fault", code="emergency-stop", active=True)
        self._later(self._do, "fault", {"code": "emergency-stop", "active": False})

    async def limit(self) -> None:
        """The energy manager."""
        self.stage.do("limit", current_a=self.rng.choice((0.0, 7.0, 20.0)))
        self._later(self._do, "limit", {"current_a": None})

    async def network(self) -> None:
        """The line is gone for a while."""
        self.stage.do("network", mode=self.rng.choice(("down", "black_hole")))
        self._later(self._do, "network", {"mode": "up"})

    async def cut(self) -> None:
        """A connection breaks."""
        if self.stage.csms.connections:
            self.stage.csms.connections[-1].transport.abort()

    async def mood(self) -> None:
        """The central system becomes suspicious, or trusting."""
        self._invalid = self.rng.choice((0.0, 0.0, 0.7))

    async def kill(self) -> None:
        """SIGKILL, and a new start."""
        await self.stage.kill_station()
        await asyncio.sleep(self.rng.choice((0.1, 5.0, 60.0)))
        await self.stage.start_station()

    async def reset(self) -> None:
        """By the central system."""
        await self._ask("Reset", {"type": self.rng.choice(("Soft", "Hard"))})
        await asyncio.sleep(30)

    def _evse(self) -> int:
        return self.rng.choice(EVSES)

    async def _do(self, path: str, body: dict[str, Any]) -> None:
        self.stage.do(path, **body)

    def _later(self, act: Callable[[str, dict[str, Any]], Awaitable[None]], what: str, body: dict[str, Any]) -> None:
        """Do something after a while, as soon as the program runs then."""
        delay_s = self.rng.choice((0.2, 3.0, 30.0, 200.0))

        async def wait() -> None:
            await asyncio.sleep(delay_s)
            await self.stage.until(lambda: self.stage.alive, 600)
            await act(what, body)

        self._tasks.append(asyncio.create_task(wait()))

    def _moves(self) -> list[Move]:
        often = [self.session] * 8 + [self.leave] * 4 + [self.tap] * 3 + [self.unplug] * 2 + [self.plug, self.pause]
        commands = [self.remote_start, self.remote_stop, self.availability, self.unlock, self.configure, self.mood]
        troubles = [self.fault, self.fault, self.emergency, self.limit, self.network, self.cut, self.kill, self.reset]
        return [*often, *commands, *troubles]

    async def live(self, steps: int) -> None:
        """The whole life."""
        watching = asyncio.create_task(self._watch())
        try:
            moves = self._moves()
            for _ in range(steps):
                move: Any = self.rng.choice(moves)
                self.story.append(f"{self.stage.sim.loop.time():.2f} {move.__name__}")
                try:
                    await move()
                except Impossible:
                    self.story.append("  (not possible)")
                await asyncio.sleep(self.rng.choice((0.05, 0.4, 2.0, 10.0, 45.0, 150.0)))
                self._verdict()
            await asyncio.gather(*self._tasks)
            await self._rest()
        finally:
            for task in (watching, *self._tasks):
                task.cancel()
        self.check_books()
        self.check_statuses()
        self._verdict()

    def _verdict(self) -> None:
        assert not self.broken, "\n".join([*self.broken, "after:", *self.story])

    async def _rest(self) -> None:
        """Everything is mended, everybody goes home, everything is told."""
        stage = self.stage
        stage.do("network", mode="up")
        stage.do("limit", current_a=None)
        stage.do("fault", code="emergency-stop", active=False)
        for evse, code in itertools.product(EVSES, FAULTS):
            stage.do(f"evse/{evse}/fault", code=code, active=False)
        await stage.until(lambda: stage.app.engine.station.context.online, 3600)
        for evse in EVSES:
            await self._ask("UnlockConnector", {"connectorId": evse})
            await asyncio.sleep(5)
            cable = stage.world.evse(evse).cable
            if cable.at_vehicle or (cable.at_station and not cable.fixed):
                stage.do(f"evse/{evse}/unplug")
        await self._ask("ChangeConfiguration", {"key": "MinimumStatusDuration", "value": "0"})
        await self._ask("ChangeConfiguration", {"key": "ClockAlignedDataInterval", "value": "0"})
        await self._ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})
        await asyncio.sleep(120)
        for transaction in self.stage.csms.transactions:
            if transaction["stop"] is None:
                await self._ask("RemoteStopTransaction", {"transactionId": transaction["id"]})
        await asyncio.sleep(10)
        await stage.delivered(3600)
        await asyncio.sleep(5)
        for evse in EVSES:
            if stage.status_now(evse) != "Available":
                self.broken.append(f"EVSE {evse} is {stage.status_now(evse)} when everybody has gone")

    # ---- rules ----------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self.stage.alive:
                for evse in EVSES:
                    self._watch_energy(evse)
                self._watch_limit()

    def _watch_energy(self, number: int) -> None:
        evse = self.stage.app.engine.station.evses[number]
        tx = evse.tx
        allowed = (
            tx is not None
            and tx.phase is Phase.OPEN
            and tx.durable
            and evse.auth.state is AuthState.GRANTED
            and not evse.blocked
            and evse.plug is Plug.VEHICLE
        )
        self._suspicion(f"energy at EVSE {number}", sum(self.stage.world.evse(number).drawn_a()) > 0 and not allowed)

    def _watch_limit(self) -> None:
        drawn_a = sum(max(self.stage.world.evse(evse).drawn_a()) for evse in EVSES)
        limit_a = self.stage.world.limit_a
        over = limit_a is not None and drawn_a > limit_a + 0.05
        self._suspicion(f"{drawn_a:.1f} A for a limit of {limit_a} A", over, key="limit")

    def _suspicion(self, text: str, present: bool, key: str | None = None) -> None:
        key = key or text
        now_s = self.stage.sim.loop.time()
        if not present:
            self._suspect_since.pop(key, None)
        elif now_s - self._suspect_since.setdefault(key, now_s) > PATIENCE_S:
            self.broken.append(f"{now_s:.2f} {text}")

    def check_books(self) -> None:
        """One stop for each start, and registers that lead from one transaction to the next."""
        csms = self.stage.csms
        for evse in EVSES:
            at_wh = 0
            for transaction in (each for each in csms.transactions if each["start"]["connectorId"] == evse):
                start, stop = transaction["start"], transaction["stop"]
                if stop is None:
                    self.broken.append(f"transaction {transaction['id']} was never stopped")
                    return
                if start["meterStart"] != at_wh or stop["meterStop"] < at_wh or stop["timestamp"] < start["timestamp"]:
                    self.broken.append(f"transaction {transaction['id']} does not follow on {at_wh} Wh: {start} {stop}")
                at_wh = stop["meterStop"]
            if at_wh != self.stage.meter_wh(evse):
                self.broken.append(f"EVSE {evse}: {at_wh} Wh told, {self.stage.meter_wh(evse)} Wh delivered")
        stops = {call.id for call in csms.named("StopTransaction")}
        if len(stops) != len(csms.transactions):
            self.broken.append(f"{len(csms.transactions)} transactions, {len(stops)} stops")

    def check_statuses(self) -> None:
        """On one connection every status follows the one before along the table."""
        told: dict[tuple[int, int], str] = {}
        for call in self.stage.csms.named("StatusNotification"):
            place, status = (call.connection, call.payload["connectorId"]), call.payload["status"]
            before: Any = told.get(place)
            if before is not None and before != status and status not in TRANSITIONS[before]:
                self.broken.append(f"{call.at:.2f} connector {place[1]} from {before} to {status}")
            told[place] = status
