"""Losses of a book: intervals, expected shortfall, crossings, and the book itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from govkit.calibrate.book import (
    EXPOSURE_ACCOUNTS,
    BookLosses,
    grid_points,
    largest_within,
    stressed_book,
)
from govkit.data import load_appetite
from govkit.records.book import AccountBook
from govkit.records.model import AccountDistribution, MarketModel
from govkit.simulate.engine import Book

GRID = np.array([0.60, 0.70, 0.80, 0.90])


@pytest.mark.parametrize(
    ("values", "limit", "found"),
    [
        ([0.0, 0.0, 0.0, 0.0], 0.1, 0.90),
        ([0.0, 0.1, 0.1, 0.1], 0.1, 0.90),  # at the limit is within it
        ([0.0, 0.0, 0.2, 0.4], 0.1, 0.75),
        ([0.0, 0.4, 0.4, 0.4], 0.1, 0.625),
        ([0.0, 0.4, 0.0, 0.4], 0.1, 0.625),  # the first crossing, not the dip behind it
        ([0.1, 0.2, 0.3, 0.4], 0.1, 0.60),
        ([0.2, 0.0, 0.0, 0.0], 0.1, None),
    ],
)
def test_largest_within(values: list[float], limit: float, found: float | None) -> None:
    got = largest_within(GRID, np.array(values), limit)
    assert got == (None if found is None else pytest.approx(found, abs=1e-12))


def test_grid_points_count_losses_above_the_floor() -> None:
    moderate = load_appetite("moderate")  # floor: 0.1 % of the debt, at least $50,000
    thresholds, paths = np.array([0.5, 0.8]), 400
    share = np.zeros((paths, 2))
    share[:40, 0] = 0.001  # at the floor of the large book: does not count
    share[:4, 0] = 0.0011
    share[:40, 1] = 0.05
    debt = np.array([1e9, 8e5])  # of the small book $50,000 is 6.25 %
    losses = BookLosses(thresholds, share, np.ones(paths), np.array([0.1, 0.2]), debt)
    low, high = grid_points(losses, moderate)
    assert (low.p_bad_debt, high.p_bad_debt) == (4 / 400, 0.0)
    exact = binomtest(4, 400).proportion_ci(0.95, method="exact")
    assert (low.p_low, low.p_high) == pytest.approx((exact.low, exact.high), rel=1e-9)
    # The worst 2.5 % are ten paths, all of which lose 5 %; shortfall knows no floor.
    assert high.es_share == pytest.approx(0.05, rel=1e-12)
    assert low.es_share == pytest.approx((4 * 0.0011 + 6 * 0.001) / 10, rel=1e-12)
    assert (low.liquidated_share, high.liquidated_share) == (0.1, 0.2)


def built(accounts: AccountDistribution | AccountBook, seed: int = 1, share: float = 0.05) -> Book:
    return stressed_book(
        accounts, debt_usd=1e9, exposure_share=share, unattended_share=0.05, threshold=0.83,
        seed=seed, name="WETH",
    )  # fmt: skip


def accounts_of(health: tuple[float, ...], debts: tuple[float, ...]) -> AccountBook:
    return AccountBook(health_factor=health, debt_usd=debts, source="closed form", sha256="")


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_debts_of_the_stressed_book(model: MarketModel, share: float) -> None:
    book = built(model.accounts, share=share)
    # Exposure at stress plus the unattended part of the rest.
    assert book.debt_usd.sum() == pytest.approx(1e9 * (share + (1 - share) * 0.05), rel=1e-12)
    assert book.backed_usd == 1e9
    assert book.reference_threshold == 0.83
    assert (book.debt_usd >= 0).all()


def test_exposure_stands_at_the_trigger_in_twenty_accounts(model: MarketModel) -> None:
    book = built(model.accounts)
    at_trigger = book.trigger == 1
    assert at_trigger.sum() == EXPOSURE_ACCOUNTS == 20
    assert book.debt_usd[at_trigger] == pytest.approx(np.full(20, 1e9 * 0.05 / 20), rel=1e-12)
    assert (np.diff(book.trigger) <= 0).all()
    assert book.trigger.min() > 0


def test_fitted_health_factors_are_those_of_the_law(model: MarketModel) -> None:
    book = built(model.accounts)
    health = 1 / book.trigger[EXPOSURE_ACCOUNTS:]
    level = np.log(health - 1)
    # 240 mid-quantiles of the normal law of log(health factor - 1).
    assert np.median(level) == pytest.approx(model.accounts.health_log_mean, abs=1e-2)
    assert level.std() == pytest.approx(model.accounts.health_log_sd, rel=1e-2)


def test_debts_meet_health_factors_by_the_seed_alone(model: MarketModel) -> None:
    first, again, other = (built(model.accounts, seed).debt_usd for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.sort(first) == pytest.approx(np.sort(other), rel=1e-12)


def test_real_accounts_keep_their_health_and_proportions() -> None:
    book = built(accounts_of((2.0, 1.25, 4.0), (6e6, 3e6, 1e6)))
    assert book.trigger[20:] == pytest.approx([0.8, 0.5, 0.25], rel=1e-12)
    rest = 1e9 * 0.95 * 0.05
    assert book.debt_usd[20:] == pytest.approx([0.3 * rest, 0.6 * rest, 0.1 * rest], rel=1e-12)


def test_accounts_beyond_their_trigger_begin_at_it() -> None:
    book = built(accounts_of((0.9, 2.0), (1e6, 1e6)))
    assert book.trigger[:21].tolist() == [1.0] * 21
    assert book.trigger[21] == 0.5
