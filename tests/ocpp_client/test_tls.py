"""The TLS context of a charge point: what it refuses, and how a clock that nobody vouches for is dealt with."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ocpp_client.errors import TlsFailed
from ocpp_client.sockets import WebSocket
from ocpp_client.tls import SUITES, TlsFiles, TlsFilesInvalid, Window, client_context
from ocpp_client.tls_chain import is_leaf_alone, served_chain
from ocpp_client.websocket import connect, serve
from tests.lab.pki import DAY, Pki, issue

NOW = datetime.now(UTC)


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@asynccontextmanager
async def listening(certificate: Path, **changes: object) -> AsyncIterator[int]:
    """A CSMS with this certificate; yields its port. `changes` are set on its TLS context."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    for name, value in changes.items():
        setattr(theirs, name, value)

    async def echo(connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        await connection.send(str(await connection.receive()))

    async with await serve(echo, "127.0.0.1", 0, select_subprotocol=lambda offered: offered[0], ssl=theirs) as server:
        yield server.ports[0]


async def connects(port: int, context: ssl.SSLContext, host: str = "localhost") -> bool:
    """Dial, and exchange one message."""
    connection = await connect(f"wss://{host}:{port}/CP1", subprotocols=["ocpp1.6"], ssl=context, close_timeout_s=0.2)
    await connection.send("hello")
    heard = await connection.receive()
    await connection.close()
    return heard == "hello"


async def refusal(port: int, context: ssl.SSLContext) -> TlsFailed:
    """Dial, and return why not."""
    with pytest.raises(TlsFailed) as caught:
        await connects(port, context)
    return caught.value


# --- chain, name, version


async def test_a_chain_to_an_own_root_is_accepted(pki: Pki) -> None:
    """Leaf and intermediate from the server, the root from the store."""
    async with listening(pki.server("good", "localhost")) as port:
        assert await connects(port, client_context(TlsFiles(roots=pki.roots)))


async def test_the_roots_of_the_system_do_not_know_a_private_server(pki: Pki) -> None:
    """Without roots of its own, a station believes the system's, and no others."""
    async with listening(pki.server("good", "localhost")) as port:
        assert (await refusal(port, client_context(TlsFiles()))).verify_code == 20


async def test_a_certificate_for_another_host_is_refused(pki: Pki) -> None:
    """The name is checked as well as the chain."""
    async with listening(pki.server("other", "csms.example")) as port:
        assert (await refusal(port, client_context(TlsFiles(roots=pki.roots)))).verify_code == 62


async def test_tls_1_1_is_never_offered(pki: Pki) -> None:
    """Security profiles 2 and 3 ask for TLS 1.2 at least."""
    assert client_context(TlsFiles()).minimum_version is ssl.TLSVersion.TLSv1_2


def test_only_suites_with_aead_and_the_standard_ones_are_offered() -> None:
    """No CBC, no anonymous, no export suite gets into a ClientHello."""
    offered = {cipher["name"] for cipher in client_context(TlsFiles()).get_ciphers()}
    assert {name for name in offered if not name.startswith("TLS_")} == set(SUITES)


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
async def test_a_server_with_one_of_the_standards_suites_is_reached(pki: Pki, suite: str) -> None:
    """A server that knows TLS 1.2 and this suite alone conforms to the standard."""
    certificate = pki.server("good", "localhost")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    theirs.maximum_version = ssl.TLSVersion.TLSv1_2
    theirs.set_ciphers(suite)

    async def echo(connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        await connection.send(str(await connection.receive()))

    async with await serve(echo, "127.0.0.1", 0, select_subprotocol=lambda offered: offered[0], ssl=theirs) as server:
        assert await connects(server.ports[0], client_context(TlsFiles(roots=pki.roots)))


async def test_a_client_certificate_is_shown_when_asked_for(pki: Pki) -> None:
    """Security profile 3: the server lets in whom its root vouches for."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(pki.server("good", "localhost"))
    theirs.load_verify_locations(pki.roots)
    theirs.verify_mode = ssl.CERT_REQUIRED

    async def echo(connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        await connection.send(str(await connection.receive()))

    async with await serve(echo, "127.0.0.1", 0, select_subprotocol=lambda offered: offered[0], ssl=theirs) as server:
        files = TlsFiles(roots=pki.roots, client_chain=pki.client("station", "SN0001"))
        assert await connects(server.ports[0], client_context(files))


# --- files


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: TlsFiles(roots=folder / "none.pem"), "none.pem: cannot be read: No such file"),
        (lambda folder: TlsFiles(roots=folder / "empty.pem"), "empty.pem: no certificate in it"),
        (lambda folder: TlsFiles(client_chain=folder / "empty.pem"), "empty.pem: no certificate and key in it"),
        (lambda folder: TlsFiles(client_chain=folder / "none.pem"), "none.pem: cannot be read"),
    ],
    ids=["no roots", "empty roots", "no certificate", "no client file"],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, make: object, says: str) -> None:
    """The error says which file and what to put there."""
    (tmp_path / "empty.pem").write_text("nothing\n")
    with pytest.raises(TlsFilesInvalid, match=says):
        client_context(make(tmp_path))  # type: ignore[operator]  # a function of the folder


def test_a_key_of_another_certificate_is_named(pki: Pki) -> None:
    """Chain and key have to belong together."""
    one, other = pki.client("one", "SN1"), pki.client("other", "SN2")
    with pytest.raises(TlsFilesInvalid, match=r"one\.pem with .*other\.pem: KEY_VALUES_MISMATCH"):
        client_context(TlsFiles(client_chain=one, client_key=other))


# --- a window instead of the clock


def window(earliest: datetime, latest: datetime) -> Window:
    return Window(earliest.timestamp(), latest.timestamp())


async def test_in_a_window_a_certificate_of_the_clocks_future_is_accepted(pki: Pki) -> None:
    """A station whose clock stands still in the past reaches its CSMS: the window lasts until after the renewal."""
    certificate = pki.server("future", "localhost", begins=NOW + 20 * DAY, ends=NOW + 120 * DAY)
    async with listening(certificate) as port:
        assert (await refusal(port, client_context(TlsFiles(pki.roots)))).verify_code == 9
        wide = client_context(TlsFiles(pki.roots), window=window(NOW, NOW + 90 * DAY))
        assert await connects(port, wide)


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [(-300 * DAY, -10 * DAY, 10), (100 * DAY, 200 * DAY, 9)],
    ids=["expired before it", "begins after it"],
)
async def test_a_certificate_outside_the_window_is_refused(
    pki: Pki, begins: timedelta, ends: timedelta, code: int
) -> None:
    """Whatever the true time is, this certificate is not valid: with OpenSSL's own number."""
    async with listening(pki.server("bad", "localhost", begins=NOW + begins, ends=NOW + ends)) as port:
        error = await refusal(port, client_context(TlsFiles(pki.roots), window=window(NOW, NOW + 90 * DAY)))
        assert error.verify_code == code
        assert "whatever the true time is" in error.verify_text


async def test_the_window_holds_for_the_intermediate_too(pki: Pki) -> None:
    """Times are judged for the whole verified chain, not for the server's certificate alone."""
    old = issue("Old intermediate", pki.root, authority=True, begins=NOW - 300 * DAY, ends=NOW - 10 * DAY)
    async with listening(pki.server("under-old", "localhost", issuer=old)) as port:
        error = await refusal(port, client_context(TlsFiles(pki.roots), window=window(NOW, NOW + 90 * DAY)))
    assert error.verify_code == 10


async def test_a_window_excuses_neither_name_nor_chain(pki: Pki) -> None:
    """Only times are judged more kindly."""
    wide = window(NOW, NOW + 90 * DAY)
    async with listening(pki.server("other", "csms.example")) as port:
        assert (await refusal(port, client_context(TlsFiles(pki.roots), window=wide))).verify_code == 62
    async with listening(pki.server("good", "localhost")) as port:
        assert (await refusal(port, client_context(TlsFiles(), window=wide))).verify_code == 20


async def test_nothing_is_sent_to_a_server_outside_the_window(pki: Pki) -> None:
    """The refusal comes before the upgrade, and with it before the password."""
    asked: list[str] = []
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(pki.server("bad", "localhost", begins=NOW - 300 * DAY, ends=NOW - 10 * DAY))

    async def mute(_connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        raise AssertionError("nobody may get in")

    async def check(path: str, _headers: Mapping[str, str]) -> None:
        asked.append(path)

    async with await serve(
        mute, "127.0.0.1", 0, select_subprotocol=lambda _: None, process_request=check, ssl=theirs
    ) as server:
        await refusal(server.ports[0], client_context(TlsFiles(pki.roots), window=window(NOW, NOW + DAY)))
    assert asked == []


def test_a_window_turned_around_is_refused() -> None:
    """The earliest moment comes first."""
    with pytest.raises(ValueError, match="has no inside"):
        Window(2.0, 1.0)


# --- what was served


async def test_the_chain_as_served_is_shown_without_being_believed(pki: Pki) -> None:
    """A person sees names, times and issuers, whatever is wrong with them."""
    bad = pki.server("bad", "csms.example", "192.0.2.7", begins=NOW - 300 * DAY, ends=NOW - 10 * DAY)
    async with listening(bad) as port:
        chain = await served_chain("127.0.0.1", port, server_name="localhost", timeout_s=5)
    assert [one.names for one in chain] == [("csms.example", "192.0.2.7"), ()]
    assert chain[0].not_after_s == pytest.approx((NOW - 10 * DAY).timestamp(), abs=2)
    assert "commonName=Lab intermediate" in chain[0].issuer
    assert "csms.example" in chain[0].summary()
    assert not is_leaf_alone(chain)


async def test_a_leaf_alone_is_recognised(pki: Pki) -> None:
    """A missing intermediate and an unknown root have the same verify code; what came tells them apart."""
    async with listening(pki.server("alone", "localhost", with_intermediate=False)) as port:
        assert (await refusal(port, client_context(TlsFiles(pki.roots)))).verify_code == 20
        assert is_leaf_alone(await served_chain("127.0.0.1", port, server_name="localhost", timeout_s=5))
