"""The network of the desktop world: up, down, a black hole, slow, or with another address."""

from collections.abc import Callable
from enum import StrEnum

from hal.mock.ports import Ports
from hal.types import LinkStatus

INTERFACE = "mock0"
FIRST_ADDRESS = "10.0.0.2"


class NetworkMode(StrEnum):
    """What becomes of the station's connections."""

    UP = "up"
    DOWN = "down"  # open ones are cut, new ones are refused
    BLACK_HOLE = "black_hole"  # nothing arrives and nobody says so; what was sent arrives when the network is up again


class MockNetwork:
    """Holds the mode. The monitor tells the program what an operating system would see of it; the relay makes it real."""

    def __init__(self) -> None:
        self.monitors: Ports[LinkStatus] = Ports("network monitor")
        self.mode = NetworkMode.UP
        self.latency_s = 0.0  # one way, added to every connection through the relay
        self._address = FIRST_ADDRESS
        self._changes = 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def status(self) -> LinkStatus:
        """As the operating system sees it: it knows nothing of a black hole."""
        if self.mode is NetworkMode.DOWN:
            return LinkStatus(False, INTERFACE, (), self._changes)
        return LinkStatus(True, INTERFACE, (self._address,), self._changes)

    @property
    def address(self) -> str:
        """The station's address. A connection begun under another one is dead, silently."""
        return self._address

    def set_mode(self, mode: NetworkMode) -> None:
        """Switch the network."""
        if mode is self.mode:
            return
        visible = NetworkMode.DOWN in {mode, self.mode}
        self.mode = mode
        if visible:
            self._tell()
        self._notify()

    def set_latency(self, seconds: float) -> None:
        """Delay everything by so much in each direction. ValueError outside 0 to 60."""
        if not 0.0 <= seconds <= 60.0:
            raise ValueError(f"latency_s must be from 0 to 60, is {seconds!r}")
        self.latency_s = seconds

    def change_address(self, address: str) -> None:
        """The operator of the network gives the station another address: open connections die without a word."""
        if address == self._address:
            return
        self._address = address
        self._tell()
        self._notify()

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change of mode or address, until what is returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self) -> None:
        self._changes += 1
        self.monitors.publish(self.status)

    def _notify(self) -> None:
        for listener in tuple(self._listeners):
            listener()
