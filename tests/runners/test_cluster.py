"""What only a cluster can do: lose workers, lose the scheduler, hold other versions."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import govkit
from govkit.errors import DataUnavailable
from govkit.runners import open_runner
from govkit.runners.versions import differences, versions
from tests.runners import jobs
from tests.runners.clusters import machines

# Each stands for a worker on which something else is installed.
OTHER = {
    "govkit": "import govkit\ngovkit.__version__ = '0.0.1'\n",
    "numpy": (
        "import importlib.metadata as found\n"
        "found.version = lambda name, real=found.version: (\n"
        "    '1.0.0' if name == 'numpy' else real(name)\n"
        ")\n"
    ),
    "no govkit": "import sys\nsys.modules['govkit.runners.versions'] = None\n",
}


def silent(stage: str, done: int, total: int) -> None:
    pass


def test_a_lost_worker_changes_nothing(tmp_path: Path) -> None:
    with machines(tmp_path, workers=2) as found:
        with open_runner(scheduler=found.address) as runner:
            told: list[int] = []

            def kill_first(stage: str, done: int, total: int) -> None:
                told.append(done)
                if done == 3:
                    found.workers[0].kill()

            squares = runner.map("squares", jobs.slow_square, list(range(10)), kill_first)
        assert found.workers[0].wait() != 0
    assert squares == [n * n for n in range(10)]
    assert told == list(range(11))


@pytest.mark.parametrize("other", ["govkit", "numpy", "no govkit"])
def test_a_worker_with_another_version_is_refused(tmp_path: Path, other: str) -> None:
    with machines(tmp_path, workers=1) as found:
        found.add_worker(preload=OTHER[other])
        with pytest.raises(DataUnavailable) as caught:  # noqa: SIM117
            with open_runner(scheduler=found.address):
                raise AssertionError
    said = caught.value.message()
    assert said.startswith("tcp://127.0.0.1:")
    assert said.endswith("install there what is installed here.")
    assert {
        "govkit": f"the worker has govkit 0.0.1 (here {govkit.__version__})",
        "numpy": f"the worker has numpy 1.0.0 (here {versions()['numpy']})",
        "no govkit": "the worker has no govkit that can be used",
    }[other] in said


def test_a_worker_that_joins_later_is_refused_too(tmp_path: Path) -> None:
    with machines(tmp_path, workers=1) as found, open_runner(scheduler=found.address) as runner:
        assert runner.map("squares", jobs.squared, [3], silent) == [9]
        found.add_worker(preload=OTHER["govkit"])
        with pytest.raises(DataUnavailable, match=r"the worker has govkit 0\.0\.1 \(here"):
            runner.map("squares", jobs.slow_square, list(range(12)), silent)


def test_a_scheduler_without_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("govkit.runners.cluster.WORKER_SECONDS", 1)
    with machines(tmp_path) as found, pytest.raises(DataUnavailable) as caught:  # noqa: SIM117
        with open_runner(scheduler=found.address):
            raise AssertionError
    assert caught.value.message() == (
        f"{found.address}: the scheduler has no workers. "
        f"Start some with 'dask worker {found.address}'."
    )


def test_workers_that_all_die(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that kills its worker is given up after the third."""
    with machines(tmp_path, workers=4) as found:  # noqa: SIM117
        with pytest.raises(DataUnavailable, match="workers kept ending"):
            with open_runner(scheduler=found.address) as runner:
                runner.map("numbers", jobs.killed, [1], silent)


def test_a_scheduler_that_is_lost(tmp_path: Path) -> None:
    with machines(tmp_path, workers=1) as found:
        begun = time.monotonic()

        def kill(stage: str, done: int, total: int) -> None:
            if done == 1:
                found.scheduler.kill()

        with pytest.raises(DataUnavailable) as caught:  # noqa: SIM117
            with open_runner(scheduler=found.address) as runner:
                runner.map("waits", jobs.late, [0.1, 60.0], kill)
        assert time.monotonic() - begun < 45
    assert caught.value.message() == (
        f"{found.address}: the scheduler was lost in the middle of the work. "
        "Start it again, then the command."
    )


def test_differences_are_named_with_both_sides() -> None:
    assert differences(versions(), versions()) == ""
    older = versions() | {"numpy": "1.26.0"}
    del older["arch"]
    said = differences(older, versions())
    assert said == f"numpy 1.26.0 (here {versions()['numpy']}), arch none (here " + (
        f"{versions()['arch']})"
    )
    assert len(versions()["govkit code"]) == 12
