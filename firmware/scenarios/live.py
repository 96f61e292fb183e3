"""The program that runs here as a stage, in its own time; and a central system that only its operator can command."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from firmware.core.settings import BY_ID
from firmware.frame_rules import Rule
from firmware.scenarios.conversation import Conversation
from firmware.scenarios.eyes import look, remote_id
from firmware.scenarios.stage import CentralSystem, Entry, Impossible, NotHere, Reply
from hal.errors import HalError
from hal.mock.actions import perform

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.core.station import Station
    from firmware.frame_rules import FrameRules
    from hal.mock.world import World

LOOK_S: Final = 0.1
LONG_WAIT_S: Final = 10.0
FAST: Final = 120.0  # times real time, while a long wait passes


class Operator:
    """A central system of which only the operator has the controls: a command is one that the operator is asked to send.

    `ask` shows the request to people.
    """

    def __init__(self, conversation: Conversation, ask: Callable[[str], None]) -> None:
        self._conversation = conversation
        self._ask = ask

    async def command(self, action: str, payload: Mapping[str, Any], timeout_s: float) -> Reply:
        mark = self._conversation.mark
        self._ask(f"let the central system send {action} {dict(payload)} within {timeout_s:g} s")
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for exchange in self._conversation.since(mark):
                        if exchange.origin == "csms" and exchange.action == action and exchange.answered:
                            return Reply(exchange.answer, exchange.error)
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return Reply(why=f"the central system did not send {action}")

    async def stop(self) -> None:
        raise NotHere("only the reference central system can be stopped from here")

    async def start(self) -> None:
        raise NotHere("only the reference central system can be started from here")

    def close(self) -> None:
        raise NotHere("only the reference central system closes connections when it is told to")

    def set_token(self, token: str, status: str) -> None:
        raise NotHere("the tokens of this central system are its operator's business")

    def set_faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        raise NotHere("only the reference central system misbehaves when it is told to; use a frame rule")

    def books(self) -> Sequence[Entry]:
        raise NotHere("the books of this central system cannot be read from here")


class LiveStage:
    """A running program on a mock board. `central` None: one that only its operator can command, whom `ask` asks.

    A program that started again is attached anew; in between nothing can be done or seen.
    """

    def __init__(
        self,
        app: "App",
        central: CentralSystem | None = None,
        *,
        ask: Callable[[str], None],
        files_url: str | None = None,
        longest_wait_s: float | None = None,
    ) -> None:
        """`longest_wait_s` cuts waits that are longer."""
        self.files_url = files_url
        self._longest_wait_s = longest_wait_s
        self._present: App | None = None
        self._deaf: Callable[[], None] = _nothing
        self._latest_protocol: str | None = None
        self._fast_waits = central is not None
        self.conversation = Conversation(app.clock.monotonic)
        self.central: CentralSystem = central or Operator(self.conversation, ask)
        self.attach(app)

    def attach(self, app: "App") -> None:
        """This is the program now."""
        self._present = app
        self._deaf = app.frames.listen(
            lambda frame: self.conversation.hear(frame.text, from_station=frame.direction == "out")
        )

    def detach(self) -> None:
        """The program has ended."""
        self._present = None
        self._deaf()
        self._deaf = _nothing

    @property
    def _app(self) -> "App":
        if self._present is None:
            raise Impossible("the station's program does not run")
        return self._present

    @contextmanager
    def prepared(self, settings: Mapping[str, str]) -> Iterator[None]:
        """Settings for the length of a run; at its end they, the network and the frames are themselves again.

        Raises NotHere on real hardware.
        """
        if self._app.board.world is None:
            raise NotHere("this board has real hardware; scenarios need a mock board")
        before = {name: value for name, value in self._app.engine.station.settings if name in settings}
        try:
            self._change(settings)
            yield
        finally:
            if self._present is not None:
                self._rules.clear()
                perform(self._world, "network", {"mode": "up", "latency_s": 0.0})
                self._change(before)
            self.detach()

    def _change(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            self._app.engine.apply(partial(_set, name, value))

    async def wait(self, seconds: float) -> None:
        """Long waits pass quickly where the central system shares our clock."""
        clock = self._world.clock
        if self._longest_wait_s is not None:
            seconds = min(seconds, self._longest_wait_s)
        fast = self._fast_waits and seconds > LONG_WAIT_S and clock.speed < FAST
        if not fast:
            await asyncio.sleep(seconds)
            return
        speed = clock.speed
        clock.set_speed(FAST)
        try:
            await asyncio.sleep(seconds)
        finally:
            clock.set_speed(speed)

    @property
    def protocol(self) -> str | None:
        if self._present is not None:
            self._latest_protocol = self._present.connection.link.status.protocol or self._latest_protocol
        return self._latest_protocol

    @property
    def _world(self) -> "World":
        world = self._app.board.world
        if world is None:
            raise NotHere("this board has real hardware; scenarios need a mock board")
        return world

    @property
    def _rules(self) -> "FrameRules":
        rules = self._app.connection.rules
        if rules is None:
            raise NotHere("this board has real hardware; frame rules need a mock board")
        return rules

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._world.clock.true_wall(), UTC)

    async def perform(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            perform(self._world, path, body)
        except HalError as error:
            raise Impossible(str(error)) from None

    def seen(self, evse: int) -> Mapping[str, Any]:
        return {} if self._present is None else look(self._present, evse)

    def transaction(self, evse: int) -> str | None:
        return None if self._present is None else remote_id(self._present, evse)

    def meter_wh(self) -> int:
        return sum(evse.import_mwh() // 1000 for evse in self._world.evses)

    async def add_rule(self, rule: Rule) -> None:
        self._rules.add(rule)

    async def release(self) -> None:
        self._rules.release()

    async def clear_rules(self) -> None:
        self._rules.clear()

    async def set_power(self, on: bool) -> None:
        raise NotHere("only a station in virtual time lives through a power cut")


def _nothing() -> None:
    """Nobody listens."""


def _set(name: str, value: str, station: "Station", _now: object) -> None:
    station.set_setting(BY_ID[name], value)
