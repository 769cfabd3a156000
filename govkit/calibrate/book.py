"""Losses of a whole book over a grid of thresholds, and in dated stresses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from govkit.calibrate.clearing import affordable_slippage, largest_size
from govkit.calibrate.position import set_bounds
from govkit.calibrate.weighted import (
    exceedance,
    expected_shortfall,
    quantile_interval,
    upper_quantile,
)
from govkit.records.book import AccountBook
from govkit.records.evidence import GridPoint
from govkit.records.market import Appetite
from govkit.records.model import AccountDistribution, HistoricalFall
from govkit.simulate.engine import (
    EVERYTHING,
    LOSSES,
    SKIPPED,
    Book,
    Depth,
    Terms,
    run_grid,
)
from govkit.simulate.paths import envelope_path
from govkit.simulate.random import generator

Array = NDArray[np.float64]

BOOK_HOURS = 24
ACCOUNTS = 240
EXPOSURE_ACCOUNTS = 20
JUST_TRIGGERED = 1 + 1e-9
"""Trigger price of what stands at health factor 1 when an episode begins: a hair below it."""
STRESS_HOURS = 48
LIQUIDATION_PATHS = 500
"""Paths on which liquidated debt is counted; losses are rarer and take all of them."""


@dataclass(frozen=True)
class BookLosses:
    """Bad debt over the debt of the book, by path and threshold.

    `weight`, shape (paths,), has mean 1. The paths are independent sets of equal size, see
    `position.SETS`.
    """

    thresholds: Array
    share: Array  # (paths, thresholds)
    weight: Array  # (paths,)
    liquidated: Array  # (thresholds,), mean share of the debt
    debt_usd: Array  # (thresholds,), debt of the re-levered book
    kernel: str

    def of_set(self, k: int) -> BookLosses:
        """Return one of the independent sets."""
        one = slice(*set_bounds(len(self.weight), k))
        return replace(self, share=self.share[one], weight=self.weight[one])


def joined(parts: list[BookLosses]) -> BookLosses:
    """Put the paths of several runs of one book together, in order."""
    return replace(
        parts[0],
        share=np.concatenate([part.share for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        liquidated=np.mean([part.liquidated for part in parts], axis=0),
    )


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
    exposed = np.full(EXPOSURE_ACCOUNTS, JUST_TRIGGERED)
    trigger = np.concatenate([exposed, JUST_TRIGGERED / np.maximum(health, 1.0)])
    debt = np.concatenate([top, rest])
    order = np.argsort(-trigger, kind="stable")
    return Book(trigger[order], debt[order], threshold, backed_usd=debt_usd)


def losses_over_grid(
    prices: Array,
    weight: Array,
    book: Book,
    thresholds: Array,
    terms: Terms,
    depth: Depth,
    followed: Array | None = None,
) -> BookLosses:
    """Run the re-levered book at every threshold on the same paths (common random numbers).

    Only paths that can lose at a threshold are run, see `can_lose`; liquidated debt is counted
    on about `LIQUIDATION_PATHS`, evenly taken. `followed` is the price that the
    feed's adapter follows, of the shape of `prices`; without it the feed follows the market.
    """
    debts = book.backed_usd * thresholds / book.reference_threshold
    seen = prices if followed is None else followed
    lowest = np.minimum(prices, seen).min(axis=1) * least_impact(prices, book, terms, depth)
    wanted = np.where(can_lose(lowest[:, None], thresholds, terms), LOSSES, SKIPPED)
    some = slice(None, None, max(len(prices) // LIQUIDATION_PATHS, 1))
    wanted[some] = EVERYTHING
    wanted = wanted.astype(np.int8)
    losses = run_grid(prices, book, thresholds, terms, depth, followed=followed, wanted=wanted)
    repaid = weight[some] @ losses.repaid_usd[some] / weight[some].sum()
    return BookLosses(
        thresholds=thresholds,
        share=losses.bad_debt_usd / debts,
        weight=weight,
        liquidated=repaid / debts,
        debt_usd=debts,
        kernel=losses.kernel,
    )


def can_lose(lowest: Array, threshold: Array | float, terms: Terms) -> NDArray[np.bool_]:
    """Return which paths can leave bad debt at a threshold.

    An account owes at most threshold x trigger for each unit, and a sale repays price / (1 + b).
    So nothing is lost while market and reported price, impact included, stay above
    threshold x (1 + b); `lowest` is their minimum. The two broadcast.
    """
    return np.asarray(lowest < threshold * (1 + terms.bonus) * JUST_TRIGGERED * (1 + 1e-9))


def least_impact(prices: Array, book: Book, terms: Terms, depth: Depth) -> Array:
    """Return the factor to which sales can push the price at most, shape (paths,).

    All collateral of the book is sold at the path's highest price; the units an account needs
    for its debt do not depend on the threshold.
    """
    units = float((book.debt_usd / (book.reference_threshold * book.trigger)).sum())
    calm = affordable_slippage(replace(terms, deviation=0.0))
    chunk = largest_size(depth, calm)
    if chunk <= 0:
        return np.ones(len(prices))
    sold = units * np.maximum(prices.max(axis=1), 1.0)
    return np.asarray(np.exp(-terms.permanent_share * calm * sold / chunk))


def loss_floor(losses: BookLosses, appetite: Appetite) -> Array:
    """Return the bad debt that counts at each threshold, share of debt."""
    return np.maximum(appetite.book_floor_share, appetite.book_floor_usd / losses.debt_usd)


def grid_points(losses: BookLosses, appetite: Appetite) -> tuple[GridPoint, ...]:
    """Summarise losses per threshold with 95 % intervals.

    P(bad debt) is the chance of a loss above the appetite's floor. The expected shortfall is the
    mean of the worst paths, zeros included; its interval comes from the standard error of that
    mean (the influence function).
    """
    chance, low, high = exceedance(losses.weight, losses.share > loss_floor(losses, appetite))
    shortfall, error = expected_shortfall(losses.share, losses.weight, appetite.tail_level)
    return tuple(
        GridPoint(
            threshold=float(threshold),
            p_bad_debt=float(chance[k]),
            p_low=float(low[k]),
            p_high=float(high[k]),
            es_share=float(shortfall[k]),
            es_low=max(float(shortfall[k] - error[k]), 0.0),
            es_high=float(shortfall[k] + error[k]),
            liquidated_share=float(losses.liquidated[k]),
        )
        for k, threshold in enumerate(losses.thresholds)
    )


def critical_thresholds(losses: BookLosses, appetite: Appetite) -> Array:
    """Return each path's critical threshold: the largest that leaves no loss above the floor.

    Shape (paths,). Linear between grid points; the first crossing counts. A path on which every
    threshold loses has the lowest of the grid, one on which none does a value above its top.
    """
    grid, excess = losses.thresholds, losses.share - loss_floor(losses, appetite)
    over = excess > 0
    first = np.where(over.any(axis=1), over.argmax(axis=1), len(grid))
    k = np.clip(first, 1, len(grid) - 1)
    rows = np.arange(len(excess))
    before, after = excess[rows, k - 1], excess[rows, k]
    rise = np.where(after > before, after - before, 1.0)
    at = grid[k - 1] + np.clip(-before / rise, 0, 1) * (grid[k] - grid[k - 1])
    return np.asarray(np.where(first == 0, grid[0], np.where(first == len(grid), grid[-1] + 1, at)))


def book_threshold(losses: BookLosses, appetite: Appetite) -> tuple[float, float, float]:
    """Return the threshold exceeded by all but the allowed share of paths, and its 95 % interval.

    An order statistic of the critical thresholds: one pass over the paths serves the whole grid,
    and the interval needs no law. Values above the top of the grid mean: not reached.
    """
    critical, p = -critical_thresholds(losses, appetite), appetite.book_probability
    low, high = quantile_interval(critical, losses.weight, p)
    return -upper_quantile(critical, losses.weight, p), -high, -low


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
    each = np.concatenate(paths)
    even = np.ones(len(each))
    return losses_over_grid(each, even, book, thresholds, terms, depth).share
