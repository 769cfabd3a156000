"""Every runner: same results in the order of the tasks, errors as they are, clear messages."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest

from govkit.errors import DataUnavailable, InputError, PartMissing
from govkit.runners import Runner, cores, open_runner
from tests.runners import jobs
from tests.runners.clusters import Machines, machines, wait_until

KINDS = ("serial", "processes", "dask")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with machines(tmp_path_factory.mktemp("cluster"), workers=2) as found:
        yield found


def opened(kind: str, found: Machines) -> AbstractContextManager[Runner]:
    if kind == "dask":
        return open_runner(scheduler=found.address)
    return open_runner(2 if kind == "processes" else 1)


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_results_come_in_the_order_of_the_tasks(kind: str, two: Machines) -> None:
    told: list[tuple[str, int, int]] = []
    waits = [0.4, 0.0, 0.2, 0.0]
    with opened(kind, two) as runner:
        late = runner.map("waits", jobs.late, waits, lambda *step: told.append(step))
        again = runner.map("powers", partial(pow, 2), list(range(60)), silent)
        nothing = runner.map("nothing", jobs.squared, [], silent)
    assert late == waits
    assert again == [2**n for n in range(60)]
    assert nothing == []
    assert told == [("waits", n, 4) for n in range(5)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_a_task_is_raised_as_it_was(kind: str, two: Machines) -> None:
    begun = time.monotonic()
    with pytest.raises(InputError) as caught, opened(kind, two) as runner:
        # The task after the wrong one would take a minute: nobody waits for it.
        runner.map("numbers", jobs.refused, [0, 2, 60], silent)
    assert time.monotonic() - begun < 60
    assert caught.value.message() == "row 2: two is no good. Take three."
    assert (caught.value.where, caught.value.exit_code) == ("row 2", 2)
    wait_until(lambda: not active_children())


def test_processes_use_one_thread_each_and_end(two: Machines) -> None:
    with open_runner(2) as runner:
        runner.map("begin", jobs.late, [0.0, 0.0], silent)
        seen = runner.map("threads", jobs.threads, list(range(4)), silent)
        assert len(active_children()) == 2
    assert {threads for _, threads in seen} == {1}
    assert os.getpid() not in {process for process, _ in seen}
    assert not active_children()


def test_a_process_that_dies_is_named(two: Machines) -> None:
    with pytest.raises(DataUnavailable, match="worker process ended") as caught:  # noqa: SIM117
        with open_runner(2) as runner:
            runner.map("numbers", jobs.killed, [0, 1, 2], silent)
    assert "Ask for fewer workers" in caught.value.message()
    wait_until(lambda: not active_children())


def test_one_worker_process_runs_one_task_at_a_time(tmp_path: Path) -> None:
    """Numba's threads may not be entered twice, whatever the worker's --nthreads."""
    with machines(tmp_path) as found:
        found.add_worker(threads=3)
        with open_runner(scheduler=found.address) as runner:
            (tmp_path / "running").mkdir()
            seen = runner.map("alone", jobs.alone, [tmp_path / "running"] * 6, silent)
    assert seen == [1] * 6


def test_no_runner_for_less_than_one_worker() -> None:
    with pytest.raises(InputError, match="0 workers are too few"), open_runner(0):
        raise AssertionError
    assert cores() >= 1


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1:8786", "http://10.0.0.1:8786", "tcp://", "tcp://host", "tcp://host:port",
     "tcp://host:99999", "tcp://host:8786/path"],
)  # fmt: skip
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(InputError) as caught, open_runner(scheduler=address):
        raise AssertionError
    assert caught.value.message() == (
        f"--scheduler: '{address}' is no address of a Dask scheduler. "
        "Write it like tcp://10.0.0.1:8786."
    )


def test_without_dask_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(PartMissing, match=r"pip install 'govkit\[dask\]'"):  # noqa: SIM117
        with open_runner(scheduler="tcp://127.0.0.1:8786"):
            raise AssertionError


def test_nothing_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    with pytest.raises(DataUnavailable) as caught, open_runner(scheduler=address):
        raise AssertionError
    assert time.monotonic() - begun < 60
    assert caught.value.message().startswith(f"{address}: no Dask scheduler answers (")
    assert caught.value.exit_code == 3


def test_tls_without_certificates() -> None:
    with pytest.raises(InputError, match="asks for TLS and no certificates"):  # noqa: SIM117
        with open_runner(scheduler="tls://127.0.0.1:8786"):
            raise AssertionError


def test_something_else_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silence:
        address = f"tcp://127.0.0.1:{silence.getsockname()[1]}"
        with pytest.raises(DataUnavailable, match="no Dask scheduler"):  # noqa: SIM117
            with open_runner(scheduler=address):
                raise AssertionError
