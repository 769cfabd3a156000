"""Small tasks for runners; they stand in a module because other processes import them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from govkit.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")


def squared(number: int) -> int:
    return number * number


def slow_square(number: int) -> int:
    time.sleep(0.3)
    return number * number


def late(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def refused(number: int) -> int:
    if number == 2:
        raise InputError("two is no good", where="row 2", todo="Take three.")
    return late(number) and number


def killed(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def threads(_: int) -> tuple[int, int]:
    """Return process and how many threads numba has in it."""
    import numba

    return os.getpid(), numba.get_num_threads()


def alone(folder: Path) -> int:
    """Return how many tasks of this process ran at once."""
    mine = folder / f"{os.getpid()}-{time.monotonic_ns()}"
    mine.touch()
    seen = len(list(folder.glob(f"{os.getpid()}-*")))
    time.sleep(0.05)
    mine.unlink()
    return seen


def on_fewer_paths(function: Callable[[Task], Result], task: Task) -> Result:
    from tests.calibrate.pipeline import fewer_paths

    with fewer_paths():
        return function(task)
