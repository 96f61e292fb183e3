"""The charge point program: the neutral core, its engine on the hardware, one translator per protocol version, and the command line."""

__version__ = "0.1.0"
