"""Carries out the faults of a plan: breaks things at their time, and mends them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from csms.faults.plan import Boot, Close, Drop, Error, FaultPlan, Late, Never, Twice
from firmware.simulation.central import Central
from firmware.simulation.commands import double_command, odd_command
from firmware.simulation.faults import Fault, FaultKind
from firmware.simulation.runtime import Simulation
from firmware.simulation.runtime.hosts import JobTiming
from firmware.simulation.site import Site
from hal.types import FaultCode

BOOT_S = (2.0, 20.0)  # from power to the program's start
CsmsRule = Late | Never | Twice | Error | Close | Drop | Boot
Doing = Callable[[Site, Fault, Random], Awaitable[None]]

_HARDWARE: dict[FaultKind, FaultCode] = {
    FaultKind.METER_SILENT: FaultCode.METER_SILENT,
    FaultKind.CONTACTOR_WELDED: FaultCode.WELDED_CONTACTOR,
    FaultKind.CONTACTOR_STUCK: FaultCode.CONTACTOR_STUCK_OPEN,
    FaultKind.LOCK_JAMMED: FaultCode.LOCK_JAMMED,
    FaultKind.READER_LOST: FaultCode.READER_LOST,
    FaultKind.PILOT_LOST: FaultCode.PILOT_LOST,
    FaultKind.GROUND_FAULT: FaultCode.GROUND_FAULT,
}


# Energy that may flow unseen: until a silent meter is noticed, or while a welded contactor feeds a slow vehicle.
EXCUSED_WH = {FaultCode.METER_SILENT: 250, FaultCode.WELDED_CONTACTOR: 50}


class Mischief:
    """Everything that goes wrong in one run. `count` tells how often each kind happened."""

    def __init__(self, sim: Simulation, central: Central, sites: Sequence[Site], faults: Sequence[Fault]) -> None:
        self._sim = sim
        self._central = central
        self._sites = sites
        self._faults = faults
        self._rules: dict[str, list[CsmsRule]] = {site.identity: [] for site in sites}
        self.count: Counter[FaultKind] = Counter()
        self.active: Counter[str] = Counter()  # faults at work, by station; "" for the central system
        self._doings: dict[FaultKind, Doing] = {
            FaultKind.CUT: self._cut,
            FaultKind.REFUSED: self._refuse,
            FaultKind.BLACK_HOLE: self._black_hole,
            FaultKind.HALF_OPEN: self._half_open,
            FaultKind.NAT: self._forget_mapping,
            FaultKind.SLOW: self._slow,
            FaultKind.LOSSY: self._lossy,
            FaultKind.NAME_LOST: self._lose_name,
            FaultKind.CSMS_LATE: self._misbehave(
                lambda rng: Late(fault="late", delay_s=rng.uniform(1, 60), probability=0.5)
            ),
            FaultKind.CSMS_NEVER: self._misbehave(
                lambda rng: Never(fault="never", executed=rng.random() < 0.5, probability=0.5)
            ),
            FaultKind.CSMS_TWICE: self._misbehave(lambda rng: Twice(fault="twice", probability=0.7)),
            FaultKind.CSMS_ERROR: self._misbehave(
                lambda rng: Error(fault="error", executed=rng.random() < 0.5, probability=0.3)
            ),
            FaultKind.CSMS_CLOSES: self._misbehave(_closing),
            FaultKind.BOOT_HELD: self._hold_boot,
            FaultKind.ODD_COMMANDS: self._odd_command,
            FaultKind.DOUBLE_COMMANDS: self._double_command,
            FaultKind.CLOCK_JUMP: self._jump,
            FaultKind.CLOCK_DRIFT: self._drift,
            FaultKind.POWER_CUT: self._cut_power,
            FaultKind.SHAKY_POWER: self._shake_power,
            FaultKind.KILL: self._kill,
            FaultKind.DISK_FULL: self._fill_disk,
            FaultKind.DISK_SLOW: self._slow_disk,
            **dict.fromkeys(_HARDWARE, self._break_hardware),
        }

    async def happen(self) -> None:
        """Every fault at its time; returns when the last one is mended."""
        async with asyncio.TaskGroup() as tasks:
            for fault in self._faults:
                await asyncio.sleep(max(0.0, fault.at_s - self._sim.loop.time()))
                tasks.create_task(self._happen(fault))

    async def _happen(self, fault: Fault) -> None:
        rng = Random(fault.dice)
        place = "" if fault.station is None else self._sites[fault.station].identity
        self.count[fault.kind] += 1
        self.active[place] += 1
        self._sim.note("fault", fault.kind.value, place, f"{fault.lasts_s:.1f}")
        try:
            if fault.station is None:
                await self._restart_csms(fault, rng)
            else:
                await self._doings[fault.kind](self._sites[fault.station], fault, rng)
        finally:
            self.active[place] -= 1
            self._sim.note("mended", fault.kind.value, place)

    # The network

    async def _cut(self, site: Site, _fault: Fault, _rng: Random) -> None:
        self._sim.network.cut(site.host.name, self._central.host.name)

    async def _refuse(self, site: Site, fault: Fault, rng: Random) -> None:
        self._sim.network.refuse(site.host.name, self._central.host.name)
        if rng.random() < 0.5:
            self._sim.network.cut(site.host.name, self._central.host.name)
        await asyncio.sleep(fault.lasts_s)
        self._sim.network.heal(site.host.name, self._central.host.name)

    async def _black_hole(self, site: Site, fault: Fault, rng: Random) -> None:
        ends = [site.host.name, self._central.host.name]
        rng.shuffle(ends)
        self._sim.network.black_hole(*ends, both=rng.random() < 0.7)
        await asyncio.sleep(fault.lasts_s)
        self._sim.network.heal(*ends)

    async def _half_open(self, site: Site, _fault: Fault, _rng: Random) -> None:
        self._sim.network.half_open(site.host.name, self._central.host.name)

    async def _forget_mapping(self, site: Site, _fault: Fault, _rng: Random) -> None:
        self._sim.network.forget_mapping(site.host.name, self._central.host.name)

    async def _slow(self, site: Site, fault: Fault, rng: Random) -> None:
        latency_s, bytes_per_s = rng.uniform(0.3, 4.0), rng.uniform(300, 5_000)
        ends = (site.host.name, self._central.host.name)
        self._sim.network.degrade(*ends, latency_s=latency_s, bytes_per_s=bytes_per_s, fragment=0.5)
        await asyncio.sleep(fault.lasts_s)
        self._sim.network.degrade(*ends)

    async def _lossy(self, site: Site, fault: Fault, rng: Random) -> None:
        ends = (site.host.name, self._central.host.name)
        self._sim.network.degrade(*ends, loss=rng.uniform(0.05, 0.4), fragment=0.2)
        await asyncio.sleep(fault.lasts_s)
        self._sim.network.degrade(*ends)

    async def _lose_name(self, _site: Site, fault: Fault, _rng: Random) -> None:
        self._sim.network.lose_name(self._central.host.name)
        await asyncio.sleep(fault.lasts_s)
        self._sim.network.find_name(self._central.host.name)

    # The central system

    async def _restart_csms(self, fault: Fault, rng: Random) -> None:
        if rng.random() < 0.5:
            self._central.kill()
        else:
            await self._central.stop()
        await asyncio.sleep(fault.lasts_s)
        self._central.start()

    def _misbehave(self, make: Callable[[Random], CsmsRule]) -> Doing:
        async def misbehave(site: Site, fault: Fault, rng: Random) -> None:
            rule = make(rng)
            self._rules[site.identity].append(rule)
            self._set_rules(site, fault.dice)
            await asyncio.sleep(fault.lasts_s)
            self._rules[site.identity].remove(rule)
            self._set_rules(site, fault.dice)

        return misbehave

    def _set_rules(self, site: Site, seed: int) -> None:
        rules = self._rules[site.identity]
        self._central.set_faults(site.identity, FaultPlan(rules=tuple(rules), seed=seed) if rules else None)

    async def _hold_boot(self, site: Site, fault: Fault, rng: Random) -> None:
        """Matters to a station that boots meanwhile: let the program end, as an impatient operator does."""
        status = rng.choice(("Pending", "Rejected"))
        hold = self._misbehave(
            lambda rng: Boot(fault="boot", status=status, times=rng.randint(1, 6), retry_s=rng.randint(0, 60))
        )
        await asyncio.gather(hold(site, fault, rng), self._kill(site, fault, rng))

    async def _odd_command(self, site: Site, _fault: Fault, rng: Random) -> None:
        await odd_command(self._sim, self._central, site, rng)

    async def _double_command(self, site: Site, _fault: Fault, rng: Random) -> None:
        await double_command(self._central, site, rng)

    # The station

    async def _jump(self, site: Site, fault: Fault, rng: Random) -> None:
        error_s = rng.choice((-1, 1)) * rng.choice((1.0, 30.0, 600.0, 7200.0)) * rng.uniform(0.5, 1.0)
        site.clock.set_offset(error_s)
        await asyncio.sleep(fault.lasts_s)
        site.clock.set_offset(0.0)

    async def _drift(self, site: Site, fault: Fault, rng: Random) -> None:
        site.clock.set_drift(rng.uniform(-500, 500))
        await asyncio.sleep(fault.lasts_s)
        site.clock.set_drift(0.0)
        site.clock.set_offset(0.0)

    async def _cut_power(self, site: Site, fault: Fault, rng: Random) -> None:
        async with site.switching:
            site.power_off()
            await asyncio.sleep(fault.lasts_s)
            site.power_on()
            await asyncio.sleep(rng.uniform(*BOOT_S))
            site.start()

    async def _shake_power(self, site: Site, fault: Fault, rng: Random) -> None:
        async with site.switching:
            until_s = self._sim.loop.time() + fault.lasts_s
            while self._sim.loop.time() < until_s:
                site.power_off()
                await asyncio.sleep(rng.uniform(0.2, 5.0))
                site.power_on()
                await asyncio.sleep(rng.uniform(*BOOT_S) / 4)
                site.start()
                await asyncio.sleep(rng.choice((0.01, 0.1, 1.0, 10.0)) * rng.uniform(0.1, 3.0))

    async def _kill(self, site: Site, _fault: Fault, rng: Random) -> None:
        async with site.switching:
            site.kill()
            await asyncio.sleep(rng.uniform(1.0, 10.0))
            site.start()

    async def _fill_disk(self, site: Site, fault: Fault, rng: Random) -> None:
        """Either the reserve is reached and writing still works, or every write fails."""
        site.free_bytes = 0
        site.host.writes_fail = rng.random() < 0.5
        await asyncio.sleep(fault.lasts_s)
        site.host.writes_fail = False
        site.free_bytes = site.roomy_bytes

    async def _slow_disk(self, site: Site, fault: Fault, rng: Random) -> None:
        """As flash memory does when it tidies up."""
        site.host.jobs = JobTiming(0.001, rng.choice((0.05, 0.5, 5.0, 30.0)))
        await asyncio.sleep(fault.lasts_s)
        site.host.jobs = JobTiming()

    async def _break_hardware(self, site: Site, fault: Fault, rng: Random) -> None:
        code = _HARDWARE[fault.kind]
        evse = rng.choice(site.world.evses)
        place = site.world if code is FaultCode.READER_LOST else evse
        site.excused_wh[evse.id] += EXCUSED_WH.get(code, 0)
        place.raise_fault(code, "simulated")
        await asyncio.sleep(fault.lasts_s)
        place.clear_fault(code)


def _closing(rng: Random) -> Close | Drop:
    if rng.random() < 0.3:
        return Drop(fault="drop", probability=0.2)
    return Close(fault="close", code=rng.choice((1000, 1001, 1008, 1011, 1012, 1013, 4000)), probability=0.2)
