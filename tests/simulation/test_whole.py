"""The whole program in virtual time: the rules hold, the run repeats, and a program broken on purpose is found out."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from firmware.app import App
from firmware.core.events import FactRecorded
from firmware.core.facts import FactKind
from firmware.core.values import Token
from firmware.simulation.checks.findings import Rule
from firmware.simulation.day import play
from firmware.simulation.faults import FaultKind, parse_kinds
from firmware.simulation.scenario import scenario
from offline_queue import Commit

SEEDS, STATIONS, DAYS = 50, 3, 2  # 300 station-days
BOTH = ("ocpp1.6", "ocpp2.0.1")
NETWORK = parse_kinds("cut,refused,black-hole,half-open,nat,slow,lossy,name-lost")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_day_without_faults_is_billed_to_the_watt_hour(protocol: str) -> None:
    """People come and go, nothing breaks: every rule holds, and energy did flow."""
    result = play(scenario(1, kinds=frozenset(), protocols=(protocol,)))
    assert result.violations == ()
    assert result.statistics["transactions"] > 3
    assert result.statistics["energy (kWh)"] > 10
    assert result.speed > 1_000


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_every_rule_holds_whatever_goes_wrong(seed: int) -> None:
    """Every kind of fault, under both versions; each station has its own, but for those of the central system that they share."""
    result = play(scenario(seed, days=DAYS, stations=STATIONS, protocols=BOTH))
    assert [str(violation) for violation in result.violations] == []
    assert result.faults


_PLAY_AGAIN = """
import random
litter = [bytearray(random.SystemRandom().randrange(1, 5000)) for _ in range(random.SystemRandom().randrange(2000))]
from firmware.simulation.day import play
from firmware.simulation.scenario import scenario
print(play(scenario(3)).digest)
"""


def test_the_same_seed_gives_the_same_trace_in_any_interpreter() -> None:
    """Byte for byte: here twice, with and without its story, and in another interpreter with another hash seed."""
    first = play(scenario(3)).digest
    story: list[str] = []
    assert play(scenario(3), keep_trace=story.append).digest == first
    assert len(story) > 1_000
    elsewhere = subprocess.run(
        [sys.executable, "-c", _PLAY_AGAIN],
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == first
    assert play(scenario(4)).digest != first


# The proof can fail: programs that are broken on purpose


def _allows_before_the_commit(app: App) -> None:
    journal: Any = app.engine.journal
    record, stored = journal.record, journal._stored

    def hasty(event: FactRecorded) -> None:
        record(event)
        if event.fact.kind is FactKind.STARTED:
            asyncio.get_running_loop().call_soon(stored, event.fact.transaction)

    journal.record = hasty


def _acknowledges_before_the_answer(app: App) -> None:
    outbox: Any = app.outbox
    deliver = outbox._deliver

    async def hasty(record: Any, *rest: Any) -> bool:
        await app.queue.commit(Commit(acknowledge=[record.id]))
        delivered: bool = await deliver(record, *rest)
        return delivered

    outbox._deliver = hasty


def _counts_attempts_while_offline(app: App) -> None:
    engine: Any = app.engine
    outbox: Any = app.outbox
    translator: Any = app.translator
    run = engine.run

    async def impatient() -> None:
        while True:
            await asyncio.sleep(20)
            head = None if app.engine.station.context.online else await app.queue.head("transaction")
            if head is not None:
                await outbox._failed(head, translator.transactions, TimeoutError("offline"))

    async def with_counting() -> None:
        counting = asyncio.create_task(impatient())
        try:
            await run()
        finally:
            counting.cancel()
            with suppress(asyncio.CancelledError):
                await counting

    engine.run = with_counting


def _sends_again_under_a_new_id(app: App) -> None:
    outbox: Any = app.outbox
    outbox.message_id = lambda _: app.around.new_id()


def _forgets_every_third_end(app: App) -> None:
    journal: Any = app.engine.journal
    record = journal.record
    ends = iter(range(1_000_000))

    def forgetful(event: FactRecorded) -> None:
        if event.fact.kind is not FactKind.ENDED or next(ends) % 3:
            record(event)

    journal.record = forgetful


def _never_closes_tasks(app: App) -> None:
    async def leak() -> None:
        while True:
            await asyncio.sleep(3000)
            leaked.append(asyncio.create_task(asyncio.Event().wait()))

    leaked: list[asyncio.Task[Any]] = [asyncio.create_task(leak())]


def _keeps_everything(app: App) -> None:
    async def hoard() -> None:
        while True:
            await asyncio.sleep(600)
            kept.extend(Token(f"{number:08X}") for number in range(200))

    kept: list[Token] = []
    app.hoarding = asyncio.create_task(hoard())  # type: ignore[attr-defined]


def _raises_now_and_then(app: App) -> None:
    asyncio.get_running_loop().call_later(5_000, lambda: 1 // 0)


def _never_unlocks(app: App) -> None:
    for hardware in app.board.evses:
        lock: Any = hardware.lock
        if lock is not None:
            lock.unlock = lock.lock


def _ignores_the_local_limit(app: App) -> None:
    station: Any = app.engine.station
    station.limit_changed = lambda limit_a, now: None


def _gives_up_dialling(app: App) -> None:
    connection: Any = app.connection
    run = connection.run

    async def for_an_hour() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(3600):
                await run()
        await asyncio.Event().wait()

    connection.run = for_an_hour


BROKEN: list[tuple[Callable[[App], None], frozenset[FaultKind], set[Rule]]] = [
    (_allows_before_the_commit, frozenset({FaultKind.DISK_SLOW, FaultKind.DISK_FULL}), {Rule.START_ON_DISK}),
    (_acknowledges_before_the_answer, NETWORK, {Rule.STARTS_ONCE, Rule.FACTS_IN_ORDER, Rule.ENERGY_EQUAL}),
    (_counts_attempts_while_offline, NETWORK, {Rule.NO_DEAD_LETTERS}),
    (_sends_again_under_a_new_id, frozenset({FaultKind.CSMS_NEVER}), {Rule.ONE_ID}),
    (_forgets_every_third_end, frozenset(), {Rule.STARTS_ONCE, Rule.FACTS_IN_ORDER, Rule.ENERGY_EQUAL}),
    (_never_unlocks, frozenset(), {Rule.CABLE_FREE}),
    (_ignores_the_local_limit, frozenset(), {Rule.OFFER_BOUNDED}),
    (_gives_up_dialling, frozenset(), {Rule.ONLINE_AGAIN}),
    (_never_closes_tasks, frozenset(), {Rule.NO_LITTER}),
    (_keeps_everything, frozenset(), {Rule.NO_LITTER}),
    (_raises_now_and_then, frozenset(), {Rule.NO_CRASH}),
]


@pytest.mark.parametrize(("change", "kinds", "rules"), BROKEN, ids=[change.__name__ for change, _, _ in BROKEN])
def test_a_program_broken_on_purpose_is_found_out(
    change: Callable[[App], None], kinds: frozenset[FaultKind], rules: set[Rule]
) -> None:
    """Within a few seeds the rule that the break violates is reported; the same seeds hold without the break."""
    found = next(_violated(change, kinds), None)
    assert found is not None
    seed, broken = found
    assert broken in rules
    assert play(scenario(seed, days=2, kinds=kinds, visits_per_day=12)).violations == ()


def _violated(change: Callable[[App], None], kinds: frozenset[FaultKind]) -> Iterator[tuple[int, Rule]]:
    for seed in range(1, 13):
        result = play(scenario(seed, days=2, kinds=kinds, change=change, visits_per_day=12))
        if result.violations:
            yield seed, result.violations[0].rule
