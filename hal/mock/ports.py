"""The plug between a mock device and the world: opened, closed, lost and found again."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hal.errors import DeviceLost
from hal.mock.errors import UnknownAction
from hal.streams import Broadcast, Subscription
from hal.types import Fault, LinkStatus, PilotReading, TokenRead

T = TypeVar("T")


def _everything(_item: object) -> bool:
    return True


class Port(Generic[T]):
    """One device's connection, and the stream of what it tells.

    A lost port refuses everything with DeviceLost until it is restored, and ends its streams with that error. A restored port
    wants to be opened again, as a serial port does after its plug was pulled.
    """

    def __init__(self, name: str, accepts: Callable[[T], bool]) -> None:
        self.name = name
        self.lost = False
        self.is_open = False
        self._accepts = accepts
        self._stream: Broadcast[T] = Broadcast()

    def open(self) -> None:
        """Open it. Raises DeviceLost while it is lost."""
        if self.lost:
            raise self._gone()
        self.is_open = True

    def check(self) -> None:
        """Raises DeviceLost unless the port is there and open."""
        if self.lost:
            raise self._gone()
        if not self.is_open:
            raise DeviceLost(f"{self.name} is not open; open it first")

    def close(self) -> None:
        """Close it and end its streams quietly."""
        self.is_open = False
        self._stream.end()

    def lose(self) -> None:
        """Pull the plug."""
        self.lost = True
        self.is_open = False
        self._stream.end(self._gone)

    def restore(self) -> None:
        """Put the plug back in."""
        self.lost = False

    def subscribe(self, *first: T) -> Subscription[T]:
        """Listen, beginning with those items of `first` that this port lets through. Raises DeviceLost."""
        self.check()
        return self._stream.subscribe(*filter(self._accepts, first))

    def publish(self, item: T) -> None:
        """Tell the listeners; nobody listens on a closed port."""
        if self._accepts(item):
            self._stream.publish(item)

    def _gone(self) -> DeviceLost:
        return DeviceLost(f"{self.name} is gone; check its plug and its power")


class Ports(Generic[T]):
    """The ports of all devices of one kind at one place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._ports: list[Port[T]] = []

    def attach(self, accepts: Callable[[T], bool] = _everything) -> Port[T]:
        """A port for one more device; it hears only the items that `accepts` lets through."""
        number = len(self._ports) + 1
        port: Port[T] = Port(self.name if number == 1 else f"{self.name}, number {number},", accepts)
        self._ports.append(port)
        return port

    def detach_all(self) -> None:
        """Forget the ports of a station that is no longer there."""
        for port in self._ports:
            port.close()
        self._ports.clear()

    def publish(self, item: T) -> None:
        """Tell the listeners of every port."""
        for port in self._ports:
            port.publish(item)

    def lose(self) -> None:
        """Pull every plug."""
        for port in self._ports:
            port.lose()

    def restore(self) -> None:
        """Put every plug back in."""
        for port in self._ports:
            port.restore()

    @property
    def lost(self) -> bool:
        """True when one of them is lost."""
        return any(port.lost for port in self._ports)

    @property
    def in_use(self) -> bool:
        """True when one of them is open."""
        return any(port.is_open for port in self._ports)

    def __len__(self) -> int:
        return len(self._ports)


class PortGroup:
    """All ports of one place, found by the kind of their device."""

    def __init__(self, place: str, kinds: dict[str, Ports[Any]]) -> None:
        self._place = place
        self._kinds = kinds

    def named(self, kind: str) -> Ports[Any]:
        """The ports of a kind. Raises UnknownAction, naming what there is, when no such device is attached."""
        present = {name: ports for name, ports in self._kinds.items() if len(ports)}
        if kind not in present:
            raise UnknownAction(f"{self._place} has no device {kind!r}; it has: {', '.join(present) or 'none'}")
        return present[kind]

    @property
    def lost(self) -> list[str]:
        """Kinds of devices that are lost now."""
        return [kind for kind, ports in self._kinds.items() if ports.lost]

    def detach_all(self) -> None:
        """Forget the ports of a station that is no longer there."""
        for ports in self._kinds.values():
            ports.detach_all()


class EvsePorts(PortGroup):
    """The ports of one EVSE, typed by what their devices tell; those that tell nothing carry `object`."""

    def __init__(self, evse_id: int) -> None:
        place = f"EVSE {evse_id}"
        self.pilot = Ports[PilotReading](f"pilot of {place}")
        self.contactor = Ports[bool](f"contactor of {place}")
        self.meter = Ports[object](f"meter of {place}")
        self.lock = Ports[object](f"lock of {place}")
        self.lamp = Ports[object](f"lamp of {place}")
        self.inputs = Ports[Fault](f"inputs of {place}")
        self.bay = Ports[bool](f"bay sensor of {place}")
        self.readers = list[Port[TokenRead]]()  # of the station's readers that serve this EVSE
        kinds = ("pilot", "contactor", "meter", "lock", "lamp", "inputs", "bay")
        super().__init__(place, {kind: getattr(self, kind) for kind in kinds})

    def detach_all(self) -> None:
        """Forget every port, those of the readers too."""
        super().detach_all()
        self.readers.clear()


class StationPorts(PortGroup):
    """The ports of the whole station."""

    def __init__(self, network: Ports[LinkStatus], modem: Ports[object], updater: Ports[object]) -> None:
        self.reader = Ports[TokenRead]("reader")
        self.inputs = Ports[Fault]("inputs of the station")
        self.meter = Ports[object]("main meter")
        self.display = Ports[str]("display")
        self.limits = Ports[float | None]("local energy manager")
        self.lamp = Ports[object]("lamp of the station")
        kinds = ("reader", "inputs", "meter", "display", "limits", "lamp")
        shared: dict[str, Ports[Any]] = {"network": network, "modem": modem, "updater": updater}
        super().__init__("the station", {kind: getattr(self, kind) for kind in kinds} | shared)
