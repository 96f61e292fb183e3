"""The HTTP API, over a real socket."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from csms.api import build_api
from csms.app import Csms
from csms.config import CsmsConfig, StationConfig
from csms.faults.seeded import seeded
from tests.csms.conftest import PATIENCE_S, Raw, dialled, running

START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2026-03-01T10:00:00Z"}
STOP = {"transactionId": 1, "meterStop": 400, "timestamp": "2026-03-01T11:00:00Z"}


@pytest.fixture
async def csms() -> AsyncIterator[Csms]:
    async with running(api_host="127.0.0.1") as system:
        yield system


@pytest.fixture
async def api(csms: Csms) -> AsyncIterator[httpx.AsyncClient]:
    async with client(csms) as http:
        yield http


def client(csms: Csms) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=str(csms.api_url), trust_env=False)


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def answering(raw: Raw, payload: Any) -> Any:
    """Answer the next call with a payload; the call."""
    call = await raw.receive()
    await raw.send([3, call[1], payload])
    return call


# --- reading


async def test_health_tells_where_stations_connect(csms: Csms, api: httpx.AsyncClient) -> None:
    """Health answers at once, with the WebSocket URL and how many stations are there."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        assert (await api.get("/health")).json() == {
            "status": "ok",
            "ws_url": csms.ws_url,
            "stations": 1,
            "connected": 1,
        }


async def test_stations_and_their_transactions_can_be_read(csms: Csms, api: httpx.AsyncClient) -> None:
    """A station, its transactions in short, one of them in full, its messages, notices and idle readings."""
    async with dialled(csms, "CP%201") as raw:
        await raw.ask([2, "1", "StartTransaction", START])
        values = [{"timestamp": "2026-03-01T10:30:00Z", "sampledValue": [{"value": "200"}]}]
        await raw.ask([2, "2", "MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": values}])
        await raw.ask([2, "3", "MeterValues", {"connectorId": 1, "meterValue": values}])
        await raw.ask([2, "4", "FirmwareStatusNotification", {"status": "Idle"}])
        assert [each["open"] for each in (await api.get("/transactions", params={"open": 1})).json()] == [True]
        await raw.ask([2, "5", "StopTransaction", STOP])
    assert [each["id"] for each in (await api.get("/stations")).json()] == ["CP 1"]
    assert (await api.get("/stations/CP%201")).json()["protocol"] in ("ocpp1.6", None)
    (short,) = (await api.get("/stations/CP%201/transactions")).json()
    assert (short["energy_wh"], short["started_at"], "messages" in short) == (300, "2026-03-01T10:00:00.000Z", False)
    whole = (await api.get("/transactions/1")).json()
    assert [each["message_id"] for each in whole["messages"]] == ["1", "2", "5"]
    assert whole["messages"][1]["samples"][0]["value"] == "200"
    assert (await api.get("/transactions", params={"open": "1"})).json() == []
    messages = (await api.get("/stations/CP%201/messages", params={"limit": 2})).json()
    assert [each["direction"] for each in messages] == ["in", "out"]
    assert (await api.get("/stations/CP%201/notices")).json()[0]["action"] == "FirmwareStatusNotification"
    assert (await api.get("/stations/CP%201/meter-values")).json()[0]["payload"]["connectorId"] == 1
    assert (await api.get("/stations/CP%201/variables")).json() == []


async def test_an_identity_with_a_slash_has_its_routes(csms: Csms, api: httpx.AsyncClient) -> None:
    """A slash in an identity does not hide what lies behind it."""
    async with dialled(csms, "A%2FB") as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
    assert (await api.get("/stations/A%2FB")).json()["id"] == "A/B"
    assert len((await api.get("/stations/A%2FB/messages")).json()) == 2


