"""Compilation by numba where it can be loaded; plain Python where not.

A function decorated here means the same either way. Without numba the liquidation engine runs
its readable twin instead of kernels that are written for a compiler. What is kept of a file
does not notice changes of another one that it calls: who edits a kernel runs ``make clean``, or
deletes ``__pycache__``, before believing a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

prange: Any = range
MISSING = ""
try:
    import numba
except ImportError as error:
    MISSING = f"numba cannot be loaded ({error})"
else:
    prange = numba.prange


def use_threads(most: int) -> None:
    """Let compiled functions use at most so many threads in this process."""
    if not MISSING:
        numba.set_num_threads(min(most, numba.get_num_threads()))


def compiled(*, parallel: bool = False, inline: bool = False) -> Callable[[Any], Any]:
    """Return a decorator that compiles a function, and keeps the result for the next run.

    Where nothing can be kept, as in a read-only folder without a home, it compiles every time.
    """

    def decorate(function: Any) -> Any:
        if MISSING:
            return function
        options: dict[str, Any] = {"parallel": parallel, "inline": "always" if inline else "never"}
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            return numba.njit(**options)(function)

    return decorate
