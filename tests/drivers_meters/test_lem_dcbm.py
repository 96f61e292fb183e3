"""The LEM DCBM against a web server that keeps its rules; numbers and forms are those of the maker's communication manual."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal.clocks import SystemClock
from hal.drivers.meter_lem_dcbm import LemDcbm
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.meter import Meter, SigningMeter
from hal.registry import DriverContext, Registry
from hal.types import MeterReading, TimeTrust
from tests.drivers_meters.test_ocmf import record
from tests.drivers_meters.web import Asked, Send, at_once, bytewise, delayed, reply, self_signed, web_server

WALL_S = 1_700_000_000.25
PUBLIC_KEY = "A80F10D968E1122F8820F288B23C4E1C0DA912F35B48481274ADFEFE66D7E87E"
LIVE = """{"voltage": 398.7, "current": 120.5, "power": 48.043, "temperatureH": 41.5, "temperatureL": 39.0,
 "energyImportTotal": 188.977, "energyExportTotal": 0.000, "timestamp": "2020-12-10T16:39:15+01:00"}"""


class Device:
    """A meter that begins, ends and signs transactions. What a test puts into `instead` is sent in place of the next answers."""

    def __init__(self) -> None:
        self.running: str | None = None
        self.ended: list[str] = []
        self.time: str | None = None
        self.marks: tuple[str, ...] = ("B", "E")
        self.instead: dict[tuple[str, str], list[bytes]] = {}

    def __call__(self, asked: Asked) -> bytes:
        url = urlsplit(asked.target)
        waiting = self.instead.get((asked.method, url.path), [])
        answer = getattr(self, f"{asked.method}_{url.path.rsplit('/', 1)[1]}".lower())(
            json.loads(asked.body) if asked.body else None,
            parse_qs(url.query).get("transactionId", [""])[0],
        )
        return waiting.pop(0) if waiting else answer

    def get_status(self, _: Any, __: str) -> bytes:
        bits = {"suLinkStatusIsOk": True, "transactionIsOnGoing": self.running is not None, "timeSyncStatusIsOk": True}
        status = {"value": 17, "bits": bits}
        return reply(
            200, json.dumps({"status": status, "meterId": "12024072805", "publicKey": "k", "publicKeyOcmf": PUBLIC_KEY})
        )

    def get_livemeasure(self, _: Any, __: str) -> bytes:
        return reply(200, LIVE)

    def put_settings(self, body: Any, _: str) -> bytes:
        self.time = body["time"]["utc"]
        return reply(200, '{"meterId": "12024072805", "result": 1}')

    def get_legal(self, _: Any, __: str) -> bytes:
        return reply(200, json.dumps({"transactionId": self.running or "none"}))

    def post_legal(self, body: Any, _: str) -> bytes:
        if self.running is not None:
            return reply(409, '{"error": "transaction is ongoing"}')
        assert set(body) == {"evseId", "transactionId", "clientId", "tariffId", "cableId", "userData"}
        self.running = body["transactionId"]
        return reply(201, json.dumps(body | {"running": True}))

    def put_legal(self, body: Any, transaction: str) -> bytes:
        assert body == {"running": False}
        if transaction != self.running:
            return reply(404, '{"error": "no such transaction"}')
        self.running = None
        self.ended.append(transaction)
        return reply(200, json.dumps({"transactionId": transaction, "meterValue": {"transactionStatus": 25 & ~4}}))

    def get_ocmf(self, _: Any, transaction: str) -> bytes:
        return reply(200, record(*self.marks, text=transaction)) if transaction in self.ended else reply(404, "")


@contextlib.asynccontextmanager
async def dcbm(
    device: Callable[[Asked], bytes], trust: TimeTrust = TimeTrust.SYNCHRONISED, **options: Any
) -> AsyncIterator[tuple[LemDcbm, list[Asked]]]:
    """An open meter, built by the registry, and what it asked since."""
    async with web_server(device, **options) as (port, asked):
        meter = build(port, trust)
        await meter.open()
        asked.clear()
        yield meter, asked
        await meter.close()


def build(port: int, trust: TimeTrust = TimeTrust.SYNCHRONISED, **options: Any) -> LemDcbm:
    """The driver as a board makes it."""
    clock = SystemClock(asyncio.get_running_loop(), boot="test", trust_source=lambda: trust, wall_s=lambda: WALL_S)
    about = {"host": "127.0.0.1", "port": port, "evse_name": "DE*ABC*E1", "cable_id": 2} | options
    meter = Registry([]).build("meter", "lem-dcbm", DriverContext(clock, Random(7), evse=1), about)
    assert isinstance(meter, LemDcbm)
    return meter


def contract(meter: LemDcbm) -> tuple[Meter, SigningMeter]:
    """The type checker proves both contracts."""
    return meter, meter


@pytest.mark.parametrize("deliver", [at_once, bytewise, delayed], ids=["whole", "byte by byte", "delayed"])
async def test_a_reading_has_the_units_of_the_contract(deliver: Callable[[bytes, Send], Any]) -> None:
    """Kilowatts and kilowatt hours become watts and exact milliwatt hours; what a DC meter has not is None."""
    async with dcbm(Device(), deliver=deliver) as (meter, _):
        assert await contract(meter)[0].read() == MeterReading(
            import_mwh=188_977_000,
            export_mwh=0,
            power_w=48_043.0,
            current_a=(120.5,),
            voltage_v=(398.7,),
            temperature_c=41.5,
        )
        assert (meter.phases, meter.model, meter.serial_number) == (1, "LEM DCBM", "12024072805")


async def test_a_transaction_ends_with_its_signed_record() -> None:
    """The record of the very transaction that was begun comes back, as text, with the meter's public key."""
    device = Device()
    async with dcbm(device) as (meter, asked):
        assert isinstance(meter, SigningMeter)
        await meter.start_transaction("04A1B2C3D4E5F6")
        begun = json.loads(asked[-1].body)
        assert (begun["evseId"], begun["clientId"], begun["cableId"]) == ("DE*ABC*E1", "04A1B2C3D4E5F6", 2)
        assert device.running == begun["transactionId"]
        signed = await meter.stop_transaction()
        assert signed.text == record("B", "E", text=begun["transactionId"])
        assert (signed.format, signed.public_key) == ("OCMF", PUBLIC_KEY)
        assert device.running is None
        await meter.start_transaction("next")
        assert device.running not in {None, begun["transactionId"]}


