"""Residual distributions: quantiles between two generalised Pareto tails."""

from __future__ import annotations

import numpy as np
from scipy.stats import genpareto

from govkit.estimate.returns import Array
from govkit.records.model import GpdTail

TAIL_PROBABILITY = 0.005
QUANTILES = 257
FEWEST_EXCESSES = 50
LARGEST_SHAPE = 0.9


def body_quantiles(sample: Array) -> Array:
    """Return the 257 equally spaced quantiles between 0.5 % and 99.5 % of `sample`."""
    grid = np.linspace(TAIL_PROBABILITY, 1 - TAIL_PROBABILITY, QUANTILES)
    return np.asarray(np.quantile(sample, grid))


def fit_tail(losses: Array) -> GpdTail | None:
    """Fit a GPD by maximum likelihood to the excesses over the 99.5 % quantile of `losses`.

    Parameters
    ----------
    losses:
        Shape (n,), larger is worse. Fewer than 50 excesses take a threshold that leaves 50, at
        most a tenth of the sample; below 500 observations nothing is fitted.

    Returns
    -------
    GpdTail or None
        None when the sample is too small or the fitted shape is 0.9 or more, which would make
        the expected shortfall depend on nothing but the extrapolation.
    """
    if len(losses) < 10 * FEWEST_EXCESSES:
        return None
    probability = max(TAIL_PROBABILITY, FEWEST_EXCESSES / len(losses))
    threshold = float(np.quantile(losses, 1 - probability))
    excess = losses[losses > threshold] - threshold
    if threshold <= 0 or len(excess) < FEWEST_EXCESSES // 2 or excess.max() <= 0:
        return None
    shape, _, scale = genpareto.fit(excess, 0.2, floc=0, scale=float(excess.mean()))
    if not np.isfinite([shape, scale]).all() or shape >= LARGEST_SHAPE or scale <= 0:
        return None
    at_half_percent = threshold
    if probability > TAIL_PROBABILITY:
        # The record's tail begins at 0.5 %: move the threshold along the fitted law.
        move = float(genpareto.ppf(1 - TAIL_PROBABILITY / probability, shape, scale=scale))
        at_half_percent, scale = threshold + move, scale + shape * move
    return GpdTail(
        threshold=at_half_percent, shape=float(shape), scale=float(scale),
        probability=TAIL_PROBABILITY, excesses=len(excess),
    )  # fmt: skip


def two_tails(sample: Array) -> tuple[GpdTail, GpdTail] | None:
    """Return the lower and the upper tail of `sample`, or None when either cannot be fitted."""
    lower, upper = fit_tail(-sample), fit_tail(sample)
    return None if lower is None or upper is None else (lower, upper)
