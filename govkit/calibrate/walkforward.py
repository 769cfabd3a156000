"""A first walk-forward test: how often the fall after a trigger exceeded its allowance.

Each calendar year is judged with parameters fitted on the years before it only. Windows start
in trigger states, do not overlap, and are counted at 5 % and 1 %; the appetites' own levels are
too rare to test in seven years.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from govkit.estimate.returns.history import running_falls, separate_starts
from govkit.estimate.returns.hours import HourlyReturns
from govkit.estimate.returns.states import TRIGGER_QUANTILE
from govkit.estimate.returns.tail import tail_of
from govkit.estimate.returns.volatility import Variance, filter_variance, fit_variance
from govkit.records.provenance import NotDone
from govkit.records.returns import Exceptions
from govkit.simulate.random import generator

HORIZON_HOURS = 6
LEVELS = (0.05, 0.01)
FEWEST_HOURS = 8760
PATHS = 20_000


def walk_forward(hours: HourlyReturns, seed: int) -> tuple[Exceptions, ...]:
    """Count and date the exceptions of yearly walk-forward allowances.

    Returns
    -------
    tuple of Exceptions
        One per level; empty when less than one year precedes the last.
    """
    windows = 0
    dated: dict[float, list[tuple[str, float, float]]] = {level: [] for level in LEVELS}
    for year in range(hours.times[0].year + 1, hours.times[-1].year + 1):
        cut = int(hours.times.searchsorted(pd.Timestamp(f"{year}-01-01", tz="UTC"), side="right"))
        end = int(hours.times.searchsorted(pd.Timestamp(f"{year + 1}-01-01", tz="UTC")))
        if cut < FEWEST_HOURS:
            continue
        known = hours.log_returns[:cut]
        variance = fit_variance(known)
        # The filter runs on with the old parameters; each hour's state uses earlier hours only.
        sigma = np.sqrt(filter_variance(hours.log_returns[:end], variance))
        level = np.quantile(sigma[:cut], TRIGGER_QUANTILE)
        allowances = _allowances(hours, variance, sigma[:cut], level, cut, seed)
        if allowances is None:
            continue
        mask: NDArray[np.bool_] = np.zeros(end, dtype=bool)
        mask[cut:end] = sigma[cut:end] >= level
        starts = separate_starts(mask, HORIZON_HOURS)
        falls = running_falls(hours, starts, HORIZON_HOURS)
        windows += int(np.isfinite(falls).sum())
        for allowed, probability in zip(allowances, LEVELS, strict=True):
            for at in np.flatnonzero(falls > allowed):
                date = f"{hours.times[starts[at]] - pd.Timedelta(hours=1):%Y-%m-%d}"
                dated[probability].append((date, float(falls[at]), float(allowed)))
    if windows == 0:
        return ()
    return tuple(
        Exceptions(
            probability=level, horizon_hours=HORIZON_HOURS, windows=windows,
            expected=level * windows, dated=tuple(dated[level]),
        )
        for level in LEVELS
    )  # fmt: skip


def _allowances(
    hours: HourlyReturns,
    variance: Variance,
    sigma: NDArray[np.float64],
    level: float,
    cut: int,
    seed: int,
) -> NDArray[np.float64] | None:
    """Simulate from known residuals; each hour's low comes with its return."""
    residual = hours.log_returns[:cut] / sigma
    if isinstance(tail_of(-residual), NotDone):
        return None
    shadow = (np.minimum(hours.log_returns[:cut], 0) - hours.log_lows[:cut]) / sigma
    random = generator(seed, hours.asset, f"walk forward {cut}")
    sigma2 = random.choice(sigma[sigma >= level], PATHS) ** 2
    total, worst = np.zeros(PATHS), np.zeros(PATHS)
    for _ in range(HORIZON_HOURS):
        pick = random.integers(0, cut, PATHS)
        scale = np.sqrt(sigma2)
        move = scale * residual[pick]
        worst = np.minimum(worst, total + np.minimum(move, 0) - scale * shadow[pick])
        total += move
        news = variance.alpha + variance.gamma * (move < 0)
        sigma2 = variance.omega + variance.beta * sigma2 + news * move**2
    return np.asarray(np.quantile(1 - np.exp(worst), [1 - p for p in LEVELS]))
