"""The numbers do not know where they were computed: serial, processes and a cluster that limps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from distributed import Client

from govkit.calibrate.implied import implied_confidence
from govkit.data import appetite_names, load_appetite, load_market, load_model
from govkit.records.implied import ImpliedConfidence
from govkit.runners import Progress, Result, Runner, Task, open_runner
from govkit.runners.serial import SERIAL
from tests.calibrate.pipeline import NAME, evidence_of, fewer_paths
from tests.runners import jobs
from tests.runners.clusters import machines


def silent(stage: str, done: int, total: int) -> None:
    pass


def implied(runner: Runner, progress: Progress = silent) -> ImpliedConfidence:
    appetites = [load_appetite(name) for name in appetite_names()]
    return implied_confidence(
        load_market(NAME), load_model(), appetites, seed=1,
        run=lambda function, assets: runner.map("assets", function, assets, progress),
    )  # fmt: skip


def kill_a_busy_worker(address: str) -> None:
    with Client(address, set_as_default=False, timeout=5) as client:
        (busy, *_) = [worker for worker, keys in client.processing().items() if keys]
        (process,) = client.run(os.getpid, workers=[busy]).values()
    os.kill(process, signal.SIGKILL)


def test_every_asset_of_a_market(tmp_path: Path) -> None:
    """Fifteen tasks; a worker dies in the middle of them."""
    alone = implied(SERIAL)
    with open_runner(2) as runner:
        assert implied(runner) == alone
    with machines(tmp_path, workers=2) as found, open_runner(scheduler=found.address) as runner:

        def kill(stage: str, done: int, total: int) -> None:
            if done == 4:
                kill_a_busy_worker(found.address)

        limped = implied(runner, kill)
        assert sorted(worker.poll() is None for worker in found.workers) == [False, True]
    assert limped.digest() == alone.digest()


class Small:
    """A runner whose tasks run on smaller samples, wherever that is."""

    def __init__(self, runner: Runner, then: Callable[[int], None] = lambda done: None) -> None:
        self._runner, self._then = runner, then

    def map(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task],
        progress: Progress,
    ) -> list[Result]:  # fmt: skip
        def told(stage: str, done: int, total: int) -> None:
            self._then(done)

        return self._runner.map(stage, partial(jobs.on_fewer_paths, function), tasks, told)


def test_a_proposal(tmp_path: Path) -> None:
    """Three assets and their joint book; a worker dies in the middle of an asset."""
    assets = ("WBTC", "LINK", "USDC")
    with fewer_paths():
        alone = evidence_of(*assets)
        with open_runner(2) as runner:
            assert evidence_of(*assets, runner=Small(runner)).digest() == alone.digest()
        with machines(tmp_path, workers=2) as found:  # noqa: SIM117
            with open_runner(scheduler=found.address) as runner:

                def kill(done: int) -> None:
                    if done == 1:
                        kill_a_busy_worker(found.address)

                limped = evidence_of(*assets, runner=Small(runner, kill))
                assert sorted(w.poll() is None for w in found.workers) == [False, True]
    assert limped.digest() == alone.digest()
    assert alone.joint is not None
