"""TLS as the security profiles want it: the context to dial with, and how far certificate times are believed.

Rules (OCPP 1.6 security whitepaper, edition 3, sections 2.3-2.5; OCPP 2.0.1 part 2, A00):
- TLS 1.2 or newer; the suites that the standard names, and the forward-secret RSA ones; no compression, no renegotiation.
- Chain and host name are always verified, against roots of our own or the system's. There is no switch to turn that off.
- While the clock cannot be believed, a `Window` may stand for "now": each certificate of the verified chain must have been
  valid at some moment inside it. That is decided inside the handshake, before a byte of HTTP is sent.
"""

import hashlib
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

log = logging.getLogger(__name__)

SUITES: Final = (
    # The standard's own: a station has to offer the first two or the last two.
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    # What servers with an RSA certificate prefer today.
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
"""For TLS 1.2, in OpenSSL's names. The suites of TLS 1.3 are all fit for use and stay as the library has them."""

NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h, which Python does not name."""

EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
NOT_YET_VALID: Final = 9  # X509_V_ERR_CERT_NOT_YET_VALID


class TlsFilesInvalid(ValueError):
    """A certificate or key file cannot be used. The text names the file and says why."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time is somewhere from `earliest_s` to `latest_s` (POSIX seconds)."""

    earliest_s: float
    latest_s: float

    def __post_init__(self) -> None:
        if not self.earliest_s <= self.latest_s:
            raise ValueError(f"a window from {self.earliest_s} to {self.latest_s} has no inside")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of a TLS client, all PEM. The key may be in the file of the chain."""

    roots: Path | None = None
    """CSMS roots; None for those of the system."""
    client_chain: Path | None = None
    client_key: Path | None = None


def client_context(
    files: TlsFiles, *, window: Window | None = None, anchored: Callable[[str], None] | None = None
) -> ssl.SSLContext:
    """Return the context to dial a CSMS with. Reads the files; raises TlsFilesInvalid.

    With `window`, certificate times are judged by it instead of by the clock. `anchored` is told the SHA-256 fingerprint of the
    root that a verified chain ends at.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and host name, no compression
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(":".join(SUITES))
    _load_roots(context, files.roots)
    if files.client_chain is not None:
        _load_client(context, files.client_chain, files.client_key)
    if window is not None:
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
    if window is not None or anchored is not None:
        context.sslobject_class = _watched(window, anchored)
    return context


def _load_roots(context: ssl.SSLContext, roots: Path | None) -> None:
    if roots is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cafile=roots)
        # A root that was installed is believed by itself, also when another one has signed it.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    except ssl.SSLError as error:
        raise TlsFilesInvalid(
            f"{roots}: no certificate in it ({error.reason}); it must hold CSMS roots as PEM"
        ) from None
    except OSError as error:
        raise TlsFilesInvalid(f"{roots}: cannot be read: {error.strerror}; put the CSMS roots there as PEM") from None


def _load_client(context: ssl.SSLContext, chain: Path, key: Path | None) -> None:
    try:
        # Without a password given, OpenSSL would ask for one on the terminal, and the station would stand still.
        context.load_cert_chain(chain, key, password=lambda: b"")
    except ssl.SSLError as error:
        where = chain if key is None else f"{chain} with {key}"
        raise TlsFilesInvalid(
            f"{where}: {error.reason or 'no certificate and key in it'}; the chain must be PEM and the key its own, without a password"
        ) from None
    except OSError as error:
        raise TlsFilesInvalid(f"{error.filename or chain}: cannot be read: {error.strerror}") from None


def _watched(window: Window | None, anchored: Callable[[str], None] | None) -> type[ssl.SSLObject]:
    class WatchedObject(ssl.SSLObject):
        """Looks at the verified chain. Ends the handshake when a certificate of it was valid at no moment of the window."""

        def do_handshake(self) -> None:
            super().do_handshake()
            # The library's public way to the whole verified chain begins with Python 3.13; this one is older.
            chain = self._sslobj.get_verified_chain()  # type: ignore[attr-defined]
            if window is not None:
                for certificate in chain:
                    _check_times(certificate.get_info(), window)
                log.warning(
                    "certificate times judged by a window, the clock is not believed certificates=%d", len(chain)
                )
            if anchored is not None and chain:
                anchored(hashlib.sha256(ssl.PEM_cert_to_DER_cert(chain[-1].public_bytes())).hexdigest())

    return WatchedObject


def _check_times(info: Mapping[str, Any], window: Window) -> None:
    begins_s, ends_s = ssl.cert_time_to_seconds(info["notBefore"]), ssl.cert_time_to_seconds(info["notAfter"])
    if ends_s < window.earliest_s:
        raise _refusal(EXPIRED, f"certificate has expired ({info['notAfter']}), whatever the true time is")
    if begins_s > window.latest_s:
        raise _refusal(NOT_YET_VALID, f"certificate is not yet valid ({info['notBefore']}), whatever the true time is")


def _refusal(code: int, text: str) -> ssl.SSLCertVerificationError:
    """The error that OpenSSL's own check of times would have led to."""
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {text}")
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    error.verify_code = code
    error.verify_message = text
    return error
