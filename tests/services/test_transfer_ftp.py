"""Files over FTP and FTPS, against pyftpdlib on loopback."""

import ftplib
import ssl
from pathlib import Path

import pytest

from firmware.services.transfer import Location, Reason, Retries, TransferError, Transfers
from firmware.services.transfer.files import Growing
from ocpp_client.tls import TlsFiles, client_context
from tests.services.file_servers import certificate, ftp_server
from tests.services.test_transfer_http import DATA, ROOMY, NoWait, transfers


def place(port: int, path: str, scheme: str = "ftp", password: str = "se%20cret") -> Location:
    """A file of the server."""
    return Location.parse(f"{scheme}://station:{password}@127.0.0.1:{port}/{path}")


async def test_a_download_goes_on_where_an_earlier_one_ended(tmp_path: Path) -> None:
    """REST with what is there; every byte arrives once."""
    home = tmp_path / "ftp"
    with ftp_server(home) as port:
        (home / "out").mkdir()
        (home / "out" / "fw.bin").write_bytes(DATA)
        there, seen = place(port, "out/fw.bin"), list[int]()
        await transfers().download(there, tmp_path / "fw", retries=Retries(0), limits=ROOMY)
        assert (tmp_path / "fw").read_bytes() == DATA
        with Growing(tmp_path / "again", ROOMY) as begun:
            tag = f"{len(DATA)} {_modified(port)}"
            begun.begin(0, len(DATA), tag)
            begun.write(DATA[:1_000_000])
        await transfers().download(
            there, tmp_path / "again", retries=Retries(0), limits=ROOMY, progress=lambda done, _: seen.append(done)
        )
    assert (tmp_path / "again").read_bytes() == DATA
    assert min(seen) > 1_000_000


def _modified(port: int) -> str:
    with ftplib.FTP() as ftp:
        ftp.connect("127.0.0.1", port)
        ftp.login("station", "se cret")
        return ftp.voidcmd("MDTM out/fw.bin")


async def test_an_upload_goes_into_the_directory_and_on_where_it_broke_off(tmp_path: Path) -> None:
    """What the server has of the file is not sent again."""
    home, file = tmp_path / "ftp", tmp_path / "log.zip"
    file.write_bytes(DATA)
    with ftp_server(home) as port:
        (home / "logs").mkdir()
        (home / "logs" / "log.zip").write_bytes(DATA[:700_000])
        seen = list[int]()
        await transfers().upload(
            place(port, "logs"), file, retries=Retries(0), progress=lambda done, _: seen.append(done)
        )
    assert (home / "logs" / "log.zip").read_bytes() == DATA
    assert min(seen) > 700_000


async def test_ftps_encrypts_control_and_data(tmp_path: Path) -> None:
    """Against a server that refuses anything in the clear; and only with a certificate that is trusted."""
    root, both = certificate(tmp_path)
    home, file = tmp_path / "ftp", tmp_path / "log.zip"
    file.write_bytes(DATA)
    trusting = Transfers(NoWait(), lambda: client_context(TlsFiles(roots=root)))
    with ftp_server(home, pem=both) as port:
        await trusting.upload(place(port, "", "ftps"), file, retries=Retries(0))
        await trusting.download(place(port, "log.zip", "ftps"), tmp_path / "back", retries=Retries(0), limits=ROOMY)
        with pytest.raises(TransferError) as failure:
            await Transfers(NoWait(), ssl.create_default_context).upload(
                place(port, "", "ftps"), file, retries=Retries(0)
            )
    assert (tmp_path / "back").read_bytes() == DATA
    assert failure.value.reason is Reason.DENIED


@pytest.mark.parametrize(
    ("path", "password", "reason"),
    [("none.bin", "se%20cret", Reason.NOT_FOUND), ("none.bin", "wrong", Reason.DENIED)],
)
async def test_what_the_server_refuses_is_told_apart(tmp_path: Path, path: str, password: str, reason: Reason) -> None:
    """A missing file is another matter than a wrong password, and the text shows neither password nor user."""
    with ftp_server(tmp_path / "ftp") as port, pytest.raises(TransferError) as failure:
        await transfers().download(
            place(port, path, password=password), tmp_path / "fw", retries=Retries(0), limits=ROOMY
        )
    assert failure.value.reason is reason
    assert "station" not in str(failure.value)
    assert password not in str(failure.value)
