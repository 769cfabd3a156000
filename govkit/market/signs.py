"""Signs of trouble in price tables that no format check can see.

They are findings for a reader, never corrections: the prices stay as they were recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from govkit.market.names import DOLLARS
from govkit.market.store import Snapshot
from govkit.market.times import Gap, find_gaps, write_time, write_times
from govkit.records.snapshot import Finding, SnapshotFile

WICK = 0.75
"""A low under this share of the candle's body is a print of one order book, perhaps."""

LONG_GAP_DAYS = 7.0
HIDDEN_FALL = 0.05
NEAR = pd.Timedelta(days=2)


def wicks(entry: SnapshotFile, frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield one warning for candles whose low is under 75 % of the smaller of open and close."""
    share = frame["low"] / frame[["open", "close"]].min(axis=1)
    deep = share[share < WICK].sort_values(kind="stable")
    if deep.empty:
        return
    times, lows = pd.DatetimeIndex(deep.index[:3]), frame["low"].loc[deep.index[:3]]
    worst = "; ".join(
        f"{time} low {low:g}, {_floor(1 - value):.2%} under the body"
        for time, low, value in zip(write_times(times), lows, deep[:3], strict=True)
    )
    what = (
        f"{len(deep)} wick candidate{'s' if len(deep) > 1 else ''} of a single venue "
        f"(low under {WICK:.0%} of the body); worst: {worst}"
    )
    where = f"{entry.asset} {entry.path}"
    yield Finding(severity="warning", where=where, what=what)


def _floor(share: float) -> float:
    """Cut to a hundredth of a percent: a low above zero is never 100 % under."""
    return float(np.floor(share * 1e4) / 1e4)


def rising_ratio(entry: SnapshotFile, frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield a note for a price in another coin whose level trends above 1.

    The median of the last tenth must be above 1 and above that of the first tenth, and more
    often than not the ratio must stay within 2 % of its running maximum: a staking token that
    earns, not any pair of coins.
    """
    if entry.quote in DOLLARS or len(frame) < 20:
        return
    close = frame["close"]
    tenth = len(close) // 10
    start, end = float(close.iloc[:tenth].median()), float(close.iloc[-tenth:].median())
    steady = bool((close / close.cummax()).median() > 0.98)
    if end > 1.0 and end > start + 0.001 and steady:
        what = (
            f"the ratio {entry.asset}/{entry.quote} rises from {start:.4f} to {end:.4f}, above 1; "
            "falls must be measured against its running maximum, not against 1"
        )
        yield Finding(severity="note", where=entry.path, what=what)


def delisted_in_crisis(snapshot: Snapshot, frames: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    """Yield a warning per long hourly gap in which a daily series of the asset shows a fall.

    A gap of more than seven days counts when the lowest daily price within it, two days more on
    either side, is over 5 % under the median daily close there.
    """
    for entry in snapshot.entries(interval="1h"):
        if entry.kind not in ("candles", "closes") or entry.path not in frames:
            continue
        for gap in find_gaps(pd.DatetimeIndex(frames[entry.path].index), "1h"):
            if gap.days <= LONG_GAP_DAYS:
                continue
            for daily in _dailies(snapshot, entry):
                if daily.path in frames:
                    yield from _hidden_fall(entry, gap, daily, frames[daily.path])


def _dailies(snapshot: Snapshot, entry: SnapshotFile) -> tuple[SnapshotFile, ...]:
    return tuple(
        daily
        for daily in snapshot.entries(asset=entry.asset, interval="1d")
        if daily.quote == entry.quote or {daily.quote, entry.quote} <= DOLLARS
    )


def _hidden_fall(
    entry: SnapshotFile, gap: Gap, daily: SnapshotFile, frame: pd.DataFrame
) -> Iterator[Finding]:
    days = pd.DatetimeIndex(frame.index)
    near = frame[(days >= gap.before - NEAR) & (days <= gap.after + NEAR)]
    if near.empty:
        return
    lows = near["low" if "low" in near else "close"].to_numpy(dtype=np.float64)
    worst = int(lows.argmin())
    fall = 1.0 - lows[worst] / float(near["close"].median())
    if fall <= HIDDEN_FALL:
        return
    what = (
        f"hourly rows are missing from {write_time(gap.before)} to {write_time(gap.after)}, and "
        f"{daily.path} fell to {lows[worst]:g} ({fall:.1%} under its median there) on "
        f"{pd.Timestamp(near.index[worst]):%Y-%m-%d}: the hourly series does not show that fall "
        "(as when a pair is delisted in its own crisis); use the daily series for that time"
    )
    yield Finding(severity="warning", where=f"{entry.asset} {entry.path}", what=what)


def different_ends(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a note when the latest prices of the assets are of different days."""
    ends: dict[str, str] = {}
    for entry in snapshot.entries():
        if entry.kind in ("candles", "closes"):
            ends[entry.asset] = max(ends.get(entry.asset, ""), entry.last[:10])
    if len(set(ends.values())) < 2:
        return
    ordered = sorted(ends.items(), key=lambda item: (item[1], item[0]))
    parts = ", ".join(f"{asset} {day}" for asset, day in ordered)
    what = f"prices end at different dates: {parts}; of the assets used, the oldest date counts"
    yield Finding(severity="note", where="last date", what=what)