async def test_a_transaction_id_that_several_stations_used_needs_the_station(
    csms: Csms, api: httpx.AsyncClient
) -> None:
    """An ambiguous transaction id is not guessed at."""
    for station in ("CP1", "CP2"):
        async with dialled(csms, station) as raw:
            await raw.ask([2, "s", "StopTransaction", {**STOP, "transactionId": 77}])
    assert error(await api.get("/transactions/77")) == (409, "ambiguous-transaction")
    assert (await api.get("/transactions/77", params={"station": "CP2"})).json()["station"] == "CP2"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/stations/nobody", (404, "unknown-station")),
        ("/stations/nobody/messages", (404, "unknown-station")),
        ("/transactions/nothing", (404, "unknown-transaction")),
        ("/tokens/nothing", (404, "unknown-token")),
        ("/stations/nobody/faults", (404, "no-faults")),
        ("/nowhere", (404, "no-such-route")),
        ("/transactions?open=perhaps", (400, "bad-parameter")),
        ("/transactions?limit=0", (400, "bad-parameter")),
        ("/transactions?limit=x", (400, "bad-parameter")),
    ],
)
async def test_what_cannot_be_read_says_why(api: httpx.AsyncClient, path: str, expected: tuple[int, str]) -> None:
    """Each error has its status, a code for programs and a text for people."""
    response = await api.get(path)
    assert error(response) == expected
    assert response.json()["error"]["text"]


async def test_a_wrong_method_is_told(api: httpx.AsyncClient) -> None:
    """A path that exists for another method answers 405."""
    assert error(await api.post("/health")) == (405, "method-not-allowed")


# --- commands


async def test_a_command_goes_out_and_its_answer_comes_back(csms: Csms, api: httpx.AsyncClient) -> None:
    """The answer has the outcome, the response, the message id and the time it took."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        answer = asyncio.create_task(answering(raw, {"status": "Accepted"}))
        response = await api.post("/stations/CP1/commands/Reset", json={"type": "Soft"})
        call = await answer
    found = response.json()
    assert (response.status_code, found["outcome"], found["response"]) == (200, "answered", {"status": "Accepted"})
    assert found["message_id"] == call[1]
    assert found["elapsed_ms"] >= 0
    assert call[2:] == ["Reset", {"type": "Soft"}]


async def test_a_command_without_a_body_has_an_empty_payload(csms: Csms, api: httpx.AsyncClient) -> None:
    """ClearCache and its like need no body."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        answer = asyncio.create_task(answering(raw, {"status": "Accepted"}))
        assert (await api.post("/stations/CP1/commands/ClearCache")).status_code == 200
        assert (await answer)[3] == {}


async def test_a_callerror_and_a_broken_answer_are_told(csms: Csms, api: httpx.AsyncClient) -> None:
    """A CALLERROR is an answer; so is one that breaks its schema, with what is wrong about it."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        command = asyncio.create_task(api.post("/stations/CP1/commands/ClearCache"))
        call = await raw.receive()
        await raw.send([4, call[1], "NotSupported", "no cache", {"a": 1}])
        response = await command
        assert (response.status_code, response.json()["outcome"]) == (200, "error")
        assert response.json()["error"] == {"code": "NotSupported", "description": "no cache", "details": {"a": 1}}
        answer = asyncio.create_task(answering(raw, {"status": "Perhaps"}))
        found = (await api.post("/stations/CP1/commands/ClearCache")).json()
        await answer
        assert (found["response"], len(found["violations"])) == ({"status": "Perhaps"}, 1)


async def test_an_unchecked_command_goes_out_as_it_came(csms: Csms, api: httpx.AsyncClient) -> None:
    """Unknown actions, unknown fields, nulls and the order of keys reach the wire, compactly."""
    body = '{ "zeta": 1, "alpha": null, "list": [1, 2.50], "text": "ü\\ud800" }'
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        command = asyncio.create_task(
            api.post("/stations/CP1/commands/VendorThing", params={"unchecked": 1}, content=body)
        )
        text = await raw.socket.recv()
        assert isinstance(text, str)
        call = json.loads(text)
        assert (
            text == f'[2,"{call[1]}","VendorThing",' + '{"zeta":1,"alpha":null,"list":[1,2.5],"text":"\\u00fc\\ud800"}]'
        )
        await raw.send([3, call[1], {"anything": True}])
        assert (await command).json()["response"] == {"anything": True}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/stations/nobody/commands/Reset", b"{}", (404, "unknown-station")),
        ("/stations/CP1/commands/NoSuchThing", b"{}", (404, "unknown-action")),
        ("/stations/CP1/commands/Reset", b"{", (400, "not-json")),
        ("/stations/CP1/commands/Reset", b'{"a":NaN}', (400, "not-json")),
        ("/stations/CP1/commands/Reset", b"[" * 100_000, (400, "not-json")),
        ("/stations/CP1/commands/Reset", b"[]", (422, "invalid-payload")),
        ("/stations/CP1/commands/Reset", b'{"type":"Tepid"}', (422, "invalid-payload")),
        ("/stations/CP1/commands/Reset", b'{"type":"Soft","more":1}', (422, "invalid-payload")),
        ("/stations/CP1/commands/Reset?timeout_s=0", b"{}", (400, "bad-parameter")),
        ("/stations/CP1/commands/Reset?timeout_s=nan", b"{}", (400, "bad-parameter")),
        ("/stations/CP1/commands/Reset?unchecked=maybe", b"{}", (400, "bad-parameter")),
        ("/stations/CP1/commands/Reset", b"x" * (1024 * 1024 + 1), (413, "body-too-large")),
    ],
)
async def test_a_command_that_cannot_be_sent_says_why(
    csms: Csms, api: httpx.AsyncClient, path: str, body: bytes, expected: tuple[int, str]
) -> None:
    """What is wrong with a command is found before the station sees anything of it."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        response = await api.post(path, content=body)
        assert error(response) == expected
        if expected[1] == "invalid-payload":
            assert response.json()["error"]["violations"][0]["text"]
        assert (await raw.ask([2, "i", "Heartbeat", {}]))[1] == "i"


