"""The rules of a central system, with no socket, no clock and no waiting: `handle(event, store) -> effects`.

`events` come in, `effects` go out, `store` is what is remembered in between. `inbound` executes the calls of stations
through the handlers of a `router`, `outbound` keeps the queue of calls to them. Nothing here knows what charging is.
"""
