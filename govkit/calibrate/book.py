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
    the standard error of that mean (the influence function).
    """
    n = len(losses.share)
    floor = np.maximum(appetite.book_floor_share, appetite.book_floor_usd / losses.debt_usd)
    counts = (losses.share > floor).sum(axis=0)
    low, high = clopper_pearson(counts, n)
    shortfall, error = expected_shortfall(losses.share, appetite.tail_level)
    return tuple(
        GridPoint(
            threshold=float(threshold),
            p_bad_debt=float(counts[k] / n),
            p_low=float(low[k]),
            p_high=float(high[k]),
            es_share=float(shortfall[k]),
            es_low=max(float(shortfall[k] - error[k]), 0.0),
            es_high=float(shortfall[k] + error[k]),
            liquidated_share=float(losses.liquidated[k]),
        )
        for k, threshold in enumerate(losses.thresholds)
    )


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
    falls: tuple[HistoricalFall, ...], book: Book, thresholds: Array, terms: Terms, depth: Depth
) -> Array:
    """Replay dated events on the book; bad debt over debt, shape (n_events, n_thresholds)."""
    if not falls:
        return np.empty((0, len(thresholds)))
    paths = [
        envelope_path(np.array(f.horizons_hours), np.array(f.falls), STRESS_HOURS) for f in falls
    ]
    return losses_over_grid(np.concatenate(paths), book, thresholds, terms, depth).share


def clopper_pearson(counts: NDArray[np.int64], n: int) -> tuple[Array, Array]:
    """Return the exact 95 % intervals of binomial probabilities, each of the shape of `counts`."""
    tail = (1 - INTERVAL) / 2
    some, few = np.maximum(counts, 1), np.minimum(counts, n - 1)
    low = np.where(counts == 0, 0.0, beta.ppf(tail, some, n - some + 1))
    high = np.where(counts == n, 1.0, beta.ppf(1 - tail, few + 1, n - few))
    return low, high


def expected_shortfall(samples: Array, level: float) -> tuple[Array, Array]:
    """Return the mean of the worst (1 - level) of each column and its 95 % half-width.

    Parameters
    ----------
    samples:
        Shape (n, columns). The whole sample counts, zeros included: this is not the mean of
        positive losses.
    """
    n = len(samples)
    tail = n * (1 - level)
    whole = int(np.floor(tail))
    ordered = np.sort(samples, axis=0)[::-1]
    quantile = ordered[min(whole, n - 1)]
    total = ordered[:whole].sum(axis=0) + (tail - whole) * quantile
    influence = np.maximum(samples - quantile, 0) / (1 - level)
    return np.asarray(total / tail), np.asarray(1.96 * influence.std(axis=0) / np.sqrt(n))
