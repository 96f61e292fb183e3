"""LEM DCBM 400/600: a direct-current meter that signs transactions, over HTTP or HTTPS.

A transaction is begun with POST and ended with PUT on /v1/legal; its record in OCMF is then at /v1/ocmf. The meter needs the time for
its records and forgets it after 48 h; it is given before each transaction. Source: LEM DCBM communication protocols manual, chapter 4.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import quote

from hal.codecs import ocmf
from hal.drivers.http_client import HttpAnswer, HttpClient, pinned_tls
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.registry import DriverContext, driver
from hal.types import MeterReading, SignedReading

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S = 5.0  # signing takes the meter up to some seconds
STOP_WITHIN_S = 15.0
STOP_TRIES = 3
RETRY_S = 0.5
LONGEST_CLIENT_ID = 37  # characters of the field in the signed record
ONGOING_BIT = 0b100  # of transactionStatus
MWH_PER_KWH = 1_000_000
KILO = 1000
LARGEST_NUMBER = 10**9  # in any of its units; what is beyond is no measurement
SHOWN_BYTES = 80  # of an unexpected answer, in an error text


@driver("meter", "lem-dcbm")
class LemDcbm:
    """Satisfies hal.meter.Meter and hal.meter.SigningMeter.

    `host` and `port` find the meter; it keeps its port also with TLS. With `certificate`, a PEM file with the meter's own certificate,
    it is spoken to over HTTPS and must present that one. `evse_name`, `tariff_id` and `cable_id` go into the signed record;
    the cable number selects the meter's compensation of cable losses.
    """

    def __init__(
        self,
        context: DriverContext,
        *,
        host: str,
        port: int = 80,
        certificate: str | None = None,
        evse_name: str | None = None,
        tariff_id: int = 0,
        cable_id: int = 0,
    ) -> None:
        self.phases = 1
        self.model: str | None = "LEM DCBM"
        self.serial_number: str | None = None
        self._clock = context.clock
        self._rng = context.rng
        self._http = HttpClient(host, port, None if certificate is None else pinned_tls(certificate))
        self._about = {"evseId": evse_name or f"EVSE {context.evse or 1}", "tariffId": tariff_id, "cableId": cable_id}
        self._public_key: str | None = None
        self._transaction: str | None = None  # begun, as far as we know, and its record not fetched yet
        self._open = False

    async def open(self) -> None:
        """Find the meter and learn its number and public key. Raises HalError."""
        status = await self._status()
        self.serial_number = _text(status, "meterId")
        self._public_key = _text(status, "publicKeyOcmf")
        self._open = True
        log.info("meter found name=%s serial=%s", self._http.name, self.serial_number)

    async def read(self, timeout_s: float = 2.0) -> MeterReading:
        """The values of this moment. Raises DeviceTimeout, DeviceLost or BadReply."""
        self._check_open()
        answer = await self._http.request("GET", "/v1/livemeasure", None, timeout_s)
        try:
            live = self._json("/v1/livemeasure", answer, 200)
        except DeviceRefused as error:
            raise BadReply(str(error)) from error
        power_kw = _number(live, "power")
        return MeterReading(
            import_mwh=_energy_mwh(live, "energyImportTotal"),
            export_mwh=_energy_mwh(live, "energyExportTotal"),
            power_w=None if power_kw is None else float(power_kw * KILO),
            current_a=(_float(live, "current"),),
            voltage_v=(_float(live, "voltage"),),
            temperature_c=_float(live, "temperatureH"),
        )

    async def start_transaction(self, text: str) -> None:
        """Begin a signed measurement; `text` names the customer in the record, cut to 37 characters.

        A transaction that the meter still has open, from before a restart, is ended first. Raises HalError.
        """
        self._check_open()
        if _flag(await self._status(), "status", "bits", "transactionIsOnGoing"):
            await self._end_forgotten()
        await self._tell_time()
        self._transaction = f"{self._rng.getrandbits(128):032x}"
        names = {"transactionId": self._transaction, "clientId": text[:LONGEST_CLIENT_ID], "userData": ""}
        answer = await self._request("POST", "/v1/legal", self._about | names)  # when this is lost, it may have begun
        try:
            begun = self._json("/v1/legal", answer, 201)
        except DeviceRefused:
            self._transaction = None
            raise
        if begun.get("running") is not True:
            self._transaction = None
            raise DeviceRefused(
                f"{self._http.name}: the meter did not begin the transaction; see its status and its log book"
            )

    async def stop_transaction(self) -> SignedReading:
        """End it and fetch its record. Raises HalError when the meter gives none within 15 s; it may then be asked again."""
        self._check_open()
        if self._transaction is None:
            raise DeviceRefused(f"{self._http.name}: no signed transaction was begun")
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                record = await self._finish(self._transaction)
        except DeviceTimeout:
            raise
        except TimeoutError:
            raise DeviceTimeout(f"{self._http.name}: no signed record within {STOP_WITHIN_S:.0f} s") from None
        self._transaction = None
        if not record.closed:
            log.warning(
                "signed record has no begin and end name=%s marks=%s", self._http.name, record.transaction_marks
            )
        return SignedReading(record.text, public_key=self._public_key)

    async def close(self) -> None:
        """Nothing stays open between requests."""
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise DeviceLost(f"{self._http.name} is not open")

    async def _finish(self, transaction: str) -> ocmf.OcmfRecord:
        """End and fetch; an answer that was lost is no reason to lose the record."""
        for _ in range(STOP_TRIES - 1):
            try:
                return await self._end_and_fetch(transaction)
            except HalError as error:
                log.warning("signed record not fetched name=%s error=%s", self._http.name, error)
                await self._clock.sleep(RETRY_S)
        return await self._end_and_fetch(transaction)

    async def _end_and_fetch(self, transaction: str) -> ocmf.OcmfRecord:
        try:
            await self._end(transaction)
        except DeviceRefused as error:  # it may have ended already, with its answer lost: then there is a record
            log.warning("meter does not end the transaction name=%s error=%s", self._http.name, error)
        target = f"/v1/ocmf?transactionId={transaction}"
        answer = await self._request("GET", target, None)
        if answer.status != 200:
            self._unexpected(target, answer)
        return ocmf.parse(answer.body.decode("utf-8", "replace"))

    async def _end(self, transaction: str) -> None:
        target = f"/v1/legal?transactionId={quote(transaction, safe='')}"
        ended = self._json(target, await self._request("PUT", target, {"running": False}), 200)
        status = _inside(ended, "meterValue", "transactionStatus")
        if not isinstance(status, int) or status & ONGOING_BIT:
            raise DeviceRefused(f"{self._http.name}: the meter goes on with the transaction (status {status})")

    async def _end_forgotten(self) -> None:
        forgotten = _text(self._json("/v1/legal", await self._request("GET", "/v1/legal", None), 200), "transactionId")
        log.warning("meter has an old transaction open name=%s transaction=%s", self._http.name, forgotten)
        await self._end(forgotten or "")

    async def _tell_time(self) -> None:
        now = self._clock.now()
        if now.wall_s is None or not now.trust.usable:
            log.warning("meter is not told the time name=%s trust=%s", self._http.name, now.trust)
            return
        utc = datetime.fromtimestamp(now.wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answer = await self._request("PUT", "/v1/settings", {"time": {"utc": utc}})
        if self._json("/v1/settings", answer, 200).get("result") != 1:
            log.warning("meter does not take the time name=%s", self._http.name)

    async def _status(self) -> dict[str, Any]:
        return self._json("/v1/status", await self._request("GET", "/v1/status", None), 200)

    async def _request(self, method: str, target: str, body: Mapping[str, Any] | None) -> HttpAnswer:
        sent = None if body is None else json.dumps(body).encode()
        return await self._http.request(method, target, sent, REQUEST_TIMEOUT_S)

    def _json(self, target: str, answer: HttpAnswer, status: int) -> dict[str, Any]:
        """The object in an answer; decimal numbers stay exact. Raises DeviceRefused for another status, BadReply for no object."""
        if answer.status != status:
            self._unexpected(target, answer)
        try:
            value = json.loads(answer.body, parse_float=Decimal, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise BadReply(f"{self._http.name}{target}: not JSON ({error}): {answer.body[:SHOWN_BYTES]!r}") from None
        if not isinstance(value, dict):
            raise BadReply(f"{self._http.name}{target}: no JSON object: {answer.body[:SHOWN_BYTES]!r}")
        return value

    def _unexpected(self, target: str, answer: HttpAnswer) -> NoReturn:
        raise DeviceRefused(f"{self._http.name}{target}: HTTP status {answer.status}: {answer.body[:SHOWN_BYTES]!r}")


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _inside(value: Any, *path: str) -> Any:
    """What stands at a path of keys; None where there is nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _flag(value: dict[str, Any], *path: str) -> bool:
    flag = _inside(value, *path)
    if not isinstance(flag, bool):
        raise BadReply(f"LEM DCBM status without {'.'.join(path)}; is it this type of meter?")
    return flag


def _text(value: dict[str, Any], key: str) -> str | None:
    text = value.get(key)
    return text if isinstance(text, str) and text else None


def _number(value: dict[str, Any], key: str) -> Decimal | None:
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        return None
    number = Decimal(found)
    return number if -LARGEST_NUMBER <= number <= LARGEST_NUMBER else None


def _float(value: dict[str, Any], key: str) -> float | None:
    number = _number(value, key)
    return None if number is None else float(number)


def _energy_mwh(value: dict[str, Any], key: str) -> int | None:
    number = _number(value, key)
    return None if number is None or number < 0 else int(number * MWH_PER_KWH)
