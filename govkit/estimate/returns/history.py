"""What history itself says: dated falls and the falls that followed triggers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from govkit.estimate.returns.hours import HOUR_SECONDS, Array, HourlyReturns
from govkit.records.model import HistoricalFall
from govkit.records.returns import FallTable

EVENT_HORIZONS = (1, 2, 3, 4, 6, 12, 24, 48)
TABLE_HORIZONS = (1, 2, 3, 6, 12, 24)
TABLE_PROBABILITIES = (0.002, 0.005, 0.01, 0.05)


def event_fall(event: str, closes: pd.Series, first: str, last: str) -> HistoricalFall | None:
    """Measure the worst falls of an event on hourly closes, from any hour inside it.

    Parameters
    ----------
    closes:
        Hourly closes indexed by close time, UTC. Single-venue lows play no part.
    first, last:
        Window, dates, both included.

    Returns
    -------
    HistoricalFall or None
        None when fewer than 24 hours of the window are known.
    """
    start, end = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC") + pd.Timedelta("1D")
    inside = closes[(closes.index > start) & (closes.index <= end)]
    if len(inside) < 24:
        return None
    hourly = inside.resample("1h").last().ffill(limit=2)
    falls, trough = [], inside.index[0]
    for horizon in EVENT_HORIZONS:
        # Reversed rolling minimum: the lowest close of the next `horizon` hours.
        ahead = hourly[::-1].rolling(horizon, min_periods=1).min()[::-1].shift(-1)
        fall = (1 - ahead / hourly).clip(lower=0)
        falls.append(float(fall.max()))
        if horizon == 24 and fall.max() > 0:
            at = fall.idxmax()
            trough = hourly[at:].iloc[: horizon + 1].idxmin()
    return HistoricalFall(
        event=event,
        on=f"{trough - pd.Timedelta(hours=1):%Y-%m-%d}",
        horizons_hours=tuple(float(h) for h in EVENT_HORIZONS),
        falls=tuple(np.maximum.accumulate(falls).tolist()),
    )


def daily_fall(event: str, candles: pd.DataFrame, first: str, last: str) -> HistoricalFall | None:
    """Measure an event on daily candles: the worst low against the close of the day before."""
    start, end = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC")
    fall = 1 - candles["low"] / candles["close"].shift(1)
    inside = fall[(fall.index >= start) & (fall.index <= end)].dropna()
    if inside.empty:
        return None
    return HistoricalFall(
        event=event, on=f"{inside.idxmax():%Y-%m-%d}", horizons_hours=(24.0,),
        falls=(max(float(inside.max()), 0.0),),
    )  # fmt: skip


def running_falls(hours: HourlyReturns, starts: NDArray[np.int64], horizon: int) -> Array:
    """Fall to the worst low within `horizon` hours after each start, shape (n_starts,).

    `starts` index the first hour of each window. Windows that meet a gap in the data or its end
    are NaN: a fall across missing hours is not known.
    """
    n = len(hours.log_returns)
    level = np.concatenate([[0.0], np.cumsum(hours.log_returns)])
    worst = np.zeros(len(starts))
    complete = np.zeros(len(starts), dtype=bool)
    fits = starts + horizon <= n
    times = hours.times.as_unit("s").asi8
    last = np.where(fits, starts + horizon - 1, 0)
    span = (times[last] - times[np.where(fits, starts, 0)]) / HOUR_SECONDS
    complete[fits] = span[fits] == horizon - 1
    for k in range(horizon):
        at = np.where(complete, starts + k, 0)
        low = level[at] + hours.log_lows[at] - level[np.where(complete, starts, 0)]
        worst = np.minimum(worst, low)
    return np.asarray(np.where(complete, 1 - np.exp(worst), np.nan))


def empirical_table(hours: HourlyReturns, trigger: NDArray[np.bool_]) -> FallTable:
    """Quantiles of the falls that followed every hour spent in a trigger state.

    Windows overlap, so neighbouring ones are not independent; the table is a comparison, not
    an estimate with an error.
    """
    starts = np.flatnonzero(trigger[: len(hours.log_returns)])
    rows = []
    for horizon in TABLE_HORIZONS:
        falls = running_falls(hours, starts, horizon)
        quantiles = np.nanquantile(falls, [1 - p for p in TABLE_PROBABILITIES])
        rows.append(tuple(float(q) for q in quantiles))
    return FallTable(
        model="empirical, overlapping windows", horizons_hours=TABLE_HORIZONS,
        probabilities=TABLE_PROBABILITIES, falls=tuple(rows),
    )  # fmt: skip


def separate_starts(trigger: NDArray[np.bool_], horizon: int) -> NDArray[np.int64]:
    """First hours of trigger windows that do not overlap, in order of time."""
    chosen, free = [], 0
    for hour in np.flatnonzero(trigger):
        if hour >= free:
            chosen.append(int(hour))
            free = int(hour) + horizon
    return np.array(chosen, dtype=np.int64)
