"""A CSMS in a process of its own: `python -m tests.lab.csms_process HOST PORT`. It accepts every boot."""

import asyncio
import sys
from collections.abc import Mapping

from ocpp_client.errors import ConnectionLost
from ocpp_client.sockets import WebSocket
from ocpp_client.websocket import serve
from tests.ocpp_client.stations import accepting


async def main(host: str, port: int) -> None:
    """Serve until killed."""

    async def handle(socket: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        try:
            await accepting(socket)
        except ConnectionLost:
            return

    async with await serve(handle, host, port, select_subprotocol=lambda offered: offered[0]):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
