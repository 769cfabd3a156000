"""Volatility states, the hour's low, jumps and the worst five minutes of an hour."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import gamma

from govkit.estimate.returns.hours import Array, HourlyReturns
from govkit.records.returns import JumpPosterior, ShadowTable, StateMix

TRIGGER_QUANTILE = 0.9
STATE_QUANTILES = 65
SHADOW_QUANTILES = 33
SHADOW_EDGES = (0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.93)
STRESSED_WEIGHT = 0.25
JUMP_SIZE = 0.10
CRASH_HOUR_FALL = 0.02
EPISODE_GAP_HOURS = 24


def trigger_mask(sigma: Array) -> NDArray[np.bool_]:
    """Return which hours start in a trigger state: the top decile of conditional volatility."""
    return np.asarray(sigma >= np.quantile(sigma, TRIGGER_QUANTILE))


def dense_top(steps: int) -> Array:
    """Return `steps` probabilities from 0 to 1 that crowd near 1: 1 - (1 - j / n) ** 3.

    Equally spaced quantiles would join the last one to the maximum by a straight line and so
    fatten the tail that matters here.
    """
    return np.asarray(1 - (1 - np.linspace(0, 1, steps)) ** 3)


def state_quantiles(sigma: Array, weights: Array | None = None) -> Array:
    """Return 65 quantiles of hourly volatilities at `dense_top` probabilities.

    `weights`, shape of `sigma`, weigh the hours; equal when left out.
    """
    grid = dense_top(STATE_QUANTILES)
    if weights is None:
        return np.asarray(np.quantile(sigma, grid))
    order = np.argsort(sigma, kind="stable")
    ranked, weight = sigma[order], weights[order]
    # Each hour stands at the middle of its own weight.
    place = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.asarray(np.interp(grid, place, ranked))


def state_mix(times: pd.DatetimeIndex, sigma: Array, stressed: list[tuple[str, str]]) -> StateMix:
    """Tabulate the volatility states of all hours and of trigger hours.

    Parameters
    ----------
    times:
        Close times of the hours, shape (n,).
    sigma:
        Conditional volatility of each hour, shape (n,).
    stressed:
        First and last date, both included, of each stressed window. Their hours weigh at least
        25 % of the mix of all states; the trigger states carry no stressed weight on top.
    """
    inside: NDArray[np.bool_] = np.zeros(len(times), dtype=bool)
    for first, last in stressed:
        start, end = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC")
        inside |= np.asarray((times > start) & (times <= end + pd.Timedelta("1D")))
    share = float(inside.mean())
    weight = max(STRESSED_WEIGHT, share) if share > 0 else 0.0
    weights = None
    if 0 < share < weight:
        weights = np.where(inside, weight / share, (1 - weight) / (1 - share))
    trigger = trigger_mask(sigma)
    return StateMix(
        trigger=tuple(state_quantiles(sigma[trigger]).tolist()),
        mixed=tuple(state_quantiles(sigma, weights).tolist()),
        stressed_share=share,
        stressed_weight=weight,
        episodes_per_year=episodes_per_year(trigger),
    )


def episodes_per_year(mask: NDArray[np.bool_]) -> float:
    """Count stretches in the trigger state a year; pauses under 24 hours do not end one."""
    hours = np.flatnonzero(mask)
    starts = 1 + int((np.diff(hours) > EPISODE_GAP_HOURS).sum())
    return starts / (len(mask) / (365 * 24))


def shadow_table(hours: HourlyReturns, sigma: Array) -> ShadowTable:
    """Tabulate how far, in sigmas, the low lies below the lower of open and close, by residual.

    Twelve bins, finer among the worst residuals, 33 `dense_top` quantiles each: the deeper the
    hour's fall, the nearer its close lies to its low, so one table for all hours would double
    count.
    """
    residual = hours.log_returns / sigma
    depth = (np.minimum(hours.log_returns, 0) - hours.log_lows) / sigma
    edges = np.quantile(residual, SHADOW_EDGES)
    bins = np.searchsorted(edges, residual)
    grid = dense_top(SHADOW_QUANTILES)
    rows: list[tuple[float, ...]] = []
    for b in range(len(SHADOW_EDGES) + 1):
        inside = depth[bins == b]
        # Between equal edges, where a price often stands still, no residual can fall.
        rows.append(tuple(np.quantile(inside, grid).tolist()) if len(inside) else rows[-1])
    return ShadowTable(
        residual_edges=tuple(float(e) for e in edges),
        quantiles=tuple(rows),
        wicks_filtered=hours.wicks,
    )


def jump_posterior(own: Array, pooled: list[Array]) -> JumpPosterior:
    """Posterior of the hourly intensity of falls of 10 % or more, sizes pooled over assets.

    Jeffreys' prior adds half a jump, so an asset with none on record still has a chance.
    `own` and each of `pooled` are hourly log returns.
    """
    falls = np.concatenate([-r[r <= -JUMP_SIZE] for r in pooled]) - JUMP_SIZE
    count = int((own <= -JUMP_SIZE).sum())
    low, high = (float(gamma.ppf(p, count + 0.5)) / len(own) for p in (0.05, 0.95))
    return JumpPosterior(
        size=JUMP_SIZE,
        count=count,
        hours=len(own),
        intensity_per_hour=(count + 0.5) / len(own),
        intensity_low=low,
        intensity_high=high,
        excess_mean=float(falls.mean()) if len(falls) else JUMP_SIZE / 2,
        pooled_jumps=len(falls),
    )


def worst_five_minutes(frames: list[pd.DataFrame]) -> tuple[Array, int]:
    """Share of a crash hour's fall that its worst five minutes carry: 33 quantiles, and count.

    A crash hour falls by 2 % or more from its open to its lowest five-minute close. `frames`
    are five-minute candles of single assets, indexed by open time. Without any, the whole fall
    is taken to happen within five minutes, which is the bound.
    """
    shares: list[float] = []
    for frame in frames:
        shares += _crash_shares(frame)
    if not shares:
        return np.ones(33), 0
    return np.asarray(np.quantile(shares, np.linspace(0, 1, 33))), len(shares)


def _crash_shares(frame: pd.DataFrame) -> list[float]:
    opened = pd.DatetimeIndex(frame.index)
    hour = opened.floor("h")
    complete = pd.Series(1, index=hour).groupby(level=0).sum()
    whole = np.isin(hour, complete[complete == 12].index)
    closes = np.log(frame["close"].to_numpy()[whole]).reshape(-1, 12)
    opens = np.log(frame["open"].to_numpy()[whole]).reshape(-1, 12)[:, :1]
    path = np.hstack([opens, closes])
    shares = []
    for row in path[path[:, 0] - path.min(axis=1) >= CRASH_HOUR_FALL]:
        to_low = row[: int(row.argmin()) + 1]
        shares.append(min(float(-np.diff(to_low).min() / (row[0] - row.min())), 1.0))
    return shares
