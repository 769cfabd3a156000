"""Liquidity curves from quotes and from the volume law."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.liquidity.curves import (
    curve_from_quotes,
    curve_from_volume,
    curves_of,
    marginal_of,
    median_daily_volume,
)
from govkit.records.liquidity import LiquidityCurve
from govkit.records.provenance import NotDone, Window
from govkit.records.snapshot import SnapshotFile

WINDOW = Window(
    source="closed form", first="2024-01-01", last="2024-01-02", observations=0, input_digests=()
)


def pool_quotes(reserve: float, noise: float, seed: int, per_bin: int = 30) -> pd.DataFrame:
    """Quotes of a constant-product pool: selling q slips q / (reserve + q) on average."""
    random = np.random.default_rng(seed)
    sizes = np.exp(random.uniform(np.log(1e4), np.log(1e8), 20 * per_bin))
    slippage = sizes / (reserve + sizes) + noise * random.standard_normal(len(sizes))
    return pd.DataFrame({"size_usd": sizes, "slippage": slippage})


def fitted(quotes: pd.DataFrame) -> LiquidityCurve:
    curve = curve_from_quotes(quotes, "TOY", "USDC", WINDOW)
    assert isinstance(curve, LiquidityCurve), curve
    return curve


def refused(quotes: pd.DataFrame) -> str:
    result = curve_from_quotes(quotes, "TOY", "USDC", WINDOW)
    assert isinstance(result, NotDone)
    assert result.what == "depth of TOY into USDC"
    return result.reason


def test_a_constant_product_pool_is_recovered() -> None:
    curve = fitted(pool_quotes(1e7, 0.0, 1))
    assert (curve.asset_in, curve.asset_out) == ("TOY", "USDC")
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
    curve = fitted(quotes)
    assert (np.diff(curve.sizes_usd) > 0).all()
    assert (np.diff(curve.slippage) >= 0).all()
    assert min(curve.slippage) >= 0
    # Half the 10 to 90 % range of normal noise is 1.28 standard deviations.
    assert np.median(curve.error[:10]) == pytest.approx(0.0128, rel=0.25)


def test_quotes_under_ten_thousand_dollars_are_noise() -> None:
    quotes = pool_quotes(1e7, 0.0, 3)
    small = pd.DataFrame({"size_usd": np.full(500, 9_999.0), "slippage": np.full(500, 0.5)})
    assert fitted(pd.concat([small, quotes])) == fitted(quotes)


def test_too_few_quotes_give_no_curve() -> None:
    sizes = np.repeat([2e4, 2e5, 2e6, 2e7], [3, 3, 3, 2])
    few = pd.DataFrame({"size_usd": sizes, "slippage": sizes / 1e9})
    assert "too few quotes: 3 sizes" in refused(few)
    fitted(pd.concat([few, few.tail(1)]))
    assert "too few quotes: 0 sizes" in refused(few.iloc[:0])
    unknown = pd.concat([few, few.tail(1).assign(slippage=np.nan)])
    assert "too few quotes: 3 sizes" in refused(unknown)


def test_the_volume_law_is_a_square_root_with_coefficient_four() -> None:
    curve = curve_from_volume("TOY", "USDC", 1e8, 0.05, WINDOW)
    assert (curve.asset_in, curve.asset_out) == ("TOY", "USDC")
    assert curve.method == "volume law"
    assert curve.coefficient == 4.0
    sizes, slippage = np.array(curve.sizes_usd), np.array(curve.slippage)
    np.testing.assert_allclose(slippage, 4 * 0.05 * np.sqrt(sizes / 1e8), rtol=1e-12)
    at_volume = np.interp(np.log(1e8), np.log(sizes), slippage)
    assert at_volume == pytest.approx(0.2, rel=0.01)  # the whole day's volume: 4 x 5 %
    assert slippage.max() < 0.95
    # d(q sqrt(q)) / dq is 1.5 sqrt(q); the sizes end before the last unit would lose 95 %.
    np.testing.assert_allclose(curve.marginal, 1.5 * slippage, rtol=1e-12)
    thin = curve_from_volume("TOY", "USDC", 1e7, 0.05, WINDOW)
    assert 0.7 < max(thin.marginal) < 0.95


def test_the_median_day_counts_days_that_traded_since_the_date() -> None:
    index = pd.date_range("2024-01-01", periods=24 * 60, freq="h", tz="UTC")
    volume = np.where(index.day % 2 == 0, 3.0, 1.0) * (index.month == 1) + 2.0 * (index.month == 2)
    candles = pd.DataFrame({"volume": volume, "close": 10.0}, index=index)
    february = pd.Timestamp("2024-02-01", tz="UTC")
    assert median_daily_volume(candles, february) is None  # 29 days
    assert median_daily_volume(candles, index[0]) == 24 * 2.0 * 10
    assert median_daily_volume(candles.assign(volume=np.nan), index[0]) is None


def test_marginal_of_a_constant_product() -> None:
    # Closed form 1 - (x / (x + q))^2, oracle H3.r at q = x / 20: 1 - 0.90702947845805.
    reserve = 1e7
    sizes = np.geomspace(1e4, 1e8, 21)
    marginal = marginal_of(sizes, sizes / (reserve + sizes))
    exact = 1 - (reserve / (reserve + sizes)) ** 2
    np.testing.assert_allclose(marginal, exact, rtol=0.02)
    at = np.interp(np.log(5e5), np.log(sizes), marginal)
    assert at == pytest.approx(1 - 0.9070294784580498, rel=0.03)
    small = sizes < reserve / 100
    np.testing.assert_allclose(marginal[small] / (sizes / (reserve + sizes))[small], 2, rtol=0.01)


@pytest.mark.parametrize("power", [0.5, 0.77, 1.0])
def test_marginal_of_a_power_law(power: float) -> None:
    # s = a q^k costs (1 + k) s on the last unit.
    sizes = np.geomspace(1e4, 1e8, 21)
    slippage = 0.1 * (sizes / 1e8) ** power
    marginal = marginal_of(sizes, slippage)
    np.testing.assert_allclose(marginal, (1 + power) * slippage, rtol=0.05)


def test_marginal_of_noise_rises_and_stays_above_the_average() -> None:
    curve = fitted(pool_quotes(5e8, 0.01, 2))
    average, marginal = np.array(curve.slippage), np.array(curve.marginal)
    assert (marginal >= average).all()
    assert (np.diff(marginal) >= 0).all()
    assert marginal.max() <= 1
    # A plateau of the averages must not show as a marginal equal to a jump elsewhere.
    exact = 1 - (5e8 / (5e8 + np.array(curve.sizes_usd))) ** 2
    np.testing.assert_allclose(marginal[-5:], exact[-5:], rtol=0.25)


def test_liquidity_that_ends_loses_the_whole_last_unit() -> None:
    # $1M can be sold at no loss, nothing beyond: s = 1 - 1M / q, so the last unit loses all.
    sizes = np.array([2.5e5, 5e5, 1e6, 2e6, 4e6, 8e6])
    marginal = marginal_of(sizes, np.maximum(0.0, 1 - 1e6 / sizes))
    assert marginal[:2].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(marginal[3:], 1.0, rtol=1e-12)


def test_zero_depth_has_a_reason() -> None:
    sizes = np.repeat(np.geomspace(2e4, 2e7, 16), 4)
    nothing = pd.DataFrame({"size_usd": sizes, "slippage": 0.99})
    assert refused(nothing).startswith("zero depth: every quoted size loses at least 99 %")
    assert "$20,000" in refused(nothing)
    # One size with liquidity is enough for a curve.
    nothing.loc[nothing["size_usd"] < 4e4, "slippage"] = 0.01
    assert fitted(nothing).slippage[0] == 0.01


def reversed_ladder(quotes: pd.DataFrame) -> pd.DataFrame:
    """Give the largest size the smallest slippage and so on."""
    ordered = quotes.sort_values("size_usd")
    return ordered.assign(slippage=np.sort(ordered["slippage"].to_numpy())[::-1])


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_quotes_that_fall_with_size_are_refused(noise: float) -> None:
    reason = refused(reversed_ladder(pool_quotes(5e8, noise, 4)))
    assert reason.startswith("quotes fall with size: the median slippage is")
    assert "a larger sale cannot cost less" in reason


def test_a_ladder_whose_last_size_costs_nothing_is_refused() -> None:
    # What a source that answers 0 past the end of its liquidity looks like.
    quotes = pool_quotes(1e9, 0.002, 5)
    quotes.loc[quotes["size_usd"] > 10**7.8, "slippage"] = 0.0
    reason = refused(quotes)
    assert "and 0 % at $" in reason


def test_scatter_of_flat_quotes_is_no_fall() -> None:
    # The least favourable truth: no slope at all, 1 % of noise, few quotes per size.
    for per_bin, most in ((3, 6), (10, 1)):
        fired = 0
        for seed in range(200):
            random = np.random.default_rng(seed)
            sizes = np.repeat(10 ** (4.1 + 0.2 * np.arange(20)), per_bin)
            slippage = 0.05 + 0.01 * random.standard_normal(len(sizes))
            quotes = pd.DataFrame({"size_usd": sizes, "slippage": slippage})
            fired += isinstance(curve_from_quotes(quotes, "TOY", "USDC", WINDOW), NotDone)
        assert fired <= most, per_bin


def table_of(quotes: pd.DataFrame) -> SnapshotFile:
    return SnapshotFile(
        path="quotes/toy.csv.gz", kind="quotes", asset="*", quote="USD", interval="irregular",
        rows=len(quotes), first="", last="", sha256="sha256:" + "0" * 64, source="closed form",
        licence="", original="toy.csv", original_sha256="",
    )  # fmt: skip


def pairs(*names: tuple[str, str]) -> pd.DataFrame:
    parts = [
        pool_quotes(1e8, 0.0, k, per_bin=5).assign(
            asset_in=one,
            asset_out=two,
            timestamp=pd.Timestamp(f"2024-01-{1 + k:02d}", tz="UTC"),
        )
        for k, (one, two) in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)


def test_curves_by_pair_start_with_the_preferred_one() -> None:
    quotes = pairs(("TOY", "DAI"), ("TOY", "WETH"), ("TOY", "USDC"), ("USDC", "USDT"))
    curves = list(curves_of(quotes, table_of(quotes), "TOY", ("USDC", "USDT", "WETH")))
    assert [c.asset_out for c in curves if isinstance(c, LiquidityCurve)] == ["USDC", "WETH", "DAI"]
    # Each pair has its own date and count.
    assert isinstance(curves[0], LiquidityCurve)
    assert curves[0].as_of == "2024-01-03"
    assert curves[0].window.observations == 100
    # USDC is not sold for itself, and an asset without quotes has no curve and no complaint.
    (only,) = curves_of(quotes, table_of(quotes), "USDC")
    assert isinstance(only, LiquidityCurve)
    assert only.asset_out == "USDT"
    assert list(curves_of(quotes, table_of(quotes), "CRV")) == []


def test_a_bad_pair_does_not_hide_the_others() -> None:
    quotes = pairs(("TOY", "USDC"), ("TOY", "USDT"))
    first = quotes["asset_out"] == "USDC"
    quotes = pd.concat([reversed_ladder(quotes[first]), quotes[~first]])
    bad, good = curves_of(quotes, table_of(quotes), "TOY")
    assert isinstance(bad, NotDone)
    assert isinstance(good, LiquidityCurve)
    assert good.asset_out == "USDT"


def real_quotes(folder: Path) -> pd.DataFrame:
    path = folder / "depth" / "quotes-1inch-2023-11-20.csv.gz"
    return pd.read_csv(path, parse_dates=["timestamp"])


def test_every_real_pair_makes_a_curve_and_none_does_reversed(shared_data: Path) -> None:
    quotes = real_quotes(shared_data)
    made = 0
    for asset in ("WETH", "WBTC", "WSTETH", "USDC", "USDT"):
        for curve in curves_of(quotes, table_of(quotes), asset):
            assert isinstance(curve, LiquidityCurve), curve
            if curve.asset_out not in ("USDC", "USDT", "WETH"):
                continue
            made += 1
            assert curve.as_of == "2023-11-20"
            pair = quotes[
                (quotes["asset_in"] == asset)
                & (quotes["asset_out"] == curve.asset_out)
                & (quotes["size_usd"] >= 1e4)
            ]
            if curve.slippage[-1] > 0.005:  # USDT into USDC costs 0.07 % at most: all noise
                refused(reversed_ladder(pair))
    assert made == 12


def test_real_weth_against_the_published_bins(shared_data: Path) -> None:
    # data/SOURCES.md: the binned table says 5 % at about 108 M (WETH), 40 M (WBTC), 95 M (WSTETH).
    quotes = real_quotes(shared_data)
    for asset, size in (("WETH", 108e6), ("WBTC", 40e6), ("WSTETH", 95e6)):
        first = next(curves_of(quotes, table_of(quotes), asset))
        assert isinstance(first, LiquidityCurve)
        assert first.asset_out == "USDC"
        at = float(np.interp(0.05, first.slippage, first.sizes_usd))
        assert at == pytest.approx(size, rel=0.06)
        # About twice the average, as method.md 5 says of a constant product.
        ratio = np.interp(3e7, first.sizes_usd, first.marginal) / np.interp(
            3e7, first.sizes_usd, first.slippage
        )
        assert 1.7 < ratio < 2.4
