"""After a restart: what becomes of transactions that were open when the program ended.

A transaction whose end was decided already ends with that cause, time and token. Of the others, one whose vehicle is still there
goes on, or is closed, as the setting says; one whose vehicle has gone, or whose EVSE is no longer configured, is closed. A closed
one ends at the time it was last seen alive. Each ends with the register as it stands now, so that the energy of the gap is
counted once; without its EVSE, with the register as last seen.
"""

import json
import logging
from collections.abc import Callable

from firmware.core.events import FactRecorded
from firmware.core.facts import Fact, FactKind, MeterFrame, Trigger, decode_frame
from firmware.core.quantities import wh
from firmware.core.settings import AFTER_POWER_LOSS
from firmware.core.station import Station
from firmware.core.transaction import Ending, Transaction
from firmware.core.values import Plug, StopCause
from firmware.engine.engine import Engine
from firmware.engine.journal import SERIES, TRANSACTIONS
from hal.types import Instant

log = logging.getLogger(__name__)

PILOT_WAIT_S = 5.0


async def recover(engine: Engine, *, clean_end: bool) -> int:
    """Take up open transactions; returns how many there were. The engine is running, and nothing new starts meanwhile."""
    cause = StopCause.REBOOT if clean_end else StopCause.POWER_LOSS
    records = await engine.queue.items(TRANSACTIONS)
    series = await _series(engine)
    found = []
    for key, data in records.items():
        try:
            found.append(Transaction.recovered(data, list(series.get(key, {}).values())))
        except ValueError as error:
            log.error("open transaction unreadable transaction=%s error=%s", key, error)
    found.sort(key=lambda tx: tx.started.monotonic_s if tx.started else 0.0)
    for tx in found:
        engine.journal.adopt(tx.id, max(series.get(tx.id, {}), default=-1) + 1)
        if tx.evse not in engine.station.evses or engine.station.evses[tx.evse].tx is not None:
            log.error("open transaction without EVSE, closed transaction=%s evse=%d", tx.id, tx.evse)
            engine.journal.record(_closed(tx, cause))
            continue
        await engine.pilot_known(tx.evse, PILOT_WAIT_S)
        await engine.proven(tx.evse)  # as before any other charge: a sensor that fails keeps energy from a resumed one
        engine.apply(_taking_up(tx, cause))
    return len(found)


def _taking_up(tx: Transaction, cause: StopCause) -> Callable[[Station, Instant], None]:
    return lambda station, now: _take_up(station, tx, cause, now)


def _take_up(station: Station, tx: Transaction, cause: StopCause, now: Instant) -> None:
    evse = station.evses[tx.evse]
    if not evse.pilot_seen:
        evse.plug = Plug.VEHICLE  # it was there; the pilot will tell when it answers
    last = tx.last_at or tx.started or now
    decided = tx.ending
    station.recover(tx, now)
    if decided is not None:
        log.info(
            "open transaction ends as decided transaction=%s evse=%d cause=%s", tx.id, tx.evse, decided.cause.value
        )
        evse.stop(decided.cause, decided.at, decided.token)
    elif station.settings[AFTER_POWER_LOSS] == "close" or evse.plug is not Plug.VEHICLE:
        log.info("open transaction closed transaction=%s evse=%d cause=%s", tx.id, tx.evse, cause.value)
        evse.stop(cause, last)
    else:
        log.info("open transaction resumed transaction=%s evse=%d", tx.id, tx.evse)
        evse.reconsider(now)


def _closed(tx: Transaction, cause: StopCause) -> FactRecorded:
    last = tx.last_at or tx.started
    assert last is not None
    ending = tx.ending or Ending(cause, last)
    fact = Fact(
        transaction=tx.id,
        seq=tx.next_seq,
        kind=FactKind.ENDED,
        trigger=Trigger.RECOVERED,
        at=ending.at,
        evse=tx.evse,
        vehicle_connected=False,
        meter_wh=wh(tx.last_mwh),
        token=ending.token,
        cause=ending.cause,
        offline=True,
        frames=tuple(tx.series),
    )
    return FactRecorded(fact, None)


async def _series(engine: Engine) -> dict[str, dict[int, MeterFrame]]:
    """Samples kept for the end, by transaction and number."""
    found: dict[str, dict[int, MeterFrame]] = {}
    for name, data in (await engine.queue.items(SERIES)).items():
        transaction, _, number = name.partition("/")
        try:
            found.setdefault(transaction, {})[int(number)] = decode_frame(json.loads(data))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            log.warning("sample unreadable sample=%s error=%s", name, error)
    return found
