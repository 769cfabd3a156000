"""Unnecessary liquidations in closed form, and the lower end of the keep band."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from govkit.calibrate.keep_band import (
    debt_below,
    liquidated_debt,
    lowest_threshold,
    unnecessary_share,
)
from govkit.records.book import AccountBook
from govkit.records.model import MarketModel

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


def test_the_unnecessary_share_is_what_the_highest_threshold_would_have_spared() -> None:
    assert unnecessary_share(np.array([0.4, 0.2, 0.1]), 0.1).tolist() == [0.75, 0.5, 0.0]
    # Nothing is spared where no more is liquidated.
    assert unnecessary_share(np.array([0.05, 0.0]), 0.1).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("most", "found"), [(0.8, 0.60), (0.5, 0.65), (0.4, 0.70), (0.2, 0.75), (0.0, 0.80)]
)
def test_the_lowest_threshold_lies_where_the_share_is_reached(most: float, found: float) -> None:
    grid, shares = np.array([0.6, 0.7, 0.8]), np.array([0.6, 0.4, 0.0])
    assert lowest_threshold(grid, shares, most, 0.8) == pytest.approx(found)
