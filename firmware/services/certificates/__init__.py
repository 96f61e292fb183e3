"""The station's certificates: roots that were installed, its own chain and keys, requests for new ones, and signatures on firmware.

`store` is files and an index and needs no library. `checks` and `requests` need `cryptography` (the extra `security`) and are imported
when something has to be looked into, so that a station which only uses what it has does not pay for it.
"""

from firmware.services.certificates.store import CertificateStore, StoreError
from firmware.services.certificates.values import CertificateHash, Installed, OwnCertificate, Use

__all__ = ["CertificateHash", "CertificateStore", "Installed", "OwnCertificate", "StoreError", "Use"]
