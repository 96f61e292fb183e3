"""Which certificates TLS dials with, and what is learnt from how it went."""

from pathlib import Path

from firmware.config import CsmsTable
from firmware.services.certificates import CertificateStore, OwnCertificate
from firmware.services.credentials import TRIES, Credentials
from ocpp_client.causes import Cause


def own(name: str, begins_s: float) -> OwnCertificate:
    """A chain of the station's own."""
    return OwnCertificate(name, f"key-of-{name}", begins_s, begins_s + 1e7, begins_s)


class Bench:
    """A store and what chooses from it."""

    def __init__(self, directory: Path, *, tls: bool = True, configured: str | None = None) -> None:
        self.now_s = 1000.0
        self.store = CertificateStore(directory)
        self.store.open()

        def key_file(key_id: str) -> Path | None:
            return Path(f"/keys/{key_id}") if tls else None

        csms = CsmsTable(client_certificate_file=configured)
        self.credentials = Credentials(self.store, csms, key_file, lambda: self.now_s)

    def chain(self) -> str | None:
        """The name of the chain that is dialled with."""
        found = self.credentials.client()
        return None if found is None else found[0].stem


def test_a_certificate_counts_from_the_begin_of_its_validity(tmp_path: Path) -> None:
    """The configuration's file until then, and a change of certificate is noticed."""
    bench = Bench(tmp_path, configured="/etc/configured.pem")
    assert bench.chain() == "configured"
    bench.store.add_own(own("first", 500.0), b"pem")
    assert bench.credentials.is_renewed
    assert bench.chain() == "first"
    bench.store.add_own(own("second", 2000.0), b"pem")
    assert (bench.chain(), bench.credentials.is_renewed) == ("first", False)
    bench.now_s = 2500.0
    assert bench.credentials.is_renewed
    assert bench.chain() == "second"


def test_a_new_certificate_that_is_refused_gives_way_to_the_one_before_it(tmp_path: Path) -> None:
    """After three attempts; one that was accepted before is kept whatever the server says."""
    bench = Bench(tmp_path)
    bench.store.add_own(own("first", 500.0), b"pem")
    assert bench.chain() == "first"
    bench.credentials.proven()
    for _ in range(2 * TRIES):
        bench.credentials.failed(Cause.CLIENT_CERTIFICATE)
        assert bench.chain() == "first"
    bench.store.add_own(own("second", 900.0), b"pem")
    dialled = []
    for _ in range(TRIES + 1):
        dialled.append(bench.chain())
        bench.credentials.failed(Cause.CLIENT_CERTIFICATE)
    assert dialled == ["second"] * TRIES + ["first"]


def test_a_key_that_tls_cannot_use_is_no_certificate_of_the_station(tmp_path: Path) -> None:
    """Profile 3 is refused with it."""
    bench = Bench(tmp_path, tls=False)
    bench.store.add_own(own("first", 500.0), b"pem")
    assert not bench.credentials.has_client
    assert bench.chain() is None


def test_an_old_chain_goes_a_month_after_it_was_taken_in(tmp_path: Path) -> None:
    """Not at once: the central system may not know the newer one yet."""
    bench = Bench(tmp_path)
    bench.store.add_own(own("first", 0.0), b"pem")
    assert bench.store.add_own(own("second", 86_400.0), b"pem") == ()
    gone = bench.store.add_own(own("third", 40 * 86_400.0), b"pem")
    assert [each.fingerprint for each in gone] == ["first", "second"]
    assert sorted(path.name for path in bench.store.directory.glob("*.pem")) == ["third.pem"]
