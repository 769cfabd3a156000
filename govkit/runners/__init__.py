"""Where independent tasks run: in this process, in several, or on a Dask cluster.

A runner is given a function of a module and a list of tasks, and returns the results in the
order of the tasks. What a task is never depends on the runner, so neither do the results. A
back-end is one file of this folder and one line in `open_runner`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from govkit.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

Progress = Callable[[str, int, int], None]
"""Called with stage, tasks done, tasks in all."""


class Runner(Protocol):
    """Runs independent tasks."""

    def map(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task],
        progress: Progress,
    ) -> list[Result]:  # fmt: skip
        """Return ``function(task)`` of every task, in the order of the tasks.

        Parameters
        ----------
        stage:
            What the tasks are called in progress reports.
        function:
            A function of a module, or a `functools.partial` of one: other processes import it.
        progress:
            Called before the first task and whenever one is done.

        Raises
        ------
        DataUnavailable
            When processes, workers or the scheduler are lost for good.
        """
        ...


@contextmanager
def open_runner(workers: int = 1, scheduler: str = "") -> Iterator[Runner]:
    """Give the runner asked for; when the block is left, nothing of it runs any more.

    Parameters
    ----------
    workers:
        Processes on this machine; 1 runs everything in this one.
    scheduler:
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``; it goes before `workers`.

    Raises
    ------
    InputError
        For an address that is none, or fewer workers than one.
    PartMissing
        When the package `distributed` is not installed.
    DataUnavailable
        When the scheduler does not answer, has no workers, or workers with other versions.
    """
    if workers < 1:
        raise InputError(f"{workers} workers are too few", where="workers", todo="Ask for one.")
    if scheduler:
        from govkit.runners.cluster import cluster

        with cluster(scheduler) as runner:
            yield runner
    elif workers > 1:
        from govkit.runners.processes import processes

        with processes(workers) as runner:
            yield runner
    else:
        from govkit.runners.serial import SERIAL

        yield SERIAL


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
