"""The central system's HTTP+JSON API: what it knows, commands to stations, faults on purpose, a stream of events.

`build_api(csms)` gives an ASGI application, `ApiServer` serves it in the running event loop. Every route is described
once, in the table of its module; the OpenAPI document is made from those tables.
"""

from csms.api.build import build_api
from csms.api.serving import ApiServer

__all__ = ["ApiServer", "build_api"]
