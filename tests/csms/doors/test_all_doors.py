"""One set of tests for every door: what a station sees must not depend on where its socket ends."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from boards import find_board, load_board
from csms.config import CsmsConfig, StationConfig
from csms.core.effects import OutcomeKind
from csms.core.router import Context, Router
from firmware.app import App, Surroundings
from firmware.config import load_config
from hal.clocks import SystemClock, read_boot_id
from hal.mock.actions import perform
from ocpp_client.v16 import DataTransferRequest, DataTransferResponse
from tests.csms.conftest import PATIENCE_S, Raw
from tests.csms.doors.forms import EMBEDDED, STATELESS, Form, books_of, stations_of
from tests.csms.redis_server import RedisServer, needs_redis
from tests.csms.test_other_library import NOW, Station16, Station201

TAG = "04A1B2C3D4E5F6"
CONFIG = CsmsConfig(api_host=None)
FORMS = [*EMBEDDED, *(pytest.param(name, marks=needs_redis) for name in STATELESS)]


@pytest.fixture
async def redis_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.node.callspec.params["kind"] in EMBEDDED:
        yield ""
        return
    server = RedisServer(tmp_path)
    await server.start()
    yield server.url
    server.stop()


@pytest.fixture
async def form(kind: str, redis_url: str) -> AsyncIterator[Form]:
    async with {**EMBEDDED, **STATELESS}[kind](redis_url, Router(), CONFIG) as form:
        yield form


@asynccontextmanager
async def dial(form: Form, protocol: str = "ocpp1.6", path: str = "CP1", **kwargs: Any) -> AsyncIterator[Raw]:
    options = {"ping_interval": None, "proxy": None, "compression": None, **kwargs}
    async with connect(f"{form.ws_url}/{path}", subprotocols=[Subprotocol(protocol)], **options) as socket:
        yield Raw(socket)


@asynccontextmanager
async def station(form: Form, kind: Any, protocol: str) -> AsyncIterator[Any]:
    async with dial(form, protocol) as raw:
        point = kind("CP1", raw.socket)
        reading = asyncio.create_task(point.start())
        try:
            yield point
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.parametrize("kind", FORMS)
async def test_a_charge_with_another_library_16(form: Form) -> None:
    """PyPI ocpp, 1.6: boot, remote start, charge and stop end up in the books as one clean transaction."""
    async with station(form, Station16, "ocpp1.6") as point:
        assert (await point.call(call16.BootNotification("Kerb 22", "Example"))).status == "Accepted"
        outcome = await form.command("CP1", "RemoteStartTransaction", '{"idTag":"TAG"}', PATIENCE_S)
        assert (outcome.kind, outcome.response) == (OutcomeKind.ANSWERED, {"status": "Accepted"})
        started = await point.call(call16.StartTransaction(1, "TAG", 100, NOW))
        values = [{"timestamp": NOW, "sampledValue": [{"value": "150", "context": "Sample.Periodic"}]}]
        await point.call(call16.MeterValues(1, values, transaction_id=started.transaction_id))
        await point.call(call16.StopTransaction(250, NOW, started.transaction_id, reason="Remote"))
        await point.call(call16.StatusNotification(1, "NoError", "Available"))
    store = await form.store("CP1")
    (found,) = books_of(store).transactions("CP1")
    assert (found.energy_wh, found.reason, len(found.samples), found.anomalies) == (150, "Remote", 1, ())
    assert stations_of(store).status("CP1", 1) == "Available"


@pytest.mark.parametrize("kind", FORMS)
async def test_a_charge_with_another_library_201(form: Form) -> None:
    """PyPI ocpp, 2.0.1: the same figures."""
    token = {"idToken": "TAG", "type": "ISO14443"}
    async with station(form, Station201, "ocpp2.0.1") as point:
        boot = call201.BootNotification({"model": "Kerb 22", "vendorName": "Example"}, "PowerUp")
        assert (await point.call(boot)).status == "Accepted"
        payload = json.dumps({"idToken": token, "remoteStartId": 1})
        outcome = await form.command("CP1", "RequestStartTransaction", payload, PATIENCE_S)
        assert (outcome.kind, outcome.response) == (OutcomeKind.ANSWERED, {"status": "Accepted"})
        for sequence, (kind, wh) in enumerate([("Started", 100), ("Updated", 150), ("Ended", 250)]):
            context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
            await point.call(
                call201.TransactionEvent(
                    event_type=kind,
                    timestamp=NOW,
                    trigger_reason="RemoteStart",
                    seq_no=sequence,
                    transaction_info={"transactionId": "tx-1"},
                    id_token=token if kind == "Started" else None,
                    evse={"id": 1, "connectorId": 1},
                    meter_value=[{"timestamp": NOW, "sampledValue": [{"value": wh, "context": context}]}],
                )
            )
    (found,) = books_of(await form.store("CP1")).transactions("CP1")
    assert (found.energy_wh, len(found.samples), found.anomalies) == (150, 3, ())


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
@pytest.mark.parametrize("kind", FORMS)
async def test_a_charge_of_the_real_charge_point(form: Form, protocol: str, tmp_path: Path) -> None:
    """The charge point itself on its mock board: plugged in, started and stopped by the central system, recorded once."""
    loop = asyncio.get_running_loop()
    settings = {"station.id": "CP1", "csms.url": form.ws_url, "csms.protocols": protocol, "control.enabled": "false"}
    config = load_config(None, environment={}, overrides=settings)
    around = Surroundings(SystemClock(loop, boot=read_boot_id()), random.Random(1), lambda: str(uuid.uuid4()), tmp_path)
    app = await App.open(config, load_board(find_board("mock")), around)
    running = asyncio.create_task(app.run())
    world: Any = app.board.world

    async def commanded(name16: str, payload16: Any, name201: str, payload201: Any) -> None:
        name, payload = (name16, payload16) if protocol == "ocpp1.6" else (name201, payload201)
        outcome = await form.command("CP1", name, json.dumps(payload), PATIENCE_S)
        assert (outcome.kind, outcome.violations) == (OutcomeKind.ANSWERED, ()), outcome
        assert outcome.response is not None
        assert outcome.response["status"] == "Accepted"

    async def until(condition: Any) -> Any:
        async with asyncio.timeout(20):
            while not (found := condition(await form.store("CP1"))):
                await asyncio.sleep(0.05)
        return found

    try:
        await until(lambda store: stations_of(store).description("CP1")["registration"] == "Accepted")
        perform(world, "evse/1/plug", {"car": "compact"})
        start201 = {"idToken": {"idToken": TAG, "type": "ISO14443"}, "remoteStartId": 7, "evseId": 1}
        start16 = {"idTag": TAG, "connectorId": 1}
        await commanded("RemoteStartTransaction", start16, "RequestStartTransaction", start201)
        (open_one,) = await until(lambda store: books_of(store).transactions("CP1", open_only=True))
        key = open_one.transaction_id
        stop16 = {"transactionId": int(key)} if protocol == "ocpp1.6" else {}
        await commanded("RemoteStopTransaction", stop16, "RequestStopTransaction", {"transactionId": key})
        await until(lambda store: not books_of(store).transactions("CP1", open_only=True))
    finally:
        app.stop()
        await running
    (found,) = books_of(await form.store("CP1")).transactions("CP1")
    assert (found.id_token, found.anomalies) == (TAG, ())
    assert found.energy_wh is not None
    assert found.energy_wh >= 0


@pytest.mark.parametrize("kind", FORMS)
async def test_what_breaks_the_rules_is_answered_and_survived(form: Form) -> None:
    """Unknown actions, bad payloads, spaces, no JSON and binary messages: the right answer, and the connection stays."""
    async with dial(form) as raw:
        assert (await raw.ask([2, "1", "Nonsense", {}]))[:3] == [4, "1", "NotImplemented"]
        assert (await raw.ask([2, "2", "Authorize", {}]))[2] in ("FormationViolation", "OccurenceConstraintViolation")
        assert (await raw.ask([2, "3", "Authorize", {"idTag": 5}]))[2] == "TypeConstraintViolation"
        assert (await raw.ask('  [2, "4", "Heartbeat", {}]'))[0] == 3
        await raw.send("no JSON at all")
        await raw.send(b"\x00\x01")
        assert (await raw.ask([2, "5", "Heartbeat", {}]))[:2] == [3, "5"]


@pytest.mark.parametrize("kind", FORMS)
async def test_a_repeated_message_gets_the_stored_answer(form: Form) -> None:
    """Also on another connection; and a StartTransaction with the same content is one transaction."""
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": NOW}
    async with dial(form) as raw:
        first = await raw.ask([2, "s1", "StartTransaction", start])
        assert await raw.ask([2, "s1", "StartTransaction", start]) == first
    async with dial(form) as raw:
        assert await raw.ask([2, "s1", "StartTransaction", start]) == first
        assert (await raw.ask([2, "s2", "StartTransaction", start]))[2] == first[2]
        other = await raw.ask([2, "s3", "StartTransaction", {**start, "connectorId": 2}])
        assert other[2]["transactionId"] != first[2]["transactionId"]
    assert len(books_of(await form.store("CP1")).transactions("CP1")) == 2


@pytest.mark.parametrize("kind", FORMS)
async def test_how_commands_end(form: Form) -> None:
    """Answered with an error, not answered, sent to nobody: the caller is told which."""
    assert (await form.command("CP1", "ClearCache", "{}", 5)).kind is OutcomeKind.NOT_CONNECTED
    async with dial(form) as raw:
        await raw.ask([2, "1", "Heartbeat", {}])
        refused = asyncio.create_task(form.command("CP1", "ClearCache", "{}", 5))
        call = await raw.receive()
        assert call[2:] == ["ClearCache", {}]
        await raw.send([4, call[1], "NotSupported", "no cache here", {}])
        outcome = await refused
        assert (outcome.kind, outcome.error_code, outcome.message_id) == (OutcomeKind.ERROR, "NotSupported", call[1])
        silent = await form.command("CP1", "ClearCache", "{}", 0.3)
        assert (silent.kind, silent.message_id) == (OutcomeKind.TIMEOUT, (await raw.receive())[1])
    left = await form.command("CP1", "ClearCache", "{}", 0.3)
    assert left.kind in (OutcomeKind.NOT_CONNECTED, OutcomeKind.TIMEOUT)  # the end of a connection takes a moment


@pytest.mark.parametrize("kind", FORMS)
async def test_the_newest_connection_wins(form: Form) -> None:
    """The older connection of the same identity is closed, and the newer one gets the commands."""
    async with dial(form) as old:
        await old.ask([2, "1", "Heartbeat", {}])
        async with dial(form) as new:
            await new.ask([2, "1", "Heartbeat", {}])
            assert await old.closed() in (1000, 1001)  # a cloud gateway chooses the code itself
            asked = asyncio.create_task(form.command("CP1", "ClearCache", "{}", 5))
            call = await new.receive()
            await new.send([3, call[1], {"status": "Accepted"}])
            assert (await asked).kind is OutcomeKind.ANSWERED


@pytest.mark.parametrize("kind", FORMS)
async def test_no_common_version_is_told(form: Form) -> None:
    """A station that offers no version spoken here is not left hanging, and never meets an error 500."""
    async with dial(form, "ocpp1.5") as raw:
        assert await raw.closed() == 1002


@pytest.mark.parametrize("kind", FORMS)
async def test_a_handler_may_call_its_own_station(kind: str, redis_url: str) -> None:
    """A handler that waits for the answer to a call to the very station it serves does not lock up."""
    router, forms = Router(), list[Form]()

    @router.on("ocpp1.6", "DataTransfer")
    async def ask_back(context: Context, request: DataTransferRequest) -> DataTransferResponse:
        outcome = await forms[0].command(context.station, "ClearCache", "{}", PATIENCE_S)
        return DataTransferResponse(status="Accepted", data=outcome.kind.value)

    async with {**EMBEDDED, **STATELESS}[kind](redis_url, router, CONFIG) as form, dial(form) as raw:
        forms.append(form)
        await raw.send([2, "d1", "DataTransfer", {"vendorId": "Example"}])
        call = await raw.receive()
        await raw.send([3, call[1], {"status": "Accepted"}])
        assert await raw.receive() == [3, "d1", {"status": "Accepted", "data": "answered"}]


@pytest.mark.parametrize("kind", [name for name in FORMS if name != "gateway"])
async def test_unknown_stations_are_turned_away(kind: str, redis_url: str) -> None:
    """With a list of stations, another identity gets 404 before any WebSocket is open."""
    config = CsmsConfig(api_host=None, stations={"CP1": StationConfig()})
    async with {**EMBEDDED, **STATELESS}[kind](redis_url, Router(), config) as form:
        with pytest.raises(InvalidStatus) as refused:
            async with dial(form, path="CP2"):
                pass
        assert refused.value.response.status_code == 404
        async with dial(form) as raw:
            assert (await raw.ask([2, "1", "Heartbeat", {}]))[0] == 3
