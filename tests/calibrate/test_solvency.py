"""The fall at which collateral no longer covers debt, by hand and by integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from govkit.calibrate.solvency import SHOCKS, solvency_of, uncovered_share
from govkit.data import load_model
from govkit.records.book import AccountBook

CAP = 0.0025
ACCOUNTS = load_model().accounts


def book(*accounts: tuple[float, float]) -> AccountBook:
    health, debt = zip(*accounts, strict=True)
    return AccountBook(health_factor=health, debt_usd=debt, source="a test", sha256="sha256:0")


def test_two_accounts_by_hand() -> None:
    """At 80 %: 125 against 100 of debt (health factor 1), and 1,125 against 300 (3)."""
    two = book((1.0, 100.0), (3.0, 300.0))
    found = solvency_of(two, 0.8, 0.8, CAP)
    assert found.basis == "book"
    # Together 1,250 of collateral against 400.
    assert found.together_current == pytest.approx(1 - 400 / 1250)
    # The first account alone: 100 - 125 (1 - s) = 0.25 % of 400.
    assert found.uncovered_current == pytest.approx(1 - 99 / 125)
    assert found.together_recommended == found.together_current
    curve = dict(zip(found.shocks, found.uncovered_share, strict=True))
    assert curve[0.2] == pytest.approx(0)
    assert curve[0.5] == pytest.approx((100 - 62.5) / 400)
    assert curve[0.6] == pytest.approx((100 - 50) / 400)


def test_after_a_change_debts_are_in_proportion_to_the_threshold() -> None:
    """From 80 to 60 %: the same collateral, three quarters of the debt."""
    two = book((1.0, 100.0), (3.0, 300.0))
    found = solvency_of(two, 0.8, 0.6, CAP)
    assert found.together_recommended == pytest.approx(1 - 300 / 1250)
    assert found.uncovered_recommended == pytest.approx(1 - (75 - CAP * 300) / 125)
    assert found.uncovered_share[10] == pytest.approx((75 - 62.5) / 300)


def test_a_book_that_is_under_water_already_needs_no_shock() -> None:
    found = solvency_of(book((0.5, 100.0)), 0.8, 0.8, CAP)
    assert found.uncovered_current == found.together_current == 0
    assert found.uncovered_share[0] == pytest.approx(1 - 0.5 / 0.8)


@pytest.mark.parametrize("threshold", [0.5, 0.83, 0.95])
def test_the_distribution_is_the_integral_over_its_health_factors(threshold: float) -> None:
    shocks = np.array([0.0, 0.1, 0.3, 0.5, 0.6, 0.9])
    got = uncovered_share(ACCOUNTS, threshold, shocks)
    for shock, share in zip(shocks, got, strict=True):

        def missing(level: float, kept: float = (1 - shock) / threshold) -> float:
            health = 1 + np.exp(ACCOUNTS.health_log_mean + ACCOUNTS.health_log_sd * level)
            return float(max(1 - kept * health, 0.0) * norm.pdf(level))

        expected = quad(missing, -9, 9, limit=400, points=[-2, 0, 2])[0]
        assert share == pytest.approx(expected, abs=2e-7)


def test_a_large_book_from_the_distribution_agrees_with_it() -> None:
    level = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    health = 1 + np.exp(ACCOUNTS.health_log_mean + ACCOUNTS.health_log_sd * level)
    many = book(*((float(h), 1.0) for h in health))
    fitted, real = (solvency_of(a, 0.83, 0.8, CAP) for a in (ACCOUNTS, many))
    for name in ("together_current", "together_recommended", "uncovered_current",
                 "uncovered_recommended"):  # fmt: skip
        assert getattr(fitted, name) == pytest.approx(getattr(real, name), abs=2e-4), name
    np.testing.assert_allclose(fitted.uncovered_share, real.uncovered_share, atol=1e-4)
    assert fitted.basis == "distribution"


def test_a_lower_threshold_withstands_a_larger_shock() -> None:
    grid = [solvency_of(ACCOUNTS, 0.83, t, CAP) for t in np.arange(0.4, 0.96, 0.05)]
    for name in ("together_recommended", "uncovered_recommended"):
        values = [getattr(one, name) for one in grid]
        assert values == sorted(values, reverse=True)
        assert values[0] > values[-1] + 0.2
    assert grid[0].shocks == pytest.approx(tuple(np.linspace(0, 0.6, 13)))
    assert len(SHOCKS) == 13


def test_the_shock_without_a_cap_and_the_uncovered_share_meet() -> None:
    found = solvency_of(ACCOUNTS, 0.83, 0.83, 0.02)
    at = uncovered_share(ACCOUNTS, 0.83, np.array([found.uncovered_current]))
    assert at[0] == pytest.approx(0.02, abs=1e-7)
