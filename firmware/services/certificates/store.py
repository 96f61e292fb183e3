"""Where certificates lie: PEM files in a directory of their own, and an index of what is known of them.

Rules:
- A file is written whole under another name, synced and renamed; the index follows the file. What is not in the index is not there.
- The directory is 0700, every file 0600.
- The bundle of CSMS roots, which TLS reads, is made anew with each change.
- Of the station's own chains the one with the newest begin of validity that has been reached counts; an old one is kept for about a
  month, in case the central system does not know the newer one yet.
"""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from firmware.services.certificates.values import CertificateHash, Installed, OwnCertificate, Use

log = logging.getLogger(__name__)

DIRECTORY: Final = "certificates"
INDEX: Final = "index.json"
BUNDLE: Final = "csms-roots.pem"
OLD_CHAIN_S: Final = 31 * 86_400.0


class StoreError(OSError):
    """The disk does not take or give a certificate."""


@dataclass(frozen=True, slots=True)
class _Index:
    roots: tuple[Installed, ...] = ()
    own: tuple[OwnCertificate, ...] = ()
    fallback: str | None = None  # fingerprint of the CSMS root that a new one is to replace
    requested: tuple[str, ...] = ()  # ids of keys that a certificate was asked for


class CertificateStore:
    """Files and index. Every method may block for a moment: the files are small and few."""

    def __init__(self, state_dir: Path, *, configured_roots: Path | None = None) -> None:
        """`configured_roots` is the configuration's file of CSMS roots; it stays beside what is installed."""
        self.directory = state_dir / DIRECTORY
        self._configured_roots = configured_roots
        self._index = _Index()

    def open(self) -> None:
        """Make the directory and read the index. Raises StoreError."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            path = self.directory / INDEX
            if path.is_file():
                self._index = _decoded(path.read_bytes())
        except (ValueError, KeyError, TypeError) as error:
            log.error("index of certificates unreadable, begun anew file=%s error=%r", self.directory / INDEX, error)
        except OSError as error:
            raise StoreError(f"{self.directory}: {error.strerror}") from error

    # ---- roots ----------------------------------------------------------------------------------------------------------

    def roots(self, use: Use) -> tuple[Installed, ...]:
        """The roots installed for a use."""
        return tuple(each for each in self._index.roots if each.use is use)

    def pem(self, fingerprint: str) -> bytes:
        """A certificate or chain. Raises StoreError."""
        try:
            return self._file(fingerprint).read_bytes()
        except OSError as error:
            raise StoreError(f"certificate {fingerprint[:16]}: {error.strerror}") from error

    def add_root(self, root: Installed, pem: bytes) -> None:
        """Keep a root; one that is there already is replaced. Raises StoreError."""
        self._write(self._file(root.fingerprint).name, pem)
        others = [each for each in self._index.roots if (each.use, each.fingerprint) != (root.use, root.fingerprint)]
        self._change(replace(self._index, roots=(*others, root)))

    def remove_root(self, root: Installed) -> None:
        """Forget a root. Raises StoreError."""
        left = tuple(each for each in self._index.roots if each != root)
        fallback = None if self._index.fallback == root.fingerprint else self._index.fallback
        self._change(replace(self._index, roots=left, fallback=fallback))
        if all(each.fingerprint != root.fingerprint for each in left):
            self._remove(self._file(root.fingerprint))

    @property
    def fallback(self) -> Installed | None:
        """The CSMS root that is kept until a connection with its successor has succeeded."""
        return next((each for each in self._index.roots if each.fingerprint == self._index.fallback), None)

    def keep_as_fallback(self, root: Installed | None) -> None:
        """Mark a root as such; None: none is needed any more. Raises StoreError."""
        self._change(replace(self._index, fallback=None if root is None else root.fingerprint))

    def bundle(self, *, fallback: bool = False) -> Path | None:
        """The file of CSMS roots to dial with, None for those of the system. Raises StoreError.

        While a new root is on trial it is the only one; with `fallback` the one before it is.
        """
        roots, kept = self.roots(Use.CSMS_ROOT), self.fallback
        if kept is not None:
            roots = (kept,) if fallback else tuple(each for each in roots if each != kept)
        if not roots:
            return self._configured_roots
        pems = [self.pem(each.fingerprint) for each in roots]
        if self._configured_roots is not None and kept is None:
            try:
                pems.append(self._configured_roots.read_bytes())
            except OSError as error:
                raise StoreError(f"{self._configured_roots}: cannot be read: {error.strerror}") from error
        self._write(BUNDLE, b"\n".join(pems))
        return self.directory / BUNDLE

    # ---- the station's own ------------------------------------------------------------------------------------------------

    def own(self, now_s: float | None, *, without: frozenset[str] = frozenset()) -> OwnCertificate | None:
        """The chain that counts at a time; at an unknown one the newest. `without` are fingerprints that do not count."""
        reached = [
            each
            for each in self._index.own
            if each.fingerprint not in without and (now_s is None or each.not_before_s <= now_s)
        ]
        return max(reached, key=lambda each: (each.not_before_s, each.installed_s or 0.0), default=None)

    def own_file(self, own: OwnCertificate) -> Path:
        """Where a chain lies."""
        return self._file(own.fingerprint)

    def add_own(self, own: OwnCertificate, pem: bytes) -> tuple[OwnCertificate, ...]:
        """Keep a chain; returns those that are not needed any more and are gone now. Raises StoreError."""
        self._write(self._file(own.fingerprint).name, pem)
        others = [each for each in self._index.own if each.fingerprint != own.fingerprint]
        gone = [each for each in others if _outlived(each, own.installed_s)]
        kept = (*(each for each in others if each not in gone), own)
        self._change(replace(self._index, own=kept))
        for each in gone:
            self._remove(self._file(each.fingerprint))
        return tuple(gone)

    @property
    def owned(self) -> tuple[OwnCertificate, ...]:
        """All chains of the station's own."""
        return self._index.own

    @property
    def requested(self) -> tuple[str, ...]:
        """Ids of keys that a certificate was asked for and has not come, oldest first."""
        return self._index.requested

    def keep_requested(self, key_ids: tuple[str, ...]) -> None:
        """Remember them. Raises StoreError."""
        self._change(replace(self._index, requested=key_ids))

    # ---- files ------------------------------------------------------------------------------------------------------------

    def _file(self, fingerprint: str) -> Path:
        return self.directory / f"{fingerprint}.pem"

    def _change(self, index: _Index) -> None:
        self._write(INDEX, json.dumps(asdict(index)).encode())
        self._index = index

    def _write(self, name: str, data: bytes) -> None:
        write_private(self.directory / name, data)

    @staticmethod
    def _remove(path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("certificate file left behind file=%s error=%s", path.name, error)


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in one step, readable by its owner only, and bring it to the disk. Raises StoreError."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error


def _outlived(own: OwnCertificate, newer_since_s: float | None) -> bool:
    """Whether a newer chain has had a month to prove itself, judged by when the older one was replaced."""
    if newer_since_s is None or own.installed_s is None:
        return False
    return newer_since_s - own.installed_s > OLD_CHAIN_S or own.not_after_s < newer_since_s


def _decoded(data: bytes) -> _Index:
    row: dict[str, Any] = json.loads(data)
    return _Index(
        roots=tuple(_root(each) for each in row["roots"]),
        own=tuple(OwnCertificate(**each) for each in row["own"]),
        fallback=row["fallback"],
        requested=tuple(row["requested"]),
    )


def _root(row: dict[str, Any]) -> Installed:
    hashes: Iterable[dict[str, str]] = row.pop("hashes")
    return Installed(use=Use(row.pop("use")), hashes=tuple(CertificateHash(**each) for each in hashes), **row)
