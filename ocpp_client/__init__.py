"""OCPP-J for a charge point, and for whoever tests one: messages, framing, calls and answers, and a link that stays up.

Nothing here knows what charging is, and nothing here touches disk or hardware. From the bottom up: `websocket` moves
text, `framing` gives it shape, `peer` pairs calls with answers on one connection, `link` keeps a connection standing
for ever. The messages of each version live in `v16`, `v201` and `v21`, found through `catalogue`.

Names are imported from the module they live in. This package itself loads nothing, so that a program pays for the parts
it uses: `errors` and `catalogue` cost neither pydantic nor the WebSocket library.
"""
