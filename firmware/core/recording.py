"""Turns what happens at one EVSE into facts: the only place where rows of the journal are made.

Each fact carries the register as last seen, the energy state and whether the central system could be reached. Readings become
meter frames here, two kinds of them: told at once, and kept for the end of the transaction.
"""

from typing import TYPE_CHECKING

from firmware.core import power
from firmware.core.events import FactRecorded
from firmware.core.facts import Fact, FactKind, MeterFrame, SampleContext, Trigger
from firmware.core.metering import Use, thin
from firmware.core.quantities import Interval, MeasurandList, Offer, samples_of, wh
from firmware.core.settings import ALIGNED, ENDED_ALIGNED, ENDED_MAX_VALUES, ENDED_SAMPLED, SAMPLED, STARTED_SAMPLED
from firmware.core.transaction import Ending, Transaction
from firmware.core.values import Plug, StopCause, Token
from hal.types import Instant, MeterReading, SignedReading

if TYPE_CHECKING:
    from firmware.core.evse import Evse

TRIGGERS: dict[StopCause, Trigger] = {
    StopCause.LOCAL: Trigger.STOP_AUTHORIZED,
    StopCause.MASTER_PASS: Trigger.STOP_AUTHORIZED,
    StopCause.REMOTE: Trigger.REMOTE_STOP,
    StopCause.DEAUTHORIZED: Trigger.DEAUTHORIZED,
    StopCause.EV_DISCONNECTED: Trigger.EV_DEPARTED,
    StopCause.CONNECT_TIMEOUT: Trigger.EV_CONNECT_TIMEOUT,
    StopCause.RESET_SOFT: Trigger.RESET,
    StopCause.RESET_HARD: Trigger.RESET,
    StopCause.UNLOCK: Trigger.UNLOCK,
    StopCause.ENERGY_LIMIT: Trigger.ENERGY_LIMIT,
    StopCause.STOPPED_BY_EV: Trigger.ENERGY_CHANGED,
}


