"""Put a table in order: sort, drop duplicates, drop an unfinished last candle.

Every function takes a frame with a ``timestamp`` column and the file's line numbers as index,
and returns the frame and what a reader should know about the change.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.errors import InputError
from govkit.market.names import INTERVALS
from govkit.market.times import write_time
from govkit.records.snapshot import Finding

Found = tuple[Finding, ...]

THIN_VOLUME = 0.05
"""A last candle with less than this share of the usual volume counts as unfinished."""

USUAL_CANDLES = 24


def in_order(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, Found]:
    """Sort by time. Newest first is a note; rows in no order are a warning."""
    times = frame["timestamp"]
    if times.is_monotonic_increasing:
        return frame, ()
    result = frame.sort_values("timestamp", kind="stable")
    if times.is_monotonic_decreasing:
        return result, (_finding("note", name, "rows were newest first; sorted"),)
    back = np.flatnonzero(times.diff().to_numpy() < np.timedelta64(0))
    where = f"{name}:{frame.index[back[0]]}"
    what = f"rows were not in order of time ({back.size} steps back); sorted"
    return result, (_finding("warning", where, what),)


def without_duplicates(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, Found]:
    """Drop rows equal in every column.

    Parameters
    ----------
    frame:
        Rows sorted by time.

    Raises
    ------
    InputError
        When two rows share a time and differ in a value, naming the first such row.
    """
    result, findings = without_copies(frame, name)
    clash = result["timestamp"].duplicated(keep="first").to_numpy()
    if clash.any():
        line = min(result.index[clash])
        time = result.loc[line, "timestamp"]
        first = result.index[(result["timestamp"] == time).to_numpy()].min()
        more = f" ({clash.sum()} such rows)" if clash.sum() > 1 else ""
        raise InputError(
            f"{write_time(time)} is there twice with different values, "
            f"in rows {first} and {line}{more}",
            where=f"{name}:{line}",
            todo="Keep the right row and import again.",
        )
    return result, findings


def without_copies(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, Found]:
    """Drop rows equal in every column; rows that only share a time stay."""
    copies = frame.duplicated(keep="first").to_numpy()
    if not copies.any():
        return frame, ()
    count = int(copies.sum())
    where = f"{name}:{min(frame.index[copies])}"
    what = f"{count} exact duplicate row{'s' if count > 1 else ''} dropped"
    return frame[~copies], (_finding("note", where, what),)


def without_unfinished(
    frame: pd.DataFrame, interval: str, retrieved: pd.Timestamp, name: str, *, stated: bool
) -> tuple[pd.DataFrame, Found]:
    """Drop the last candle when it was still open, or looks so.

    Parameters
    ----------
    frame:
        Candles sorted by open time.
    interval:
        Length of a candle, a key of `INTERVALS`.
    retrieved:
        When the data were fetched, UTC.
    stated:
        Whether `retrieved` was given by a person. A file's own modification time says nothing
        when it lies before the last candle opened: copies and checkouts change it.

    Raises
    ------
    InputError
        When candles open after a stated retrieval time, or nothing is left.
    """
    last = frame["timestamp"].iloc[-1]
    line = frame.index[-1]
    if stated and last > retrieved:
        raise InputError(
            f"a candle opens at {write_time(last)}, after the retrieval time "
            f"{write_time(retrieved)}",
            where=f"{name}:{line}",
            todo="Correct --retrieved.",
        )
    end = last + pd.Timedelta(seconds=INTERVALS[interval])
    if last <= retrieved < end:
        reason = f"it ends at {write_time(end)}, after the retrieval at {write_time(retrieved)}"
    else:
        reason = _thin(frame)
    if not reason:
        return frame, ()
    if len(frame) == 1:
        raise InputError(f"the only candle is unfinished: {reason}", where=f"{name}:{line}")
    what = f"unfinished last candle {write_time(last)} dropped: {reason}"
    return frame.iloc[:-1], (_finding("note", f"{name}:{line}", what),)


def _thin(frame: pd.DataFrame) -> str:
    volumes = frame["volume"].to_numpy(dtype=np.float64)
    if len(volumes) <= USUAL_CANDLES:
        return ""
    before = volumes[-1 - USUAL_CANDLES : -1]
    usual = float(np.median(before))
    if not np.isfinite(usual) or not volumes[-1] < THIN_VOLUME * usual:
        return ""
    share = volumes[-1] / usual
    return f"its volume is {share:.1%} of the median of the {USUAL_CANDLES} candles before"


def venues(frame: pd.DataFrame, name: str) -> Found:
    """Note when the rows come from several venues."""
    counts = frame.loc[frame["source"] != "", "source"].value_counts()
    if len(counts) < 2:
        return ()
    parts = ", ".join(f"{venue} {count}" for venue, count in sorted(counts.items()))
    return (_finding("note", name, f"mixed venues: {parts} rows"),)


def _finding(severity: str, where: str, what: str) -> Finding:
    return Finding.model_validate({"severity": severity, "where": where, "what": what})
