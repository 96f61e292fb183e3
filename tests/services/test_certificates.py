"""The certificate store and its desk, against certificates that a real library makes and OpenSSL judges."""

import asyncio
import datetime as dt
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from firmware.services.certificates import CertificateHash, CertificateStore, Use
from firmware.services.certificates.desk import CertificateDesk, DeskRules, Result
from firmware.services.certificates.keys import FileKeys, Keys
from tests.services.pki import NOW, Signer, answer, make, root
from tests.services.test_transfer_http import NoWait


class At(NoWait):
    """A clock that stands at a moment."""

    def wall(self) -> float | None:
        return NOW.timestamp()


class Bench:
    """A store with its desk."""

    def __init__(self, directory: Path, keys: Callable[[], Keys] | None = None, **rules: Any) -> None:
        self.store = CertificateStore(directory)
        self.store.open()
        self.events: list[tuple[str, str]] = []
        self.in_use: str | None = None
        self.changes = 0
        self.organisation = "Operator"
        self.desk = CertificateDesk(
            self.store,
            keys or (lambda: FileKeys(self.store.directory)),
            At(),
            DeskRules(**rules),
            common_name="K22-0001",
            organisation=lambda: self.organisation,
            security_event=lambda *event: self.events.append(event),
            in_use=lambda: self.in_use,
            own_changed=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    async def asked(self) -> str:
        """The next signing request."""
        found: list[str] = []

        async def take(pem: str) -> bool:
            found.append(pem)
            return True

        await self.desk.request()
        telling = asyncio.create_task(self.desk.requests.run(take))
        await self.desk.requests.empty()
        telling.cancel()
        return found[-1]

    def name(self, use: Use = Use.CSMS_ROOT) -> CertificateHash:
        """Of the newest root of a use."""
        return self.store.roots(use)[-1].hashes[0]


def modes(directory: Path) -> set[int]:
    """Of all files in the store."""
    return {stat.S_IMODE(path.stat().st_mode) for path in (directory / "certificates").iterdir()}


async def test_a_root_that_is_installed_is_listed_survives_and_is_deleted_once(tmp_path: Path) -> None:
    """Accepted, in the list, there after a restart; deleted by its name, then not found."""
    authority = root()
    assert await Bench(tmp_path).desk.install(Use.CSMS_ROOT, authority.pem) is Result.ACCEPTED
    bench = Bench(tmp_path)
    (name,) = await bench.desk.installed(Use.CSMS_ROOT)
    assert name.serial_number == f"{authority.certificate.serial_number:x}"
    assert await bench.desk.installed(Use.MANUFACTURER_ROOT) == ()
    assert modes(tmp_path) == {0o600}
    assert stat.S_IMODE((tmp_path / "certificates").stat().st_mode) == 0o700
    loud = CertificateHash("SHA256", name.issuer_name.upper(), name.issuer_key, f"0{name.serial_number.upper()}")
    assert await bench.desk.delete(loud) is Result.ACCEPTED
    assert await bench.desk.delete(name) is Result.NOT_FOUND
    assert bench.store.bundle() is None


async def test_names_are_those_that_openssl_computes(tmp_path: Path) -> None:
    """The hashes of name and key of an OCSP request, which the standard takes over."""
    authority = root()
    bench = Bench(tmp_path)
    await bench.desk.install(Use.CSMS_ROOT, authority.pem)
    pem = tmp_path / "root.pem"
    await asyncio.to_thread(pem.write_text, authority.pem)
    told = (await asyncio.to_thread(
        subprocess.run,
        ["openssl", "ocsp", "-sha256", "-issuer", str(pem), "-cert", str(pem), "-req_text"],
        capture_output=True,
        text=True,
        check=False,
    )).stdout.lower()  # fmt: skip
    for value in (bench.name().issuer_name, bench.name().issuer_key, bench.name().serial_number):
        assert value in told


@pytest.mark.parametrize(
    "pem",
    [
        "no certificate",
        make("Leaf").pem,
        root(begins=NOW - dt.timedelta(days=400)).pem,
        root(begins=NOW + dt.timedelta(days=1)).pem,
        root(key=rsa.generate_private_key(65537, 1024)).pem,
        root().pem + root().pem,
        make("Stranger", root(), authority=True).pem,
    ],
    ids=["text", "no authority", "expired", "of the future", "weak key", "two", "signed by a stranger"],
)
async def test_what_is_no_usable_root_is_rejected(tmp_path: Path, pem: str) -> None:
    """And nothing is stored."""
    bench = Bench(tmp_path)
    assert await bench.desk.install(Use.CSMS_ROOT, pem) is Result.REJECTED
    assert bench.store.roots(Use.CSMS_ROOT) == ()


async def test_a_full_store_rejects_and_one_that_cannot_write_fails(tmp_path: Path) -> None:
    """CertificateStoreMaxLength counts all roots; the same one again is no new one."""
    bench, first = Bench(tmp_path, most_roots=2), root()
    assert await bench.desk.install(Use.CSMS_ROOT, first.pem) is Result.ACCEPTED
    assert await bench.desk.install(Use.MANUFACTURER_ROOT, root().pem) is Result.ACCEPTED
    assert await bench.desk.install(Use.CSMS_ROOT, root().pem) is Result.REJECTED
    assert await bench.desk.install(Use.CSMS_ROOT, first.pem) is Result.ACCEPTED
    bench.store.directory = tmp_path / "gone"
    assert await bench.desk.install(Use.CSMS_ROOT, first.pem) is Result.FAILED


async def test_the_root_of_the_present_connection_is_not_deleted(tmp_path: Path) -> None:
    """Failed, and it stays."""
    bench = Bench(tmp_path)
    await bench.desk.install(Use.CSMS_ROOT, root().pem)
    bench.in_use = bench.store.roots(Use.CSMS_ROOT)[0].fingerprint
    assert await bench.desk.delete(bench.name()) is Result.FAILED
    bench.in_use = None
    assert await bench.desk.delete(bench.name()) is Result.ACCEPTED


async def test_with_the_additional_check_a_new_root_is_signed_by_the_old_which_stays_in_reserve(tmp_path: Path) -> None:
    """Any other is rejected; the new one is dialled with alone, the old one when asked for."""
    bench, old = Bench(tmp_path, additional_root_check=True), root("Old")
    await bench.desk.install(Use.CSMS_ROOT, old.pem)
    assert await bench.desk.install(Use.CSMS_ROOT, root("Stranger").pem) is Result.REJECTED
    new = make("New", old, authority=True)
    assert await bench.desk.install(Use.CSMS_ROOT, new.pem) is Result.ACCEPTED
    for fallback, expected in ((False, new), (True, old)):
        path = bench.store.bundle(fallback=fallback)
        assert path is not None
        assert (await asyncio.to_thread(path.read_text)).strip() == expected.pem.strip()


async def test_a_certificate_is_asked_for_and_taken_in(tmp_path: Path) -> None:
    """O is the operator, CN the serial number; key and chain are private files that TLS can load."""
    bench, authority = Bench(tmp_path), root()
    request = await bench.asked()
    subject = x509.load_pem_x509_csr(request.encode()).subject.rfc4514_string()
    assert subject == "CN=K22-0001,O=Operator"
    assert await bench.desk.accept(answer(request, authority)) is Result.ACCEPTED
    own = bench.store.own(NOW.timestamp())
    assert own is not None
    assert (bench.changes, bench.events, own.key_id) == (1, [], "station-1")
    assert modes(tmp_path) == {0o600}
    assert await bench.desk.accept(answer(request, authority)) is Result.REJECTED, "a key is used for one certificate"


BAD: dict[str, Callable[[str, Signer], str]] = {
    "other key": lambda request, by: answer(
        request, by, public_key=ec.generate_private_key(ec.SECP256R1()).public_key()
    ),
    "other name": lambda request, by: answer(request, by, name="K22-0002"),
    "other operator": lambda request, by: answer(request, by, organisation="Somebody"),
    "expired": lambda request, by: answer(request, by, days=10),
    "authority": lambda request, by: answer(request, by, authority=True),
    "server only": lambda request, by: answer(
        request, by, extensions=(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),)
    ),
    "broken chain": lambda request, by: answer(request, by).replace(by.pem, root().pem),
    "no certificate": lambda *_: "nothing",
    "too long": lambda request, by: answer(request, by) + "\n" * 10_000,
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_certificate_is_rejected_with_a_security_event(tmp_path: Path, bad: str) -> None:
    """InvalidChargePointCertificate, and the right one can still come."""
    bench, authority = Bench(tmp_path), root()
    request = await bench.asked()
    assert await bench.desk.accept(BAD[bad](request, authority)) is Result.REJECTED
    assert [kind for kind, _ in bench.events] == ["InvalidChargePointCertificate"]
    assert bench.store.own(None) is None
    assert await bench.desk.accept(answer(request, authority)) is Result.ACCEPTED


async def test_the_newest_certificate_counts_once_its_time_has_come(tmp_path: Path) -> None:
    """Until then the old one does; it is due for renewal a month before its end."""
    bench, authority = Bench(tmp_path), root()
    await bench.desk.accept(answer(await bench.asked(), authority, days=50))
    assert bench.desk.renewal_due()
    begins = NOW + dt.timedelta(days=5)
    await bench.desk.accept(answer(await bench.asked(), authority, begins=begins))
    now_s = NOW.timestamp()
    own = [bench.store.own(at_s) for at_s in (now_s, now_s + 6 * 86_400)]
    assert [each.key_id for each in own if each] == ["station-1", "station-2"]


async def test_firmware_is_signed_by_whom_a_manufacturers_root_vouches_for(tmp_path: Path) -> None:
    """RSA-PSS and ECDSA over the whole file; another file, another key and a stranger's certificate are found out."""
    bench, manufacturer = Bench(tmp_path), root("Manufacturer")
    image, data = tmp_path / "image", b"firmware" * 1000
    await asyncio.to_thread(image.write_bytes, data)
    signers = [make("Signer", manufacturer), make("Signer", manufacturer, key=rsa.generate_private_key(65537, 2048))]
    assert await bench.desk.signer_problem(signers[0].pem) == "no manufacturer's root is installed"
    await bench.desk.install(Use.MANUFACTURER_ROOT, manufacturer.pem)
    for signer in signers:
        assert await bench.desk.signer_problem(signer.pem) is None
        assert await bench.desk.signature_problem(image, signer.pem, signer.sign(data)) is None
        assert "does not fit" in str(await bench.desk.signature_problem(image, signer.pem, signer.sign(data[1:])))
        assert "does not fit" in str(await bench.desk.signature_problem(image, signer.pem, signers[0].sign(b"x")))
    assert "not Base64" in str(await bench.desk.signature_problem(image, signers[0].pem, "???"))
    assert "ends at no root" in str(await bench.desk.signer_problem(make("Signer", root()).pem))
    wrong = make("Signer", manufacturer, extensions=(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),))
    assert "may not sign code" in str(await bench.desk.signer_problem(wrong.pem))
