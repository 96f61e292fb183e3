"""Everything else that reports to the station: readers, fault inputs, the local energy manager."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from firmware.core.values import Token, TokenType
from firmware.engine.losses import Losses
from firmware.engine.supervise import follow
from hal.inputs import FaultSource
from hal.types import Fault, FaultCode, TokenKind, TokenRead

if TYPE_CHECKING:
    from firmware.engine.engine import Engine

_TYPES = {
    TokenKind.ISO14443: TokenType.ISO14443,
    TokenKind.ISO15693: TokenType.ISO15693,
    TokenKind.KEY_CODE: TokenType.KEY_CODE,
    TokenKind.MAC_ADDRESS: TokenType.MAC_ADDRESS,
    TokenKind.OTHER: TokenType.LOCAL,
}


class Inputs:
    """Feeds the core from the station's input devices."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Follow every input device of the board, each in its own task."""
        engine, board = self._engine, self._engine.board
        for number, reader in enumerate(board.readers, start=1):
            tasks.create_task(
                follow(
                    reader,
                    reader.tokens,
                    self._token,
                    name=f"reader {number}",
                    clock=engine.clock,
                    fault=FaultCode.READER_LOST,
                    report=self._station_fault,
                    speaks_at_once=False,
                )
            )
        losses = engine.losses_to(self._station_fault)
        tasks.create_task(losses.run())
        self._follow_faults(tasks, board.station_inputs, "of the station", self._station_fault, losses)
        for hardware in board.evses:
            report = self._evse_fault(hardware.id)
            self._follow_faults(tasks, hardware.inputs, f"of EVSE {hardware.id}", report, engine.losses[hardware.id])
        if board.limits is not None:
            tasks.create_task(
                follow(
                    board.limits,
                    board.limits.limits,
                    self._limit,
                    name="energy manager",
                    clock=engine.clock,
                    fault=None,  # the last limit goes on to hold
                    report=self._station_fault,
                )
            )

    def _follow_faults(
        self,
        tasks: asyncio.TaskGroup,
        sources: Iterable[FaultSource],
        where: str,
        report: Callable[[Fault], None],
        losses: Losses,
    ) -> None:
        for number, source in enumerate(sources, start=1):
            name = f"input {number} {where}"
            tasks.create_task(
                follow(
                    source,
                    source.faults,
                    _handing_to(report),
                    name=name,
                    clock=self._engine.clock,
                    fault=FaultCode.INTERNAL,
                    report=losses.of(name),
                    speaks_at_once=False,
                )
            )

    async def _token(self, read: TokenRead) -> None:
        token = Token(read.value, _TYPES[read.kind])
        self._engine.apply(lambda station, now: station.desk.present(token, read.evses, now))

    def _station_fault(self, fault: Fault) -> None:
        self._engine.apply(lambda station, now: station.station_fault(fault, now))

    def _evse_fault(self, number: int) -> Callable[[Fault], None]:
        return lambda fault: self._engine.apply(lambda station, now: station.evses[number].fault_changed(fault, now))

    async def _limit(self, limit_a: float | None) -> None:
        self._engine.apply(lambda station, now: station.limit_changed(limit_a, now))


def _handing_to(report: Callable[[Fault], None]) -> Callable[[Fault], Awaitable[None]]:
    async def hand(fault: Fault) -> None:
        report(fault)

    return hand