async def test_the_meter_is_told_the_time_before_a_transaction() -> None:
    """Its clock stops being trusted after 48 hours; ours is told in UTC."""
    device = Device()
    async with dcbm(device) as (meter, asked):
        await meter.start_transaction("x")
        assert device.time == "2023-11-14T22:13:20.250Z"
        assert [(one.method, one.target) for one in asked] == [
            ("GET", "/v1/status"),
            ("PUT", "/v1/settings"),
            ("POST", "/v1/legal"),
        ]


@pytest.mark.parametrize("trust", [TimeTrust.UNKNOWN, TimeTrust.FLOOR])
async def test_a_time_that_is_not_trusted_is_not_told(trust: TimeTrust) -> None:
    """A signed record must not carry a time that nobody vouches for."""
    device = Device()
    async with dcbm(device, trust) as (meter, _):
        await meter.start_transaction("x")
        assert device.time is None
        assert device.running is not None


async def test_a_meter_that_does_not_take_the_time_is_used_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """It decides itself whether it can sign with the time it has."""
    device = Device()
    device.instead = {("PUT", "/v1/settings"): [reply(200, '{"result": 0}')]}
    async with dcbm(device) as (meter, _):
        await meter.start_transaction("x")
        assert device.running is not None
        assert "does not take the time" in caplog.text


async def test_a_long_text_is_cut_to_the_field() -> None:
    """The meter refuses longer names."""
    async with dcbm(Device()) as (meter, asked):
        await meter.start_transaction("x" * 80)
        assert json.loads(asked[-1].body)["clientId"] == "x" * 37


async def test_a_transaction_from_before_a_restart_is_ended_first() -> None:
    """A meter that is still in a transaction of ours begins the next one all the same."""
    device = Device()
    device.running = "0123 ä&b"
    async with dcbm(device) as (meter, _):
        await meter.start_transaction("x")
        assert device.ended == ["0123 ä&b"]
        assert device.running not in {None, "0123 ä&b"}


async def test_a_meter_that_refuses_to_begin_is_an_error() -> None:
    """There is then nothing to stop either."""
    device = Device()
    device.instead = {
        ("POST", "/v1/legal"): [reply(403, '{"error": "time is not synchronised"}'), reply(201, '{"running": false}')]
    }
    async with dcbm(device) as (meter, _):
        for expected in ("HTTP status 403.*time is not synchronised", "did not begin"):
            device.running = None
            with pytest.raises(DeviceRefused, match=expected):
                await meter.start_transaction("x")
            with pytest.raises(DeviceRefused, match="no signed transaction was begun"):
                await meter.stop_transaction()


