"""Fixtures of this room."""

import pytest

from ocpp_client import websocket
from ocpp_client.micro import dial as micro
from tests.ocpp_client import stations, wires


@pytest.fixture(params=["websockets", "micro"])
def each_backing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `wires` and `stations` dial with: the library, then our own."""
    connect = {"websockets": websocket.connect, "micro": micro.connect}[request.param]
    for module in (wires, stations):
        monkeypatch.setattr(module, "connect", connect)
