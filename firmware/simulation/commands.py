"""What operators, apps and clusters send at the wrong moment, and twice."""

import asyncio
from random import Random

from firmware.simulation.central import Central
from firmware.simulation.life import CARDS
from firmware.simulation.runtime import Simulation
from firmware.simulation.site import Site
from firmware.simulation.words import NOWHERE, Command

OUT_OF_SERVICE_S = (30.0, 900.0)


async def odd_command(sim: Simulation, central: Central, site: Site, rng: Random) -> None:
    """One command that may not fit the moment."""
    evse = rng.randint(1, len(site.world.evses))
    away = rng.choice((0, evse))
    leave = site.words.availability(away, operative=False)
    action, payload = command = rng.choice([*_choices(site, evse, rng), leave])
    outcome = await central.command(site.identity, action, payload)
    sim.note("command", site.identity, action, outcome.kind.value)
    if command is leave:
        await asyncio.sleep(rng.uniform(*OUT_OF_SERVICE_S))
        await back_in_service(central, site, away)


async def back_in_service(central: Central, site: Site, evse: int) -> None:
    """Keep asking until the station has it back in service: operators do."""
    while True:
        outcome = await central.command(site.identity, *site.words.availability(evse, operative=True))
        if (outcome.response or {}).get("status") in {"Accepted", "Scheduled"}:
            return
        await asyncio.sleep(60)


async def double_command(central: Central, site: Site, rng: Random) -> None:
    """The same command twice under two ids, at once or a moment apart (a cluster's redelivery, an impatient finger)."""
    action, payload = rng.choice(_double_choices(central, site, rng))
    first = asyncio.create_task(central.command(site.identity, action, payload))
    await asyncio.sleep(rng.choice((0.0, 0.01, 0.5, 3.0)))
    await asyncio.gather(first, central.command(site.identity, action, payload))


def _choices(site: Site, evse: int, rng: Random) -> list[Command]:
    words = site.words
    return [
        words.stop(None),
        words.start(evse, rng.choice(CARDS)),
        words.start(NOWHERE, rng.choice(CARDS)),
        words.unlock(evse),
        words.reset(rng.choice((False, True))),
        ("ClearCache", {}),
        *words.oddities(evse, rng),
    ]


def _double_choices(central: Central, site: Site, rng: Random) -> list[Command]:
    words, evse = site.words, rng.randint(1, len(site.world.evses))
    running = central.books.transactions(site.identity, open_only=True)
    return [
        words.start(evse, rng.choice(CARDS)),
        words.stop(running[-1].transaction_id if running else None),
        words.unlock(evse),
        words.reset(at_once=False),
        words.availability(evse, operative=True),
    ]
