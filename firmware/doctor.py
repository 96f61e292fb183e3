"""The checks of `wayside doctor`: what a technician would look at, in the order in which one thing rests upon another.

Each endpoint is gone through from the name to the boot; after the first thing that fails, what rests upon it is not checked.
The connection is a real one: a CSMS that keeps one connection for each station drops that of a running program meanwhile.
"""

import asyncio
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from firmware import __version__
from firmware.config import Config, EndpointTable
from firmware.connection import configured_access
from firmware.identity import Identity
from firmware.uplink.access import BASIC, MUTUAL
from firmware.uplink.dialling import Dialler
from firmware.uplink.rota import Endpoint
from firmware.uplink.sntp import inquire
from ocpp_client.answers import AnswerCache
from ocpp_client.catalogue import catalogue
from ocpp_client.causes import WORDS
from ocpp_client.clock import LoopClock
from ocpp_client.diagnosis import Circumstances, find_cause
from ocpp_client.dialling import dial_error, host_and_port, plainly
from ocpp_client.endpoint import Credentials, endpoint_url
from ocpp_client.errors import CallFailed, ConnectionLost, DialError, NameUnresolved, OcppError, Refuse, Unreachable
from ocpp_client.link_status import Drop
from ocpp_client.messages import Request
from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.sockets import WebSocket
from ocpp_client.timegate import SERVER_TOLERANCE_S, TimeView, window
from ocpp_client.tls import TlsFilesInvalid, Window
from ocpp_client.tls_chain import ServedCertificate, served_chain

STEP_TIMEOUT_S: Final = 10.0
BOOT_TIMEOUT_S: Final = 30.0


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "good"
    BAD = "bad"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check."""

    check: str
    verdict: Verdict
    says: str
    next_step: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


class _Stop(Exception):
    """Nothing that comes after can be checked."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


