"""What operators, apps and clusters say to a station, in the words of its version."""

from random import Random
from typing import Any, Protocol

Command = tuple[str, dict[str, Any]]
INTERVALS_S = (30, 60, 300)
NOWHERE = 99  # no station here has so many EVSEs


class Words(Protocol):
    """The commands of one version of OCPP. EVSE 0 is the whole station."""

    def start(self, evse: int, card: str) -> Command:
        """Let a card charge."""
        ...

    def stop(self, transaction: str | None) -> Command:
        """End a transaction; None: one that does not exist."""
        ...

    def unlock(self, evse: int) -> Command:
        """Release the cable."""
        ...

    def availability(self, evse: int, operative: bool) -> Command:
        """Take out of service, or back into it."""
        ...

    def reset(self, at_once: bool) -> Command:
        """Start again."""
        ...

    def oddities(self, evse: int, rng: Random) -> list[Command]:
        """Other commands that come at the wrong moment, or make no sense."""
        ...


class Words16:
    """OCPP 1.6 edition 2, section 5."""

    def start(self, evse: int, card: str) -> Command:
        """RemoteStartTransaction."""
        return "RemoteStartTransaction", {"idTag": card, "connectorId": evse}

    def stop(self, transaction: str | None) -> Command:
        """RemoteStopTransaction."""
        return "RemoteStopTransaction", {"transactionId": 4711 if transaction is None else int(transaction)}

    def unlock(self, evse: int) -> Command:
        """UnlockConnector."""
        return "UnlockConnector", {"connectorId": evse}

    def availability(self, evse: int, operative: bool) -> Command:
        """ChangeAvailability."""
        return "ChangeAvailability", {"connectorId": evse, "type": "Operative" if operative else "Inoperative"}

    def reset(self, at_once: bool) -> Command:
        """Reset."""
        return "Reset", {"type": "Hard" if at_once else "Soft"}

    def oddities(self, evse: int, rng: Random) -> list[Command]:
        """Configuration, triggers, and a vendor nobody knows."""
        return [
            ("GetConfiguration", {}),
            ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": evse}),
            ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": evse}),
            ("TriggerMessage", {"requestedMessage": "BootNotification"}),
            ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
            ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": str(rng.choice(INTERVALS_S))}),
            ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": str(rng.choice(INTERVALS_S))}),
            ("ChangeConfiguration", {"key": "NoSuchKey", "value": "1"}),
            ("DataTransfer", {"vendorId": "nobody", "data": "?"}),
        ]


class Words201:
    """OCPP 2.0.1 part 2, section 2."""

    def __init__(self) -> None:
        self._starts = 0

    def start(self, evse: int, card: str) -> Command:
        """RequestStartTransaction."""
        self._starts += 1
        token = {"idToken": card, "type": "ISO14443"}
        return "RequestStartTransaction", {"idToken": token, "evseId": evse, "remoteStartId": self._starts}

    def stop(self, transaction: str | None) -> Command:
        """RequestStopTransaction."""
        return "RequestStopTransaction", {"transactionId": transaction or "no-such-transaction"}

    def unlock(self, evse: int) -> Command:
        """UnlockConnector."""
        return "UnlockConnector", {"evseId": evse, "connectorId": 1}

    def availability(self, evse: int, operative: bool) -> Command:
        """ChangeAvailability."""
        payload: dict[str, Any] = {"operationalStatus": "Operative" if operative else "Inoperative"}
        return "ChangeAvailability", {**payload, "evse": {"id": evse}} if evse else payload

    def reset(self, at_once: bool) -> Command:
        """Reset."""
        return "Reset", {"type": "Immediate" if at_once else "OnIdle"}

    def oddities(self, evse: int, rng: Random) -> list[Command]:
        """Reports, variables, triggers, and a vendor nobody knows."""
        place = {"id": evse}
        return [
            ("GetBaseReport", {"requestId": rng.randint(1, 1000), "reportBase": "FullInventory"}),
            ("GetTransactionStatus", {}),
            (
                "TriggerMessage",
                {"requestedMessage": "StatusNotification", "evse": {**place, "connectorId": 1}},
            ),
            ("TriggerMessage", {"requestedMessage": "MeterValues", "evse": place}),
            ("TriggerMessage", {"requestedMessage": "TransactionEvent", "evse": place}),
            ("TriggerMessage", {"requestedMessage": "BootNotification"}),
            ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
            _variable("SampledDataCtrlr", "TxUpdatedInterval", str(rng.choice(INTERVALS_S))),
            _variable("OCPPCommCtrlr", "HeartbeatInterval", str(rng.choice(INTERVALS_S))),
            _variable("NoSuchCtrlr", "Interval", "1"),
            ("DataTransfer", {"vendorId": "nobody", "data": "?"}),
        ]


def words_of(protocol: str) -> Words:
    """The words of a version."""
    return Words16() if protocol == "ocpp1.6" else Words201()


def _variable(component: str, variable: str, value: str) -> Command:
    data = {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": value}
    return "SetVariables", {"setVariableData": [data]}
