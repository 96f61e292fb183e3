"""The station's link to its central system: what to dial, with which credentials, and who talks on it.

On a mock board with a network the dial goes through the world's relay, so that a network cut there is a cut of real sockets.
"""

import logging
import ssl as tls
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from firmware.config import CsmsTable
from firmware.core import events as ev
from firmware.core.settings import PING_INTERVAL_S
from ocpp_client.answers import AnswerCache
from ocpp_client.backoff import Backoff, BackoffPolicy
from ocpp_client.catalogue import catalogue
from ocpp_client.endpoint import Credentials, Target, endpoint_url
from ocpp_client.link import Connected, Link, LinkOptions
from ocpp_client.link_status import LinkStatus
from ocpp_client.peer import Peer
from ocpp_client.sockets import WebSocket
from ocpp_client.websocket import connect

if TYPE_CHECKING:
    from firmware.app import App
    from hal.mock.relay import Relay

log = logging.getLogger(__name__)

DEFAULT_PORTS = {"ws": 80, "wss": 443}


class Connection:
    """Owns the link for one run of the program."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._answers = AnswerCache()
        self._relay: Relay | None = None
        self._listeners: list[Callable[[LinkStatus], None]] = []
        settings = app.engine.station.settings
        self.link = Link(
            target=self._target,
            open_peer=self._peer,
            session=self._session,
            backoff=Backoff(_policy(app.config.csms), app.around.rng),
            clock=app.clock,
            on_change=self._changed,
            options=LinkOptions(pong_timeout_s=app.config.csms.pong_timeout_s),
            ping_interval_s=float(settings[PING_INTERVAL_S]),
            dial=self._dial,
        )
        app.engine.observe(self._observe)

    def listen(self, listener: Callable[[LinkStatus], None]) -> None:
        """Be told of each change of the link's state."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        async with AsyncExitStack() as stack:
            board = self._app.board
            if board.world is not None and board.network is not None:
                from hal.mock.relay import Relay  # noqa: PLC0415 - a real board loads nothing of the mock world

                self._relay = await stack.enter_async_context(Relay(board.world.network))
            await self.link.run()

    async def stop(self) -> None:
        """Close the connection politely; about a second at the most."""
        await self.link.stop()

    # ---- what the link asks -----------------------------------------------------------------------------------------------

    def _target(self) -> Target:
        csms, identity = self._app.config.csms, self._app.config.station.id
        missing_ok = csms.accept_missing_subprotocol
        return Target(
            url=endpoint_url(csms.url, identity),
            protocols=tuple(csms.protocols),
            credentials=self._credentials(),
            ssl=_context(csms.ca_file) if csms.url.startswith("wss:") else None,
            compression=csms.compression,
            accept_missing_subprotocol=True if missing_ok is None else missing_ok,
        )

    def _credentials(self) -> Credentials | None:
        csms = self._app.config.csms
        if csms.security_profile not in (1, 2):
            return None
        text = (csms.password or "").encode()
        password = text if csms.password_hex is None else bytes.fromhex(csms.password_hex)
        return Credentials(self._app.config.station.id, password)

    async def _dial(self, url: str, **options: Any) -> WebSocket:
        address = None
        if self._relay is not None:
            parts = urlsplit(url)
            address = await self._relay.route(parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])
        return await connect(url, address=address, **options)

    def _peer(self, socket: WebSocket, protocol: str) -> Peer:
        app = self._app
        return Peer(
            socket,
            catalogue(protocol),
            handler=app.translator.handle,
            answers=self._answers,
            clock=app.clock,
            new_id=app.around.new_id,
            on_frame=app.frames.note,
            max_message_bytes=app.config.csms.max_message_bytes,
        )

    async def _session(self, connected: Connected) -> None:
        await self._app.translator.session(connected.peer, connected.accepted)

    # ---- what changes -------------------------------------------------------------------------------------------------------

    def _changed(self, status: LinkStatus) -> None:
        for listener in self._listeners:
            listener(status)

    def _observe(self, event: ev.Event) -> None:
        if isinstance(event, ev.SettingChanged) and event.setting == PING_INTERVAL_S.id:
            self.link.set_ping_interval(float(self._app.engine.station.settings[PING_INTERVAL_S]))


def _policy(csms: CsmsTable) -> BackoffPolicy:
    return BackoffPolicy(start_s=csms.backoff_start_s, cap_s=max(csms.backoff_cap_s, csms.backoff_start_s))


def _context(ca_file: str | None) -> tls.SSLContext:
    """TLS 1.2 or newer, chain and host name verified against the given roots or the system's."""
    context = tls.create_default_context(cafile=ca_file)
    context.minimum_version = tls.TLSVersion.TLSv1_2
    return context
