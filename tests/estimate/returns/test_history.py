"""Falls that history shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.returns.history import (
    EVENT_HORIZONS,
    daily_fall,
    empirical_table,
    event_fall,
    running_falls,
    separate_starts,
)
from govkit.estimate.returns.hours import HourlyReturns
from tests.estimate.real import real_hours


def closes(values: list[float], start: str = "2024-01-01T01:00") -> pd.Series:
    index = pd.date_range(start, periods=len(values), freq="h", tz="UTC")
    return pd.Series(values, index=index, dtype=float)


def test_the_falls_of_a_hand_made_path() -> None:
    # 100 for ten hours, then 90, 95, 76, 80, 60, and 70 to the end of the second day.
    path = [100.0] * 10 + [90, 95, 76, 80, 60] + [70.0] * 33
    fall = event_fall("made", closes(path), "2024-01-01", "2024-01-02")
    assert fall is not None
    told = dict(zip(fall.horizons_hours, fall.falls, strict=True))
    assert tuple(told) == EVENT_HORIZONS
    assert told[1] == pytest.approx(1 - 60 / 80)
    assert told[2] == pytest.approx(1 - 60 / 80)  # 76 to 60 is 21 %; a shorter fall still counts
    assert told[3] == pytest.approx(1 - 60 / 95)
    assert told[4] == pytest.approx(1 - 60 / 95)  # 90 to 60 is less
    assert told[6] == told[12] == told[24] == told[48] == pytest.approx(0.4)
    # The close of 60 is that of the hour from 14:00 to 15:00.
    assert fall.on == "2024-01-01"


def test_only_the_window_counts_and_it_needs_a_day_of_hours() -> None:
    path = [100.0] * 24 + [50.0] * 24 + [10.0] * 24
    inside = event_fall("made", closes(path), "2024-01-01", "2024-01-02")
    assert inside is not None
    assert max(inside.falls) == pytest.approx(0.5)
    assert inside.on == "2024-01-02"
    assert event_fall("made", closes(path[:23]), "2024-01-01", "2024-01-02") is None
    rising = event_fall("made", closes(list(np.arange(1.0, 49.0))), "2024-01-01", "2024-01-02")
    assert rising is not None
    assert max(rising.falls) == 0.0


def test_a_daily_fall_runs_from_the_close_before_to_the_low() -> None:
    index = pd.date_range("2023-03-09", periods=4, freq="D", tz="UTC")
    candles = pd.DataFrame({"low": [0.999, 0.99, 0.88, 0.97], "close": [1, 0.998, 0.95, 0.99]},
                           index=index)  # fmt: skip
    fall = daily_fall("depeg", candles, "2023-03-10", "2023-03-12")
    assert fall is not None
    assert fall.falls == pytest.approx((1 - 0.88 / 0.998,))
    assert fall.on == "2023-03-11"
    assert daily_fall("depeg", candles, "2024-01-01", "2024-01-02") is None


def made_hours(returns: list[float], lows: list[float], at: list[int]) -> HourlyReturns:
    start = pd.Timestamp("2024-01-01T01:00", tz="UTC")
    times = pd.DatetimeIndex([start + pd.Timedelta(hours=h) for h in at])
    values = np.array(returns)
    return HourlyReturns("X", times, values, np.array(lows), np.exp(np.cumsum(values)), 0, ())


def test_running_falls_reach_the_lows_and_never_shrink_with_the_horizon() -> None:
    hours = made_hours([-0.1, 0.2, -0.3, 0.1], [-0.15, 0.0, -0.35, -0.02], [0, 1, 2, 3])
    starts = np.array([0, 1])
    one = running_falls(hours, starts, 1)
    assert one == pytest.approx([1 - np.exp(-0.15), 0.0])
    three = running_falls(hours, starts, 3)
    # From 0: -0.1 + 0.2 - 0.35 = -0.25 beats -0.15. From 1: 0.2 - 0.35 = -0.15.
    assert three == pytest.approx([1 - np.exp(-0.25), 1 - np.exp(-0.15)])


def test_a_window_that_meets_a_gap_or_the_end_is_unknown() -> None:
    hours = made_hours([-0.1] * 5, [-0.1] * 5, [0, 1, 2, 6, 7])
    falls = running_falls(hours, np.array([0, 1, 2, 3, 4]), 2)
    known = 1 - np.exp(-0.2)
    assert falls[[0, 1, 3]] == pytest.approx([known] * 3)
    assert np.isnan(falls[[2, 4]]).all()  # 2 meets the gap, 4 the end


def test_separate_starts_do_not_overlap_and_waste_nothing() -> None:
    trigger = np.zeros(100, dtype=bool)
    trigger[[3, 4, 8, 9, 10, 50, 99]] = True
    assert separate_starts(trigger, 6).tolist() == [3, 9, 50, 99]
    assert separate_starts(trigger, 1).tolist() == [3, 4, 8, 9, 10, 50, 99]
    assert separate_starts(np.zeros(5, dtype=bool), 6).tolist() == []


def test_the_empirical_table_holds_quantiles_of_the_windows() -> None:
    random = np.random.default_rng(0)
    returns = 0.01 * random.standard_normal(20_000)
    lows = np.minimum(returns, 0) - 0.002
    hours = made_hours(returns.tolist(), lows.tolist(), list(range(20_000)))
    table = empirical_table(hours, np.ones(20_001, dtype=bool))
    got = np.array(table.falls)
    assert (np.diff(got, axis=0) > 0).all()  # deeper over more hours
    assert (np.diff(got, axis=1) < 0).all()  # and for rarer probabilities
    # One hour: the fall is 1 - exp(min(r, 0) - 0.002) of a normal r.
    assert got[0][3] == pytest.approx(1 - np.exp(-0.01 * 1.6449 - 0.002), rel=0.03)


@pytest.mark.slow
def test_real_24_hour_falls_of_eth(shared_data: Path) -> None:
    """The data's own event table: 47.78 % to 2020-03-13 01:00 and 33.49 % to 2021-05-20 00:00."""
    hours = real_hours(shared_data, "ETH")
    series = pd.Series(hours.closes, index=hours.times)
    march = event_fall("2020", series, "2020-03-08", "2020-03-16")
    may = event_fall("2021", series, "2021-05-16", "2021-05-25")
    assert march is not None
    assert may is not None
    day = EVENT_HORIZONS.index(24)
    assert march.falls[day] == pytest.approx(0.4778, abs=1e-4)
    assert march.falls[0] == pytest.approx(0.2087, abs=1e-4)
    assert march.on == "2020-03-13"
    assert may.falls[day] == pytest.approx(0.3349, abs=1e-4)
    assert may.falls[0] == pytest.approx(0.1308, abs=1e-4)
    assert may.on == "2021-05-20"
