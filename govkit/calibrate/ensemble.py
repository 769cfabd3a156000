"""What other models say of the fall after a trigger: the range beside the answer.

Six models, as the rule asks: the fitted filter with its own residuals (the answer), an EWMA
filter, the falls of history themselves, a Pareto tail of those falls, t errors in place of the
residuals, and a jump diffusion. Brownian motion at trigger volatility stands beside them as a
control: it shows what thin tails would miss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from govkit.estimate.returns.history import (
    TABLE_HORIZONS,
    TABLE_PROBABILITIES,
    empirical_table,
    running_falls,
    separate_starts,
)
from govkit.estimate.returns.hours import HourlyReturns
from govkit.estimate.returns.model import fitted_variance
from govkit.estimate.returns.pareto import fit_pareto
from govkit.estimate.returns.states import shadow_table, state_quantiles, trigger_mask
from govkit.estimate.returns.tail import body_quantiles, two_tails
from govkit.estimate.returns.volatility import ewma, filter_variance
from govkit.records.provenance import NotDone
from govkit.records.returns import FallTable, ReturnModel
from govkit.simulate.falls import ReturnLaw, return_law, simulate_falls

Array = NDArray[np.float64]

PATHS = 200_000
FINE = 20_001
FAR = 1e-4
FEWEST_EXCESSES = 50
OWN = "GARCH filter, own residuals"


def own_table(model: ReturnModel, seed: int, name: str) -> FallTable:
    """Return the falls of the model itself at the horizons of the comparison."""
    return _simulated(OWN, return_law(model), seed, name)


def comparisons(hours: HourlyReturns, model: ReturnModel, seed: int) -> tuple[FallTable, ...]:
    """Return the tables of the other models, fitted on the same hours."""
    variance = fitted_variance(model.variance)
    sigma = np.sqrt(filter_variance(hours.log_returns, variance)[:-1])
    trigger = trigger_mask(sigma)
    return tuple(
        table
        for table in (
            empirical_table(hours, trigger),
            _pareto_table(hours, trigger),
            *(_simulated(title, law, seed, hours.asset) for title, law in _laws(hours, model)),
            brownian_table(float(np.sqrt(np.mean(sigma[trigger] ** 2)))),
        )
        if table is not None
    )


def brownian_fall(probability: float, sigma_hour: float, hours: float) -> float:
    """Return the fall that driftless log prices exceed within `hours` with `probability`.

    By the reflection principle the running minimum passes a level twice as often as the end
    point, so an end-point quantile understates the fall.
    """
    return float(1 - np.exp(sigma_hour * np.sqrt(hours) * norm.ppf(probability / 2)))


def brownian_exceedance(fall: float, sigma: float, time: float, drift: float = 0.0) -> float:
    """Return the chance that a geometric Brownian motion falls by `fall` at any time up to `time`.

    Parameters
    ----------
    fall:
        Fraction of the starting price, between 0 and 1.
    sigma, time:
        Volatility and time in the same units.
    drift:
        Drift of the log price per unit of time; minus sigma ** 2 / 2 for a price without drift.

    Notes
    -----
    First passage of Brownian motion with drift (closed form).
    """
    level, scale = float(np.log1p(-fall)), sigma * np.sqrt(time)
    direct = norm.cdf((level - drift * time) / scale)
    reflected = np.exp(2 * drift * level / sigma**2) * norm.cdf((level + drift * time) / scale)
    return float(direct + reflected)


def brownian_table(sigma_hour: float) -> FallTable:
    """Tabulate `brownian_fall` at a constant hourly volatility."""
    rows = tuple(
        tuple(brownian_fall(p, sigma_hour, h) for p in TABLE_PROBABILITIES) for h in TABLE_HORIZONS
    )
    return _table("Brownian motion, control", rows)


def _laws(hours: HourlyReturns, model: ReturnModel) -> Iterator[tuple[str, ReturnLaw]]:
    law = return_law(model)
    smooth = _ewma_law(hours, law)
    if smooth is not None:
        yield "EWMA filter, own residuals", smooth
    if model.variance.nu is not None:
        yield "GARCH filter, t errors", _student_law(law, model.variance.nu)
    yield "jump diffusion", _jump_law(hours, law, model)


def _ewma_law(hours: HourlyReturns, law: ReturnLaw) -> ReturnLaw | None:
    variance = ewma()
    sigma = np.sqrt(filter_variance(hours.log_returns, variance)[:-1])
    residual = hours.log_returns / sigma
    tails = two_tails(residual)
    if isinstance(tails, NotDone):
        return None
    shadow = shadow_table(hours, sigma)
    lower, upper = (np.array([t.threshold, t.shape, t.scale, t.probability]) for t in tails)
    return replace(
        law, variance=variance.weights, body=body_quantiles(residual, tails),
        lower=lower, upper=upper,
        shadow_edges=np.array(shadow.residual_edges), shadow=np.array(shadow.quantiles),
        sigma_start=state_quantiles(sigma[trigger_mask(sigma)]),
    )  # fmt: skip


def _student_law(law: ReturnLaw, nu: float) -> ReturnLaw:
    """Replace the residuals by unit-variance t errors: a fine table, a Pareto tail beyond it."""
    scale = np.sqrt((nu - 2) / nu)
    grid = np.linspace(FAR, 1 - FAR, FINE)
    edge = float(-student.ppf(FAR, nu) * scale)
    # The far tail of a t law is a power law: shape 1 / nu, scale edge / nu.
    tail = np.array([edge, 1 / nu, edge / nu, FAR])
    return replace(law, body=student.ppf(grid, nu) * scale, lower=tail, upper=tail)


def _jump_law(hours: HourlyReturns, law: ReturnLaw, model: ReturnModel) -> ReturnLaw:
    """Constant volatility on each path, normal moves, exponential jumps as in trigger hours."""
    sigma = np.sqrt(filter_variance(hours.log_returns, fitted_variance(model.variance))[:-1])
    trigger = trigger_mask(sigma)
    jumps = int((hours.log_returns[trigger] <= -model.jumps.size).sum())
    intensity = (jumps + 0.5) / int(trigger.sum())
    edge = float(norm.isf(FAR))
    tail = np.array([edge, 0.0, 1 / edge, FAR])
    return replace(
        law,
        variance=np.array([0.0, 0.0, 0.0, 1.0]),
        body=norm.ppf(np.linspace(FAR, 1 - FAR, FINE)),
        lower=tail,
        upper=tail,
        jump=np.array([intensity, model.jumps.size, model.jumps.excess_mean]),
    )


def _pareto_table(hours: HourlyReturns, trigger: NDArray[np.bool_]) -> FallTable | None:
    """Fit a Pareto tail to the worst tenth of the falls after separate triggers.

    Separate windows, so their falls are nearly independent; log falls, so that no fall exceeds 1.
    """
    rows = []
    for horizon in TABLE_HORIZONS:
        falls = running_falls(hours, separate_starts(trigger, horizon), horizon)
        logs = -np.log1p(-falls[np.isfinite(falls)])
        count = max(len(logs) // 10, FEWEST_EXCESSES)
        if count >= len(logs):
            return None
        threshold = float(np.sort(logs)[-count - 1])
        excess = logs[logs > threshold] - threshold
        fitted = fit_pareto(excess)
        if fitted is None:
            return None
        share = len(excess) / len(logs)
        rows.append(
            tuple(
                1 - float(np.exp(-(threshold + fitted.quantile(min(p / share, 1.0)))))
                for p in TABLE_PROBABILITIES
            )
        )
    return _table("peaks over threshold, falls after triggers", tuple(rows))


def _simulated(title: str, law: ReturnLaw, seed: int, name: str) -> FallTable:
    falls = simulate_falls(
        law, hours=max(TABLE_HORIZONS), paths=PATHS, seed=seed, name=f"{name} {title}"
    )
    levels = [1 - p for p in TABLE_PROBABILITIES]
    rows = tuple(
        tuple(float(q) for q in np.quantile(falls[:, h - 1], levels)) for h in TABLE_HORIZONS
    )
    return _table(title, rows)


def _table(title: str, rows: tuple[tuple[float, ...], ...]) -> FallTable:
    return FallTable(
        model=title, horizons_hours=TABLE_HORIZONS, probabilities=TABLE_PROBABILITIES, falls=rows
    )
