"""Every test of this room is run with both backings."""

import pytest

from ocpp_client import websocket
from ocpp_client.micro import dial as micro
from tests.websocket_conformance.server import Dial

BACKINGS: dict[str, Dial] = {"websockets": websocket.connect, "micro": micro.connect}


@pytest.fixture(params=list(BACKINGS))
def connect(request: pytest.FixtureRequest) -> Dial:
    """What opens a WebSocket."""
    return BACKINGS[request.param]
