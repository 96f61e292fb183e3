"""The scripted central system in OCPP 2.0.1."""

from collections.abc import Callable
from typing import Any

from tests.station.scripted import Answer, Call, Scripted


class Scripted201(Scripted):
    """Keeps every TransactionEvent; answers kindly."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__(now_s, subprotocol="ocpp2.0.1", statuses_at_boot=2)

    def kindly(self, call: Call) -> Answer:
        """What a well-meaning central system answers."""
        match call.action:
            case "Authorize":
                return {"idTokenInfo": {"status": "Accepted"}}
            case "TransactionEvent":
                return {"idTokenInfo": {"status": "Accepted"}} if "idToken" in call.payload else {}
        return super().kindly(call)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every TransactionEvent, in the order heard; a repeated message only once."""
        seen: dict[str, dict[str, Any]] = {}
        for call in self.named("TransactionEvent"):
            seen.setdefault(call.id, call.payload)
        return list(seen.values())

    def told(self, *fields: str) -> list[tuple[Any, ...]]:
        """Some fields of every event: of the event itself or of its transactionInfo."""
        return [tuple(event.get(name, event["transactionInfo"].get(name)) for name in fields) for event in self.events]

    def statuses(self, connector: int = 1) -> list[str]:
        """The statuses told of an EVSE's connector."""
        found = self.named("StatusNotification")
        return [call.payload["connectorStatus"] for call in found if call.payload["evseId"] == connector]

    def registers(self, context: str) -> list[float]:
        """Energy registers in all events with this reading context."""
        return [
            sample["value"]
            for event in self.events
            for value in event.get("meterValue", ())
            for sample in value["sampledValue"]
            if sample["measurand"] == "Energy.Active.Import.Register" and sample["context"] == context
        ]

    def authorise(self, status: str, **info: Any) -> None:
        """Answer every Authorize so from now on."""
        self.scripts["Authorize"] = lambda call: {"idTokenInfo": {"status": status, **info}}

    def judge(self, status: str, **info: Any) -> None:
        """Answer every TransactionEvent with a token so from now on."""
        self.scripts["TransactionEvent"] = lambda call: (
            {"idTokenInfo": {"status": status, **info}} if "idToken" in call.payload else {}
        )
