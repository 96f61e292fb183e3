"""The books, fed through the handlers of OCPP 1.6: one transaction for one charge, and every oddity shown."""

from typing import Any

import pytest

from csms import v16
from csms.books import Books, Oddity, Transaction
from tests.csms.harness import Harness


class Station:
    """A 1.6 station that charges on demand, without a socket."""

    def __init__(self) -> None:
        self.harness = Harness(v16.router())
        self.connection = self.harness.connect()
        self.books = Books(self.harness.store)

    def start(self, *, at: int = 0, meter: int = 1000, tag: str = "TAG", connector: int = 1, **more: Any) -> int:
        payload = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": clock(at), **more}
        number = self.harness.result(self.connection, "StartTransaction", payload)["transactionId"]
        assert isinstance(number, int)
        return number

    def values(self, number: int | None, *, at: int, meter: int, connector: int = 1) -> None:
        payload: dict[str, Any] = {"connectorId": connector, "meterValue": [values(at, str(meter))]}
        if number is not None:
            payload["transactionId"] = number
        self.harness.result(self.connection, "MeterValues", payload)

    def stop(self, number: int, *, at: int = 600, meter: int = 3000, **more: Any) -> Any:
        payload = {"transactionId": number, "meterStop": meter, "timestamp": clock(at), **more}
        return self.harness.result(self.connection, "StopTransaction", payload)

    def one(self) -> Transaction:
        (transaction,) = self.books.transactions("CP1")
        return transaction


def clock(seconds: int) -> str:
    return f"2026-03-01T10:{seconds // 60:02}:{seconds % 60:02}Z"


def values(at: int, value: str, **more: str) -> dict[str, Any]:
    return {"timestamp": clock(at), "sampledValue": [{"value": value, **more}]}


@pytest.fixture
def station() -> Station:
    return Station()


def oddities(transaction: Transaction) -> list[Oddity]:
    return [anomaly.kind for anomaly in transaction.anomalies]


def test_a_charge_is_one_transaction_with_all_its_facts(station: Station) -> None:
    """Start, meter values and stop make one record with times, registers, tags, samples and message ids."""
    number = station.start(reservationId=7)
    running = station.one()
    assert (running.open, running.energy_wh, running.meter_last_wh) == (True, None, 1000)
    station.values(number, at=60, meter=1500)
    assert station.one().meter_last_wh == 1500
    station.stop(number, idTag="OTHER", reason="Remote", transactionData=[values(600, "3.0", unit="kWh")])
    done = station.one()
    assert (done.transaction_id, done.protocol, done.connector_id, done.id_token) == ("1", "ocpp1.6", 1, "TAG")
    assert (done.meter_start_wh, done.meter_stop_wh, done.energy_wh) == (1000, 3000, 2000)
    assert (done.reason, done.stop_id_token, done.open) == ("Remote", "OTHER", False)
    assert done.started_at is not None
    assert done.stopped_at is not None
    assert (done.stopped_at - done.started_at).total_seconds() == 600
    assert [(sample.value, sample.unit) for sample in done.samples] == [("1500", "Wh"), ("3.0", "kWh")]
    assert done.message_ids == ("m1", "m2", "m3")
    assert done.details == {"authorization": "Accepted", "reservation_id": 7}
    assert done.anomalies == ()


def test_a_start_sent_again_under_another_id_is_the_same_transaction(station: Station) -> None:
    """A station that missed the answer gets the number it had, and the books stay as they were."""
    first = station.start()
    assert station.start() == first
    assert (station.one().duplicates, station.one().anomalies) == (1, ())


def test_the_same_moment_in_another_spelling_is_the_same_start(station: Station) -> None:
    """Timestamps are compared as moments, not as texts."""
    first = station.start()
    payload = {"connectorId": 1, "idTag": "TAG", "meterStart": 1000, "timestamp": "2026-03-01T11:00:00.000+01:00"}
    assert station.harness.result(station.connection, "StartTransaction", payload)["transactionId"] == first


@pytest.mark.parametrize("change", [{"at": 1}, {"meter": 1001}, {"tag": "TAG2"}, {"connector": 2}])
def test_a_start_that_differs_is_another_transaction(station: Station, change: dict[str, Any]) -> None:
    """Another time, register, tag or connector means another charge, under another number."""
    first = station.start()
    assert station.start(**change) != first


def test_two_stations_never_share_a_number(station: Station) -> None:
    """Transaction numbers are unique in the whole house."""
    first = station.start()
    station.connection = station.harness.connect("CP2")
    assert station.start() != first


def test_a_repeated_stop_is_counted_and_changes_nothing(station: Station) -> None:
    """The same stop twice is one stop."""
    number = station.start()
    station.stop(number)
    station.stop(number)
    assert (station.one().duplicates, station.one().energy_wh, station.one().anomalies) == (1, 2000, ())


def test_the_first_stop_stands(station: Station) -> None:
    """A second, different stop is an anomaly and does not rewrite the books."""
    number = station.start()
    station.stop(number, meter=3000)
    station.stop(number, at=700, meter=9000)
    assert (station.one().energy_wh, oddities(station.one())) == (2000, [Oddity.SECOND_STOP])


def test_a_stop_without_a_start_is_recorded_and_answered(station: Station) -> None:
    """A stop for a transaction nobody knows opens the books for it, and the station is rid of it."""
    assert station.stop(4711) == {}
    found = station.one()
    assert (found.transaction_id, found.open, found.started_at) == ("4711", False, None)
    assert (found.energy_wh, found.meter_stop_wh, oddities(found)) == (None, 3000, [Oddity.STOP_WITHOUT_START])


