"""Fixtures of this room."""

import pytest

from ocpp_client import websocket
from ocpp_client.micro import dial as micro
from tests.ocpp_client import wires


@pytest.fixture(params=["websockets", "micro"])
def each_backing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `wires` dials with: the library, then our own."""
    monkeypatch.setattr(wires, "connect", {"websockets": websocket.connect, "micro": micro.connect}[request.param])
