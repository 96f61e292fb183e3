"""What happened in a transaction, in a form that any protocol can be told: the rows of the journal.

A fact is written to disk before the act it describes and is rendered only when it is sent, so that a change of protocol
version in between loses nothing. `encode` and `decode` are its durable form (JSON, short keys, unknown keys ignored so that
an older program can read a newer row).
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from firmware.core.rows import instant_row, row_instant, row_token, token_row
from firmware.core.values import StopCause, Token
from hal.types import Instant, SignedReading


class FactKind(StrEnum):
    """Place of a fact in its transaction; METERED belongs to none."""

    STARTED = "started"
    UPDATED = "updated"
    SAMPLED = "sampled"
    ENDED = "ended"
    METERED = "metered"


class Trigger(StrEnum):
    """What made the station record the fact."""

    PLUGGED_IN = "plugged-in"
    AUTHORIZED = "authorized"
    REMOTE_START = "remote-start"
    REMOTE_STOP = "remote-stop"
    ENERGY_CHANGED = "energy-changed"
    SAMPLE_PERIODIC = "sample-periodic"
    SAMPLE_CLOCK = "sample-clock"
    TRIGGERED = "triggered"
    STOP_AUTHORIZED = "stop-authorized"
    DEAUTHORIZED = "deauthorized"
    EV_DEPARTED = "ev-departed"
    EV_CONNECT_TIMEOUT = "ev-connect-timeout"
    BAY_OCCUPIED = "bay-occupied"
    RESET = "reset"
    UNLOCK = "unlock"
    ABNORMAL = "abnormal"
    ENERGY_LIMIT = "energy-limit"
    RECOVERED = "recovered"


class SampleContext(StrEnum):
    """Why a reading was taken."""

    PERIODIC = "Sample.Periodic"
    CLOCK = "Sample.Clock"
    BEGIN = "Transaction.Begin"
    END = "Transaction.End"
    TRIGGER = "Trigger"
    INTERRUPTION_BEGIN = "Interruption.Begin"
    INTERRUPTION_END = "Interruption.End"


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured value. Energy registers are integers in Wh (or varh), everything else a float in its SI unit."""

    quantity: str
    value: float
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class MeterFrame:
    """Values taken together at one moment."""

    at: Instant
    context: SampleContext
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened. `transaction` is our own key; `seq` counts from 0 within it.

    `meter_wh` is the import register at that moment, None when the meter could not be read. `charging` is the energy state
    that holds from now on.
    """

    transaction: str
    seq: int
    kind: FactKind
    trigger: Trigger
    at: Instant
    evse: int
    connector: int = 1
    charging: str | None = None
    vehicle_connected: bool = True
    meter_wh: int | None = None
    token: Token | None = None
    group: Token | None = None
    cause: StopCause | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    offline: bool = False
    frames: tuple[MeterFrame, ...] = ()
    signed: SignedReading | None = None


def encode_frame(frame: MeterFrame) -> dict[str, Any]:
    """A meter frame as JSON-able data."""
    return {
        "at": instant_row(frame.at),
        "ctx": frame.context.value,
        "v": [[sample.quantity, sample.value, sample.phase] for sample in frame.samples],
    }


def decode_frame(row: dict[str, Any]) -> MeterFrame:
    """The reverse of `encode_frame`."""
    return MeterFrame(row_instant(row["at"]), SampleContext(row["ctx"]), tuple(Sample(*v) for v in row["v"]))


def encode(fact: Fact) -> bytes:
    """The durable form of a fact."""
    row: dict[str, Any] = {
        "tx": fact.transaction,
        "n": fact.seq,
        "k": fact.kind.value,
        "t": fact.trigger.value,
        "at": instant_row(fact.at),
        "evse": fact.evse,
        "conn": fact.connector,
        "chg": fact.charging,
        "ev": fact.vehicle_connected,
        "wh": fact.meter_wh,
        "tok": token_row(fact.token),
        "grp": token_row(fact.group),
        "why": fact.cause.value if fact.cause else None,
        "rsid": fact.remote_start_id,
        "resv": fact.reservation_id,
        "off": fact.offline,
    }
    if fact.frames:
        row["m"] = [encode_frame(frame) for frame in fact.frames]
    if fact.signed is not None:
        row["sig"] = [fact.signed.text, fact.signed.format, fact.signed.public_key]
    return json.dumps({k: v for k, v in row.items() if v is not None}, separators=(",", ":")).encode()


def decode(data: bytes) -> Fact:
    """The reverse of `encode`. Raises ValueError for a row that is not a fact."""
    try:
        row = json.loads(data)
        return Fact(
            transaction=row["tx"],
            seq=row["n"],
            kind=FactKind(row["k"]),
            trigger=Trigger(row["t"]),
            at=row_instant(row["at"]),
            evse=row["evse"],
            connector=row.get("conn", 1),
            charging=row.get("chg"),
            vehicle_connected=row.get("ev", True),
            meter_wh=row.get("wh"),
            token=row_token(row.get("tok")),
            group=row_token(row.get("grp")),
            cause=StopCause(row["why"]) if "why" in row else None,
            remote_start_id=row.get("rsid"),
            reservation_id=row.get("resv"),
            offline=row.get("off", False),
            frames=tuple(decode_frame(frame) for frame in row.get("m", ())),
            signed=SignedReading(*row["sig"]) if "sig" in row else None,
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"a journal row is not a fact: {error!r}") from error
