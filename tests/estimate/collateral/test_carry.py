"""Carry of leveraged staking positions, against step-by-step compounding."""

from __future__ import annotations

import pytest

from govkit.errors import InputError
from govkit.estimate.collateral.carry import (
    carry_on_equity,
    health_factor_drift,
    years_to_liquidation,
)


def test_drift_is_what_compounding_day_by_day_gives() -> None:
    collateral, debt = 100.0, 90.0
    first = 0.95 * collateral / debt
    for _ in range(365):
        collateral *= 1.03 ** (1 / 365)
        debt *= 1.05 ** (1 / 365)
    assert 0.95 * collateral / debt / first - 1 == pytest.approx(health_factor_drift(0.03, 0.05))
    assert health_factor_drift(0.03, 0.05) == pytest.approx(1.03 / 1.05 - 1)
    assert health_factor_drift(0.03, 0.02) > 0


def test_leverage_multiplies_the_difference_of_rates_on_equity() -> None:
    # 10 of equity, 100 of collateral, 90 of debt: 3 - 4.5 earned on 10.
    assert carry_on_equity(0.03, 0.05, 10) == pytest.approx((100 * 0.03 - 90 * 0.05) / 10)
    assert carry_on_equity(0.03, 0.05, 1) == pytest.approx(0.03)


def test_time_to_liquidation_is_when_the_compounded_health_factor_reaches_one() -> None:
    years = years_to_liquidation(0.95, 10, 0.03, 0.06)
    assert years is not None
    collateral, debt = 100 * 1.03**years, 90 * 1.06**years
    assert 0.95 * collateral / debt == pytest.approx(1.0)
    assert 1.5 < years < 2.5


def test_positive_carry_never_liquidates_and_a_full_loop_is_there_already() -> None:
    assert years_to_liquidation(0.95, 10, 0.03, 0.03) is None
    assert years_to_liquidation(0.95, 10, 0.03, 0.01) is None
    assert years_to_liquidation(0.95, 1, 0.03, 0.20) is None
    assert years_to_liquidation(0.80, 10, 0.03, 0.05) == 0.0


@pytest.mark.parametrize(
    ("threshold", "leverage", "growth", "rate", "where"),
    [
        (1.2, 5, 0.03, 0.05, "threshold"),
        (0.0, 5, 0.03, 0.05, "threshold"),
        (0.9, 0.5, 0.03, 0.05, "leverage"),
        (0.9, float("nan"), 0.03, 0.05, "leverage"),
        (0.9, 5, -1.0, 0.05, "growth_per_year"),
        (0.9, 5, 0.03, float("inf"), "borrow_rate"),
    ],
)
def test_wrong_input_names_its_place(
    threshold: float, leverage: float, growth: float, rate: float, where: str
) -> None:
    with pytest.raises(InputError) as caught:
        years_to_liquidation(threshold, leverage, growth, rate)
    assert caught.value.where == where
