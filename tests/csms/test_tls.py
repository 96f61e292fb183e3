"""Stations over TLS."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from csms import cli
from csms.app import Csms
from csms.config import CsmsConfig
from tests.csms.conftest import dialled
from tests.csms.test_cli import parsed


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "csms.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


async def test_stations_connect_over_tls(certificate: tuple[Path, Path]) -> None:
    """With a certificate the URL is wss, a verifying client gets through, and TLS 1.1 does not."""
    chain, private = certificate
    context = cli.tls_context(parsed("--certificate", str(chain), "--key", str(private)))
    async with Csms(CsmsConfig(api_host=None), ssl=context) as csms:
        assert csms.ws_url.startswith("wss://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(chain))
        async with dialled(csms, ssl=trusting) as raw:
            assert (await raw.ask([2, "h", "Heartbeat", {}]))[0] == 3
            assert raw.socket.transport.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_key_that_does_not_fit_is_told(
    certificate: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no key is a wrong setting, told in one line."""
    chain, _ = certificate
    assert await cli.run(parsed("--certificate", str(chain), "--key", str(chain))) == 2
    assert str(chain) in capsys.readouterr().err
