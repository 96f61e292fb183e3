"""What happens at a station, in words that know no version of the protocol. Every function here is one scenario.

People act at fixed times, not upon what the station or the central system says, so that both versions are played the same.
"""

import asyncio
from collections.abc import Awaitable, Callable

from firmware.core.values import Energy
from tests.parity.central import Central, Charge
from tests.station.play import OTHER_TAG, TAG, Play

THIRD_TAG = "04AABBCCDDEEFF"


class Scene:
    """A station and its central system."""

    def __init__(self, play: Play, central: Central) -> None:
        self.play = play
        self.central = central
        self.registers: list[tuple[int, int]] = []  # what the meters showed when somebody looked

    async def wait(self, seconds: float) -> None:
        """Time passes."""
        await asyncio.sleep(seconds)

    async def plug(self, evse: int = 1) -> None:
        """A car comes."""
        self.play.plug(evse)
        await self.wait(2)

    async def tap(self, tag: str = TAG, evse: int = 1) -> None:
        """A card is held to the reader."""
        self.play.tap(tag, evse)
        await self.wait(5)

    async def unplug(self, evse: int = 1) -> None:
        """The car leaves."""
        self.play.do(f"evse/{evse}/unplug")
        await self.wait(5)

    async def leave_cable(self, evse: int = 1) -> None:
        """The cable is pulled at the vehicle."""
        self.play.do(f"evse/{evse}/unplug", end="vehicle")
        await self.wait(5)

    async def charge(self, seconds: float = 300, evse: int = 1, tag: str = TAG) -> None:
        """A car comes, a card is shown, time passes."""
        await self.plug(evse)
        await self.tap(tag, evse)
        await self.wait(seconds)

    async def finish(self, tag: str = TAG, evse: int = 1) -> None:
        """The card is shown again and the car leaves."""
        await self.tap(tag, evse)
        self.look(evse)
        await self.unplug(evse)

    def look(self, evse: int = 1) -> None:
        """Read the meter's display."""
        self.registers.append((evse, self.play.meter_wh(evse)))

    async def offline(self) -> None:
        """The central system dies."""
        self.play.stop_csms()
        await self.wait(5)

    async def online(self) -> None:
        """It comes back, the station looks for it at once and tells everything."""
        self.play.start_csms()
        await self.wait(1)
        self.play.app.connection.reconnect("the central system is back")
        await self.wait(30)
        assert self.play.app.engine.station.context.online
        assert self.play.app.queue.stats().rows == 0

    async def power_cut(self, seconds: float = 60) -> None:
        """No power for a while."""
        await self.play.kill_station()
        await self.wait(seconds)
        await self.play.start_station()
        await self.wait(20)

    def charging(self, evse: int = 1) -> bool:
        """Whether energy flows."""
        return self.play.app.engine.station.evses[evse].energy is Energy.FLOWING

    async def set(self, name: str, value: str) -> None:
        """Set a setting by its name in 1.6."""
        assert await self.central.set(name, value)
        assert await self.central.get(name) == value

    @property
    def running(self) -> Charge:
        """The one charge that the central system has open."""
        (found,) = [charge for charge in self.central.charges.values() if charge.stop_s is None]
        return found


async def plug_then_tap(at: Scene) -> None:
    await at.charge()
    await at.finish()


async def tap_then_plug(at: Scene) -> None:
    await at.tap()
    await at.plug()
    await at.wait(300)
    await at.finish()


async def tapped_twice_before_a_car_comes(at: Scene) -> None:
    await at.tap()
    await at.tap()
    await at.plug()
    await at.wait(60)
    assert not at.charging()
    await at.tap()
    await at.wait(60)
    await at.finish()


async def nobody_comes_after_the_card(at: Scene) -> None:
    await at.tap()
    await at.wait(90)
    await at.plug()
    await at.wait(30)
    assert not at.charging()


async def two_in_a_row(at: Scene) -> None:
    for tag in (TAG, OTHER_TAG):
        await at.charge(200, tag=tag)
        await at.finish(tag)


async def two_at_once(at: Scene) -> None:
    await at.charge(100, 1)
    await at.charge(200, 2, OTHER_TAG)
    await at.finish(TAG, 1)
    await at.wait(100)
    await at.finish(OTHER_TAG, 2)


async def the_cable_is_pulled_at_the_car(at: Scene) -> None:
    await at.charge()
    await at.leave_cable()
    await at.wait(30)


