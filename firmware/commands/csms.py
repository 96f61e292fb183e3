"""`wayside csms`: the reference central system."""

import argparse

from csms.cli import add_arguments
from csms.cli import run as run_csms
from firmware.commands import common

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Run until a signal."""
    common.set_up_logging("info")
    return common.run_guarded(lambda: run_csms(args))
