"""What central systems ask about certificates, in no protocol's words. Everything that blocks happens in a thread, one thing at a time.

`cryptography` is imported with the first question.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from firmware.services.certificates.store import CertificateStore, StoreError
from firmware.services.certificates.values import CertificateHash, Installed, OwnCertificate, Use
from firmware.services.notices import Notices
from hal.clock import Clock

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from firmware.services.certificates.keys import Keys

log = logging.getLogger(__name__)

R = TypeVar("R")

REQUESTS_KEPT: Final = 3  # keys that a certificate was asked for
RENEW_BEFORE_S: Final = 30 * 86_400.0


class Result(StrEnum):
    """Answer to a wish."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    NOT_FOUND = "not-found"


@dataclass(frozen=True, slots=True)
class DeskRules:
    """What this station allows."""

    most_roots: int = 10  # of all uses together
    longest_chain: int = 10_000  # characters of what CertificateSigned brings
    additional_root_check: bool = False


class CertificateDesk:
    """Installs, lists and deletes roots; asks for certificates of the station's own and takes them in; checks signers."""

    def __init__(
        self,
        store: CertificateStore,
        keys: "Callable[[], Keys]",
        clock: Clock,
        rules: DeskRules,
        *,
        common_name: str,
        organisation: Callable[[], str],
        security_event: Callable[[str, str], None],
        in_use: Callable[[], str | None],
        own_changed: Callable[[], None],
    ) -> None:
        """`keys` makes the keeper of keys on first use; `in_use` tells the fingerprint of the root that the present connection rests
        on; `own_changed` is called when there is a new certificate of the station."""
        self._store = store
        self._make_keys = keys
        self._keys: Keys | None = None
        self._clock = clock
        self.rules = rules
        self._common_name = common_name
        self._organisation = organisation
        self._security_event = security_event
        self._in_use = in_use
        self._own_changed = own_changed
        self._turn = asyncio.Lock()
        self.requests: Notices[str] = Notices(clock)
        """Certificate signing requests (PEM) that want to be sent."""

    async def _do(self, work: Callable[[], R]) -> R:
        async with self._turn:
            return await asyncio.to_thread(work)

    def _keeper(self) -> "Keys":
        if self._keys is None:
            self._keys = self._make_keys()
        return self._keys

    # ---- roots ----------------------------------------------------------------------------------------------------------

    async def install(self, use: Use, pem: str) -> Result:
        """Install a root."""
        result, why = await self._do(lambda: self._install(use, pem))
        if result is not Result.ACCEPTED:
            log.warning("root not installed use=%s result=%s reason=%s", use.value, result.value, why)
        return result

    def _install(self, use: Use, pem: str) -> tuple[Result, str]:
        from firmware.services.certificates import checks  # noqa: PLC0415 - with its library, on first use

        there = self._store.roots(use)
        try:
            certificate = checks.parse_one(pem)
            checks.check_root(certificate, self._clock.wall())
            issuer = self._issuer(certificate, there)
        except checks.CertificateInvalid as error:
            return Result.REJECTED, str(error)
        except StoreError as error:
            return Result.FAILED, str(error)
        name = checks.fingerprint(certificate)
        known = any(each.fingerprint == name for each in there)
        if not known and len(self._store.roots(Use.CSMS_ROOT)) + len(self._store.roots(Use.MANUFACTURER_ROOT)) >= (
            self.rules.most_roots
        ):
            return Result.REJECTED, f"the store holds {self.rules.most_roots} roots, which is the limit"
        successor = self.rules.additional_root_check and use is Use.CSMS_ROOT and there and not known
        if successor and (self._store.fallback is not None or issuer == certificate):
            return Result.REJECTED, "with the additional check a new root must be signed by the one that is installed"
        not_after_s = certificate.not_valid_after_utc.timestamp()
        hashes = checks.hash_data(certificate, issuer)
        root = Installed(use, name, hashes, self._clock.wall(), not_after_s)
        try:
            self._store.add_root(root, pem.encode())
            if successor:
                self._store.keep_as_fallback(there[0])
        except StoreError as error:
            return Result.FAILED, str(error)
        log.info("root installed use=%s fingerprint=%s", use.value, name[:16])
        return Result.ACCEPTED, ""

    def _issuer(self, certificate: "Certificate", there: tuple[Installed, ...]) -> "Certificate":
        """Who signed a root: itself, or one that is there. Raises CertificateInvalid, StoreError."""
        from firmware.services.certificates import checks  # noqa: PLC0415

        if checks.is_signed_by(certificate, certificate):
            return certificate
        for root in there:
            other = checks.parse_one(self._store.pem(root.fingerprint).decode())
            if checks.is_signed_by(certificate, other):
                return other
        raise checks.CertificateInvalid("signed neither by itself nor by a root that is installed")

    async def installed(self, use: Use) -> tuple[CertificateHash, ...]:
        """The roots of a use, by their SHA-256 names."""
        return tuple(each.hashes[0] for each in self._store.roots(use))

    async def delete(self, name: CertificateHash) -> Result:
        """Delete a root. One that the present connection rests on, or the station's own certificate, stays: FAILED."""
        return await self._do(lambda: self._delete(name))

    def _delete(self, name: CertificateHash) -> Result:
        found = [each for use in Use for each in self._store.roots(use) if each.is_named_by(name)]
        if not found:
            return Result.FAILED if self._is_own(name) else Result.NOT_FOUND
        if any(each.fingerprint == self._in_use() for each in found):
            log.warning("root not deleted, the connection rests on it fingerprint=%s", found[0].fingerprint[:16])
            return Result.FAILED
        try:
            for each in found:
                self._store.remove_root(each)
        except StoreError as error:
            log.error("root not deleted error=%s", error)
            return Result.FAILED
        return Result.ACCEPTED

    def _is_own(self, name: CertificateHash) -> bool:
        own = self._store.own(None)
        if own is None:
            return False
        from firmware.services.certificates import checks  # noqa: PLC0415

        try:
            leaf = checks.parse_chain(self._store.pem(own.fingerprint).decode())[0]
        except (StoreError, checks.CertificateInvalid) as error:
            log.error("own certificate unreadable error=%s", error)
            return False
        return f"{leaf.serial_number:x}" == name.serial_number.lower().lstrip("0")

    # ---- the station's own ------------------------------------------------------------------------------------------------

    async def request(self) -> None:
        """Make a new key, and a request for a certificate of it that wants to be sent."""
        try:
            pem = await self._do(self._request)
        except StoreError as error:
            log.error("no request for a certificate made error=%s", error)
            return
        self.requests.post(pem)

    def _request(self) -> str:
        from firmware.services.certificates.requests import signing_request  # noqa: PLC0415

        keys, before = self._keeper(), self._store.requested
        number = 1 + max((int(each.rpartition("-")[2]) for each in (*before, *self._own_keys())), default=0)
        key_id = f"station-{number}"
        key = keys.new(key_id)
        kept = (*before, key_id)[-REQUESTS_KEPT:]
        self._store.keep_requested(kept)
        for old in set(before) - set(kept):
            keys.remove(old)
        return signing_request(key, common_name=self._common_name, organisation=self._organisation())

    def _own_keys(self) -> tuple[str, ...]:
        return tuple(each.key_id for each in self._store.owned)

    async def accept(self, chain_pem: str) -> Result:
        """Take in a chain that was asked for. A bad one is discarded, with a security event."""
        result, why = await self._do(lambda: self._accept(chain_pem))
        if result is Result.ACCEPTED:
            self._own_changed()
        else:
            self._security_event("InvalidChargePointCertificate", why)
        return result

    def _accept(self, chain_pem: str) -> tuple[Result, str]:
        from firmware.services.certificates import checks  # noqa: PLC0415

        if len(chain_pem) > self.rules.longest_chain:
            return Result.REJECTED, f"longer than {self.rules.longest_chain} characters"
        now_s = self._clock.wall()
        try:
            chain = checks.parse_chain(chain_pem)
            organisation = self._organisation()
            checks.check_own(chain, organisation=organisation, common_name=self._common_name, now_s=now_s)
            keys, leaf = self._keeper(), chain[0]
            key_id = next((each for each in self._store.requested if keys.public(each) == leaf.public_key()), None)
            if key_id is None:
                return Result.REJECTED, "its key is none that was asked for"
            own = OwnCertificate(
                checks.fingerprint(leaf),
                key_id,
                leaf.not_valid_before_utc.timestamp(),
                leaf.not_valid_after_utc.timestamp(),
                now_s,
            )
            gone = self._store.add_own(own, chain_pem.encode())
            unused = [each for each in self._store.requested if each != key_id]
            self._store.keep_requested(())
            for old in (*unused, *(each.key_id for each in gone)):
                keys.remove(old)
        except checks.CertificateInvalid as error:
            return Result.REJECTED, str(error)
        except StoreError as error:
            log.error("certificate not stored error=%s", error)
            return Result.REJECTED, "it cannot be stored"
        log.info("certificate of the station taken in fingerprint=%s", own.fingerprint[:16])
        return Result.ACCEPTED, ""

    def renewal_due(self) -> bool:
        """Whether the station's own certificate ends within a month."""
        now_s = self._clock.wall()
        own = self._store.own(now_s)
        return own is not None and now_s is not None and own.not_after_s - now_s < RENEW_BEFORE_S

    # ---- firmware -----------------------------------------------------------------------------------------------------------

    async def signer_problem(self, pem: str) -> str | None:
        """What is wrong with a certificate that firmware is said to be signed with, None when it is good."""
        return await self._do(lambda: self._signer_problem(pem))

    def _signer_problem(self, pem: str) -> str | None:
        from firmware.services.certificates import checks  # noqa: PLC0415

        try:
            roots = [self._store.pem(each.fingerprint).decode() for each in self._store.roots(Use.MANUFACTURER_ROOT)]
            checks.check_signer(pem, roots, self._clock.wall())
        except (checks.CertificateInvalid, StoreError) as error:
            return str(error)
        return None

    async def signature_problem(self, path: Path, pem: str, signature: str) -> str | None:
        """What is wrong with the signature of a file, None when it is good."""

        def look() -> str | None:
            from firmware.services.certificates import checks  # noqa: PLC0415

            try:
                return checks.signature_problem(path, pem, signature)
            except OSError as error:
                return f"the file cannot be read: {error.strerror}"

        return await self._do(look)
