"""The handlers of OCPP 2.0.1: every message a station may send, answered and recorded."""

from csms.core.router import Router
from csms.v201 import authorization, holdings, notices, provisioning, transactions


def router() -> Router:
    """A new router with all of them."""
    handlers = Router()
    provisioning.register(handlers)
    authorization.register(handlers)
    transactions.register(handlers)
    notices.register(handlers)
    holdings.register(handlers)
    return handlers
