"""The desktop world: cars with batteries, mains, cards, a modem, a network and a clock, and mock devices that live in it.

`world.World` is the place to begin: `world.evse(1).plug(car=world.car("compact"))`. `devices` holds the drivers named "mock",
`actions` the same abilities as JSON for the local control interface, `fasttime` an event loop whose time runs faster.
"""
