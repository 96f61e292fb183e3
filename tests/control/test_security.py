"""Who may ask."""

import asyncio
import logging
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware.control.address import Address
from firmware.control.client import ControlClient
from tests.control.station import Station, station

TOKEN = "a-control-token-of-some-length"


def port_of(one: Station) -> int:
    """Where it listens."""
    port = one.http.base_url.port
    assert port is not None
    return port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
async def test_loopback_names_may_be_asked(tmp_path: Path, host: str) -> None:
    """Every name of the loopback interface is ours."""
    async with station(tmp_path) as one:
        answer = await one.http.get("/health", headers={"Host": f"{host}:{port_of(one)}"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:1", "127.0.0.1", "", "a@127.0.0.1:{port}"],
)
async def test_a_page_whose_name_was_pointed_here_gets_nothing(tmp_path: Path, host: str) -> None:
    """A request that names another host or port is refused, because a browser was made to send it (DNS rebinding)."""
    async with station(tmp_path) as one:
        for path in ("/health", "/api/state"):
            refused = await one.http.get(path, headers={"Host": host.format(port=port_of(one))})
            assert refused.status_code == 403
            assert "control.listen" in refused.json()["error"]["message"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
async def test_a_page_from_elsewhere_cannot_act(tmp_path: Path, origin: str) -> None:
    """A request from a page of another origin is refused and changes nothing."""
    async with station(tmp_path) as one:
        headers = {"Origin": origin.format(port=port_of(one))}
        refused = await one.http.post("/api/mock/evse/1/plug", json={"end": "station"}, headers=headers)
        assert refused.status_code == 403
        assert (await one.state())["world"]["evses"]["1"]["plugged"]["station"] is False


async def test_our_own_page_can_act(tmp_path: Path) -> None:
    """A request from a page that came from here is let through."""
    async with station(tmp_path) as one:
        headers = {"Origin": f"http://127.0.0.1:{port_of(one)}"}
        answer = await one.http.post("/api/mock/evse/1/plug", json={"end": "station"}, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_a_form_can_send_is_refused(tmp_path: Path, content_type: str) -> None:
    """A POST without the JSON content type could come from a form of any page; it is refused and changes nothing."""
    async with station(tmp_path) as one:
        refused = await one.http.post(
            "/api/mock/evse/1/plug", content=b'{"end":"station"}', headers={"Content-Type": content_type}
        )
        assert refused.status_code == 415
        assert (await one.state())["world"]["evses"]["1"]["plugged"]["station"] is False


async def test_the_token_is_asked_for_everywhere_but_at_health(tmp_path: Path) -> None:
    """With a token every path that tells of the station answers 401 without it, with another one, and with another scheme."""
    async with station(tmp_path, {"control.token": TOKEN}) as one:
        for free in ("/health", "/", "/page/js/app.js", "/api/session"):
            assert (await one.http.get(free)).status_code == 200, free
        for path in ("/api/state", "/api/history", "/api/events", "/api/frames.jsonl", "/api/mock", "/nothing/here"):
            for header in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \u00e9"):
                refused = await one.http.get(path, headers=httpx.Headers({"Authorization": header}, encoding="latin-1"))
                assert refused.status_code == 401, (path, header)
                assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert (await one.http.post("/api/mock/token", json={"token": "00"})).status_code == 401
        let_in = await one.http.get("/api/state", headers={"Authorization": f"Bearer {TOKEN}"})
        assert let_in.status_code == 200


async def test_others_cannot_reach_it_without_a_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On an address beyond loopback nothing is served without a token; the station runs all the same and says why."""
    with caplog.at_level(logging.ERROR, "firmware.control"):
        async with station(tmp_path, {"control.listen": "0.0.0.0:0"}) as one:
            assert one.app.control_url is None
            await one.until(lambda: one.app.engine.running)
    assert "set control.token" in caplog.text


async def test_others_can_reach_it_with_a_token(tmp_path: Path) -> None:
    """With a token it serves on every interface, by any of its addresses but by no foreign name."""
    async with station(tmp_path, {"control.listen": "0.0.0.0:0", "control.token": TOKEN}) as one:
        assert (one.app.control_url or "").startswith("http://127.0.0.1:")
        one.http.headers["Authorization"] = f"Bearer {TOKEN}"
        by_address = await one.http.get("/api/state", headers={"Host": f"192.0.2.7:{port_of(one)}"})
        assert by_address.status_code == 200
        by_name = await one.http.get("/api/state", headers={"Host": f"evil.example:{port_of(one)}"})
        assert by_name.status_code == 403


@pytest.mark.parametrize("path", ["/", "/health", "/api/state", "/api/frames.jsonl", "/nothing/here"])
async def test_every_answer_is_protected(tmp_path: Path, path: str) -> None:
    """No answer may be kept, framed, guessed at or run anything that does not come from here; refusals included."""
    async with station(tmp_path) as one:
        headers = (await one.http.get(path)).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "Access-Control-Allow-Origin" not in headers


async def test_the_page_is_there_unless_switched_off(tmp_path: Path) -> None:
    """`control.page = false` takes the page away and leaves the rest."""
    async with station(tmp_path / "with") as one:
        page = await one.http.get("/")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
    async with station(tmp_path / "without", {"control.page": "false"}) as one:
        assert (await one.http.get("/")).status_code == 404
        assert (await one.http.get("/health")).status_code == 200


def test_addresses_are_read_with_their_kind() -> None:
    """Names, IPv4 and IPv6 are told apart, and their URL is one that this machine can use."""
    assert Address.parse("127.0.0.1:8080") == Address("127.0.0.1", 8080)
    assert Address.parse("[::1]:8080") == Address("::1", 8080)
    assert Address.parse("[::1]:8080").url == "http://[::1]:8080"
    assert Address.parse("0.0.0.0:80").url == "http://127.0.0.1:80"
    assert Address.parse("[::]:80").url == "http://[::1]:80"
    assert Address.parse("127.8.0.1:1").is_loopback
    assert not Address.parse("charger.lan:1").is_loopback
    assert not Address.parse("0.0.0.0:1").is_loopback


def test_a_configured_name_is_ours_and_no_other() -> None:
    """Where a name is configured, that name may be asked; an IP address only where every interface is meant."""
    named = Address("charger.lan", 80)
    assert named.answers_to("charger.lan")
    assert named.answers_to("Charger.LAN:80")
    assert not named.answers_to("192.0.2.7")
    assert Address("::", 80).answers_to("[2001:db8::7]")
    assert not Address("::", 80).answers_to("charger.lan")
    assert not named.answers_to("charger.lan:http")
    assert not named.answers_to("charger.lan/api")


def test_an_origin_is_ours_when_scheme_name_and_port_are() -> None:
    """The default port may be left out on either side."""
    plain, tls = Address("charger.lan", 80), Address("charger.lan", 443, tls=True)
    assert plain.is_origin("http://charger.lan", "charger.lan:80")
    assert not plain.is_origin("https://charger.lan", "charger.lan")
    assert not plain.is_origin("http://charger.lan:8080", "charger.lan")
    assert not plain.is_origin("null", "charger.lan")
    assert not plain.is_origin("", "charger.lan")
    assert tls.is_origin("https://charger.lan:443", "charger.lan")
    assert not tls.is_origin("http://charger.lan:443", "charger.lan")
    assert tls.url == "https://charger.lan:443"


async def test_a_browser_signs_in_with_the_token_once(tmp_path: Path) -> None:
    """The token is exchanged for a cookie that opens every path, that no script can read and no other site can use."""
    async with station(tmp_path, {"control.token": TOKEN}) as one:
        assert (await one.http.get("/api/session")).json() == {"token_needed": True, "signed_in": False}
        signed = await one.http.post("/api/session", json={"token": TOKEN})
        cookie = signed.headers["Set-Cookie"]
        assert TOKEN not in cookie
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            assert word in cookie
        assert (await one.http.get("/api/state")).status_code == 200
        assert (await one.http.get("/api/session")).json()["signed_in"] is True
        await one.http.delete("/api/session")
        one.http.cookies.clear()
        name, _, value = cookie.partition(";")[0].partition("=")
        stale = await one.http.get("/api/state", headers={"Cookie": f"{name}={value}"})
        assert stale.status_code == 401


async def test_a_wrong_token_signs_nobody_in(tmp_path: Path) -> None:
    """Wrong tokens are refused, and after ten of them for a minute even the right one."""
    async with station(tmp_path, {"control.token": TOKEN}) as one:
        for given in (*["x" * 20] * 9, None):
            refused = await one.http.post("/api/session", json={"token": given})
            assert refused.status_code == 403
            assert "Set-Cookie" not in refused.headers
        late = await one.http.post("/api/session", json={"token": TOKEN})
        assert late.status_code == 429


async def test_the_interface_speaks_tls_with_a_certificate(tmp_path: Path) -> None:
    """With certificate and key it answers over HTTPS, its cookie is marked secure, and plain HTTP gets nothing."""
    certificate, key = self_signed(tmp_path)
    tls = {"control.certificate_file": str(certificate), "control.key_file": str(key), "control.token": TOKEN}
    async with station(tmp_path / "state", tls) as one:
        url = one.app.control_url or ""
        assert url.startswith("https://")
        context = ssl.create_default_context(cafile=certificate)
        async with httpx.AsyncClient(base_url=url, verify=context) as http:
            signed = await http.post("/api/session", json={"token": TOKEN}, headers={"Origin": url})
            assert "; Secure" in signed.headers["Set-Cookie"]
            assert (await http.get("/api/state")).status_code == 200
            foreign = await http.get("/api/state", headers={"Origin": url.replace("https", "http")})
            assert foreign.status_code == 403
        with pytest.raises(httpx.HTTPError):
            await one.http.get(url.replace("https", "http") + "/health")
        client = ControlClient(url, TOKEN, certificate=certificate)
        state = await asyncio.to_thread(client.state)
        assert state["station"]["id"] == one.app.config.station.id


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for this machine and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "control.pem", directory / "control.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(pem)
    return certificate_file, key_file
