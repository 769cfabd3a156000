"""Wrappers and staking tokens against their underlying."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.ratio import fit_ratio, paired_ratio
from govkit.records.model import Window

WINDOW = Window(source="made", first="2023-01-01", last="2024-01-01", observations=0,
                input_digests=())  # fmt: skip


def staking_ratio(seed: int = 0) -> pd.Series:
    """A ratio that earns 3 % a year, with small independent pricing noise."""
    index = pd.date_range("2023-01-01", periods=365 * 24, freq="h", tz="UTC")
    noise = 1e-4 * np.random.default_rng(seed).standard_t(4, len(index))
    return pd.Series(1.05 * np.exp(0.03 * np.arange(len(index)) / 8760 + noise), index=index)


def test_a_depeg_is_measured_against_the_maximum_and_not_against_one() -> None:
    ratio = staking_ratio()
    ratio["2023-09-10 00:00":"2023-09-10 23:00"] *= 0.93
    assert ratio.min() > 0.99  # against 1, hardly a discount
    model = fit_ratio("ETH", ratio, WINDOW)
    assert model is not None
    assert model.worst_discount == pytest.approx(0.07, abs=0.002)
    assert model.worst_discount_on == "2023-09-10"


def test_growth_alone_is_no_discount() -> None:
    model = fit_ratio("ETH", staking_ratio(), WINDOW)
    assert model is not None
    assert model.worst_discount < 0.002
    assert np.median(model.quantiles) == pytest.approx(0.03 / 8760, abs=1e-5)


def test_one_or_two_odd_observations_are_timing_noise() -> None:
    ratio = staking_ratio()
    ratio.iloc[4000] *= 0.9
    ratio.iloc[5000:5002] *= 0.9
    model = fit_ratio("ETH", ratio, WINDOW)
    assert model is not None
    assert model.worst_discount < 0.002
    ratio.iloc[6000:6003] *= 0.9
    lasting = fit_ratio("ETH", ratio, WINDOW)
    assert lasting is not None
    assert lasting.worst_discount == pytest.approx(0.1, abs=0.002)


def test_unsynchronised_observations_make_no_discount() -> None:
    """The wrapper is seen 25 minutes after a crash of 20 % that the underlying has seen."""
    index = pd.date_range("2023-01-01", periods=100, freq="h", tz="UTC")
    underlying = pd.Series(np.where(np.arange(100) < 50, 100.0, 80.0), index=index)
    late = pd.Series(underlying.to_numpy() * 1.1, index=index - pd.Timedelta("25min"))
    late.iloc[50] = 110.0  # seen before the crash
    close = late.copy()
    close.index = index + pd.Timedelta("9min")
    assert paired_ratio(late, underlying).empty
    paired = paired_ratio(close.drop(close.index[50]), underlying)
    np.testing.assert_allclose(paired, 1.1, rtol=1e-12)
    assert len(paired) == 99


def test_only_changes_over_about_an_hour_count_as_hourly() -> None:
    ratio = staking_ratio()
    gappy = ratio.drop(ratio.index[3000:3100])
    model, cut = fit_ratio("ETH", ratio, WINDOW), fit_ratio("ETH", gappy, WINDOW)
    assert model is not None
    assert cut is not None
    assert model.window.observations == len(ratio) - 1
    assert cut.window.observations == len(gappy) - 2


def test_too_short_a_ratio_is_refused() -> None:
    assert fit_ratio("ETH", staking_ratio()[:2000], WINDOW) is None
    assert fit_ratio("ETH", staking_ratio()[:2001], WINDOW) is not None


@pytest.mark.slow
def test_steth_fell_furthest_below_eth_in_june_2022(shared_data: Path) -> None:
    """Published: 0.9306 to 0.9322 on 2022-06-18."""
    path = shared_data / "prices" / "STETH-ETH-1h-close.csv.gz"
    ratio = pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")["close"]
    model = fit_ratio("ETH", ratio, WINDOW)
    assert model is not None
    assert "2022-06-18" <= model.worst_discount_on <= "2022-06-20"
    assert 0.06 < model.worst_discount < 0.11
