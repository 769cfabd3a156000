"""Hourly returns: gaps left out, prints of one venue taken back to the body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.returns.hours import hourly_returns, in_numeraire, trim_constant
from tests.estimate.real import real_candles, real_hours


def frame(rows: list[tuple[float, float, float]], hours: list[int]) -> pd.DataFrame:
    """Candles of (open, low, close) that open at the given hours of one day."""
    start = pd.Timestamp("2024-03-01", tz="UTC")
    index = pd.DatetimeIndex([start + pd.Timedelta(hours=h) for h in hours])
    table = pd.DataFrame(rows, columns=["open", "low", "close"], index=index, dtype=float)
    return table.assign(high=table[["open", "close"]].max(axis=1))


def test_a_low_under_three_quarters_of_the_body_becomes_the_lower_end_of_the_body() -> None:
    candles = frame([(100, 99, 100), (100, 60, 90), (90, 68, 88), (88, 80, 95)], [0, 1, 2, 3])
    hours = hourly_returns("X", candles)
    # 60 < 0.75 x 90: a wick. 68 >= 0.75 x 88 = 66: an ordinary crash low, kept.
    assert np.exp(hours.log_lows) == pytest.approx([90 / 100, 68 / 90, 80 / 88], rel=1e-12)
    assert hours.wicks == 1
    (finding,) = hours.findings
    assert finding.severity == "warning"
    assert finding.what.startswith("1 candle with a low")
    assert "2024-03-01" in finding.what


def test_a_low_at_exactly_three_quarters_is_kept() -> None:
    hours = hourly_returns("X", frame([(100, 99, 100), (100, 75, 100)], [0, 1]))
    assert hours.wicks == 0
    assert hours.log_lows[0] == pytest.approx(np.log(0.75), rel=1e-12)


def test_returns_across_a_gap_are_left_out_of_five_candles() -> None:
    rows = [(10, 10, 10), (10, 10, 11), (11, 11, 12), (20, 20, 20), (20, 19, 21)]
    hours = hourly_returns("X", frame(rows, [0, 1, 2, 5, 6]))
    assert np.exp(hours.log_returns) == pytest.approx([1.1, 12 / 11, 21 / 20], rel=1e-12)
    assert [t.hour for t in hours.times] == [2, 3, 7]  # close times
    assert hours.closes.tolist() == [11, 12, 21]
    (finding,) = hours.findings
    assert finding.severity == "note"
    assert "1 gap, 2 hours missing (28.6 %)" in finding.what
    assert "has 2 hours after 2024-03-01 02:00" in finding.what


def test_a_gap_of_more_than_a_day_is_a_warning() -> None:
    hours = hourly_returns("X", frame([(1, 1, 1)] * 3, [0, 1, 27]))
    assert [f.severity for f in hours.findings] == ["warning"]


def test_a_gap_of_two_days_in_a_year_is_a_note() -> None:
    hours = [h for h in range(8760) if not 4000 <= h < 4048]
    (finding,) = hourly_returns("X", frame([(1, 1, 1)] * len(hours), hours)).findings
    assert finding.severity == "note"
    assert "48 hours missing (0.5 %)" in finding.what


def test_the_low_is_never_above_the_close() -> None:
    # The candle opens above the last close and its low equals its close.
    hours = hourly_returns("X", frame([(10, 10, 10), (12, 11, 11), (11, 9, 10)], [0, 1, 2]))
    assert (hours.log_lows <= hours.log_returns).all()


def test_a_return_in_the_debt_asset_is_the_quotient_of_the_two_moves() -> None:
    """Only where both ends of the hour are known: the edge of a gap must not look like a jump."""
    hours = hourly_returns("X", frame([(100, 99, 100), (100, 90, 95), (95, 94, 96)], [0, 1, 2]))
    closes = pd.date_range("2024-03-01 01:00", periods=3, freq="h", tz="UTC")
    unit = pd.Series([1.0, 0.9, float("nan")], index=closes)
    measured = in_numeraire(hours, "USDC", unit.dropna())
    assert np.exp(measured.log_returns) == pytest.approx([0.95 / 0.9, 96 / 95], rel=1e-12)
    # The hour rose in the debt asset; its low cannot stand above its start.
    assert np.exp(measured.log_lows) == pytest.approx([min(0.9 / 0.9, 1.0), 94 / 95], rel=1e-12)
    assert measured.closes.tolist() == hours.closes.tolist()
    assert "1 of 2 hours are measured in USDC" in measured.findings[-1].what


def test_a_unit_that_never_moves_changes_nothing() -> None:
    hours = hourly_returns("X", frame([(100, 99, 100), (100, 90, 95), (95, 94, 96)], [0, 1, 2]))
    par = pd.Series(1.0, index=pd.date_range("2024-03-01", periods=9, freq="h", tz="UTC"))
    measured = in_numeraire(hours, "USDC", par)
    assert measured.log_returns.tolist() == hours.log_returns.tolist()
    assert measured.log_lows.tolist() == hours.log_lows.tolist()


def test_before_returns_exactly_what_the_earlier_candles_alone_give() -> None:
    random = np.random.default_rng(5)
    closes = 100 * np.exp(np.cumsum(0.01 * random.standard_normal(200)))
    rows = [(c, c * 0.99, c) for c in closes]
    kept = [h for h in range(210) if not 60 <= h < 70]
    whole = frame(rows, kept)
    moment = pd.Timestamp("2024-03-04T08:00", tz="UTC")
    part = hourly_returns("X", whole).before(moment)
    # A candle that opens at 07:00 closes at 08:00, the last moment that may be known.
    alone = hourly_returns("X", whole[whole.index < moment])
    assert part.times[-1] == moment
    pd.testing.assert_index_equal(part.times, alone.times)
    np.testing.assert_array_equal(part.log_returns, alone.log_returns)
    np.testing.assert_array_equal(part.log_lows, alone.log_lows)
    np.testing.assert_array_equal(part.closes, alone.closes)


def test_a_frozen_start_is_cut_but_its_last_price_is_kept() -> None:
    candles = frame([(5, 5, 5)] * 4 + [(5, 5, 6), (6, 6, 7)], list(range(6)))
    assert trim_constant(candles)["close"].tolist() == [5, 6, 7]
    assert trim_constant(frame([(5, 5, 5)] * 3, [0, 1, 2])).empty


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ticker", "dates"),
    [
        ("LINK", ("2020-03-12", "2025-10-10")),
        ("AAVE", ("2025-10-10",)),
        ("UNI", ("2025-10-10",)),
        ("CRV", ("2025-10-10",)),
        ("ETH", ()),
        ("BTC", ()),
    ],
)
def test_real_single_venue_prints_are_named_and_filtered(
    shared_data: Path, ticker: str, dates: tuple[str, ...]
) -> None:
    """The dates that the data's own notes list as prints of one order book, and no others."""
    hours = real_hours(shared_data, ticker)
    assert hours.wicks == len(dates)
    told = [f for f in hours.findings if "75 %" in f.what]
    assert len(told) == bool(dates)
    for date in dates:
        assert date in told[0].what
    # Unfiltered, the worst hours of 2025-10-10 would be falls of 57 to 75 %, LINK's 2020 one
    # of 100 %. The deepest that stays is CRV's 41 % of 2021-05-19, 20 % under its body.
    assert np.exp(hours.log_lows.min()) > 0.58


