"""Files over HTTP and HTTPS, against a real server on loopback."""

import asyncio
import logging
import ssl
from pathlib import Path

import pytest

from firmware.services.transfer import Limits, Location, Reason, Retries, TransferError, Transfers
from firmware.services.transfer.timeouts import Timeouts
from hal.types import Instant, TimeTrust
from ocpp_client.tls import TlsFiles, client_context
from tests.services.file_servers import Behaviour, certificate, http_server

DATA = bytes(range(256)) * 4096  # 1 MiB
ROOMY = Limits(max_bytes=8 * 1024 * 1024, reserve_bytes=0)


class NoWait:
    """A clock whose sleeps are noted and take no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    boot = "boot"
    trust = TimeTrust.SYNCHRONISED

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float | None:
        return 0.0

    def now(self) -> Instant:
        return Instant(0.0, "boot", 0.0, self.trust)

    def set_from_csms(self, posix_s: float) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def names(directory: Path) -> list[str]:
    """Names of all files of a directory."""
    return [path.name for path in directory.iterdir()]


def left(directory: Path) -> int:
    """Bytes of all files of a directory."""
    return sum(path.stat().st_size for path in directory.iterdir())


def no_tls() -> ssl.SSLContext:
    """For ways without TLS."""
    raise AssertionError("TLS was not asked for")


def transfers(clock: NoWait | None = None, idle_s: float = 20.0) -> Transfers:
    """Plain ones."""
    return Transfers(clock or NoWait(), no_tls, Timeouts(10.0, idle_s))


async def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    """The second attempt asks for the rest only, under the version of the first."""
    behaviour = Behaviour(files={"/fw.bin": DATA}, break_after=[300_000])
    clock, seen = NoWait(), list[tuple[int, int | None]]()
    with http_server(behaviour) as port:
        place = Location.parse(f"http://127.0.0.1:{port}/fw.bin")
        await transfers(clock).download(
            place, tmp_path / "fw", retries=Retries(1, 7), limits=ROOMY, progress=lambda *at: seen.append(at)
        )
    assert (tmp_path / "fw").read_bytes() == DATA
    assert [request[2].get("Range") for request in behaviour.requests] == [None, "bytes=300000-"]
    assert clock.slept == [7.0]
    assert seen[-1] == (len(DATA), len(DATA))
    assert names(tmp_path) == ["fw"]


async def test_a_file_that_changed_meanwhile_is_read_from_the_beginning(tmp_path: Path) -> None:
    """Two versions are never glued together."""
    behaviour = Behaviour(files={"/fw.bin": DATA}, break_after=[300_000])
    with http_server(behaviour) as port:
        place = Location.parse(f"http://127.0.0.1:{port}/fw.bin")
        with pytest.raises(TransferError) as failure:
            await transfers().download(place, tmp_path / "fw", retries=Retries(0), limits=ROOMY)
        assert failure.value.reason is Reason.BROKEN
        behaviour.files["/fw.bin"], behaviour.tag = b"new" * 200_000, '"2"'
        await transfers().download(place, tmp_path / "fw", retries=Retries(0), limits=ROOMY)
    assert (tmp_path / "fw").read_bytes() == b"new" * 200_000


async def test_retries_are_counted_after_the_first_attempt(tmp_path: Path) -> None:
    """Two retries are three attempts, with the interval between them; then the reason of the last is told."""
    behaviour, clock = Behaviour(statuses=[500, 404, 403, 200]), NoWait()
    with http_server(behaviour) as port:
        place = Location.parse(f"http://127.0.0.1:{port}/fw.bin")
        with pytest.raises(TransferError) as failure:
            await transfers(clock).download(place, tmp_path / "fw", retries=Retries(2, 30), limits=ROOMY)
    assert len(behaviour.requests) == 3
    assert clock.slept == [30.0, 30.0]
    assert failure.value.reason is Reason.DENIED


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_bytes=1000, reserve_bytes=0), Reason.TOO_LARGE),
        (Limits(reserve_bytes=1 << 20, free_bytes=lambda _: 1 << 20), Reason.DISK_FULL),
    ],
)
async def test_a_file_that_does_not_fit_is_refused_before_it_is_fetched(
    tmp_path: Path, limits: Limits, reason: Reason
) -> None:
    """Size and free space are compared with what the server announces; nothing of it reaches the disk."""
    with http_server(Behaviour(files={"/fw.bin": DATA})) as port:
        place = Location.parse(f"http://127.0.0.1:{port}/fw.bin")
        with pytest.raises(TransferError) as failure:
            await transfers().download(place, tmp_path / "fw", retries=Retries(0), limits=limits)
    assert failure.value.reason is reason
    assert left(tmp_path) == 0


async def test_credentials_go_to_their_host_and_into_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Basic authentication from the URL; neither the log nor an error shows it, nor path or query."""
    caplog.set_level(logging.DEBUG)
    behaviour = Behaviour(files={"/key123/fw.bin?s=sig": DATA}, credentials="me:pa ss")
    with http_server(behaviour) as port:
        place = Location.parse(f"http://me:pa%20ss@127.0.0.1:{port}/key123/fw.bin?s=sig")
        await transfers().download(place, tmp_path / "fw", retries=Retries(0), limits=ROOMY)
        behaviour.credentials = "other:one"
        with pytest.raises(TransferError) as failure:
            await transfers().download(place, tmp_path / "fw2", retries=Retries(0), limits=ROOMY)
    assert failure.value.reason is Reason.DENIED
    told = f"{failure.value} {place!r} {place} {caplog.text}"
    for secret in ("pa ss", "pa%20ss", "me:", "key123", "sig"):
        assert secret not in told
    assert f"http://127.0.0.1:{port}/…/fw.bin" in told


