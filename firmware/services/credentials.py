"""What TLS dials with: roots and the station's own chain, from the configuration and from the certificate store.

Rules (OCPP 1.6 security whitepaper, edition 3, A02 and M05):
- What was installed wins over what the configuration names; roots of both are trusted.
- A root that is to replace another one is tried alone. When the server is refused with it, the next attempt uses the old one, then the
  new one again; after a connection that was accepted with the new one the old one is deleted.
- A new certificate of the station that is refused `TRIES` times before it was ever accepted is left aside for the one before it, until
  the program starts again.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firmware.config import CsmsTable
from firmware.services.certificates import CertificateStore, OwnCertificate, StoreError, Use
from ocpp_client.causes import Cause

log = logging.getLogger(__name__)

TRIES: Final = 3
SERVER_REFUSED: Final = frozenset(
    {Cause.ROOT_UNKNOWN, Cause.INTERMEDIATE_MISSING, Cause.CERTIFICATE_INVALID, Cause.CERTIFICATE_EXPIRED}
)

KeyFile = Callable[[str], Path | None]
"""A file from which TLS can use the key of this id, None where there is no such way."""


class Credentials:
    """Chooses for each attempt, and learns from how it ended."""

    def __init__(
        self, store: CertificateStore, csms: CsmsTable, key_file: KeyFile, wall: Callable[[], float | None]
    ) -> None:
        self._store = store
        self._csms = csms
        self._key_file = key_file
        self._wall = wall
        self._with_fallback = False
        self._failures = 0
        self._distrusted: frozenset[str] = frozenset()
        self._proven: str | None = None  # fingerprint of the chain that was accepted last
        self._dialled: str | None = None  # of the present or last attempt
        self._anchor: str | None = None

    # ---- for whoever dials ------------------------------------------------------------------------------------------------

    def roots(self) -> Path | None:
        """The file of roots for the next attempt, None for those of the system. Raises StoreError."""
        self._anchor = None
        return self._store.bundle(fallback=self._with_fallback)

    def client(self) -> tuple[Path, Path | None] | None:
        """Chain and key for the next attempt, None where there is no certificate of the station."""
        own = self._own()
        if own is not None:
            key = self._key_file(own.key_id)
            if key is not None:
                self._dialled = own.fingerprint
                return self._store.own_file(own), key
            log.warning("TLS cannot use the key of the station's certificate key=%s", own.key_id)
        self._dialled = None
        if self._csms.client_certificate_file is None:
            return None
        key_file = self._csms.client_key_file
        return Path(self._csms.client_certificate_file), None if key_file is None else Path(key_file)

    def anchored(self, fingerprint: str) -> None:
        """The server's chain ends at this root."""
        self._anchor = fingerprint

    # ---- what is there ------------------------------------------------------------------------------------------------------

    @property
    def anchor(self) -> str | None:
        """Fingerprint of the root that the present connection, or the last attempt, rests on."""
        return self._anchor

    @property
    def has_roots(self) -> bool:
        """Whether there is a root of a central system beside those of the system."""
        return self._csms.ca_file is not None or bool(self._store.roots(Use.CSMS_ROOT))

    @property
    def has_client(self) -> bool:
        """Whether there is a certificate of the station that TLS can use."""
        own = self._own()
        usable = own is not None and self._key_file(own.key_id) is not None
        return usable or self._csms.client_certificate_file is not None

    @property
    def is_renewed(self) -> bool:
        """Whether another certificate counts now than the one that the connection was dialled with."""
        own = self._own()
        return own is not None and own.fingerprint != self._dialled

    def _own(self) -> OwnCertificate | None:
        return self._store.own(self._wall(), without=self._distrusted)

    # ---- how it went --------------------------------------------------------------------------------------------------------

    def proven(self) -> None:
        """The station was accepted on a connection."""
        self._failures, self._proven = 0, self._dialled
        fallback, self._with_fallback = self._store.fallback, False
        if fallback is None or self._anchor is None or self._anchor == fallback.fingerprint:
            return
        try:
            self._store.remove_root(fallback)
        except StoreError as error:
            log.error("old root left behind error=%s", error)
        else:
            log.info("new root proven, the one before it is gone fingerprint=%s", fallback.fingerprint[:16])

    def failed(self, cause: Cause) -> None:
        """An attempt failed."""
        if cause in SERVER_REFUSED and self._store.fallback is not None:
            self._with_fallback = not self._with_fallback
            log.warning("next attempt with the other root fallback=%s", self._with_fallback)
        if cause is Cause.CLIENT_CERTIFICATE and self._dialled is not None and self._dialled != self._proven:
            self._failures += 1
            if self._failures >= TRIES:
                self._failures = 0
                log.error("new certificate of the station refused, left aside fingerprint=%s", self._dialled[:16])
                self._distrusted |= {self._dialled}
