"""Liquidity curves from quotes and from the volume law."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.liquidity import curve_from_quotes, curve_from_volume, median_daily_volume
from govkit.records.model import Window

WINDOW = Window(
    source="closed form", first="2024-01-01", last="2024-01-02", observations=0, input_digests=()
)


def pool_quotes(reserve: float, noise: float, seed: int, per_bin: int = 30) -> pd.DataFrame:
    """Quotes of a constant-product pool: selling q slips q / (reserve + q) on average."""
    random = np.random.default_rng(seed)
    sizes = np.exp(random.uniform(np.log(1e4), np.log(1e8), 20 * per_bin))
    slippage = sizes / (reserve + sizes) + noise * random.standard_normal(len(sizes))
    return pd.DataFrame({"size_usd": sizes, "slippage": slippage})


def test_a_constant_product_pool_is_recovered() -> None:
    curve = curve_from_quotes(pool_quotes(1e7, 0.0, 1), WINDOW)
    assert curve is not None
    assert curve.method == "quotes"
    assert curve.as_of == "2024-01-02"
    sizes, slippage = np.array(curve.sizes_usd), np.array(curve.slippage)
    # Medians of size and of slippage are the same quote, up to the curve's bend inside a bin.
    np.testing.assert_allclose(slippage, sizes / (1e7 + sizes), rtol=0.02)
    # Oracle H3 at the same proportions: 50 into 1,000 slips 4.7619 %.
    at = np.interp(np.log(5e5), np.log(sizes), slippage)
    assert at == pytest.approx(0.047619047619, rel=0.03)


def test_noisy_quotes_come_out_non_decreasing_and_within_zero_and_one() -> None:
    quotes = pool_quotes(5e8, 0.01, 2)
    medians = quotes.groupby(np.floor(np.log10(quotes["size_usd"]) * 5))["slippage"].median()
    assert (np.diff(medians) < 0).any()  # the raw medians do fall somewhere
    assert medians.min() < 0
    curve = curve_from_quotes(quotes, WINDOW)
    assert curve is not None
    assert (np.diff(curve.sizes_usd) > 0).all()
    assert (np.diff(curve.slippage) >= 0).all()
    assert min(curve.slippage) >= 0
    # Half the 10 to 90 % range of normal noise is 1.28 standard deviations.
    assert np.median(curve.error[:10]) == pytest.approx(0.0128, rel=0.25)


def test_quotes_under_ten_thousand_dollars_are_noise() -> None:
    quotes = pool_quotes(1e7, 0.0, 3)
    small = pd.DataFrame({"size_usd": np.full(500, 9_999.0), "slippage": np.full(500, 0.5)})
    with_small = curve_from_quotes(pd.concat([small, quotes]), WINDOW)
    assert with_small == curve_from_quotes(quotes, WINDOW)


def test_too_few_quotes_give_no_curve() -> None:
    sizes = np.repeat([2e4, 2e5, 2e6, 2e7], [3, 3, 3, 2])
    few = pd.DataFrame({"size_usd": sizes, "slippage": sizes / 1e9})
    assert curve_from_quotes(few, WINDOW) is None
    enough = pd.concat([few, few.tail(1)])
    assert curve_from_quotes(enough, WINDOW) is not None
    assert curve_from_quotes(few.iloc[:0], WINDOW) is None


def test_the_volume_law_is_a_square_root_with_coefficient_four() -> None:
    curve = curve_from_volume(1e8, 0.05, WINDOW)
    assert curve.method == "volume law"
    assert curve.coefficient == 4.0
    sizes, slippage = np.array(curve.sizes_usd), np.array(curve.slippage)
    np.testing.assert_allclose(slippage, 4 * 0.05 * np.sqrt(sizes / 1e8), rtol=1e-12)
    at_volume = np.interp(np.log(1e8), np.log(sizes), slippage)
    assert at_volume == pytest.approx(0.2, rel=0.01)  # the whole day's volume: 4 x 5 %
    assert slippage.max() < 0.95


def test_the_median_day_counts_days_that_traded_since_the_date() -> None:
    index = pd.date_range("2024-01-01", periods=24 * 60, freq="h", tz="UTC")
    volume = np.where(index.day % 2 == 0, 3.0, 1.0) * (index.month == 1) + 2.0 * (index.month == 2)
    candles = pd.DataFrame({"volume": volume, "close": 10.0}, index=index)
    february = pd.Timestamp("2024-02-01", tz="UTC")
    assert median_daily_volume(candles, february) is None  # 29 days
    assert median_daily_volume(candles, index[0]) == 24 * 2.0 * 10
    assert median_daily_volume(candles.assign(volume=np.nan), index[0]) is None
