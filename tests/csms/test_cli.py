"""The command line: options, the file of admitted stations, and a quick end."""

import argparse
import asyncio
import io
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from csms import cli
from csms.admitted import AdmittedError, load_admitted
from csms.authority import Authority
from csms.passwords import PasswordCheck, hash_password
from tests.csms.conftest import PATIENCE_S
from tests.csms.test_security import client_context, csr_for, now

HASH = hash_password(b"0123456789abcdef", bytes(16))


def parsed(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args(["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", *options])


class Told(io.StringIO):
    """A standard output that says when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = asyncio.Event()

    def flush(self) -> None:
        self.flushed.set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_within_two_seconds(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses are printed when both doors are open; a signal closes them and returns 0."""
    told = Told()
    monkeypatch.setattr("sys.stdout", told)
    running = asyncio.create_task(cli.run(parsed()))
    await asyncio.wait_for(told.flushed.wait(), PATIENCE_S)
    stations, api = told.getvalue().splitlines()
    assert stations.startswith("stations  ws://127.0.0.1:")
    assert api.startswith("API       http://127.0.0.1:")
    began = time.monotonic()
    os.kill(os.getpid(), number)
    assert await running == 0
    assert time.monotonic() - began < 2.0


async def test_mutual_tls_with_an_authority_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command gives profile 3: an authority, a certificate of its own, stations' requests signed, files served."""
    told = Told()
    monkeypatch.setattr("sys.stdout", told)
    monkeypatch.setenv(cli.FILES_KEY_VARIABLE, "k3y")
    places = ("--authority", str(tmp_path / "ca"), "--files", str(tmp_path), "--files-listen", "127.0.0.1:0")
    running = asyncio.create_task(cli.run(parsed("--profile", "3", "--tls-name", "127.0.0.1", *places)))
    await asyncio.wait_for(told.flushed.wait(), PATIENCE_S)
    stations, _, files = told.getvalue().splitlines()
    assert files.endswith("/files/k3y/<name>")
    authority = Authority.kept_in(tmp_path / "ca", "not needed", now)
    url = f"{stations.split()[1].removesuffix('<identity>')}CP1"
    options: dict[str, Any] = {"ping_interval": None, "proxy": None, "subprotocols": ["ocpp1.6"]}
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, ssl=client_context(authority, tmp_path, None), **options)
    assert refused.value.response.status_code == 401
    async with connect(url, ssl=client_context(authority, tmp_path, "CP1"), **options) as socket:
        await socket.send(json.dumps([2, "s", "SignCertificate", {"csr": csr_for("CP1")[1]}]))
        assert json.loads(await socket.recv()) == [3, "s", {"status": "Accepted"}]
        assert json.loads(await socket.recv())[2] == "CertificateSigned"
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--profile", "3", "--tls-name", "localhost"), "--authority"),
        (("--profile", "2"), "password hash"),
        (("--rate", "0"), "above 0"),
        (("--tls-name", "localhost"), "--authority"),
        (("--files", "/nowhere", "--files-listen", "x"), "--files-listen"),
        (("--listen", "9000"), "HOST:PORT"),
        (("--listen", "127.0.0.1:70000"), "HOST:PORT"),
        (("--api", "0.0.0.0:0"), "token"),
        (("--protocols", "ocpp1.5"), "ocpp1.6"),
        (("--certificate", "x.pem"), "belong together"),
        (("--certificate", "missing.pem", "--key", "missing.pem"), "No such file"),
        (("--stations", "missing.toml"), "missing.toml: No such file"),
    ],
)
async def test_wrong_options_are_one_line_and_code_2(
    options: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong setting is told in one line before anything listens."""
    assert await cli.run(parsed(*options)) == 2
    told = capsys.readouterr().err
    assert text in told
    assert told.count("\n") == 1


async def test_a_taken_address_is_one_line_and_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    """An address in use is told, and the code differs from that of a wrong setting."""
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        assert await cli.run(parsed("--listen", f"127.0.0.1:{port}")) == 1
    assert str(port) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "line", "password"),
    [("text", "pass word\n", b"pass word"), ("hex", "00ff\n", b"\x00\xff")],
)
async def test_a_password_is_hashed(
    option: str, line: str, password: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The printed hash is that of the line on standard input, as text or as hex digits."""
    monkeypatch.setattr("sys.stdin", io.StringIO(line))
    assert await cli.run(parsed("--hash-password", option)) == 0
    assert PasswordCheck(b"key").matches(capsys.readouterr().out.strip(), password)


async def test_a_password_that_is_not_hex_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong hex password is refused without being repeated."""
    monkeypatch.setattr("sys.stdin", io.StringIO("sesame\n"))
    assert await cli.run(parsed("--hash-password", "hex")) == 2
    told = capsys.readouterr().err
    assert "not hex" in told
    assert "sesame" not in told


def test_options_become_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option reaches its setting; the API token comes from the environment, where other users cannot see it."""
    monkeypatch.setenv(cli.TOKEN_VARIABLE, "s3cret")
    args = parsed(
        "--listen",
        "[::1]:9",
        "--api",
        "0.0.0.0:8",
        "--protocols",
        "ocpp1.6, ocpp2.0.1",
        "--heartbeat",
        "60",
        "--strict",
        *("--connections", "5", "--per-address", "2", "--rate", "0.5", "--faults-seed", "3"),
    )
    config = cli.configuration(args, None)
    assert (config.host, config.port, config.api_host, config.api_port) == ("::1", 9, "0.0.0.0", 8)
    assert (config.protocols, config.api_token) == (("ocpp1.6", "ocpp2.0.1"), "s3cret")
    assert (config.policy.heartbeat_interval_s, config.policy.strict_registration) == (60, True)
    limits = config.limits
    assert (limits.connections, limits.connections_per_address, limits.messages_per_s) == (5, 2, 0.5)
    assert (config.faults_seed, config.security_profile, config.files) == (3, None, None)
    assert cli.configuration(parsed("--api", "off"), None).api_host is None


def test_the_file_names_stations_and_tokens(tmp_path: Path) -> None:
    """Stations with and without password, tokens with their defaults."""
    path = tmp_path / "stations.toml"
    path.write_text(
        f'[stations.CP1]\npassword_hash = "{HASH}"\n[stations."CP 2"]\n'
        '[tokens.TAG]\nparent = "FLEET"\nexpires_at = 2030-01-31T12:00:00Z\n'
    )
    admitted = load_admitted(path)
    assert set(admitted.stations) == {"CP1", "CP 2"}
    assert admitted.stations["CP1"].password_hash == HASH
    (token,) = admitted.tokens
    assert (token.id_token, token.status, token.parent) == ("TAG", "Accepted", "FLEET")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stations = [", "not TOML"),
        ("", "stations: Field required"),
        ("[stations.CP1]\npasword_hash = 'x'", "stations.CP1.pasword_hash"),
        ("[stations.CP1]\npassword_hash = 'sesame'", "stations.CP1.password_hash: not a password hash"),
        ("[stations]\n[tokens.T]\nstatus = 'Maybe'", "tokens.T.status: use one of Accepted"),
        ("[stations]\n[tokens.T]\nexpires_at = 2030-01-31T12:00:00", "tokens.T.expires_at"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    """The line names the file, the place in it and the mistake, and repeats no password."""
    path = tmp_path / "stations.toml"
    path.write_text(text)
    with pytest.raises(AdmittedError) as refused:
        load_admitted(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert told in message
    assert "\n" not in message
    assert "sesame" not in message
