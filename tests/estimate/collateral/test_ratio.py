"""Wrappers and staking tokens against their underlying."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.data import Redemption, load_assets
from govkit.estimate.collateral.ratio import fit_ratio, paired_ratio, pooled_ratio
from govkit.records.collateral import RatioModel
from govkit.records.provenance import NotDone, Window

WINDOW = Window(source="made", first="2023-01-01", last="2024-01-01", observations=0,
                input_digests=())  # fmt: skip


def staking_ratio(seed: int = 0, noise: float = 1e-4) -> pd.Series:
    """A ratio that earns 3 % a year, with small independent pricing noise."""
    index = pd.date_range("2023-01-01", periods=365 * 24, freq="h", tz="UTC")
    made = noise * np.random.default_rng(seed).standard_t(4, len(index))
    return pd.Series(1.05 * np.exp(0.03 * np.arange(len(index)) / 8760 + made), index=index)


def fitted(ratio: pd.Series, **options: object) -> RatioModel:
    model = fit_ratio("ETH", "staking", ratio, WINDOW, **options)  # type: ignore[arg-type]
    assert isinstance(model, RatioModel), model
    return model


def refused(ratio: pd.Series) -> str:
    model = fit_ratio("ETH", "staking", ratio, WINDOW)
    assert isinstance(model, NotDone)
    assert model.what == "ratio"
    return model.reason


def test_a_depeg_is_measured_against_the_maximum_and_not_against_one() -> None:
    ratio = staking_ratio()
    ratio["2023-09-10 00:00":"2023-09-10 23:00"] *= 0.93
    assert ratio.min() > 0.99  # against 1, hardly a discount
    model = fitted(ratio)
    assert model.worst_discount == pytest.approx(0.07, abs=0.002)
    assert model.worst_discount_on == "2023-09-10"
    assert model.discounts[-1] == model.worst_discount
    assert model.discounts[32] < 0.001
    assert list(model.discounts) == sorted(model.discounts)


def test_growth_alone_is_no_discount_but_the_reward() -> None:
    model = fitted(staking_ratio())
    assert model.worst_discount < 0.002
    assert np.median(model.quantiles) == pytest.approx(0.03 / 8760, abs=1e-5)
    assert model.growth_per_year == pytest.approx(np.expm1(0.03), abs=5e-4)


def test_a_wrapper_has_no_reward_and_a_level_stands_in_for_a_rebasing_token() -> None:
    flat = staking_ratio() / (1.05 * np.exp(0.03 * np.arange(8760) / 8760))
    wrapper = fit_ratio("BTC", "wrapped", flat, WINDOW, redeems_at=1.0)
    assert isinstance(wrapper, RatioModel)
    assert wrapper.growth_per_year is None
    daily = pd.Series(
        1.04 ** (np.arange(400) / 365), index=pd.date_range("2022-01-01", periods=400, tz="UTC")
    )
    assert fitted(flat).growth_per_year == pytest.approx(0, abs=2e-4)
    assert fitted(flat, level=daily).growth_per_year == pytest.approx(0.04, rel=0.01)


def test_frozen_redemption_keeps_its_own_worst() -> None:
    ratio = staking_ratio()
    ratio["2023-02-10 00:00":"2023-02-10 23:00"] *= 0.95
    ratio["2023-09-10 00:00":"2023-09-10 23:00"] *= 0.93
    model = fitted(ratio, redemption=Redemption(opened="2023-05-15", source="made"))
    assert model.frozen_worst_discount == pytest.approx(0.05, abs=0.002)
    assert model.worst_discount == pytest.approx(0.07, abs=0.002)
    assert fitted(ratio).frozen_worst_discount is None


def test_one_or_two_odd_observations_are_timing_noise() -> None:
    ratio = staking_ratio()
    ratio.iloc[4000] *= 0.9
    ratio.iloc[5000:5002] *= 0.9
    assert fitted(ratio).worst_discount < 0.002
    ratio.iloc[6000:6003] *= 0.9
    assert fitted(ratio).worst_discount == pytest.approx(0.1, abs=0.002)


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
    assert fitted(ratio).window.observations == len(ratio) - 1
    assert fitted(gappy).window.observations == len(gappy) - 2


def test_too_short_a_ratio_is_refused() -> None:
    assert refused(staking_ratio()[:2000]).startswith("1999 hourly changes of the ratio, 2000")
    fitted(staking_ratio()[:2001])


def test_an_exchange_rate_is_no_market_price() -> None:
    """Seeded mistake: the rate is read hourly but changes once a day."""
    index = pd.date_range("2023-01-01", periods=365 * 24, freq="h", tz="UTC")
    rate = pd.Series(1.05 * np.exp(0.03 * (np.arange(len(index)) // 24) / 365), index=index)
    assert "moves in 4% of the hours only" in refused(rate)
    assert "hardly moves" in refused(rate * np.exp(1e-9 * np.arange(len(index))))


def test_a_pooled_ratio_takes_the_hours_of_others_and_its_own_growth() -> None:
    donors = {
        "A": (staking_ratio(1), None, Redemption(opened="2023-05-15", source="made")),
        "B": (staking_ratio(2), None, None),
    }
    own = staking_ratio(3) ** 2
    own = own.where(own.index.hour == 0).ffill()
    own["2023-03-03 00:00":"2023-03-04 23:00"] *= 0.9
    closed = Redemption(opened="2023-04-12", source="made")
    model = pooled_ratio("ETH", donors, WINDOW, own=(own, closed))
    assert isinstance(model, RatioModel)
    assert model.pooled_over == ("A", "B")
    assert model.window.observations == 2 * 8759
    assert model.growth_per_year == pytest.approx(np.expm1(0.06), abs=2e-3)
    assert model.worst_discount == pytest.approx(0.1, abs=0.003)
    assert model.frozen_worst_discount == pytest.approx(0.1, abs=0.003)
    alone = pooled_ratio("ETH", donors, WINDOW)
    assert isinstance(alone, RatioModel)
    assert alone.worst_discount < 0.003
    assert alone.lower_tail == model.lower_tail


def test_donors_that_are_no_market_do_not_carry_a_pool() -> None:
    rate = staking_ratio()
    rate = rate.where(rate.index.hour == 0).ffill()
    good = {"A": (staking_ratio(1), None, None)}
    mixed = pooled_ratio("ETH", good | {"C": (rate, None, None)}, WINDOW)
    assert isinstance(mixed, RatioModel)
    assert mixed.pooled_over == ("A",)
    none = pooled_ratio("ETH", {"C": (rate, None, None)}, WINDOW)
    assert isinstance(none, NotDone)
    assert none.reason == "no comparable staking token has a market price"


def real_ratio(folder: Path, ticker: str) -> pd.Series:
    path = folder / "prices" / f"{ticker}-ETH-1h-close.csv.gz"
    return pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")["close"]


def test_real_staking_ratios(shared_data: Path) -> None:
    """stETH is a market; Compound's feeds of cbETH, rETH and weETH are readings of an oracle."""
    entry = load_assets()["wstETH"]
    steth = real_ratio(shared_data, "STETH")
    model = fitted(steth, redemption=entry.redemption, redeems_at=entry.redeems_at)
    # Redemption opened on 2023-05-15, after the last observation.
    assert model.frozen_worst_discount == model.worst_discount
    assert 0.06 < model.worst_discount < 0.075
    assert model.half_life_hours is not None
    assert 24 < model.half_life_hours < 24 * 30
    assert model.stationary_p < 0.05
    for ticker, share in (("CBETH", "4%"), ("RETH", "4%"), ("WEETH", "13%")):
        assert f"moves in {share} of the hours only" in refused(real_ratio(shared_data, ticker))
    assert "hardly moves" in refused(real_ratio(shared_data, "EZETH"))
    donors = {"STETH": (steth, entry.redeems_at, entry.redemption)}
    pooled = pooled_ratio(
        "ETH", donors, WINDOW,
        own=(real_ratio(shared_data, "CBETH"), load_assets()["cbETH"].redemption),
    )  # fmt: skip
    assert isinstance(pooled, RatioModel)
    assert pooled.lower_tail == model.lower_tail
    assert pooled.growth_per_year == pytest.approx(0.033, abs=0.003)
