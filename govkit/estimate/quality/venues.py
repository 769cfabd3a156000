"""Do the venues agree? One series of several venues, and several tables of one asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from govkit.market.names import DOLLARS, INTERVALS
from govkit.market.store import Snapshot
from govkit.records.snapshot import Finding, SnapshotFile

NEAR = pd.Timedelta(minutes=10)
"""Prices seen within this time of each other are compared; more is a move, not a conflict."""

FEWEST_PAIRS = 20
OTHER_COIN_FACTOR = 1.2
OTHER_COIN_DAYS = 7
CONFLICT_MEDIAN = 0.02
CONFLICT_P99 = 0.03
CONFLICT_WORST = 0.10
"""Levels of disagreement: the median that forbids, the 99th percentile and the single worst
time that ask for care. Good pairs have medians under 0.2 % and 99th percentiles to 1.4 %."""

SWITCH_STEP = 0.02


@dataclass(frozen=True)
class OtherTable:
    """Another price table of the same asset, in the same unit.

    Attributes
    ----------
    name:
        What it is called in findings, such as its source or file.
    frame:
        Column close; candles (which have an open) are indexed by open time, closes by the time
        they were seen, UTC, increasing. A column source names venues.
    interval:
        Spacing of candles, such as 1h or 1d.
    """

    name: str
    frame: pd.DataFrame
    interval: str


def other_tables(
    snapshot: Snapshot, used: SnapshotFile, until: pd.Timestamp | None
) -> tuple[OtherTable, ...]:
    """Return the other price tables of the asset of `used`, up to `until`.

    Same quote, or both in dollars; finer than hourly is left out, because it comes in scraps.
    """
    found = []
    for entry in snapshot.entries(asset=used.asset):
        alike = entry.quote == used.quote or {entry.quote, used.quote} <= DOLLARS
        wanted = entry.kind in ("candles", "closes") and entry.interval not in ("5m", "15m")
        if entry.path != used.path and alike and wanted:
            frame = snapshot.table(entry)
            part = frame if until is None else frame[frame.index < until]
            found.append(OtherTable(entry.source, part, entry.interval))
    return tuple(found)


def newest_hour(snapshot: Snapshot, until: pd.Timestamp | None) -> pd.Timestamp | None:
    """Return when the newest hourly candle of any asset closed, at most `until`; None without."""
    ends = [e.last for e in snapshot.entries(kind="candles", interval="1h")]
    if not ends:
        return None
    end = pd.Timestamp(max(ends)) + pd.Timedelta(hours=1)
    return end if until is None else min(end, until)


def compare_table(where: str, candles: pd.DataFrame, other: OtherTable) -> tuple[Finding, ...]:
    """Compare hourly candles with another table, close for close.

    Closes within ten minutes of each other are paired; under 20 pairs nothing is said. A level
    more than 20 % off for a week or longer is another coin or unit: an error. Otherwise the
    conflict is judged by its median, its 99th percentile and its worst time.
    """
    ratio = paired_log_ratio(candles, other)
    if len(ratio) < FEWEST_PAIRS:
        return ()
    stretch = _longest_apart(ratio)
    if stretch is not None:
        return (_other_coin(where, other.name, stretch),)
    apart = np.expm1(ratio.abs())
    middle, high, worst = apart.median(), apart.quantile(0.99), apart.max()
    if middle > CONFLICT_MEDIAN:
        severity = "error"
    elif high > CONFLICT_P99 or worst > CONFLICT_WORST:
        severity = "warning"
    else:
        return ()
    what = (
        f"prices differ from {other.name} by {100 * middle:.2f} % in the median and "
        f"{100 * high:.2f} % at the "
        f"99th percentile of {len(apart):,} common times, at worst by {100 * worst:.1f} % on "
        f"{apart.idxmax():%Y-%m-%d}; one of the two is wrong there"
    )
    return (_finding(severity, where, what),)


def paired_log_ratio(candles: pd.DataFrame, other: OtherTable) -> pd.Series:
    """Return log(other close / own close) at the other's times that have an own close near."""
    own = _seen(candles, "1h")
    their = _seen(other.frame, other.interval)
    pairs = pd.merge_asof(
        their.rename("their"), own.rename("own"), left_index=True, right_index=True,
        direction="nearest", tolerance=NEAR,
    ).dropna()  # fmt: skip
    pairs = pairs[(pairs > 0).all(axis=1)]
    return pd.Series(np.log(pairs["their"] / pairs["own"]), index=pairs.index)


