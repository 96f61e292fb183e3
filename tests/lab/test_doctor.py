"""`wayside doctor` against real servers: where the way ends, and what to do next."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab.nginx import Nginx
from tests.lab.programs import found, listens, needs
from tests.lab.test_servers import csms
from tests.uplink.test_sntp import honest, server


async def doctor(*options: str, prefix: tuple[str, ...] = (), **environment: str) -> tuple[int, dict[str, Any]]:
    """Run it in a process of its own; its exit code and what it prints as JSON."""
    process = await asyncio.create_subprocess_exec(
        *prefix,
        sys.executable,
        "-m",
        "firmware",
        "doctor",
        "--json",
        *options,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(output)


def sets(settings: Mapping[str, str]) -> list[str]:
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def way(nginx: Nginx, name: str, *, tls: bool = True, policy: str = "strict") -> list[str]:
    """Options for one server of nginx."""
    settings = {"csms.url": nginx.url(name, tls=tls), "csms.ca_file": str(nginx.pki.roots), "clock.policy": policy}
    return sets(settings)


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {finding["check"]: finding["verdict"] for finding in report["findings"]}


async def test_a_good_way_is_gone_to_the_boot(nginx: Nginx) -> None:
    """Every check is good, in the order in which one rests upon another, and the exit code says so."""
    await listens(nginx.ports["good"])
    async with csms(nginx.backend):
        code, report = await doctor(*way(nginx, "good", policy="trust"))
    order = ["configuration", "clock", "endpoint", "dns", "tcp", "tls", "upgrade", "subprotocol", "boot"]
    assert (list(verdicts(report)), set(verdicts(report).values())) == (order, {"good"})
    assert (code, report["good"]) == (0, True)


async def test_the_boot_is_said_in_the_version_that_is_agreed(nginx: Nginx) -> None:
    """A CSMS that prefers OCPP 2.0.1 is asked in its own words."""
    await listens(nginx.ports["good"])
    async with csms(nginx.backend):
        code, report = await doctor(*way(nginx, "good", policy="trust"), *sets({"csms.protocols": "ocpp2.0.1,ocpp1.6"}))
    assert (code, verdicts(report)["boot"]) == (0, "good")
    assert any("ocpp2.0.1 is agreed" in finding["says"] for finding in report["findings"])


async def test_no_boot_is_sent_where_none_is_wanted(nginx: Nginx) -> None:
    """A technician may look without registering the station."""
    await listens(nginx.ports["good"])
    async with csms(nginx.backend):
        code, report = await doctor("--no-boot", *way(nginx, "good", policy="trust"))
    assert (code, verdicts(report)["boot"]) == (0, "not-checked")


@pytest.mark.parametrize(
    ("server", "tls", "ends", "says"),
    [
        ("other_name", True, "tls", "another host name"),
        ("leaf_only", True, "tls", "without the intermediate"),
        ("plain", True, "tls", "plain text meets TLS"),
        ("ok", False, "upgrade", "another status than 101"),
        ("moved", False, "upgrade", "redirects to another address"),
        ("after_seconds", False, "upgrade", "limits connections"),
    ],
)
async def test_it_ends_where_the_way_ends(nginx: Nginx, server: str, tls: bool, ends: str, says: str) -> None:
    """The last finding is the cause, with a next step; the exit code is 1."""
    await listens(nginx.ports[server])
    code, report = await doctor(*way(nginx, server, tls=tls, policy="trust"))
    last = report["findings"][-1]
    assert (code, last["check"], last["verdict"]) == (1, ends, "bad")
    assert says in last["says"]
    assert last["next_step"].startswith("check ")


async def test_the_chain_as_served_is_shown(nginx: Nginx) -> None:
    """Names, times and issuers of what came, although it was refused."""
    await listens(nginx.ports["other_name"])
    _, report = await doctor(*way(nginx, "other_name", policy="trust"))
    chain = report["findings"][-1]["evidence"]["chain"]
    assert len(chain) == 2
    assert "csms.example" in chain[0]


@needs("faketime")
@pytest.mark.parametrize(("offset", "code"), [("+3y", 10), ("-3y", 9)], ids=["in the future", "in the past"])
async def test_a_wrong_clock_is_blamed_before_the_certificate(nginx: Nginx, offset: str, code: int) -> None:
    """Row 3d: under a clock in the future every certificate looks expired; the doctor sends nobody to renew it."""
    await listens(nginx.ports["good"])
    faketime = (str(found("faketime")), "-f", offset)
    exit_code, report = await doctor(*way(nginx, "good"), prefix=faketime, FAKETIME_DONT_FAKE_MONOTONIC="1")
    last = report["findings"][-1]
    assert exit_code == 1
    assert verdicts(report)["clock"] == "bad"
    clock = next(finding for finding in report["findings"] if finding["check"] == "clock")
    assert {"kernel_synchronised", "timesyncd_last_s", "chrony_running", "rtc_s", "floor_s"} <= set(clock["evidence"])
    assert (last["check"], last["evidence"]["tls_verify_code"]) == ("tls", code)
    assert "clock is not synchronised" in last["says"]


@needs("faketime")
@pytest.mark.parametrize("right", [True, False], ids=["servers that agree", "servers that disagree"])
async def test_time_servers_of_its_own_make_up_for_a_wrong_clock(nginx: Nginx, right: bool) -> None:
    """Row 3d without a time daemon: certificates are judged by the servers' time, though the machine shows another year."""
    await listens(nginx.ports["good"])
    faketime = (str(found("faketime")), "-f", "-3y")
    now_s = time.time()
    async with csms(nginx.backend), server(honest(now_s)) as one, server(honest(now_s if right else 0.0)) as two:
        options = [*way(nginx, "good"), *sets({"clock.sntp_servers": f"{one.name},{two.name}"})]
        code, report = await doctor(*options, prefix=faketime, FAKETIME_DONT_FAKE_MONOTONIC="1")
    clock = next(finding for finding in report["findings"] if finding["check"] == "clock")
    if right:
        assert (code, set(verdicts(report).values())) == (0, {"good"})
        assert "off by +94" in clock["says"]  # three years in seconds
    else:
        assert (code, clock["verdict"], verdicts(report)["tls"]) == (1, "bad", "bad")
        assert "too few agree" in clock["says"]


async def test_a_closed_port_and_an_unknown_name_are_told_apart() -> None:
    """DNS, then TCP: each with its own first check."""
    _, closed = await doctor(*sets({"csms.url": "ws://127.0.0.1:9/ocpp"}))
    assert closed["findings"][-1]["check"] == "tcp"
    _, unknown = await doctor(*sets({"csms.url": "ws://csms.invalid/ocpp"}))
    assert unknown["findings"][-1]["check"] == "dns"


async def test_a_bad_configuration_is_the_first_finding(tmp_path: Path) -> None:
    """Exit code 2, and the key is named."""
    file = tmp_path / "wayside.toml"
    file.write_text('[csms]\nurl = "http://csms.example"\n')
    code, report = await doctor("--config", str(file))
    assert (code, report["good"]) == (2, False)
    assert "csms.url" in report["findings"][0]["says"]
