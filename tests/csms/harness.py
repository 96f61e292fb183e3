"""Drives the core without a socket: a station's texts in, texts out, and time that moves only when told to."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.core.effects import Await, Close, DomainEvent, Effect, Emit, Outcome, Resolve, Send
from csms.core.engine import Core
from csms.core.events import Command, Connected, Disconnected, Done, Event, Moment, Received, Timer
from csms.core.policy import Policy
from csms.core.router import Router
from csms.core.store import Record
from csms.memory import MemoryStore

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class JsonStore(MemoryStore):
    """A memory store that proves what it is given to be JSON, and shares no object with anyone."""

    def get(self, table: str, owner: str, key: str) -> Record | None:
        found: Record | None = _copy(super().get(table, owner, key))
        return found

    def put(self, table: str, owner: str, key: str, value: Record) -> None:
        super().put(table, owner, key, _copy(value))

    def first(self, table: str, owner: str) -> tuple[str, Record] | None:
        found = super().first(table, owner)
        return None if found is None else (found[0], _copy(found[1]))

    def items(self, table: str, owner: str) -> list[tuple[str, Record]]:
        return [(key, _copy(value)) for key, value in super().items(table, owner)]

    def append(self, log: str, owner: str, entry: Record) -> None:
        super().append(log, owner, _copy(entry))

    def entries(self, log: str, owner: str, limit: int | None = None) -> list[Record]:
        return [_copy(entry) for entry in super().entries(log, owner, limit)]


def _copy(value: Any) -> Any:
    copied = json.loads(json.dumps(value, allow_nan=False))
    assert copied == value, "not JSON: it changed on its way through text"
    return copied


class Harness:
    """One core with a store, stations connected to it, and a clock."""

    def __init__(self, router: Router, policy: Policy | None = None) -> None:
        self.now_s = 1000.0
        self.store = JsonStore()
        numbers = itertools.count(1)
        self.core = Core(router, new_id=lambda: f"csms-{next(numbers)}", policy=policy)
        self.effects: list[Effect] = []
        self._connections = itertools.count(1)
        self._messages = itertools.count(1)

    @property
    def at(self) -> Moment:
        return Moment(self.now_s, START + timedelta(seconds=self.now_s - 1000))

    def handle(self, event: Event) -> list[Effect]:
        self.effects = self.core.handle(event, self.store)
        return self.effects

    def connect(self, station: str = "CP1", protocol: str = "ocpp1.6") -> str:
        connection = f"c{next(self._connections)}"
        self.handle(Connected(station, protocol, connection, self.at))
        return connection

    def disconnect(self, connection: str) -> list[Effect]:
        return self.handle(Disconnected(connection, self.at, 1006))

    def text(self, connection: str, text: str | bytes) -> list[Any]:
        """Give the core a text and return the texts it sends back there, decoded."""
        self.handle(Received(connection, text, self.at))
        return self.sent(connection)

    def call(self, connection: str, action: str, payload: Any, message_id: str | None = None) -> Any:
        """Call the central system and return its one answer."""
        message_id = message_id or f"m{next(self._messages)}"
        sent = self.text(connection, json.dumps([2, message_id, action, payload]))
        answers = [each for each in sent if each[0] != 2]
        assert len(answers) == 1, sent
        assert answers[0][1] == message_id
        return answers[0]

    def result(self, connection: str, action: str, payload: Any, message_id: str | None = None) -> Any:
        """The payload of the answer, which must be a result."""
        answer = self.call(connection, action, payload, message_id)
        assert answer[0] == 3, answer
        return answer[2]

    def command(
        self,
        action: str = "Reset",
        payload: str = '{"type":"Soft"}',
        *,
        station: str = "CP1",
        command_id: str = "k1",
        timeout_s: float = 30.0,
        key: str | None = None,
    ) -> list[Effect]:
        deadline_s = self.now_s + timeout_s
        return self.handle(Command(command_id, station, action, payload, deadline_s, self.at, key))

    def timer(self, message_id: str, station: str = "CP1") -> list[Effect]:
        return self.handle(Timer(station, message_id, self.at))

    def finish(self, result: Any, job: Await | None = None) -> list[Effect]:
        """End the asynchronous handler that the last event started."""
        job = job or next(effect for effect in self.effects if isinstance(effect, Await))
        return self.handle(Done(job.job, result, self.at))

    def sent(self, connection: str | None = None) -> list[Any]:
        """What the last event made the core send, decoded."""
        return [
            json.loads(effect.text)
            for effect in self.effects
            if isinstance(effect, Send) and connection in (None, effect.connection)
        ]

    def outcomes(self) -> dict[str, Outcome]:
        return {effect.command_id: effect.outcome for effect in self.effects if isinstance(effect, Resolve)}

    def events(self, kind: str) -> list[DomainEvent]:
        return [effect.event for effect in self.effects if isinstance(effect, Emit) and effect.event.kind == kind]

    def remarks(self) -> list[str]:
        return [event.data["what"] for event in self.events("remark")]

    def closed(self) -> list[Close]:
        return [effect for effect in self.effects if isinstance(effect, Close)]