async def test_a_redirection_to_another_host_takes_no_credentials_along(tmp_path: Path) -> None:
    """Followed, but the other server does not learn the password of the first."""
    other = Behaviour(files={"/real.bin": DATA})
    with http_server(other) as there:
        first = Behaviour(redirects={"/fw.bin": f"http://127.0.0.1:{there}/real.bin"}, credentials="me:secret")
        with http_server(first) as port:
            place = Location.parse(f"http://me:secret@127.0.0.1:{port}/fw.bin")
            await transfers().download(place, tmp_path / "fw", retries=Retries(0), limits=ROOMY)
    assert (tmp_path / "fw").read_bytes() == DATA
    assert "Authorization" in first.requests[0][2]
    assert "Authorization" not in other.requests[0][2]


async def test_an_upload_goes_into_a_directory_or_to_a_file(tmp_path: Path) -> None:
    """PUT; a path with a slash at its end gets the file's name. Without PUT the server gets a POST."""
    file = tmp_path / "log.zip"
    file.write_bytes(DATA)
    behaviour = Behaviour()
    with http_server(behaviour) as port:
        for path in ("/in/", "/in/as-you-wish"):
            await transfers().upload(Location.parse(f"http://127.0.0.1:{port}{path}"), file, retries=Retries(0))
        behaviour.put = False
        await transfers().upload(Location.parse(f"http://127.0.0.1:{port}/posted/"), file, retries=Retries(0))
    assert behaviour.uploads == dict.fromkeys(("/in/log.zip", "/in/as-you-wish", "/posted/log.zip"), DATA)
    assert [request[0] for request in behaviour.requests] == ["PUT", "PUT", "PUT", "POST"]


async def test_https_needs_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    """With the root the file comes; without it the server is not believed."""
    root, both = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    with http_server(Behaviour(files={"/fw.bin": DATA}), server) as port:
        place = Location.parse(f"https://127.0.0.1:{port}/fw.bin")
        trusting = Transfers(NoWait(), lambda: client_context(TlsFiles(roots=root)))
        await trusting.download(place, tmp_path / "fw", retries=Retries(0), limits=ROOMY)
        strict = Transfers(NoWait(), lambda: client_context(TlsFiles()))
        with pytest.raises(TransferError) as failure:
            await strict.download(place, tmp_path / "fw2", retries=Retries(0), limits=ROOMY)
    assert (tmp_path / "fw").read_bytes() == DATA
    assert failure.value.reason is Reason.DENIED


async def test_a_server_that_hangs_ends_the_attempt(tmp_path: Path) -> None:
    """Nothing moves for the idle time: the attempt is over."""
    hanging = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    async with hanging:
        port = hanging.sockets[0].getsockname()[1]
        with pytest.raises(TransferError, match="nothing moved") as failure:
            await transfers(idle_s=0.05).download(
                Location.parse(f"http://127.0.0.1:{port}/x"), tmp_path / "fw", retries=Retries(0), limits=ROOMY
            )
    assert failure.value.reason is Reason.BROKEN


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sftp://host/x", Reason.NOT_SUPPORTED),
        ("dummy://dummy", Reason.NOT_SUPPORTED),
        ("http:///x", Reason.BAD_LOCATION),
        ("http://host:99999/x", Reason.BAD_LOCATION),
        ("http://ho st/x", Reason.BAD_LOCATION),
        ("", Reason.NOT_SUPPORTED),
    ],
)
def test_what_is_no_usable_url_is_refused(url: str, reason: Reason) -> None:
    """Told apart from schemes that nobody here speaks."""
    with pytest.raises(TransferError) as failure:
        Location.parse(url)
    assert failure.value.reason is reason
