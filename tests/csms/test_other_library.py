"""A charge point written with another OCPP library, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.app import Csms
from tests.csms.conftest import PATIENCE_S

NOW = "2026-03-01T10:00:00Z"


class Station16(ChargePoint16):  # type: ignore[misc]
    """Says yes to what it is asked."""

    @on("RemoteStartTransaction")  # type: ignore[untyped-decorator]
    def remote_start(self, id_tag: str, **_: Any) -> Any:
        return result16.RemoteStartTransaction(status="Accepted" if id_tag == "TAG" else "Rejected")


class Station201(ChargePoint201):  # type: ignore[misc]
    """Says yes to what it is asked."""

    @on("RequestStartTransaction")  # type: ignore[untyped-decorator]
    def remote_start(self, remote_start_id: int, **_: Any) -> Any:
        return result201.RequestStartTransaction(status="Accepted" if remote_start_id == 1 else "Rejected")


@asynccontextmanager
async def station(csms: Csms, kind: Any, protocol: str) -> AsyncIterator[Any]:
    async with connect(f"{csms.ws_url}/CP1", subprotocols=[Subprotocol(protocol)], proxy=None) as socket:
        charge_point = kind("CP1", socket)
        reading = asyncio.create_task(charge_point.start())
        try:
            yield charge_point
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def test_a_charge_with_ocpp_16(csms: Csms) -> None:
    """Boot, remote start, charge and stop of a 1.6 station end up in the books as one clean transaction."""
    async with station(csms, Station16, "ocpp1.6") as charge_point:
        boot = await charge_point.call(call16.BootNotification("Kerb 22", "Example"))
        assert boot.status == "Accepted"
        outcome = await csms.command("CP1", "RemoteStartTransaction", {"idTag": "TAG"}, timeout_s=PATIENCE_S)
        assert outcome.response == {"status": "Accepted"}
        assert (await charge_point.call(call16.Authorize("TAG"))).id_tag_info["status"] == "Accepted"
        started = await charge_point.call(call16.StartTransaction(1, "TAG", 100, NOW))
        values = [{"timestamp": NOW, "sampledValue": [{"value": "150", "context": "Sample.Periodic"}]}]
        await charge_point.call(call16.MeterValues(1, values, transaction_id=started.transaction_id))
        await charge_point.call(call16.StopTransaction(250, NOW, started.transaction_id, reason="Remote"))
        await charge_point.call(call16.StatusNotification(1, "NoError", "Available"))
    (found,) = csms.books.transactions("CP1")
    assert (found.energy_wh, found.reason, len(found.samples), found.anomalies) == (150, "Remote", 1, ())
    assert csms.stations.status("CP1", 1) == "Available"


async def test_a_charge_with_ocpp_201(csms: Csms) -> None:
    """The same charge of a 2.0.1 station gives the same figures."""
    token = {"idToken": "TAG", "type": "ISO14443"}

    async with station(csms, Station201, "ocpp2.0.1") as charge_point:
        boot = await charge_point.call(
            call201.BootNotification({"model": "Kerb 22", "vendorName": "Example"}, "PowerUp")
        )
        assert boot.status == "Accepted"
        payload = {"idToken": token, "remoteStartId": 1}
        outcome = await csms.command("CP1", "RequestStartTransaction", payload, timeout_s=PATIENCE_S)
        assert outcome.response == {"status": "Accepted"}
        assert (await charge_point.call(call201.Authorize(token))).id_token_info["status"] == "Accepted"

        async def event(kind: str, sequence: int, wh: float, context: str, **info: str) -> None:
            await charge_point.call(
                call201.TransactionEvent(
                    event_type=kind,
                    timestamp=NOW,
                    trigger_reason="RemoteStart",
                    seq_no=sequence,
                    transaction_info={"transactionId": "tx-1", **info},
                    id_token=token if kind == "Started" else None,
                    evse={"id": 1, "connectorId": 1},
                    meter_value=[{"timestamp": NOW, "sampledValue": [{"value": wh, "context": context}]}],
                )
            )

        await event("Started", 0, 100, "Transaction.Begin")
        await event("Updated", 1, 150, "Sample.Periodic")
        await event("Ended", 2, 250, "Transaction.End", stoppedReason="Remote")
        await charge_point.call(call201.StatusNotification(NOW, "Available", 1, 1))
    (found,) = csms.books.transactions("CP1")
    assert (found.energy_wh, found.reason, len(found.samples), found.anomalies) == (150, "Remote", 3, ())
    assert csms.stations.status("CP1", 1, 1) == "Available"
