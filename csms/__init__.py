"""The reference central system (CSMS): an event-based core, a WebSocket door, an HTTP API, and faults on purpose.

`app` holds the whole of it (`Csms`), `core` its rules without any I/O, `v16` and `v201` what each version's messages
mean. It is what the firmware is tested against and demonstrated with; it also runs alone, as `wayside csms`.
"""
