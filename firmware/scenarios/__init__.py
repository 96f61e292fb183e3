"""Scenarios: readable files of steps, waits and expectations, played against any central system.

`format` reads a file, `runner` plays it on a stage: a station in virtual time (`virtual`), or the program that runs here (`live`). The
library in `library/` ships with the program. Only `reference` and `virtual` know the reference central system.
"""