def test_values_without_a_start_are_recorded(station: Station) -> None:
    """Meter values of an unknown transaction are kept with it, and said to be odd."""
    station.values(4711, at=60, meter=5)
    assert (oddities(station.one()), len(station.one().samples)) == ([Oddity.VALUES_WITHOUT_START], 1)


def test_values_without_a_transaction_belong_to_the_station(station: Station) -> None:
    """Clock-aligned readings of an idle connector do not open a transaction."""
    station.values(None, at=60, meter=5)
    assert station.books.transactions() == []
    assert station.harness.events("meter-values")[0].data == {"connector_id": 1}


def test_time_that_runs_backwards_is_shown(station: Station) -> None:
    """A later message about an earlier moment is an anomaly."""
    number = station.start(at=100)
    station.stop(number, at=40)
    assert oddities(station.one()) == [Oddity.TIME_BACKWARDS]


def test_negative_energy_is_shown(station: Station) -> None:
    """A stop register below the start register is an anomaly; the figures stay as reported."""
    number = station.start(meter=1000)
    station.stop(number, meter=900)
    assert (oddities(station.one()), station.one().energy_wh) == ([Oddity.ENERGY_NEGATIVE], -100)


def test_a_register_that_falls_is_shown(station: Station) -> None:
    """Readings of a register never fall, neither between values nor at the stop."""
    number = station.start(meter=1000)
    station.values(number, at=60, meter=2000)
    station.values(number, at=120, meter=1999)
    station.stop(number, meter=1998)
    assert oddities(station.one()) == [Oddity.REGISTER_BACKWARDS, Oddity.REGISTER_BACKWARDS]


def test_values_after_the_stop_are_shown(station: Station) -> None:
    """A reading taken after the stop does not belong to the transaction."""
    number = station.start()
    station.stop(number, at=600)
    station.values(number, at=660, meter=3000)
    assert oddities(station.one()) == [Oddity.AFTER_STOP]


def test_two_transactions_at_one_connector_are_shown(station: Station) -> None:
    """A start while another transaction is open on the same connector is an anomaly of the newer one."""
    station.start()
    station.start(at=60, tag="OTHER")
    assert [oddities(each) for each in station.books.transactions("CP1")] == [[], [Oddity.OVERLAP]]
    assert len(station.books.transactions("CP1", open_only=True)) == 2


def test_a_transaction_that_changes_its_connector_is_shown(station: Station) -> None:
    """Meter values from another connector than the start's are an anomaly."""
    number = station.start(connector=1)
    station.values(number, at=60, meter=1100, connector=2)
    assert oddities(station.one()) == [Oddity.WRONG_CONNECTOR]


def test_transactions_whose_start_was_given_up_are_kept_apart(station: Station) -> None:
    """The id -1 serves for every given-up start: each stop under it is a transaction of its own, a repeated one is not."""
    station.values(-1, at=60, meter=10)
    station.stop(-1, at=100, meter=20)
    station.stop(-1, at=100, meter=20)
    station.stop(-1, at=200, meter=30)
    found = station.books.transactions("CP1")
    assert [(each.transaction_id, each.meter_stop_wh, each.duplicates) for each in found] == [
        ("-1", 20, 1),
        ("-1", 30, 0),
    ]


def test_anomalies_are_bounded(station: Station) -> None:
    """A station that repeats one mistake for ever cannot fill the store with it."""
    number = station.start()
    for second in range(150):
        station.values(number, at=600 - second, meter=1000)
    assert len(station.one().anomalies) == 100


def test_events_tell_what_happened(station: Station) -> None:
    """Start, values, stop and each anomaly are published."""
    number = station.start()
    assert station.harness.events("transaction-started")[0].data["id_token"] == "TAG"
    station.values(number, at=60, meter=1100)
    assert station.harness.events("transaction-updated")[0].data["meter_last_wh"] == 1100
    station.stop(number, meter=900)
    assert station.harness.events("transaction-stopped")[0].data["energy_wh"] == -100
    assert station.harness.events("anomaly")[0].data["anomaly"] == "energy-negative"


@pytest.mark.parametrize(
    ("sampled", "wh"),
    [
        ({"value": "1.5", "unit": "kWh"}, 1500),
        ({"value": "1200.4"}, 1200),
        ({"value": "2000", "phase": "L1"}, 1000),
        ({"value": "2000", "location": "Inlet"}, 1000),
        ({"value": "2000", "measurand": "Power.Active.Import", "unit": "W"}, 1000),
        ({"value": "garbage"}, 1000),
        ({"value": "NaN"}, 1000),
        ({"value": "5000", "format": "SignedData"}, 1000),
    ],
)
def test_only_the_whole_import_register_counts(station: Station, sampled: dict[str, str], wh: int) -> None:
    """Phases, other places, other measurands, signed data and unreadable values are no register reading."""
    number = station.start(meter=1000)
    station.harness.result(
        station.connection,
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": number,
            "meterValue": [{"timestamp": clock(60), "sampledValue": [sampled]}],
        },
    )
    assert station.one().meter_last_wh == wh


def test_the_oldest_transaction_goes_with_all_its_rows(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of transactions per station is bounded, and nothing of a forgotten one is left in the store."""
    monkeypatch.setattr("csms.ledger.MAX_TRANSACTIONS", 2)
    for minute in range(4):
        station.start(at=60 * minute)
    assert [each.transaction_id for each in station.books.transactions("CP1")] == ["3", "4"]
    for table in ("digests", "open"):
        assert not any(owner.endswith("\n1") for owner in station.harness.store.owners(table))
    assert station.harness.store.entries("facts", "CP1\n1") == []
    assert [key for key, _ in station.harness.store.items("open", "CP1")] == ["3", "4"]