async def the_cable_is_pulled_and_the_charge_goes_on(at: Scene) -> None:
    await at.set("StopTransactionOnEVSideDisconnect", "false")
    await at.charge()
    await at.leave_cable()
    await at.wait(60)
    at.play.do("evse/1/plug", car="compact", end="vehicle")
    await at.wait(120)
    assert at.charging()
    await at.finish()


async def the_car_pauses(at: Scene) -> None:
    await at.charge()
    at.play.do("evse/1/car/pause")
    await at.wait(200)
    at.play.do("evse/1/car/resume")
    await at.wait(200)
    await at.finish()


async def a_foreign_card_during_a_charge(at: Scene) -> None:
    await at.charge()
    await at.tap(OTHER_TAG)
    await at.wait(60)
    assert at.charging()
    await at.finish()


async def a_card_of_the_family_ends_the_charge(at: Scene) -> None:
    at.central.groups.update({TAG: "FAMILY", OTHER_TAG: "FAMILY"})
    await at.charge()
    await at.tap(OTHER_TAG)
    at.look()
    await at.unplug()


async def a_blocked_card_then_a_good_one(at: Scene) -> None:
    at.central.verdicts[OTHER_TAG] = "Blocked"
    await at.plug()
    await at.tap(OTHER_TAG)
    await at.wait(30)
    assert not at.charging()
    await at.tap()
    await at.wait(120)
    await at.finish()


async def a_card_refused_when_the_charge_begins(at: Scene) -> None:
    at.central.verdicts_at_start[TAG] = "Blocked"
    await at.charge(60)
    assert not at.charging()
    await at.tap()
    await at.unplug()


async def a_card_refused_when_the_charge_begins_may_use_a_little(at: Scene) -> None:
    await at.set("StopTransactionOnInvalidId", "false")
    await at.set("MaxEnergyOnInvalidId", "200")
    at.central.verdicts_at_start[TAG] = "Invalid"
    await at.charge(600)
    assert not at.charging()
    await at.finish()


async def a_known_card_starts_at_once(at: Scene) -> None:
    await at.set("LocalPreAuthorize", "true")
    for _ in range(2):
        await at.charge(100)
        await at.finish()
    assert at.central.asked == [TAG]


async def the_memory_of_cards_is_cleared(at: Scene) -> None:
    await at.set("LocalPreAuthorize", "true")
    await at.charge(60)
    await at.finish()
    assert await at.central.clear_cache()
    await at.charge(60)
    await at.finish()
    assert at.central.asked == [TAG, TAG]


async def a_charge_all_offline(at: Scene) -> None:
    await at.set("AllowOfflineTxForUnknownId", "true")
    await at.offline()
    await at.charge()
    await at.finish()
    await at.wait(100)
    await at.online()


async def begun_offline_and_ended_online(at: Scene) -> None:
    await at.set("AllowOfflineTxForUnknownId", "true")
    await at.offline()
    await at.charge(200)
    await at.online()
    await at.wait(200)
    await at.finish()


async def begun_online_and_ended_offline(at: Scene) -> None:
    await at.charge(200)
    await at.offline()
    await at.wait(200)
    await at.finish()
    await at.wait(50)
    await at.online()


async def offline_in_the_middle(at: Scene) -> None:
    await at.charge(200)
    await at.offline()
    await at.wait(300)
    await at.online()
    await at.wait(200)
    await at.finish()


async def three_charges_offline(at: Scene) -> None:
    await at.set("AllowOfflineTxForUnknownId", "true")
    await at.offline()
    for tag in (TAG, OTHER_TAG, THIRD_TAG):
        await at.charge(120, tag=tag)
        await at.finish(tag)
    await at.online()


async def an_unknown_card_offline(at: Scene) -> None:
    await at.offline()
    await at.charge(60)
    assert not at.charging()
    await at.unplug()
    await at.online()


async def a_card_seen_before_offline(at: Scene) -> None:
    await at.charge(60)
    await at.finish()
    await at.offline()
    await at.charge(120)
    assert at.charging()
    await at.finish()
    await at.online()


async def a_listed_card_offline(at: Scene) -> None:
    assert await at.central.send_list(3, OTHER_TAG)
    await at.offline()
    await at.charge(60)
    assert not at.charging()
    await at.tap(OTHER_TAG)
    await at.wait(120)
    await at.finish(OTHER_TAG)
    await at.online()


async def an_offline_card_turns_out_invalid(at: Scene) -> None:
    await at.set("AllowOfflineTxForUnknownId", "true")
    at.central.verdicts[TAG] = "Invalid"
    await at.offline()
    await at.charge(300)
    assert at.charging()
    await at.online()
    await at.wait(10)
    assert not at.charging()
    await at.tap()
    await at.unplug()


