"""Conditional hourly volatility: GJR-GARCH with t errors, variance targeting and a guard.

The recursion and the t likelihood are arch's. What is added is what arch leaves to the user on
hourly data: the default starts end in poor optima with a success flag, and unbounded fits reach
a persistence of 1. So the likelihood is maximised over (persistence, reaction share, asymmetry,
nu) from several starts, with the persistence at most 0.995 and the long-run variance fixed to
the sample's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arch.univariate.distribution import StudentsT
from arch.univariate.recursions import garch_recursion
from scipy.optimize import minimize

from govkit.estimate.returns import Array

LARGEST_PERSISTENCE = 0.995
EWMA_DECAY = 0.94
BACKCAST_HOURS = 75
PERCENT = 100.0

STARTS = ((0.99, 0.07, 0.05, 4.0), (0.97, 0.15, 0.0, 6.0), (0.994, 0.04, 0.2, 3.2))
BOUNDS = ((0.5, LARGEST_PERSISTENCE), (0.005, 0.6), (0.0, 0.9), (2.1, 50.0))


@dataclass(frozen=True)
class Variance:
    """Parameters of the recursion in units of squared hourly log returns."""

    method: str
    omega: float
    alpha: float
    gamma: float
    beta: float
    nu: float | None
    log_likelihood: float
    starts: int
    agreeing_starts: int

    @property
    def persistence(self) -> float:
        """Weight of the past: alpha + gamma / 2 + beta."""
        return self.alpha + self.gamma / 2 + self.beta


def fit_variance(
    returns: Array,
    starts: tuple[tuple[float, float, float, float], ...] = STARTS,
    tolerance: float = 1e-9,
) -> Variance:
    """Fit GJR-GARCH(1,1) with t errors by maximum likelihood.

    Parameters
    ----------
    returns:
        Hourly log returns, shape (n_hours,), no NaN. At least 500 are needed for the fit to
        mean anything; the caller refuses shorter histories.
    starts:
        Start points (persistence, share of it that reacts to news, asymmetry, nu).
    tolerance:
        Relative change of the likelihood at which the optimiser stops.

    Returns
    -------
    Variance
        The best optimum; `agreeing_starts` counts the starts that ended within 1 log-likelihood
        unit of it. EWMA with decay 0.94 when no start converges.
    """
    scaled = returns * PERCENT
    target = float(np.mean(scaled**2))
    fits = [
        minimize(_negative_likelihood, start, args=(scaled, target), method="L-BFGS-B",
                 bounds=BOUNDS, options={"ftol": tolerance})
        for start in starts
    ]  # fmt: skip
    usable = [fit for fit in fits if np.isfinite(fit.fun) and fit.fun < 1e17]
    if not usable:
        return Variance("ewma", 0.0, 1 - EWMA_DECAY, 0.0, EWMA_DECAY, None, 0.0, len(starts), 0)
    best = min(usable, key=lambda fit: float(fit.fun))
    alpha, gamma, beta = _weights(best.x)
    omega = target * (1 - float(best.x[0])) / PERCENT**2
    return Variance(
        method="gjr" if gamma > 1e-4 else "garch",
        omega=omega, alpha=alpha, gamma=gamma, beta=beta, nu=float(best.x[3]),
        log_likelihood=-float(best.fun),
        starts=len(starts),
        agreeing_starts=sum(abs(float(f.fun - best.fun)) < 1 for f in usable),
    )  # fmt: skip


def filter_variance(returns: Array, variance: Variance) -> Array:
    """Return conditional variances, shape (n_hours + 1,); the last is for the hour to come."""
    padded = np.append(returns, 0.0) * PERCENT
    omega = variance.omega * PERCENT**2
    weights = (variance.alpha, variance.gamma, variance.beta)
    return _recursion(padded, omega, weights) / PERCENT**2


def _weights(parameters: Array) -> tuple[float, float, float]:
    persistence, share, asymmetry, _ = (float(p) for p in parameters)
    news = persistence * share
    return news * (1 - asymmetry), 2 * news * asymmetry, persistence * (1 - share)


def _recursion(scaled: Array, omega: float, weights: tuple[float, float, float]) -> Array:
    alpha, gamma, beta = weights
    n = len(scaled)
    backcast = float(np.mean(scaled[:BACKCAST_HOURS] ** 2))
    squares = scaled**2
    sigma2 = np.empty(n)
    bounds = np.column_stack([np.full(n, 1e-12), np.full(n, 1e12)])
    garch_recursion(
        np.array([omega, alpha, gamma, beta]), squares, np.sign(scaled), sigma2,
        1, 1, 1, n, max(backcast, 1e-8), bounds,
    )  # fmt: skip
    return sigma2


def _negative_likelihood(parameters: Array, scaled: Array, target: float) -> float:
    sigma2 = _recursion(scaled, target * (1 - float(parameters[0])), _weights(parameters))
    value = StudentsT().loglikelihood(np.array([parameters[3]]), scaled, sigma2)
    return -float(value) if np.isfinite(value) else 1e18
