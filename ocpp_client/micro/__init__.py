"""A WebSocket client of our own, for images on which the `websockets` library cannot be installed.

`utf8`, `sha1`, `upgrade`, `frames` and `client` are its core: RFC 6455 without input and output, written with what MicroPython has
too (1.25 and newer), and tested on it. `pump` and `dial` put it on asyncio; `dial.connect` has the signature of
`ocpp_client.websocket.connect`, and what it returns is the same `WebSocket`. It knows no compression and no server.
"""
