"""Errors that several rooms of the program raise."""

from hal.errors import HalError


class ConfigError(HalError, ValueError):
    """A configuration that cannot be used. The text is one line: where, which key, why."""
