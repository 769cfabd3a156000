"""Residual distributions: quantiles between two generalised Pareto tails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import boxcox

from govkit.estimate.returns.hours import Array
from govkit.estimate.returns.pareto import extremal_index, fit_pareto, goodness, shape_interval
from govkit.records.provenance import NotDone
from govkit.records.returns import GpdTail

TAIL_PROBABILITY = 0.005
QUANTILES = 257
FEWEST_EXCESSES = 50
PRIOR_BELOW = 80
LARGEST_SHAPE = 0.9
TEST_SEED = 1937


def body_quantiles(sample: Array, tails: tuple[GpdTail, GpdTail] | None = None) -> Array:
    """Return the 257 equally spaced quantiles between 0.5 % and 99.5 % of `sample`.

    Where a tail was fitted from further in, because 0.5 % are too few, the quantiles between its
    start and 0.5 % are those of the fitted law, so that body and tail meet.
    """
    grid = np.linspace(TAIL_PROBABILITY, 1 - TAIL_PROBABILITY, QUANTILES)
    body = np.asarray(np.quantile(sample, grid))
    for sign, beyond, tail in zip((-1, 1), (grid, 1 - grid), tails or (), strict=False):
        inside = beyond <= tail.excesses / len(sample)
        # The excess that a share of the tail exceeds; inward of 0.5 % it is negative.
        excess = -tail.scale * boxcox(beyond[inside] / tail.probability, -tail.shape)
        body[inside] = sign * (tail.threshold + excess)
    return np.maximum.accumulate(body)


@dataclass(frozen=True)
class Tail:
    """A fitted tail, moved to the 0.5 % quantile, and the excesses it was fitted to."""

    threshold: float
    shape: float
    scale: float
    excess: Array
    start: float


def tail_of(losses: Array) -> Tail | NotDone:
    """Fit a GPD to the excesses over the 99.5 % quantile of `losses`.

    Parameters
    ----------
    losses:
        Shape (n,), larger is worse. Where 0.5 % are fewer than 50, the threshold leaves 50, and
        the fitted law is then moved to 0.5 %. Under 80 excesses the shape has a prior.

    Returns
    -------
    Tail or NotDone
        NotDone for too few observations, for a series that hardly moves, and for a shape of 0.9
        or more, with which the expected shortfall is infinite or depends on nothing but the
        extrapolation.
    """
    cut = _cut(losses)
    if isinstance(cut, NotDone):
        return cut
    start, excess = cut
    fitted = fit_pareto(excess, prior=len(excess) < PRIOR_BELOW)
    if fitted is None:
        return NotDone(what="tail", reason=f"the {len(excess)} largest losses are all equal")
    if fitted.shape >= LARGEST_SHAPE:
        return NotDone(
            what="tail",
            reason=f"the fitted tail has shape {fitted.shape:.2f} ({len(excess)} excesses); from "
            f"{LARGEST_SHAPE} on the expected shortfall is infinite or a matter of extrapolation",
        )
    share = TAIL_PROBABILITY * len(losses) / len(excess)
    # The record's tail begins at 0.5 %: move the threshold along the fitted law.
    move = fitted.quantile(share) if share < 1 else 0.0
    return Tail(start + move, fitted.shape, fitted.scale + fitted.shape * move, excess, start)


def fit_tail(losses: Array) -> GpdTail | NotDone:
    """Return `tail_of` with the shape's interval, the test of fit and the extremal index.

    `losses` are in order of time, which the extremal index needs. Interval and test are those of
    the likelihood alone, without the prior.
    """
    tail = tail_of(losses)
    if isinstance(tail, NotDone):
        return tail
    free = fit_pareto(tail.excess)
    if free is None:
        return NotDone(what="tail", reason="the excesses have no likelihood maximum")
    low, high = shape_interval(tail.excess, free)
    return GpdTail(
        threshold=tail.threshold, shape=tail.shape, scale=tail.scale,
        probability=TAIL_PROBABILITY, excesses=len(tail.excess), shape_low=low, shape_high=high,
        goodness=goodness(tail.excess, free, np.random.default_rng(TEST_SEED)),
        extremal_index=extremal_index(losses > tail.start),
        shape_prior=len(tail.excess) < PRIOR_BELOW,
    )  # fmt: skip


def two_tails(sample: Array) -> tuple[GpdTail, GpdTail] | NotDone:
    """Return the lower and the upper tail of `sample`, in order of time, or why there is none."""
    lower = fit_tail(-sample)
    if isinstance(lower, NotDone):
        return lower
    upper = fit_tail(sample)
    return upper if isinstance(upper, NotDone) else (lower, upper)


def _cut(losses: Array) -> tuple[float, Array] | NotDone:
    """Return the threshold and the excesses over it."""
    n = len(losses)
    if n < 10 * FEWEST_EXCESSES:
        return NotDone(
            what="tail", reason=f"{n} observations, {10 * FEWEST_EXCESSES} are needed for a tail"
        )
    count = max(int(np.floor(TAIL_PROBABILITY * n)), FEWEST_EXCESSES)
    first = n - 10 * count if n > 10 * count else 0
    largest = np.sort(np.partition(losses, first)[first:])
    # The largest value with at least `count` above it: a bootstrapped history has equal ones.
    below = largest[largest < largest[-count]]
    if not len(below) or below[-1] <= 0:
        return NotDone(
            what="tail",
            reason=f"fewer than {count} of {n} observations stand out: the series hardly moves",
        )
    threshold = float(below[-1])
    return threshold, losses[losses > threshold] - threshold
