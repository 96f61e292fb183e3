"""Security profiles, passwords, roots and certificates of the station, changed over OCPP 1.6 on real sockets with real TLS.

Security whitepaper, edition 3: use cases A01, A02, A05 and M05.
"""

import asyncio
import base64
import datetime as dt
import ipaddress
import random
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from boards import find_board, load_board
from firmware.app import App, Surroundings
from firmware.config import load_config
from firmware.services.certificates import Use
from hal.clocks import SystemClock
from tests.process.running import free_port
from tests.services.pki import Signer, answer, make, root
from tests.station.scripted import Scripted

PATIENCE_S = 15.0
OLD_KEY, NEW_KEY = "an old password of the station", "00112233445566778899aabbccddeeff00112233"
BEGINS = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
ACCEPTED = {"status": "Accepted"}


def authority(name: str) -> Signer:
    """A root that is valid now."""
    return root(name, begins=BEGINS)


def server_context(issuer: Signer, directory: Path, *, clients: Signer | None = None) -> ssl.SSLContext:
    """TLS of a server at 127.0.0.1; with `clients` it wants a certificate that this authority signed."""
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = make("csms", issuer, begins=BEGINS, extensions=(names,))
    private = leaf.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = directory / f"server-{uuid.uuid4().hex}.pem"
    file.write_bytes(private + leaf.pem.encode() + issuer.pem.encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if clients is not None:
        context.load_verify_locations(cadata=clients.pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Central:
    """A central system on one port that can be taken down and put up again with other certificates."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.csms = Scripted(lambda: dt.datetime.now(dt.UTC).timestamp())
        self.passwords: list[bytes | None] = []  # of each attempt
        self.right: set[bytes] | None = None  # those that are let in; None: everybody
        self.subjects: list[str | None] = []  # common names of client certificates
        self._server: Any = None

    async def up(self, context: ssl.SSLContext | None = None) -> None:
        """Listen."""
        self._server = await serve(
            self.csms._serve,
            "127.0.0.1",
            self.port,
            ssl=context,
            compression=None,
            process_request=self._check,
            select_subprotocol=lambda *_: "ocpp1.6",  # type: ignore[arg-type]
        )

    async def down(self) -> None:
        """Gone."""
        for connection in self.csms.connections:
            connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        header = request.headers.get("Authorization", "")
        pair = base64.b64decode(header.removeprefix("Basic ")) if header else None
        password = None if pair is None else pair.partition(b":")[2]
        self.passwords.append(password)
        tls = connection.transport.get_extra_info("ssl_object")
        shown = None if tls is None else tls.getpeercert()
        names = {key: value for part in (shown or {}).get("subject", ()) for key, value in part}
        self.subjects.append(names.get("commonName"))
        if self.right is not None and password not in self.right:
            return connection.respond(401, "no\n")
        return None

    async def set_key(self, name: str, value: str) -> dict[str, Any]:
        """ChangeConfiguration."""
        return await self.csms.ask("ChangeConfiguration", {"key": name, "value": value})

    async def connected(self, count: int) -> None:
        """Wait for so many connections."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.csms.connections) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def station(directory: Path, settings: dict[str, str], file: Path | None = None) -> AsyncIterator[App]:
    """The whole program; state in `directory`."""
    usual = {
        "control.enabled": "false",
        "csms.backoff_start_s": "0.5",
        "csms.backoff_cap_s": "1",
        "csms.attempts_per_endpoint": "1",
        "station.serial_number": "K22-0001",
        "ocpp16.CpoName": "Operator",
    }
    config = load_config(file, environment={}, overrides={**usual, **settings})
    clock = SystemClock(asyncio.get_running_loop(), boot=str(uuid.uuid4()))
    around = Surroundings(clock, random.Random(1), lambda: str(uuid.uuid4()), directory / "state")
    board = load_board(find_board("mock")).model_copy(update={"network": None})
    app = await App.open(config, board, around)
    running = asyncio.create_task(app.run())
    try:
        yield app
    finally:
        app.stop()
        await running


async def until(condition: Any) -> None:
    """Wait for anything."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def online(app: App) -> None:
    """Wait until the central system has accepted the station."""
    await until(lambda: app.engine.station.context.online)


async def test_a_new_authorization_key_is_answered_on_the_old_connection_and_used_on_the_next(tmp_path: Path) -> None:
    """Accepted; then a new connection with the bytes that the hexadecimal digits stand for."""
    central = Central(free_port())
    await central.up()
    url = f"ws://127.0.0.1:{central.port}"
    async with station(tmp_path, {"csms.url": url, "csms.security_profile": "1", "csms.password": OLD_KEY}) as app:
        await online(app)
        assert await central.set_key("AuthorizationKey", NEW_KEY) == ACCEPTED
        await central.connected(2)
        assert central.passwords == [OLD_KEY.encode(), bytes.fromhex(NEW_KEY)]
    await central.down()


async def test_a_key_that_is_refused_gives_way_to_the_old_one(tmp_path: Path) -> None:
    """Three attempts, then the old one again."""
    central = Central(free_port())
    central.right = {OLD_KEY.encode()}
    await central.up()
    url = f"ws://127.0.0.1:{central.port}"
    async with station(tmp_path, {"csms.url": url, "csms.security_profile": "1", "csms.password": OLD_KEY}) as app:
        await online(app)
        await central.set_key("AuthorizationKey", NEW_KEY)
        await central.connected(2)
        assert [each == OLD_KEY.encode() for each in central.passwords] == [True, False, False, False, True]
    await central.down()


async def test_the_profile_rises_from_password_to_tls_to_a_certificate_of_the_station(tmp_path: Path) -> None:
    """1 to 2 with an installed root, 2 to 3 with a certificate that was asked for; each needs what it rests on; no way back."""
    plain, secure = Central(free_port()), Central(free_port())
    servers, stations = authority("Servers"), authority("Stations")
    context = server_context(servers, tmp_path, clients=stations)
    context.verify_mode = ssl.CERT_OPTIONAL
    await plain.up()
    await secure.up(context)
    ways = [f"ws://127.0.0.1:{plain.port}", f"wss://127.0.0.1:{secure.port}"]
    file = tmp_path / "wayside.toml"
    endpoints = "".join(f'[[csms.endpoints]]\nurl = "{way}"\n' for way in ways)
    await asyncio.to_thread(
        file.write_text, f'[csms]\nsecurity_profile = 1\npassword = "{OLD_KEY}"\n{endpoints}', encoding="utf-8"
    )
    async with station(tmp_path, {}, file) as app:
        await online(app)
        assert await plain.set_key("SecurityProfile", "2") == {"status": "Rejected"}
        installed = {"certificateType": "CentralSystemRootCertificate", "certificate": servers.pem}
        assert await plain.csms.ask("InstallCertificate", installed) == ACCEPTED
        assert await plain.set_key("SecurityProfile", "2") == ACCEPTED
        await secure.connected(1)
        await online(app)
        assert secure.passwords == [OLD_KEY.encode()]
        assert await secure.set_key("SecurityProfile", "3") == {"status": "Rejected"}
        trigger = {"requestedMessage": "SignChargePointCertificate"}
        assert await secure.csms.ask("ExtendedTriggerMessage", trigger) == ACCEPTED
        request = (await secure.csms.heard("SignCertificate")).payload["csr"]
        chain = answer(request, stations, begins=BEGINS)
        assert await secure.csms.ask("CertificateSigned", {"certificateChain": chain}) == ACCEPTED
        assert await secure.set_key("SecurityProfile", "3") == ACCEPTED
        await secure.connected(2)
        await online(app)
        assert secure.passwords == [OLD_KEY.encode(), None]
        assert secure.subjects == [None, "K22-0001"]
        assert await secure.set_key("SecurityProfile", "2") == {"status": "Rejected"}
        listed = await secure.csms.ask(
            "GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}
        )
        deleted = {"certificateHashData": listed["certificateHashData"][0]}
        assert await secure.csms.ask("DeleteCertificate", deleted) == {"status": "Failed"}
    await plain.down()
    await secure.down()


async def test_a_profile_that_cannot_connect_gives_way_to_the_old_one(tmp_path: Path) -> None:
    """A server without TLS: the station is back with profile 1 after three attempts, and says so in its key."""
    central = Central(free_port())
    await central.up()
    settings = {
        "csms.url": f"ws://127.0.0.1:{central.port}",
        "csms.security_profile": "1",
        "csms.password": OLD_KEY,
    }
    async with station(tmp_path, settings) as app:
        await online(app)
        installed = {"certificateType": "CentralSystemRootCertificate", "certificate": authority("Any").pem}
        await central.csms.ask("InstallCertificate", installed)
        assert await central.set_key("SecurityProfile", "2") == ACCEPTED
        await central.connected(2)
        found = await central.csms.ask("GetConfiguration", {"key": ["SecurityProfile"]})
        assert found["configurationKey"][0]["value"] == "1"
    await central.down()


async def test_an_old_root_is_kept_until_its_successor_has_proved_itself(tmp_path: Path) -> None:
    """AdditionalRootCertificateCheck: a server that still shows the old chain is reached; one with the new chain ends the old root."""
    central = Central(free_port())
    old = authority("Old")
    new = make("New", old, authority=True, begins=BEGINS)
    await central.up(server_context(old, tmp_path))
    settings = {
        "csms.url": f"wss://127.0.0.1:{central.port}",
        "csms.security_profile": "2",
        "csms.password": OLD_KEY,
        "security.additional_root_check": "true",
    }
    use = "CentralSystemRootCertificate"
    async with station(tmp_path, settings) as app:
        # the system's roots do not know this server; the first root comes by a technician's hand
        await app.services.certificates.install(Use.CSMS_ROOT, old.pem)
        await online(app)
        added = {"certificateType": use, "certificate": new.pem}
        assert await central.csms.ask("InstallCertificate", added) == ACCEPTED
        app.connection.reconnect("the test wants it")
        await central.connected(2)
        await online(app)
        listed = await central.csms.ask("GetInstalledCertificateIds", {"certificateType": use})
        assert len(listed["certificateHashData"]) == 2
        await central.down()
        await central.up(server_context(new, tmp_path))
        await until(lambda: not app.engine.station.context.online)
        app.connection.reconnect("the test wants it")
        await central.connected(3)
        await online(app)
        listed = await central.csms.ask("GetInstalledCertificateIds", {"certificateType": use})
        assert len(listed["certificateHashData"]) == 1
    await central.down()
