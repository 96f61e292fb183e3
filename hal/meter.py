"""Contract of an energy meter."""

from typing import Protocol, runtime_checkable

from hal.types import MeterReading, SignedReading


class Meter(Protocol):
    """An energy meter at an EVSE or at the supply.

    `read` answers within `timeout_s` or raises; the caller decides how long a silence makes a fault. Values that the device
    does not have are `None`. Registers are as shown by the device, whatever happened to it before.
    """

    @property
    def phases(self) -> int:
        """Number of phases measured: 1 or 3."""

    @property
    def model(self) -> str | None:
        """Type designation, for the station's self-description; None when not known."""

    @property
    def serial_number(self) -> str | None:
        """Serial number as printed on the device; None when not known or not readable."""

    async def open(self) -> None:
        """Connect to the device. May be called again after `close`. Raises HalError."""

    async def read(self, timeout_s: float = 2.0) -> MeterReading:
        """One consistent reading. Raises DeviceTimeout, DeviceLost or BadReply; never invents a value.

        A meter that tells its serial number raises DeviceReplaced when another one answers, until it is opened anew.
        """

    async def close(self) -> None:
        """Release the port. Never raises."""


@runtime_checkable
class SigningMeter(Protocol):
    """A meter that signs a transaction's start and end (calibration law)."""

    async def start_transaction(self, text: str) -> None:
        """Begin a signed measurement; `text` identifies the customer in the record."""

    async def stop_transaction(self) -> SignedReading:
        """End it and return the signed record. Raises HalError; the transaction then ends without a signature."""
