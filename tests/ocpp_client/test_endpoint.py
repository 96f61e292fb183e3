"""Where to dial: the URL of a station, and its credentials."""

import pytest

from ocpp_client.endpoint import Credentials, endpoint_url, without_secrets


@pytest.mark.parametrize(
    ("url", "identity", "dialled"),
    [
        ("wss://csms.example/ocpp", "CP001", "wss://csms.example/ocpp/CP001"),
        ("wss://csms.example/ocpp/", "CP001", "wss://csms.example/ocpp/CP001"),
        ("wss://csms.example/ocpp//", "CP001", "wss://csms.example/ocpp//CP001"),
        ("ws://csms.example", "CP001", "ws://csms.example/CP001"),
        ("ws://csms.example:9000/", "RDAM 123", "ws://csms.example:9000/RDAM%20123"),
        ("ws://[::1]:9000/ocpp", "a/b?c#d:é", "ws://[::1]:9000/ocpp/a%2Fb%3Fc%23d%3A%C3%A9"),
        ("wss://csms.example/ocpp?key=1&x=2", "CP001", "wss://csms.example/ocpp/CP001?key=1&x=2"),
    ],
)
def test_the_identity_is_appended_percent_encoded(url: str, identity: str, dialled: str) -> None:
    """Endpoint, slash, identity (OCPP-J 1.6, section 3.1.1); one slash at the end is no second one, a query stays last."""
    assert endpoint_url(url, identity) == dialled


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://csms.example/ocpp", "begin with ws:// or wss://"),
        ("csms.example", "begin with ws:// or wss://"),
        ("", "begin with ws:// or wss://"),
        ("wss:///ocpp", "names no host"),
        ("wss://csms.example:99999/ocpp", "port"),
        ("wss://csms.example:0/ocpp", "port"),
        ("wss://CP001:hunter2@csms.example/ocpp", "do not belong into a URL"),
        ("wss://csms.example/ocpp#x", "fragment"),
        ("wss://csms.example/oc pp", "blank"),
        ("wss://csms.example/ocpp\r\nX: y", "blank"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_advice(url: str, advice: str) -> None:
    """The mistake is named before anything is dialled, without showing a password."""
    with pytest.raises(ValueError, match=advice) as caught:
        endpoint_url(url, "CP001")
    assert "hunter2" not in str(caught.value)


def test_a_station_needs_an_identity() -> None:
    """An empty identity would reach another path of the server."""
    with pytest.raises(ValueError, match="identity"):
        endpoint_url("wss://csms.example/ocpp", "")


def test_secrets_are_cut_from_shown_urls() -> None:
    """User, password and query are left out; what cannot be read is not shown at all."""
    assert without_secrets("wss://u:hunter2@csms.example:1/ocpp/CP1?token=hunter2#x") == "wss://csms.example:1/ocpp/CP1"
    assert without_secrets("wss://[hunter2") == "(unreadable URL)"


def test_credentials_keep_bytes_and_secrets() -> None:
    """A password is any bytes (1.6 keys are); it shows in the header only."""
    credentials = Credentials("CP1", bytes.fromhex("c3281f00ff"))
    assert credentials.header() == "Basic Q1AxOsMoHwD/"
    assert repr(credentials) == "Credentials('CP1', <password>)"
