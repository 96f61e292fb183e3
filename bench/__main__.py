"""`make bench`: every module's rows in one table. `make bench ARGS="--only codec"` runs some."""

import argparse
import importlib
import sys
import time

from bench.table import Row, show

MODULES = ("codec", "roundtrip", "queue", "drain", "deny", "wear", "websocket", "program", "simulation", "csms")


def main() -> int:
    """Run and print; 0 even where a target is missed: the table says so."""
    parser = argparse.ArgumentParser(prog="make bench", description="Figures beside their floors and peers.")
    parser.add_argument("--only", action="append", choices=MODULES, metavar="NAME", help=", ".join(MODULES))
    chosen = parser.parse_args().only or MODULES
    rows: list[Row] = []
    for name in chosen:
        begun = time.monotonic()
        print(f"{name} …", file=sys.stderr, end=" ", flush=True)
        rows += importlib.import_module(f"bench.{name}").rows()
        print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(show(rows))
    missed = [row.what.strip() for row in rows if row.met is False]
    if missed:
        print(f"\nmissed: {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
