"""Read a book of real accounts for the assets of a proposal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from govkit.errors import InputError
from govkit.market.formats import read_tables
from govkit.market.tables import Request
from govkit.records.base import file_digest
from govkit.records.book import AccountBook


def read_books(path: Path, thresholds: dict[str, float]) -> dict[str, AccountBook]:
    """Read accounts and split them by collateral.

    Parameters
    ----------
    path:
        An account table (docs/snapshot.md). Rows without a collateral belong to the only asset
        asked; with several assets the column is required.
    thresholds:
        Assets asked, with the liquidation threshold that gives rows without a health factor
        one: threshold x collateral / debt.

    Returns
    -------
    dict
        A book for every asset that has accounts with debt in the file.

    Raises
    ------
    InputError
        When the file is not an account table, or holds no account of any asset asked.
    """
    table = read_tables(path, Request())[0]
    if table.kind != "accounts":
        raise InputError(
            f"holds {table.kind}, not accounts", where=str(path),
            todo="A book has collateral_usd, debt_usd and, if known, health_factor columns.",
        )  # fmt: skip
    frame = table.frame[table.frame["debt_usd"] > 0]
    named = frame["collateral_asset"].astype("string").fillna("").str.upper()
    if (named == "").any() and len(thresholds) > 1:
        raise InputError(
            "accounts without a collateral asset, and several assets are asked",
            where=str(path), todo="Add a collateral_asset column, or propose one asset at a time.",
        )  # fmt: skip
    books = {}
    for asset, threshold in thresholds.items():
        rows = frame[(named == asset.upper()) | (named == "")]
        if len(rows):
            health = _health(rows, threshold, path)
            books[asset] = AccountBook(
                health_factor=tuple(float(h) for h in health),
                debt_usd=tuple(float(d) for d in rows["debt_usd"]),
                source=path.name,
                sha256=file_digest(path),
            )
    if not books:
        raise InputError(
            f"no account with debt against {', '.join(thresholds)}", where=str(path),
            todo="Check the collateral_asset column.",
        )  # fmt: skip
    return books


def _health(rows: pd.DataFrame, threshold: float, path: Path) -> pd.Series:
    computed = threshold * rows["collateral_usd"] / rows["debt_usd"]
    health = rows["health_factor"].fillna(computed)
    if health.isna().any():
        raise InputError(
            f"{int(health.isna().sum())} accounts have neither a health factor nor a "
            "collateral value",
            where=str(path), todo="Give health_factor or collateral_usd for every account.",
        )  # fmt: skip
    return health
