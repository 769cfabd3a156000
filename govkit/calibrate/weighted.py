"""Chances, quantiles and expected shortfalls of samples that carry weights, with their errors.

Weights have mean 1; all equal to 1 gives the usual estimators. Every interval is at 95 %.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Array = NDArray[np.float64]

INTERVAL = 0.95
SORTED_WHOLE = 1000
"""Samples under which a sort of all of them is quick enough."""
LARGEST_WEIGHT = 2.0


def exceedance(weight: Array, over: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Return the chance of each column of `over` and its interval, arrays of shape (columns,).

    Parameters
    ----------
    weight:
        Shape (n,).
    over:
        Shape (n, columns).

    Notes
    -----
    The variance of the weighted mean gives the size of the plain sample that would be as good;
    Clopper and Pearson's interval of that sample follows. With equal weights it is the exact one.
    No hit among n paths leaves the bound of a plain sample of n / 2: the weights are at most 2.
    """
    n = len(weight)
    chance = np.clip(weight @ over / n, 0.0, 1.0)
    variance = (np.square(weight) @ over / n - chance**2) / n
    usual = chance * (1 - chance)
    certain = (usual <= 0) | (variance <= 0)
    even = bool((weight == 1).all())
    as_good = np.where(certain, n if even else n / LARGEST_WEIGHT, 0.0)
    as_good = np.where(certain, as_good, usual / np.where(certain, 1.0, variance))
    return chance, *_interval(chance, as_good)


def _interval(chance: Array, size: Array) -> tuple[Array, Array]:
    """Clopper and Pearson's interval for a share of a sample, whose count need not be whole."""
    tail = (1 - INTERVAL) / 2
    hits = chance * size
    misses = size - hits
    some, few = np.maximum(hits, 1e-9), np.maximum(misses, 1e-9)
    low = np.where(hits <= 0, 0.0, beta.ppf(tail, some, misses + 1))
    high = np.where(misses <= 0, 1.0, beta.ppf(1 - tail, hits + 1, few))
    return low, high


def upper_quantile(samples: Array, weight: Array, probability: float) -> float:
    """Return the value that is exceeded with `probability`; linear between samples."""
    order = _largest_first(samples, weight, probability)
    # The chance of exceeding the k-th largest, in the middle of its own step.
    above = (np.cumsum(weight[order]) - weight[order] / 2) / len(weight)
    return float(np.interp(probability, above, samples[order]))


def _largest_first(samples: Array, weight: Array, probability: float) -> NDArray[np.intp]:
    """Return the order of the samples down to well below the value exceeded with `probability`.

    Sorting all takes most of the time of a quantile, and those far below it do not matter.
    """
    n = len(samples)
    # The largest quarter: of tilted draws the far tail has many samples and little weight.
    enough = n - n // 4 - 1
    if n >= SORTED_WHOLE:
        # All samples as large as one of them, in their own order: ties are broken as in a sort.
        large = np.flatnonzero(samples >= np.partition(samples, enough)[enough])
        if weight[large].sum() > 2 * probability * n:
            return np.asarray(large[np.argsort(-samples[large], kind="stable")])
    return np.argsort(-samples, kind="stable")


def quantile_interval(samples: Array, weight: Array, probability: float) -> tuple[float, float]:
    """Return the distribution-free interval of the value exceeded with `probability`.

    Its ends are the order statistics at which the weighted chance of exceeding lies as far from
    `probability` as its own interval does. For equal weights these are the binomial ones give or
    take a rank, two ranks where fewer than 20 samples lie beyond the quantile.
    """
    order = np.argsort(-samples, kind="stable")
    total = np.cumsum(weight[order]) / len(weight)
    k = min(int(np.searchsorted(total, probability)), len(samples) - 1)
    over = np.zeros((len(samples), 1), dtype=np.bool_)
    over[order[: k + 1], 0] = True
    _, low, high = exceedance(weight, over)
    at = [int(np.searchsorted(total, end[0])) for end in (high, low)]
    first, last = (samples[order[min(i, len(samples) - 1)]] for i in at)
    return float(first), float(last)


def expected_shortfall(samples: Array, weight: Array, level: float) -> tuple[Array, Array]:
    """Return the mean of the worst (1 - level) of each column and the half-width of its interval.

    Parameters
    ----------
    samples:
        Shape (n, columns). The whole sample counts, zeros included: this is not the mean of
        positive losses.
    weight:
        Shape (n,).

    Notes
    -----
    ES = q + E[(X - q)+] / (1 - level) with q the quantile at `level` (Rockafellar and Uryasev
    2000); the error is that of the mean in it, since q moves ES only in second order.
    """
    n, tail = len(samples), 1 - level
    quantile = np.zeros(samples.shape[1])
    for k in np.flatnonzero(weight @ (samples > 0) / n > tail):
        quantile[k] = _quantile_at(samples[:, k], weight, tail)
    beyond = np.maximum(samples - quantile, 0.0) * weight[:, None] / tail
    mean = beyond.mean(axis=0)
    error = 1.96 * beyond.std(axis=0) / np.sqrt(n)
    return np.asarray(quantile + mean), np.asarray(error)


def _quantile_at(samples: Array, weight: Array, tail: float) -> float:
    """Return the sample at which the weight of all that is larger reaches `tail`."""
    order = np.argsort(-samples, kind="stable")
    total = np.cumsum(weight[order]) / len(weight)
    k = min(int(np.searchsorted(total, tail, side="right")), len(samples) - 1)
    return float(samples[order[k]])
