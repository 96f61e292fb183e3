"""What every way of moving a file is given: how long to wait, and how to trust the other side."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Tls = Callable[[], ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, and without a byte moving."""

    connect_s: float = 30.0
    idle_s: float = 60.0


PATIENT: Final = Timeouts()
