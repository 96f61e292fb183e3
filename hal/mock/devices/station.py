"""Mock devices of the whole station: token reader, display, energy manager, modem, network monitor, clock."""

from collections.abc import AsyncIterator
from dataclasses import replace

from hal.errors import DeviceRefused
from hal.mock.clock import MockClock
from hal.mock.devices.place import world_of
from hal.mock.modem import RECOVERY_S
from hal.registry import DriverContext, driver
from hal.types import LinkStatus, ModemStatus, SimIdentity, TokenRead


@driver("reader", "mock")
class MockReaderDevice:
    """Satisfies hal.reader.TokenReader. Serves the EVSEs in `evses`, or all."""

    def __init__(self, context: DriverContext, evses: tuple[int, ...] = ()) -> None:
        self._port = world_of(context).attach_reader(evses)

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    def tokens(self) -> AsyncIterator[TokenRead]:
        """Each presentation."""
        return self._port.subscribe()

    async def close(self) -> None:
        """Release."""
        self._port.close()


@driver("display", "mock")
class MockDisplay:
    """Satisfies hal.display.Display: `rows` lines of `columns` characters; what is too long is cut."""

    def __init__(self, context: DriverContext, rows: int = 4, columns: int = 40) -> None:
        if rows < 1 or columns < 1:
            raise ValueError(f"rows and columns must be at least 1, are {rows} and {columns}")
        self._world = world_of(context)
        self._port = self._world.ports.display.attach()
        self._rows = rows
        self._columns = columns

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    async def show(self, lines: tuple[str, ...], language: str | None = None) -> None:
        """Replace what is shown."""
        self._port.check()
        self._world.display_lines = tuple(line[: self._columns] for line in lines[: self._rows])
        self._world.display_language = language

    def keys(self) -> AsyncIterator[str]:
        """Each key pressed."""
        return self._port.subscribe()

    async def close(self) -> None:
        """Blank and release."""
        self._world.display_lines, self._world.display_language = (), None
        self._port.close()


@driver("limits", "mock")
class MockLimits:
    """Satisfies hal.inputs.LimitSource."""

    def __init__(self, context: DriverContext) -> None:
        self._world = world_of(context)
        self._port = self._world.ports.limits.attach()

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    def limits(self) -> AsyncIterator[float | None]:
        """The present limit, then each change."""
        return self._port.subscribe(self._world.limit_a)

    async def close(self) -> None:
        """Release."""
        self._port.close()


@driver("modem", "mock")
class MockModem:
    """Satisfies hal.modem.Modem. Options are what the modem and its SIM say of themselves at first."""

    def __init__(
        self,
        context: DriverContext,
        iccid: str | None = None,
        imsi: str | None = None,
        operator: str | None = None,
        technology: str | None = None,
        signal_dbm: int | None = None,
    ) -> None:
        self._state = world_of(context).modem
        sim = {"iccid": iccid, "imsi": imsi}
        self._state.identity = replace(self._state.identity, **{k: v for k, v in sim.items() if v is not None})
        says = {"operator": operator, "technology": technology, "signal_dbm": signal_dbm}
        self._state.change(**{k: v for k, v in says.items() if v is not None})
        self._port = self._state.ports.attach()
        self._clock = context.clock

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    async def identity(self) -> SimIdentity:
        """Numbers of the SIM."""
        self._port.check()
        return self._state.identity

    async def status(self) -> ModemStatus:
        """Registration, signal, address."""
        self._port.check()
        return self._state.status

    @property
    def recovery_steps(self) -> tuple[str, ...]:
        """Mildest first."""
        return tuple(RECOVERY_S)

    async def recover(self, step: str) -> None:
        """Carry out a step; it is recorded, and registers the modem again when it is the one that heals it."""
        self._port.check()
        if step not in RECOVERY_S:
            raise DeviceRefused(
                f"{self._port.name} knows no recovery step {step!r}; its steps: {', '.join(RECOVERY_S)}"
            )
        self._state.recoveries.append((self._clock.monotonic(), step))
        await self._clock.sleep(RECOVERY_S[step])
        self._port.check()
        if step == self._state.heals_with:
            self._state.change(heals_with=None, registered=True)

    async def close(self) -> None:
        """Release."""
        self._port.close()


@driver("network", "mock")
class MockNetworkMonitor:
    """Satisfies hal.network.NetworkMonitor."""

    def __init__(self, context: DriverContext) -> None:
        self._network = world_of(context).network
        self._port = self._network.monitors.attach()

    async def open(self) -> None:
        """Start to watch."""
        self._port.open()

    @property
    def status(self) -> LinkStatus:
        """The present state."""
        return self._network.status

    def changes(self) -> AsyncIterator[LinkStatus]:
        """Each change."""
        return self._port.subscribe()

    async def close(self) -> None:
        """Stop."""
        self._port.close()


@driver("clock", "mock")
def mock_clock(context: DriverContext) -> MockClock:
    """The clock of the mock world, which satisfies hal.clock.Clock."""
    return world_of(context).clock
