"""FTP and FTPS by the standard library, in a thread: its client blocks. Cancelling closes its socket, which ends the thread.

`ftps` is explicit TLS (AUTH TLS, RFC 4217), and implicit TLS on port 990. Data connections are encrypted as well and resume the
session of the control connection, which many servers insist on. Binary and passive; REST resumes in both directions (RFC 3659).
"""

import asyncio
import ftplib
import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from firmware.services.transfer.errors import Reason, TransferError
from firmware.services.transfer.files import Growing, Limits, Progress
from firmware.services.transfer.location import IMPLICIT_FTPS_PORT, Location
from firmware.services.transfer.timeouts import PATIENT, Timeouts, Tls

CHUNK: Final = 256 * 1024
END_S: Final = 5.0  # for the thread to end after its socket was closed


class _FtpTls(ftplib.FTP_TLS):
    """Implicit TLS where wanted, and session reuse on data connections."""

    implicit = False

    def connect(self, host: str = "", port: int = 0, timeout: float = -999, source_address: Any = None) -> str:
        """Connect; with implicit TLS the handshake comes before the welcome."""
        if not self.implicit:
            return super().connect(host, port, timeout, source_address)
        self.host, self.port, self.timeout = host, port, timeout
        plain = socket.create_connection((host, port), timeout)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """Open a data connection."""
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - the base class, under our TLS
        if self._prot_p:  # type: ignore[attr-defined]
            session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
            connection = self.context.wrap_socket(connection, server_hostname=self.host, session=session)
        return connection, size


class _Job:
    """One transfer in a thread, which another thread may end."""

    def __init__(self, place: Location, tls: Tls, timeouts: Timeouts) -> None:
        self._place = place
        self._tls = tls
        self._timeouts = timeouts
        self._ftp: ftplib.FTP | None = None
        self._ended = False

    def end(self) -> None:
        """Let whatever it waits for fail."""
        self._ended = True
        sock = self._ftp.sock if self._ftp is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already

    def run(self, work: Callable[[ftplib.FTP, str], None]) -> None:
        """Log in, go to the directory, do the work with the file's name. Raises TransferError."""
        place = self._place
        try:
            with self._connected() as ftp:
                directory, _, name = unquote(place.path).rpartition("/")
                if "\r" in place.path or "\n" in unquote(place.path) or not name:
                    raise TransferError(Reason.BAD_LOCATION, f"{place} names no file")
                if directory.strip("/"):
                    ftp.cwd(directory.lstrip("/"))
                work(ftp, name)
        except ftplib.error_perm as error:
            raise _refusal(place, str(error)) from error
        except ftplib.Error as error:
            raise TransferError(Reason.BROKEN, f"{place}: {str(error)[:100]}") from error
        except (OSError, EOFError) as error:
            reason = Reason.UNREACHABLE if self._ftp is None or self._ftp.sock is None else Reason.BROKEN
            if isinstance(error, ssl.SSLCertVerificationError):
                reason = Reason.DENIED
            raise TransferError(reason, f"{place}: {error or type(error).__name__}") from error

    def _connected(self) -> ftplib.FTP:
        place, connect_s = self._place, self._timeouts.connect_s
        ftp: ftplib.FTP
        if place.uses_tls:
            ftp = _FtpTls(context=self._tls(), timeout=connect_s, encoding="utf-8")
            ftp.implicit = place.port == IMPLICIT_FTPS_PORT
        else:
            ftp = ftplib.FTP(timeout=connect_s, encoding="utf-8")  # noqa: S321 - operators use it; the docs say what it costs
        self._ftp = ftp
        ftp.connect(place.host, place.port, timeout=connect_s)
        if ftp.sock is not None:
            ftp.sock.settimeout(self._timeouts.idle_s)
        ftp.timeout = self._timeouts.idle_s
        ftp.login(place.user or "anonymous", place.password or "")
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.prot_p()
        ftp.voidcmd("TYPE I")
        return ftp

    def check(self) -> None:
        """Stop between two pieces once ended."""
        if self._ended:
            raise TransferError(Reason.BROKEN, f"{self._place}: ended")


class FtpCarrier:
    """Moves files over FTP. `tls` makes the context for FTPS."""

    def __init__(self, tls: Tls, timeouts: Timeouts = PATIENT) -> None:
        self._tls = tls
        self._timeouts = timeouts

    async def download(self, place: Location, path: Path, limits: Limits, progress: Progress) -> None:
        """Fetch a file, going on with what is there of it. Raises TransferError."""
        job = _Job(place, self._tls, self._timeouts)
        await _in_thread(job, partial(_download, job, path, limits, progress))

    async def upload(self, place: Location, path: Path, progress: Progress) -> None:
        """Send a file, going on with what is there of it. Raises TransferError."""
        job = _Job(place, self._tls, self._timeouts)
        await _in_thread(job, partial(_upload, job, path, progress))


async def _in_thread(job: _Job, work: Callable[[ftplib.FTP, str], None]) -> None:
    running = asyncio.get_running_loop().run_in_executor(None, job.run, work)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        job.end()
        await asyncio.wait([running], timeout=END_S)
        if running.done():
            running.exception()  # it failed because it was ended
        raise


def _download(job: _Job, path: Path, limits: Limits, progress: Progress, ftp: ftplib.FTP, name: str) -> None:
    with Growing(path, limits) as file:
        total = _size(ftp, name)
        tag = f"{total} {_modified(ftp, name)}"
        begin = file.size if file.tag == tag and total is not None and file.size <= total else 0
        file.begin(begin, total, tag)

        def received(data: bytes) -> None:
            job.check()
            file.write(data)
            progress(file.size, total)

        ftp.retrbinary(f"RETR {name}", received, CHUNK, rest=begin or None)
        if total is not None and file.size != total:
            raise TransferError(Reason.BROKEN, f"{path.name}: {file.size} of {total} bytes")
        file.complete()


def _upload(job: _Job, path: Path, progress: Progress, ftp: ftplib.FTP, name: str) -> None:
    total = path.stat().st_size
    there = _size(ftp, name) or 0
    # file names are made anew for each upload: what is there under this one is a part of this file
    done = there if there <= total else 0
    with path.open("rb") as file:
        file.seek(done)

        def sent(data: bytes) -> None:
            nonlocal done
            job.check()
            done += len(data)
            progress(done, total)

        ftp.storbinary(f"STOR {name}", file, CHUNK, sent, rest=done or None)


def _size(ftp: ftplib.FTP, name: str) -> int | None:
    try:
        return ftp.size(name)
    except ftplib.error_perm:
        return None  # not there, or a server that does not tell


def _modified(ftp: ftplib.FTP, name: str) -> str:
    try:
        return ftp.voidcmd(f"MDTM {name}")
    except ftplib.error_perm:
        return ""


def _refusal(place: Location, text: str) -> TransferError:
    code = text[:3]
    reasons = {"530": Reason.DENIED, "532": Reason.DENIED, "550": Reason.NOT_FOUND, "552": Reason.TOO_LARGE}
    reason = reasons.get(code, Reason.NOT_SUPPORTED if code in ("500", "502", "504") else Reason.DENIED)
    return TransferError(reason, f"{place} answered {code}")
