"""The `wayside` command: parses, and hands over to the command's own module, imported only then."""

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from firmware import __version__

# Command -> (module, what it does). A module offers `add_arguments(parser)` and `run(args) -> int`.
COMMANDS = {
    "run": ("firmware.commands.run", "run the charge point"),
    "demo": (
        "firmware.commands.demo",
        "run a charge point on mock hardware together with the reference central system",
    ),
    "csms": ("firmware.commands.csms", "run the reference central system"),
    "doctor": ("firmware.commands.doctor", "examine the way to the central system, step by step"),
    "boards": ("firmware.commands.boards", "list and check board files"),
    "simulate": ("firmware.simulation.cli", "play charger-days with faults in virtual time"),
    "scenario": ("firmware.commands.scenario", "play scenarios: steps, waits and expectations"),
    "queue": ("firmware.commands.queue", "look into the journal: waiting messages and dead letters"),
}
USAGE_ERROR = 2
INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `wayside … | head`: who reads has read enough
        _close_output()
        return 1
    except OSError as error:
        print(f"wayside: {error}", file=sys.stderr)
        _close_output()
        return 1
    return code


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="wayside", description="Charge point firmware.")
    parser.add_argument("--version", action="version", version=f"wayside {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module_name, summary) in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        if name == chosen:
            module = _loaded(module_name)
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(arguments)
    code: int = args.run(args)
    return code


def _close_output() -> None:
    """What is still buffered for an output that takes nothing goes nowhere; the interpreter would complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _loaded(module_name: str) -> ModuleType:
    """Import a command. What it loads stays for good: the garbage collector looks at none of it, now or later."""
    gc.disable()
    try:
        return importlib.import_module(module_name)
    finally:
        gc.freeze()
        gc.enable()
