"""Stores that outlive the process.

The core's rules run on memory; `mirrored` notes what they change, and a `keeper` writes that to SQLite or Redis. What
the rules want done is done only after the keeper has it, so no station is told of anything that could be forgotten.
"""
