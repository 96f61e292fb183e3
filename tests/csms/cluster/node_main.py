"""What a node process runs: the command line itself, in a process that was forked with everything imported already."""

import os
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

import csms.cluster.redis_node  # noqa: F401 - imported before the fork, so that nodes start at once
import firmware.commands.csms  # noqa: F401 - likewise
from firmware.cli import main


def run(words: Sequence[str], output: Connection) -> None:
    """`wayside …`, its standard output into a pipe."""
    os.dup2(output.fileno(), sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sys.exit(main(list(words)))
