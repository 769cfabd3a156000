"""Refits on block-bootstrapped histories: how uncertain the parameters are."""

from __future__ import annotations

import numpy as np

from govkit.estimate.returns.hours import Array
from govkit.estimate.returns.states import trigger_mask
from govkit.estimate.returns.tail import tail_of
from govkit.estimate.returns.volatility import Variance, filter_variance, fit_variance
from govkit.records.provenance import NotDone

BLOCK_HOURS = 30 * 24
REFITS = 200
TRIGGER_LEVELS = (0.0, 0.5, 0.9, 0.99, 1.0)


def refit_rows(
    returns: Array, variance: Variance, draws: list[int]
) -> list[tuple[float, ...] | None]:
    """Refit on bootstrapped histories, one per seed in `draws`.

    Parameters
    ----------
    returns:
        Hourly log returns, shape (n_hours,). Blocks of 30 days keep volatility clusters whole.
    variance:
        The fit to the history itself; its optimum is the start of every refit.
    draws:
        Seeds, one a refit, so that any split over workers gives the same rows.

    Returns
    -------
    list
        Rows in the order of `Refits.columns`; None where a refit's tail could not be fitted.
    """
    news = variance.alpha + variance.gamma / 2
    asymmetry = min(variance.gamma / 2 / max(news, 1e-9), 0.9)
    start = (variance.persistence, news / variance.persistence, asymmetry, variance.nu or 4.0)
    states = _trigger_levels(np.sqrt(filter_variance(returns, variance)[:-1]))
    return [_refit(_resample(returns, seed), start, states) for seed in draws]


def _resample(returns: Array, seed: int) -> Array:
    random = np.random.default_rng(seed)
    n = len(returns)
    block = min(BLOCK_HOURS, n // 4)
    starts = random.integers(0, n, -(-n // block))
    places = (starts[:, None] + np.arange(block)[None, :]).ravel()[:n] % n
    return np.asarray(returns[places])


def _refit(
    returns: Array, start: tuple[float, float, float, float], states: Array
) -> tuple[float, ...] | None:
    fitted = fit_variance(returns, starts=(start,), tolerance=1e-8)
    sigma = np.sqrt(filter_variance(returns, fitted)[:-1])
    tail = tail_of(-returns / sigma)
    if isinstance(tail, NotDone):
        return None
    moved = (_trigger_levels(sigma) / states).tolist()
    return (fitted.omega, fitted.alpha, fitted.gamma, fitted.beta,
            tail.threshold, tail.shape, tail.scale, *moved)  # fmt: skip


def _trigger_levels(sigma: Array) -> Array:
    return np.asarray(np.quantile(sigma[trigger_mask(sigma)], TRIGGER_LEVELS))
