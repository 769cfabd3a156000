"""Work W: the engine against the same rules written the obvious way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.comparators import run_numba, run_numpy, run_python
from benchmarks.items import PERCENT, TIMES, Aim, Row, Section, item
from benchmarks.measure import median_seconds
from benchmarks.work import FINE_THRESHOLDS, Work, make_prices, reference_work
from govkit.simulate.engine import run_grid

Array = NDArray[np.float64]

AGREEMENT = 1e-12
"""Largest difference between two ways to run a path, as a share of total debt."""

PYTHON_PATHS, NUMPY_PATHS = 1, 50


def run_engine(work: Work, kernel: str = "") -> tuple[Array, Array]:
    """Run the engine; bad debt and repaid debt, both of shape (paths, thresholds)."""
    found = run_grid(
        work.prices, work.book, work.thresholds, work.terms, work.pool, relever=False, kernel=kernel
    )
    return found.bad_debt_usd, found.repaid_usd


def check_agreement(work: Work, runs: dict[str, Callable[[Work], tuple[Array, Array]]]) -> float:
    """Compare with the engine on every path and threshold; return the largest difference.

    Raises
    ------
    RuntimeError
        When it is above `AGREEMENT`: a fast wrong answer needs no timing.
    """
    bad, repaid = run_engine(work)
    largest = 0.0
    for name, run in runs.items():
        other_bad, other_repaid = run(work)
        apart = max(np.abs(bad - other_bad).max(), np.abs(repaid - other_repaid).max())
        if not apart <= AGREEMENT * work.total_debt:
            raise RuntimeError(f"{name} and the engine are {apart:g} dollars apart")
        largest = max(largest, float(apart) / work.total_debt)
    return largest


def on_one_thread(function: Callable[[], object]) -> Callable[[], object]:
    """Return the function, run on one thread."""

    def alone() -> object:
        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            return function()
        finally:
            numba.set_num_threads(threads)

    return alone


@item("cascade", "Work W: the cascade")
def cascade(small: bool) -> Section:
    """Run W in the engine and, in the same process and in turns, in plain Python, NumPy and numba.

    The four must agree on every path and threshold before any is timed. Plain Python runs one
    path, plain NumPy some paths; their times are scaled to all. The comparators use one thread.
    Ratios are given twice: to the engine on all cores, as it comes, and on one thread.
    """
    work = reference_work(1_000, 100) if small else reference_work()
    bad, _ = run_engine(work)
    worst = work.on(work.prices[[int(bad.sum(axis=1).argmax())]])
    some, one = work.first_paths(min(NUMPY_PATHS, len(work.prices))), work.first_paths(PYTHON_PATHS)
    apart = max(
        check_agreement(work, {"plain numba": run_numba, "the touched kernel": _touched}),
        check_agreement(some, {"plain NumPy": run_numpy}),
        check_agreement(worst, {"plain Python": run_python}),
    )
    paths, steps = work.prices.shape
    fast = median_seconds(
        {
            "blocks": lambda: run_engine(work),
            "with paths": lambda: run_engine(work.on(make_prices(paths, steps))),
            "blocks alone": on_one_thread(lambda: run_engine(work)),
        },
        9,
    )
    slow = median_seconds(
        {"Python": lambda: run_python(one), "NumPy": lambda: run_numpy(some),
         "numba": lambda: run_numba(work), "touched": lambda: _touched(work),
         "touched alone": on_one_thread(lambda: _touched(work))},
        3, warm=False,
    )  # fmt: skip
    slow["Python"] *= paths / len(one.prices)
    slow["NumPy"] *= paths / len(some.prices)
    both, alone = fast["blocks"], fast["blocks alone"]
    scaled = "{} of {:,} paths, scaled"
    rows = (
        Row("engine, sorted book", both, aim=Aim(0.04)),
        Row("engine, sorted book, paths made too", fast["with paths"], aim=Aim(0.1)),
        Row("engine, sorted book, one thread", alone),
        Row("engine, touched accounts", slow["touched"]),
        Row("engine, touched accounts, one thread", slow["touched alone"]),
        Row("plain numba", slow["numba"], note="one thread"),
        Row("plain NumPy", slow["NumPy"], note=scaled.format(len(some.prices), paths)),
        Row("plain Python", slow["Python"], note=scaled.format(len(one.prices), paths)),
        Row("plain NumPy / sorted book", slow["NumPy"] / both, TIMES, Aim(300, least=True)),
        Row("plain NumPy / sorted book, one thread", slow["NumPy"] / alone, TIMES,
            Aim(300, least=True)),
        Row("plain numba / sorted book, one thread", slow["numba"] / alone, TIMES),
        Row("plain Python / sorted book, one thread", slow["Python"] / alone, TIMES),
        Row("plain numba / touched accounts", slow["numba"] / slow["touched"], TIMES,
            Aim(15, least=True)),
        Row("plain numba / touched accounts, one thread", slow["numba"] / slow["touched alone"],
            TIMES, Aim(15, least=True)),
    )  # fmt: skip
    return Section(rows, _outcome(work, bad, apart))


@item("limit", "Work W: the limit")
def limit(small: bool) -> Section:
    """Run W on the same paths with a book that no price can trigger, and read all prices once.

    The first is what it costs to follow feed and price; the second what it costs to fetch the
    prices from memory. Below the first one gets only by not looking at prices. One thread.
    """
    work = reference_work(1_000, 100) if small else reference_work()
    safe = replace(work, book=replace(work.book, trigger=work.book.trigger * 1e-9))
    many = make_prices(2_000 if small else 20_000)
    times = median_seconds(
        {
            "work": on_one_thread(lambda: run_engine(work)),
            "quiet": on_one_thread(lambda: run_engine(safe)),
            "read": work.prices.sum,
            "read many": many.sum,
        },
        15,
    )
    above_quiet, above_read = times["work"] / times["quiet"], times["work"] / times["read"]
    rows = (
        Row("W", times["work"]),
        Row("W, a book that no price triggers", times["quiet"]),
        Row("summing all prices of W once", times["read"]),
        Row("summing 20 times as many prices, per path of W",
            times["read many"] * len(work.prices) / len(many)),
        Row("W / a book that no price triggers", above_quiet, TIMES),
    )  # fmt: skip
    text = (
        f"On one thread W takes {above_quiet:.1f} times as long as following the prices with a"
        f" book that never triggers, and {above_read:.0f} times as long as reading each price once"
        " from memory. What lies between the first two is liquidations: binary searches and"
        " the blocks they make."
    )
    return Section(rows, text)


@item("day", "100,000 paths, 41 thresholds")
def day(small: bool) -> Section:
    """Run 10,000 accounts on 100,000 paths of 288 steps at 41 thresholds, in one call."""
    work = reference_work(paths=2_000 if small else 100_000, thresholds=FINE_THRESHOLDS)
    run_engine(work.first_paths(1))
    seconds = median_seconds({"all": lambda: run_engine(work)}, 3, warm=False)["all"]
    rate = work.checks / seconds / 1e9
    return Section(
        (
            Row(
                f"10,000 accounts, {len(work.prices):,} paths, 41 thresholds", seconds, aim=Aim(15)
            ),
            Row("accounts × steps × paths × thresholds a second", rate, "billion"),
        )
    )


def _touched(work: Work) -> tuple[Array, Array]:
    return run_engine(work, "touched")


def _outcome(work: Work, bad: Array, apart: float) -> str:
    lost = (bad > 0).mean() * 100
    share = bad.mean(axis=0) / work.total_debt * 100
    return (
        f"Bad debt arises in {lost:.0f} {PERCENT} of the pairs of path and threshold; its mean over"
        f" the paths is {share.min():.2f} to {share.max():.2f} {PERCENT} of the debt, by threshold."
        f" The largest difference between any two ways to run a path was {apart:.0e} of total debt;"
        f" above {AGREEMENT:.0e} nothing would have been timed."
    )
