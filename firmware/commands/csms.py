"""`wayside csms`: the reference central system."""

import argparse
import asyncio

from csms import cli
from firmware.commands import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside csms`."""
    cli.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run until a signal."""
    common.set_up_logging("info")

    async def main() -> int:
        task = asyncio.ensure_future(cli.run(args))
        return await task

    return common.run_guarded(main)
