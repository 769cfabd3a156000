"""Conditional hourly volatility: GJR-GARCH with t errors, variance targeting and a guard.

What is added to `arch` is what it leaves to its user on hourly data: its default starts end in
poor optima with a success flag, and unbounded fits reach a persistence of 1. So the likelihood is
maximised over (persistence, reaction share, asymmetry, nu) from several starts, with the
persistence at most 0.995 and the long-run variance fixed to the sample's, and the best optimum
is put to `arch`'s own likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arch.univariate import GARCH, StudentsT, ZeroMean
from scipy.optimize import OptimizeResult, minimize

from govkit.estimate.returns.hours import Array
from govkit.estimate.returns.likelihood import conditional_variance, log_likelihood

LARGEST_PERSISTENCE = 0.995
EWMA_DECAY = 0.94
BACKCAST_HOURS = 75
PERCENT = 100.0
HOURS_PER_YEAR = 365 * 24
FEWEST_FOR_GARCH = 500
AGREEMENT = 1.0
"""Starts whose log-likelihood lies within this of the best have found the same optimum."""

STARTS = (
    (0.99, 0.07, 0.05, 4.0), (0.97, 0.15, 0.0, 6.0), (0.994, 0.04, 0.2, 3.2), (0.98, 0.25, 0.1, 3.5)
)  # fmt: skip
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
    log_likelihood: float = 0.0
    starts: int = 0
    agreeing_starts: int = 0
    worst_start_gap: float = 0.0
    fallback: str = ""

    @property
    def persistence(self) -> float:
        """Weight of the past: alpha + gamma / 2 + beta."""
        return self.alpha + self.gamma / 2 + self.beta

    @property
    def weights(self) -> Array:
        """omega, alpha, gamma, beta as an array."""
        return np.array([self.omega, self.alpha, self.gamma, self.beta])


def fit_variance(
    returns: Array,
    starts: tuple[tuple[float, float, float, float], ...] = STARTS,
    tolerance: float = 1e-10,
) -> Variance:
    """Fit GJR-GARCH(1,1) with t errors by maximum likelihood.

    Parameters
    ----------
    returns:
        Hourly log returns, shape (n_hours,), no NaN.
    starts:
        Start points (persistence, share of it that reacts to news, asymmetry, nu).
    tolerance:
        Relative change of the likelihood at which the optimiser stops.

    Returns
    -------
    Variance
        The best optimum; `agreeing_starts` counts the starts that ended within 1 log-likelihood
        unit of it, `worst_start_gap` is how far the worst of them missed it. EWMA with decay
        0.94, and the reason in `fallback`, under 500 observations, for constant returns, when no
        start ends in a finite optimum, or when `arch` does not confirm the best one.
    """
    scaled = returns * PERCENT
    target = float(np.mean(scaled**2)) if len(scaled) else 0.0
    if len(returns) < FEWEST_FOR_GARCH or target <= 0:
        why = f"{len(returns)} observations, {FEWEST_FOR_GARCH} are needed"
        return ewma(why if target > 0 else "the price does not move")
    backcast = _backcast(scaled)
    fits = [_optimum(scaled, target, backcast, start, tolerance) for start in starts]
    usable = [fit for fit in fits if np.isfinite(fit.fun)]
    if not usable:
        return ewma(f"no optimum from {len(starts)} starts")
    best = min(usable, key=lambda fit: float(fit.fun))
    alpha, gamma, beta = _weights(best.x)
    gaps = [float(fit.fun - best.fun) for fit in usable]
    return Variance(
        method="gjr" if gamma > 1e-4 else "garch",
        omega=target * (1 - float(best.x[0])) / PERCENT**2,
        alpha=alpha, gamma=gamma, beta=beta, nu=float(best.x[3]),
        log_likelihood=-float(best.fun),
        starts=len(starts),
        agreeing_starts=sum(gap < AGREEMENT for gap in gaps),
        worst_start_gap=max(gaps),
    )  # fmt: skip


def checked(returns: Array, fitted: Variance) -> Variance:
    """Return `fitted` when `arch` gives its parameters the same likelihood, else EWMA.

    The two are independent implementations of one formula; they agree to 1e-6 relative.
    """
    if fitted.nu is None:
        return fitted
    model = ZeroMean(returns * PERCENT, volatility=GARCH(1, 1, 1), distribution=StudentsT())
    own = [fitted.omega * PERCENT**2, fitted.alpha, fitted.gamma, fitted.beta, fitted.nu]
    theirs = float(model.fix(own).loglikelihood)
    # arch weighs its backcast exponentially; one start value is worth a few units at most.
    allowed = 1e-4 * abs(theirs)
    if not abs(theirs - fitted.log_likelihood) <= allowed:
        return ewma(
            f"arch gives the optimum a log-likelihood of {theirs:.0f}, "
            f"it was found with {fitted.log_likelihood:.0f}"
        )
    return fitted


def ewma(why: str = "", decay: float = EWMA_DECAY) -> Variance:
    """Return the RiskMetrics filter, which needs no fit."""
    return Variance("ewma", 0.0, 1 - decay, 0.0, decay, None, fallback=why)


def filter_variance(returns: Array, variance: Variance) -> Array:
    """Return conditional variances, shape (n_hours + 1,); the last is for the hour to come.

    GARCH starts from the mean square of the first 75 hours, EWMA from the first square.
    """
    padded = np.append(returns, 0.0)
    start = padded[0] ** 2 if variance.method == "ewma" else _backcast(padded[:-1])
    return np.asarray(conditional_variance(padded, variance.weights, start))


def effective_observations(decay: float, tolerance: float = 0.01) -> float:
    """Return how many observations carry 1 - tolerance of an EWMA's weight."""
    return float(np.log(tolerance) / np.log(decay))