async def a_central_system_that_falls_silent(at: Scene) -> None:
    await at.charge(100)
    at.central.silent = True
    await at.wait(20)
    await at.tap()
    await at.wait(20)
    at.look()
    at.central.silent = False
    await at.unplug()
    await at.wait(200)


async def a_remote_start_with_a_car(at: Scene) -> None:
    await at.plug()
    assert await at.central.remote_start(1, TAG)
    await at.wait(200)
    await at.finish()


async def a_remote_start_before_a_car(at: Scene) -> None:
    assert await at.central.remote_start(1, TAG)
    await at.wait(20)
    await at.plug()
    await at.wait(200)
    await at.finish()


async def a_remote_start_unchecked(at: Scene) -> None:
    await at.set("AuthorizeRemoteTxRequests", "false")
    await at.plug()
    assert await at.central.remote_start(1, TAG)
    await at.wait(100)
    assert at.central.asked == []
    await at.finish()


async def a_remote_start_where_somebody_charges(at: Scene) -> None:
    await at.charge(60)
    assert not await at.central.remote_start(1, OTHER_TAG)
    await at.finish()


async def a_remote_stop(at: Scene) -> None:
    await at.charge(200)
    assert await at.central.remote_stop(at.running)
    await at.wait(10)
    at.look()
    await at.unplug()


async def out_of_service_during_a_charge(at: Scene) -> None:
    await at.charge(100)
    assert await at.central.availability(1, operative=False) == "Scheduled"
    await at.wait(60)
    await at.finish()
    await at.plug()
    await at.tap()
    assert not at.charging()
    await at.unplug()
    assert await at.central.availability(1, operative=True) == "Accepted"
    await at.charge(100)
    await at.finish()


async def the_whole_station_out_of_service(at: Scene) -> None:
    assert await at.central.availability(0, operative=False) == "Accepted"
    await at.charge(30)
    assert not at.charging()
    assert await at.central.availability(0, operative=True) == "Accepted"
    await at.tap()
    await at.wait(100)
    await at.finish()


async def a_reset_during_a_charge(at: Scene) -> None:
    await at.charge(200)
    assert await at.central.reset()
    await at.wait(60)
    at.look()
    assert at.central.boots == 2
    await at.unplug()
    await at.charge(100)
    await at.finish()


async def a_power_cut_during_a_charge(at: Scene) -> None:
    await at.charge(200)
    await at.power_cut()
    await at.wait(200)
    assert at.charging()
    await at.finish()


async def a_power_cut_offline(at: Scene) -> None:
    await at.set("AllowOfflineTxForUnknownId", "true")
    await at.offline()
    await at.charge(200)
    await at.power_cut()
    await at.wait(100)
    await at.finish()
    await at.online()


async def a_power_cut_with_a_stop_untold(at: Scene) -> None:
    await at.charge(200)
    await at.offline()
    await at.finish()
    await at.power_cut()
    await at.online()


async def the_program_is_ended_and_started(at: Scene) -> None:
    await at.charge(200)
    await at.play.end_station()
    await at.wait(30)
    await at.play.start_station()
    await at.wait(200)
    assert at.charging()
    await at.finish()


async def a_ground_fault(at: Scene) -> None:
    await at.charge(200)
    at.play.do("evse/1/fault", code="ground-fault")
    await at.wait(10)
    at.look()
    at.play.do("evse/1/fault", code="ground-fault", active=False)
    await at.wait(10)
    await at.unplug()
    await at.charge(60)
    await at.finish()


async def an_emergency_stop(at: Scene) -> None:
    await at.charge(100)
    at.play.do("fault", code="emergency-stop")
    await at.wait(10)
    at.look()
    at.play.do("fault", code="emergency-stop", active=False)
    await at.unplug()


async def too_warm_for_a_while(at: Scene) -> None:
    await at.charge(100)
    at.play.do("evse/1/fault", code="over-temperature")
    await at.wait(100)
    assert not at.charging()
    at.play.do("evse/1/fault", code="over-temperature", active=False)
    await at.wait(100)
    assert at.charging()
    await at.finish()


async def a_long_night_with_marks(at: Scene) -> None:
    await at.set("ClockAlignedDataInterval", "900")
    await at.set("MeterValueSampleInterval", "300")
    await at.charge(4 * 3600)
    await at.finish()


Scenario = Callable[[Scene], Awaitable[None]]
SCENARIOS: tuple[Scenario, ...] = tuple(
    found for name, found in list(globals().items()) if asyncio.iscoroutinefunction(found) and not name.startswith("_")
)
