"""What operators, apps and clusters send at the wrong moment, and twice."""

import asyncio
from random import Random
from typing import Any

from firmware.simulation.central import Central
from firmware.simulation.life import CARDS
from firmware.simulation.runtime import Simulation
from firmware.simulation.site import Site

Command = tuple[str, dict[str, Any]]
OUT_OF_SERVICE_S = (30.0, 900.0)
INTERVALS_S = (30, 60, 300)


async def odd_command(sim: Simulation, central: Central, site: Site, rng: Random) -> None:
    """One command that may not fit the moment."""
    action, payload = rng.choice(_choices(site, rng))
    outcome = await central.command(site.identity, action, payload)
    sim.note("command", site.identity, action, outcome.kind.value)
    if action == "ChangeAvailability" and payload["type"] == "Inoperative":
        await asyncio.sleep(rng.uniform(*OUT_OF_SERVICE_S))
        await back_in_service(central, site, payload["connectorId"])


async def back_in_service(central: Central, site: Site, connector: int) -> None:
    """Keep asking until the station has it back in service: operators do."""
    payload = {"connectorId": connector, "type": "Operative"}
    while True:
        outcome = await central.command(site.identity, "ChangeAvailability", payload)
        if (outcome.response or {}).get("status") in {"Accepted", "Scheduled"}:
            return
        await asyncio.sleep(60)


async def double_command(central: Central, site: Site, rng: Random) -> None:
    """The same command twice under two ids, at once or a moment apart (a cluster's redelivery, an impatient finger)."""
    action, payload = rng.choice(_double_choices(central, site, rng))
    first = asyncio.create_task(central.command(site.identity, action, payload))
    await asyncio.sleep(rng.choice((0.0, 0.01, 0.5, 3.0)))
    await asyncio.gather(first, central.command(site.identity, action, payload))


def _choices(site: Site, rng: Random) -> list[Command]:
    connector = rng.randint(1, len(site.world.evses))
    return [
        ("RemoteStopTransaction", {"transactionId": rng.randint(1, 10_000)}),
        ("RemoteStartTransaction", {"idTag": rng.choice(CARDS), "connectorId": connector}),
        ("RemoteStartTransaction", {"idTag": rng.choice(CARDS), "connectorId": 99}),
        ("UnlockConnector", {"connectorId": connector}),
        ("ChangeAvailability", {"connectorId": rng.choice((0, connector)), "type": "Inoperative"}),
        ("Reset", {"type": rng.choice(("Soft", "Hard"))}),
        ("ClearCache", {}),
        ("GetConfiguration", {}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": connector}),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": connector}),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
        ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": str(rng.choice(INTERVALS_S))}),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": str(rng.choice(INTERVALS_S))}),
        ("ChangeConfiguration", {"key": "NoSuchKey", "value": "1"}),
        ("DataTransfer", {"vendorId": "nobody", "data": "?"}),
    ]


def _double_choices(central: Central, site: Site, rng: Random) -> list[Command]:
    connector = rng.randint(1, len(site.world.evses))
    running = central.books.transactions(site.identity, open_only=True)
    number = int(running[-1].transaction_id) if running else 4711
    return [
        ("RemoteStartTransaction", {"idTag": rng.choice(CARDS), "connectorId": connector}),
        ("RemoteStopTransaction", {"transactionId": number}),
        ("UnlockConnector", {"connectorId": connector}),
        ("Reset", {"type": "Soft"}),
        ("ChangeAvailability", {"connectorId": connector, "type": "Operative"}),
    ]
