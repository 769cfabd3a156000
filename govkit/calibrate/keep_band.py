"""Unnecessary liquidations, and the lowest threshold that does not cause too many of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from govkit.calibrate.case import Case
from govkit.records.book import AccountBook
from govkit.records.evidence import Support
from govkit.records.justification import KeepBand
from govkit.records.market import Appetite
from govkit.records.model import AccountDistribution

Array = NDArray[np.float64]

BAND_PATHS = 5_000
LOWEST_BAND = 0.2


def debt_below(accounts: AccountDistribution | AccountBook, health: Array) -> Array:
    """Return the share of debt with a health factor above 1 and at most `health`.

    In a fitted distribution debt and health factor are independent, so the share of debt is that
    of accounts. Shape of `health`; 0 at and below 1.
    """
    if isinstance(accounts, AccountBook):
        known, debt = np.array(accounts.health_factor), np.array(accounts.debt_usd)
        open_debt = np.where(known > 1, debt, 0.0)
        order = np.argsort(known)
        total = np.concatenate([[0.0], np.cumsum(open_debt[order])])
        place = np.searchsorted(known[order], health, side="right")
        return np.asarray(total[place] / max(float(total[-1]), 1e-300))
    distance = np.maximum(health - 1, 1e-300)
    level = (np.log(distance) - accounts.health_log_mean) / accounts.health_log_sd
    return np.asarray(norm.cdf(level))


def liquidated_debt(
    accounts: AccountDistribution | AccountBook,
    lows: Array,
    weight: Array,
    thresholds: Array,
    current: float,
) -> Array:
    """Return the mean share of today's debt that an episode liquidates, by threshold.

    Debts and collateral stay as they are (the static book): an account with health factor H at
    the threshold in force reaches 1 when H x threshold / current x price does. Liquidators take
    part, so all debt that is triggered counts.

    Parameters
    ----------
    lows, weight:
        Shape (paths,): lowest price of each episode relative to its start, at most 1, and the
        weights of the paths.
    thresholds:
        Shape (n,), any order.

    Returns
    -------
    Array
        Shape (n,), non-decreasing towards lower thresholds.
    """
    health = current / (thresholds[None, :] * lows[:, None])
    return np.asarray((weight[:, None] * debt_below(accounts, health)).mean(axis=0))


def grouped(lows: Array, weight: Array) -> tuple[Array, Array]:
    """Return lows and weights of about `BAND_PATHS` groups of neighbouring lows, shape (groups,).

    Every path counts: a group has the weighted mean of its lows and their weight together, scaled
    to mean 1. Taking every n-th path instead would be biased, since the leading digits of a Sobol
    point hang on its place in the sequence.
    """
    size = len(lows) // BAND_PATHS
    if size <= 1:
        return lows, weight / weight.mean()
    order, first = np.argsort(lows, kind="stable"), np.arange(0, len(lows), size)
    total = np.add.reduceat(weight[order], first)
    mean = np.add.reduceat((weight * lows)[order], first) / total
    return np.minimum(mean, 1.0), total / total.mean()


def unnecessary_share(liquidated: Array, at_highest: float) -> Array:
    """Return U = 1 - Liq(highest) / Liq(threshold); 0 where nothing more is liquidated."""
    more = liquidated > at_highest
    return np.asarray(np.where(more, 1 - at_highest / np.where(more, liquidated, 1.0), 0.0))


def lowest_threshold(thresholds: Array, unnecessary: Array, most: float, highest: float) -> float:
    """Return the smallest threshold up to `highest` whose unnecessary share is at most `most`.

    `thresholds` increase and `unnecessary` does not; linear between them.
    """
    inside = unnecessary <= most
    if inside[0]:
        return float(min(thresholds[0], highest))
    k = int(np.argmax(inside)) if inside.any() else len(thresholds) - 1
    step = unnecessary[k - 1] - unnecessary[k]
    share = (unnecessary[k - 1] - most) / step if step > 0 else 1.0
    at = thresholds[k - 1] + min(share, 1.0) * (thresholds[k] - thresholds[k - 1])
    return float(min(at, highest))


def unnecessary_over(case: Case, thresholds: Array, highest: float) -> Array:
    """Return the share of liquidated debt that `highest` would have spared, shape (n,)."""
    asked = case.asked
    lows, weight = grouped(case.lows, case.losses.weight)
    liquidated = liquidated_debt(
        asked.book or asked.model.accounts, lows, weight,
        np.append(thresholds, highest), asked.reserve.threshold.value,
    )  # fmt: skip
    return unnecessary_share(liquidated[:-1], float(liquidated[-1]))


def keep_band(case: Case, support: Support, appetite: Appetite, recommended: float) -> KeepBand:
    """Return between which thresholds the value in force is neither too lax nor too strict."""
    highest = support.bound
    grid = np.append(np.arange(LOWEST_BAND, highest, 0.005), highest)
    shares = unnecessary_over(case, grid, highest)
    current = case.asked.reserve.threshold.value
    asked = unnecessary_over(case, np.array([current, recommended]), highest)
    return KeepBand(
        highest=highest,
        lowest=lowest_threshold(grid, shares, appetite.most_unnecessary, highest),
        most_unnecessary=appetite.most_unnecessary,
        at_current=float(asked[0]),
        at_recommended=float(asked[1]),
    )
