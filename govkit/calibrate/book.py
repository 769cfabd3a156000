"""Losses of a whole book over a grid of thresholds, and in dated stresses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from govkit.records.book import AccountBook
from govkit.records.evidence import GridPoint
from govkit.records.market import Appetite
from govkit.records.model import AccountDistribution, HistoricalFall
from govkit.simulate.engine import Book, Depth, Terms, run_book
from govkit.simulate.paths import envelope_path
from govkit.simulate.random import generator

Array = NDArray[np.float64]

BOOK_HOURS = 24
ACCOUNTS = 240
EXPOSURE_ACCOUNTS = 20
STRESS_HOURS = 48
INTERVAL = 0.95


@dataclass(frozen=True)
class BookLosses:
    """Bad debt over the debt of the book, by path and threshold."""

    thresholds: Array
    share: Array  # (paths, thresholds)
    liquidated: Array  # (thresholds,), mean share of the debt
    debt_usd: Array  # (thresholds,), debt of the re-levered book


def stressed_book(
    accounts: AccountDistribution | AccountBook,
    *,
    debt_usd: float,
    exposure_share: float,
    unattended_share: float,
    threshold: float,
    seed: int,
    name: str,
) -> Book:
    """Build the book an episode begins with.

    The exposure at stress stands at health factor 1, in 20 equal accounts: what is left of one
    that was closed early does not cover another. Of the rest, which follows the fitted
    distribution or the given accounts scaled to `debt_usd`, only the unattended share can be
    liquidated: other owners top up or repay first. Debt sizes are matched to health factors at
    random from the seed.
    """
    if isinstance(accounts, AccountBook):
        health = np.array(accounts.health_factor)
        debts = np.array(accounts.debt_usd)
    else:
        level = norm.ppf((np.arange(ACCOUNTS) + 0.5) / ACCOUNTS)
        health = 1 + np.exp(accounts.health_log_mean + accounts.health_log_sd * level)
        sizes = np.exp(accounts.debt_log_mean + accounts.debt_log_sd * level)
        debts = generator(seed, name, "book").permutation(sizes)
    rest = debts / debts.sum() * debt_usd * (1 - exposure_share) * unattended_share
    top = np.full(EXPOSURE_ACCOUNTS, debt_usd * exposure_share / EXPOSURE_ACCOUNTS)
    trigger = np.concatenate([np.ones(EXPOSURE_ACCOUNTS), 1 / np.maximum(health, 1.0)])
    debt = np.concatenate([top, rest])
    order = np.argsort(-trigger, kind="stable")
    return Book(trigger[order], debt[order], threshold, backed_usd=debt_usd)


def losses_over_grid(
    prices: Array, book: Book, thresholds: Array, terms: Terms, depth: Depth
) -> BookLosses:
    """Run the re-levered book at every threshold on the same paths (common random numbers)."""
    share = np.empty((len(prices), len(thresholds)))
    liquidated = np.empty(len(thresholds))
    debts = book.backed_usd * thresholds / book.reference_threshold
    for k, threshold in enumerate(thresholds):
        losses = run_book(prices, book, float(threshold), terms, depth)
        share[:, k] = losses.bad_debt_usd / debts[k]
        liquidated[k] = float((losses.repaid_usd / debts[k]).mean())
    return BookLosses(thresholds, share, liquidated, debts)


def grid_points(losses: BookLosses, appetite: Appetite) -> tuple[GridPoint, ...]:
    """Summarise losses per threshold with 95 % intervals.

    P(bad debt) counts paths above the appetite's floor, interval by Clopper and Pearson. The
    expected shortfall is the mean of the worst paths, zeros included; its interval comes from
    the standard error of that mean with the quantile's own uncertainty (the influence function).
    """
    points = []
    for k, threshold in enumerate(losses.thresholds):
        share = losses.share[:, k]
        floor = max(appetite.book_floor_share, appetite.book_floor_usd / losses.debt_usd[k])
        count, n = int((share > floor).sum()), len(share)
        shortfall, error = expected_shortfall(share, appetite.tail_level)
        low, high = clopper_pearson(count, n)
        points.append(
            GridPoint(
                threshold=float(threshold), p_bad_debt=count / n, p_low=low, p_high=high,
                es_share=shortfall, es_low=max(shortfall - error, 0.0), es_high=shortfall + error,
                liquidated_share=float(losses.liquidated[k]),
            )
        )  # fmt: skip
    return tuple(points)


def largest_within(thresholds: Array, values: Array, limit: float) -> float | None:
    """Return the largest threshold up to which `values` stay within `limit`.

    Linear between grid points; None when already the smallest threshold exceeds the limit. The
    first crossing counts, so a dip at higher thresholds is not used.
    """
    over = np.flatnonzero(values > limit)
    if len(over) == 0:
        return float(thresholds[-1])
    k = int(over[0])
    if k == 0:
        return None
    share = (limit - values[k - 1]) / (values[k] - values[k - 1])
    return float(thresholds[k - 1] + share * (thresholds[k] - thresholds[k - 1]))


def stress_losses(
    fall: HistoricalFall, book: Book, thresholds: Array, terms: Terms, depth: Depth
) -> Array:
    """Replay a dated event on the book; bad debt over debt, shape (n_thresholds,)."""
    prices = envelope_path(np.array(fall.horizons_hours), np.array(fall.falls), STRESS_HOURS)
    return np.array(
        [
            float(run_book(prices, book, float(t), terms, depth).bad_debt_usd[0])
            / (book.backed_usd * float(t) / book.reference_threshold)
            for t in thresholds
        ]
    )


def clopper_pearson(count: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a binomial probability."""
    tail = (1 - INTERVAL) / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, n - count + 1))
    high = 1.0 if count == n else float(beta.ppf(1 - tail, count + 1, n - count))
    return low, high


def expected_shortfall(sample: Array, level: float) -> tuple[float, float]:
    """Return the mean of the worst (1 - level) of `sample` and the half-width of its 95 % interval.

    The whole sample counts, zeros included: it is not the mean of positive losses.
    """
    n = len(sample)
    tail = n * (1 - level)
    ordered = np.sort(sample)[::-1]
    whole = int(np.floor(tail))
    total = ordered[:whole].sum() + (tail - whole) * ordered[min(whole, n - 1)]
    quantile = float(ordered[min(whole, n - 1)])
    influence = np.maximum(sample - quantile, 0) / (1 - level)
    return float(total / tail), float(1.96 * influence.std() / np.sqrt(n))
