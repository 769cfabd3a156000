"""Several processes on this machine: the standard library's process pool."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, connection, get_context, parent_process
from threading import Thread, current_thread, main_thread

from govkit.errors import DataUnavailable
from govkit.runners import Progress, Result, Task


class Processes:
    """Runs tasks in a pool of processes, one thread each: the tasks are the parallelism."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def map(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task],
        progress: Progress,
    ) -> list[Result]:  # fmt: skip
        """Return the results in the order of the tasks, whichever ends first."""
        progress(stage, 0, len(tasks))
        try:
            futures = self._submit(function, tasks)
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()  # an error ends the run at once
                progress(stage, done, len(tasks))
        except BrokenProcessPool:
            raise DataUnavailable(
                "a worker process ended in the middle of its work, perhaps for want of memory",
                where="--workers", todo="Ask for fewer workers.",
            ) from None  # fmt: skip
        return [future.result() for future in futures]

    def _submit(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> list[Future[Result]]:
        """Hand the tasks over; processes start here."""
        with _interrupts_kept_back():
            return [self._pool.submit(function, task) for task in tasks]


@contextmanager
def processes(workers: int) -> Iterator[Processes]:
    """Give a pool of `workers` processes, started when needed, and end them in any case."""
    others = {child.pid for child in active_children()}
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield Processes(pool)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        # Tasks take minutes and nobody waits for them now.
        for child in active_children():
            if child.pid not in others:
                child.terminate()
        raise
    finally:
        pool.shutdown()


@contextmanager
def _interrupts_kept_back() -> Iterator[None]:
    """Let Ctrl-C wait while processes start, and keep it from them for good.

    A terminal sends it to the whole group, but this process alone decides what then ends. One
    that comes half way through the start of a process would leave that one without its orders.
    """
    if current_thread() is not main_thread():  # Python tells only that one of signals
        yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    # What a process blocks its children block, too. Other threads here may still receive it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def _begin() -> None:
    """Prepare a worker: one thread, and an end with its parent, however that ends."""
    from govkit.simulate.compiled import use_threads

    use_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