async def test_outcomes_without_an_answer_have_their_status(csms: Csms, api: httpx.AsyncClient) -> None:
    """Timed out is 504, not connected 409, a key used for another command 409."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        late = await api.post("/stations/CP1/commands/ClearCache", params={"timeout_s": 0.01})
        assert (late.status_code, late.json()["outcome"]) == (504, "timeout")
        answer = asyncio.create_task(answering(raw, {"status": "Accepted"}))
        await raw.receive()
        headers = {"Idempotency-Key": "once"}
        first = await api.post("/stations/CP1/commands/ClearCache", headers=headers)
        await answer
        assert (await api.post("/stations/CP1/commands/ClearCache", headers=headers)).json() == first.json()
        other = await api.post("/stations/CP1/commands/Reset", json={"type": "Soft"}, headers=headers)
        assert (other.status_code, other.json()["outcome"]) == (409, "conflict")
    await csms.wait_for(lambda: not csms.is_connected("CP1"), PATIENCE_S)
    gone = await api.post("/stations/CP1/commands/ClearCache")
    assert (gone.status_code, gone.json()["outcome"], gone.json()["message_id"]) == (409, "not_connected", None)


async def test_a_connection_can_be_closed(csms: Csms, api: httpx.AsyncClient) -> None:
    """The operator closes a connection with a code; without a connection there is nothing to close."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        assert (await api.delete("/stations/CP1/connection", params={"code": 1013})).status_code == 204
        assert await raw.closed() == 1013
    await csms.wait_for(lambda: not csms.is_connected("CP1"), PATIENCE_S)
    assert error(await api.delete("/stations/CP1/connection")) == (409, "not-connected")


# --- faults and tokens


async def test_faults_are_set_shown_and_removed(csms: Csms, api: httpx.AsyncClient) -> None:
    """A plan works from when it is put until it is deleted, also for a station that was never here."""
    body = {"seed": 3, "rules": [{"fault": "error", "action": "Heartbeat", "code": "InternalError"}]}
    put = await api.put("/stations/CP1/faults", json=body)
    assert put.status_code == 200
    assert (await api.get("/stations/CP1/faults")).json() == put.json()
    async with dialled(csms) as raw:
        assert (await raw.ask([2, "h", "Heartbeat", {}]))[0] == 4
        assert (await api.delete("/stations/CP1/faults")).status_code == 204
        assert (await raw.ask([2, "i", "Heartbeat", {}]))[0] == 3
    assert error(await api.get("/stations/CP1/faults")) == (404, "no-faults")


async def test_a_fault_plan_comes_from_a_seed(csms: Csms, api: httpx.AsyncClient) -> None:
    """A seed alone makes a plan, the same one each time; what is no seed is told."""
    first = (await api.put("/stations/CP1/faults?random=5")).json()
    assert (len(first["rules"]) >= 4, csms.faults("CP1")) == (True, seeded(5, "CP1"))
    assert (await api.put("/stations/CP1/faults", params={"random": 5})).json() == first
    assert error(await api.put("/stations/CP1/faults?random=x")) == (400, "bad-parameter")


