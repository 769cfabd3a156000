"""Aggregator quotes and account tables: read and normalise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.errors import InputError
from govkit.market.columns import not_negative, numbers, positive, refuse
from govkit.market.normalise import in_order, without_copies
from govkit.market.times import read_times
from govkit.records.snapshot import Finding

QUOTE_COLUMNS = (
    "timestamp",
    "asset_in",
    "asset_out",
    "amount_in",
    "amount_out",
    "size_usd",
    "slippage",
)

ACCOUNT_COLUMNS = (
    "account",
    "collateral_asset",
    "collateral_amount",
    "collateral_usd",
    "debt_usd",
    "health_factor",
    "liquidation_threshold",
)

ACCOUNT_RENAMED = {
    "user_id": "account",
    "user": "account",
    "debt_crvusd": "debt_usd",
    "weighted_liquidation_threshold": "liquidation_threshold",
}

ACCOUNT_INPUT = set(ACCOUNT_COLUMNS) | set(ACCOUNT_RENAMED) | {"n_bands"}


def read_quotes(cells: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Read aggregator quotes.

    Parameters
    ----------
    cells:
        Text with the columns `QUOTE_COLUMNS` (others are refused), indexed by line.

    Returns
    -------
    tuple
        Frame of shape (n, 7) sorted by time (ties in file order): `timestamp` UTC, asset
        tickers, amounts in tokens, `size_usd`, `slippage` as a fraction from 0 to 1; findings.

    Raises
    ------
    InputError
        For other columns, a missing ticker, amounts not above zero, slippage outside [0, 1].
    """
    others = [column for column in cells.columns if column not in QUOTE_COLUMNS]
    if others:
        raise InputError(f"columns not recognised: {', '.join(others)}", where=f"{name}:1")
    times, mixed = read_times(cells["timestamp"], name)
    frame = pd.DataFrame({"timestamp": times}, index=cells.index)
    for side in ("asset_in", "asset_out"):
        absent = (cells[side] == "").to_numpy()
        refuse(absent, cells[side], name, lambda _: "the asset is missing")
        frame[side] = cells[side].str.upper()
    for column in ("amount_in", "amount_out", "size_usd"):
        frame[column] = positive(cells[column], name)
    slippage = numbers(cells["slippage"], name)
    outside = (slippage < 0) | (slippage > 1)
    refuse(outside, cells["slippage"], name, lambda s: f"slippage {s} is not between 0 and 1")
    frame["slippage"] = slippage
    same = (frame["asset_in"] == frame["asset_out"]).to_numpy()
    refuse(same, cells["asset_in"], name, lambda text: f"{text} is quoted in itself")
    frame, order = in_order(frame, name)
    # quotes are listed pair by pair, so rows out of time order are no sign of trouble
    calm = tuple(f.model_copy(update={"severity": "note"}) for f in order)
    frame, copies = without_copies(frame, name)
    return frame.reset_index(drop=True), (*mixed, *calm, *copies)


def read_accounts(
    cells: pd.DataFrame, name: str, asset: str = ""
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Read an account table; the order and repeated rows of the file are kept.

    Parameters
    ----------
    cells:
        Text, indexed by line: debt as ``debt_usd`` or ``debt_crvusd``, collateral as
        ``collateral_usd`` or ``collateral_amount`` with ``collateral_asset``; the rest of
        `ACCOUNT_COLUMNS` where known.
    asset:
        Ticker of the collateral where the file has no column for it; empty when unknown.

    Returns
    -------
    tuple
        Frame of shape (n, 7) with `ACCOUNT_COLUMNS`, NaN where the file has nothing; findings.
        US dollars, tokens, and fractions.

    Raises
    ------
    InputError
        For a negative value, missing debt or collateral, a threshold above 1, or rows of
        another collateral than the stated one.
    """
    given = set(cells.columns)
    cells = cells.rename(columns=ACCOUNT_RENAMED)
    if not cells.columns.is_unique:
        raise InputError("two columns mean the same thing", where=f"{name}:1")
    measure = next((c for c in ("collateral_usd", "collateral_amount") if c in cells), "")
    if not measure or (measure == "collateral_amount" and "collateral_asset" not in cells):
        raise InputError(
            "the collateral of the accounts is not given",
            where=f"{name}:1",
            todo="Give collateral_usd, or collateral_amount with collateral_asset.",
        )
    frame = pd.DataFrame(index=cells.index)
    for column in ACCOUNT_COLUMNS:
        if column not in cells:
            frame[column] = np.nan
        elif column in ("account", "collateral_asset"):
            text = cells[column].astype(object)
            frame[column] = text.where(text != "", np.nan)
        else:
            if column == "health_factor":  # infinite without debt: the same as not given
                endless = cells[column].str.lower().isin(["inf", "infinity"])
                cells = cells.assign(health_factor=cells[column].mask(endless, ""))
            needed = column in ("debt_usd", measure)
            frame[column] = not_negative(cells[column], name, empty=not needed)
    frame = _with_asset(frame, cells, name, asset)
    if "liquidation_threshold" in cells:
        above = frame["liquidation_threshold"].to_numpy() > 1
        refuse(
            above,
            cells["liquidation_threshold"],
            name,
            lambda text: f"liquidation threshold {text} is above 1 (fractions are expected)",
        )
    return frame.reset_index(drop=True), _account_findings(frame, given, name)


def _with_asset(frame: pd.DataFrame, cells: pd.DataFrame, name: str, asset: str) -> pd.DataFrame:
    if "collateral_asset" not in cells:
        return frame.assign(collateral_asset=asset or np.nan)
    upper = frame["collateral_asset"].str.upper()
    if asset:
        other = (upper.notna() & (upper != asset)).to_numpy()
        refuse(
            other,
            cells["collateral_asset"],
            name,
            lambda text: f"the collateral is '{text}', not {asset}",
        )
    return frame.assign(collateral_asset=upper)


def _account_findings(frame: pd.DataFrame, given: set[str], name: str) -> tuple[Finding, ...]:
    notes = []
    if "debt_crvusd" in given:
        notes.append("debt is in crvUSD; one crvUSD was taken as one US dollar")
    if "n_bands" in given:
        notes.append("the column n_bands was left out")
    if frame["collateral_asset"].isna().all():
        notes.append("the collateral asset is not in the file; state it with --asset")
    copies = int(frame.duplicated().sum())
    if copies and frame["account"].isna().all():
        notes.append(f"{copies} rows repeat another one; kept, because rows carry no account id")
    elif copies:
        notes.append(f"{copies} rows repeat another one; kept")
    idle = int((frame["debt_usd"] == 0).sum())
    if idle:
        notes.append(f"{idle} accounts have no debt")
    return tuple(Finding(severity="note", where=name, what=what) for what in notes)
