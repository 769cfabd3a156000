"""Reserves of pools: read and normalise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.errors import InputError
from govkit.market.columns import not_negative, numbers, positive, refuse
from govkit.market.normalise import in_order, without_copies
from govkit.market.times import read_times
from govkit.records.snapshot import Finding

POOL_COLUMNS = (
    "timestamp",
    "pool",
    "type",
    "asset_in",
    "asset_out",
    "reserve_in",
    "reserve_out",
    "price_in_usd",
    "fee",
    "amplification",
)

POOL_TYPES = ("constant product", "stableswap")


def read_pools(cells: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Read reserves of pools, one row per pool, direction and time.

    Parameters
    ----------
    cells:
        Text with the columns `POOL_COLUMNS` (others are refused), indexed by line.

    Returns
    -------
    tuple
        Frame of shape (n, 10) sorted by time (ties in file order): `timestamp` UTC, name and
        type of the pool, asset tickers, reserves in tokens, the dollar price of `asset_in`,
        `fee` as a fraction, `amplification` NaN where empty. A reserve of zero is kept, because
        a drained pool is a fact; a note counts them.

    Raises
    ------
    InputError
        For other columns, a pool without a name, an unknown type, a missing ticker, a negative
        reserve, a price not above zero, a fee outside [0, 1), or a StableSwap pool without an
        amplification of at least 1.
    """
    others = [column for column in cells.columns if column not in POOL_COLUMNS]
    if others:
        raise InputError(f"columns not recognised: {', '.join(others)}", where=f"{name}:1")
    times, mixed = read_times(cells["timestamp"], name)
    frame = pd.DataFrame({"timestamp": times}, index=cells.index)
    unnamed = (cells["pool"].str.strip() == "").to_numpy()
    refuse(unnamed, cells["pool"], name, lambda _: "the pool has no name")
    frame["pool"] = cells["pool"].str.strip()
    kind = cells["type"].str.strip().str.lower().str.replace(r"[_-]", " ", regex=True)
    unknown = (~kind.isin(POOL_TYPES)).to_numpy()
    refuse(unknown, cells["type"], name, lambda t: f"type '{t}' is not {' or '.join(POOL_TYPES)}")
    frame["type"] = kind
    for side in ("asset_in", "asset_out"):
        absent = (cells[side] == "").to_numpy()
        refuse(absent, cells[side], name, lambda _: "the asset is missing")
        frame[side] = cells[side].str.upper()
    same = (frame["asset_in"] == frame["asset_out"]).to_numpy()
    refuse(same, cells["asset_in"], name, lambda text: f"{text} is swapped for itself")
    for column in ("reserve_in", "reserve_out"):
        frame[column] = not_negative(cells[column], name)
    frame["price_in_usd"] = positive(cells["price_in_usd"], name)
    frame["fee"] = not_negative(cells["fee"], name)
    refuse(
        frame["fee"].to_numpy() >= 1,
        cells["fee"],
        name,
        lambda text: f"fee {text} is not below 1 (a fraction is expected: 0.003 is 0.3 %)",
    )
    frame["amplification"] = _amplification(cells, frame, name)
    frame, order = in_order(frame, name)
    # pools are listed one by one, so rows out of time order are no sign of trouble
    calm = tuple(f.model_copy(update={"severity": "note"}) for f in order)
    frame, copies = without_copies(frame, name)
    found = (*mixed, *calm, *copies, *_drained(frame, name))
    return frame.reset_index(drop=True), found


def _amplification(cells: pd.DataFrame, frame: pd.DataFrame, name: str) -> np.ndarray:
    values = numbers(cells["amplification"], name, empty=True)
    stable = (frame["type"] == "stableswap").to_numpy()
    refuse(
        stable & ~(values >= 1),
        cells["amplification"],
        name,
        lambda text: f"a stableswap pool needs an amplification of at least 1, not '{text}'",
    )
    return np.where(stable, values, np.nan)


def _drained(frame: pd.DataFrame, name: str) -> tuple[Finding, ...]:
    empty = frame[(frame["reserve_in"] == 0) | (frame["reserve_out"] == 0)]
    if empty.empty:
        return ()
    pools = ", ".join(sorted(set(empty["pool"])))
    what = f"{len(empty)} rows with a reserve of zero ({pools}): such a pool has no depth"
    return (Finding(severity="note", where=name, what=what),)
