"""Refits on block-bootstrapped histories: how uncertain the parameters are."""

from __future__ import annotations

import numpy as np

from govkit.estimate.returns import Array
from govkit.estimate.states import trigger_mask
from govkit.estimate.tail import fit_tail
from govkit.estimate.volatility import Variance, filter_variance, fit_variance

BLOCK_HOURS = 30 * 24
REFITS = 200


def refit_rows(
    returns: Array, variance: Variance, trigger_mean: float, draws: list[int]
) -> list[tuple[float, ...] | None]:
    """Refit on bootstrapped histories, one per seed in `draws`.

    Parameters
    ----------
    returns:
        Hourly log returns, shape (n_hours,). Blocks of 30 days keep volatility clusters whole.
    variance:
        The fit to the history itself; its optimum is the start of every refit.
    trigger_mean:
        Mean conditional volatility in trigger states of the history itself.
    draws:
        Seeds, one a refit, so that any split over workers gives the same rows.

    Returns
    -------
    list
        Rows in the order of `Refits.columns`; None where a refit's tail could not be fitted.
    """
    share = (variance.alpha + variance.gamma / 2) / variance.persistence
    asymmetry = variance.gamma / 2 / max(variance.alpha + variance.gamma / 2, 1e-9)
    start = (variance.persistence, share, min(asymmetry, 0.9), variance.nu or 4.0)
    return [_refit(_resample(returns, seed), start, trigger_mean) for seed in draws]


def _resample(returns: Array, seed: int) -> Array:
    random = np.random.default_rng(seed)
    n = len(returns)
    block = min(BLOCK_HOURS, n // 4)
    starts = random.integers(0, n, -(-n // block))
    places = (starts[:, None] + np.arange(block)[None, :]).ravel()[:n] % n
    return np.asarray(returns[places])


def _refit(
    returns: Array, start: tuple[float, float, float, float], trigger_mean: float
) -> tuple[float, ...] | None:
    fitted = fit_variance(returns, starts=(start,), tolerance=1e-7)
    sigma = np.sqrt(filter_variance(returns, fitted)[:-1])
    tail = fit_tail(-returns / sigma)
    if tail is None:
        return None
    scale = float(sigma[trigger_mask(sigma)].mean()) / trigger_mean
    return (fitted.omega, fitted.alpha, fitted.gamma, fitted.beta,
            tail.threshold, tail.shape, tail.scale, scale)  # fmt: skip
