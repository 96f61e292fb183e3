"""provisional"""

import asyncio
import logging
from typing import TYPE_CHECKING

from ocpp_client.answers import AnswerCache
from ocpp_client.catalogue import catalogue
from ocpp_client.errors import OcppError
from ocpp_client.peer import Peer
from ocpp_client.websocket import connect

if TYPE_CHECKING:
    from firmware.app import App

log = logging.getLogger(__name__)


class Connection:
    def __init__(self, app: "App") -> None:
        self._app = app
        self._answers = AnswerCache()

    async def run(self) -> None:
        app = self._app
        while True:
            try:
                socket = await connect(f"{app.config.csms.url}/{app.config.station.id}", subprotocols=["ocpp1.6"])
                peer = Peer(
                    socket,
                    catalogue("ocpp1.6"),
                    handler=app.translator.handle,
                    answers=self._answers,
                    clock=app.clock,
                    new_id=app.around.new_id,
                )
                log.info("connected")
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(peer.run())
                    tasks.create_task(app.translator.session(peer, lambda: None))
            except* OcppError as error:
                log.warning("connection lost %s", error.exceptions)
            await app.clock.sleep(2.0)
