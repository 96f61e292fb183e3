"""The mock drivers. Each satisfies the contract of its kind on top of the desktop world that its context brings."""

from hal.mock.devices.evse import MockBay, MockContactor, MockInputs, MockLamp, MockLock, MockMeter, MockPilot
from hal.mock.devices.station import (
    MockDisplay,
    MockLimits,
    MockModem,
    MockNetworkMonitor,
    MockReaderDevice,
    mock_clock,
)
from hal.mock.devices.updater import MockUpdater

__all__ = [
    "MockBay",
    "MockContactor",
    "MockDisplay",
    "MockInputs",
    "MockLamp",
    "MockLimits",
    "MockLock",
    "MockMeter",
    "MockModem",
    "MockNetworkMonitor",
    "MockPilot",
    "MockReaderDevice",
    "MockUpdater",
    "mock_clock",
]
