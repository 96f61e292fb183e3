"""Real file servers on loopback: the standard library's HTTP server with ranges and faults, and pyftpdlib with and without TLS."""

import base64
import datetime as dt
import ipaddress
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import ThreadedFTPServer


@dataclass
class Behaviour:
    """What the HTTP server does beside serving `files`."""

    files: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    break_after: list[int] = field(default_factory=list)  # bytes, for the next downloads
    statuses: list[int] = field(default_factory=list)  # for the next requests, instead of serving
    redirects: dict[str, str] = field(default_factory=dict)
    put: bool = True
    credentials: str | None = None
    tag: str | None = '"1"'
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def http_server(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The server; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _short(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _refused(self) -> bool:
            behaviour.requests.append((self.command, self.path, dict(self.headers)))
            if behaviour.statuses:
                self._short(behaviour.statuses.pop(0))
                self.close_connection = True
                return True
            if behaviour.credentials is not None:
                pair = base64.b64encode(behaviour.credentials.encode()).decode()
                if self.headers.get("Authorization") != f"Basic {pair}":
                    self._short(401)
                    self.close_connection = True
                    return True
            if self.path in behaviour.redirects:
                self._short(302, Location=behaviour.redirects[self.path])
                return True
            return False

        def do_GET(self) -> None:
            if self._refused():
                return
            data = behaviour.files.get(self.path)
            if data is None:
                self._short(404)
                return
            start = 0
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if wanted and self.headers.get("If-Range") == behaviour.tag:
                start = int(wanted[1])
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            if behaviour.tag:
                self.send_header("ETag", behaviour.tag)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            end = len(data)
            if behaviour.break_after:
                end = start + behaviour.break_after.pop(0)
            self.wfile.write(data[start:end])
            self.wfile.flush()
            if end < len(data):
                self.close_connection = True

        def do_PUT(self) -> None:
            if self.command == "PUT" and not behaviour.put:
                behaviour.requests.append((self.command, self.path, dict(self.headers)))
                self.rfile.read(int(self.headers["Content-Length"]))
                self._short(405)
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self._refused():
                return
            behaviour.uploads[self.path] = body
            self._short(201)

        do_POST = do_PUT  # noqa: N815 - the name that the library looks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _served(server):
        yield server.server_address[1]


@contextmanager
def _served(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1: the certificate's file, and one with the key before it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "files")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    root, both = directory / "files-root.pem", directory / "files-server.pem"
    root.write_bytes(pem)
    both.write_bytes(private + pem)
    return root, both


@contextmanager
def ftp_server(
    home: Path, *, pem: Path | None = None, user: str = "station", password: str = "se cret"
) -> Iterator[int]:
    """pyftpdlib, with explicit TLS that it insists on when given a certificate; yields its port."""
    home.mkdir(exist_ok=True)
    authorizer = DummyAuthorizer()
    authorizer.add_user(user, password, str(home), perm="elradfmwMT")
    handler: Any = type("Handler", (TLS_FTPHandler if pem else FTPHandler,), {"authorizer": authorizer})
    if pem is not None:
        handler.certfile = str(pem)
        handler.tls_control_required = handler.tls_data_required = True
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.02}, daemon=True)
    thread.start()
    try:
        yield int(server.address[1])
    finally:
        server.close_all()
        thread.join(5)
