"""How one attempt is dialled: TLS context, interface, proxy; and a look at the chain when a certificate was refused.

On a mock board with a network the dial goes through the world's relay, so that a network cut there is a cut of real sockets.
"""

import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from firmware.config import ConfigError, CsmsTable
from firmware.uplink.rota import Endpoint
from ocpp_client.dialling import host_and_port
from ocpp_client.errors import TlsFailed
from ocpp_client.sockets import WebSocket
from ocpp_client.tls import TlsFiles, Window, client_context
from ocpp_client.tls_chain import ServedCertificate, served_chain

if TYPE_CHECKING:
    from hal.mock.relay import Relay

log = logging.getLogger(__name__)

LOOK_TIMEOUT_S: Final = 5.0

Connect = Callable[..., Awaitable[WebSocket]]
"""Opens a WebSocket; its signature is that of `ocpp_client.websocket.connect`."""


class Dialler:
    """Dials endpoints of one configuration. Raises ConfigError where the WebSocket library asked for is not installed."""

    def __init__(self, csms: CsmsTable) -> None:
        self._csms = csms
        self._connect = backing(csms.websocket)
        self.endpoint = Endpoint(csms.ways[0].url)
        self.relay: Relay | None = None
        self.chain: tuple[ServedCertificate, ...] = ()
        """What the server presented when it was last refused for its certificate; empty after any other attempt."""

    def context(self, window: Window | None, *, mutual: bool) -> ssl.SSLContext:
        """The TLS context; files are read anew, so that renewed ones count. Raises TlsFilesInvalid."""
        csms = self._csms
        files = TlsFiles(
            roots=_path(csms.ca_file),
            client_chain=_path(csms.client_certificate_file) if mutual else None,
            client_key=_path(csms.client_key_file) if mutual else None,
        )
        return client_context(files, window=window)

    async def __call__(self, url: str, **options: Any) -> WebSocket:
        """Dial as `ocpp_client.link.Dial` wants it."""
        self.chain = ()
        host, port = host_and_port(url)
        address = None if self.relay is None else await self.relay.route(host, port)
        through, proxy = self.endpoint.interface, self.endpoint.proxy
        try:
            return await self._connect(
                url,
                address=address,
                interface=through,
                proxy=proxy,
                max_size=self._csms.max_received_bytes,
                fragment_bytes=self._csms.fragment_bytes,
                **options,
            )
        except TlsFailed as failed:
            if failed.verify_code is not None and self.endpoint.proxy is None:
                self.chain = await self._look(host, port, address)
            raise

    async def _look(self, host: str, port: int, address: tuple[str, int] | None) -> tuple[ServedCertificate, ...]:
        there = (host, port) if address is None else address
        try:
            return await served_chain(*there, server_name=host, timeout_s=LOOK_TIMEOUT_S)
        except OSError as error:
            log.info("chain not seen host=%s error=%s", host, error)
            return ()


def backing(name: Literal["websockets", "micro"]) -> Connect:
    """Return what opens a WebSocket. Only the one that is asked for is loaded. Raises ConfigError if it is not installed."""
    if name == "micro":
        from ocpp_client.micro.dial import connect as micro_connect  # noqa: PLC0415

        return micro_connect
    try:
        from ocpp_client.websocket import connect  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f'csms.websocket: {error}; install it, or set csms.websocket = "micro"') from error
    return connect


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