def _seen(frame: pd.DataFrame, interval: str) -> pd.Series:
    """Return closes by the time they were seen: a candle's close, not its open."""
    shift = pd.Timedelta(seconds=INTERVALS.get(interval, 0) if "open" in frame else 0)
    index = (pd.DatetimeIndex(frame.index) + shift).as_unit("ns")
    return pd.Series(frame["close"].to_numpy(dtype=float), index=index)


def _longest_apart(ratio: pd.Series) -> pd.Series | None:
    """Return the longest stretch of pairs that are another coin's, if it lasts a week."""
    far = ratio.abs() > np.log(OTHER_COIN_FACTOR)
    if not far.any():
        return None
    stretches = [part for _, part in ratio[far].groupby((~far).cumsum()[far])]
    longest = max(stretches, key=len)
    days = (longest.index[-1] - longest.index[0]) / pd.Timedelta(days=1)
    return longest if days >= OTHER_COIN_DAYS else None


def _other_coin(where: str, name: str, stretch: pd.Series) -> Finding:
    factor = float(np.exp(stretch.abs().median()))
    steady = float((stretch - stretch.median()).abs().quantile(0.9)) < np.log(OTHER_COIN_FACTOR) / 2
    kind = "another unit" if steady else "another coin of that ticker"
    what = (
        f"prices differ from {name} by a factor of {factor:,.4g} from "
        f"{stretch.index[0]:%Y-%m-%d} to {stretch.index[-1]:%Y-%m-%d}; one of the two is {kind}"
    )
    return _finding("error", where, what)


def venue_switches(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Say which venues follow one another in one table, and what happens where they change.

    Where one takes over from the other within the hour, the step from the last close to the
    next open shows how far apart they are: over 2 % is a warning.
    """
    if "source" not in candles:
        return ()
    source = candles["source"].astype(str)
    known = source[source != ""]
    if known.nunique() < 2:
        return ()
    parts = []
    for venue in dict.fromkeys(known):
        times = known.index[known == venue]
        parts.append(f"{venue} {times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d} ({len(times):,} hours)")
    what = f"prices of {known.nunique()} venues in one series: {', '.join(parts)}"
    step, at = _step_at_switch(candles, source)
    if at is None:
        return (_finding("note", where, f"{what}; no hour shows both, so they were not compared"),)
    what += f"; the largest step where they change is {100 * step:.1f} % at {at:%Y-%m-%d %H:%M}"
    return (_finding("warning" if step > SWITCH_STEP else "note", where, what),)


def _step_at_switch(candles: pd.DataFrame, source: pd.Series) -> tuple[float, pd.Timestamp | None]:
    venue = source.to_numpy()
    adjacent = np.diff(pd.DatetimeIndex(candles.index).as_unit("s").asi8) == 3600
    changed = np.flatnonzero((venue[1:] != venue[:-1]) & adjacent)
    if not len(changed):
        return 0.0, None
    opens, closes = candles["open"].to_numpy(dtype=float), candles["close"].to_numpy(dtype=float)
    steps = np.expm1(np.abs(np.log(opens[1:] / closes[:-1])[changed]))
    worst = int(steps.argmax())
    return float(steps[worst]), pd.DatetimeIndex(candles.index)[changed[worst] + 1]


def one_venue(
    where: str, candles: pd.DataFrame, others: Sequence[OtherTable]
) -> tuple[Finding, ...]:
    """Note that every price is of one venue, so that nothing can confirm its prints.

    Another table counts with the rows that were seen when this series has a price, too.
    """
    venues = _venues(candles, "")
    for other in others:
        seen = _seen(other.frame, other.interval).index
        common = paired_log_ratio(candles, other).index
        if len(common) >= FEWEST_PAIRS:
            venues |= _venues(other.frame[seen.isin(common)], other.name)
    if len(venues) > 1:
        return ()
    (venue,) = venues
    named = f" ({venue})" if venue else ""
    what = f"all prices are of one venue{named}; no second source confirms them"
    return (_finding("note", where, what),)


def _venues(frame: pd.DataFrame, name: str) -> set[str]:
    named = {str(v) for v in frame["source"].unique()} - {""} if "source" in frame else set()
    return named or {name}


def _finding(severity: str, where: str, what: str) -> Finding:
    return Finding.model_validate({"severity": severity, "where": where, "what": what})
