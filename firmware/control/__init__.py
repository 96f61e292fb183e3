"""The local control interface: HTTP and JSON for people and programs beside the charge point, on loopback unless configured.

It shows what the program knows and, on a mock board, lets the desktop world act. It never stands in the way of charging: everything
is answered from memory or with a time limit, slow readers are skipped over, and a port that is taken costs only this interface.
"""
