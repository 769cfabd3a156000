"""Candles and closes: rows of text to tables with asset, quote, interval and findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from govkit.errors import InputError
from govkit.market.columns import candle_columns, positive
from govkit.market.files import KLINE_COLUMNS, RawFile
from govkit.market.names import (
    INTERVALS,
    candle_quote,
    check_ticker,
    from_file_name,
    same_asset,
    split_pair,
)
from govkit.market.normalise import in_order, venues, without_duplicates, without_unfinished
from govkit.market.tables import Request, Table, provenance
from govkit.market.times import gap_finding, on_grid, read_times, spacing
from govkit.records.snapshot import Finding, Interval

TIME_NAMES = ("timestamp", "time", "date", "datetime", "open_time", "unix")
PRICES = {"open", "high", "low", "close"}
CANDLE_INPUT = {"timestamp", "volume", "source", "asset"} | PRICES | set(KLINE_COLUMNS)
CLOSE_INPUT = {"timestamp", "close", "asset"}
RENAMED = {
    "symbol": "asset",
    "pair": "asset",
    "ticker": "asset",
    "price": "close",
    "quote_asset_volume": "quote_volume",
    "number_of_trades": "trades",
    "count": "trades",
    "taker_buy_volume": "taker_buy_base",
    "taker_buy_base_volume": "taker_buy_base",
    "taker_buy_base_asset_volume": "taker_buy_base",
    "taker_buy_quote_volume": "taker_buy_quote",
    "taker_buy_quote_asset_volume": "taker_buy_quote",
}


def renaming(columns: list[str]) -> dict[str, str]:
    """Return the standard name of each column; the first time column becomes ``timestamp``."""
    time = next((c for c in TIME_NAMES if c in columns), "")
    names = {column: RENAMED.get(column, column) for column in columns}
    return names | ({time: "timestamp"} if time else {})


def price_tables(raw: RawFile, request: Request) -> Iterator[Table]:
    """Yield one table, or one per asset for the long form.

    Raises
    ------
    InputError
        When the asset is not known, a row is for another asset, the interval is wrong, or a
        value must not enter a snapshot.
    """
    cells = raw.cells.rename(columns=renaming(list(raw.cells.columns)))
    if not cells.columns.is_unique:
        raise InputError("two columns mean the same thing", where=f"{raw.name}:1")
    named, named_quote, interval = from_file_name(raw.stem)
    if "asset" not in cells.columns:
        asset, quote = request.asset or named, request.quote or named_quote
        if not asset:
            raise InputError(
                "the asset is not known", where=raw.name, todo="Give --asset, such as --asset ETH."
            )
        yield _price_table(raw, cells, request, asset, quote, interval)
        return
    if request.asset:
        _refuse_other_asset(cells["asset"], request.asset, raw.name)
    labels = sorted(set(cells["asset"]))
    for label in labels:
        asset, quote = split_pair(str(label))
        if same_asset(str(label), named):
            quote = quote or named_quote
        part = cells[cells["asset"] == label]
        asset, quote = request.asset or asset, request.quote or quote
        table = _price_table(raw, part, request, asset, quote, interval)
        if named and len(labels) == 1 and not same_asset(str(label), named):
            what = f"the file name says {named}, its rows say '{label}'; the rows were believed"
            told = Finding(severity="warning", where=raw.name, what=what)
            table = replace(table, findings=(told, *table.findings))
        yield table


def _refuse_other_asset(cells: pd.Series, asset: str, name: str) -> None:
    for line, label in cells.items():
        if not same_asset(str(label), asset):
            raise InputError(
                f"the row is for '{label}', not for {asset}",
                where=f"{name}:{line}",
                todo=f"Give the right --asset, or a file of {asset} alone.",
            )


def _price_table(
    raw: RawFile, cells: pd.DataFrame, request: Request, asset: str, quote: str, named: str
) -> Table:
    candles = set(cells.columns) >= PRICES
    if candles:
        frame, noise = candle_columns(cells, raw.name)
    else:
        frame = pd.DataFrame({"close": positive(cells["close"], raw.name)}, index=cells.index)
        noise = ()
    times, mixed = read_times(cells["timestamp"], raw.name)
    frame.insert(0, "timestamp", times)
    frame, order = in_order(frame, raw.name)
    frame, copies = without_duplicates(frame, raw.name)
    stated = request.interval or named
    sorted_times = pd.DatetimeIndex(frame["timestamp"])
    interval, spaced = _interval(sorted_times, stated, raw.name, candles=candles)
    mixed_venues: tuple[Finding, ...] = ()
    unfinished: tuple[Finding, ...] = ()
    if candles:
        words = f"{request.source} {raw.name}"
        quote = quote or candle_quote(frame["source"], words)
        retrieved = request.retrieved or pd.Timestamp(raw.modified, unit="s", tz="UTC")
        frame, unfinished = without_unfinished(
            frame, interval, retrieved, raw.name, stated=request.retrieved is not None
        )
        mixed_venues = venues(frame, raw.name)
    table = frame.set_index("timestamp")
    gaps = gap_finding(pd.DatetimeIndex(table.index), interval, raw.name)
    return Table(
        kind="candles" if candles else "closes",
        asset=check_ticker(asset, "--asset"),
        quote=check_ticker(quote or "USD", "--quote"),
        interval=interval,
        frame=table,
        findings=(*noise, *mixed, *order, *copies, *spaced, *unfinished, *mixed_venues, *gaps),
        **provenance(raw, request),
    )


def _interval(
    times: pd.DatetimeIndex, stated: str, name: str, *, candles: bool
) -> tuple[Interval, tuple[Finding, ...]]:
    middle = spacing(times)
    if middle is None and stated not in INTERVALS:
        raise InputError("one row has no spacing", where=name, todo="Give --interval.")
    step = str(middle).removeprefix("0 days ")
    seconds = INTERVALS[stated] if middle is None else middle.total_seconds()
    found = next((key for key, length in INTERVALS.items() if length == seconds), "")
    wrong = InputError(
        f"the interval is said to be {stated}, but the median spacing is {step}",
        where=name,
        todo="Give the right --interval.",
    )
    if candles:
        if not found:
            raise InputError(
                f"candles every {step} cannot be stored",
                where=name,
                todo=f"Give candles of {', '.join(INTERVALS)}.",
            )
        if stated not in ("", found):
            raise wrong
        if on_grid(times, found):
            return _known(found), ()
        what = f"candles do not open on whole {found} steps of UTC"
        return _known(found), (Finding(severity="warning", where=name, what=what),)
    if stated in INTERVALS and not 0.5 <= seconds / INTERVALS[stated] <= 2:
        raise wrong
    grid = stated if stated in INTERVALS else found
    if stated != "irregular" and grid and on_grid(times, grid):
        return _known(grid), ()
    what = f"times are not on a grid; the median spacing is {step}"
    return "irregular", (Finding(severity="note", where=name, what=what),)


def _known(text: str) -> Interval:
    for interval in ("5m", "15m", "1h", "1d"):
        if interval == text:
            return interval
    raise InputError(f"unknown interval '{text}'", todo=f"Known: {', '.join(INTERVALS)}.")
