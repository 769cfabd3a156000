"""The long parts of a fit, split into tasks whose results do not depend on the split."""

from __future__ import annotations

from govkit.calibrate.ensemble import comparisons, own_table
from govkit.calibrate.walkforward import walk_forward
from govkit.estimate.returns.hours import Array, HourlyReturns
from govkit.estimate.returns.model import fitted_variance
from govkit.estimate.returns.refit import refit_rows
from govkit.estimate.returns.volatility import Variance
from govkit.records.returns import Exceptions, FallTable, ReturnModel
from govkit.runners import Progress, Runner
from govkit.simulate.random import seeds

REFITS_PER_TASK = 20

Refit = tuple[str, list[tuple[float, ...] | None]]
History = tuple[str, FallTable, tuple[FallTable, ...], tuple[Exceptions, ...]]


def with_refits(
    runner: Runner,
    hours: dict[str, HourlyReturns],
    models: dict[str, ReturnModel],
    seed: int,
    refits: int,
    progress: Progress,
) -> dict[str, ReturnModel]:
    """Add parameter sets refitted on block-bootstrapped histories."""
    tasks = []
    for ticker, model in models.items():
        draws = seeds(seed, refits, ticker, "refits")
        for first in range(0, refits, REFITS_PER_TASK):
            chunk = draws[first : first + REFITS_PER_TASK]
            returns = hours[ticker].log_returns
            tasks.append((ticker, returns, fitted_variance(model.variance), chunk))
    rows: dict[str, list[tuple[float, ...] | None]] = {ticker: [] for ticker in models}
    for ticker, found in runner.map("refits", _refit, tasks, progress):
        rows[ticker] += found
    done = {}
    for ticker, model in models.items():
        kept = tuple(row for row in rows[ticker] if row is not None)
        update = {"rows": kept, "failed": len(rows[ticker]) - len(kept), "seed": seed}
        done[ticker] = model.model_copy(update={"refits": model.refits.model_copy(update=update)})
    return done


def with_history(
    runner: Runner,
    hours: dict[str, HourlyReturns],
    models: dict[str, ReturnModel],
    seed: int,
    progress: Progress,
) -> dict[str, ReturnModel]:
    """Add the model's own falls, those of the other models, and the walk-forward test."""
    tasks = [(ticker, hours[ticker], model, seed) for ticker, model in models.items()]
    done = {}
    found = runner.map("other models", _history, tasks, progress)
    for ticker, falls, others, exceptions in found:
        update = {"falls": falls, "comparisons": others, "exceptions": exceptions}
        done[ticker] = models[ticker].model_copy(update=update)
    return done


def _refit(task: tuple[str, Array, Variance, list[int]]) -> Refit:
    ticker, returns, variance, draws = task
    return ticker, refit_rows(returns, variance, draws)


def _history(task: tuple[str, HourlyReturns, ReturnModel, int]) -> History:
    ticker, hours, model, seed = task
    own = own_table(model, seed, ticker)
    return ticker, own, comparisons(hours, model, seed), walk_forward(hours, seed)
