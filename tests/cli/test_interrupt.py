"""Ctrl-C in the middle of a proposal: exit 130, no process, no file, no task on the cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from distributed import Client

from tests.runners.clusters import ROOT, machines, wait_until

ASSETS = ("WETH", "WBTC", "wstETH", "LINK", "AAVE", "UNI", "CRV", "MKR")


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Begin a proposal, and return when its assets are being worked on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "govkit", "propose", *ASSETS, "--out", folder / "out", *words],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "assets ...\n"
    return process


def ended(process: subprocess.Popen[str], folder: Path) -> None:
    """Check that an interrupted proposal said so and left nothing."""
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "\nInterrupted; nothing was left behind.\n"
    assert not (folder / "out").exists()
    wait_until(lambda: not group_lives(process.pid), seconds=5)


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


Send = Callable[[int, int], None]


@pytest.mark.parametrize("send", [os.killpg, os.kill], ids=["terminal", "parent only"])
@pytest.mark.parametrize(("workers", "seconds"), [(1, 0.5), (2, 0.0), (2, 0.6), (2, 3.0)])
def test_processes(tmp_path: Path, workers: int, seconds: float, send: Send) -> None:
    """At once, while the workers start, and in the middle of their work."""
    process = started(tmp_path, "--workers", str(workers))
    time.sleep(seconds)
    send(process.pid, signal.SIGINT)
    ended(process, tmp_path)


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    process = started(tmp_path, "--workers", "2")
    time.sleep(2)
    process.kill()
    process.communicate()
    wait_until(lambda: not group_lives(process.pid), seconds=5)
    assert not (tmp_path / "out").exists()


def test_cluster(tmp_path: Path) -> None:
    with machines(tmp_path, workers=1) as found:
        process = started(tmp_path, "--scheduler", found.address)
        with Client(found.address, set_as_default=False) as client:
            wait_until(lambda: tasks(client) == len(ASSETS))
            os.killpg(process.pid, signal.SIGINT)
            ended(process, tmp_path)
            wait_until(lambda: tasks(client) == 0, seconds=5)


def tasks(client: Client) -> int:
    return client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