@pytest.mark.parametrize("target", ["/v1/legal", "/v1/ocmf"])
async def test_a_lost_answer_does_not_lose_the_record(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the meter ended the transaction but its answer was damaged, the record is fetched all the same."""
    monkeypatch.setattr("hal.drivers.meter_lem_dcbm.RETRY_S", 0.0)
    device = Device()
    async with dcbm(device) as (meter, _):
        await meter.start_transaction("x")
        device.instead = {
            ("PUT" if target == "/v1/legal" else "GET", target): [b"HTTP/1.1 200 OK\r\n\r\n{", b"\x00\r\n"]
        }
        assert (await meter.stop_transaction()).text.startswith("OCMF|")


async def test_a_record_that_never_comes_is_an_error_and_may_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tries, then an error; a later call still finds the record."""
    monkeypatch.setattr("hal.drivers.meter_lem_dcbm.RETRY_S", 0.0)
    device = Device()
    async with dcbm(device) as (meter, asked):
        await meter.start_transaction("x")
        device.instead = {("GET", "/v1/ocmf"): [reply(404, ""), reply(500, ""), reply(200, "<html/>")]}
        asked.clear()
        with pytest.raises(BadReply, match="not an OCMF record"):
            await meter.stop_transaction()
        assert sum(one.target.startswith("/v1/ocmf") for one in asked) == 3
        assert (await meter.stop_transaction()).text.startswith("OCMF|")


@pytest.mark.parametrize(
    ("limit", "error"), [("STOP_WITHIN_S", "no signed record within"), ("REQUEST_TIMEOUT_S", "no answer")]
)
async def test_a_meter_that_hangs_at_the_end_is_given_up(
    limit: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a transaction does not wait longer than its limits."""
    monkeypatch.setattr("hal.drivers.meter_lem_dcbm.RETRY_S", 0.0)
    device = Device()
    async with dcbm(device) as (meter, _):
        await meter.start_transaction("x")
        device.instead = {("PUT", "/v1/legal"): [b""] * 3}
        monkeypatch.setattr(f"hal.drivers.meter_lem_dcbm.{limit}", 0.1)
        with pytest.raises(DeviceTimeout, match=error):
            await meter.stop_transaction()


async def test_a_meter_that_goes_on_is_asked_for_its_record(caplog: pytest.LogCaptureFixture) -> None:
    """A record without an end is carried on, and told in the log."""
    device = Device()
    device.marks = ("B",)
    async with dcbm(device) as (meter, _):
        await meter.start_transaction("x")
        device.instead = {("PUT", "/v1/legal"): [reply(200, '{"meterValue": {"transactionStatus": 21}}')]}
        assert (await meter.stop_transaction()).text.startswith("OCMF|")
        assert "does not end the transaction" in caplog.text
        assert "no begin and end" in caplog.text


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(503, "busy"), BadReply),
        (reply(200, "[]"), BadReply),
        (reply(200, "{"), BadReply),
        (reply(200, '{"power": NaN}'), BadReply),
        (reply(200, "[" * 100_000), BadReply),
        (b"", DeviceTimeout),
    ],
    ids=["refused", "no object", "cut off", "NaN", "deep", "silent"],
)
async def test_what_is_no_reading_is_an_error(answer: bytes, error: type[Exception]) -> None:
    """Nothing of it becomes a value."""
    device = Device()
    async with dcbm(device) as (meter, _):
        device.instead = {("GET", "/v1/livemeasure"): [answer]}
        with pytest.raises(error):
            await meter.read(0.2)


@pytest.mark.parametrize("value", ['"5"', "null", "true", "[1]", "1e999999999", "-1e10", "9" * 30])
async def test_what_is_no_number_is_none(value: str) -> None:
    """A field that is not a number, or not one of this world, is unknown and not zero."""
    device = Device()
    async with dcbm(device) as (meter, _):
        device.instead = {
            ("GET", "/v1/livemeasure"): [
                reply(200, f'{{"power": {value}, "energyImportTotal": {value}, "voltage": {value}}}')
            ]
        }
        reading = await meter.read()
        assert (reading.power_w, reading.import_mwh, reading.voltage_v) == (None, None, (None,))


async def test_a_register_below_zero_is_none() -> None:
    """Energy registers count up from zero."""
    device = Device()
    async with dcbm(device) as (meter, _):
        device.instead = {("GET", "/v1/livemeasure"): [reply(200, '{"energyImportTotal": -0.001}')]}
        assert (await meter.read()).import_mwh is None


async def test_another_web_server_is_not_this_meter() -> None:
    """A device that answers HTTP but is no DCBM is found out when a transaction should begin, or at the opening."""
    async with web_server(lambda _: reply(404, "<h1>Not found</h1>")) as (port, _):
        with pytest.raises(DeviceRefused, match="HTTP status 404"):
            await build(port).open()
    async with web_server(lambda _: reply(200, "{}")) as (port, _):
        meter = build(port)
        await meter.open()
        assert (meter.serial_number, (await meter.read()).import_mwh) == (None, None)
        with pytest.raises(BadReply, match="is it this type of meter"):
            await meter.start_transaction("x")


async def test_a_closed_meter_is_not_read() -> None:
    """Reading before `open` or after `close` is an error."""
    meter = build(1)
    for use in (meter.read(), meter.start_transaction("x"), meter.stop_transaction()):
        with pytest.raises(DeviceLost, match="not open"):
            await use


async def test_the_meter_is_spoken_to_over_tls(tmp_path: Path) -> None:
    """With the meter's certificate on the board, everything goes over HTTPS."""
    certificate, serving = self_signed(tmp_path, "dcbm")
    async with web_server(Device(), tls=serving) as (port, _):
        meter = build(port, certificate=str(certificate))
        await meter.open()
        assert (await meter.read()).import_mwh == 188_977_000


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_bytes_from_the_network_upset_the_driver(answers: list[bytes]) -> None:
    """Whatever comes as an answer, there is an error of this room or a reading without energy."""

    async def against_noise() -> None:
        device = Device()
        async with dcbm(device) as (meter, _):
            for answer in answers:
                device.instead = {("GET", "/v1/livemeasure"): [reply(200, answer.decode("latin-1"))]}
                with contextlib.suppress(HalError):
                    assert (await meter.read()).import_mwh is None

    asyncio.run(against_noise())
