"""CALLs to a station, a handler that obeys, and a proof of life."""

import asyncio

from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.sockets import WebSocket
from ocpp_client.v16 import (
    GetConfigurationRequest,
    GetConfigurationResponse,
    HeartbeatRequest,
    ResetResponse,
)
from tests.ocpp_client.lines import answer_heartbeat, hear, soon

RESET = '[2,"{}","Reset",{{"type":"Soft"}}]'
CONFIGURATION = '[2,"{}","GetConfiguration",{{}}]'


class Handling:
    """A station that notes what it was asked, and answers when it is told to."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()
        if at_once:
            self.go.set()

    async def __call__(self, call: Incoming) -> Reply:
        self.asked.append(call.message_id)
        await self.go.wait()
        if isinstance(call.request, GetConfigurationRequest):
            return Reply(GetConfigurationResponse())
        return Reply(ResetResponse(status="Accepted"))


async def alive(csms: WebSocket, peer: Peer) -> None:
    """Prove that the connection still carries calls in both directions."""
    calling = soon(peer.call(HeartbeatRequest()))
    await answer_heartbeat(csms)
    await calling
    await csms.send('[2,"alive?","Vanish",{}]')
    assert (await hear(csms))[:3] == [4, "alive?", "NotImplemented"]
