"""Contract of a cellular modem."""

from typing import Protocol

from hal.types import ModemStatus, SimIdentity


class Modem(Protocol):
    """A modem that gives the station its network."""

    async def open(self) -> None:
        """Connect. Raises HalError."""

    async def identity(self) -> SimIdentity:
        """Numbers of the SIM. Raises HalError."""

    async def status(self) -> ModemStatus:
        """Registration, signal, address. Raises HalError."""

    @property
    def recovery_steps(self) -> tuple[str, ...]:
        """Names of the recovery ladder's steps, mildest first."""

    async def recover(self, step: str) -> None:
        """Carry out one step of the ladder; bounded by 90 s. Raises HalError."""

    async def close(self) -> None:
        """Release. Never raises."""