@pytest.mark.slow
def test_link_traded_at_a_hundredth_of_a_cent_and_that_is_not_a_fall(shared_data: Path) -> None:
    candles = real_candles(shared_data, "LINK")
    opened = pd.Timestamp("2020-03-12T10:00", tz="UTC")
    assert candles.loc[opened, "low"] == 0.0001
    hours = real_hours(shared_data, "LINK")
    at = int(hours.times.get_loc(opened + pd.Timedelta("1h")))
    body = min(candles.loc[opened, "open"], candles.loc[opened, "close"])
    before = candles.loc[opened - pd.Timedelta("1h"), "close"]
    assert np.exp(hours.log_lows[at]) == pytest.approx(body / before, rel=1e-12)


@pytest.mark.slow
def test_the_low_of_black_thursday_in_eth_is_kept(shared_data: Path) -> None:
    candles = real_candles(shared_data, "ETH")
    day = candles.loc["2020-03-12":"2020-03-13"]
    hours = real_hours(shared_data, "ETH")
    lowest = day["low"].idxmin()
    at = int(hours.times.get_loc(lowest + pd.Timedelta("1h")))
    before = candles.loc[lowest - pd.Timedelta("1h"), "close"]
    assert np.exp(hours.log_lows[at]) == pytest.approx(day["low"].min() / before, rel=1e-12)
