"""Recognise what a file holds by its columns, and turn it into tables for a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from govkit.errors import InputError
from govkit.market.books import ACCOUNT_INPUT, QUOTE_COLUMNS, read_accounts, read_quotes
from govkit.market.files import RawFile, read_file
from govkit.market.names import check_ticker
from govkit.market.pools import POOL_COLUMNS, read_pools
from govkit.market.prices import CANDLE_INPUT, CLOSE_INPUT, PRICES, price_tables, renaming
from govkit.market.tables import Request, Table, provenance
from govkit.records.snapshot import Finding, Kind


def read_tables(path: Path, request: Request) -> tuple[Table, ...]:
    """Read a file into one or more tables.

    Parameters
    ----------
    path:
        A .csv, .csv.gz, .json or .json.gz file.
    request:
        Asset, quote, interval and provenance as stated; what is empty is taken from the
        columns, then from the file name.

    Returns
    -------
    tuple of Table
        One table, or one per asset for the long form with an ``asset`` column.

    Raises
    ------
    InputError
        For a file that cannot be read, columns that are not recognised, or a value that must
        not enter a snapshot; with the file and row.
    """
    raw = read_file(path)
    kind = recognise(list(raw.cells.columns), raw.name)
    readers: dict[Kind, Callable[[RawFile, Request], Iterator[Table]]] = {
        "candles": price_tables,
        "closes": price_tables,
        "quotes": _quote_table,
        "pools": _pool_table,
        "accounts": _account_table,
    }
    tables = tuple(readers[kind](raw, request))
    if not raw.blank:
        return tables
    what = f"{raw.blank} empty row{'s' if raw.blank > 1 else ''} left out"
    blank = Finding(severity="note", where=raw.name, what=what)
    return tuple(replace(table, findings=(blank, *table.findings)) for table in tables)


def recognise(columns: list[str], name: str) -> Kind:
    """Return the kind of table these columns make.

    Raises
    ------
    InputError
        Listing the columns and the accepted shapes.
    """
    raw = set(columns)
    if set(QUOTE_COLUMNS) <= raw:
        return "quotes"
    if set(POOL_COLUMNS) <= raw:
        return "pools"
    if raw <= ACCOUNT_INPUT and any(c.startswith("debt_") for c in raw) and "asset" not in raw:
        return "accounts"
    known = set(renaming(columns).values())
    if "timestamp" in known and PRICES <= known <= CANDLE_INPUT:
        return "candles"
    if {"timestamp", "close"} <= known <= CLOSE_INPUT:
        return "closes"
    raise InputError(
        f"columns not recognised: {', '.join(columns)}",
        where=f"{name}:1",
        todo=(
            "Accepted: timestamp,open,high,low,close,volume[,source][,asset]; timestamp,close; "
            f"{','.join(QUOTE_COLUMNS)}; {','.join(POOL_COLUMNS)}; "
            "accounts with collateral and debt."
        ),
    )


def _quote_table(raw: RawFile, request: Request) -> Iterator[Table]:
    frame, findings = read_quotes(raw.cells, raw.name)
    yield Table(
        kind="quotes",
        asset="*",
        quote="USD",
        interval="irregular",
        frame=frame,
        findings=findings,
        **provenance(raw, request),
    )


def _pool_table(raw: RawFile, request: Request) -> Iterator[Table]:
    frame, findings = read_pools(raw.cells, raw.name)
    yield Table(
        kind="pools",
        asset="*",
        quote="USD",
        interval="irregular",
        frame=frame,
        findings=findings,
        **provenance(raw, request),
    )


def _account_table(raw: RawFile, request: Request) -> Iterator[Table]:
    asset = check_ticker(request.asset, "--asset") if request.asset else ""
    frame, findings = read_accounts(raw.cells, raw.name, asset)
    assets = frame["collateral_asset"].dropna().unique()
    alone = len(assets) == 1 and bool(frame["collateral_asset"].notna().all())
    yield Table(
        kind="accounts",
        asset=check_ticker(str(assets[0]), raw.name) if alone else "*",
        quote="",
        interval="irregular",
        frame=frame,
        findings=findings,
        **provenance(raw, request),
    )
