"""What every keeper promises, proven on a real file and a real Redis."""

import asyncio
import itertools
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from csms.app import Csms
from csms.config import CsmsConfig
from csms.redis_client import RedisClient, tag
from csms.redis_settings import RedisSettings
from csms.stores.keeper import Append, Change, Keeper, KeeperDamaged, KeeperUnavailable, Put, Scope
from csms.stores.mirrored import MirroredStore, NumbersExhausted
from csms.stores.redis import RedisKeeper, epoch_key
from csms.stores.sqlite import SqliteKeeper
from csms.tokens import TokenEntry
from tests.csms.conftest import PATIENCE_S, dialled
from tests.csms.redis_server import RedisServer, needs_redis

Reopen = Callable[[], Awaitable[Keeper]]
ALL = Scope(("CP1",), ("CP1",), logs=True)
NOW = "2026-03-01T10:00:00Z"


KINDS = ["sqlite", *(pytest.param(kind, marks=needs_redis) for kind in ("redis", "redis-cluster"))]


@pytest.fixture(params=KINDS)
async def reopen(
    request: pytest.FixtureRequest, redis_servers: dict[str, RedisServer], tmp_path: Path
) -> AsyncIterator[Reopen]:
    """Opens the same home again, as a process that starts anew would."""
    opened: list[Any] = []
    server = redis_servers.get(request.param)
    if server is not None:
        await server.start()

    async def again() -> Keeper:
        if server is None:
            keeper: Keeper = await SqliteKeeper.open(tmp_path / "csms.db")
            opened.append(keeper)
            return keeper
        client = RedisClient(RedisSettings(server.url, cluster=server.cluster))
        opened.append(client)
        return RedisKeeper(client)

    yield again
    for each in opened:
        await each.close()


def store(bounds: dict[str, int] | None = None) -> MirroredStore:
    return MirroredStore(f"writer-{next(_numbers)}", bounds=bounds)


_numbers = itertools.count(1)


async def kept(keeper: Keeper, scope: Scope = ALL) -> MirroredStore:
    found = store()
    found.learn(await keeper.load(scope))
    return found


async def test_rows_come_back_in_their_order(reopen: Reopen) -> None:
    """Rows are read back by another process in the order in which they were first written, with their last values."""
    written = store()
    for key in ("b", "a", "c"):
        written.put("connectors", "CP1", key, {"value": key})
    written.put("connectors", "CP1", "b", {"value": "é\n\x00"})
    written.delete("connectors", "CP1", "a")
    written.put("stations", "", "CP1", {"boots": 1})
    written.put("stations", "", "CP2", {"boots": 2})
    written.put("tokens", "", "cafe", {"status": "Blocked"})
    assert await (await reopen()).commit(written.take_changes()) == frozenset()
    found = await kept(await reopen())
    assert found.items("connectors", "CP1") == [("b", {"value": "é\n\x00"}), ("c", {"value": "c"})]
    assert found.get("stations", "", "CP1") == {"boots": 1}
    assert found.get("tokens", "", "cafe") == {"status": "Blocked"}
    assert found.take_changes() == []


async def test_a_full_table_loses_its_oldest_row_everywhere(reopen: Reopen) -> None:
    """The row that memory gives up is given up by the keeper as well."""
    written = store({"answers": 2})
    for number in range(4):
        written.put("answers", "CP1", str(number), {"n": number})
    keeper = await reopen()
    await keeper.commit(written.take_changes())
    found = await kept(keeper)
    assert found.items("answers", "CP1") == written.items("answers", "CP1") == [("2", {"n": 2}), ("3", {"n": 3})]


async def test_a_log_keeps_its_newest_entries_once(reopen: Reopen) -> None:
    """Entries that are committed twice are there once, and only the newest stay."""
    written = store({"facts": 3})
    for number in range(5):
        written.append("facts", "CP1\n7", {"n": number})
    changes = written.take_changes()
    keeper = await reopen()
    await keeper.commit(changes)
    await keeper.commit(changes[-2:])
    assert [entry["n"] for entry in (await kept(keeper)).entries("facts", "CP1\n7")] == [2, 3, 4]


async def test_dropping_leaves_nothing(reopen: Reopen) -> None:
    """What is dropped is gone, rows and log entries alike."""
    written = store()
    written.put("digests", "CP1\n7", "d", {})
    written.append("facts", "CP1\n7", {"n": 1})
    written.drop("digests", "CP1\n7")
    written.drop("facts", "CP1\n7")
    keeper = await reopen()
    await keeper.commit(written.take_changes())
    assert await keeper.load(ALL) == []


async def test_reserved_numbers_are_handed_out_once(reopen: Reopen) -> None:
    """Two takers at the same time get blocks that do not meet, above what they name."""
    keeper = await reopen()
    blocks = await asyncio.gather(*(keeper.reserve("transaction", 10) for _ in range(5)))
    assert sorted(blocks) == [1, 11, 21, 31, 41]
    assert await keeper.reserve("transaction", 10, at_least=500) == 501
    assert await (await reopen()).reserve("transaction", 1) == 511


def test_local_tables_are_nobody_elses_business() -> None:
    """What belongs to this process's sockets is never noted for the keeper."""
    written = store()
    written.put("presence", "", "CP1", {})
    written.append("messages", "CP1", {})
    written.drop("messages", "CP1")
    written.delete("presence", "", "CP1")
    assert written.increment("waiting") == 1
    assert written.take_changes() == []


