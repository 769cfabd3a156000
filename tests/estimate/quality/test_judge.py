"""Detectors of bad data: silent on good prices, loud on seeded mistakes; and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.quality.defects import (
    constant_prices,
    impossible_values,
    odd_closes,
    silent_hours,
    standing_still,
    unit_changes,
)
from govkit.estimate.quality.judge import (
    calm_only,
    judge_history,
    refusal,
    short_history,
    stale_end,
    verdict,
)
from govkit.estimate.quality.venues import (
    OtherTable,
    compare_table,
    newest_hour,
    one_venue,
    other_tables,
    paired_log_ratio,
    venue_switches,
)
from govkit.market.store import open_snapshot
from govkit.records.provenance import NotDone
from govkit.records.snapshot import Finding
from tests.estimate.real import real_candles
from tests.market import builders

START = pd.Timestamp("2024-03-01", tz="UTC")
WHERE = "TOY hourly"


def hourly(closes: np.ndarray, start: pd.Timestamp = START, **columns: object) -> pd.DataFrame:
    """Candles that open at the last close, one an hour."""
    index = pd.date_range(start, periods=len(closes), freq="h")
    opens = np.concatenate([closes[:1], closes[:-1]])
    low, high = np.minimum(opens, closes), np.maximum(opens, closes)
    table = {"open": opens, "high": high, "low": low, "close": closes, "volume": 100.0}
    return pd.DataFrame(table | {"source": "one"} | columns, index=index)


def walk(hours: int, seed: int = 1, sigma: float = 0.01) -> np.ndarray:
    """A random walk with t errors, as heavy-tailed as hourly prices."""
    steps = np.random.default_rng(seed).standard_t(4, hours) * sigma / np.sqrt(2)
    return 100 * np.exp(np.cumsum(steps))


def five_years() -> pd.DataFrame:
    """Five years with one crash of 30 % over twelve hours and nothing else to find."""
    closes = walk(5 * 8760, sigma=0.002)
    closes[20_000:] *= 0.7
    closes[20_000:20_012] *= np.linspace(1 / 0.7, 1, 13)[1:]
    return hourly(closes)


def end(candles: pd.DataFrame) -> pd.Timestamp:
    return candles.index[-1] + pd.Timedelta(hours=1)


def only(findings: tuple[Finding, ...], severity: str) -> str:
    (finding,) = findings
    assert finding.severity == severity, finding
    return finding.what


def severities(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.severity for finding in findings]


# --- the whole ------------------------------------------------------------------------------


def test_good_prices_yield_one_note() -> None:
    candles = five_years()
    found = judge_history("TOY", candles, as_of=end(candles))
    assert only(found, "note").startswith("all prices are of one venue (one)")
    assert verdict(found) == (
        True,
        "Supported: nothing was found in its data that asks for care.",
    )


def scale_a_stretch(candles: pd.DataFrame) -> pd.DataFrame:
    prices = ["open", "high", "low", "close"]
    candles.iloc[30_000:, :4] = candles.iloc[30_000:][prices] * 1000
    return candles


def make_negative(candles: pd.DataFrame) -> pd.DataFrame:
    candles.iloc[100, :4] = -5.0
    return candles


def one_missing(candles: pd.DataFrame) -> pd.DataFrame:
    candles.iloc[100, 3] = np.nan
    return candles


def stand_still(candles: pd.DataFrame) -> pd.DataFrame:
    return candles.assign(open=7.0, high=7.0, low=7.0, close=7.0)


def half_a_year(candles: pd.DataFrame) -> pd.DataFrame:
    return candles.iloc[:4380]


def two_years_old(candles: pd.DataFrame) -> pd.DataFrame:
    return candles.set_axis(candles.index - pd.Timedelta(days=730))


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (scale_a_stretch, "a factor of 1,0"),
        (make_negative, "1 candle with a price of zero or less, first at 2024-03-05 04:00"),
        (one_missing, "1 candle with a price that is missing or not finite"),
        (stand_still, "the price is 7 in all 43800 hours from 2024-03-01 to 2029-02-27"),
        (half_a_year, "only 4,379 hours of returns, 8,760 are needed (one year)"),
        (two_years_old, "prices end on 2027-02-28, 730 days before 2029-02-27"),
        (lambda c: c.iloc[::-1], "rows are out of order"),
        (lambda c: c.iloc[:0], "the table has no rows"),
    ],
)
def test_mistakes_that_forbid_a_threshold(
    mistake: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    good = five_years()
    as_of = pd.Timestamp("2029-02-27T12:00", tz="UTC")
    candles = mistake(good.copy())
    if mistake is half_a_year:
        as_of = end(candles)
    found = judge_history("TOY", candles, as_of=as_of)
    supported, sentence = verdict(found)
    assert not supported
    assert sentence.startswith("Not supported: ")
    assert words in sentence
    assert found[0].severity == "error"


# --- one table ------------------------------------------------------------------------------


def test_a_body_outside_high_and_low_is_impossible() -> None:
    candles = hourly(walk(50))
    assert impossible_values(WHERE, candles) == ()
    candles.iloc[7, 1] = candles.iloc[7, 3] * 0.99
    assert "open or close outside high and low" in only(impossible_values(WHERE, candles), "error")


@pytest.mark.parametrize("halted", [0, 5, 160])
@pytest.mark.parametrize("factor", [1000.0, 1 / 1000, 10.0, 1 / 4])
def test_a_step_that_stays_is_a_redenomination(factor: float, halted: int) -> None:
    closes = walk(400)
    closes[200:] *= factor
    candles = hourly(closes)
    candles = candles.drop(candles.index[200 : 200 + halted])
    words = only(unit_changes(WHERE, candles), "error")
    assert f"price steps {'higher' if factor > 1 else 'lower'} by a factor of" in words
    assert "from 2024-03-09 07:00" in words


def test_a_redenomination_in_the_last_candle_is_seen() -> None:
    closes = walk(400)
    closes[-1] /= 1000
    assert severities(unit_changes(WHERE, hourly(closes))) == ["error"]


def test_a_crash_is_not_a_redenomination() -> None:
    # One fall of 70 % among others of 30 to 50 %, as of a token that dies.
    closes = walk(400)
    closes[200:] *= 0.3
    for hour, fall in ((197, 0.3), (199, 0.4), (201, 0.5), (204, 0.4)):
        closes[hour:] *= 1 - fall
    assert unit_changes(WHERE, hourly(closes)) == ()


def test_a_fall_of_half_in_an_hour_is_a_return() -> None:
    closes = walk(400)
    closes[200:] *= 0.5
    assert unit_changes(WHERE, hourly(closes)) == ()


def test_rows_in_two_units_are_told_as_such() -> None:
    closes = walk(400)
    for first in (100, 130, 220):
        closes[first : first + 5] *= 1e6
    words = only(unit_changes(WHERE, hourly(closes)), "error")
    assert "6 times by a factor of about" in words
    assert "up and down, first at 2024-03-05 04:00; rows in two units" in words


def test_across_a_long_gap_only_a_factor_of_ten_is_told() -> None:
    closes = walk(4000)
    closes[2480:] *= 4
    candles = hourly(closes).drop(
        pd.date_range(START + pd.Timedelta("20D"), periods=2000, freq="h")
    )
    assert unit_changes(WHERE, candles) == ()
    candles.iloc[480:, :4] *= 5
    words = only(unit_changes(WHERE, candles), "warning")
    assert words.startswith("across the gap from 2024-03-20 to 2024-06-12 the price changes by")


@pytest.mark.parametrize(
    ("factor", "severity"), [(0.6, "warning"), (1.5, "warning"), (1e-4, "error")]
)
def test_a_close_off_both_neighbours(factor: float, severity: str) -> None:
    closes = walk(400)
    closes[200] *= factor
    words = only(odd_closes(WHERE, hourly(closes)), severity)
    assert words.startswith("1 close off the hours on both sides")
    assert "at 2024-03-09 08:00" in words


def test_a_fall_that_stays_and_a_small_print_are_no_odd_closes() -> None:
    closes = walk(400)
    closes[200:] *= 0.6
    closes[300] *= 0.85
    assert odd_closes(WHERE, hourly(closes)) == ()


def test_a_day_without_a_move() -> None:
    closes = walk(400)
    closes[200:224] = closes[199]
    words = only(standing_still(WHERE, hourly(closes)), "warning")
    assert words.startswith("the close did not change for 24 hours from 2024-03-09 07:00")
    closes[223] *= 1.001
    assert standing_still(WHERE, hourly(closes)) == ()


def test_a_price_at_rest_in_most_hours_is_no_price() -> None:
    closes = np.repeat(walk(200), 3)
    words = only(standing_still(WHERE, hourly(closes)), "error")
    assert "did not move in 67 % of the hours" in words
    assert standing_still(WHERE, hourly(np.repeat(walk(200), 2)[:-1])) == ()  # one half


def test_hours_without_volume() -> None:
    volume = np.full(1000, 5.0)
    volume[:10] = 0
    assert silent_hours(WHERE, hourly(walk(1000), volume=volume)) == ()
    volume[500:520] = 0
    words = only(silent_hours(WHERE, hourly(walk(1000), volume=volume)), "warning")
    assert words.startswith("no volume in 30 of 1,000 hours (3.0 %)")
    assert "20 hours from 2024-03-21 20:00" in words
    assert silent_hours(WHERE, hourly(walk(1000), volume=np.full(1000, np.nan))) == ()


def test_a_frozen_start_is_left_out_and_told() -> None:
    candles = five_years()
    prices = ["open", "high", "low", "close"]
    candles.loc[candles.index[:300], prices] = candles["open"].iloc[300]
    found = judge_history("TOY", candles, as_of=end(candles))
    assert severities(found) == ["note", "note"]
    assert "299 hours before 2024-03-13 left out" in found[0].what


def test_one_move_is_not_a_constant() -> None:
    closes = np.full(100, 5.0)
    assert severities(constant_prices(WHERE, hourly(closes))) == ["error"]
    closes[60] = 5.1
    assert constant_prices(WHERE, hourly(closes)) == ()


# --- length, calm, age ----------------------------------------------------------------------


def test_chance_that_a_crash_is_absent() -> None:
    """Two years miss a crash of one in four years with exp(-1/2) = 61 %."""
    words = only(short_history(WHERE, 2 * 8760), "warning")
    assert "only 2.0 years" in words
    assert "with a probability of 61 %" in words
    assert short_history(WHERE, 4 * 8760) == ()
    assert severities(short_history(WHERE, 8760)) == ["warning"]
    assert severities(short_history(WHERE, 8759)) == ["error"]


def test_a_short_history_carried_by_others_asks_for_care() -> None:
    words = only(short_history(WHERE, 3000, ("AAVE", "UNI")), "warning")
    assert "the history of AAVE, UNI carries the model" in words


def test_calm_is_told_with_the_largest_fall() -> None:
    closes = np.full(24 * 60, 100.0)
    closes[700:] = 85.0
    words = only(calm_only(WHERE, hourly(closes)), "warning")
    assert "the largest fall within 24 hours is 15.0 % (2024-03-30)" in words
    closes[710:] = 79.0
    assert calm_only(WHERE, hourly(closes)) == ()
    slow = 100 * 0.995 ** np.arange(24 * 60)  # 11 % a day, far down, never a crash
    assert severities(calm_only(WHERE, hourly(slow))) == ["warning"]


@pytest.mark.parametrize(
    ("days", "expected"), [(7, []), (8, ["note"]), (31, ["warning"]), (366, ["error"])]
)
def test_age_of_the_last_price(days: int, expected: list[str]) -> None:
    last = pd.Timestamp("2024-05-01T00:00", tz="UTC")  # closes the 30th of April
    as_of = pd.Timestamp("2024-04-30T15:00", tz="UTC") + pd.Timedelta(days=days)
    found = stale_end(WHERE, last, as_of)
    assert severities(found) == expected
    if found:
        assert f"prices end on 2024-04-30, {days} days before" in found[0].what


def test_a_pegged_asset_may_rest() -> None:
    closes = np.full(5 * 8760, 1.0)
    closes[::100] = 1.0001
    candles = hourly(closes)
    assert severities(judge_history("USDX", candles, as_of=end(candles), pegged=True)) == ["note"]
    assert "error" in severities(judge_history("USDX", candles, as_of=end(candles)))


# --- venues ---------------------------------------------------------------------------------


def other(candles: pd.DataFrame, noise: float, seed: int = 3) -> OtherTable:
    """Daily candles of another venue that agree up to some noise."""
    days = candles["close"].to_numpy()[23::24]
    days = days * np.exp(noise * np.random.default_rng(seed).standard_normal(len(days)))
    return OtherTable("venue B", hourly(days).set_axis(candles.index[:-23:24]), "1d")


def test_candles_of_other_lengths_are_paired_at_their_close() -> None:
    candles = hourly(walk(24 * 100))
    ratio = paired_log_ratio(candles, other(candles, 0.0))
    assert len(ratio) == 100
    assert ratio.abs().max() < 1e-12
    seen = candles["close"].set_axis(candles.index + pd.Timedelta("1h") + pd.Timedelta("9min"))
    late = OtherTable("aggregator", seen.to_frame(), "irregular")
    assert paired_log_ratio(candles, late).abs().max() < 1e-12
    too_late = OtherTable("aggregator", seen.shift(freq="20min").to_frame(), "irregular")
    assert len(paired_log_ratio(candles, too_late)) == 0


def test_venues_that_agree_are_silent_and_confirm_each_other() -> None:
    candles = hourly(walk(24 * 100))
    assert compare_table(WHERE, candles, other(candles, 0.005)) == ()
    assert severities(one_venue(WHERE, candles, ())) == ["note"]
    second = other(candles, 0.005)
    second = OtherTable(second.name, second.frame.assign(source="two"), "1d")
    assert one_venue(WHERE, candles, (second,)) == ()
    # Rows of another time confirm nothing.
    apart = OtherTable("later", second.frame.set_axis(second.frame.index.shift(400, "D")), "1d")
    assert severities(one_venue(WHERE, candles, (apart,))) == ["note"]


def test_a_single_wrong_day_is_a_warning_with_its_date() -> None:
    candles = hourly(walk(24 * 100))
    table = other(candles, 0.002)
    table.frame.iloc[40, 3] *= 1.18
    words = only(compare_table(WHERE, candles, table), "warning")
    assert "at worst by 18." in words
    assert "on 2024-04-11" in words  # the close at midnight after the 10th of April


def test_a_lasting_disagreement_forbids() -> None:
    candles = hourly(walk(24 * 100))
    table = other(candles, 0.002)
    table.frame["close"] *= 1.03
    assert "by 2.99 % in the median" in only(compare_table(WHERE, candles, table), "error")


def test_another_unit_and_another_coin() -> None:
    candles = hourly(walk(24 * 100))
    table = other(candles, 0.002)
    table.frame.iloc[30:60, 3] *= 100
    words = only(compare_table(WHERE, candles, table), "error")
    assert "by a factor of 100" in words
    assert "from 2024-04-01 to 2024-04-30; one of the two is another unit" in words
    table.frame["close"] = walk(100, seed=9, sigma=0.1) * 1e-6
    words = only(compare_table(WHERE, candles, table), "error")
    assert words.endswith("another coin of that ticker")


def test_too_few_common_times_say_nothing() -> None:
    candles = hourly(walk(24 * 15))
    table = other(candles, 0.0)
    table.frame["close"] *= 100
    assert compare_table(WHERE, candles, table) == ()


def test_a_change_of_venue_shows_its_step() -> None:
    candles = hourly(walk(100))
    candles.loc[candles.index[50:], "source"] = "two"
    words = only(venue_switches(WHERE, candles), "note")
    assert "one 2024-03-01 to 2024-03-03 (50 hours), two 2024-03-03 to 2024-03-05" in words
    assert "the largest step where they change is 0.0 % at 2024-03-03 02:00" in words
    candles.iloc[50:, :4] *= 1.05
    assert "5.0 %" in only(venue_switches(WHERE, candles), "warning")
    gap = candles.drop(candles.index[50:60])
    assert "no hour shows both" in only(venue_switches(WHERE, gap), "note")


def test_other_tables_of_a_snapshot(tmp_path: Path) -> None:
    from govkit.market.intake import import_files
    from govkit.market.tables import Request

    files = [
        builders.candles(tmp_path / "in", "TOY-1h.csv", 48),
        builders.candles(tmp_path / "in", "TOY-1d.csv", 30, step="1D"),
        builders.candles(tmp_path / "in", "TIN-1d.csv", 30, step="1D"),
    ]
    for file in files:
        request = Request(asset=file.name[:3], quote="USDT", source=f"venue {file.name}")
        import_files([file], tmp_path / "snap", request)
    snapshot = open_snapshot(tmp_path / "snap")
    (used,) = snapshot.entries(asset="TOY", interval="1h")
    (found,) = other_tables(snapshot, used, pd.Timestamp("2024-03-11", tz="UTC"))
    assert (found.name, found.interval, len(found.frame)) == ("venue TOY-1d.csv", "1d", 10)
    # 48 hours from the first of March; the daily tables, which reach further, do not count.
    assert newest_hour(snapshot, None) == pd.Timestamp("2024-03-03", tz="UTC")
    assert newest_hour(snapshot, pd.Timestamp("2024-03-02", tz="UTC")).day == 2


# --- the verdict ----------------------------------------------------------------------------


def found(severity: str, what: str) -> Finding:
    return Finding.model_validate({"severity": severity, "where": WHERE, "what": what})


def test_the_verdict_names_what_counts() -> None:
    care = (found("note", "n"), found("warning", "a; more"), found("warning", "b."))
    assert verdict(care) == (True, "Supported, with care: a; b.")
    third = (*care, found("warning", "c"), found("warning", "c"))
    assert verdict(third) == (True, "Supported, with care: a; b; and 1 more.")
    step = NotDone(what="pair", reason="no hourly series of WBTC.")
    assert verdict((), (step,)) == (
        True,
        "Supported, with care: pair not done (no hourly series of WBTC).",
    )
    blocked = NotDone(what="liquidity", reason="no quotes")
    assert verdict(care, (step, blocked)) == (
        False,
        "Not supported: liquidity not done (no quotes).",
    )
    bad = (*care, found("error", "bad; because"))
    assert verdict(bad) == (False, "Not supported: bad.")
    refused = refusal(bad)
    assert refused == NotDone(what="returns", reason="bad")
    assert verdict(bad, (refused,)) == (False, "Not supported: bad.")  # told once
    assert refusal(care) is None


# --- real data ------------------------------------------------------------------------------

NEWEST = pd.Timestamp("2026-02-20T07:00", tz="UTC")


@pytest.mark.parametrize(
    ("ticker", "warnings"),
    [
        ("BTC", []),
        ("ETH", []),
        ("LINK", ["2 candles with a low under 75 % of the body (2020-03-12, 2025-10-10)"]),
        ("AAVE", ["1 candle with a low under 75 % of the body (2025-10-10)"]),
        ("UNI", ["1 candle with a low under 75 % of the body (2025-10-10)"]),
        (
            "CRV",
            [
                "prices end on 2025-10-22, 121 days before 2026-02-20",
                "12 gaps, 4,870 hours missing (11.4 %)",
                "1 candle with a low under 75 % of the body (2025-10-10)",
            ],
        ),
        (
            "COMP",
            [
                "only 3.5 years of hourly returns",
                "prices end on 2025-06-18, 247 days before 2026-02-20",
                "10 gaps, 8,830 hours missing (22.2 %)",
            ],
        ),
        (
            "WBTC",
            [
                "calm times only, the largest fall within 24 hours is 11.5 % (2025-03-04)",
                "only 1.1 years of hourly returns",
                "prices end on 2025-06-18, 247 days before 2026-02-20",
                "1 gap, 8,811 hours missing (47.0 %)",
            ],
        ),
    ],
)
def test_real_series_and_what_is_known_of_them(
    shared_data: Path, ticker: str, warnings: list[str]
) -> None:
    """The gaps, prints and ends that the data's own notes list, and nothing else."""
    findings = judge_history(ticker, real_candles(shared_data, ticker), as_of=NEWEST)
    assert [f.what.split("; ")[0] for f in findings if f.severity == "warning"] == warnings
    assert "error" not in severities(findings)
    assert verdict(findings)[0]


