"""Feature profile SmartCharging of OCPP 1.6 (edition 2, sections 3.13, 5.5, 5.7 and 5.16, with errata)."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from firmware.core import profiles as pf
from firmware.core.settings import PROFILE_MAX_PERIODS, PROFILE_UNITS
from firmware.core.solver import Composite
from firmware.core.station import Station
from firmware.core.values import Outcome, rejected
from firmware.engine.engine import Engine
from firmware.ocpp16.transactions import Transactions
from firmware.ocpp16.words import moment
from hal.types import Instant
from ocpp_client.errors import Refuse
from ocpp_client.messages import Response
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    ChargingSchedule,
    ChargingSchedulePeriod,
    ClearChargingProfileRequest,
    ClearChargingProfileResponse,
    GetCompositeScheduleRequest,
    GetCompositeScheduleResponse,
    SetChargingProfileRequest,
    SetChargingProfileResponse,
)
from ocpp_client.v16.datatypes import ChargingProfile, ChargingProfileKindType, ChargingProfilePurposeType

log = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PURPOSES: dict[ChargingProfilePurposeType, pf.Purpose] = {
    "ChargePointMaxProfile": pf.Purpose.STATION_MAX,
    "TxDefaultProfile": pf.Purpose.TX_DEFAULT,
    "TxProfile": pf.Purpose.TX,
}
_KINDS: dict[ChargingProfileKindType, pf.Kind] = {
    "Absolute": pf.Kind.ABSOLUTE,
    "Recurring": pf.Kind.RECURRING,
    "Relative": pf.Kind.RELATIVE,
}
_CYCLES = {"Daily": pf.Recurrence.DAILY, "Weekly": pf.Recurrence.WEEKLY}


class SmartCharging:
    """Handlers of charging profiles."""

    def __init__(self, engine: Engine, transactions: Transactions) -> None:
        self._engine = engine
        self._transactions = transactions

    async def set_profile(self, request: SetChargingProfileRequest) -> Reply:
        """SetChargingProfile (5.16). A connector that does not exist is a wrong value (errata)."""
        self._known_connector(request.connector_id)
        told = request.cs_charging_profiles
        profile = profile_of(told, request.connector_id)

        def install(station: Station, now: Instant) -> Outcome:
            if told.transaction_id is None:
                return station.limits.install(profile, now, replaces_slot=True)
            key = self._transactions.key_of(told.transaction_id)
            if profile.purpose is not pf.Purpose.TX or key is None:
                return rejected("TxNotFound", f"transaction {told.transaction_id}")
            return station.limits.install(replace(profile, transaction=key), now, replaces_slot=True)

        outcome = self._engine.deferred(install)
        if not outcome.accepted:
            log.info("profile refused id=%d reason=%s %s", profile.id, outcome.reason, outcome.detail)
        return self._reply(SetChargingProfileResponse(status="Accepted" if outcome.accepted else "Rejected"))

    async def clear_profile(self, request: ClearChargingProfileRequest) -> Reply:
        """ClearChargingProfile (5.5): an id alone decides; without one everything that is given has to fit (errata)."""

        def clear(station: Station, now: Instant) -> int:
            if request.id is not None:
                return station.limits.clear(number=request.id)
            purpose = request.charging_profile_purpose
            return station.limits.clear(
                evse=request.connector_id,
                purpose=_PURPOSES[purpose] if purpose is not None else None,
                stack=request.stack_level,
            )

        count = self._engine.deferred(clear)
        return self._reply(ClearChargingProfileResponse(status="Accepted" if count else "Unknown"))

    async def composite_schedule(self, request: GetCompositeScheduleRequest) -> Reply:
        """GetCompositeSchedule (5.7). Connector 0 is what all of them together may take from the grid."""
        station = self._engine.station
        units = [pf.RateUnit[name] for name in station.settings[PROFILE_UNITS]]
        unit = units[0] if request.charging_rate_unit is None else pf.RateUnit(request.charging_rate_unit)
        known = request.connector_id in (pf.STATION, *station.evses)
        if not known or unit not in units or request.duration < 0:
            return Reply(GetCompositeScheduleResponse(status="Rejected"))
        found = station.limits.composite(
            request.connector_id,
            request.duration,
            unit,
            self._engine.clock.now(),
            max_periods=station.settings[PROFILE_MAX_PERIODS],
        )
        if found is None:
            return Reply(GetCompositeScheduleResponse(status="Rejected"))
        return Reply(
            GetCompositeScheduleResponse(
                status="Accepted",
                connector_id=request.connector_id,
                schedule_start=moment(found.start_ms / 1000),
                charging_schedule=_schedule(found),
            )
        )

    def _known_connector(self, number: int) -> None:
        if number not in (pf.STATION, *self._engine.station.evses):
            raise Refuse("PropertyConstraintViolation", f"connectorId: there is no connector {number}")

    def _reply(self, response: Response) -> Reply:
        """Answer first, then let the current follow."""

        async def after() -> None:
            self._engine.pump()

        return Reply(response, after)


def profile_of(told: ChargingProfile, connector: int) -> pf.Profile:
    """A profile in the core's words, for a connector (0: the station). Its transaction is left to the caller."""
    schedule = told.charging_schedule
    return pf.Profile(
        id=told.charging_profile_id,
        evse=connector,
        purpose=_PURPOSES[told.charging_profile_purpose],
        stack=told.stack_level,
        kind=_KINDS[told.charging_profile_kind],
        schedule=pf.Schedule(
            pf.RateUnit(schedule.charging_rate_unit),
            tuple(
                pf.Period(period.start_period, period.limit, period.number_phases)
                for period in schedule.charging_schedule_period
            ),
            schedule.duration,
            _ms(schedule.start_schedule),
            schedule.min_charging_rate,
        ),
        recurrence=_CYCLES[told.recurrency_kind] if told.recurrency_kind is not None else None,
        valid_from_ms=_ms(told.valid_from),
        valid_to_ms=_ms(told.valid_to),
    )


def _ms(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // timedelta(milliseconds=1)


def _schedule(found: Composite) -> ChargingSchedule:
    """Without startSchedule: the schedule starts at the answer's scheduleStart (errata)."""
    periods: Sequence[ChargingSchedulePeriod] = [
        ChargingSchedulePeriod(start_period=period.start_s, limit=period.limit, number_phases=period.phases or None)
        for period in found.periods
    ]
    return ChargingSchedule(
        duration=found.duration_s, charging_rate_unit=found.unit.value, charging_schedule_period=tuple(periods)
    )
