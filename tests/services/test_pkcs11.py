"""Keys on a token, against SoftHSM."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from firmware.services.certificates.desk import Result
from firmware.services.certificates.pkcs11 import TokenKeys, TokenPlace
from firmware.services.certificates.store import StoreError
from tests.services.pki import answer, root
from tests.services.test_certificates import Bench

MODULES = [
    Path(each) for each in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
]
MODULE = next((each for each in MODULES if each.is_file()), None)
pytestmark = pytest.mark.skipif(
    MODULE is None or shutil.which("softhsm2-util") is None, reason="needs softhsm2 (apt-get install softhsm2)"
)
PIN = "48151623"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> TokenPlace:
    """A token. The library reads its configuration once in a process, so all tests here share one."""
    home = tmp_path_factory.mktemp("softhsm")
    (home / "tokens").mkdir()
    conf = home / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {home / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    command = ["softhsm2-util", "--init-token", "--free", "--label", "station", "--pin", PIN, "--so-pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    assert MODULE is not None
    return TokenPlace(MODULE, "station", PIN)


@pytest.fixture(scope="module")
def keys(place: TokenPlace) -> TokenKeys:
    """A program is logged in once."""
    return TokenKeys(place)


async def test_a_request_is_signed_on_the_token_and_its_certificate_taken_in(tmp_path: Path, keys: TokenKeys) -> None:
    """No private key in any file; the request proves the key, and the chain is recognised by it."""
    bench = Bench(tmp_path, keys=lambda: keys)
    request = await bench.asked()
    assert x509.load_pem_x509_csr(request.encode()).is_signature_valid
    assert await bench.desk.accept(answer(request, root())) is Result.ACCEPTED
    names = sorted(path.suffix for path in bench.store.directory.iterdir())
    assert names == [".json", ".pem"]
    assert keys.tls_file("station-1") is None


def test_a_key_does_not_leave_the_token_and_can_be_destroyed(keys: TokenKeys) -> None:
    """Its number is refused; after its end it is not found."""
    key = keys.new("station-9")
    assert keys.public("station-9") == key.public_key()
    with pytest.raises(NotImplementedError, match="does not leave"):
        key.private_numbers()
    keys.remove("station-9")
    assert keys.public("station-9") is None


def test_a_token_that_is_not_there_is_told(place: TokenPlace) -> None:
    """By label, library and where to look; never the PIN."""
    with pytest.raises(StoreError, match=r"token 'other'.*look at") as failure:
        TokenKeys(TokenPlace(place.module, "other", PIN))
    assert PIN not in f"{failure.value} {place!r}"
