"""What can go wrong with a simulation itself. An error of the simulated program is never one of these."""


class SimulationError(Exception):
    """Root of the errors of virtual time."""


class Deadlock(SimulationError, RuntimeError):
    """Nothing is ready and no timer is set: virtual time has no next moment. The text lists what the tasks wait for."""


class LiveLock(SimulationError, RuntimeError):
    """Callbacks go on and on at one instant: virtual time never moves. The text names the callbacks that ran most."""


class Forbidden(SimulationError, RuntimeError):
    """The program did something that a simulation cannot follow: a real thread, a real sleep, a socket of its own."""
