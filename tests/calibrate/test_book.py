"""Losses of a book: intervals, expected shortfall, crossings, and the book itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from govkit.calibrate.book import (
    EXPOSURE_ACCOUNTS,
    BookLosses,
    clopper_pearson,
    expected_shortfall,
    grid_points,
    largest_within,
    stressed_book,
)
from govkit.data import load_appetite
from govkit.records.book import AccountBook
from govkit.records.model import AccountDistribution, MarketModel
from govkit.simulate.engine import Book


@pytest.mark.parametrize(
    ("count", "n"), [(0, 50), (50, 50), (1, 20_000), (37, 400), (100, 20_000), (5, 10)]
)
def test_clopper_pearson_is_scipys_exact_interval(count: int, n: int) -> None:
    exact = binomtest(count, n).proportion_ci(0.95, method="exact")
    assert clopper_pearson(count, n) == pytest.approx((exact.low, exact.high), rel=1e-9, abs=1e-12)


def test_clopper_pearson_at_zero_is_the_closed_form() -> None:
    # 1 - (alpha / 2)^(1 / n): zero losses in n runs is not a zero chance.
    low, high = clopper_pearson(0, 1000)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 1000), rel=1e-9)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.975, 0.99])
def test_expected_shortfall_of_the_uniform_law(level: float) -> None:
    n = 20_000
    sample = np.random.default_rng(3).permutation((np.arange(n) + 0.5) / n)
    shortfall, half = expected_shortfall(sample, level)
    assert shortfall == pytest.approx(1 - (1 - level) / 2, abs=1e-9)
    # Asymptotic variance of the tail mean: (1 - a) / 3 - (1 - a)^2 / 4.
    # The sample quantile sits one value off, 1 of n (1 - a).
    tail = 1 - level
    variance = tail / 3 - tail**2 / 4
    assert half == pytest.approx(1.96 * np.sqrt(variance / n), rel=2 / (n * tail))


def test_expected_shortfall_with_an_atom_at_zero() -> None:
    # 1 % of the paths lose everything: the worst 2.5 % lose 0.4 on average, not 1, which is the
    # mean of the positive losses.
    sample = np.zeros(10_000)
    sample[::100] = 1.0
    shortfall, half = expected_shortfall(sample, 0.975)
    assert shortfall == pytest.approx(0.4, abs=1e-12)
    # The influence function is 40 B with P(B) = 1 %: standard deviation 40 sqrt(0.01 x 0.99).
    assert half == pytest.approx(1.96 * 40 * np.sqrt(0.01 * 0.99 / 10_000), rel=1e-9)
    assert expected_shortfall(np.zeros(10_000), 0.975) == (0.0, 0.0)


def test_expected_shortfall_of_a_broken_tail() -> None:
    # A quarter of ten is two and a half values: the third counts half.
    sample = np.array([1.0, 9.0, 3.0, 0.0, 7.0, 2.0, 0.0, 5.0, 0.0, 0.0])
    shortfall, _ = expected_shortfall(sample, 0.75)
    assert shortfall == pytest.approx((9 + 7 + 0.5 * 5) / 2.5, rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=40, max_size=200), st.sampled_from([0.9, 0.95, 0.975]))
def test_expected_shortfall_lies_between_mean_and_maximum(
    values: list[float], level: float
) -> None:
    sample = np.array(values)
    shortfall, half = expected_shortfall(sample, level)
    assert sample.mean() - 1e-9 <= shortfall <= sample.max() + 1e-9
    assert half >= 0
    assert expected_shortfall(sample[::-1], level)[0] == pytest.approx(shortfall, abs=1e-12)


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
    losses = BookLosses(thresholds, share, np.array([0.1, 0.2]), debt)
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


def test_published_values_of_shortfall_and_exact_interval() -> None:
    """Oracles D4 (Acerbi and Tasche 2002: zeros count) and M1 (beta quantiles, 10 of 10,000)."""
    losses = np.concatenate([np.zeros(990), np.arange(1.0, 11.0)])[:, None]
    assert expected_shortfall(losses, 0.975)[0][0] == pytest.approx(2.2, abs=1e-12)
    low, high = clopper_pearson(np.array([10]), 10_000)
    assert low[0] == pytest.approx(0.00047964, abs=1e-7)
    assert high[0] == pytest.approx(0.001838264, abs=1e-8)
