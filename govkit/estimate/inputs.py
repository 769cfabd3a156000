"""Pick from a snapshot the tables that an estimate needs, with their provenance."""

from __future__ import annotations

import pandas as pd

from govkit.estimate.returns import HourlyReturns, hourly_returns, trim_constant
from govkit.market.store import Snapshot
from govkit.records.model import Window
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
    snapshot: Snapshot, asset: str, until: pd.Timestamp | None, quote: str | None = None
) -> tuple[pd.Series, tuple[SnapshotFile, ...]] | None:
    """Return the longest close series of an asset up to `until`, or None."""
    entries = snapshot.entries(kind="closes", asset=asset, quote=quote)
    if not entries:
        return None
    entry = max(entries, key=lambda e: (e.rows, e.path))
    series = snapshot.table(entry)["close"]
    return (series[series.index < until] if until is not None else series), (entry,)


def priced_hours(
    snapshot: Snapshot, asset: str, until: pd.Timestamp | None
) -> tuple[HourlyReturns, pd.DataFrame, Window] | None:
    """Return hourly returns, the candles behind them and their provenance, or None."""
    found = candles(snapshot, asset, "1h", until)
    if found is None:
        return None
    frame, entries = trim_constant(found[0]), found[1]
    if len(frame) < 2:
        return None
    return hourly_returns(asset, frame), frame, window_of(entries, frame)


def import_findings(entries: tuple[SnapshotFile, ...]) -> tuple[Finding, ...]:
    """Return what importing found, without notes and gaps; gaps are counted anew."""
    return tuple(
        f for e in entries for f in e.findings if f.severity != "note" and " gap" not in f.what
    )
