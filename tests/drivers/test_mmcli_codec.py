"""The reader of `mmcli -J` against documents in the form that mmcli 1.20 prints."""

import json
from typing import Any

import pytest

from hal.codecs import mmcli
from hal.errors import BadReply


def modem(state: str = "home", technologies: list[str] | None = None) -> dict[str, Any]:
    """The part of a modem's document that matters."""
    return {
        "modem": {
            "3gpp": {"imei": "867698040000000", "operator-name": "Telekom.de", "registration-state": state},
            "generic": {"access-technologies": technologies or ["lte"], "sim": "/org/freedesktop/ModemManager1/SIM/0"},
        }
    }


def bearer(connected: str, ipv4: str, ipv6: str = "--") -> dict[str, Any]:
    """A bearer's document."""
    return {
        "bearer": {
            "ipv4-config": {"address": ipv4},
            "ipv6-config": {"address": ipv6},
            "status": {"connected": connected, "interface": "wwan0"},
        }
    }


def test_a_document_is_an_object() -> None:
    """Anything else is another program, or an mmcli too old to speak JSON."""
    assert mmcli.parse(b'{"modem": {}}') == {"modem": {}}
    for bad in (b"", b"[]", b"error: couldn't find modem", b"\xff\xfe\x00"):
        with pytest.raises(BadReply):
            mmcli.parse(bad)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("home", (True, False)),
        ("roaming", (True, True)),
        ("searching", (False, None)),
        ("denied", (False, None)),
        ("unknown", (None, None)),
        ("--", (None, None)),
    ],
)
def test_registration(state: str, expected: tuple[bool | None, bool | None]) -> None:
    """Unknown is not the same as not registered."""
    assert mmcli.registration(modem(state)) == expected


def test_technology_in_words_of_the_field() -> None:
    """Several at once are joined; unknown ones are shown as they come."""
    assert mmcli.technology(modem(technologies=["lte", "5gnr"])) == "LTE/5G NR"
    assert mmcli.technology(modem(technologies=["tnr"])) == "TNR"
    assert mmcli.technology(modem(technologies=["--"])) is None
    assert mmcli.technology({}) is None


def test_signal_of_the_best_technology() -> None:
    """RSSI where there is one, else RSRP; `--` and impossible numbers are not known."""
    signal = {"modem": {"signal": {"gsm": {"rssi": "--"}, "lte": {"rssi": "-63.00", "rsrp": "-95.00"}}}}
    assert mmcli.signal_dbm(signal) == -63
    assert mmcli.signal_dbm({"modem": {"signal": {"5g": {"rsrp": "-101.00"}}}}) == -101
    assert mmcli.signal_dbm({"modem": {"signal": {"lte": {"rssi": "0.00", "rsrp": "nan"}}}}) is None
    assert mmcli.signal_dbm({}) is None


def test_address_of_the_first_connected_bearer() -> None:
    """A bearer that is not connected keeps the address of its last life."""
    assert mmcli.address([bearer("no", "10.0.0.9"), bearer("yes", "10.0.0.5")]) == "10.0.0.5"
    assert mmcli.address([bearer("yes", "--", "2001:db8::5")]) == "2001:db8::5"
    assert mmcli.address([bearer("yes", "--")]) is None
    assert mmcli.address([]) is None


def test_a_path_that_leads_nowhere_is_none() -> None:
    """Neither a missing key nor a value of another kind raises."""
    document = json.loads('{"modem": {"generic": ["x"], "list": ["a", 1]}}')
    assert mmcli.text_at(document, "modem", "generic", "state") is None
    assert mmcli.text_at(document, "modem", "generic") is None
    assert mmcli.texts_at(document, "modem", "generic", "x") == ()
    assert mmcli.texts_at(document, "modem", "list") == ("a",)


def test_the_number_of_an_object() -> None:
    """mmcli addresses objects by the last part of their D-Bus path."""
    assert mmcli.index_of("/org/freedesktop/ModemManager1/SIM/3") == "3"
