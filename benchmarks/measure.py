"""Times, peak memory and facts of the machine. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

TOP = Path(__file__).parents[1]
LIBRARIES = ("numpy", "numba", "scipy")


def median_seconds(
    functions: Mapping[str, Callable[[], object]], repeats: int, *, warm: bool = True
) -> dict[str, float]:
    """Return the median wall time of each function, run in turns so that load hits all alike.

    With `warm`, each is called once before the first measurement.
    """
    if warm:
        for function in functions.values():
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = perf_counter()
            function()
            seconds[name].append(perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def peak_mib() -> float:
    """Return the most memory that this process has held so far, MiB.

    On Linux `getrusage` starts a program with the peak of the one that started it, so the
    kernel's own count of this program is read there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def program_seconds(
    command: Sequence[str], *, codes: Sequence[int] = (0,), **variables: str
) -> tuple[float, str]:
    """Run a Python program at the top of the checkout.

    Parameters
    ----------
    command:
        What follows ``python``.
    codes:
        Exit codes that are no failure.
    variables:
        Environment variables set beside the ones that are there.

    Returns
    -------
    tuple
        Wall time in seconds, and standard error.

    Raises
    ------
    RuntimeError
        With the end of standard error, for another exit code.
    """
    start = perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=TOP, env=os.environ | variables, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    seconds = perf_counter() - start
    if done.returncode not in codes:
        raise RuntimeError(f"exit code {done.returncode} of {command}:\n{done.stderr[-2000:]}")
    return seconds, done.stderr


def machine() -> dict[str, str]:
    """Return what the figures depend on: processor, cores, memory, versions."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(cores()),
        "memory": _memory(),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
    }


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _first(path: str, key: str) -> str:
    if Path(path).exists():
        for line in Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.partition(":")[2].strip()
    return ""


def _memory() -> str:
    words = _first("/proc/meminfo", "MemTotal").split()
    return f"{int(words[0]) / 2**20:.0f} GiB" if words else "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