async def test_a_wrong_fault_plan_names_its_mistake(api: httpx.AsyncClient) -> None:
    """A plan that breaks its schema is refused with the place of each mistake, and changes nothing."""
    response = await api.put("/stations/CP1/faults", json={"rules": [{"fault": "late", "delay_s": -1}]})
    assert error(response) == (422, "invalid-body")
    assert response.json()["error"]["violations"][0]["path"] == "rules.0.late.delay_s"
    assert error(await api.get("/stations/CP1/faults")) == (404, "no-faults")


async def test_tokens_are_put_read_and_deleted(csms: Csms, api: httpx.AsyncClient) -> None:
    """A configured token decides what a station is told, until it is removed."""
    body = {"status": "Blocked", "parent": "FLEET", "expires_at": "2030-01-01T00:00:00+01:00"}
    put = await api.put("/tokens/TAG", json=body)
    assert put.json() == {
        "id_token": "TAG",
        "status": "Blocked",
        "parent": "FLEET",
        "expires_at": "2030-01-01T00:00:00.000+01:00",
    }
    assert (await api.get("/tokens")).json() == [put.json()]
    assert (await api.get("/tokens/tag")).json() == put.json()
    async with dialled(csms) as raw:
        assert (await raw.ask([2, "a", "Authorize", {"idTag": "TAG"}]))[2]["idTagInfo"]["status"] == "Blocked"
    assert (await api.delete("/tokens/TAG")).status_code == 204
    assert error(await api.delete("/tokens/TAG")) == (404, "unknown-token")
    wrong: list[Any] = [{"status": "Maybe"}, {"expires_at": "2030-01-01T00:00:00"}, {"statsu": "Blocked"}, []]
    for bad in wrong:
        assert error(await api.put("/tokens/TAG", json=bad)) == (422, "invalid-body")


# --- events


