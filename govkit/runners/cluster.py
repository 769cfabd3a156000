"""A Dask cluster that already runs: tasks go to the workers of its scheduler."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Generic
from urllib.parse import urlsplit

from govkit.errors import DataUnavailable, GovkitError, InputError, PartMissing
from govkit.runners import Progress, Result, Task
from govkit.runners.versions import differences, versions

PROTOCOLS = ("tcp", "tls")
EXAMPLE = "tcp://10.0.0.1:8786"
ANSWER_SECONDS = 5
WORKER_SECONDS = 10
"""How long to wait for an answer of the scheduler, and for a first worker."""


class Cluster:
    """Runs tasks on the workers of a Dask scheduler; a lost worker's tasks run elsewhere."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address

    def map(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task],
        progress: Progress,
    ) -> list[Result]:  # fmt: skip
        """Return the results in the order of the tasks, whichever ends first."""
        from dask.utils import SerializableLock
        from distributed import KilledWorker, as_completed

        progress(stage, 0, len(tasks))
        # One task at a time in a process: a lock of this name is the same in all its threads.
        checked = Checked(function, versions(), SerializableLock("govkit"))
        # One by one, because the scheduler frowns on a single graph with all the data; never
        # taken for an equal task of somebody else.
        futures = [self._client.submit(checked, task, pure=False) for task in tasks]
        place = {future.key: n for n, future in enumerate(futures)}
        results: dict[int, Result] = {}
        try:
            for future, result in as_completed(futures, loop=self._client.loop, with_results=True):
                if future.cancelled() or isinstance(result, CancelledError):
                    raise _lost(self._address)
                results[place[future.key]] = result
                future.release()  # the worker may forget it
                progress(stage, len(results), len(tasks))
        except KilledWorker:
            raise DataUnavailable(
                "workers kept ending in the middle of their work, perhaps for want of memory",
                where=self._address, todo="Read the workers' logs, or give them more memory.",
            ) from None  # fmt: skip
        return [results[n] for n in range(len(tasks))]


@dataclass(frozen=True)
class Checked(Generic[Task, Result]):
    """A function as a worker runs it: refused with other versions, alone in its process.

    A worker may have joined after the others were looked at.
    """

    function: Callable[[Task], Result]
    expected: Mapping[str, str]
    lock: Any

    def __call__(self, task: Task) -> Result:
        """Return the function of one task, computed with as many threads as the worker has."""
        from distributed import get_worker

        from govkit.simulate.compiled import use_threads

        worker = get_worker()
        other = differences(versions(), self.expected)
        if other:
            raise _refused(worker.address, other)
        with self.lock:
            use_threads(worker.state.nthreads)
            return self.function(task)


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler, look at its workers, and leave no task behind.

    A scheduler drops the tasks of a client that goes, however it goes.

    Raises
    ------
    InputError, PartMissing, DataUnavailable
        As `govkit.runners.open_runner` says.
    """
    _check(address)
    try:
        from distributed import Client
    except ImportError:
        raise PartMissing(
            "needs Dask, which is not installed", where="--scheduler",
            todo="Install it: pip install 'govkit[dask]'.",
        ) from None  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        try:
            asyncio.run(asyncio.wait_for(_greet(address), ANSWER_SECONDS))
            client = Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError, ImportError, MemoryError) as error:
            raise DataUnavailable(
                f"no Dask scheduler answers ({_first_line(error)})", where=address,
                todo="Start one with 'dask scheduler', or correct the address.",
            ) from None  # fmt: skip
        stack.callback(client.close, timeout=ANSWER_SECONDS)
        _check_workers(client, address)
        yield Cluster(client, address)


def _check(address: str) -> None:
    parts = urlsplit(address)
    try:
        complete = parts.scheme in PROTOCOLS and parts.hostname and parts.port
    except ValueError:  # a port that is no number
        complete = False
    if not complete or parts.path or parts.query:
        raise InputError(
            f"'{address}' is no address of a Dask scheduler", where="--scheduler",
            todo=f"Write it like {EXAMPLE}.",
        )  # fmt: skip


async def _greet(address: str) -> None:
    """Exchange greetings; a `Client` would wait for ever for those of something else."""
    from distributed.comm.core import connect
    from distributed.security import Security

    known = Security().get_connection_args("client")
    if address.startswith("tls:") and known["ssl_context"] is None:
        raise InputError(
            "the address asks for TLS and no certificates are known", where="--scheduler",
            todo="Name them in Dask's configuration, distributed.comm.tls.",
        )  # fmt: skip
    comm = await connect(address, timeout=ANSWER_SECONDS, **known)
    comm.abort()


def _check_workers(client: Any, address: str) -> None:
    """Refuse a cluster without workers, or with one that would compute something else."""
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise DataUnavailable(
            "the scheduler has no workers", where=address,
            todo=f"Start some with 'dask worker {address}'.",
        ) from None  # fmt: skip
    for worker, found in sorted(client.run(versions, on_error="return").items()):
        if isinstance(found, Exception):
            raise _refused(worker, f"no govkit that can be used ({_first_line(found)})")
        other = differences(found, versions())
        if other:
            raise _refused(worker, other)


def _refused(worker: str, other: str) -> DataUnavailable:
    return DataUnavailable(
        f"the worker has {other}", where=worker,
        todo="Results must not depend on the worker: install there what is installed here.",
    )  # fmt: skip


def _lost(address: str) -> GovkitError:
    return DataUnavailable(
        "the scheduler was lost in the middle of the work", where=address,
        todo="Start it again, then the command.",
    )  # fmt: skip


def _first_line(error: BaseException) -> str:
    return (str(error) or "no answer in time").splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own log and warnings off the screen; what matters becomes an error here."""
    from distributed.utils import silence_logging_cmgr

    with ExitStack() as stack:
        for name in ("distributed", "distributed.client"):
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL + 1, root=name))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="distributed")
            yield
