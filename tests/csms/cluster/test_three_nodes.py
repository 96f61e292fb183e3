"""A real Redis and three node processes: how every command ends, whatever fails.

What is asserted everywhere: no command reaches a station after its deadline, none reaches it twice, and every caller is
told how its command ended.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.csms.cluster.processes import ChargePoint, NodeProcess, until
from tests.csms.redis_server import RedisServer, needs_redis

pytestmark = needs_redis

NOW = "2026-03-01T10:00:00Z"
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": NOW}


class House:
    """Redis, three nodes, and whoever connects to them."""

    def __init__(self, directory: Path) -> None:
        self.redis = RedisServer(directory)
        self.a, self.b, self.c = (NodeProcess(name, self.redis.url) for name in ("A", "B", "C"))
        self.points: list[ChargePoint] = []

    @property
    def nodes(self) -> tuple[NodeProcess, ...]:
        return self.a, self.b, self.c

    async def point(self, identity: str, node: NodeProcess) -> ChargePoint:
        point = await ChargePoint(identity).connect(node)
        self.points.append(point)
        return point


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    try:
        await house.redis.start()
        await asyncio.gather(*(node.start() for node in house.nodes))
        yield house
    finally:
        for point in house.points:
            point.may_answer.set()
            point.abandon()
        for node in house.nodes:
            await node.close()
        house.redis.stop()


async def test_any_node_calls_any_station(house: House) -> None:
    """From each of three nodes to a station on each of them: answered, and seen once."""
    points = {node.name: await house.point(f"CP-{node.name}", node) for node in house.nodes}
    for caller in house.nodes:
        for owner in house.nodes:
            found = await caller.command(f"CP-{owner.name}")
            assert (found["outcome"], found["response"]) == ("answered", {"status": "Accepted"})
            assert points[owner.name].ids[-1] == found["message_id"]
    assert [len(point.ids) for point in points.values()] == [3, 3, 3]
    checked = await house.a.client.post(f"{house.a.api_url}/stations/CP-B/commands/Reset", json={"type": "Sideways"})
    assert checked.status_code == 422
    missing = await house.a.client.post(f"{house.a.api_url}/stations/nobody/commands/Reset", json={"type": "Soft"})
    assert missing.status_code == 404


async def test_the_owner_is_killed_before_the_answer(house: House) -> None:
    """kill -9 of the owning node while the station thinks: the caller is told long before the deadline that it ended."""
    point = await house.point("CP1", house.b)
    point.may_answer.clear()
    asked = asyncio.create_task(house.a.command("CP1", timeout_s=30))
    await asyncio.wait_for(point.called.wait(), 5)
    begun = time.monotonic()
    await house.b.kill()
    found = await asked
    assert found["outcome"] == "not_connected"
    assert found["message_id"] == point.ids[0]  # the station may have acted on it
    assert time.monotonic() - begun < 5
    await house.b.start()  # the same name: what its last life left in the stream is not delivered again
    again = await ChargePoint("CP1").connect(house.b)
    house.points.append(again)
    later = await house.a.command("CP1", timeout_s=10)
    assert later["outcome"] == "answered"
    assert [*point.ids, *again.ids] == [found["message_id"], later["message_id"]]


async def test_the_owner_is_killed_before_it_could_read(house: House) -> None:
    """A command that a dead node never read is taken back, and goes to the node where the station is by then."""
    await house.point("CP1", house.b)
    house.b.signal(signal.SIGSTOP)  # it will not read another message
    asked = asyncio.create_task(house.a.command("CP1", timeout_s=20))
    await until(lambda: _under_way(house.a))
    moved = await house.point("CP1", house.c)
    await house.b.kill()
    found = await asked
    assert (found["outcome"], moved.ids) == ("answered", [found["message_id"]])
    await house.b.start()
    await until(lambda: _settled(house.b))
    assert moved.ids == [found["message_id"]]


async def test_a_stalled_node_delivers_nothing_late(house: House) -> None:
    """A node is stopped with commands in its stream and goes on after their deadline: all expired, none delivered."""
    point = await house.point("CP1", house.b)
    house.b.signal(signal.SIGSTOP)
    outcomes = await asyncio.gather(*(house.a.command("CP1", timeout_s=0.5) for _ in range(5)))
    assert {found["outcome"] for found in outcomes} == {"expired"}
    assert {found["message_id"] for found in outcomes} == {None}
    house.b.signal(signal.SIGCONT)
    await until(lambda: _settled(house.b))
    found = await house.a.command("CP1", timeout_s=10)
    assert (found["outcome"], point.ids) == ("answered", [found["message_id"]])


async def test_a_stalled_node_is_told_gone(house: House) -> None:
    """With a long deadline the caller does not wait for it: the node is gone, the station never saw the command."""
    point = await house.point("CP1", house.b)
    house.b.signal(signal.SIGSTOP)
    begun = time.monotonic()
    found = await house.a.command("CP1", timeout_s=60)
    assert (found["outcome"], found["message_id"]) == ("not_connected", None)
    assert time.monotonic() - begun < 8
    house.b.signal(signal.SIGCONT)
    await until(lambda: _settled(house.b))
    assert point.ids == []


async def test_a_zombie_cannot_take_a_station_back(house: House) -> None:
    """A node that was stopped while its station moved closes the old connection when it wakes, and presence stays."""
    old = await house.point("CP1", house.b)
    house.b.signal(signal.SIGSTOP)
    new = await house.point("CP1", house.c)
    assert (await house.a.command("CP1", timeout_s=5))["outcome"] == "answered"
    house.b.signal(signal.SIGCONT)
    assert await old.closed() == 1001
    found = await house.b.command("CP1", timeout_s=5)
    assert (found["outcome"], len(new.ids), old.ids) == ("answered", 2, [])


async def test_the_newest_connection_wins_across_nodes(house: House) -> None:
    """The same identity on two nodes: the older connection is closed with 1001 and gets no command any more."""
    old = await house.point("CP1", house.a)
    new = await house.point("CP1", house.b)
    assert await old.closed() == 1001
    for node in house.nodes:
        assert (await node.command("CP1"))["outcome"] == "answered"
    assert (old.ids, len(new.ids)) == ([], 3)
    back = await house.point("CP1", house.a)
    assert await new.closed() == 1001
    assert (await house.c.command("CP1"))["outcome"] == "answered"
    assert len(back.ids) == 1


async def test_redis_restarts_without_its_data(house: House) -> None:
    """Redis is killed and comes back empty: stations stay connected, are found again, and the books are written anew."""
    point = await house.point("CP1", house.b)
    number = (await point.call("StartTransaction", START))["transactionId"]
    await house.redis.say("FLUSHALL")
    await until(lambda: _answered(house.a, "CP1"))
    house.redis.stop()
    # A knew the way and tried to hand its command over, so the station may have seen it; C could not even look it up.
    during = await asyncio.gather(*(node.command("CP1", timeout_s=0.5) for node in (house.a, house.c)))
    assert [(found["outcome"], found["message_id"] is None) for found in during] == [
        ("timeout", False),
        ("expired", True),
    ]
    await house.redis.start()
    await until(lambda: _answered(house.a, "CP1"))
    assert len(set(point.ids)) == len(point.ids)
    moved = await house.point("CP1", house.c)  # its rows are read from Redis there
    assert (await moved.call("StartTransaction", START))["transactionId"] == number
    stop = {"transactionId": number, "meterStop": 300, "timestamp": NOW}
    await moved.call("StopTransaction", stop)
    (found,) = await house.c.get("/stations/CP1/transactions")
    assert (found["energy_wh"], found["open"], found["anomalies"]) == (200, False, [])


async def test_a_command_under_way_survives_a_flush(house: House) -> None:
    """The outcome of a command reaches its caller although Redis lost everything between call and answer."""
    point = await house.point("CP1", house.b)
    point.may_answer.clear()
    asked = asyncio.create_task(house.a.command("CP1", timeout_s=20))
    await asyncio.wait_for(point.called.wait(), 5)
    await house.redis.say("FLUSHALL")
    point.may_answer.set()
    found = await asked
    assert (found["outcome"], point.ids) == ("answered", [found["message_id"]])


async def test_five_hundred_commands_in_a_batch(house: House) -> None:
    """500 commands to 60 stations on three nodes and to 10 that are nowhere: each has its own outcome, in order."""
    nodes = house.nodes
    points = [await house.point(f"CP{number}", nodes[number % 3]) for number in range(60)]
    wanted = [f"CP{number % 70}" for number in range(500)]
    commands = [{"station": station, "action": "ClearCache"} for station in wanted]
    response = await house.a.client.post(f"{house.a.api_url}/batch?timeout_s=20", json={"commands": commands})
    outcomes = response.json()
    assert [found["station"] for found in outcomes] == wanted
    for station, found in zip(wanted, outcomes, strict=True):
        assert found["outcome"] == ("answered" if int(station[2:]) < 60 else "not_connected"), found
    told = sorted(found["message_id"] for found in outcomes if found["outcome"] == "answered")
    assert sorted(message_id for point in points for message_id in point.ids) == told
    assert len(set(told)) == len(told)


async def test_one_key_is_one_command(house: House) -> None:
    """The same idempotency key from two nodes at once and once more later: the station is called once."""
    point = await house.point("CP1", house.c)
    point.may_answer.clear()
    first = asyncio.create_task(house.a.command("CP1", key="k1", timeout_s=20))
    second = asyncio.create_task(house.b.command("CP1", key="k1", timeout_s=20))
    await asyncio.wait_for(point.called.wait(), 5)
    point.may_answer.set()
    outcomes = [await first, await second, await house.c.command("CP1", key="k1")]
    assert [found["outcome"] for found in outcomes] == ["answered"] * 3
    assert {found["message_id"] for found in outcomes} == set(point.ids)
    assert len(point.ids) == 1
    other = await house.b.command("CP1", "Reset", key="k1")
    assert (other["outcome"], len(point.ids)) == ("conflict", 1)


async def test_a_broadcast_reaches_every_station(house: House) -> None:
    """Every connected station is called once, whichever node holds it."""
    points = [await house.point(f"CP{number}", house.nodes[number % 3]) for number in range(9)]
    response = await house.b.client.post(f"{house.b.api_url}/broadcast/ClearCache", content=b"{}")
    found = response.json()
    assert {station: each["outcome"] for station, each in found["outcomes"].items()} == {
        point.identity: "answered" for point in points
    }
    assert (found["silent_nodes"], [len(point.ids) for point in points]) == ([], [1] * 9)


async def test_a_draining_node_sends_its_stations_away(house: House) -> None:
    """SIGTERM with a drain: connections are closed with 1012 at different moments, and the stations are found elsewhere."""
    leaving, staying = NodeProcess("D", house.redis.url, "--drain", "1.0"), house.b
    await leaving.start()
    points = [await house.point(f"CP{number}", leaving) for number in range(6)]
    leaving.signal(signal.SIGTERM)

    async def closed(point: ChargePoint) -> tuple[int | None, float]:
        return await point.closed(), time.monotonic()

    ends = await asyncio.gather(*(closed(point) for point in points))
    assert {code for code, _ in ends} == {1012}
    moments = [moment for _, moment in ends]
    assert max(moments) - min(moments) > 0.1
    await leaving.ended()
    await leaving.close()
    await house.point("CP0", staying)
    assert (await staying.command("CP0"))["outcome"] == "answered"


async def test_any_node_answers_about_any_station(house: House) -> None:
    """Books, messages and faults of a station are read and set on a node that does not hold it; and when nobody does."""
    point = await house.point("CP/1", house.b)
    other = await house.point("CP2", house.c)
    number = (await point.call("StartTransaction", START))["transactionId"]
    one = "/stations/CP%2F1"
    for node in house.nodes:
        assert (await node.get(one))["connected"] is True
        assert [each["transaction_id"] for each in await node.get(f"{one}/transactions?open=1")] == [str(number)]
        assert (await node.get(f"{one}/messages?limit=1"))[0]["text"].endswith(f'"transactionId":{number}}}]')
        assert [each["id"] for each in await node.get("/stations") if each["connected"]] == ["CP/1", "CP2"]
        assert [each["station"] for each in await node.get("/transactions")] == ["CP/1"]
        assert (await node.get(f"/transactions/{number}"))["messages"][0]["kind"] == "start"
    assert (await house.a.client.get(f"{house.a.api_url}/stations/nobody")).status_code == 404
    plan = {"rules": [{"fault": "error", "code": "SecurityError", "action": "Authorize"}]}
    assert (await house.a.client.put(f"{house.a.api_url}{one}/faults", json=plan)).status_code == 200
    assert (await point.call("Authorize", {"idTag": "TAG"}))[0] == "SecurityError"
    assert (await house.c.get(f"{one}/faults"))["rules"][0]["fault"] == "error"
    assert (await house.c.client.delete(f"{house.c.api_url}{one}/connection?code=1012")).status_code == 204
    assert await point.closed() == 1012
    await until(lambda: _gone(house.a, one))
    assert (await house.a.get(f"{one}/transactions"))[0]["transaction_id"] == str(number)
    assert (await house.c.client.post(f"{house.c.api_url}{one}/commands/ClearCache")).status_code == 409
    assert other.ids == []


async def _gone(node: NodeProcess, path: str) -> bool:
    return not (await node.get(path))["connected"]


async def test_a_redis_cluster_and_a_small_pool_serve_as_well(redis_servers: dict[str, RedisServer]) -> None:
    """On a Redis Cluster, which refuses commands across slots, and with three connections for each node."""
    redis = redis_servers["redis-cluster"]
    await redis.start()
    options = ("--redis-cluster", "--redis-pool", "3")
    nodes = [NodeProcess(name, redis.url, *options) for name in ("A", "B")]
    points: list[ChargePoint] = []
    try:
        await asyncio.gather(*(node.start() for node in nodes))
        a, b = nodes
        points.append(await ChargePoint("CP1").connect(b))
        number = (await points[0].call("StartTransaction", START))["transactionId"]
        outcomes = await asyncio.gather(*(a.command("CP1", timeout_s=20) for _ in range(20)))
        assert {found["outcome"] for found in outcomes} == {"answered"}
        assert sorted(points[0].ids) == sorted(found["message_id"] for found in outcomes)
        points.append(await ChargePoint("CP1").connect(a))
        assert await points[0].closed() == 1001
        assert (await points[1].call("StartTransaction", START))["transactionId"] == number
        assert (await b.command("CP1"))["outcome"] == "answered"
    finally:
        for point in points:
            point.abandon()
        for node in nodes:
            await node.close()


async def test_the_figures_of_a_node(house: House) -> None:
    """Presence, lag, pending and latency are told in the words of Prometheus."""
    await house.point("CP1", house.b)
    assert (await house.a.command("CP1"))["outcome"] == "answered"
    await until(lambda: _settled(house.b))
    b, a = await house.b.figures(), await house.a.figures()
    assert (b["wayside_csms_stations_present"], a["wayside_csms_stations_present"]) == (1, 0)
    assert (b["wayside_csms_commands_delivered_total"], b["wayside_csms_stream_lag"]) == (1, 0)
    assert a["wayside_csms_command_seconds_count"] == 1
    assert (b["wayside_csms_bus_reachable"], b["wayside_csms_stream_pending"]) == (1, 0)


async def _under_way(node: NodeProcess) -> bool:
    return (await node.figures())["wayside_csms_commands_under_way"] > 0


async def _settled(node: NodeProcess) -> bool:
    found = await node.figures()
    return found["wayside_csms_stream_lag"] == 0 and found["wayside_csms_stream_pending"] == 0


async def _answered(node: NodeProcess, station: str) -> bool:
    return (await node.command(station, timeout_s=1)).get("outcome") == "answered"
