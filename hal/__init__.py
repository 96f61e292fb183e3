"""Everything outside the program's memory, behind small Protocols.

`types` holds the values that cross the seam, one file per device family holds its contract (`meter`, `contactor`,
`pilot`, …), `registry` finds drivers by name, `mock` is the desktop world, `drivers` are real devices. Nothing here
knows a charging protocol.
"""
