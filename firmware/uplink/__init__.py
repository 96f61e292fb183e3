"""The way from the station to its central system, around the link itself: which endpoint, as whom, what is watched and counted.

`rota` and `access` decide what is dialled next, `watch` reacts to the network and the modem, `ladder` helps a modem up, `usage`
counts data, `documents` keeps what has to outlive a restart. `firmware.connection` puts them together.
"""
