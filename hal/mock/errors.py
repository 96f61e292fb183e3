"""What can go wrong when somebody asks something of the desktop world."""

from hal.errors import HalError


class WorldError(HalError):
    """Root of the world's refusals. The world is unchanged whenever one is raised."""


class Impossible(WorldError):
    """The world cannot do that in its present state: unplug what is not plugged in, pull a locked plug."""


class UnknownAction(WorldError, LookupError):
    """There is no such action, no such EVSE or no such device."""


class BadBody(WorldError, ValueError):
    """The body of an action is wrong. `field` is the dotted name of the first field at fault, empty for the body itself."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field
