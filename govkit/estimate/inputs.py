"""Pick from a snapshot the tables that an estimate needs, with their provenance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.estimate.returns.hours import HourlyReturns, hourly_returns, trim_constant
from govkit.market.store import Snapshot
from govkit.records.provenance import Window
from govkit.records.snapshot import Finding, SnapshotFile


def window_of(
    entries: tuple[SnapshotFile, ...], frame: pd.DataFrame | pd.Series | None = None
) -> Window:
    """Describe where data come from: sources, first and last observation, digests."""
    times = pd.DatetimeIndex(frame.index) if frame is not None and len(frame) else None
    return Window(
        source="; ".join(dict.fromkeys(e.source for e in entries)),
        first=f"{times[0]:%Y-%m-%d}" if times is not None else min(e.first for e in entries)[:10],
        last=f"{times[-1]:%Y-%m-%d}" if times is not None else max(e.last for e in entries)[:10],
        observations=len(times) if times is not None else sum(e.rows for e in entries),
        input_digests=tuple(e.sha256 for e in entries),
    )


def candles(
    snapshot: Snapshot, asset: str, interval: str, until: pd.Timestamp | None
) -> tuple[pd.DataFrame, tuple[SnapshotFile, ...]] | None:
    """Return the longest candle table of an asset up to `until`, or None."""
    entries = snapshot.entries(kind="candles", asset=asset, interval=interval)
    if not entries:
        return None
    entry = max(entries, key=lambda e: (e.rows, e.path))
    frame = snapshot.table(entry)
    return (frame[frame.index < until] if until is not None else frame), (entry,)


def closes(
    snapshot: Snapshot,
    asset: str,
    until: pd.Timestamp | None,
    quote: str | None = None,
    *,
    daily: bool = False,
) -> tuple[pd.Series, tuple[SnapshotFile, ...]] | None:
    """Return the longest close series of an asset up to `until`, or None.

    Half of its observations lie at most 90 minutes apart or, when `daily`, at least half a day.
    """
    found = []
    for entry in snapshot.entries(kind="closes", asset=asset, quote=quote):
        series = snapshot.table(entry)["close"]
        series = series[series.index < until] if until is not None else series
        if len(series) > 1:
            apart = float(np.median(np.diff(pd.DatetimeIndex(series.index).as_unit("s").asi8)))
            if (apart >= 43_200) if daily else (apart <= 5_400):
                found.append((series, (entry,)))
    return max(found, key=lambda one: (len(one[0]), one[1][0].path), default=None)


def at_close(frame: pd.DataFrame) -> pd.Series:
    """Return the closes of hourly candles, indexed by the time of the close."""
    close = frame["close"]
    times = pd.DatetimeIndex(close.index) + pd.Timedelta("1h")
    return pd.Series(close.to_numpy(), index=times, name="close")


def daily_prices(
    snapshot: Snapshot, asset: str, until: pd.Timestamp | None
) -> tuple[pd.DataFrame, tuple[SnapshotFile, ...]] | None:
    """Return daily candles, continued by daily closes where these go on longer.

    Columns close and low; on the days of closes the low is not known (NaN).
    """
    found = candles(snapshot, asset, "1d", until)
    read = closes(snapshot, asset, until, daily=True)
    days = found[0][["close", "low"]] if found is not None and len(found[0]) else None
    entries = found[1] if found is not None and days is not None else ()
    if read is not None:
        by_day = read[0].groupby(pd.DatetimeIndex(read[0].index).normalize()).last()
        after = by_day if days is None else by_day[by_day.index > days.index[-1]]
        if len(after):
            more = pd.DataFrame({"close": after, "low": np.nan})
            days = more if days is None else pd.concat([days, more])
            entries += read[1]
    return None if days is None else (days, entries)


def hours_of(asset: str, frame: pd.DataFrame) -> HourlyReturns | None:
    """Return the hourly returns of a table of candles, None when its price never moves."""
    frame = trim_constant(frame)
    return hourly_returns(asset, frame) if len(frame) > 1 else None


def import_findings(entries: tuple[SnapshotFile, ...]) -> tuple[Finding, ...]:
    """Return what importing found, without notes and gaps; gaps are counted anew."""
    return tuple(
        f for e in entries for f in e.findings if f.severity != "note" and " gap" not in f.what
    )
