"""The central system of OCPP 1.6."""

from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.server import ServerConnection

from tests.parity.central import Central, Charge, posix


class Station16(ChargePoint):  # type: ignore[misc]
    """Writes into the books of the central system."""

    def __init__(self, socket: ServerConnection, central: "Central16") -> None:
        super().__init__("CP001", socket)
        self.central = central

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def boot(self, **_: Any) -> Any:
        self.central.boots += 1
        return call_result.BootNotification(current_time=self.central.time(), interval=300, status="Accepted")

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=self.central.time())

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def status(self, **_: Any) -> Any:
        return call_result.StatusNotification()

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def meter_values(self, **_: Any) -> Any:
        return call_result.MeterValues()

    @on("SecurityEventNotification")  # type: ignore[untyped-decorator]
    def security_event(self, **_: Any) -> Any:
        return call_result.SecurityEventNotification()

    def info(self, token: str, *, starting: bool = False) -> dict[str, str]:
        info = {"status": self.central.verdict(token, starting=starting)}
        return info | ({"parent_id_tag": self.central.groups[token]} if token in self.central.groups else {})

    @on("Authorize")  # type: ignore[untyped-decorator]
    async def authorize(self, id_tag: str) -> Any:
        await self.central.patience()
        self.central.asked.append(id_tag)
        return call_result.Authorize(id_tag_info=self.info(id_tag))

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    async def start_transaction(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> Any:
        await self.central.patience()
        at_s, charges = posix(timestamp), self.central.charges
        known = next((key for key, one in charges.items() if (one.evse, one.start_s) == (connector_id, at_s)), None)
        key = known or str(len(charges) + 1)
        charges.setdefault(key, Charge(key, connector_id, id_tag, at_s, meter_start))
        return call_result.StartTransaction(transaction_id=int(key), id_tag_info=self.info(id_tag, starting=True))

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    async def stop_transaction(
        self,
        meter_stop: int,
        timestamp: str,
        transaction_id: int,
        reason: str = "Local",
        id_tag: str | None = None,
        **_: Any,
    ) -> Any:
        await self.central.patience()
        charge = self.central.charges[str(transaction_id)]
        charge.stop_s, charge.stop_wh = posix(timestamp), meter_stop
        charge.reason, charge.stop_token = reason, id_tag
        return call_result.StopTransaction()


class Central16(Central):
    """Commands in the words of 1.6."""

    protocol = "ocpp1.6"

    def charge_point(self, socket: ServerConnection) -> Any:
        return Station16(socket, self)

    async def remote_start(self, evse: int, token: str) -> bool:
        answer = await self.call(call.RemoteStartTransaction(id_tag=token, connector_id=evse))
        return bool(answer.status == "Accepted")

    async def remote_stop(self, charge: Charge) -> bool:
        answer = await self.call(call.RemoteStopTransaction(transaction_id=int(charge.key)))
        return bool(answer.status == "Accepted")

    async def reset(self) -> bool:
        return bool((await self.call(call.Reset(type="Soft"))).status == "Accepted")

    async def availability(self, evse: int, *, operative: bool) -> str:
        kind = "Operative" if operative else "Inoperative"
        return str((await self.call(call.ChangeAvailability(connector_id=evse, type=kind))).status)

    async def set(self, name: str, value: str) -> bool:
        return bool((await self.call(call.ChangeConfiguration(key=name, value=value))).status == "Accepted")

    async def get(self, name: str) -> str:
        answer = await self.call(call.GetConfiguration(key=[name]))
        return str(answer.configuration_key[0]["value"])

    async def clear_cache(self) -> bool:
        return bool((await self.call(call.ClearCache())).status == "Accepted")

    async def send_list(self, version: int, *tokens: str) -> bool:
        entries = [{"idTag": token, "idTagInfo": {"status": "Accepted"}} for token in tokens]
        request = call.SendLocalList(list_version=version, update_type="Full", local_authorization_list=entries)
        return bool((await self.call(request)).status == "Accepted")
