"""Charging without a protocol: facts, rules and state, and nothing that waits.

Commands and observations go in as method calls that carry their time; outcomes come back at once; events are collected and
drained by the caller. What hardware should do is not an event but a level (`Evse.desired`), so that nothing is lost when a
device misses a step. No file here opens a socket, a disk or a device, and none asks what time it is.
"""
