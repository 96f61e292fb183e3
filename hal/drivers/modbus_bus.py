"""A Modbus bus that several devices of a board share: fair, bounded, and back by itself after a loss.

Requests take turns in the order in which they were asked, one at a time, and each holds the bus no longer than an answer may take.
So a device that is silent costs the others at most that long a turn, and a device that was silent the last time is not asked twice
in one turn. A line that is lost is opened again when somebody next asks for something, at growing intervals while that fails.
"""

import asyncio
import logging
from dataclasses import dataclass

from hal.clock import Clock
from hal.drivers.modbus_framing import ReadRequest
from hal.drivers.modbus_lines import AnsweredTwice, Line
from hal.errors import BadReply, DeviceLost, DeviceTimeout

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 0.4  # meters take 20 to 200 ms
TRIES = 2  # of one request, where the unit answered the last time
FIRST_REOPEN_S = 0.5
LONGEST_REOPEN_S = 30.0


@dataclass(slots=True)
class BusCounters:
    """What happened on a bus since the start, for diagnostics."""

    requests: int = 0
    timeouts: int = 0
    damaged: int = 0
    losses: int = 0


class ModbusBus:
    """Reads registers of the units on one line.

    Each device calls `open` once before it reads and `close` once when it is done; the line closes with the last.
    `answer_within_s` is how long a unit may take to answer, beyond the time on the wire.
    """

    def __init__(self, name: str, line: Line, clock: Clock, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self.name = name
        self._answer_within_s = answer_within_s
        self.counters = BusCounters()
        self._line = line
        self._clock = clock
        self._turn = asyncio.Lock()  # wakes waiters in the order in which they came
        self._users = 0
        self._silent: set[int] = set()  # units that did not answer the last time
        self._gone = ""  # why the line was lost or did not open
        self._reopen_at_s = 0.0
        self._reopen_after_s = FIRST_REOPEN_S

    async def open(self) -> None:
        """Open the line for one more device. Raises DeviceLost; the device has then not been counted."""
        async with self._turn:
            await self._open_line()
            self._users += 1

    async def close(self) -> None:
        """One device less; the last one closes the line. Never raises."""
        async with self._turn:
            self._users = max(0, self._users - 1)
            if self._users == 0:
                await self._line.close()

    async def read(self, unit: int, function: int, address: int, count: int, timeout_s: float) -> tuple[int, ...]:
        """Registers of a unit, within `timeout_s` including the wait for a turn.

        Raises DeviceTimeout (silent, or no turn in time), BadReply (damaged), DeviceRefused (the device said no; NoSuchRegister
        where asking again is of no use), DeviceLost (no line), ValueError for a request that Modbus cannot say.
        """
        request = ReadRequest(unit, function, address, count)
        deadline_s = self._clock.monotonic() + timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await self._tries(request, deadline_s)
        except DeviceTimeout:
            raise
        except TimeoutError:
            raise DeviceTimeout(f"{request} on bus {self.name}: no turn and answer within {timeout_s:.1f} s") from None

    async def _tries(self, request: ReadRequest, deadline_s: float) -> tuple[int, ...]:
        """Ask again after silence or noise, unless the unit is known to be silent or there is no time."""
        tries = 1 if request.unit in self._silent else TRIES
        while True:
            tries -= 1
            try:
                return await self._in_turn(request)
            except AnsweredTwice:
                raise  # once more would not make it one answer
            except (DeviceTimeout, BadReply):
                if tries == 0 or self._clock.monotonic() + self._answer_within_s > deadline_s:
                    raise

    async def _in_turn(self, request: ReadRequest) -> tuple[int, ...]:
        while True:
            embargo_s = self._line.embargo_s(request)
            if embargo_s > 0:
                await self._clock.sleep(embargo_s)  # without the turn: the others go on
                continue
            async with self._turn:
                if self._line.embargo_s(request) == 0:
                    return await self._exchange(request)

    async def _exchange(self, request: ReadRequest) -> tuple[int, ...]:
        await self._open_line()
        self.counters.requests += 1
        try:
            registers = await self._line.exchange(request, self._answer_within_s)
        except DeviceTimeout:
            self.counters.timeouts += 1
            self._silent.add(request.unit)
            raise
        except BadReply:
            self.counters.damaged += 1
            raise
        except DeviceLost as error:
            self._lost(error)
            raise
        self._silent.discard(request.unit)
        return registers

    async def _open_line(self) -> None:
        if self._line.is_open:
            return
        wait_s = self._reopen_at_s - self._clock.monotonic()
        if wait_s > 0:
            raise DeviceLost(f"bus {self.name}: {self._gone}; next attempt in {wait_s:.1f} s")
        try:
            await self._line.open()
        except DeviceLost as error:
            self._lost(error)
            raise
        self._reopen_after_s = FIRST_REOPEN_S
        log.info("bus open name=%s line=%s", self.name, self._line.name)

    def _lost(self, error: DeviceLost) -> None:
        self.counters.losses += 1
        self._gone = str(error)
        self._reopen_at_s = self._clock.monotonic() + self._reopen_after_s
        self._reopen_after_s = min(2 * self._reopen_after_s, LONGEST_REOPEN_S)
