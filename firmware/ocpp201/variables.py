"""The variables of this station: those that are settings, and what it knows of itself, a component each."""

from collections.abc import Callable, Iterator

from firmware.core import settings as st
from firmware.core.evse import Evse
from firmware.core.quantities import MeasurandList
from firmware.core.settings import AnySetting
from firmware.core.station import Station
from firmware.core.values import Outcome, rejected
from firmware.identity import Identity
from firmware.ocpp201.device_model import Component, Variable
from firmware.ocpp201.link_variables import LinkView, link_variables
from firmware.ocpp201.setting_rows import MEASURAND_SETTINGS, SETTINGS, Kind, Limits, Row
from firmware.ocpp201.status import connector_status
from firmware.ocpp201.words import MEASURANDS, moment
from hal.clock import Clock

ITEMS = 50  # variables in one request or report
BYTES = 65_535
CONNECTOR = 1
LISTS = "LocalAuthListCtrlr"
STATUSES = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")

AVAILABLE = ("AuthCacheCtrlr", "LocalAuthListCtrlr", "SampledDataCtrlr", "AlignedDataCtrlr")


class Variables:
    """Makes the variables of a station."""

    def __init__(
        self,
        station: Station,
        clock: Clock,
        identity: Callable[[], Identity],
        link: LinkView,
        *,
        quantities: frozenset[str],
        lists: bool,
        set_setting: Callable[[AnySetting, str], Outcome],
    ) -> None:
        """`quantities` are what the meters can tell, `lists` whether there is a local list; `set_setting` changes a setting."""
        self._station = station
        self._clock = clock
        self._identity = identity
        self._link = link
        self._measurands = tuple(sorted(quantities & MEASURANDS))
        self._lists = lists
        self._set = set_setting

    def all(self) -> Iterator[Variable]:
        """Every variable, component by component."""
        return (variable for variable in self._made() if self._lists or variable.component.name != LISTS)

    def _made(self) -> Iterator[Variable]:
        for row in SETTINGS:
            yield self._of_setting(row)
        yield from link_variables(self._link, self._station.settings, self._set)
        for name in AVAILABLE:
            yield _fixed(name, "Available", "boolean", "true")
        yield from self._limits()
        aligned = Component("AlignedDataCtrlr")
        interval = self._station.settings
        yield Variable(aligned, "TxEndedInterval", "integer", lambda: interval.text(st.ALIGNED_INTERVAL_S), unit="s")
        yield from self._clock_variables()
        yield from self._station_variables()
        for evse in self._station.evses.values():
            yield from self._evse_variables(evse)

    def _of_setting(self, row: Row) -> Variable:
        setting, limits = row.setting, row.limits
        if setting.id in MEASURAND_SETTINGS:
            limits = Limits(values=self._measurands)
        fixed_cables = all(evse.spec.fixed_cable for evse in self._station.evses.values())
        nothing_to_unlock = setting is st.UNLOCK_ON_EV_DISCONNECT and fixed_cables

        def read() -> str:
            if nothing_to_unlock:
                return "false"
            settings = self._station.settings
            if setting is st.ENDED_INTERVAL_S and settings[st.ENDED_INTERVAL_S] == st.WITH_EACH_SAMPLE:
                return settings.text(st.SAMPLE_INTERVAL_S)
            return _quantities(settings[setting]) if setting.id in MEASURAND_SETTINGS else settings.text(setting)

        readonly = row.readonly or nothing_to_unlock
        return Variable(
            Component(row.component),
            row.name,
            row.kind,
            read,
            None if readonly else lambda value: self._set(setting, value),
            row.instance,
            row.unit,
            limits,
            setting,
        )

    def _limits(self) -> Iterator[Variable]:
        for message in ("GetReport", "GetVariables", "SetVariables"):
            yield _fixed("DeviceDataCtrlr", "ItemsPerMessage", "integer", str(ITEMS), instance=message)
            yield _fixed("DeviceDataCtrlr", "BytesPerMessage", "integer", str(BYTES), instance=message)
        local_list, settings = self._station.desk.local_list, self._station.settings
        name = Component("LocalAuthListCtrlr")
        limits = Limits(maximum=settings[st.LIST_LIMIT])
        yield Variable(name, "Entries", "integer", lambda: str(len(local_list)), limits=limits)
        yield _fixed("LocalAuthListCtrlr", "BytesPerMessage", "integer", str(BYTES))
        yield _fixed("LocalAuthListCtrlr", "SupportsExpiryDateTime", "boolean", "true")

    def _clock_variables(self) -> Iterator[Variable]:
        clock = Component("ClockCtrlr")
        yield Variable(clock, "DateTime", "dateTime", self._date_time)
        settings = self._station.settings

        def sources() -> str:
            return "NTP,Heartbeat" if settings[st.CENTRAL_TIME] else "NTP"

        def choose(value: str) -> Outcome:
            if value not in ("NTP", "NTP,Heartbeat"):
                return rejected("InvalidValue", "NTP comes first: the operating system keeps its time by it")
            return self._set(st.CENTRAL_TIME, "true" if value != "NTP" else "false")

        limits = Limits(values=("NTP", "Heartbeat"))
        yield Variable(clock, "TimeSource", "SequenceList", sources, choose, limits=limits, setting=st.CENTRAL_TIME)

    def _date_time(self) -> str:
        wall_s = self._clock.wall()
        return "" if wall_s is None else moment(wall_s).isoformat(timespec="seconds").replace("+00:00", "Z")

    def _station_variables(self) -> Iterator[Variable]:
        station, here = self._station, Component("ChargingStation")
        phases = max((evse.spec.phases for evse in station.evses.values()), default=3)
        yield _fixed("ChargingStation", "Available", "boolean", "true")
        yield Variable(here, "AvailabilityState", "OptionList", self._availability, limits=Limits(values=STATUSES))
        yield _fixed("ChargingStation", "SupplyPhases", "integer", str(phases))
        yield Variable(here, "Model", "string", lambda: self._identity().model)
        yield Variable(here, "VendorName", "string", lambda: self._identity().vendor)

    def _availability(self) -> str:
        if self._station.context.blocked:
            return "Faulted"
        return "Available" if self._station.context.operative else "Unavailable"

    def _evse_variables(self, evse: Evse) -> Iterator[Variable]:
        spec = evse.spec
        at, plug = Component("EVSE", evse=evse.id), Component("Connector", evse=evse.id, connector=CONNECTOR)
        statuses = Limits(values=STATUSES)
        power_w = spec.max_current_a * spec.voltage_v * spec.phases
        for place in (at, plug):
            yield Variable(place, "Available", "boolean", lambda: "true", constant=True)
            yield Variable(place, "AvailabilityState", "OptionList", lambda: connector_status(evse), limits=statuses)
            yield Variable(place, "SupplyPhases", "integer", lambda: str(spec.phases), constant=True)
        drawn = Limits(maximum=power_w)
        yield Variable(at, "Power", "decimal", lambda: f"{power_w:g}", unit="W", limits=drawn, constant=True)
        yield Variable(at, "AllowReset", "boolean", lambda: "false", constant=True)
        yield Variable(plug, "ConnectorType", "string", lambda: spec.connector_type or "Unknown", constant=True)


def _fixed(component: str, name: str, kind: Kind, value: str, *, instance: str | None = None) -> Variable:
    return Variable(Component(component), name, kind, lambda: value, instance=instance, constant=True)


def _quantities(wanted: MeasurandList) -> str:
    """The quantities of a list once each: phases are not named in 2.0.1, every one that is there is told."""
    return ",".join(dict.fromkeys(item.quantity for item in wanted if item.quantity in MEASURANDS))
