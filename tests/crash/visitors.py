"""People who come, charge and leave, at a running program; and the program itself, as the proofs start it."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from csms.books import Books, Oddity
from csms.faults.plan import FaultPlan, Late, Never
from tests.process.running import Running

TAGS = {1: "04A1B2C3D4E5F6", 2: "04FFEEDDCCBBAA"}
FAST = 40.0  # seconds per second
LOOK_S = 0.03  # of real time between two looks
ENOUGH, IMPATIENCE = 0.1, 0.01  # chance at each look to tap again, with energy and without
SETTINGS = (
    "--quiet",
    "--set", "ocpp16.AllowOfflineTxForUnknownId=true",
    "--set", "ocpp16.MeterValueSampleInterval=10",
    "--set", "ocpp16.TransactionMessageAttempts=1000",
    "--set", "ocpp16.TransactionMessageRetryInterval=1",
    "--set", "station.charge_before_accepted=true",
    "--set", "csms.backoff_cap_s=4",
    "--set", "queue.reserve_bytes=0",
)  # fmt: skip

SLOW_AND_FORGETFUL = FaultPlan(
    seed=1,
    rules=[
        Late(fault="late", delay_s=0.1, probability=0.3),
        Never(fault="never", executed=False, probability=0.03),
        Never(fault="never", executed=True, probability=0.03),
    ],
)
NETWORK = ["down", "black_hole", "up", "up", "up", "up"]


class Narrated(Running):
    """The program, telling what it promises, with its writes recorded when the environment says so."""

    def __init__(self, directory: Path, csms_url: str, how: str, environment: Mapping[str, str]) -> None:
        super().__init__(directory, csms_url, *SETTINGS)
        self.command[1:3] = ["-m", "tests.crash.narrated", how]
        self._environment = os.environ | environment
        directory.mkdir(exist_ok=True)
        self._log_file = directory / "log.txt"

    def start(self) -> None:
        """Switch it on."""
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=subprocess.DEVNULL, stderr=log, stdin=subprocess.DEVNULL, env=self._environment
            )


class Visitors:
    """One for each EVSE; what they do next depends on what they see, and on chance."""

    def __init__(self, station: Running, rng: Random) -> None:
        self._station = station
        self._rng = rng

    async def act(self) -> None:
        """Everybody looks, and perhaps does something. What the station refuses is left."""
        await asyncio.sleep(LOOK_S)
        try:
            state = await self._station.get("/api/state")
            for evse in state["evses"]:
                await self._one(evse)
        except OSError:
            pass  # it refused, or is switched off

    async def trip(self) -> None:
        """Somebody trips over the network cable, or puts it back."""
        try:
            await self._station.do("network", mode=self._rng.choice(NETWORK))
        except OSError:
            pass  # it is switched off

    async def _one(self, evse: dict[str, Any]) -> None:
        number = evse["id"]
        tap = {"token": TAGS[number], "evses": [number]}
        if evse["transaction"] is not None:
            if self._rng.random() < (ENOUGH if evse["transaction"]["energy_wh"] else IMPATIENCE):
                await self._station.do("token", **tap)
        elif evse["plugged"] == "unplugged":
            await self._station.do(f"evse/{number}/plug", car="long-range")
            await self._station.do("token", **tap)
        elif evse["authorisation"] == "none" and evse["status"]["ocpp1.6"] == "Preparing":
            await self._station.do("token", **tap)
        elif evse["locked"] is False:
            await self._station.do(f"evse/{number}/unplug")


async def everybody_leaves(station: Running) -> dict[int, int]:
    """End what runs, wait until the central system knows it, and return what the meters show, Wh by EVSE."""
    await station.online()
    for number, tag in TAGS.items():
        while _busy(evse := await station.evse(number)):
            if evse["transaction"] is None or evse["transaction"]["phase"] == "open":
                await station.do("token", token=tag, evses=[number])
            await asyncio.sleep(LOOK_S)
    await station.delivered()
    return {number: (await station.evse(number))["meter"]["import_wh"] for number in TAGS}


def _busy(evse: dict[str, Any]) -> bool:
    return evse["transaction"] is not None or evse["authorisation"] != "none"


def wrong_in(books: Books, meters_wh: Mapping[int, int]) -> list[str]:
    """What is wrong in a central system's books after everybody has left: empty when they are exact.

    Odd times do not count: the machine's clock does not go with the fast time of the program, so that a restart sets it back.
    """
    wrong = []
    energies_wh = dict.fromkeys(meters_wh, 0)
    for transaction in books.transactions("CP001"):
        name = f"transaction {transaction.transaction_id}"
        wrong += [f"{name}: {odd.text}" for odd in transaction.anomalies if odd.kind not in _TIMES]
        if transaction.energy_wh is None or transaction.connector_id is None:
            wrong.append(f"{name} has no start or no end")
        else:
            energies_wh[transaction.connector_id] += transaction.energy_wh
    if energies_wh != meters_wh:
        wrong.append(f"energy {energies_wh} Wh, meters {dict(meters_wh)} Wh")
    return wrong


_TIMES = {Oddity.TIME_BACKWARDS, Oddity.AFTER_STOP}

__all__ = ["FAST", "SETTINGS", "SLOW_AND_FORGETFUL", "Narrated", "Visitors", "everybody_leaves", "wrong_in"]
