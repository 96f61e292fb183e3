"""Security profiles, the small authority, files, and how much one station or address may ask for."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from websockets.exceptions import InvalidMessage

from csms.api.serving import ApiServer
from csms.app import Csms
from csms.authority import Authority, RequestRefused
from csms.config import CsmsConfig, FilesConfig, Limits, StationConfig
from csms.files import files_app
from csms.pace import Pace
from csms.passwords import hash_password
from csms.signing import signing
from tests.csms.conftest import PATIENCE_S, dialled, running
from tests.csms.test_door import HEARTBEAT, SALT, basic, turned_away

PASSWORD = b"0123456789abcdef"
HASHED = StationConfig(hash_password(PASSWORD, SALT))


def now() -> datetime:
    return datetime.now(UTC)


def csr_for(name: str) -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A new key and a request for a certificate of this name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return key, request.public_bytes(serialization.Encoding.PEM).decode()


def client_context(authority: Authority, directory: Path, name: str | None) -> ssl.SSLContext:
    """A client that trusts the authority and shows a certificate of this name, if any."""
    context = ssl.create_default_context(cadata=authority.certificate_pem)
    if name is not None:
        key, csr = csr_for(name)
        chain, private = directory / f"{name}.pem", directory / f"{name}-key.pem"
        chain.write_text(authority.sign(csr, name))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context.load_cert_chain(chain, private)
    return context


@pytest.fixture
def authority() -> Authority:
    return Authority.create("Test authority", now)


# --- profiles


async def test_profile_1_asks_for_a_password() -> None:
    """HTTP Basic over TCP: the right password gets in, none or a wrong one is answered 401."""
    async with running(security_profile=1, stations={"CP1": HASHED}) as csms:
        async with dialled(csms, additional_headers=basic("CP1", PASSWORD)) as raw:
            assert (await raw.ask(HEARTBEAT))[0] == 3
        assert (await turned_away(csms)).status_code == 401
        assert (await turned_away(csms, additional_headers=basic("CP1", b"wrong"))).status_code == 401


async def test_profile_0_asks_for_nothing() -> None:
    """For the bench: known stations get in without proof, even those with a password."""
    async with running(security_profile=0, stations={"CP1": HASHED}) as csms, dialled(csms) as raw:
        assert (await raw.ask(HEARTBEAT))[0] == 3


async def test_profile_2_is_a_password_over_tls(authority: Authority, tmp_path: Path) -> None:
    """Over TLS the same password is asked for; a client certificate does not replace it."""
    config = CsmsConfig(api_host=None, security_profile=2, stations={"CP1": HASHED})
    async with Csms(config, ssl=authority.server_context("127.0.0.1", tmp_path)) as csms:
        tls = client_context(authority, tmp_path, None)
        async with dialled(csms, ssl=tls, additional_headers=basic("CP1", PASSWORD)) as raw:
            assert (await raw.ask(HEARTBEAT))[0] == 3
        with_certificate = client_context(authority, tmp_path, "CP1")
        assert (await turned_away(csms, ssl=with_certificate)).status_code == 401


async def test_profile_3_takes_the_identity_from_the_certificate(authority: Authority, tmp_path: Path) -> None:
    """Mutual TLS: the certificate's common name must be the station's; no certificate or another's is answered 401."""
    stations = {"CP1": StationConfig(), "CP2": StationConfig(common_name="SN-0002")}
    config = CsmsConfig(api_host=None, security_profile=3, stations=stations)
    async with Csms(config, ssl=authority.server_context("127.0.0.1", tmp_path)) as csms:
        own = client_context(authority, tmp_path, "CP1")
        async with dialled(csms, "CP1", ssl=own) as raw:
            assert (await raw.ask(HEARTBEAT))[0] == 3
        async with dialled(csms, "CP2", ssl=client_context(authority, tmp_path, "SN-0002")) as raw:
            assert (await raw.ask(HEARTBEAT))[0] == 3
        assert (await turned_away(csms, "CP2", ssl=own)).status_code == 401
        assert (await turned_away(csms, "CP1", ssl=client_context(authority, tmp_path, None))).status_code == 401


