"""One nginx with a server for each way in which a server can be wrong."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from tests.lab.pki import DAY, Pki, issue
from tests.lab.programs import free_ports

PROXY = """
    location / {{
      proxy_pass http://127.0.0.1:{backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout {idle};
    }}"""

NAMES = (
    "good",
    "expired",
    "future",
    "other_name",
    "leaf_only",
    "unknown_root",
    "old_tls",
    "client_certificate",
    "plain",
    "no_upgrade",
    "ok",
    "not_found",
    "dead_upstream",
    "unavailable",
    "moved",
    "idle",
    "limited",
    "after_seconds",
    "after_date",
)


class Nginx:
    """The configuration, and on which port which server is. `backend` is where a CSMS is to listen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pki = Pki(folder)
        self.backend, dead, *ports = free_ports(len(NAMES) + 2)
        self.ports = dict(zip(NAMES, ports, strict=True))
        now = datetime.now(UTC)
        stranger = issue("Another root", authority=True)
        foreign = issue("Another intermediate", stranger, authority=True)
        pki = self.pki
        later = format_datetime(now + timedelta(seconds=3600), usegmt=True)
        proxy = PROXY.format(backend=self.backend, idle="60s")
        blocks = [
            self._server("good", proxy, pki.server("good", "localhost")),
            self._server("expired", proxy, pki.server("expired", "localhost", begins=now - 90 * DAY, ends=now - DAY)),
            self._server("future", proxy, pki.server("future", "localhost", begins=now + 9 * DAY, ends=now + 90 * DAY)),
            self._server("other_name", proxy, pki.server("other", "csms.example")),
            self._server("leaf_only", proxy, pki.server("alone", "localhost", with_intermediate=False)),
            self._server("unknown_root", proxy, pki.server("foreign", "localhost", issuer=foreign)),
            self._server(
                "old_tls", f"ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;{proxy}", pki.folder / "good.pem"
            ),
            self._server(
                "client_certificate",
                f"ssl_verify_client on; ssl_client_certificate {pki.roots}; ssl_verify_depth 3;{proxy}",
                pki.folder / "good.pem",
            ),
            self._server("plain", proxy),
            self._server(
                "no_upgrade", f"location / {{ proxy_pass http://127.0.0.1:{self.backend}; proxy_http_version 1.1; }}"
            ),
            self._server("ok", "return 200 'hello';"),
            self._server("not_found", "return 404;"),
            self._server("dead_upstream", PROXY.format(backend=dead, idle="60s")),
            self._server("unavailable", "return 503;"),
            self._server("moved", "return 301 wss://elsewhere.example/ocpp?token=hunter2;"),
            self._server("idle", PROXY.format(backend=self.backend, idle="2s")),
            self._server("limited", f"limit_req zone=one;{proxy}"),
            self._server("after_seconds", "add_header Retry-After 7 always; return 503;"),
            self._server("after_date", f"add_header Retry-After '{later}' always; return 429;"),
        ]
        self.config = folder / "nginx.conf"
        self.config.write_text(
            f"daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;\n"
            "events { worker_connections 64; }\n"
            "http {\n  access_log off;\n"
            "  limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;\n  limit_req_status 429;\n"
            + "".join(
                f"  {kind}_temp_path {folder}/{kind};\n"
                for kind in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
            )
            + "".join(blocks)
            + "}\n"
        )

    def command(self, program: str) -> list[str]:
        """How to start it."""
        return [program, "-p", str(self.folder), "-c", str(self.config)]

    def url(self, name: str, *, tls: bool = True) -> str:
        """An endpoint on the loopback."""
        return f"{'wss' if tls else 'ws'}://localhost:{self.ports[name]}/ocpp"

    def _server(self, name: str, body: str, certificate: Path | None = None) -> str:
        listen = f"listen 127.0.0.1:{self.ports[name]}{'' if certificate is None else ' ssl'};"
        files = "" if certificate is None else f"ssl_certificate {certificate}; ssl_certificate_key {certificate};"
        return f"  server {{ {listen} {files} {body}\n  }}\n"
