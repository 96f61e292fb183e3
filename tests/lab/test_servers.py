"""What servers and proxies do to a station, with real ones: nginx and haproxy in front of a CSMS."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ocpp_client.causes import Cause
from ocpp_client.diagnosis import Circumstances, Diagnosis
from ocpp_client.errors import ConnectionLost
from ocpp_client.sockets import WebSocket
from ocpp_client.websocket import serve
from tests.lab.nginx import Nginx
from tests.lab.programs import found, free_ports, listens, needs, running
from tests.lab.station import Backing, LabStation, station
from tests.ocpp_client.stations import Script, accepting


@asynccontextmanager
async def csms(port: int, script: Script = accepting) -> AsyncIterator[int]:
    """A CSMS behind the proxies; yields its port."""

    async def handle(socket: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        try:
            await script(socket)
        except ConnectionLost:
            return

    async with await serve(handle, "127.0.0.1", port, select_subprotocol=lambda offered: offered[0]) as server:
        yield server.ports[0]


async def first(
    made: Nginx, name: str, *, tls: bool, around: Circumstances | None = None, websocket: Backing = "websockets"
) -> tuple[Diagnosis, LabStation]:
    """Dial a server of nginx until the first diagnosis, and once more: a failure never ends the link."""
    await listens(made.ports[name])
    async with station(made.url(name, tls=tls), roots=made.pki.roots, around=around, websocket=websocket) as one:
        found_first = await one.diagnosis()
        again = await one.diagnosis()
        assert again.cause is found_first.cause
        assert not one.online.is_set()
        return found_first, one


BOTH = pytest.mark.parametrize("websocket", ["websockets", "micro"])

# --- 3: TLS


@BOTH
async def test_a_good_server_is_reached_through_tls_and_a_proxy(nginx: Nginx, websocket: Backing) -> None:
    """The counter-proof of every test below: the same station, the same proxy, nothing wrong."""
    await listens(nginx.ports["good"])
    way = station(nginx.url("good"), roots=nginx.pki.roots, websocket=websocket)
    async with csms(nginx.backend), way as one:
        await one.comes_online()


@pytest.mark.parametrize(
    ("server", "code", "cause"),
    [
        ("expired", 10, Cause.CERTIFICATE_EXPIRED),
        ("future", 9, Cause.CERTIFICATE_NOT_YET_VALID),
        ("other_name", 62, Cause.WRONG_NAME),
        ("leaf_only", 20, Cause.INTERMEDIATE_MISSING),
        ("unknown_root", 20, Cause.ROOT_UNKNOWN),
    ],
)
@BOTH
async def test_a_bad_certificate_is_never_accepted_and_named(
    nginx: Nginx, server: str, code: int, cause: Cause, websocket: Backing
) -> None:
    """Rows 3a to 3c: the station goes on trying, and tells which of five things is wrong with the certificate."""
    diagnosis, _ = await first(nginx, server, tls=True, websocket=websocket)
    assert (diagnosis.evidence["tls_verify_code"], diagnosis.cause) == (code, cause)
    assert diagnosis.is_setting


async def test_the_names_a_wrong_certificate_carries_are_evidence(nginx: Nginx) -> None:
    """Row 3b: the technician sees what the certificate is for."""
    diagnosis, _ = await first(nginx, "other_name", tls=True)
    assert "csms.example" in str(diagnosis.evidence["chain_0"])


@pytest.mark.parametrize(("server", "certificates"), [("leaf_only", 1), ("unknown_root", 2)])
async def test_the_chain_that_came_is_evidence(nginx: Nginx, server: str, certificates: int) -> None:
    """Row 3c: both have the same verify code; the number of certificates tells them apart."""
    diagnosis, _ = await first(nginx, server, tls=True)
    assert len([name for name in diagnosis.evidence if name.startswith("chain_")]) == certificates


async def test_an_expired_certificate_under_an_untrusted_clock_points_at_the_clock(nginx: Nginx) -> None:
    """Row 3d: nobody is sent out to renew a certificate before the clock was looked at."""
    diagnosis, _ = await first(nginx, "expired", tls=True, around=Circumstances(clock_trusted=False))
    assert diagnosis.cause is Cause.CLOCK_WRONG
    assert "clock" in diagnosis.check_first


@pytest.mark.parametrize(
    ("server", "tls", "cause"),
    [
        ("plain", True, Cause.WRONG_PORT),
        ("good", False, Cause.WRONG_PORT),
        ("old_tls", True, Cause.TLS_VERSION),
        ("client_certificate", True, Cause.CLIENT_CERTIFICATE),
    ],
    ids=["tls to a plain port", "plain to a tls port", "tls 1.1 only", "client certificate wanted"],
)
@BOTH
async def test_a_wrong_setting_is_told_from_a_bad_network(
    nginx: Nginx, server: str, tls: bool, cause: Cause, websocket: Backing
) -> None:
    """Row 3e: classified as a matter of configuration."""
    diagnosis, _ = await first(nginx, server, tls=tls, websocket=websocket)
    assert diagnosis.cause is cause
    assert diagnosis.is_setting


# --- 4: the upgrade


@pytest.mark.parametrize(
    ("server", "status"),
    [("no_upgrade", 426), ("ok", 200), ("not_found", 404), ("dead_upstream", 502), ("unavailable", 503)],
)
@BOTH
async def test_any_answer_but_101_is_told_with_its_status(
    nginx: Nginx, server: str, status: int, websocket: Backing
) -> None:
    """Row 4a: the proxy is named by its own header."""
    async with csms(nginx.backend):
        diagnosis, _ = await first(nginx, server, tls=False, websocket=websocket)
    assert (diagnosis.cause, diagnosis.evidence["http_status"]) == (Cause.UPGRADE_BLOCKED, status)
    if server != "no_upgrade":
        assert "nginx" in str(diagnosis.evidence["http_server"])


async def test_a_redirect_is_not_followed_and_its_target_told(nginx: Nginx) -> None:
    """Row 4b: the Location is named, without what may be secret in it."""
    diagnosis, _ = await first(nginx, "moved", tls=False)
    assert diagnosis.cause is Cause.REDIRECTED
    assert diagnosis.evidence["location"] == "wss://elsewhere.example/ocpp"


async def test_an_idle_time_out_of_nginx_is_recognised_by_its_regularity(nginx: Nginx) -> None:
    """Row 4c: one such drop is a broken connection; three at the same silence are a proxy's idle time-out."""
    await listens(nginx.ports["idle"])
    async with csms(nginx.backend), station(nginx.url("idle", tls=False)) as one:
        causes = [(await one.diagnosis()).cause for _ in range(3)]
    assert causes == [Cause.BROKEN, Cause.BROKEN, Cause.PROXY_IDLE]
    newest = one.history.diagnoses[-1]
    assert newest.evidence["close_code"] == 1006
    assert "3 times after 2 s of silence" in (newest.pattern or "")