def half_life(decay: float) -> float:
    """Return the number of observations after which an EWMA's weight has halved."""
    return float(np.log(0.5) / np.log(decay))


def annual(hourly_variance: float) -> float:
    """Return volatility a year of 365 days from a variance an hour; markets never close."""
    return float(np.sqrt(hourly_variance * HOURS_PER_YEAR))


def _backcast(returns: Array) -> float:
    return max(float(np.mean(returns[:BACKCAST_HOURS] ** 2)), 1e-12)


def _optimum(
    scaled: Array, target: float, backcast: float, start: tuple[float, ...], tolerance: float
) -> OptimizeResult:
    return minimize(
        _negative, start, args=(scaled, target, backcast), jac=True, method="L-BFGS-B",
        bounds=BOUNDS, options={"ftol": tolerance, "maxiter": 200},
    )  # fmt: skip


def _weights(parameters: Array) -> tuple[float, float, float]:
    persistence, share, asymmetry, _ = (float(p) for p in parameters)
    news = persistence * share
    return news * (1 - asymmetry), 2 * news * asymmetry, persistence * (1 - share)


def _negative(
    parameters: Array, scaled: Array, target: float, backcast: float
) -> tuple[float, Array]:
    """Negative log-likelihood and its gradient in (persistence, share, asymmetry, nu)."""
    p, s, a, nu = (float(x) for x in parameters)
    weights = np.array([target * (1 - p), *_weights(parameters)])
    value, slope = log_likelihood(scaled, weights, nu, backcast)
    by_omega, by_alpha, by_gamma, by_beta, by_nu = slope
    gradient = np.array(
        [
            -target * by_omega + s * (1 - a) * by_alpha + 2 * s * a * by_gamma + (1 - s) * by_beta,
            p * ((1 - a) * by_alpha + 2 * a * by_gamma - by_beta),
            p * s * (2 * by_gamma - by_alpha),
            by_nu,
        ]
    )
    return -value, -gradient
