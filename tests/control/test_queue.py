"""`/api/queue` over HTTP, and the client that commands use."""

import asyncio
import json
import threading
from pathlib import Path

import pytest

from firmware.config import load_config
from firmware.control.client import ControlClient, ControlError
from firmware.core.facts import Fact, FactKind, Trigger, encode
from firmware.core.values import Token
from hal.types import Instant, TimeTrust
from offline_queue import Burial, Commit, NewRecord
from tests.control.station import CARD, Station, station

CONTROL_TOKEN = "a-control-token-of-some-length"


QUIET = {"station.profiles": "RemoteTrigger"}  # no security events: what waits is what a test puts there


def a_start(number: int) -> NewRecord:
    """The start of a transaction, as the journal has it."""
    at = Instant(1.0, "boot-0", 1_780_000_000.0, TimeTrust.SYNCHRONISED)
    fact = Fact(f"tx-{number}", 0, FactKind.STARTED, Trigger.AUTHORIZED, at, evse=1, meter_wh=1500, token=Token(CARD))
    return NewRecord("transaction", f"tx-{number}", "started", encode(fact))


async def bury(one: Station, count: int = 1) -> list[int]:
    """Give up some starts; returns their numbers."""
    ids = await one.app.queue.commit(Commit(append=[a_start(number) for number in range(count)]))
    await one.app.queue.commit(Commit(bury=[Burial(number, "refused 3 times") for number in ids]))
    return list(ids)


async def test_dead_letters_are_shown_with_their_reason_and_a_masked_token(tmp_path: Path) -> None:
    """What was given up shows what it told, of when, and why it was given up; the token only in part."""
    async with station(tmp_path, QUIET) as one:
        [number] = await bury(one)
        response = await one.http.get("/api/queue")
        [letter] = response.json()["dead_letters"]
        assert letter["id"] == number
        assert letter["reason"] == "refused 3 times"
        assert letter["transaction"] == "tx-0"
        assert letter["meter_wh"] == 1500
        assert letter["at"] == "2026-05-28T20:26:40.000Z"
        assert letter["token"] == "04…F6"
        assert response.json()["dead"] == 1
        assert CARD not in response.text


async def test_waiting_records_are_shown_oldest_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    """The limit holds for each lane; depth tells how many there are in all."""
    async with station(tmp_path, QUIET) as one:
        ids = await one.app.queue.commit(Commit(append=[a_start(number) for number in range(3)]))
        shown = (await one.http.get("/api/queue?limit=2")).json()
        assert [record["id"] for record in shown["waiting"]] == list(ids[:2])
        assert shown["rows"] == 3
        assert shown["oldest"]["id"] == ids[0]
        assert shown["oldest"]["kind"] == "started"


async def test_a_record_that_is_no_fact_is_shown_all_the_same(tmp_path: Path) -> None:
    """A row that nobody can read any more still has its number and its lane."""
    async with station(tmp_path, QUIET) as one:
        [number] = await one.app.queue.commit(Commit(append=[NewRecord("transaction", "s", "odd", b"\xff")]))
        [record] = (await one.http.get("/api/queue")).json()["waiting"]
        assert (record["id"], record["kind"], record["evse"]) == (number, "odd", None)


async def test_retry_puts_dead_letters_back(tmp_path: Path) -> None:
    """Only the letters that are named go back, and numbers that are not dead are passed over."""
    async with station(tmp_path, QUIET) as one:
        first, second = await bury(one, 2)
        answer = await one.http.post("/api/queue/retry", json={"ids": [first, 999]})
        assert answer.json() == {"retried": 1}
        shown = (await one.http.get("/api/queue")).json()
        assert [record["id"] for record in shown["waiting"]] == [first]
        assert [record["id"] for record in shown["dead_letters"]] == [second]


async def test_discard_deletes_dead_letters_for_good(tmp_path: Path) -> None:
    """What is named is gone, the rest stays."""
    async with station(tmp_path, QUIET) as one:
        first, second = await bury(one, 2)
        answer = await one.http.post("/api/queue/discard", json={"ids": [second]})
        assert answer.json() == {"discarded": 1}
        shown = (await one.http.get("/api/queue")).json()
        assert [record["id"] for record in shown["dead_letters"]] == [first]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": ["1"]}, "ids.0"),
        ({"ids": [1], "all": True}, "all"),
        ({"ids": 1}, "ids"),
    ],
)
async def test_ids_have_to_be_named(tmp_path: Path, body: dict[str, object], field: str) -> None:
    """A body without good numbers is refused with the field at fault, and nothing is deleted."""
    async with station(tmp_path, QUIET) as one:
        await bury(one)
        refused = await one.http.post("/api/queue/discard", json=body)
        assert refused.status_code == 400
        assert refused.json()["error"]["field"] == field
        assert one.app.queue.stats().dead == 1


