"""One transaction: its phases as a table, and the record from which it is recovered after a power cut."""

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from firmware.core.facts import MeterFrame
from firmware.core.quantities import Interval
from firmware.core.rows import instant_row, row_instant, row_token, token_row
from firmware.core.values import StopCause, Token, Verdict
from hal.types import Instant


class IllegalMove(RuntimeError):
    """The program tried a step that the table does not have. Nothing was changed."""


class Phase(Enum):
    """Life of a transaction. Before STARTING and after GONE there is none."""

    STARTING = "starting"  # everything met; the start register is being read
    OPEN = "open"  # the start is a fact
    ENDING = "ending"  # energy is denied; the end register is being read
    GONE = "gone"


class Move(Enum):
    """What takes a transaction from phase to phase."""

    BEGIN = "begin"
    ABANDON = "abandon"
    STOP = "stop"
    FINISH = "finish"


MOVES: dict[tuple[Phase, Move], Phase] = {
    (Phase.STARTING, Move.BEGIN): Phase.OPEN,
    (Phase.STARTING, Move.ABANDON): Phase.GONE,
    (Phase.OPEN, Move.STOP): Phase.ENDING,
    (Phase.ENDING, Move.FINISH): Phase.GONE,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why and when a transaction ends, and with whose token."""

    cause: StopCause
    at: Instant
    token: Token | None = None


@dataclass(slots=True)
class Transaction:
    """State of one transaction. Registers are milliwatt hours as the meter shows them."""

    id: str
    evse: int
    token: Token | None
    group: Token | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    phase: Phase = Phase.STARTING
    durable: bool = False  # the start is on disk; only now may energy flow
    started: Instant | None = None
    start_mwh: int | None = None
    last_mwh: int | None = None
    last_at: Instant | None = None
    told_at: Instant | None = None  # of the last fact: no later one is dated before it
    next_seq: int = 0
    invalid: Verdict | None = None  # the central system refused the token, and policy keeps the transaction
    invalid_at_mwh: int | None = None
    revoked: StopCause | None = None  # why nobody may charge in it any more, though it is open
    ending: Ending | None = None
    series: list[MeterFrame] = field(default_factory=list)
    before: Interval | None = None  # registers at the last periodic sample

    def move(self, move: Move) -> None:
        """Take a step of the table. Raises IllegalMove."""
        try:
            self.phase = MOVES[self.phase, move]
        except KeyError:
            raise IllegalMove(f"transaction {self.id}: no {move.value} while {self.phase.value}") from None

    def saw(self, import_mwh: int | None, at: Instant) -> None:
        """Note the latest register. A register that went backwards (replaced or rolled-over meter) is not believed."""
        if import_mwh is None or (self.last_mwh is not None and import_mwh < self.last_mwh):
            return
        self.last_mwh, self.last_at = import_mwh, at

    def in_order(self, at: Instant) -> Instant:
        """The moment of the next fact. A clock that was set back meanwhile goes on from the last fact by monotonic time."""
        told = self.told_at
        if told is not None and told.wall_s is not None and at.wall_s is not None and at.wall_s < told.wall_s:
            passed_s = max(at.monotonic_s - told.monotonic_s, 0.0) if at.boot == told.boot else 0.0
            at = replace(at, wall_s=told.wall_s + passed_s, trust=told.trust)
        self.told_at = at
        return at

    @property
    def energy_wh(self) -> int | None:
        """Energy so far, as the difference of whole-watt-hour registers."""
        if self.start_mwh is None or self.last_mwh is None:
            return None
        return self.last_mwh // 1000 - self.start_mwh // 1000

    def record(self) -> bytes:
        """What recovery needs, as JSON."""
        row: dict[str, Any] = {
            "id": self.id,
            "evse": self.evse,
            "token": token_row(self.token),
            "group": token_row(self.group),
            "remote_start_id": self.remote_start_id,
            "reservation_id": self.reservation_id,
            "started": instant_row(self.started),
            "start_mwh": self.start_mwh,
            "last_mwh": self.last_mwh,
            "last_at": instant_row(self.last_at),
            "told_at": instant_row(self.told_at),
            "next_seq": self.next_seq,
            "invalid": self.invalid.value if self.invalid else None,
            "invalid_at_mwh": self.invalid_at_mwh,
            "revoked": self.revoked.value if self.revoked else None,
            "ending": _ending_row(self.ending),
        }
        return json.dumps(row, separators=(",", ":")).encode()

    @classmethod
    def recovered(cls, data: bytes, series: list[MeterFrame]) -> "Transaction":
        """A transaction that was open when the program ended; one whose `ending` was decided has yet to be stopped with it.

        Raises ValueError for a damaged record.
        """
        try:
            row = json.loads(data)
            return cls(
                id=row["id"],
                evse=row["evse"],
                token=row_token(row["token"]),
                group=row_token(row["group"]),
                remote_start_id=row["remote_start_id"],
                reservation_id=row["reservation_id"],
                phase=Phase.OPEN,
                durable=True,
                started=row_instant(row["started"]),
                start_mwh=row["start_mwh"],
                last_mwh=row["last_mwh"],
                last_at=row_instant(row["last_at"]) if row["last_at"] else None,
                told_at=row_instant(row["told_at"]) if row.get("told_at") else None,
                next_seq=row["next_seq"],
                invalid=Verdict(row["invalid"]) if row["invalid"] else None,
                invalid_at_mwh=row["invalid_at_mwh"],
                revoked=StopCause(row["revoked"]) if row.get("revoked") else None,
                ending=_row_ending(row.get("ending")),
                series=series,
            )
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"a transaction record is damaged: {error!r}") from error


def _ending_row(ending: Ending | None) -> list[Any] | None:
    return None if ending is None else [ending.cause.value, instant_row(ending.at), token_row(ending.token)]


def _row_ending(row: list[Any] | None) -> Ending | None:
    return None if row is None else Ending(StopCause(row[0]), row_instant(row[1]), row_token(row[2]))