async def test_a_certificate_of_somebody_else_s_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    """A certificate that this house did not sign ends the handshake, whatever name it has."""
    (tmp_path / "other").mkdir()
    other = client_context(Authority.create("Another", now), tmp_path / "other", "CP1")
    other.load_verify_locations(cadata=authority.certificate_pem)
    config = CsmsConfig(api_host=None, security_profile=3, stations={"CP1": StationConfig()})
    async with Csms(config, ssl=authority.server_context("127.0.0.1", tmp_path)) as csms:
        with pytest.raises((ssl.SSLError, ConnectionError, InvalidMessage)):
            async with dialled(csms, "CP1", ssl=other) as raw:
                await raw.ask(HEARTBEAT)


async def test_a_common_name_cannot_be_claimed_in_a_header() -> None:
    """What the server adds to the headers has names that no request can send."""
    async with running(security_profile=3, stations={"CP1": StationConfig()}) as csms:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(csms.ws_url.split(":")[2].split("/")[0]))
        writer.write(
            b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b":peer-common-name: CP1\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
        )
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read(100)
        assert b" 101 " not in answer
        writer.close()


@pytest.mark.parametrize("profile", [1, 2])
def test_a_profile_with_passwords_needs_them(profile: int) -> None:
    """A setting that would let anybody in is refused at the start."""
    with pytest.raises(ValueError, match="password hash for each station"):
        CsmsConfig(security_profile=profile)
    with pytest.raises(ValueError, match="password hash for each station"):
        CsmsConfig(security_profile=profile, stations={"CP1": StationConfig()})


# --- the authority


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
async def test_a_station_gets_its_certificate(authority: Authority, protocol: str) -> None:
    """SignCertificate is accepted, CertificateSigned follows, and the chain is the authority's for this station."""
    key, csr = csr_for("CP1")
    async with (
        Csms(CsmsConfig(api_host=None), router=signing(authority.sign)) as csms,
        dialled(csms, "CP1", (protocol,)) as raw,
    ):
        assert await raw.ask([2, "s1", "SignCertificate", {"csr": csr}]) == [3, "s1", {"status": "Accepted"}]
        call = await raw.receive()
        assert call[2] == "CertificateSigned"
        leaf, issuer = x509.load_pem_x509_certificates(call[3]["certificateChain"].encode())
        leaf.verify_directly_issued_by(issuer)
        assert leaf.public_key() == key.public_key()
        assert leaf.subject.rfc4514_string() == "CN=CP1"
        await raw.send([3, call[1], {"status": "Accepted"}])
        refused = await raw.ask([2, "s2", "SignCertificate", {"csr": csr_for("CP2")[1]}])
        assert refused[2]["status"] == "Rejected"


