"""All built-in handlers."""

from csms import v16, v201
from csms.core.router import Router


def router() -> Router:
    """A new router for every OCPP version spoken here."""
    return v16.router().overlaid(v201.router())