async def test_pings_below_the_idle_time_out_keep_the_connection(nginx: Nginx) -> None:
    """Row 4c: what the diagnosis advises helps."""
    await listens(nginx.ports["idle"])
    async with csms(nginx.backend), station(nginx.url("idle", tls=False), ping_interval_s=0.5) as one:
        await one.comes_online()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.drops.get(), 3.0)


@needs("haproxy")
async def test_a_tunnel_time_out_of_haproxy_is_recognised(folder: Path) -> None:
    """Row 4c, with another proxy: it ends the tunnel in its own way, the diagnosis is the same."""
    front, back = free_ports(2)
    config = folder / "haproxy.cfg"
    config.write_text(
        "defaults\n  mode http\n  timeout connect 2s\n  timeout client 5s\n  timeout server 5s\n  timeout tunnel 2s\n"
        f"frontend f\n  bind 127.0.0.1:{front}\n  default_backend b\nbackend b\n  server s 127.0.0.1:{back}\n"
    )
    with running([str(found("haproxy")), "-db", "-f", str(config)], folder / "log"):
        await listens(front)
        async with csms(back), station(f"ws://localhost:{front}/ocpp") as one:
            causes = [(await one.diagnosis()).cause for _ in range(3)]
    assert causes[-1] is Cause.PROXY_IDLE


# --- 5: limits


async def test_a_rate_limit_is_told_and_outlived(nginx: Nginx) -> None:
    """Row 5: nginx lets one through in a minute; the rest are told to come later, and do."""
    await listens(nginx.ports["limited"])
    async with csms(nginx.backend), station(nginx.url("limited", tls=False)) as one:
        await one.comes_online()
        one.link.reconnect("once more")
        assert (await one.diagnosis()).cause is Cause.ASKED
        diagnosis = await one.diagnosis()
    assert (diagnosis.cause, diagnosis.evidence["http_status"]) == (Cause.RATE_LIMIT, 429)


@pytest.mark.parametrize(("server", "least_s", "most_s"), [("after_seconds", 6.9, 8.0), ("after_date", 3500.0, 3700.0)])
async def test_retry_after_is_a_floor_in_both_spellings(
    nginx: Nginx, server: str, least_s: float, most_s: float
) -> None:
    """Row 5: seconds and HTTP date; the station waits at least so long."""
    await listens(nginx.ports[server])
    async with station(nginx.url(server, tls=False)) as one:
        diagnosis = await one.diagnosis()
    assert diagnosis.cause is Cause.RATE_LIMIT
    assert least_s <= one.delays_s[0] <= most_s


# --- 1: heartbeat dead-time


async def test_a_dead_time_at_the_csms_is_told_from_a_network_failure() -> None:
    """Row 1: the CSMS closes a healthy connection because it heard no Heartbeat; pings had been answered all along."""

    async def impatient(socket: WebSocket) -> None:
        taking = asyncio.create_task(accepting(socket))
        await asyncio.sleep(1.5)
        taking.cancel()
        await socket.close(1000)

    async with csms(0, impatient) as port:
        around = Circumstances(heartbeat_s=2.0)
        async with station(f"ws://localhost:{port}/ocpp", ping_interval_s=0.3, around=around) as one:
            diagnosis = await one.diagnosis()
    assert diagnosis.cause is Cause.HEARTBEAT_DEAD_TIME
    assert float(diagnosis.evidence["idle_s"]) < float(diagnosis.evidence["quiet_s"])
