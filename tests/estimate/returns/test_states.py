"""Volatility states, lows within the hour, jumps and the worst five minutes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm

from govkit.estimate.returns.hours import HourlyReturns
from govkit.estimate.returns.states import (
    dense_top,
    episodes_per_year,
    jump_posterior,
    shadow_table,
    state_mix,
    state_quantiles,
    trigger_mask,
    worst_five_minutes,
)


def test_state_quantiles_are_those_of_a_lognormal_up_to_its_far_tail() -> None:
    random = np.random.default_rng(8)
    sample = np.exp(-5 + 0.5 * random.standard_normal(400_000))
    table = state_quantiles(sample)
    grid = dense_top(65)
    assert grid[0] == 0
    assert grid[-1] == 1
    assert grid[-2] == pytest.approx(1 - (1 / 64) ** 3)
    inner = grid[1:-3]  # up to 1 - 5e-5, about 20 observations above: 3 % noise at most
    np.testing.assert_allclose(table[1:-3], np.exp(-5 + 0.5 * norm.ppf(inner)), rtol=0.05)
    assert table[-1] == sample.max()
    # Read back between its points, the table gives the 99.9 % quantile that equal steps miss.
    at = np.interp(1 - 0.001 ** (1 / 3), np.linspace(0, 1, 65), table)
    exact = np.exp(-5 + 0.5 * norm.ppf(0.999))
    assert at == pytest.approx(exact, rel=0.02)
    equal = np.interp(0.999, np.linspace(0, 1, 65), np.quantile(sample, np.linspace(0, 1, 65)))
    assert equal > 1.3 * exact


def test_the_trigger_state_is_the_top_decile() -> None:
    sigma = np.random.default_rng(1).permutation(np.arange(1.0, 1002.0))
    mask = trigger_mask(sigma)
    assert mask.sum() == 101
    assert sigma[mask].min() == 901.0


def test_an_asset_without_jumps_still_has_a_chance_of_one() -> None:
    calm = np.full(5000, 0.001)
    jumpy = np.array([-0.15, -0.12, 0.3, -0.0999, 0.0])
    posterior = jump_posterior(calm, [calm, jumpy])
    assert posterior.count == 0
    assert posterior.intensity_per_hour == 0.5 / 5000
    # Gamma(1/2): half a chi-squared variable with one degree of freedom.
    assert posterior.intensity_high == pytest.approx(chi2.ppf(0.95, 1) / 2 / 5000)
    assert 0 < posterior.intensity_low == pytest.approx(chi2.ppf(0.05, 1) / 2 / 5000)
    assert posterior.pooled_jumps == 2
    assert posterior.excess_mean == pytest.approx((0.05 + 0.02) / 2)
    own = jump_posterior(jumpy, [jumpy])
    assert own.count == 2
    assert own.intensity_per_hour == 2.5 / 5


def test_without_any_jump_on_record_the_excess_is_still_positive() -> None:
    calm = np.zeros(100)
    assert jump_posterior(calm, [calm]).excess_mean > 0


def test_episodes_by_hand() -> None:
    mask = np.zeros(2 * 365 * 24, dtype=bool)
    mask[[10, 11, 30]] = True  # pauses under 24 hours: one episode
    mask[30 + 24] = True  # a pause of 23 calm hours: still the same
    mask[54 + 25] = True  # 24 calm hours: a new one
    mask[5000:5100] = True
    assert episodes_per_year(mask) == pytest.approx(3 / 2)


def test_stressed_windows_weigh_a_quarter_of_the_mix_and_nothing_in_the_trigger_states() -> None:
    """Two levels of volatility: 2 % of the hours are stressed, and only they are high."""
    times = pd.date_range("2020-01-01", periods=24 * 500, freq="h", tz="UTC")
    sigma = np.full(len(times), 0.01)
    inside = (times > pd.Timestamp("2020-03-01", tz="UTC")) & (
        times <= pd.Timestamp("2020-03-11", tz="UTC")
    )
    sigma[inside] = 0.05
    mix = state_mix(times, sigma, [("2020-03-01", "2020-03-10")])
    assert mix.stressed_share == pytest.approx(inside.mean()) == 0.02
    assert mix.stressed_weight == 0.25
    high = np.interp(0.76, dense_top(65), mix.mixed), np.interp(0.70, dense_top(65), mix.mixed)
    assert high == (pytest.approx(0.05), pytest.approx(0.01, rel=0.2))
    # The trigger states are the top decile as it was, 2 % of the hours high.
    assert mix.trigger == tuple(state_quantiles(sigma[trigger_mask(sigma)]))
    without = state_mix(times, sigma, [])
    assert (without.stressed_share, without.stressed_weight) == (0.0, 0.0)
    assert without.trigger == mix.trigger
    assert np.interp(0.76, dense_top(65), without.mixed) == pytest.approx(0.01)


def test_a_history_that_is_mostly_stressed_keeps_its_own_share() -> None:
    times = pd.date_range("2022-05-01", periods=240, freq="h", tz="UTC")
    sigma = np.linspace(0.01, 0.02, 240)
    mix = state_mix(times, sigma, [("2022-05-01", "2022-05-05")])
    assert mix.stressed_weight == mix.stressed_share == pytest.approx(0.5, abs=0.01)
    assert mix.mixed == tuple(state_quantiles(sigma))


def test_weights_shift_the_quantiles_of_a_uniform_sample() -> None:
    """Weight w on values above 1/2: the p-quantile is 1 - (1 - p) / (2 w) there."""
    sample = (np.arange(200_000) + 0.5) / 200_000
    weights = np.where(sample > 0.5, 0.8, 0.2)
    table = state_quantiles(sample, weights)
    for p in (0.3, 0.6, 0.9):
        told = np.interp(p, dense_top(65), table)
        assert told == pytest.approx(1 - (1 - p) / 1.6, abs=0.01)


def five_minutes(closes: list[float], start: str = "2025-10-10T21:00") -> pd.DataFrame:
    index = pd.date_range(start, periods=len(closes), freq="5min", tz="UTC")
    closes_array = np.array(closes, dtype=float)
    opens = np.concatenate([[100.0], closes_array[:-1]])
    return pd.DataFrame({"open": opens, "close": closes_array}, index=index)


def test_the_worst_five_minutes_of_a_known_hour() -> None:
    # A log fall of 0.10 in all, 0.06 of it in the third candle, then a recovery that plays no part.
    levels = [-0.01, -0.02, -0.08, -0.09, -0.10, -0.05, -0.09, -0.02, -0.01, 0, 0, 0]
    frame = five_minutes((100 * np.exp(levels)).tolist())
    quantiles, count = worst_five_minutes([frame])
    assert count == 1
    np.testing.assert_allclose(quantiles, np.full(33, 0.6), rtol=1e-9)


def test_calm_and_incomplete_hours_are_not_counted() -> None:
    crash = (100 * np.exp(np.linspace(-0.01, -0.12, 12))).tolist()
    calm = (100 * np.exp(np.linspace(-0.001, -0.012, 12))).tolist()
    _, count = worst_five_minutes([five_minutes(crash[:11]), five_minutes(calm)])
    assert count == 0
    quantiles, count = worst_five_minutes([five_minutes(crash), five_minutes(calm)])
    assert count == 1
    np.testing.assert_allclose(quantiles, np.full(33, 1 / 12), rtol=1e-9)


def test_without_five_minute_candles_the_whole_fall_is_one_step() -> None:
    for frames in ([], [five_minutes([100.0] * 12)]):
        quantiles, count = worst_five_minutes(frames)
        assert count == 0
        assert quantiles.tolist() == [1.0] * 33


def made_hours(seed: int, n: int) -> tuple[HourlyReturns, np.ndarray, np.ndarray]:
    """Hours whose lows lie a known number of sigmas below, deeper for worse residuals."""
    random = np.random.default_rng(seed)
    sigma = np.exp(-5 + 0.3 * random.standard_normal(n))
    residual = random.standard_normal(n)
    depth = random.exponential(np.where(residual < 0, 0.3, 0.6))
    returns = sigma * residual
    lows = np.minimum(returns, 0) - sigma * depth
    times = pd.date_range("2020-01-01", periods=n, freq="h", tz="UTC")
    hours = HourlyReturns("X", times, returns, lows, np.ones(n), 7, ())
    return hours, sigma, depth


def test_the_shadow_table_reproduces_the_mean_depth_of_lows() -> None:
    hours, sigma, depth = made_hours(2, 120_000)
    table = shadow_table(hours, sigma)
    assert len(table.quantiles) == len(table.residual_edges) + 1 == 12
    assert table.wicks_filtered == 7
    # The mean of a table read at uniform numbers: integrate between its points.
    u = (np.arange(20_000) + 0.5) / 20_000
    place = (1 - (1 - u) ** (1 / 3)) * 32
    residual = hours.log_returns / sigma
    bins = np.searchsorted(table.residual_edges, residual)
    for b, row in enumerate(table.quantiles):
        told = np.interp(place, np.arange(33), row).mean()
        assert told == pytest.approx(depth[bins == b].mean(), rel=0.02)
    lowest = np.interp(place, np.arange(33), table.quantiles[2]).mean()
    highest = np.interp(place, np.arange(33), table.quantiles[-1]).mean()
    assert highest == pytest.approx(2 * lowest, rel=0.15)


def test_hours_without_any_move_do_not_stop_the_table() -> None:
    """A thinly traded asset does not move in 30 % of its hours; several bin edges are then 0."""
    hours, sigma, _ = made_hours(5, 20_000)
    idle = np.arange(20_000) % 10 < 3
    returns = np.where(idle, 0.0, hours.log_returns)
    lows = np.minimum(returns, 0) - 0.25 * sigma
    still = HourlyReturns("X", hours.times, returns, lows, hours.closes, 0, ())
    table = shadow_table(still, sigma)
    assert table.residual_edges.count(0.0) >= 2
    # Every bin that a residual can fall into tells the one depth there is.
    for b in set(np.searchsorted(table.residual_edges, returns / sigma)):
        np.testing.assert_allclose(table.quantiles[b], 0.25, rtol=1e-9)
    assert np.isfinite(np.array(table.quantiles)).all()
