"""Plays many scenarios on several processor cores; each run is a process's own, and its course is the same as alone."""

import multiprocessing
from collections.abc import Generator, Iterable
from concurrent.futures import ProcessPoolExecutor

from firmware.simulation.day import play
from firmware.simulation.scenario import Result, Scenario


def play_each(scenarios: Iterable[Scenario], jobs: int) -> Generator[Result, None, None]:
    """Results in the order of the scenarios, of which `jobs` are played at a time.

    Who stops asking ends it: runs that have not begun are given up. Scenarios travel between processes: a `change` must be a
    function of a module.
    """
    # Fresh interpreters: a fork would take over the threads and the open files of whoever calls.
    workers = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        for future in [workers.submit(play, scenario) for scenario in scenarios]:
            yield future.result()
    finally:
        workers.shutdown(cancel_futures=True)
