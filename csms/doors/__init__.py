"""Other front doors than the WebSocket server of its own: each only moves texts.

`asgi` runs a central system under any ASGI server. In the other forms the sockets are in one place and the rules in
another: a `proxy` or a cloud gateway (`aws`) holds the connections, and a `worker` without memory of its own handles one
event at a time, with everything that is to be remembered in Redis.
"""
