"""Discounts against the recent maximum: depth, reversion, stationarity and growth."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import adfuller

from govkit.data import Redemption
from govkit.estimate.collateral.discount import (
    Discounts,
    discounts_of,
    frozen_discount,
    growth_per_year,
    half_life,
    hourly_changes,
    smoothed,
    stationary_p,
)


def hours(n: int, start: str = "2021-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n, freq="h", tz="UTC")


def reverting(
    half: float, n: int, noise: float = 0.0, step: float = 0.001, seed: int = 3
) -> Discounts:
    """A discount whose log follows an AR(1) of known half-life, seen with independent noise."""
    random = np.random.default_rng(seed)
    share = 0.5 ** (1 / half)
    level = np.empty(n)
    level[0] = 0.0
    shocks = step * random.standard_normal(n)
    for k in range(1, n):
        level[k] = share * level[k - 1] + shocks[k]
    log_discount = -0.1 + level + noise * random.standard_normal(n)
    discount = pd.Series(-np.expm1(log_discount), index=hours(n))
    return Discounts(1 - discount, discount)


def test_one_print_neither_makes_a_discount_nor_a_maximum() -> None:
    ratio = pd.Series(1.0, index=hours(2000))
    ratio.iloc[500] = 1.3
    ratio.iloc[1200:1202] = 0.8
    assert float(discounts_of(ratio).discount.max()) == 0
    # The same print in the raw series is a discount of 23 % for 30 days.
    raw = 1 - ratio / ratio.rolling("30D").max()
    assert int((raw > 0.2).sum()) > 700
    ratio.iloc[1300:1303] = 0.8
    assert float(discounts_of(ratio).discount.max()) == pytest.approx(0.2)


def test_a_maximum_is_forgotten_after_thirty_days_unless_redemption_fixes_it() -> None:
    ratio = pd.Series(1.0, index=hours(100 * 24))
    ratio.iloc[20 * 24 :] = 0.95
    free, fixed = discounts_of(ratio), discounts_of(ratio, redeems_at=1.0)
    assert free.discount.iloc[40 * 24] == pytest.approx(0.05)
    assert free.discount.iloc[-1] == 0
    assert fixed.discount.iloc[-1] == pytest.approx(0.05)


def test_growth_is_no_discount() -> None:
    ratio = pd.Series(1.05 * np.exp(0.03 * np.arange(9000) / 8760), index=hours(9000))
    assert float(discounts_of(ratio).discount.max()) == 0


def test_only_steps_of_about_an_hour_count() -> None:
    prices = pd.Series(np.exp(0.01 * np.arange(10)), index=hours(10))
    assert hourly_changes(prices) == pytest.approx(np.full(9, 0.01))
    assert len(hourly_changes(prices.drop(prices.index[4]))) == 7
    between = pd.concat([prices, pd.Series([1.0], index=[prices.index[4] + pd.Timedelta("20min")])])
    assert len(hourly_changes(between.sort_index())) == 9  # 20 minutes out, 40 minutes in


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_half_life_of_a_known_process_is_recovered_in_spite_of_noise(noise: float) -> None:
    made = reverting(half=120, n=150_000, noise=noise)
    estimate = half_life(made)
    assert estimate == pytest.approx(120, rel=0.15)


def test_the_plain_regression_would_take_noise_for_reversion() -> None:
    made = reverting(half=120, n=150_000, noise=0.01)
    log = np.log1p(-made.discount.to_numpy())
    log = log - log.mean()
    share = float(log[1:] @ log[:-1] / (log[:-1] @ log[:-1]))
    assert np.log(0.5) / np.log(share) < 30


def test_a_discount_that_drifts_away_has_no_half_life() -> None:
    random = np.random.default_rng(1)
    drifting = pd.Series(0.01 + np.linspace(0, 0.2, 5000), index=hours(5000))
    noisy = drifting + 1e-4 * random.standard_normal(5000)
    # The mean of a ramp looks like one long swing: months, not hours.
    ramp = half_life(Discounts(1 - noisy, noisy))
    assert ramp is None or ramp > 24 * 30
    flat = pd.Series(0.0, index=hours(5000))
    assert half_life(Discounts(1 - flat, flat)) is None


def test_the_unit_root_test_agrees_with_statsmodels() -> None:
    for made in (reverting(half=24, n=24 * 400), reverting(half=1e9, n=24 * 400)):
        daily = np.log1p(-made.discount).resample("1D").median()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # statsmodels will return an object
            theirs = adfuller(daily.to_numpy(), regression="c", autolag="AIC")[1]
        assert stationary_p(made) == pytest.approx(theirs, abs=0.02)


def test_reversion_is_found_and_random_walks_are_rejected_as_often_as_the_level_says() -> None:
    found = [stationary_p(reverting(half=24, n=24 * 200, seed=k)) < 0.05 for k in range(10)]
    assert all(found)
    walks = [stationary_p(reverting(half=1e9, n=24 * 200, seed=k)) < 0.05 for k in range(30)]
    assert sum(walks) <= 6  # more has a chance of 0.03 %


def test_no_reversion_is_shown_by_a_few_days_or_by_a_flat_line() -> None:
    assert stationary_p(reverting(half=24, n=24 * 20)) == 1.0
    flat = pd.Series(0.0, index=hours(5000))
    assert stationary_p(Discounts(1 - flat, flat)) == 1.0


def test_growth_is_that_of_the_maximum_and_spikes_do_not_move_it() -> None:
    n = 2 * 365 * 24
    ratio = pd.Series(1.05 * 1.04 ** (np.arange(n) / 8760), index=hours(n))
    assert growth_per_year(ratio) == pytest.approx(0.04, rel=1e-3)
    ratio.iloc[9000:9002] *= 1.5
    ratio.iloc[4000:4500] *= 0.93
    assert growth_per_year(ratio) == pytest.approx(0.04, rel=0.01)
    assert growth_per_year(ratio.iloc[: 60 * 24]) is None
    assert growth_per_year(ratio.iloc[:0]) is None


def test_the_frozen_discount_looks_only_at_days_without_redemption() -> None:
    ratio = pd.Series(1.0, index=hours(100 * 24))
    ratio.iloc[10 * 24 : 11 * 24] = 0.96
    ratio.iloc[60 * 24 : 61 * 24] = 0.90
    measured = discounts_of(ratio)
    opened = Redemption(opened="2021-02-01", source="made")
    assert frozen_discount(measured, opened) == pytest.approx(0.04)
    assert frozen_discount(measured, Redemption(source="made")) == pytest.approx(0.10)
    assert frozen_discount(measured, Redemption(opened="2020-01-01", source="made")) is None
    assert frozen_discount(measured, None) is None


def test_the_steth_spike_of_june_2022_is_one_print(shared_data: Path) -> None:
    """2022-06-13 04:03: 1.208 for one hour, which a raw 30-day maximum keeps until July."""
    path = shared_data / "prices" / "STETH-ETH-1h-close.csv.gz"
    ratio = pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")["close"]
    raw = 1 - ratio / ratio.rolling("30D").max()
    assert float(raw.max()) == pytest.approx(0.23, abs=0.005)
    assert f"{raw.idxmax():%Y-%m-%d}" == "2022-06-18"
    print_of = ratio["2022-06-13"]
    assert float(print_of.max()) == pytest.approx(1.208, abs=0.001)
    assert int((print_of > 1).sum()) == 1
    assert float(smoothed(ratio)["2022-06-13"].max()) < 0.98
    # Published: 0.9306 to 0.9322 on 2022-06-18, single prints.
    june = discounts_of(ratio, redeems_at=1.0).discount["2022-06"]
    assert float(june.max()) == pytest.approx(0.066, abs=0.004)
    assert "2022-06-17" <= f"{june.idxmax():%Y-%m-%d}" <= "2022-06-20"
