"""The handlers of OCPP 1.6: every message a station may send, answered and recorded."""

from csms.core.router import Router
from csms.v16 import holdings, notices, provisioning, transactions


def router() -> Router:
    """A new router with all of them."""
    handlers = Router()
    provisioning.register(handlers)
    transactions.register(handlers)
    notices.register(handlers)
    holdings.register(handlers)
    return handlers
