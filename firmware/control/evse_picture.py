"""One EVSE as JSON: plug, contactor, current, meter, token, transaction, faults, and its status in every protocol's words."""

from typing import TYPE_CHECKING, Any

from firmware.control.readings import Reading, each_rounded, present, rounded, whole_wh
from firmware.control.times import iso
from firmware.core.faults import RULES
from firmware.core.power import desired, limit_a
from firmware.core.transaction import Transaction
from firmware.ocpp201.status import charging_state, connector_status
from hal.types import LockState

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.core.evse import Evse
    from hal.types import Fault

AHEAD_S = 5400  # of the schedule that is told
RETOLD_S = 60  # how old the offsets of a schedule may get

_LOCKED = {LockState.LOCKED: True, LockState.UNLOCKED: False}


def evse_picture(app: "App", number: int, finished: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything about an EVSE. Currents are amperes per phase, L1 first. `finished`: its last transaction."""
    evse, driver = app.engine.station.evses[number], app.engine.drivers[number]
    reading = present(driver, app.board, app.clock)
    values = reading.values
    wanted = desired(evse)
    return {
        "id": number,
        "connector_type": evse.spec.connector_type,
        "fixed_cable": evse.spec.fixed_cable,
        "phases": evse.spec.phases,
        "max_current_a": evse.spec.max_current_a,
        "status": {"ocpp2.0.1": connector_status(evse), app.translator.protocol: app.translator.status_word(number)},
        "charging_state": charging_state(evse),
        "available": evse.available,
        "reserved": evse.reserved,
        "plugged": evse.plug.value,
        "pilot": evse.pilot.value,
        "cable_limit_a": evse.cable_limit_a,
        "locked": _LOCKED.get(evse.lock_state),
        "limit_a": rounded(limit_a(evse)),
        "schedule": app.engine.station.limits.ahead(number, AHEAD_S, app.clock.now()),
        "offered_a": rounded(driver.offered_a),
        "drawn_a": each_rounded(values.current_a),
        "voltage_v": each_rounded(values.voltage_v, 1),
        "power_w": rounded(values.power_w, 1),
        "soc_percent": rounded(values.soc_percent, 1),
        "contactor": {"commanded": driver.allowed, "feedback": driver.hardware.contactor.closed},
        "meter": _meter(reading),
        "energy": evse.energy.value,
        "authorisation": evse.auth.state.value,
        "token": _token(evse),
        "transaction": _transaction(app, evse, values.import_mwh),
        "finished": finished,
        "faults": [fault_picture(fault) for fault in evse.faults.values()],
        "sign": wanted.sign.value,
    }


def evse_essence(picture: dict[str, Any]) -> Any:
    """The picture without what only runs on with time."""
    schedule = [(offset_s // RETOLD_S, limit) for offset_s, limit in picture["schedule"]]
    return {**picture, "meter": {**picture["meter"], "age_s": None}, "schedule": schedule}


def fault_picture(fault: "Fault") -> dict[str, Any]:
    """A fault, with what it does to charging: `stop`, `block` or `warn`."""
    return {
        "code": fault.code.value,
        "text": fault.text,
        "vendor_code": fault.vendor_code,
        "severity": RULES[fault.code].severity.name.lower(),
    }


def _meter(reading: Reading) -> dict[str, Any]:
    values = reading.values
    return {
        "import_wh": whole_wh(values.import_mwh),
        "export_wh": whole_wh(values.export_mwh),
        "temperature_c": rounded(values.temperature_c, 1),
        "age_s": rounded(reading.age_s, 1),
    }


def _token(evse: "Evse") -> str | None:
    tx = evse.tx
    token = tx.token if tx is not None and tx.token is not None else evse.auth.token
    return token.masked if token is not None else None


def _transaction(app: "App", evse: "Evse", import_mwh: int | None) -> dict[str, Any] | None:
    tx = evse.tx
    if tx is None:
        return None
    started = app.timeline.date(tx.started).wall_s if tx.started is not None else None
    return {
        "id": tx.id,
        "remote_id": app.translator.remote_id(tx.id),
        "phase": tx.phase.value,
        "started": iso(started),
        "start_wh": whole_wh(tx.start_mwh),
        "energy_wh": _energy_wh(tx, import_mwh),
        "remote_start_id": tx.remote_start_id,
        "refused": tx.invalid.value if tx.invalid is not None else None,
    }


def _energy_wh(tx: Transaction, import_mwh: int | None) -> int | None:
    """Energy up to the newest register that this transaction can have reached."""
    if tx.start_mwh is None or tx.last_mwh is None:
        return None
    newest_mwh = tx.last_mwh if tx.ending is not None or import_mwh is None else max(import_mwh, tx.last_mwh)
    return newest_mwh // 1000 - tx.start_mwh // 1000
