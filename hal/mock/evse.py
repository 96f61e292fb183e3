"""One EVSE of the desktop world: cable, vehicle, control pilot, contactor and meter, and the physics between them.

State moves on when it is looked at or changed, and when a timer of its own is due; between events everything is a formula, so
that the same events give the same energy however often somebody looks. Current flows only while mains, closed contacts, a
complete cable and a vehicle in state C that has seen an offer of at least its minimum come together.
"""

import math
from collections.abc import Callable
from contextvars import Context, copy_context

from hal.mock.cable import Cable, End
from hal.mock.car import PERCENT, Car
from hal.mock.clock import MockClock, Timer
from hal.mock.errors import Impossible
from hal.mock.faults import SILENT_FAULTS, FaultBook
from hal.mock.flow import Flow, Stretch, tangent
from hal.mock.lamp import LampState
from hal.mock.ports import EvsePorts
from hal.mock.supply import Supply
from hal.mock.switchgear import Switchgear
from hal.types import PHASES, Fault, FaultCode, LockState, MeterReading, PilotReading, PilotState

ROOM_TEMPERATURE_C = 25.0
HOTTEST_C = 85.0  # above this the temperature input raises its fault

_NO_OFFER_SEEN = frozenset({PilotState.E, PilotState.F})


class MockEvse:
    """One EVSE. Its devices attach to the ports; people and vehicles use the methods."""

    def __init__(
        self,
        evse_id: int,
        *,
        phases: int,
        cable: Cable,
        clock: MockClock,
        supply: Callable[[], Supply],
        save: Callable[[], None],
    ) -> None:
        self.id = evse_id
        self.phases = phases
        self.cable = cable
        self.gear = Switchgear()
        self.car: Car | None = None  # at the vehicle end
        self.last_car: Car | None = None  # the one before it left
        self.faults = FaultBook()
        self.temperature_c = ROOM_TEMPERATURE_C
        self.bay_occupied = False
        self.offered_a = 0.0
        self.offered_phases = phases
        self.available = True
        self.forced_pilot: PilotState | None = None
        self.lamp = LampState(clock)
        self.ports = EvsePorts(evse_id)
        self.flow = Flow()
        self._clock = clock
        self._supply = supply
        self._save = save
        self._context: Context = copy_context()  # the world's timers are not those of whichever task caused them
        self._timer: Timer | None = None
        self._timer_at: float | None = None
        self._now = clock.monotonic()
        self._told_pilot = self._pilot_reading()
        self._told_closed = False

    # What people and vehicles do

    def plug(self, end: End = "both", car: Car | None = None, cable_limit_a: float | None = None) -> None:
        """Plug in. A vehicle comes with the vehicle end: `car`, or the one that was here last. Raises Impossible."""
        self.settle()
        arriving = car or self.last_car
        if end in {"vehicle", "both"} and arriving is None:
            raise Impossible(f"there is no vehicle to plug in at EVSE {self.id}; name one")
        if end == "station" and car is not None:
            raise Impossible("a vehicle cannot come with the station end of the cable")
        if cable_limit_a is not None and self.cable.fixed:
            raise Impossible("the cable is fixed to the station; its limit cannot be chosen")
        self.cable.plug(end)
        if cable_limit_a is not None:
            self.cable.limit_a = cable_limit_a
        if end != "station":
            self.car = arriving
            self.set_bay(True)
        self._changed()
        self._save()

    def unplug(self, end: End = "both") -> None:
        """Pull a plug, or all that are in. The vehicle leaves with the vehicle end. Raises Impossible."""
        self.settle()
        self.cable.unplug(end)
        if not self.cable.at_vehicle and self.car is not None:
            self.flow.count(self._now)
            self.car.leaves()
            self.last_car, self.car = self.car, None
        self._changed()
        self._save()

    def pause_car(self) -> None:
        """The driver stops the charge in the vehicle. Raises Impossible without one."""
        self._present_car().pause(self._now)
        self._changed()

    def resume_car(self) -> None:
        """The driver lets the vehicle charge again. Raises Impossible without one."""
        self._present_car().resume(self._now)
        self._changed()

    def set_bay(self, occupied: bool) -> None:
        """A vehicle drives into the bay or out of it."""
        if occupied != self.bay_occupied:
            self.bay_occupied = occupied
            self.ports.bay.publish(occupied)

    def set_temperature(self, celsius: float) -> None:
        """Warm the EVSE up or cool it down; above 85 °C its temperature input raises a fault."""
        self.temperature_c = celsius
        if celsius > HOTTEST_C:
            self.raise_fault(FaultCode.OVER_TEMPERATURE, f"{celsius:g} °C inside")
        else:
            self.clear_fault(FaultCode.OVER_TEMPERATURE)

    def force_pilot(self, state: PilotState | None) -> None:
        """Let the pilot show a state whatever is plugged in; None ends that. In E and F the vehicle sees no offer."""
        self.settle()
        self.forced_pilot = state
        self._changed()

    # What goes wrong

    def raise_fault(self, code: FaultCode | str, text: str = "", vendor_code: str | None = None) -> None:
        """Let something go wrong; nothing happens when it is wrong already. ValueError for a word that is no fault code."""
        fault = self.faults.enter(code, text, vendor_code)
        if fault is not None:
            self._take_effect(fault)

    def clear_fault(self, code: FaultCode | str) -> None:
        """Mend it; nothing happens when nothing is wrong. ValueError for a word that is no fault code."""
        fault = self.faults.strike(code)
        if fault is not None:
            self._take_effect(fault)

    def lose(self, kind: str) -> None:
        """A device is gone from its port or bus. A lost contactor falls open. Raises UnknownAction for a device that is not here."""
        self.ports.named(kind).lose()
        if kind == "contactor":
            self.command_contactor(False)

    def restore(self, kind: str) -> None:
        """It is back, and wants to be opened again. Raises UnknownAction for a device that is not here."""
        self.ports.named(kind).restore()

    # What the devices do

    def pilot_reading(self) -> PilotReading:
        """What the pilot shows now."""
        self.settle()
        return self._pilot_reading()

    def offer(self, current_a: float, phases: int | None = None) -> None:
        """Set the pilot's offer, amperes per phase; 0 offers nothing."""
        self.settle()
        self.offered_a = current_a
        if phases is not None:
            self.offered_phases = min(phases, self.phases)
        self._changed()

    def set_available(self, available: bool) -> None:
        """False shows state F."""
        self.settle()
        self.available = available
        self._changed()

    def command_contactor(self, close: bool) -> None:
        """Energise the contactor's coil, or let go."""
        self.settle()
        self.gear.command(self._now, close)
        self._changed()

    def feed_contactor(self) -> None:
        """Feed the contactor's dead-man timer."""
        self.settle()
        self.gear.feed(self._now)
        self._arm()

    def contactor_closed(self) -> bool:
        """Where the contacts are now."""
        self.settle()
        return self.gear.closed

    def drive_bolt(self, locked: bool) -> LockState:
        """Move the bolt of the connector lock."""
        state = self.cable.drive_bolt(locked)
        self._save()
        return state

    def reading(self) -> MeterReading:
        """What the meter shows now. The register is saved before anybody sees it, so that it never runs behind."""
        self.settle()
        supply, car = self._supply(), self.car
        drawn_a, volts = self._drawn_a(), supply.displayed_v(self._now)[: self.phases]
        powers = self._power_of(volts, drawn_a)
        total_w = sum(powers)
        reading = MeterReading(
            import_mwh=self.flow.import_mwh(self._now),
            export_mwh=0,
            reactive_import_mvarh=self.flow.reactive_mvarh(self._now),
            reactive_export_mvarh=0,
            power_w=total_w,
            power_per_phase_w=powers,
            reactive_power_var=total_w * (tangent(car) if car else 0.0),
            current_a=drawn_a,
            voltage_v=volts,
            power_factor=car.spec.power_factor if car else 1.0,
            frequency_hz=supply.frequency_hz if supply.mains else None,
            temperature_c=self.temperature_c,
            soc_percent=self._soc_percent(car) if car and car.spec.tells_soc and self.cable.complete else None,
        )
        self._save()
        return reading

    def import_mwh(self) -> int:
        """The register as it stands now."""
        self.settle()
        return self.flow.import_mwh(self._now)

    def reactive_mvarh(self) -> int:
        """The reactive register as it stands now."""
        self.settle()
        return self.flow.reactive_mvarh(self._now)

    def drawn_a(self) -> tuple[float, ...]:
        """Current per phase now."""
        self.settle()
        return self._drawn_a()

    def power_w(self) -> tuple[float, ...]:
        """Active power per phase now, as displayed."""
        self.settle()
        return self._power_w()

    def soc_percent(self) -> float | None:
        """State of charge of the vehicle now; None without one."""
        self.settle()
        return None if self.car is None else self._soc_percent(self.car)

    # Physics

    @property
    def now(self) -> float:
        """The moment up to which this EVSE has moved on, monotonic seconds."""
        return self._now

    def settle(self, at: float | None = None) -> None:
        """Move on to the present (or to `at`, if that is later): everything that was due by then happens at its own time."""
        now = max(self._now, self._clock.monotonic(), -math.inf if at is None else at)
        if self._timer_at is not None and self._timer_at <= now:
            self._run(now)
        else:
            self._now = now

    def changed_outside(self) -> None:
        """Something of it, or the mains, has been changed from outside. Call `settle` before the change and this after it."""
        self._changed()

    def detach(self) -> None:
        """The station's controller is gone: its outputs fall off and its devices with it. Iron, cable and vehicle stay."""
        self.settle()
        self.ports.detach_all()
        self.offered_a, self.available = 0.0, True
        self.gear.command(self._now, False)
        self._changed()

    def _changed(self) -> None:
        self._react()
        self._run(self._now)

    def _run(self, until: float) -> None:
        while (due := self._next_event()) is not None and due <= until:
            self._now = max(self._now, due)
            self._step()
        self._now = until
        self._arm()

    def _step(self) -> None:
        self.gear.step(self._now, self.flow.current_a(self._now))
        if self.car is not None:
            full_at = self.flow.full_at()
            if full_at is not None and full_at <= self._now:
                self.flow.count(full_at)
            self.car.step(self._now)
        self._react()

    def _react(self) -> None:
        """Let the vehicle see what is, plan the stretch that follows from it, and tell whoever listens."""
        if self.car is not None:
            sees_offer = self.cable.complete and self._pilot_state() not in _NO_OFFER_SEEN
            powered = self.cable.complete and self.gear.closed and self._supply().mains
            self.car.sees(self._now, min(self.offered_a, self.cable.limit_a) if sees_offer else 0.0, powered)
        self.flow.plan(self._now, self._stretch())
        reading = self._pilot_reading()
        if reading != self._told_pilot:
            self._told_pilot = reading
            self.ports.pilot.publish(reading)
        if self.gear.closed != self._told_closed:
            self._told_closed = self.gear.closed
            self.ports.contactor.publish(self.gear.closed)

    def _next_event(self) -> float | None:
        times = [self.gear.next_event(), self.flow.full_at()]
        if self.car is not None:
            times.append(self.car.next_event())
        return min((t for t in times if t is not None), default=None)

    def _arm(self) -> None:
        due = self._next_event()
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = None if due is None else self._clock.call_at(due, self._wake, context=self._context)

    def _wake(self) -> None:
        due, self._timer = self._timer_at, None
        self.settle(due)  # a loop may call a hair too early

    def _pilot_state(self) -> PilotState:
        if self.forced_pilot is not None:
            return self.forced_pilot
        if not self.available:
            return PilotState.F
        if self.car is None or not self.cable.complete:
            return PilotState.A
        if not self.car.asking:
            return PilotState.B
        return PilotState.D if self.car.spec.needs_ventilation else PilotState.C

    def _pilot_reading(self) -> PilotReading:
        if self.cable.fixed:
            return PilotReading(self._pilot_state())
        plugged = self.cable.at_station
        return PilotReading(self._pilot_state(), plugged, self.cable.limit_a if plugged else None)

    def _stretch(self) -> Stretch | None:
        if self.car is None:
            return None
        return Stretch(self.car, self.car.limit_a, sum(self._supply().live_v[: self._used_phases()]))

    def _drawn_a(self) -> tuple[float, ...]:
        used, ampere = self._used_phases(), self.flow.current_a(self._now)
        return tuple(ampere if phase < used else 0.0 for phase in range(self.phases))

    def _power_w(self) -> tuple[float, ...]:
        return self._power_of(self._supply().displayed_v(self._now)[: self.phases], self._drawn_a())

    def _power_of(self, volts: tuple[float, ...], amperes: tuple[float, ...]) -> tuple[float, ...]:
        factor = self.car.spec.power_factor if self.car else 1.0
        return tuple(volt * ampere * factor for volt, ampere in zip(volts, amperes, strict=True))

    def _soc_percent(self, car: Car) -> float:
        return PERCENT * self.flow.stored_wh(self._now, car) / car.spec.battery_wh

    def _used_phases(self) -> int:
        return min(self.offered_phases, self.car.spec.phases if self.car else PHASES)

    def _present_car(self) -> Car:
        self.settle()
        if self.car is None:
            raise Impossible(f"no vehicle is plugged in at EVSE {self.id}; plug one in first")
        return self.car

    def _take_effect(self, fault: Fault) -> None:
        self.settle()
        match fault.code:
            case FaultCode.WELDED_CONTACTOR:
                self.gear.set_welded(self._now, fault.active)
            case FaultCode.CONTACTOR_STUCK_OPEN:
                self.gear.set_stuck_open(self._now, fault.active)
            case FaultCode.LOCK_JAMMED:
                self.cable.jammed = fault.active
            case FaultCode.PILOT_LOST:
                (self.ports.pilot.lose if fault.active else self.ports.pilot.restore)()
            case FaultCode.READER_LOST:
                for port in self.ports.readers:
                    (port.lose if fault.active else port.restore)()
        if fault.code not in SILENT_FAULTS:
            self.ports.inputs.publish(fault)
        self._changed()
