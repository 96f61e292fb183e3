"""Asks time servers, for a machine that has no time daemon. TLS waits for nothing else there.

Rules:
- It asks only while nobody else keeps the clock, at first often, then every `EVERY_S`.
- All servers are asked at once. Where more than one is configured, two have to agree within `AGREE_S`: one wrong server sets no clock.
- A time before the clock's floor is refused, whoever says it.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from hal.clock import Clock
from hal.codecs import sntp

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 3.0
"""For one server. An answer that took longer would be too far off as well."""

AGREE_S: Final = 1.0
FIRST_AGAIN_S: Final = 8.0
EVERY_S: Final = 1024.0
"""What public servers ask for (RFC 4330, section 10: no more often than every 15 s, and slower after failures)."""


@runtime_checkable
class TakesServerTime(Protocol):
    """A clock that can be told the time by somebody independent of the central system."""

    @property
    def kept_by_system(self) -> bool:
        """Whether the operating system vouches for its time already."""

    def set_from_server(self, posix_s: float, at_s: float) -> None:
        """Take `posix_s` as the time at the monotonic moment `at_s`."""


class Asked(asyncio.DatagramProtocol):
    """Waits for the answer to one question."""

    def __init__(self, nonce: bytes, now: Callable[[], float]) -> None:
        self._nonce = nonce
        self._now = now
        self.answer: asyncio.Future[tuple[sntp.Answer, float]] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Take a packet; another's is not looked at."""
        try:
            found = sntp.read(data, self._nonce)
        except sntp.NotAnAnswer as error:
            log.debug("packet ignored peer=%s error=%s", addr, error)
        except sntp.NoTime as error:
            self._fail(error)
        else:
            if not self.answer.done():
                self.answer.set_result((found, self._now()))

    def error_received(self, exc: Exception) -> None:
        """The system tells that nobody listens there."""
        self._fail(exc)

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


async def ask(server: str, now: Callable[[], float], nonce: bytes) -> tuple[float, float]:
    """Return the time by a server (HOST or HOST:PORT) in POSIX seconds, and the monotonic moment at which it was so.

    Raises OSError (TimeoutError and socket.gaierror among them) and NoTime.
    """
    host, port = sntp.server_address(server)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(TIMEOUT_S):
        transport, asked = await loop.create_datagram_endpoint(lambda: Asked(nonce, now), remote_addr=(host, port))
        try:
            sent_at = now()
            transport.sendto(sntp.question(nonce))
            answer, arrived_at = await asked.answer
        finally:
            transport.close()
    return answer.at_arrival_s(arrived_at - sent_at), arrived_at


class TimeServers:
    """Keeps a clock with the time of servers, while nobody else keeps it."""

    def __init__(
        self,
        servers: Sequence[str],
        clock: Clock,
        target: TakesServerTime,
        *,
        floor_s: Callable[[], float],
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._servers = servers
        self._clock = clock
        self._target = target
        self._floor_s = floor_s
        self._random_bytes = random_bytes

    async def run(self) -> None:
        """Ask now and again, until cancelled."""
        again_s = FIRST_AGAIN_S
        while True:
            done = self._target.kept_by_system or await self.ask_all()
            again_s = EVERY_S if done else min(again_s * 2, EVERY_S)
            await self._clock.sleep(again_s)

    async def ask_all(self) -> bool:
        """Ask every server once. Returns whether the clock was set."""
        told = await inquire(self._servers, self._clock.monotonic, self._random_bytes)
        for server, reason in told.failures.items():
            log.info("time server gives no time server=%s error=%s", server, reason)
        now_s = self._clock.monotonic()
        if told.zero_s is None:
            log.warning("time servers do not agree on a time answers=%d of=%d", told.answers, len(self._servers))
            return False
        if told.zero_s + now_s < self._floor_s():
            log.warning("time servers tell a time that has passed for certain, refused")
            return False
        self._target.set_from_server(told.zero_s + now_s, now_s)
        return True


@dataclass(frozen=True, slots=True)
class Told:
    """What several servers said."""

    zero_s: float | None
    """POSIX seconds at monotonic zero; None where too few agree."""
    answers: int
    failures: Mapping[str, str]
    """Servers that gave no time, and why."""


async def inquire(
    servers: Sequence[str], now: Callable[[], float], random_bytes: Callable[[int], bytes] = os.urandom
) -> Told:
    """Ask servers at once, each with a nonce of its own."""
    asking = [ask(server, now, random_bytes(sntp.NONCE_BYTES)) for server in servers]
    zeros: list[float] = []
    failures: dict[str, str] = {}
    for server, found in zip(servers, await asyncio.gather(*asking, return_exceptions=True), strict=True):
        if isinstance(found, OSError | sntp.NoTime):
            failures[server] = str(found) or "no answer in time"
        elif isinstance(found, BaseException):
            raise found
        else:
            posix_s, at_s = found
            zeros.append(posix_s - at_s)
    return Told(agreed(zeros, needed=min(2, len(servers))), len(zeros), failures)


def agreed(times_s: Sequence[float], *, needed: int) -> float | None:
    """Return the middle of the largest group of times within `AGREE_S` of each other; None if none has `needed` members."""
    ordered = sorted(times_s)
    groups = [[one for one in ordered if first <= one <= first + AGREE_S] for first in ordered]
    largest = max(groups, key=len, default=[])
    return largest[len(largest) // 2] if largest and len(largest) >= needed else None
