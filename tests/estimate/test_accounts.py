"""The fitted distribution of accounts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.accounts import account_distribution


def made_book(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "health_factor": 1 + np.exp(-0.5 + 0.8 * random.standard_normal(n)),
            "debt_usd": np.exp(9.0 + 0.7 * random.standard_normal(n)),
        }
    )


def test_lognormal_laws_are_recovered() -> None:
    """Standard errors at 20,000 accounts: 0.006 and 0.004 for the health factor's law."""
    fit = account_distribution(made_book(20_000, 1), [], ())
    assert fit is not None
    assert fit.health_log_mean == pytest.approx(-0.5, abs=0.02)
    assert fit.health_log_sd == pytest.approx(0.8, abs=0.015)
    assert fit.debt_log_mean == pytest.approx(9.0, abs=0.02)
    assert fit.debt_log_sd == pytest.approx(0.7, abs=0.015)
    # Debts are independent of health here: the weighted mean is the law's, 1 + exp(m + s^2 / 2).
    assert fit.average_health_factor == pytest.approx(1 + np.exp(-0.5 + 0.32), rel=0.02)


def test_the_average_is_weighted_by_debt() -> None:
    book = made_book(30, 2).assign(debt_usd=200.0)
    book.loc[0, ["health_factor", "debt_usd"]] = [1.1, 1e9]
    fit = account_distribution(book, [], ())
    assert fit is not None
    assert fit.average_health_factor == pytest.approx(1.1, abs=1e-4)


def test_liquidatable_dust_and_unknown_accounts_are_left_out() -> None:
    book = made_book(40, 3)
    wrong = pd.DataFrame(
        {"health_factor": [0.9, 1.0, np.nan, 2.0], "debt_usd": [1e6, 1e6, 1e6, 99]}
    )
    assert account_distribution(pd.concat([book, wrong]), [], ()) == account_distribution(
        book, [], ()
    )


def test_further_tables_widen_debts_only() -> None:
    book, more = made_book(100, 4), pd.DataFrame({"debt_usd": [1e7] * 100 + [np.nan, 50.0]})
    alone, both = account_distribution(book, [], ()), account_distribution(book, [more], ())
    assert alone is not None
    assert both is not None
    assert both.health_log_mean == alone.health_log_mean
    assert both.debt_log_mean == pytest.approx((alone.debt_log_mean + np.log(1e7)) / 2, rel=1e-9)
    assert both.accounts == 100


def test_fewer_than_twenty_accounts_are_not_fitted() -> None:
    assert account_distribution(made_book(19, 5), [], ()) is None
    assert account_distribution(made_book(20, 5), [], ()) is not None