def test_numbers_that_ran_out_are_refused() -> None:
    """A number that was not reserved is never invented."""
    written = store()
    written.give_numbers("transaction", 40, 1)
    assert (written.increment("transaction"), written.numbers_left("transaction")) == (40, 0)
    with pytest.raises(NumbersExhausted):
        written.increment("transaction")


@needs_redis
async def test_an_older_writer_changes_nothing(tmp_path: Path) -> None:
    """Once a newer connection has its epoch, the older node's rows are refused, its entries and deletions too."""
    server = RedisServer(tmp_path)
    await server.start()
    client = RedisClient(RedisSettings(server.url))
    keeper = RedisKeeper(client)
    keeper.fence("CP1", 5)
    assert await keeper.commit([Put("connectors", "CP1", "1", {"status": "Charging"})]) == frozenset()
    await client.run(["SET", epoch_key(client, "CP1"), 6])
    stale: list[Change] = [
        Put("connectors", "CP1", "1", {"status": "Available"}),
        Append("facts", "CP1\n7", "x.1", {}, None),
        Put("connectors", "CP2", "1", {"status": "Available"}),
    ]
    assert await keeper.commit(stale) == frozenset({"CP1"})
    found = await kept(keeper, Scope(("CP1", "CP2"), logs=True))
    assert found.get("connectors", "CP1", "1") == {"status": "Charging"}
    assert found.get("connectors", "CP2", "1") == {"status": "Available"}
    assert found.entries("facts", "CP1\n7") == []
    await client.close()
    server.stop()


@needs_redis
async def test_a_redis_that_is_gone_is_named(tmp_path: Path) -> None:
    """The error says where Redis should have been, and shows no password."""
    server = RedisServer(tmp_path)
    client = RedisClient(RedisSettings(f"redis://:secret@127.0.0.1:{server.port}/0", timeout_s=1.0))
    with pytest.raises(KeeperUnavailable, match=f"127.0.0.1:{server.port}") as caught:
        await RedisKeeper(client).commit([Put("connectors", "CP1", "1", {})])
    assert "secret" not in str(caught.value)
    await client.close()


def test_hash_tags_of_different_names_differ() -> None:
    """No identity can pass for another one, or for the house."""
    names = ("", "%", "{", "}", "%7B", "%25", "house", "CP1")
    assert len({tag(name) for name in names}) == len(names)


async def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A file that is no database is named, and left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and long enough to be read as the header of one, if one did not look" * 20)
    with pytest.raises(KeeperDamaged, match=r"notes\.txt"):
        await SqliteKeeper.open(path)


async def test_the_file_is_for_its_owner(tmp_path: Path) -> None:
    """Others on the machine cannot read the books."""
    keeper = await SqliteKeeper.open(tmp_path / "csms.db")
    await keeper.close()
    assert stat.S_IMODE((tmp_path / "csms.db").stat().st_mode) == 0o600


async def test_a_central_system_comes_back_with_its_books(tmp_path: Path) -> None:
    """Transactions, their numbers, tokens and stored answers survive the end of the process."""
    path = tmp_path / "csms.db"
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": NOW}
    config = CsmsConfig(api_host=None)
    async with Csms(config, keeper=await SqliteKeeper.open(path)) as first:
        first.tokens.put(TokenEntry("CAFE", "Blocked"))
        async with dialled(first) as raw:
            answer = await raw.ask([2, "s1", "StartTransaction", start])
    async with Csms(config, keeper=await SqliteKeeper.open(path)) as second:
        assert second.tokens.judge("CAFE", second.clock.moment().utc).status == "Blocked"
        (found,) = second.books.transactions("CP1")
        assert (found.open, found.meter_start_wh, len(found.facts)) == (True, 100, 1)
        async with dialled(second) as raw:
            assert await raw.ask([2, "s1", "StartTransaction", start]) == answer
            assert (await raw.ask([2, "s2", "StartTransaction", start]))[2] == answer[2]
            other = await raw.ask([2, "s3", "StartTransaction", {**start, "connectorId": 2}])
            assert other[2]["transactionId"] > answer[2]["transactionId"]


class Deaf:
    """A keeper that cannot be reached until told otherwise."""

    def __init__(self) -> None:
        self.reachable = asyncio.Event()
        self.asked = asyncio.Event()

    async def load(self, scope: Scope | None) -> list[Change]:
        return []

    async def commit(self, changes: Any) -> frozenset[str]:
        self.asked.set()
        await self.reachable.wait()
        return frozenset()

    async def reserve(self, counter: str, count: int, at_least: int = 0) -> int:
        raise KeeperUnavailable("deaf")

    async def close(self) -> None:
        return


async def test_no_answer_goes_out_before_it_is_kept() -> None:
    """A station hears that its start was taken only when the keeper has it."""
    keeper = Deaf()
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": NOW}
    async with Csms(CsmsConfig(api_host=None), keeper=keeper) as csms, dialled(csms) as raw:
        asked = asyncio.ensure_future(raw.ask([2, "s1", "StartTransaction", start]))
        await asyncio.wait_for(
            csms.wait_for(lambda: csms.books.transactions("CP1") or keeper.asked.is_set()), PATIENCE_S
        )
        await asyncio.wait_for(keeper.asked.wait(), PATIENCE_S)
        assert not asked.done()
        keeper.reachable.set()
        assert (await asked)[0] == 3