def test_an_authority_is_kept(tmp_path: Path) -> None:
    """The next start finds the authority of the one before; its key is for its owner only."""
    first = Authority.kept_in(tmp_path / "ca", "Test authority", now)
    again = Authority.kept_in(tmp_path / "ca", "Another name", now)
    assert again.certificate_pem == first.certificate_pem
    leaf, _ = x509.load_pem_x509_certificates(again.sign(csr_for("CP1")[1], "CP1").encode())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(first.certificate_pem.encode()))
    assert (tmp_path / "ca" / "authority-key.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("bits", "signed"), [(1024, False), (2048, True)])
def test_rsa_keys_are_signed_if_they_are_long_enough(authority: Authority, bits: int, signed: bool) -> None:
    """A station may have an RSA key, of 2048 bits or more."""
    key = rsa.generate_private_key(65_537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP1")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    csr = request.public_bytes(serialization.Encoding.PEM).decode()
    if signed:
        assert authority.sign(csr, "CP1").count("BEGIN CERTIFICATE") == 2
    else:
        with pytest.raises(RequestRefused, match="1024 bits"):
            authority.sign(csr, "CP1")


def test_a_broken_request_is_not_signed(authority: Authority) -> None:
    """A request that is none, or that was changed after it was signed, is refused."""
    with pytest.raises(RequestRefused, match="not a certificate signing request"):
        authority.sign("nonsense", "CP1")
    key, csr = csr_for("CP1")
    der = bytearray(x509.load_pem_x509_csr(csr.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(RequestRefused):
        authority.sign(forged, "CP1")
    assert key.curve.name == "secp256r1"


# --- files


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[str]:
    server = ApiServer(files_app(FilesConfig(tmp_path, "k3y"), max_upload_bytes=1000), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{await server.open()}/files"
    await server.close()


async def test_files_go_up_and_down(files: str, tmp_path: Path) -> None:
    """A log is stored under its name, by PUT or POST; firmware is read whole or in parts."""
    (tmp_path / "downloads" / "fw.bin").write_bytes(b"0123456789")
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.put(f"{files}/k3y/log.txt", content=b"x" * 1000)).status_code == 201
        assert (tmp_path / "uploads" / "log.txt").read_bytes() == b"x" * 1000
        assert (await client.post(f"{files}/k3y/log.txt", content=b"y")).status_code == 201
        assert (await client.get(f"{files}/k3y/fw.bin")).content == b"0123456789"
        part = await client.get(f"{files}/k3y/fw.bin", headers={"Range": "bytes=4-"})
        assert (part.status_code, part.content) == (206, b"456789")
        assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["log.txt"]


async def test_a_central_system_serves_its_files(tmp_path: Path) -> None:
    """With a directory the central system says where files are and which; without one it has none."""
    config = CsmsConfig(files=FilesConfig(tmp_path, "k3y"))
    async with Csms(config) as csms, httpx.AsyncClient(trust_env=False) as client:
        (tmp_path / "downloads" / "fw.bin").write_bytes(b"0123")
        assert (await client.put(f"{csms.files_url}/log.txt", content=b"x")).status_code == 201
        assert (await client.get(f"{csms.api_url}/files")).json() == {
            "url": csms.files_url,
            "downloads": [{"name": "fw.bin", "bytes": 4}],
            "uploads": [{"name": "log.txt", "bytes": 1}],
        }
        assert "k3y" not in repr(csms.config)
    async with Csms() as csms, httpx.AsyncClient(trust_env=False) as client:
        assert csms.files_url is None
        assert (await client.get(f"{csms.api_url}/files")).status_code == 404
    with pytest.raises(ValueError, match="key"):
        FilesConfig(tmp_path, "")


async def test_a_taken_port_for_files_leaves_no_door_open(tmp_path: Path) -> None:
    """A file endpoint that cannot be opened is an error at the start, and the doors that were open are closed again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        csms = Csms(CsmsConfig(files=FilesConfig(tmp_path, "k3y", port=taken.getsockname()[1])))
        with pytest.raises(OSError, match="in use"):
            await csms.start()
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{csms.api_url}/health")


@pytest.mark.parametrize("path", ["wrong/log.txt", "k3y/..%2Fx", "k3y/.hidden", "k3y/a%00b", "k3y/" + "x" * 101])
async def test_no_other_place_can_be_reached(files: str, tmp_path: Path, path: str) -> None:
    """Without the key, or with a name that is a path, there is nothing."""
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.put(f"{files}/{path}", content=b"x")).status_code == 404
        assert (await client.get(f"{files}/{path}")).status_code == 404
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_file_that_is_too_long_leaves_nothing(files: str, tmp_path: Path) -> None:
    """One byte too many is answered 413, and what had come is removed."""
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.put(f"{files}/k3y/log.txt", content=b"x" * 1001)).status_code == 413
    assert list((tmp_path / "uploads").iterdir()) == []


# --- rates


def test_a_pace_lets_bursts_through_and_spreads_the_rest() -> None:
    """So many at once, then as many as the rate allows; a pause earns a new burst, never more."""
    pace = Pace(2.0, 3)
    assert [pace.wait_s(10.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.5, 1.0]
    assert pace.wait_s(100.0) == 0.0
    assert [pace.wait_s(100.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert Pace(None, 1).wait_s(0.0) == 0.0


async def test_a_hasty_station_is_slowed_down_and_loses_nothing() -> None:
    """Messages beyond the rate are answered later, all of them."""
    loop = asyncio.get_running_loop()
    async with running(limits=Limits(messages_per_s=20, messages_at_once=1)) as csms, dialled(csms) as raw:
        begun_s = loop.time()
        for number in range(5):
            await raw.send([2, str(number), "Heartbeat", {}])
        answers: list[Any] = [await raw.receive() for _ in range(5)]
        assert [answer[1] for answer in answers] == [json.dumps(number) for number in range(5)]
        assert loop.time() - begun_s >= 0.19
