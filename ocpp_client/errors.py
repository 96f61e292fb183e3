"""Every error of this room, under one root.

Three families, by whose fault it is and what can be done:

- ``DialError``: no connection came about. Wait and dial again; the leaf carries the evidence for a diagnosis.
- ``ConnectionLost``: there was a connection, and it is gone. What was in flight has an unknown outcome.
- ``CallFailed``: the connection stands, one CALL of ours did not get the answer it needed.

``Refuse`` is no failure: a handler raises it to answer a CALL with a CALLERROR.

Texts never hold a password, a header or the query string of a URL.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar

from ocpp_client.endpoint import without_secrets

if TYPE_CHECKING:
    from ocpp_client.messages import Violation

Evidence = dict[str, str | int | float]
"""What was observed: plain values, units in the names."""

_SAID_CHARS = 200

ABNORMAL_CLOSURE = 1006  # RFC 6455, section 7.1.5: what a connection without a close frame is said to have ended with


class OcppError(Exception):
    """The root: whatever ocpp_client raises on purpose."""

    kind: ClassVar[str] = "error"
    """One word for statistics and for the table of causes; it does not change with the wording of the text."""

    def evidence(self) -> Evidence:
        """Return what was observed, as plain values with units in the names."""
        return {}


def _printable(said: str) -> str:
    """Return what the other side said, fit for one line of a log."""
    return "".join(char if char.isprintable() else "?" for char in said[:_SAID_CHARS])


# --- no connection came about


class DialError(OcppError, ConnectionError):
    """No connection came about. ``url`` is where to, without user and query."""

    kind = "dial"

    def __init__(self, text: str, *, url: str) -> None:
        self.url = without_secrets(url)
        super().__init__(f"{text} (dialling {self.url})")


class UrlInvalid(DialError, ValueError):
    """The URL cannot be dialled at all; only another configuration helps."""

    kind = "url"

    def __init__(self, *, url: str, text: str) -> None:
        super().__init__(f"not a WebSocket URL: {text}; correct the configuration", url=url)


class NameUnresolved(DialError):
    """The host name has no address: DNS is down, or the name is wrong. ``number`` is the resolver's (EAI_…)."""

    kind = "dns"

    def __init__(self, *, url: str, number: int | None, text: str) -> None:
        self.number = number
        super().__init__(f"host name not resolved: {text}; check the name, then DNS and the uplink", url=url)

    def evidence(self) -> Evidence:
        return {} if self.number is None else {"eai": self.number}


class Unreachable(DialError):
    """The TCP connection failed. ``number`` is the errno, where the system gave one."""

    kind = "tcp"

    def __init__(self, *, url: str, number: int | None, text: str) -> None:
        self.number = number
        super().__init__(f"no TCP connection: {text}; check host, port, firewall and uplink", url=url)

    def evidence(self) -> Evidence:
        return {} if self.number is None else {"errno": self.number}


