"""A real scheduler and real workers, each a program of its own on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUICK = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "NUMBA_NUM_THREADS": "1",
}


@contextmanager
def program(*words: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of this Python until the block ends; what it prints goes to `log`."""
    env = os.environ | QUICK | {"PYTHONPATH": str(ROOT)} | environment
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=log.parent, env=env, stdout=file, stderr=file
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Machines:
    """A scheduler at `address`, and workers that can be added and killed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self.workers: list[subprocess.Popen[bytes]] = []
        told = folder / "scheduler.json"
        self.scheduler = stack.enter_context(
            program(
                "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                "--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--idle-timeout", "300",
                "--scheduler-file",
                str(told), log=folder / "scheduler.log",
            )
        )  # fmt: skip
        wait_until(told.exists)
        wait_until(lambda: told.read_bytes().endswith(b"}"))
        self.address = str(json.loads(told.read_text())["address"])

    def add_worker(self, *, preload: str = "", threads: int = 1) -> None:
        """Start a worker; `preload` is Python that runs in it first."""
        n = len(self.workers)
        words = [
            "distributed.cli.dask_worker", self.address, "--nthreads", str(threads), "--no-nanny",
            "--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(self._folder),
            "--death-timeout", "10",
        ]  # fmt: skip
        if preload:
            (self._folder / f"preload{n}.py").write_text(preload)
            words += ["--preload", str(self._folder / f"preload{n}.py")]
        log = self._folder / f"worker{n}.log"
        self.workers.append(self._stack.enter_context(program(*words, log=log)))
        wait_until(lambda: b"Registered to" in log.read_bytes())


@contextmanager
def machines(folder: Path, *, workers: int = 0) -> Iterator[Machines]:
    """Give a scheduler with some workers; all end with the block."""
    with ExitStack() as stack:
        found = Machines(folder, stack)
        for _ in range(workers):
            found.add_worker()
        yield found


def wait_until(true: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait for something that other programs do; fail when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)
