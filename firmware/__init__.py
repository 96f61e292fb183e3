"""The charge point program: the neutral core, its engine on the hardware, one translator per protocol version, and the command line."""

__version__ = "0.1.0"
BUILT_S = 1767225600.0
"""POSIX time before which this program did not exist: no clock that shows less is right, and no fact is older."""
