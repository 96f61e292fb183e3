"""Where a file comes from or goes to: a URL, taken apart once, whose credentials never show.

A URL for uploads may name a directory. With HTTP that is one whose path ends in a slash; with FTP every path is one whose last
part has no dot in it, because operators write `ftp://host/logs` and mean a directory.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Self
from urllib.parse import quote, unquote, urljoin, urlsplit

from firmware.services.transfer.errors import Reason, TransferError

PORTS: Final = {"http": 80, "https": 443, "ftp": 21, "ftps": 21}
IMPLICIT_FTPS_PORT: Final = 990
LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Location:
    """A place for a file. `target` is the percent-encoded path with its query, as HTTP sends it."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a URL apart. Raises TransferError: BAD_LOCATION, or NOT_SUPPORTED for another scheme."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise TransferError(Reason.BAD_LOCATION, f"not a URL: {error}") from None
        scheme = parts.scheme.lower()
        if scheme not in PORTS:
            raise TransferError(
                Reason.NOT_SUPPORTED, f"no way to move files by {scheme[:20]!r}; there are {', '.join(PORTS)}"
            )
        if not parts.hostname or len(text) > LONGEST or any(ord(letter) <= 32 for letter in text.strip()):
            raise TransferError(Reason.BAD_LOCATION, "not a URL: no host, too long, or blanks in it")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        return cls(
            scheme,
            parts.hostname,
            port or PORTS[scheme],
            f"{path}?{parts.query}" if parts.query else path,
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
        )

    def __str__(self) -> str:
        """For people and logs: no credentials, no query, and of the path the last part only, for paths hold secrets too."""
        directory = "/…/" if self.path.count("/") > 1 else "/"
        return f"{self.scheme}://{self.host}:{self.port}{directory}{self.name}"

    @property
    def path(self) -> str:
        """The path alone, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def name(self) -> str:
        """The last part of the path, decoded; empty for a directory."""
        return unquote(self.path.rpartition("/")[2])

    @property
    def uses_tls(self) -> bool:
        """Whether the way is encrypted."""
        return self.scheme in ("https", "ftps")

    def for_upload(self, file_name: str) -> Self:
        """The place of a file of this name, where this may be the place of a directory."""
        path, mark, query = self.target.partition("?")
        is_directory = path.endswith("/") or (self.scheme.startswith("ftp") and "." not in self.name)
        if not is_directory:
            return self
        return replace(self, target=f"{path.removesuffix('/')}/{quote(file_name)}{mark}{query}")

    def redirected(self, to: str) -> Self:
        """Where a redirection leads. Credentials stay with the host they were given for; encryption is not given up."""
        url = urljoin(f"{self.scheme}://{self.host}:{self.port}{self.target}", to)
        there = self.parse(url)
        if self.uses_tls and not there.uses_tls:
            raise TransferError(Reason.BAD_LOCATION, f"{self} redirects to a place without TLS")
        if (there.host, there.port, there.scheme) == (self.host, self.port, self.scheme):
            return replace(there, user=self.user, password=self.password)
        return there
