"""What the program knows, as JSON: the parts of `GET /api/state`, each of which the event stream tells again when it changes.

Everything comes from memory. Unknown is null. Tokens are masked; no password or key is in what this file reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firmware import __version__
from firmware.control.evse_picture import evse_essence, evse_picture, fault_picture
from firmware.control.link_picture import diagnoses_essence, diagnoses_picture, usage_picture
from firmware.control.readings import rounded
from firmware.control.records import Oldest
from firmware.control.times import iso, moment
from hal.types import ModemStatus
from ocpp_client.link_status import Drop

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.control.history import History
    from hal.mock.world import World


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the state, told as an event of this name. `essence` is what has to change for the part to be told again: values
    that only run on with time are not in it."""

    event: str
    value: Any
    essence: Any
    evse: int | None = None  # of which EVSE, where there is one part for each


class Picture:
    """Looks at the program."""

    def __init__(self, app: "App", history: "History | None" = None) -> None:
        self._app = app
        self._history = history
        self._started_s = app.clock.monotonic()
        self.more: dict[str, Callable[[], Any]] = {}  # parts that others bring: event -> what gives its value
        self.oldest = Oldest(app.queue)

    def parts(self) -> list[Part]:
        """Everything, in the order in which it is shown."""
        app = self._app
        history = self._history
        evses = [
            evse_picture(app, number, None if history is None else history.finished_picture(number))
            for number in app.engine.station.evses
        ]
        queue, settings = self.queue(), dict(app.engine.station.settings)
        parts = [
            self._station(),
            *(Part("evse", value, evse_essence(value), value["id"]) for value in evses),
            self._link(),
            Part("diagnoses", diagnoses_picture(app.connection, app.clock), diagnoses_essence(app.connection)),
            Part("usage", usage_picture(app.connection), app.connection.link.status.state),
            _plain("registration", app.engine.station.registration.value),
            _plain("queue", queue),
            _plain("settings", settings),
        ]
        if app.board.world is not None:
            parts.append(_world(app.board.world))
        parts.extend(_plain(event, look()) for event, look in self.more.items())
        return parts

    def document(self) -> dict[str, Any]:
        """The parts as one object."""
        return document(self.parts())

    def queue(self) -> dict[str, Any]:
        """The journal's depth and health."""
        stats = self._app.queue.stats()
        return {
            "rows": stats.rows,
            "lanes": dict(stats.depth),
            "bytes": stats.bytes,
            "oldest": self.oldest.picture(stats.oldest_id),
            "sending": self._app.outbox.sending,
            "dead": stats.dead,
            "health": stats.health.value,
            "accepting": stats.accepting,
            "last_error": stats.last_error,
        }

    def _station(self) -> Part:
        app = self._app
        about, context, now = app.config.station, app.engine.station.context, app.clock.now()
        world = app.board.world
        speed = world.clock.speed if world is not None else 1.0
        value = {
            "id": about.id,
            "vendor": about.vendor,
            "model": about.model,
            "serial_number": about.serial_number,
            "firmware": __version__,
            "board": app.board.name,
            "mock": world is not None,
            "ready": not context.halting and context.storage_ok and context.in_service,
            "online": context.online,
            "in_service": context.in_service,
            "operative": context.operative,
            "limit_a": context.limit_a,
            "faults": [fault_picture(fault) for fault in context.faults.values()],
            "display": list(world.display_lines) if world is not None else None,
            "time": {
                "wall": iso(now.wall_s),
                "trust": now.trust.value,
                "boot": now.boot,
                "monotonic_s": rounded(now.monotonic_s),
                "uptime_s": rounded(now.monotonic_s - self._started_s, 1),
                "speed": speed,
            },
        }
        wall_zero_s = (
            None if now.wall_s is None else round(now.wall_s - now.monotonic_s, 1)
        )  # moves when the clock is set
        return Part("station", value, {**value, "time": (now.trust, now.boot, speed, wall_zero_s)})

    def _link(self) -> Part:
        app = self._app
        status = app.connection.link.status
        due_s = status.next_attempt_at
        value = {
            "state": status.state.value,
            "since": moment(app.clock, status.since),
            "url": status.url,
            "protocol": status.protocol,
            "security_profile": app.connection.access.current.profile,
            "attempts": status.attempts,
            "next_attempt_in_s": None if due_s is None else rounded(max(due_s - app.clock.monotonic(), 0.0), 1),
            "last_drop": None if status.last_drop is None else self._drop(status.last_drop),
            "rtt_s": rounded(status.rtt_s, 4),
            "bytes": {"sent": status.bytes_sent, "received": status.bytes_received},
            "modem": self._modem(),
        }
        running_on = {"since": status.since, "next_attempt_in_s": due_s, "last_drop": status.last_drop, "bytes": None}
        return Part("link", value, {**value, **running_on})

    def _modem(self) -> dict[str, Any] | None:
        keeper = self._app.connection.modem
        if keeper is None:
            return None
        told = keeper.status or ModemStatus()
        return {
            "answers": keeper.status is not None,
            "registered": told.registered,
            "roaming": told.roaming,
            "operator": told.operator,
            "technology": told.technology,
            "signal_dbm": told.signal_dbm,
            "address": told.address,
            "temperature_c": told.temperature_c,
            "iccid": keeper.sim.iccid,
        }

    def _drop(self, drop: Drop) -> dict[str, Any]:
        return {
            "kind": drop.kind,
            "cause": drop.cause,
            "evidence": dict(drop.evidence),
            "at": moment(self._app.clock, drop.at),
            "lasted_s": rounded(drop.lasted_s, 1),
        }


def document(parts: list[Part]) -> dict[str, Any]:
    """The parts as one object; the EVSEs are a list under `evses`."""
    state: dict[str, Any] = {}
    for part in parts:
        if part.evse is None:
            state[part.event] = part.value
        else:
            state.setdefault("evses", []).append(part.value)
    return state


def _plain(event: str, value: Any) -> Part:
    return Part(event, value, value)


def _world(world: "World") -> Part:
    value = world.snapshot()
    clock = value["clock"]
    steady = {**clock, "wall_s": None, "true_wall_s": None, "offset_s": round(clock["offset_s"], 1)}
    return Part("world", value, {**value, "clock": steady})
