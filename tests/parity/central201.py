"""The central system of OCPP 2.0.1."""

from itertools import count
from typing import Any

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call, call_result
from websockets.asyncio.server import ServerConnection

from tests.parity.central import Central, Charge, posix

VARIABLES = {
    "AllowOfflineTxForUnknownId": ("AuthCtrlr", "OfflineTxForUnknownIdEnabled"),
    "AuthorizationCacheEnabled": ("AuthCacheCtrlr", "Enabled"),
    "AuthorizeRemoteTxRequests": ("AuthCtrlr", "AuthorizeRemoteStart"),
    "ClockAlignedDataInterval": ("AlignedDataCtrlr", "Interval"),
    "ConnectionTimeOut": ("TxCtrlr", "EVConnectionTimeOut"),
    "HeartbeatInterval": ("OCPPCommCtrlr", "HeartbeatInterval"),
    "LocalAuthorizeOffline": ("AuthCtrlr", "LocalAuthorizeOffline"),
    "LocalPreAuthorize": ("AuthCtrlr", "LocalPreAuthorize"),
    "MaxEnergyOnInvalidId": ("TxCtrlr", "MaxEnergyOnInvalidId"),
    "MeterValueSampleInterval": ("SampledDataCtrlr", "TxUpdatedInterval"),
    "StopTransactionOnEVSideDisconnect": ("TxCtrlr", "StopTxOnEVSideDisconnect"),
    "StopTransactionOnInvalidId": ("TxCtrlr", "StopTxOnInvalidId"),
    "UnlockConnectorOnEVSideDisconnect": ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"),
}
REASONS = {
    "ImmediateReset": "SoftReset",
    "GroundFault": "Other",
    "OvercurrentFault": "Other",
    "PowerQuality": "Other",
}
"""The words of 1.6 for those of 2.0.1 that it does not have."""


def register_wh(values: list[dict[str, Any]], context: str) -> float:
    """The energy register with a reading context."""
    return next(
        float(sample["value"])
        for value in values
        for sample in value["sampled_value"]
        if sample["context"] == context and sample["measurand"] == "Energy.Active.Import.Register"
    )


class Station201(ChargePoint):  # type: ignore[misc]
    """Writes into the books of the central system."""

    def __init__(self, socket: ServerConnection, central: "Central201") -> None:
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

    def info(self, token: str, *, starting: bool = False) -> dict[str, Any]:
        info: dict[str, Any] = {"status": self.central.verdict(token, starting=starting)}
        if token in self.central.groups:
            info["group_id_token"] = {"id_token": self.central.groups[token], "type": "Central"}
        return info

    @on("Authorize")  # type: ignore[untyped-decorator]
    async def authorize(self, id_token: dict[str, str], **_: Any) -> Any:
        await self.central.patience()
        self.central.asked.append(id_token["id_token"])
        return call_result.Authorize(id_token_info=self.info(id_token["id_token"]))

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    async def transaction_event(
        self,
        event_type: str,
        timestamp: str,
        transaction_info: dict[str, Any],
        seq_no: int,
        evse: dict[str, int],
        id_token: dict[str, str] | None = None,
        meter_value: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> Any:
        await self.central.patience()
        key, token = transaction_info["transaction_id"], id_token["id_token"] if id_token else None
        self.central.sequences.setdefault(key, set()).add(seq_no)
        values = meter_value or []
        if event_type == "Started":
            began_wh = register_wh(values, "Transaction.Begin")
            self.central.charges.setdefault(key, Charge(key, evse["id"], token, posix(timestamp), began_wh))
        elif event_type == "Ended":
            charge = self.central.charges[key]
            charge.stop_s, charge.stop_wh = posix(timestamp), register_wh(values, "Transaction.End")
            word = transaction_info["stopped_reason"]
            charge.reason, charge.stop_token = REASONS.get(word, word), token
        starting = event_type == "Started"
        return call_result.TransactionEvent(id_token_info=self.info(token, starting=starting) if token else None)


class Central201(Central):
    """Commands in the words of 2.0.1. `sequences` are the numbers of the events of each transaction."""

    protocol = "ocpp2.0.1"

    def __init__(self, now_s: Any) -> None:
        super().__init__(now_s)
        self.sequences: dict[str, set[int]] = {}
        self._numbers = count(1)

    def charge_point(self, socket: ServerConnection) -> Any:
        return Station201(socket, self)

    async def remote_start(self, evse: int, token: str) -> bool:
        who = {"id_token": token, "type": "ISO14443"}
        request = call.RequestStartTransaction(id_token=who, remote_start_id=next(self._numbers), evse_id=evse)
        return bool((await self.call(request)).status == "Accepted")

    async def remote_stop(self, charge: Charge) -> bool:
        answer = await self.call(call.RequestStopTransaction(transaction_id=charge.key))
        return bool(answer.status == "Accepted")

    async def reset(self) -> bool:
        return bool((await self.call(call.Reset(type="Immediate"))).status == "Accepted")

    async def availability(self, evse: int, *, operative: bool) -> str:
        kind = "Operative" if operative else "Inoperative"
        where = {"id": evse} if evse else None
        return str((await self.call(call.ChangeAvailability(operational_status=kind, evse=where))).status)

    async def set(self, name: str, value: str) -> bool:
        component, variable = VARIABLES[name]
        item = {"attribute_value": value, "component": {"name": component}, "variable": {"name": variable}}
        answer = await self.call(call.SetVariables(set_variable_data=[item]))
        return bool(answer.set_variable_result[0]["attribute_status"] == "Accepted")

    async def get(self, name: str) -> str:
        component, variable = VARIABLES[name]
        item = {"component": {"name": component}, "variable": {"name": variable}}
        answer = await self.call(call.GetVariables(get_variable_data=[item]))
        return str(answer.get_variable_result[0]["attribute_value"])

    async def clear_cache(self) -> bool:
        return bool((await self.call(call.ClearCache())).status == "Accepted")

    async def send_list(self, version: int, *tokens: str) -> bool:
        entries = [
            {"id_token": {"id_token": token, "type": "ISO14443"}, "id_token_info": {"status": "Accepted"}}
            for token in tokens
        ]
        request = call.SendLocalList(version_number=version, update_type="Full", local_authorization_list=entries)
        return bool((await self.call(request)).status == "Accepted")
