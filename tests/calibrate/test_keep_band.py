"""Unnecessary liquidations in closed form, and the lower end of the keep band."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from govkit.calibrate import keep_band as band
from govkit.calibrate.case import Case
from govkit.calibrate.keep_band import (
    debt_below,
    grouped,
    keep_band,
    liquidated_debt,
    lowest_threshold,
    unnecessary_over,
    unnecessary_share,
)
from govkit.data import load_appetite
from govkit.records.book import AccountBook
from govkit.records.evidence import Support
from govkit.records.model import MarketModel
from govkit.simulate.tilting import tilted_uniforms
from tests.calibrate.pipeline import small_case

BOOK = AccountBook(health_factor=(1.1, 2.0), debt_usd=(3e6, 1e6), source="closed form", sha256="")


def test_an_account_is_liquidated_when_its_health_factor_reaches_one() -> None:
    # At 80 % of a book whose health factors hold at 80 %: the first account at a fall of
    # 1 - 1 / 1.1, the second at one of a half.
    lows, weight = np.array([0.95, 0.90, 0.4]), np.ones(3)
    thresholds = np.array([0.8])
    assert liquidated_debt(BOOK, lows, weight, thresholds, 0.8) == pytest.approx(
        [(0.0 + 0.75 + 1.0) / 3]
    )
    # At a lower threshold the same fall reaches more: 1.1 x 0.75 / 0.8 x 0.95 = 0.98.
    assert liquidated_debt(BOOK, lows, weight, np.array([0.75]), 0.8) == pytest.approx(
        [(0.75 + 0.75 + 1.0) / 3]
    )


def test_weights_count() -> None:
    lows, weight = np.array([0.95, 0.90]), np.array([0.5, 1.5])
    found = liquidated_debt(BOOK, lows, weight, np.array([0.8]), 0.8)
    assert found == pytest.approx([1.5 * 0.75 / 2])


def test_a_fitted_book_follows_its_law(model: MarketModel) -> None:
    accounts = model.accounts
    # Half of the debt lies below the median health factor, 1 + exp(mean).
    median = 1 + np.exp(accounts.health_log_mean)
    assert debt_below(accounts, np.array([1.0, median])) == pytest.approx([0.0, 0.5], abs=1e-12)
    upper = 1 + np.exp(accounts.health_log_mean + accounts.health_log_sd)
    assert debt_below(accounts, np.array([upper])) == pytest.approx([norm.cdf(1.0)])


def test_accounts_may_come_in_any_order() -> None:
    turned = BOOK.model_copy(update={"health_factor": (2.0, 1.1), "debt_usd": (1e6, 3e6)})
    levels = np.array([0.9, 1.0, 1.05, 1.1, 1.5, 2.0, 9.0])
    assert debt_below(BOOK, levels).tolist() == debt_below(turned, levels).tolist()
    assert debt_below(BOOK, levels).tolist() == [0, 0, 0, 0.75, 0.75, 1, 1]


def test_debt_that_is_liquidated_already_is_no_part_of_the_share() -> None:
    more = BOOK.model_copy(
        update={"health_factor": (0.9, 1.1, 1.0, 2.0), "debt_usd": (8e6, 3e6, 5e6, 1e6)}
    )
    levels = np.array([0.95, 1.0, 1.05, 1.1, 2.0])
    assert debt_below(more, levels).tolist() == debt_below(BOOK, levels).tolist()


def test_the_unnecessary_share_is_what_the_highest_threshold_would_have_spared() -> None:
    assert unnecessary_share(np.array([0.4, 0.2, 0.1]), 0.1).tolist() == [0.75, 0.5, 0.0]
    # Nothing is spared where no more is liquidated.
    assert unnecessary_share(np.array([0.05, 0.0]), 0.1).tolist() == [0.0, 0.0]
    # Nor where nothing is liquidated at all; all of it is where the highest liquidates nothing.
    assert unnecessary_share(np.array([0.2, 0.0]), 0.0).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("most", "found"), [(0.8, 0.60), (0.5, 0.65), (0.4, 0.70), (0.2, 0.75), (0.0, 0.80)]
)
def test_the_lowest_threshold_lies_where_the_share_is_reached(most: float, found: float) -> None:
    grid, shares = np.array([0.6, 0.7, 0.8]), np.array([0.6, 0.4, 0.0])
    assert lowest_threshold(grid, shares, most, 0.8) == pytest.approx(found)


@pytest.mark.parametrize(("most", "highest"), [(0.35, 0.62), (0.0, 0.7), (1.0, 0.55)])
def test_the_lowest_threshold_never_lies_above_the_highest(most: float, highest: float) -> None:
    grid, shares = np.array([0.6, 0.7, 0.8]), np.array([0.6, 0.4, 0.2])
    assert lowest_threshold(grid, shares, most, highest) <= highest


DEBTS = st.lists(st.tuples(st.floats(1.001, 4.0), st.floats(1e3, 1e7)), min_size=1, max_size=8)


@given(DEBTS, st.integers(0, 1000), st.sampled_from([0.6, 0.8]), st.randoms())
def test_the_unnecessary_share_falls_with_the_threshold_in_any_order_of_accounts(
    accounts: list[tuple[float, float]], seed: int, current: float, shuffled: object
) -> None:
    lows, grid = 1 - np.random.default_rng(seed).beta(1, 6, 50), np.arange(0.3, 0.81, 0.05)

    def shares(rows: list[tuple[float, float]]) -> np.ndarray:
        health, debt = zip(*rows, strict=True)
        book = AccountBook(health_factor=health, debt_usd=debt, source="x", sha256="")
        liquidated = liquidated_debt(book, lows, np.ones(50), grid, current)
        assert (np.diff(liquidated) <= 1e-12).all()
        return unnecessary_share(liquidated, float(liquidated[-1]))

    found = shares(accounts)
    assert (np.diff(found) <= 1e-12).all()
    assert found[-1] == 0
    assert ((found >= 0) & (found <= 1)).all()
    shuffled.shuffle(accounts)  # type: ignore[attr-defined]
    np.testing.assert_allclose(shares(accounts), found, atol=1e-12)


# Groups of paths


def test_groups_keep_every_path() -> None:
    random = np.random.default_rng(1)
    lows, weight = 1 - random.beta(1, 8, 40_960), random.uniform(0.01, 2, 40_960)
    some, heavy = grouped(lows, weight)
    assert len(some) == len(heavy) == 40_960 // (40_960 // band.BAND_PATHS)
    assert heavy.mean() == pytest.approx(1, rel=1e-12)
    assert np.mean(heavy * some) == pytest.approx(np.mean(weight * lows) / weight.mean(), rel=1e-12)
    assert (np.diff(some) >= 0).all()
    assert lows.min() <= some.min()
    assert some.max() <= 1
    # Fewer paths stay as they are.
    few, even = grouped(lows[:600], 2 * weight[:600])
    np.testing.assert_array_equal(few, lows[:600])
    np.testing.assert_allclose(even, weight[:600] / weight[:600].mean(), rtol=1e-12)


def test_groups_of_sobol_paths_say_what_all_paths_say(model: MarketModel) -> None:
    """Every eighth Sobol point lies in one quarter of its range: such a sample is biased."""
    drawn = tilted_uniforms(np.random.default_rng(1), 2**16, 1)
    lows = np.exp(-0.05 * np.maximum(-norm.ppf(drawn.hours[:, 0]), 0) * (1 + drawn.start))
    grid = np.array([0.65, 0.7, 0.75, 0.8])
    every = liquidated_debt(model.accounts, lows, drawn.weight, grid, 0.8)
    assert abs(drawn.weight[::8].mean() - 1) > 0.2  # what taking every n-th path would do
    found = liquidated_debt(model.accounts, *grouped(lows, drawn.weight), grid, 0.8)
    np.testing.assert_allclose(found, every, rtol=1e-3)


# The band of a case


@pytest.fixture(scope="module")
def case() -> Case:
    """UNI, threshold in force 74 %."""
    return small_case("UNI")


def support(bound: float) -> Support:
    return Support(point=bound + 0.01, bound=bound, rounded=bound, low=bound - 0.02,
                   high=bound + 0.02, path_error_points=0.2, refits=12, paths=1000)  # fmt: skip


def with_two_accounts(case: Case) -> Case:
    """Health factors 1.1 and 2 at 74 %; lows 5, 15, 20 and 60 % below the start."""
    lows, weight = np.array([0.95, 0.85, 0.80, 0.40]), np.array([1.0, 1.5, 1.0, 0.5])
    losses = replace(case.losses, weight=weight)
    return replace(case, asked=replace(case.asked, book=BOOK), lows=lows, losses=losses)


def test_the_unnecessary_share_of_two_accounts_in_closed_form(case: Case) -> None:
    two, now = with_two_accounts(case), 0.74
    assert two.asked.reserve.threshold.value == now
    # The first (75 % of debt) goes where low <= now / (1.1 t), the second where low <= now / 2t.
    # At 0.80: 0.841 and 0.4625. At 0.74: 0.909. At 0.70: 0.961. At 0.40: all but one, and 0.925.
    liquidated = {
        0.80: (1.0 * 0.75 + 0.5 * 1.0) / 4,
        0.74: (2.5 * 0.75 + 0.5 * 1.0) / 4,
        0.70: (3.5 * 0.75 + 0.5 * 1.0) / 4,
        0.40: (1.0 * 0.75 + 3.0 * 1.0) / 4,
    }
    grid = np.array(sorted(liquidated))
    found = unnecessary_over(two, grid, 0.80)
    expected = [1 - liquidated[0.80] / liquidated[t] for t in sorted(liquidated)]
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_band_of_two_accounts_by_hand(case: Case) -> None:
    """The share is 1 - 1.25 / 2.375 = 47 % below 79.2 %, where a fall of 15 % reaches 1.1."""
    two, asked = with_two_accounts(case), load_appetite("moderate")
    edge = 0.74 / 1.1 / 0.85
    assert asked.most_unnecessary == 0.35 < 1 - 1.25 / 2.375
    found = keep_band(two, support(0.80), asked, 0.79)
    assert (found.highest, found.most_unnecessary) == (0.80, 0.35)
    assert found.lowest == pytest.approx(edge, abs=0.005)  # the grid of half points
    assert found.at_current == found.at_recommended == pytest.approx(1 - 1.25 / 2.375)
    # An aggressive appetite accepts 50 %, so the band reaches down to the next step, 70.8 %.
    wide = keep_band(two, support(0.80), load_appetite("aggressive"), 0.795)
    assert wide.lowest == pytest.approx(0.74 / 1.1 / 0.95, abs=0.005)
    assert wide.at_recommended == 0


def test_the_lowest_threshold_of_the_band_is_where_its_share_is_reached(case: Case) -> None:
    for name in ("conservative", "moderate", "aggressive"):
        asked = load_appetite(name)
        found = keep_band(case, support(0.80), asked, 0.75)
        reached = unnecessary_over(case, np.array([found.lowest]), 0.80)
        assert reached[0] == pytest.approx(asked.most_unnecessary, abs=0.01)
        assert found.at_current > found.at_recommended > 0
    # A stricter limit on unnecessary liquidations asks for a higher threshold.
    edges = [keep_band(case, support(0.80), load_appetite(n), 0.75).lowest
             for n in ("aggressive", "moderate", "conservative")]  # fmt: skip
    assert edges == sorted(edges)
    assert edges[0] < edges[2] < 0.80


def test_a_value_above_the_highest_liquidates_nothing_in_vain(case: Case) -> None:
    found = keep_band(case, support(0.60), load_appetite("moderate"), 0.60)
    assert found.at_current == found.at_recommended == 0
    assert found.lowest <= found.highest == 0.60


def test_a_support_below_the_lowest_threshold_tried_is_its_own_band(case: Case) -> None:
    found = keep_band(case, support(0.15), load_appetite("moderate"), 0.15)
    assert (found.lowest, found.highest) == (0.15, 0.15)


def test_the_band_hardly_hangs_on_the_set_of_paths(case: Case) -> None:
    grid = np.array([0.65, 0.70, 0.74])
    each = np.array([unnecessary_over(case.of_set(k), grid, 0.80) for k in range(5)])
    # 512 paths a set; every n-th path of 40,960 was off by 0.1 and more.
    np.testing.assert_allclose(each, np.tile(each.mean(axis=0), (5, 1)), atol=0.04)
