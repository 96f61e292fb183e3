"""How one attempt is dialled: TLS context, interface, proxy; and a look at the chain when a certificate was refused.

On a mock board with a network the dial goes through the world's relay, so that a network cut there is a cut of real sockets.
"""

import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from firmware.config import CsmsTable
from firmware.errors import ConfigError
from firmware.uplink.rota import Endpoint
from ocpp_client.dialling import host_and_port
from ocpp_client.errors import TlsFailed
from ocpp_client.sockets import WebSocket
from ocpp_client.tls import TlsFiles, TlsFilesInvalid, Window, client_context
from ocpp_client.tls_chain import ServedCertificate, served_chain

if TYPE_CHECKING:
    from hal.mock.relay import Relay

log = logging.getLogger(__name__)

LOOK_TIMEOUT_S: Final = 5.0

Connect = Callable[..., Awaitable[WebSocket]]
"""Opens a WebSocket; its signature is that of `ocpp_client.websocket.connect`."""


class Material(Protocol):
    """What TLS is dialled with, asked anew for each attempt."""

    def roots(self) -> Path | None:
        """The file of CSMS roots, None for those of the system. Raises OSError."""

    def client(self) -> tuple[Path, Path | None] | None:
        """The station's chain and its key, which may be in the same file; None where there is none."""

    def anchored(self, fingerprint: str) -> None:
        """The server's chain ends at the root with this SHA-256 fingerprint."""


class ConfiguredFiles:
    """The files that the configuration names."""

    def __init__(self, csms: CsmsTable) -> None:
        self._csms = csms

    def roots(self) -> Path | None:
        """`ca_file`."""
        return _path(self._csms.ca_file)

    def client(self) -> tuple[Path, Path | None] | None:
        """`client_certificate_file` and `client_key_file`."""
        chain = _path(self._csms.client_certificate_file)
        return None if chain is None else (chain, _path(self._csms.client_key_file))

    def anchored(self, fingerprint: str) -> None:
        """Nobody asks."""


class Dialler:
    """Dials endpoints of one configuration. Raises ConfigError where the WebSocket library asked for is not installed."""

    def __init__(self, csms: CsmsTable, material: Material | None = None) -> None:
        """Without `material` the files of the configuration are used."""
        self._csms = csms
        self._material = material or ConfiguredFiles(csms)
        self._connect = backing(csms.websocket)
        self.endpoint = Endpoint(csms.ways[0].url)
        self.relay: Relay | None = None
        self.chain: tuple[ServedCertificate, ...] = ()
        """What the server presented when it was last refused for its certificate; empty after any other attempt."""

    def context(self, window: Window | None, *, mutual: bool) -> ssl.SSLContext:
        """The TLS context; files are read anew, so that renewed ones count. Raises TlsFilesInvalid."""
        try:
            roots = self._material.roots()
        except OSError as error:
            raise TlsFilesInvalid(str(error)) from error
        chain, key = (self._material.client() if mutual else None) or (None, None)
        files = TlsFiles(roots=roots, client_chain=chain, client_key=key)
        return client_context(files, window=window, anchored=self._material.anchored)

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