def test_real_change_of_venue_in_crv(shared_data: Path) -> None:
    words = only(venue_switches(WHERE, real_candles(shared_data, "CRV")), "note")
    assert "binance 2020-12-01 to 2025-06-18 (37,018 hours)" in words
    assert "bybit 2025-09-11 to 2025-10-22 (999 hours)" in words


def real_other(folder: Path, name: str, interval: str) -> OtherTable:
    path = folder / "prices" / f"{name}.csv.gz"
    frame = pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")
    return OtherTable(name, frame, interval)


def test_real_venues_agree_but_for_one_aggregator_error(shared_data: Path) -> None:
    """Yahoo and Binance agree on WBTC; CoinGecko's WETH was 27 % off for an hour once."""
    yahoo = real_other(shared_data, "WBTC-1d", "1d")
    assert compare_table(WHERE, real_candles(shared_data, "WBTC"), yahoo) == ()
    eth = real_candles(shared_data, "ETH")
    words = only(compare_table(WHERE, eth, real_other(shared_data, "WETH-1h-close", "")), "warning")
    assert "by 0.15 % in the median" in words
    assert "at worst by 26.5 % on 2022-06-13" in words


def test_real_coin_under_a_wrong_ticker(shared_data: Path) -> None:
    uni = real_candles(shared_data, "UNI")
    words = only(compare_table(WHERE, uni, real_other(shared_data, "LINK-1d", "1d")), "error")
    assert words.endswith("one of the two is another coin of that ticker")


def test_the_fall_of_ust_is_a_crash_not_a_redenomination(shared_data: Path) -> None:
    closes = real_other(shared_data, "UST-1h-close", "").frame["close"].resample("1h").last()
    candles = hourly(closes.dropna().to_numpy()).set_axis(closes.dropna().index)
    assert candles["close"].min() < 0.1 * candles["close"].max()
    assert unit_changes(WHERE, candles) == ()
