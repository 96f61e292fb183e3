"""Benchmarks: each figure beside its floor or peer, measured in the same run. `make bench` prints the table.

Absolute times on a shared machine are noise; the ratios count. A module measures one thing and offers `rows() -> list[Row]`.
"""
