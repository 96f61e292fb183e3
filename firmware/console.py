"""The life of the charge point in readable lines, for a person at a terminal."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from firmware.core import events as ev
from firmware.core.facts import FactKind
from ocpp_client.link_status import LinkState, LinkStatus

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.frames import Frame

log = logging.getLogger(__name__)

_LINK_WORDS = {
    LinkState.DIALLING: "dialling {url}",
    LinkState.CONNECTED: "connected, {protocol}",
    LinkState.ONLINE: "accepted by the central system",
}
_TELLING = ("status", "idTagInfo", "currentTime", "transactionId")


class Console:
    """Writes one line for each thing that happens. An output that takes no more is left alone: the charge point goes on."""

    def __init__(self, app: "App", out: TextIO) -> None:
        self._app = app
        self._out: TextIO | None = out
        self._words: dict[int, str] = {}
        self._open: dict[str, tuple[str, str]] = {}  # message id -> direction and action of a CALL without answer yet
        self._starts: dict[str, int | None] = {}

    def attach(self) -> Callable[[], None]:
        """Follow the program; returns what ends it."""
        self._app.engine.observe(self._event)
        self._app.connection.listen(self._link)
        return self._app.frames.listen(self._frame)

    def line(self, place: str, text: str) -> None:
        """Write a line with the station's time."""
        if self._out is None:
            return
        wall_s = self._app.clock.wall()
        clock = datetime.fromtimestamp(wall_s, UTC).strftime("%H:%M:%S") if wall_s is not None else "--:--:--"
        try:
            self._out.write(f"{clock}  {place:8} {text}\n")
            self._out.flush()
        except OSError as error:
            self._out = None
            log.warning("terminal lines ended, the output takes no more error=%s", error.strerror or error)

    def _event(self, event: ev.Event) -> None:
        match event:
            case ev.EvseChanged(evse=number):
                self._status(number)
            case ev.StationChanged():
                for number in self._app.engine.station.evses:
                    self._status(number)
            case ev.TokenDecided(token=token, evse=evse, accepted=accepted, reason=reason):
                verdict = "accepted" if accepted else "refused"
                self.line(f"EVSE {evse}" if evse else "reader", f"token {token.masked} {verdict} ({reason})")
            case ev.FactRecorded(fact=fact) if fact.kind is FactKind.STARTED:
                self._starts[fact.transaction] = fact.meter_wh
                self.line(f"EVSE {fact.evse}", f"transaction {fact.transaction[:8]} started, meter {fact.meter_wh} Wh")
            case ev.FactRecorded(fact=fact) if fact.kind is FactKind.ENDED:
                start_wh = self._starts.pop(fact.transaction, None)
                energy = (
                    f", energy {fact.meter_wh - start_wh} Wh"
                    if fact.meter_wh is not None and start_wh is not None
                    else ""
                )
                cause = fact.cause.value if fact.cause else "?"
                text = f"transaction {fact.transaction[:8]} ended ({cause}), meter {fact.meter_wh} Wh{energy}"
                self.line(f"EVSE {fact.evse}", text)
            case ev.FaultChanged(evse=evse, fault=fault):
                word = "fault" if fault.active else "fault cleared"
                self.line(f"EVSE {evse}" if evse else "station", f"{word}: {fault.code.value} {fault.text}".rstrip())

    def _status(self, number: int) -> None:
        word = self._app.translator.status_word(number)
        if self._words.get(number) != word:
            self._words[number] = word
            self.line(f"EVSE {number}", word)

    def _link(self, status: LinkStatus) -> None:
        if status.state is LinkState.WAITING and status.last_drop is not None and status.next_attempt_at is not None:
            left_s = max(status.next_attempt_at - self._app.clock.monotonic(), 0.0)
            self.line("link", f"{status.last_drop.cause}; next attempt in {left_s:.0f} s")
        elif status.state in _LINK_WORDS:
            self.line("link", _LINK_WORDS[status.state].format(url=status.url, protocol=status.protocol))

    def _frame(self, frame: "Frame") -> None:
        try:
            message = json.loads(frame.text)
            kind, message_id = message[0], message[1]
        except (ValueError, IndexError, TypeError, KeyError):
            self.line("ocpp", f"{_arrow(frame.direction)} {frame.text[:60]!r}")
            return
        if kind == 2 and len(message) > 3:
            self._open[message_id] = (frame.direction, message[2])
            if len(self._open) > 200:
                self._open.pop(next(iter(self._open)))
            return
        direction, action = self._open.pop(message_id, (frame.direction, "?"))
        answer = message[2] if len(message) > 2 else None
        self.line("ocpp", f"{_arrow(direction)} {action} {_short(kind, answer)}".rstrip())


def _arrow(direction: str) -> str:
    return "→" if direction == "out" else "←"


def _short(kind: int, answer: Any) -> str:
    if kind == 4:
        return str(answer)
    if not isinstance(answer, dict):
        return ""
    told = []
    for key in _TELLING:
        value = answer.get(key)
        if isinstance(value, dict):
            value = value.get("status")
        if value is not None and key != "currentTime":
            told.append(str(value))
    return " ".join(told)
