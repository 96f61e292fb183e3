"""What can go wrong at the hardware seam."""


class HalError(Exception):
    """Root of all device errors. The text says which device, what failed, and what to look at."""


class DeviceTimeout(HalError, TimeoutError):
    """The device did not answer within its time."""


class DeviceLost(HalError, ConnectionError):
    """The port or bus of the device is gone (unplugged, powered off)."""


class DeviceRefused(HalError):
    """The device answered, and said no."""


class BadReply(HalError, ValueError):
    """The device answered with something that its protocol does not allow."""


class DeviceReplaced(BadReply):
    """Another device answers than the one that was opened. It is used when it is opened anew, with nothing under way on it."""


class UnknownDriver(HalError, LookupError):
    """No driver of that name is installed for that kind of device."""


class BadDeviceOptions(HalError, ValueError):
    """A board file gives a driver options it does not take."""
