"""Keys on a PKCS#11 token: made there, used there, never seen here. Needs the extra `pkcs11`.

Signing requests are made with such a key. TLS of Python's standard library cannot use it: `tls_file` gives the file that the
configuration names, a PEM file that OpenSSL's PKCS#11 provider understands, or none.

Source: PKCS #11 version 2.40; the names of its attributes are the standard's.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

import pkcs11
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from firmware.services.certificates.store import StoreError

CURVE_NAME = "secp256r1"


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Which token: the library of its maker, the token's label, and the user's PIN."""

    module: Path
    label: str
    pin: str = field(repr=False)
    tls_file: Path | None = None


class _TokenKey(ec.EllipticCurvePrivateKey):
    """A private key that signs on the token; whatever would need its number is refused."""

    def __init__(self, private: Any, public: ec.EllipticCurvePublicKey) -> None:
        self._private = private
        self._public = public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA, hashed here and signed there."""
        algorithm = signature_algorithm.algorithm
        if isinstance(algorithm, Prehashed):
            digest = bytes(data)
        else:
            hasher = hashes.Hash(algorithm)
            hasher.update(data)
            digest = hasher.finalize()
        raw = self._private.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        """Not a use of this key."""
        raise NotImplementedError("a key on the token signs, nothing else")

    def private_numbers(self) -> NoReturn:
        """Never leaves the token."""
        raise NotImplementedError("the key does not leave the token")

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        """Never leaves the token."""
        raise NotImplementedError("the key does not leave the token")

    def __copy__(self) -> "_TokenKey":
        return self

    def __deepcopy__(self, _memo: Any) -> "_TokenKey":
        return self


class TokenKeys:
    """Satisfies Keys with a token. The session is opened once and kept."""

    def __init__(self, place: TokenPlace) -> None:
        """Raises StoreError where there is no such token, or the PIN is wrong."""
        self._place = place
        try:
            token = pkcs11.lib(str(place.module)).get_token(token_label=place.label)
            self._session = token.open(user_pin=place.pin, rw=True)
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
            name = type(error).__name__
            raise StoreError(
                f"token {place.label!r} of {place.module} cannot be used ({name}); look at [security] and the PIN"
            ) from error

    def new(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        """A new pair of keys, sensitive and not extractable."""
        try:
            parameters = self._session.create_domain_parameters(
                pkcs11.KeyType.EC,
                {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(CURVE_NAME)},
                local=True,
            )
            _, private = parameters.generate_keypair(
                id=key_id.encode(),
                label=key_id,
                store=True,
                mechanism=pkcs11.Mechanism.EC_KEY_PAIR_GEN,
                private_template={pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False},
            )
        except pkcs11.PKCS11Error as error:
            raise StoreError(f"token {self._place.label!r} makes no key: {type(error).__name__}") from error
        public = self.public(key_id)
        assert public is not None
        return _TokenKey(private, public)

    def public(self, key_id: str) -> ec.EllipticCurvePublicKey | None:
        """The public half."""
        try:
            for found in self._session.get_objects(self._template(key_id, pkcs11.ObjectClass.PUBLIC_KEY)):
                key = serialization.load_der_public_key(encode_ec_public_key(cast(Any, found)))
                return key if isinstance(key, ec.EllipticCurvePublicKey) else None
        except pkcs11.PKCS11Error as error:
            raise StoreError(f"token {self._place.label!r} does not answer: {type(error).__name__}") from error
        return None

    def tls_file(self, key_id: str) -> Path | None:
        """What the configuration names."""
        return self._place.tls_file

    def remove(self, key_id: str) -> None:
        """Destroy both halves."""
        try:
            for kind in (pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.ObjectClass.PRIVATE_KEY):
                for found in list(self._session.get_objects(self._template(key_id, kind))):
                    found.destroy()
        except pkcs11.PKCS11Error as error:
            raise StoreError(f"token {self._place.label!r} keeps its key: {type(error).__name__}") from error

    @staticmethod
    def _template(key_id: str, kind: Any) -> dict[Any, Any]:
        return {pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.LABEL: key_id}