class Recording:
    """Facts of one EVSE. Every method emits at most one `FactRecorded`, in the order of the calls."""

    def __init__(self, evse: "Evse") -> None:
        self._evse = evse
        self._at_last_mark: Interval | None = None  # registers at the last clock-aligned sample, transaction or not

    # ---- facts of a transaction ---------------------------------------------------------------------------------------

    def started(self, tx: Transaction, reading: MeterReading, trigger: Trigger, now: Instant) -> None:
        """The first fact of a transaction, with its token and its first frame."""
        tx.before = Interval(reading.import_mwh, reading.export_mwh)
        now = tx.in_order(now)
        frame = self.frame(reading, now, SampleContext.BEGIN, self._ended_measurands())
        if frame is not None:
            tx.series.append(frame)
        series = (frame,) if frame else ()
        told = self.frame(reading, now, SampleContext.BEGIN, self._evse.context.settings[STARTED_SAMPLED])
        frames = (told,) if told else ()
        fact = self._fact(tx, FactKind.STARTED, trigger, now, token=tx.token, group=tx.group, frames=frames)
        self._emit(tx, fact, series)

    def updated(self, tx: Transaction, trigger: Trigger, now: Instant, token: Token | None = None) -> None:
        """Something about a running transaction changed."""
        self._emit(tx, self._fact(tx, FactKind.UPDATED, trigger, tx.in_order(now), token=token))

    def triggered(self, tx: Transaction, reading: MeterReading, now: Instant) -> None:
        """The state of a running transaction, with the values that are sampled in it."""
        now = tx.in_order(now)
        frame = self.frame(reading, now, SampleContext.TRIGGER, self._evse.context.settings[SAMPLED])
        self._emit(tx, self._fact(tx, FactKind.UPDATED, Trigger.TRIGGERED, now, frames=(frame,) if frame else ()))

    def sampled(
        self, tx: Transaction | None, reading: MeterReading, at: Instant, context: SampleContext, use: Use = Use.BOTH
    ) -> None:
        """A sample is due. Clock samples belong to the running transaction, if there is one, or to none."""
        clock = context is SampleContext.CLOCK
        if tx is not None:
            at = tx.in_order(at)
        settings = self._evse.context.settings
        live, ended = (ALIGNED, ENDED_ALIGNED) if clock else (SAMPLED, ENDED_SAMPLED)
        told = self.frame(reading, at, context, settings[live]) if Use.TOLD in use else None
        kept = self.frame(reading, at, context, settings[ended]) if tx is not None and Use.KEPT in use else None
        if tx is not None:
            self._sample_of(tx, told, kept, at, Trigger.SAMPLE_CLOCK if clock else Trigger.SAMPLE_PERIODIC)
        elif told is not None and clock:
            fact = Fact("", 0, FactKind.METERED, Trigger.SAMPLE_CLOCK, at, self._evse.id, frames=(told,))
            self._evse.context.emit(FactRecorded(fact, None))
        registers = Interval(reading.import_mwh, reading.export_mwh)
        if clock:
            self._at_last_mark = registers
        elif tx is not None and Use.TOLD in use:
            tx.before = registers

    def _sample_of(
        self, tx: Transaction, told: MeterFrame | None, kept: MeterFrame | None, at: Instant, trigger: Trigger
    ) -> None:
        if told is None and kept is None:
            return
        if kept is not None:
            limit = self._evse.context.settings[ENDED_MAX_VALUES]
            tx.series.append(kept)
            if len(tx.series) >= 4 * limit:
                tx.series[:] = thin(tx.series, 2 * limit)
        fact = self._fact(tx, FactKind.SAMPLED, trigger, at, frames=(told,) if told else ())
        self._emit(tx, fact, (kept,) if kept else ())

    def ended(
        self, tx: Transaction, ending: Ending, reading: MeterReading | None, signed: SignedReading | None = None
    ) -> None:
        """The last fact of a transaction, with what was kept for it."""
        at = tx.in_order(ending.at)
        last = self.frame(reading, at, SampleContext.END, self._ended_measurands()) if reading is not None else None
        frames = thin([*tx.series, *((last,) if last else ())], self._evse.context.settings[ENDED_MAX_VALUES])
        trigger = TRIGGERS.get(ending.cause, Trigger.ABNORMAL)
        cause = tx.revoked or ending.cause
        fact = self._fact(
            tx, FactKind.ENDED, trigger, at, token=ending.token, cause=cause, frames=frames, signed=signed
        )
        self._emit(tx, fact, over=True)

    # ---- meter frames -------------------------------------------------------------------------------------------------

    def frame(
        self, reading: MeterReading, at: Instant, context: SampleContext, wanted: MeasurandList
    ) -> MeterFrame | None:
        """What was wanted of a reading; None when it tells nothing of it."""
        evse = self._evse
        offer = Offer(power.desired(evse).offer_a, evse.spec.phases, evse.spec.voltage_v)
        before = evse.tx.before if evse.tx is not None else None
        if context is SampleContext.CLOCK:
            before = self._at_last_mark
        samples = samples_of(wanted, reading, offer, before)
        return MeterFrame(at, context, samples) if samples else None

    def _ended_measurands(self) -> MeasurandList:
        settings = self._evse.context.settings
        return tuple(dict.fromkeys((*settings[ENDED_SAMPLED], *settings[ENDED_ALIGNED])))

    # ---- inside -------------------------------------------------------------------------------------------------------

    def _fact(
        self,
        tx: Transaction,
        kind: FactKind,
        trigger: Trigger,
        at: Instant,
        *,
        token: Token | None = None,
        group: Token | None = None,
        cause: StopCause | None = None,
        frames: tuple[MeterFrame, ...] = (),
        signed: SignedReading | None = None,
    ) -> Fact:
        evse = self._evse
        return Fact(
            transaction=tx.id,
            seq=tx.next_seq,
            kind=kind,
            trigger=trigger,
            at=at,
            evse=evse.id,
            charging=power.energy(evse).value,
            vehicle_connected=evse.plug is Plug.VEHICLE,
            meter_wh=wh(tx.last_mwh),
            token=token,
            group=group,
            cause=cause,
            remote_start_id=tx.remote_start_id,
            reservation_id=tx.reservation_id,
            offline=not evse.context.online,
            frames=frames,
            signed=signed,
        )

    def _emit(self, tx: Transaction, fact: Fact, series: tuple[MeterFrame, ...] = (), *, over: bool = False) -> None:
        if fact.kind is not FactKind.SAMPLED or fact.frames:  # what only feeds the series is told to nobody
            tx.next_seq += 1
        self._evse.context.emit(FactRecorded(fact, None if over else tx.record(), series))