class Doctor:
    """Examines one configuration. `look` tells of the clock, `traces` what else the machine shows of its time."""

    def __init__(
        self,
        config: Config,
        look: Callable[[], TimeView],
        *,
        boot: bool,
        traces: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._config = config
        self._look = look
        self._traces = traces
        self._boot = boot
        self._dialler = Dialler(config.csms)
        self._window: Window | None = None  # certificates are judged by it, where the machine's clock is not believed

    async def examine(self) -> AsyncIterator[Finding]:
        """Every check, as it is made."""
        ways = sorted(self._config.csms.ways, key=lambda way: way.priority)
        yield Finding("configuration", Verdict.GOOD, f"identity {self._config.station.id}, {len(ways)} endpoint(s)")
        view = self._look()
        servers = self._config.clock.sntp_servers
        if servers and not view.synchronised:
            finding, view = await self._time_servers(servers, view)
            yield finding
        else:
            yield self._clock(view)
        if view.synchronised and not view.kept_by_system:
            self._window = window(view, SERVER_TOLERANCE_S)
        for way in ways:
            yield Finding("endpoint", Verdict.GOOD, way.url)
            try:
                async for finding in self._endpoint(way, view):
                    yield finding
            except _Stop as stop:
                yield stop.finding

    def _clock(self, view: TimeView) -> Finding:
        if view.synchronised and view.wall_s >= view.floor_s:
            return Finding("clock", Verdict.GOOD, "a time source keeps the clock")
        if not any(way.url.startswith("wss:") for way in self._config.csms.ways):
            return Finding("clock", Verdict.NOT_CHECKED, "no time source keeps the clock; without TLS the CSMS sets it")
        if view.wall_s < view.floor_s:
            says = "the clock is wrong: it shows a time before this program was made"
        else:
            says = "no time source keeps the clock"
        next_step = "start a time daemon (chrony, systemd-timesyncd) and check its servers, or name servers in [clock]"
        return Finding("clock", Verdict.BAD, says, next_step, self._traces())

    async def _time_servers(self, servers: Sequence[str], view: TimeView) -> tuple[Finding, TimeView]:
        """What the station's own servers say, where nobody keeps the machine's clock; and the time by them."""
        loop = asyncio.get_running_loop()
        told = await inquire(servers, loop.time)
        evidence = {"answers": told.answers, "servers": len(servers), "failures": dict(told.failures)}
        if told.zero_s is None:
            says = f"no time source keeps the clock, and {told.answers} of {len(servers)} time servers answer: too few agree"
            next_step = "check the servers in [clock] and whether UDP port 123 gets through"
            return Finding("clock", Verdict.BAD, says, next_step, evidence), view
        now_s = told.zero_s + loop.time()
        if now_s < view.floor_s:
            says, next_step = (
                "the time servers tell a time that has passed for certain",
                "take other servers in [clock]",
            )
            return Finding("clock", Verdict.BAD, says, next_step, evidence), view
        says = f"{told.answers} of {len(servers)} time servers answer; the machine's clock is off by {now_s - view.wall_s:+.0f} s"
        found = TimeView(True, now_s, view.floor_s, kept_by_system=False)
        return Finding("clock", Verdict.GOOD, says, evidence=evidence), found

    async def _endpoint(self, way: EndpointTable, view: TimeView) -> AsyncIterator[Finding]:
        host, port = host_and_port(way.url)
        if way.proxy is None:
            yield await self._name(way, host, port)
            yield await self._tcp(way, host, port)
        context: ssl.SSLContext | None = None
        if way.url.startswith("wss:"):
            context = self._context(way)
            if way.proxy is None:
                yield await self._tls(way, host, port, context, view)
        websocket = await self._upgrade(way, context, view)
        try:
            yield Finding("upgrade", Verdict.GOOD, f"the server at {websocket.peer_address} accepts the WebSocket")
            yield self._subprotocol(websocket)
            yield await self._booted(websocket)
        finally:
            await websocket.close()

    async def _name(self, way: EndpointTable, host: str, port: int) -> Finding:
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise _Stop(_bad("dns", NameUnresolved(url=way.url, number=None, text="no answer"))) from None
        except (socket.gaierror, UnicodeError) as error:
            number = error.errno if isinstance(error, socket.gaierror) else None
            raise _Stop(_bad("dns", NameUnresolved(url=way.url, number=number, text=str(error)))) from None
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        return Finding("dns", Verdict.GOOD, f"{host} is {', '.join(addresses)}", evidence={"addresses": addresses})

    async def _tcp(self, way: EndpointTable, host: str, port: int) -> Finding:
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                _, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            number = error.errno
            raise _Stop(
                _bad("tcp", Unreachable(url=way.url, number=number, text=plainly(error) or "no answer"))
            ) from None
        writer.transport.abort()
        took_ms = (asyncio.get_running_loop().time() - begun) * 1000
        return Finding(
            "tcp", Verdict.GOOD, f"port {port} answers in {took_ms:.0f} ms", evidence={"took_ms": round(took_ms, 1)}
        )

    def _context(self, way: EndpointTable) -> ssl.SSLContext:
        try:
            return self._dialler.context(self._window, mutual=configured_access(self._config.csms).profile == MUTUAL)
        except TlsFilesInvalid as error:
            raise _Stop(Finding("tls", Verdict.BAD, str(error), "correct the file named", {"url": way.url})) from None

    async def _tls(self, way: EndpointTable, host: str, port: int, context: ssl.SSLContext, view: TimeView) -> Finding:
        """What comes is shown; whether it is believed is told by a verified handshake."""
        try:
            chain = await served_chain(host, port, server_name=host, timeout_s=STEP_TIMEOUT_S)
        except OSError:
            chain = ()  # the verified handshake below says why
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        except OSError as error:
            raise _Stop(_tls_failure(way.url, error, view, chain)) from None
        version = writer.get_extra_info("ssl_object").version()
        writer.transport.abort()
        shown = [one.summary() for one in chain]
        return Finding(
            "tls", Verdict.GOOD, f"{version}, {chain[0].summary() if chain else 'verified'}", evidence={"chain": shown}
        )

    async def _upgrade(self, way: EndpointTable, context: ssl.SSLContext | None, view: TimeView) -> WebSocket:
        csms, identity = self._config.csms, self._config.station.id
        access = configured_access(csms)
        headers: dict[str, str] = {}
        if access.profile in BASIC:
            headers["Authorization"] = Credentials(identity, access.password or b"").header()
        self._dialler.endpoint = Endpoint(way.url, way.priority, way.interface, way.proxy)
        try:
            return await self._dialler(
                endpoint_url(way.url, identity),
                subprotocols=csms.protocols,
                headers=headers,
                ssl=context,
                open_timeout_s=STEP_TIMEOUT_S,
            )
        except DialError as error:
            raise _Stop(_bad("upgrade", error, Circumstances(clock_trusted=view.synchronised))) from None

    def _subprotocol(self, websocket: WebSocket) -> Finding:
        if websocket.subprotocol is not None:
            return Finding("subprotocol", Verdict.GOOD, f"{websocket.subprotocol} is agreed")
        offered = ", ".join(self._config.csms.protocols)
        says = f"the server names no OCPP version; offered was {offered}"
        next_step = "enable the version at the server; accept_missing_subprotocol tells whether the station goes on"
        return Finding("subprotocol", Verdict.BAD, says, next_step)

    async def _booted(self, websocket: WebSocket) -> Finding:
        protocol = websocket.subprotocol or self._config.csms.protocols[0]
        if not self._boot:
            return Finding("boot", Verdict.NOT_CHECKED, "not asked for")
        peer = Peer(
            websocket,
            catalogue(protocol),
            handler=_refuse,
            answers=AnswerCache(),
            clock=LoopClock(),
            new_id=lambda: str(uuid.uuid4()),
            call_timeout_s=BOOT_TIMEOUT_S,
        )
        reading = asyncio.create_task(peer.run())
        try:
            answer = await peer.call(self._boot_request(protocol))
        except (CallFailed, ConnectionLost) as error:
            return _bad("boot", error)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if answer.status == "Accepted":
            return Finding("boot", Verdict.GOOD, f"the CSMS accepts the station, heartbeat every {answer.interval} s")
        says = f"the CSMS answers {answer.status}"
        return Finding("boot", Verdict.BAD, says, "register and admit this identity in the CSMS")

    def _boot_request(self, protocol: str) -> Request[Any]:
        """As the station itself says it. Messages are built on first use, so only those of this version."""
        if protocol == "ocpp1.6":
            from firmware.ocpp16.boot import BOOT  # noqa: PLC0415
        else:
            from firmware.ocpp201.boot import BOOT  # noqa: PLC0415
        station = self._config.station
        return BOOT.render(Identity(station.vendor, station.model, firmware_version=__version__), False)


async def _refuse(_: Incoming) -> Reply:
    raise Refuse("NotSupported", "an examination of the connection")


def _bad(check: str, error: OcppError, around: Circumstances | None = None) -> Finding:
    drop = Drop.of(error, at=0.0, lasted_s=None)
    words = WORDS[find_cause(drop, around or Circumstances())]
    return Finding(check, Verdict.BAD, f"{words.says}: {error}", f"check {words.check_first}", dict(drop.evidence))


def _tls_failure(url: str, error: OSError, view: TimeView, chain: tuple[ServedCertificate, ...]) -> Finding:
    failure = dial_error(url, error, STEP_TIMEOUT_S)
    trusted = view.synchronised and view.wall_s >= view.floor_s
    found = _bad("tls", failure, Circumstances(clock_trusted=trusted, chain=chain))
    evidence = {**found.evidence, "chain": [one.summary() for one in chain]}
    return Finding("tls", Verdict.BAD, found.says, found.next_step, evidence)