async def test_the_export_has_everything_that_a_bill_needs(tmp_path: Path) -> None:
    """Dead letters are exported a line each, with the whole record, token included."""
    async with station(tmp_path, QUIET) as one:
        ids = await bury(one, 2)
        response = await one.http.get("/api/queue/dead.jsonl")
        lines = [json.loads(line) for line in response.text.splitlines()]
        assert [line["id"] for line in lines] == ids
        assert CARD in lines[0]["payload"]
        assert "attachment" in response.headers["Content-Disposition"]


async def test_without_dead_letters_the_export_is_empty(tmp_path: Path) -> None:
    """No line, no error."""
    async with station(tmp_path, QUIET) as one:
        response = await one.http.get("/api/queue/dead.jsonl")
        assert (response.status_code, response.text) == (200, "")


async def test_a_journal_that_cannot_be_read_is_an_error_and_the_state_goes_on(tmp_path: Path) -> None:
    """When the journal refuses, its routes answer 503 with the reason, and the state is answered from memory."""
    async with station(tmp_path, QUIET) as one:
        await one.app.queue.commit(Commit(append=[a_start(1)]))
        await one.app.queue.close()
        for response in (
            await one.http.get("/api/queue"),
            await one.http.get("/api/queue/dead.jsonl"),
            await one.http.post("/api/queue/retry", json={"ids": [1]}),
        ):
            assert response.status_code == 503
            assert "closed" in response.json()["error"]["message"]
        oldest = (await one.state())["queue"]["oldest"]
        assert oldest == {"id": 1, "kind": None, "created": None}


async def test_a_disk_that_hangs_is_waited_for_only_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk does not answer, the journal's routes give up in time, and the state does not wait for it."""
    monkeypatch.setattr("firmware.control.queue.DISK_TIMEOUT_S", 0.05)
    async with station(tmp_path, QUIET) as one:
        await one.app.queue.commit(Commit(append=[a_start(1)]))
        disk = threading.Event()
        one.app.queue._executor.submit(
            disk.wait
        )  # the thread of the journal is stuck, as in a write that does not return
        try:
            late = await one.http.get("/api/queue")
            assert late.status_code == 504
            assert (await one.state())["queue"]["rows"] == 1
        finally:
            disk.set()


# ---- the client


async def test_a_command_works_through_the_client(tmp_path: Path) -> None:
    """Listing, exporting, retrying and discarding go over the interface of the running station."""
    async with station(tmp_path, {**QUIET, "control.token": CONTROL_TOKEN}) as one:
        first, second = await bury(one, 2)
        client = ControlClient(one.app.control_url or "", CONTROL_TOKEN)
        queue = await asyncio.to_thread(client.queue)
        assert [letter["id"] for letter in queue["dead_letters"]] == [first, second]
        assert len(await asyncio.to_thread(lambda: list(client.export_dead()))) == 2
        assert await asyncio.to_thread(client.retry, [first]) == 1
        assert await asyncio.to_thread(client.discard, [second]) == 1
        assert (await asyncio.to_thread(client.state))["queue"]["dead"] == 0


async def test_many_letters_go_in_several_requests(tmp_path: Path) -> None:
    """The client takes as many numbers as a journal may have dead letters, though one request does not."""
    async with station(tmp_path, QUIET) as one:
        [number] = await bury(one)
        client = ControlClient(one.app.control_url or "")
        assert await asyncio.to_thread(client.retry, [*range(100_000, 102_000), number]) == 1


async def test_the_client_says_what_the_station_refused(tmp_path: Path) -> None:
    """A missing token and a wrong body come out as the station's own words."""
    async with station(tmp_path, {**QUIET, "control.token": CONTROL_TOKEN}) as one:
        with pytest.raises(ControlError, match=r"refused: send the token of control\.token"):
            await asyncio.to_thread(ControlClient(one.app.control_url or "").queue)


async def test_the_client_says_that_nobody_is_there(tmp_path: Path) -> None:
    """Without a station the error names the address."""
    with pytest.raises(ControlError, match=r"no station answers at http://127\.0\.0\.1:9"):
        await asyncio.to_thread(ControlClient("http://127.0.0.1:9").state)


async def test_the_client_notices_another_program() -> None:
    """A server that answers something else is not taken for a station."""

    async def other(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ControlError, match="another program"):
            await asyncio.to_thread(ControlClient(f"http://127.0.0.1:{port}").state)


def test_the_client_finds_the_station_by_its_configuration() -> None:
    """The address and the token are those of the configuration; without a fixed port there is none."""
    config = load_config(None, environment={}, overrides={"control.listen": "[::1]:8081"})
    assert ControlClient.of(config)
    for overrides in ({"control.listen": "127.0.0.1:0"}, {"control.enabled": "false"}):
        with pytest.raises(ControlError, match="names no address"):
            ControlClient.of(load_config(None, environment={}, overrides=overrides))
