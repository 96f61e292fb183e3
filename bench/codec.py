"""Receive and validate a MeterValues of OCPP 1.6 and a TransactionEvent of 2.0.1, each of 8 samples: our models, msgspec structs, and
PyPI `ocpp` as shipped and inline."""

import asyncio
import json
import timeit
from datetime import datetime
from typing import Annotated

import msgspec
import ocpp.messages
from ocpp.charge_point import camel_to_snake_case

from bench import transaction_event
from bench.table import Row
from bench.transaction_event import TransactionEvent
from ocpp_client.framing import Call, split
from ocpp_client.messages import Message, from_wire
from ocpp_client.v16 import MeterValuesRequest, core
from ocpp_client.v201 import TransactionEventRequest

SAMPLES = (
    ("Energy.Active.Import.Register", "Wh", "1234567"),
    ("Power.Active.Import", "W", "7360.5"),
    ("Current.Import", "A", "32.1"),
    ("Current.Import", "A", "31.9"),
    ("Current.Import", "A", "32.0"),
    ("Voltage", "V", "230.1"),
    ("Voltage", "V", "229.8"),
    ("SoC", "Percent", "54"),
)
PAYLOAD = {
    "connectorId": 1,
    "transactionId": 42,
    "meterValue": [
        {
            "timestamp": "2026-05-01T12:00:00.000Z",
            "sampledValue": [
                {
                    "value": value,
                    "context": "Sample.Periodic",
                    "format": "Raw",
                    "measurand": measurand,
                    "location": "Outlet",
                    "unit": unit,
                }
                for measurand, unit, value in SAMPLES
            ],
        }
    ],
}
FRAME = json.dumps([2, "0b0c6a3a-6c5e-4a52-a3a7-3f0f0c4d6a11", "MeterValues", PAYLOAD], separators=(",", ":"))


class _Sampled(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    value: str
    context: core.ReadingContext | None = None
    format: core.ValueFormat | None = None
    measurand: core.Measurand | None = None
    phase: core.Phase | None = None
    location: core.Location | None = None
    unit: core.UnitOfMeasure | None = None


class _MeterValue(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    timestamp: datetime
    sampled_value: Annotated[tuple[_Sampled, ...], msgspec.Meta(min_length=1)]


class _MeterValues(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    connector_id: int
    meter_value: Annotated[tuple[_MeterValue, ...], msgspec.Meta(min_length=1)]
    transaction_id: int | None = None


def _best_us(work: object, number: int, repeat: int = 7) -> float:
    timer = timeit.Timer(work)  # type: ignore[arg-type]
    timer.timeit(1)
    return min(timer.repeat(repeat, number)) / number * 1e6


def rows() -> list[Row]:
    """Measure."""
    return [
        *_compared("MeterValues, 8 samples", FRAME, MeterValuesRequest, _MeterValues, "1.6"),
        *_compared(
            "TransactionEvent, 8 samples", transaction_event.FRAME, TransactionEventRequest, TransactionEvent, "2.0.1"
        ),
    ]


def _compared(title: str, frame: str, model: type[Message], struct: type[msgspec.Struct], version: str) -> list[Row]:
    def ours() -> None:
        call = split(frame)
        assert isinstance(call, Call)
        from_wire(model, call.payload)

    decoder = msgspec.json.Decoder(tuple[int, str, str, struct])  # type: ignore[valid-type]
    ours_us = _best_us(ours, 2000)
    msgspec_us = _best_us(lambda: decoder.decode(frame), 4000)
    shipped_us = _shipped_us(frame, version)
    validator = ocpp.messages.get_validator(2, title.partition(",")[0], version, parse_float=float)

    def inline() -> None:
        unpacked = ocpp.messages.unpack(frame)
        validator.validate(unpacked.payload)
        camel_to_snake_case(unpacked.payload)

    inline_us = _best_us(inline, 50)
    return [
        Row(title, f"{ours_us:.1f} us", f"PyPI ocpp as shipped {shipped_us:.0f} us", f"{shipped_us / ours_us:.0f}x faster", ">= 30x", shipped_us / ours_us >= 30),
        Row("", "", f"PyPI ocpp inline {inline_us:.0f} us", f"{inline_us / ours_us:.0f}x faster"),
        Row("", "", f"msgspec {msgspec_us:.1f} us", f"{ours_us / msgspec_us:.1f}x slower", "<= 4x", ours_us / msgspec_us <= 4),
    ]  # fmt: skip


def _shipped_us(frame: str, version: str) -> float:
    """PyPI `ocpp` validates in a worker thread when it is used as its documentation shows."""

    async def measure(number: int) -> float:
        loop = asyncio.get_running_loop()
        best = float("inf")
        for _ in range(5):
            begun = loop.time()
            for _ in range(number):
                message = ocpp.messages.unpack(frame)
                await ocpp.messages.validate_payload(message, version)
                camel_to_snake_case(message.payload)  # what its handlers are given
            best = min(best, (loop.time() - begun) / number)
        return best * 1e6

    return asyncio.run(measure(100))