async def frames(response: httpx.Response, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


async def test_events_stream_as_they_happen(csms: Csms, api: httpx.AsyncClient) -> None:
    """A listener gets events of the station and kinds it asked for, and can catch up from a number."""
    async with api.stream("GET", "/events", params={"station": "CP1", "kind": "status,heartbeat"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async with dialled(csms, "CP2") as other, dialled(csms, "CP1") as raw:
            await other.ask([2, "h", "Heartbeat", {}])
            await raw.ask([2, "h", "Heartbeat", {}])
            await raw.ask(
                [2, "s", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Faulted"}]
            )
            async with asyncio.timeout(PATIENCE_S):
                found = await frames(response, 2)
    assert [(each["kind"], each["station"]) for each in found] == [("heartbeat", "CP1"), ("status", "CP1")]
    headers = {"Last-Event-ID": str(found[0]["number"])}
    async with api.stream("GET", "/events", headers=headers) as response, asyncio.timeout(PATIENCE_S):
        assert (await frames(response, 1))[0]["number"] == found[0]["number"] + 1
    assert error(await api.get("/events", headers={"Last-Event-ID": "x"})) == (400, "bad-parameter")


async def test_a_stop_ends_open_streams(csms: Csms, api: httpx.AsyncClient) -> None:
    """A listener's stream ends when the central system stops, and does not hold it up."""
    async with api.stream("GET", "/events") as response, asyncio.timeout(PATIENCE_S):
        lines = response.aiter_lines()
        assert (await anext(lines)).startswith(":")
        await csms.stop()
        assert [line async for line in lines if line] == []


# --- who may use it


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Host": "evil.example"}, (403, "wrong-host")),
        ({"Host": "[::1"}, (403, "wrong-host")),
        ({"Origin": "https://evil.example"}, (403, "cross-origin")),
        ({"Origin": "null"}, (403, "cross-origin")),
    ],
)
async def test_pages_from_elsewhere_are_refused(
    api: httpx.AsyncClient, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """A foreign host name or origin gets nothing, not even health."""
    assert error(await api.get("/health", headers=headers)) == expected


async def test_with_a_token_every_request_needs_it() -> None:
    """A configured token is asked for everywhere; with it any host name will do."""
    async with running(api_host="127.0.0.1", api_token="s3cret") as csms, client(csms) as api:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            assert error(await api.get("/health", headers=headers)) == (401, "no-token")
        headers = {"Authorization": "Bearer s3cret", "Host": "csms.example"}
        assert (await api.get("/health", headers=headers)).status_code == 200


def test_an_open_api_without_a_token_is_refused() -> None:
    """An API that others can reach must have a token; the mistake is found in the configuration."""
    with pytest.raises(ValueError, match="api_token"):
        CsmsConfig(api_host="0.0.0.0")
    assert "s3cret" not in repr(CsmsConfig(api_host="0.0.0.0", api_token="s3cret"))


async def test_a_taken_port_is_an_error_with_the_address() -> None:
    """An API port in use raises OSError with the address, and leaves no door open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            async with Csms(CsmsConfig(api_port=port)):
                pass


# --- description


async def test_the_description_names_every_route(csms: Csms, api: httpx.AsyncClient) -> None:
    """Each route of the application is in the OpenAPI document, with its path parameters."""
    document = (await api.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert ("POST", "/api/stations/{station}/commands/{action}") in described
    command = document["paths"]["/api/stations/{station}/commands/{action}"]["post"]
    assert {each["name"] for each in command["parameters"]} == {
        "station",
        "action",
        "unchecked",
        "timeout_s",
        "Idempotency-Key",
    }
    served = [each for each in build_api(csms)._app.routes if each.path.startswith("/api/")]  # type: ignore[attr-defined]
    assert len(described) == len(served)


async def test_the_description_is_openapi(api: httpx.AsyncClient) -> None:
    """What is served keeps to the OpenAPI 3.1 specification, schemas of bodies included; each operation has its own name."""
    document = (await api.get("/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)
    parts = document["components"]["schemas"]
    named = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)))
    assert {f"#/components/schemas/{name}" for name in parts} == named


async def test_the_commands_of_each_version_are_named(api: httpx.AsyncClient) -> None:
    """All commands of 1.6 with its security extension and of 2.0.1, and the schemas of each one's payloads."""
    protocols = (await api.get("/protocols")).json()
    assert {name: len(commands) for name, commands in protocols.items()} == {"ocpp1.6": 26, "ocpp2.0.1": 40}
    found = (await api.get("/protocols/ocpp1.6/commands/Reset")).json()
    assert found["request"]["properties"]["type"]["enum"] == ["Hard", "Soft"]
    assert found["response"]["required"] == ["status"]
    assert error(await api.get("/protocols/ocpp1.5/commands/Reset")) == (404, "unknown-protocol")
    assert error(await api.get("/protocols/ocpp1.6/commands/RequestStartTransaction")) == (404, "unknown-action")


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
async def test_every_command_goes_out_by_its_name_and_is_held_against_its_schema(protocol: str) -> None:
    """Each command of a version reaches the station with the least its schema allows; with more it is refused, with why."""
    async with running(api_host="127.0.0.1") as csms, client(csms) as api, dialled(csms, protocols=(protocol,)) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        for action in (await api.get("/protocols")).json()[protocol]:
            schema = (await api.get(f"/protocols/{protocol}/commands/{action}")).json()["request"]
            least = smallest(schema, schema)
            asked = asyncio.create_task(api.post(f"/stations/CP1/commands/{action}", json=least))
            call = await raw.receive()
            assert call[2:] == [action, least]
            await raw.send([4, call[1], "NotSupported", "", {}])
            assert (await asked).json()["outcome"] == "error"
            refused = await api.post(f"/stations/CP1/commands/{action}", json={**least, "nonsense": 1})
            assert error(refused) == (422, "invalid-payload")
            assert refused.json()["error"]["violations"][0]["path"] == "nonsense"


def smallest(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """The least value that a JSON schema allows, as far as the schemas of OCPP go."""
    if "$ref" in schema:
        return smallest(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    match schema.get("type"):
        case "object":
            return {name: smallest(schema["properties"][name], root) for name in schema.get("required", ())}
        case "array":
            return [smallest(schema["items"], root)] * schema.get("minItems", 0)
        case "string" if "enum" in schema:
            return schema["enum"][0]
        case "string" if "maxLength" not in schema:
            return "2026-03-01T10:00:00Z"  # a time, which has a format and no length
        case "string":
            return "x"
        case "boolean":
            return True
        case _:
            return 1


async def test_a_configured_station_that_never_came_is_described() -> None:
    """A configured station is known before it connects, and not connected."""
    async with running(api_host="127.0.0.1", stations={"CP1": StationConfig()}) as csms, client(csms) as api:
        found = (await api.get("/stations/CP1")).json()
        assert (found["connected"], found["first_seen"]) == (False, None)
        assert (await api.get("/stations")).json() == [found]
        assert (await api.post("/stations/CP1/commands/ClearCache")).status_code == 409