class DialTimeout(DialError, TimeoutError):
    """Name, TCP, TLS and upgrade together took longer than ``timeout_s``."""

    kind = "timeout"

    def __init__(self, *, url: str, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        super().__init__(f"no WebSocket within {timeout_s:g} s; check the uplink, then the server's load", url=url)

    def evidence(self) -> Evidence:
        return {"timeout_s": self.timeout_s}


class ProxyRefused(DialError):
    """The HTTP proxy of the configuration does not let us through. ``status`` is its answer to CONNECT, if it was HTTP."""

    kind = "proxy"

    def __init__(self, *, url: str, status: int | None) -> None:
        self.status = status
        answer = "gave no HTTP answer" if status is None else f"answered CONNECT with HTTP {status}"
        super().__init__(f"the proxy {answer}; check its address and whether it admits this station", url=url)

    def evidence(self) -> Evidence:
        return {} if self.status is None else {"proxy_status": self.status}


class TlsFailed(DialError):
    """The TLS handshake failed.

    ``reason`` is OpenSSL's name (``CERTIFICATE_VERIFY_FAILED``, ``WRONG_VERSION_NUMBER`` …); ``verify_code`` and
    ``verify_text`` are set when the certificate was refused (X509_V_ERR_…: 10 expired, 9 not yet valid, 62 other name,
    20 issuer unknown).
    """

    kind = "tls"

    def __init__(self, *, url: str, reason: str, verify_code: int | None = None, verify_text: str = "") -> None:
        self.reason = reason
        self.verify_code = verify_code
        self.verify_text = verify_text
        detail = f"{reason}: {verify_text}" if verify_text else reason
        super().__init__(f"TLS handshake failed: {detail}; check the clock, then certificates and port", url=url)

    def evidence(self) -> Evidence:
        found: Evidence = {"tls_reason": self.reason}
        if self.verify_code is not None:
            found["tls_verify_code"] = self.verify_code
            found["tls_verify_text"] = self.verify_text
        return found


class Refused(DialError):
    """The server answered the upgrade with ``status`` instead of 101.

    ``headers`` have lower-case names; ``body`` is the beginning of the answer, for a person to read.
    """

    kind = "http"

    def __init__(self, *, url: str, status: int, headers: Mapping[str, str], body: str = "") -> None:
        self.status = status
        self.headers = headers
        self.body = body
        super().__init__(f"upgrade refused with HTTP {status}; {_HTTP_ADVICE.get(status, _HTTP_DEFAULT)}", url=url)

    @property
    def retry_after_s(self) -> float | None:
        """Seconds the server asked to wait; None if it did not, or not readably (RFC 9110, section 10.2.3).

        A date is read against the ``Date`` of the same answer, so that the station's own clock does not matter.
        """
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        until, now = _http_date(value), _http_date(self.headers.get("date", ""))
        return max((until - now).total_seconds(), 0.0) if until and now else None

    def evidence(self) -> Evidence:
        found: Evidence = {"http_status": self.status}
        if "server" in self.headers:
            found["http_server"] = _printable(self.headers["server"])
        if self.body:
            found["http_body"] = _printable(self.body)
        if self.retry_after_s is not None:
            found["retry_after_s"] = self.retry_after_s
        return found


class Redirected(Refused):
    """The server sent us elsewhere. A charge point does not follow: ``location`` belongs into its configuration."""

    kind = "redirect"

    @property
    def location(self) -> str:
        """Where to, without user and query; empty if the answer did not say."""
        given = self.headers.get("location", "")
        return without_secrets(given) if "://" in given else given.partition("?")[0]

    def evidence(self) -> Evidence:
        return {**super().evidence(), "location": self.location}


class UpgradeInvalid(DialError):
    """What answered is not a WebSocket server, or its 101 breaks RFC 6455."""

    kind = "upgrade"

    def __init__(self, *, url: str, text: str) -> None:
        super().__init__(f"no valid WebSocket upgrade: {text}; check the port and the proxy in front", url=url)


class SubprotocolMismatch(DialError):
    """No OCPP version was agreed: ``chosen`` was not offered, or is None where the server named none."""

    kind = "subprotocol"

    def __init__(self, *, url: str, offered: Sequence[str], chosen: str | None) -> None:
        self.offered = tuple(offered)
        self.chosen = chosen
        answer = "named none" if chosen is None else f"chose {chosen!r}"
        text = f"no OCPP version agreed: offered {', '.join(self.offered)}, the server {answer}"
        super().__init__(f"{text}; check the versions enabled on both sides", url=url)

    def evidence(self) -> Evidence:
        return {"offered": ", ".join(self.offered), "chosen": self.chosen or ""}


_HTTP_DEFAULT = "check the URL and the proxy in front of the server"
_HTTP_ADVICE = {
    200: "the proxy in front does not pass WebSocket upgrades",
    301: "put the new address into the configuration",
    302: "put the new address into the configuration",
    307: "put the new address into the configuration",
    308: "put the new address into the configuration",
    400: "check for a missing client certificate and the path of the URL",
    401: "check the password of this station at both ends",
    403: "check that the server admits this station",
    404: "check the identity and the path of the URL",
    429: "the server limits connections; waiting longer",
    502: "the proxy stands, the server behind it does not",
    503: "the server is overloaded or restarting; waiting longer",
}


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date  # "-0000" is UTC as well


# --- the connection is gone


class ConnectionLost(OcppError, ConnectionError):
    """The connection ended.

    ``code`` and ``reason`` are those of the close frame that ended it, 1006 if there was none. ``clean`` tells whether
    close frames were exchanged. ``cause`` says who or what ended it:

    - ``peer``: the other side sent a close frame; ``local``: this side did, or dropped the connection on purpose;
    - ``broken``: the bytes stopped (reset, end of stream, time-out in TCP or TLS); ``number`` is the errno, if any;
    - ``protocol``: WebSocket rules or limits were broken, so the library failed the connection;
    - ``no-pong``: a ping was not answered in time; ``unanswered``: too many CALLs in a row were not.
    """

    kind = "lost"

    def __init__(
        self, code: int, reason: str = "", *, clean: bool = False, cause: str = "broken", number: int | None = None
    ) -> None:
        self.code = code
        self.reason = reason
        self.clean = clean
        self.cause = cause
        self.number = number
        said = f": {_printable(reason)}" if reason else ""
        super().__init__(f"connection lost ({cause}, close code {code}{said})")

    def again(self) -> "ConnectionLost":
        """Return an equal error, to be raised in another task (a raised one carries its own traceback)."""
        return ConnectionLost(self.code, self.reason, clean=self.clean, cause=self.cause, number=self.number)

    def evidence(self) -> Evidence:
        found: Evidence = {"close_code": self.code, "clean": int(self.clean), "cause": self.cause}
        if self.reason:
            found["close_reason"] = self.reason
        if self.number is not None:
            found["errno"] = self.number
        return found


# --- one call failed


class CallFailed(OcppError):
    """One CALL of ours did not get a usable answer; the connection stands."""

    kind = "call"

    def __init__(self, action: str, text: str) -> None:
        self.action = action
        super().__init__(text)

    def evidence(self) -> Evidence:
        return {"action": self.action}


class CallError(CallFailed, RuntimeError):
    """The peer answered with a CALLERROR: ``code`` as it was spelt, ``description`` and ``details`` as they came."""

    kind = "call-error"

    def __init__(self, code: str, description: str, details: Mapping[str, Any], *, action: str = "") -> None:
        self.code = code
        self.description = description
        self.details = details
        said = f": {_printable(description)}" if description else ""
        super().__init__(action, f"{action or 'call'} answered with {_printable(code)}{said}")

    def evidence(self) -> Evidence:
        return {**super().evidence(), "error_code": self.code}


class CallTimeout(CallFailed, TimeoutError):
    """No answer came within ``timeout_s`` of sending. The peer may or may not have acted on the message."""

    kind = "call-timeout"

    def __init__(self, action: str, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        super().__init__(action, f"{action} not answered within {timeout_s:g} s")

    def evidence(self) -> Evidence:
        return {**super().evidence(), "timeout_s": self.timeout_s}


class AnswerInvalid(CallFailed, ValueError):
    """The CALLRESULT breaks the schema of its action.

    ``raw`` is the decoded payload (empty if it cannot be decoded), ``usable`` those of its fields that are valid by
    themselves, under their Python names. The peer has processed the message: sending it again is seldom right.
    """

    kind = "answer-invalid"

    def __init__(
        self, action: str, violations: "Sequence[Violation]", raw: dict[str, Any], usable: dict[str, Any]
    ) -> None:
        self.violations = tuple(violations)
        self.raw = raw
        self.usable = usable
        first = f"{self.violations[0].path}: {self.violations[0].text}" if self.violations else "unreadable"
        super().__init__(action, f"{action} answered against its schema ({first}); report it to the CSMS operator")


class MessageTooLarge(CallFailed, ValueError):
    """The message would exceed ``limit_bytes`` and was not sent. Split it or thin it; unchanged it will never go."""

    kind = "too-large"

    def __init__(self, action: str, size_bytes: int, limit_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        super().__init__(action, f"{action} takes {size_bytes} bytes, the limit is {limit_bytes}: split it or thin it")

    def evidence(self) -> Evidence:
        return {**super().evidence(), "size_bytes": self.size_bytes, "limit_bytes": self.limit_bytes}


# --- what a handler may say


class Refuse(OcppError):
    """Raised by a handler to answer the CALL with a CALLERROR of this ``code`` (``NotSupported``, ``SecurityError`` …)."""

    kind = "refuse"

    def __init__(self, code: str, description: str = "", details: Mapping[str, Any] | None = None) -> None:
        self.code = code
        self.description = description
        self.details = details or {}
        super().__init__(f"{code}: {description}" if description else code)
