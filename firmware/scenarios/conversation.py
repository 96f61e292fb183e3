"""What station and central system say to each other, as exchanges: each CALL with its answer."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from ocpp_client.dialects import CALL, CALLERROR, CALLRESULT

Origin = Literal["station", "csms"]

KEPT: Final = 20_000  # exchanges; a scenario of days at a short sample interval has fewer


@dataclass(slots=True, eq=False)
class Exchange:
    """One CALL. `answer` is the payload of its CALLRESULT, `error` the code of its CALLERROR; None: not there yet."""

    number: int
    origin: Origin
    id: str
    action: str
    payload: dict[str, Any]
    at_s: float
    answer: dict[str, Any] | None = None
    error: str | None = None
    taken: bool = False  # by an expectation

    @property
    def answered(self) -> bool:
        """Whether its answer has come."""
        return self.answer is not None or self.error is not None


class Conversation:
    """Every exchange since it began to listen. `clock` gives seconds for `at_s`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._exchanges: list[Exchange] = []
        self._open: dict[tuple[Origin, str], Exchange] = {}
        self._count = 0

    def hear(self, text: str, *, from_station: bool) -> None:
        """One frame. What is no frame of OCPP-J is not part of the conversation."""
        try:
            items = json.loads(text)
        except ValueError:
            return
        if not isinstance(items, list) or len(items) < 3:
            return
        speaker: Origin = "station" if from_station else "csms"
        asker: Origin = "csms" if from_station else "station"
        match items:
            case [kind, str(message_id), str(action), dict(payload)] if kind == CALL:
                self._called(speaker, message_id, action, payload)
            case [kind, str(message_id), dict(payload)] if kind == CALLRESULT:
                exchange = self._open.pop((asker, message_id), None)
                if exchange is not None:
                    exchange.answer = payload
            case [kind, str(message_id), str(code), *_] if kind == CALLERROR:
                exchange = self._open.pop((asker, message_id), None)
                if exchange is not None:
                    exchange.error = code

    def _called(self, origin: Origin, message_id: str, action: str, payload: dict[str, Any]) -> None:
        self._count += 1
        exchange = Exchange(self._count, origin, message_id, action, payload, self._clock())
        self._open[origin, message_id] = exchange
        self._exchanges.append(exchange)
        del self._exchanges[:-KEPT]

    @property
    def mark(self) -> int:
        """The number of the newest exchange; 0 before the first."""
        return self._count

    def since(self, mark: int) -> Iterator[Exchange]:
        """Exchanges that began after a mark, oldest first."""
        return (exchange for exchange in self._exchanges if exchange.number > mark)

    def by_id(self, message_id: str) -> Exchange | None:
        """The newest CALL of the central system under an id."""
        found = (each for each in reversed(self._exchanges) if each.origin == "csms" and each.id == message_id)
        return next(found, None)
