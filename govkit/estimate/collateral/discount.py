"""Discounts of a token against its recent maximum: depth, reversion, stationarity, growth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from arch.unitroot import ADF
from scipy.stats import theilslopes

from govkit.data import Redemption
from govkit.estimate.returns.hours import Array

SMOOTHING = 5
MEMORY = "30D"
FEWEST_DAYS = 30
GROWTH_DAYS = 90


@dataclass(frozen=True)
class Discounts:
    """A smoothed ratio and its discount against the reference of the time, by observation."""

    ratio: pd.Series
    discount: pd.Series


def smoothed(prices: pd.Series) -> pd.Series:
    """Return the centred median of five observations: what lasts under three is timing noise."""
    return prices.rolling(SMOOTHING, center=True, min_periods=1).median()


def hourly_changes(prices: pd.Series) -> Array:
    """Return log changes between observations 30 to 90 minutes apart, in order of time."""
    step = np.diff(prices.index.to_numpy()) / np.timedelta64(1, "m")
    change = np.diff(np.log(prices.to_numpy(dtype=float)))
    return np.asarray(change[(step >= 30) & (step <= 90)])


def discounts_of(ratio: pd.Series, redeems_at: float | None = None) -> Discounts:
    """Measure a ratio against its maximum of the last 30 days.

    Parameters
    ----------
    ratio:
        Price in units of the underlying, indexed by observation time (UTC, increasing).
    redeems_at:
        Units of the underlying that one token is redeemed for, where that is fixed. The
        reference is never below it, so that a discount of more than 30 days is not forgotten.

    Returns
    -------
    Discounts
        The maximum is that of the day's median, so that one print cannot raise it for a month.
        Discounts are at least zero.
    """
    smooth = smoothed(ratio)
    reference = smooth.rolling("1D").median().rolling(MEMORY).max()
    if redeems_at is not None:
        reference = reference.clip(lower=redeems_at)
    return Discounts(smooth, (1 - smooth / reference).clip(lower=0))


def half_life(discounts: Discounts) -> float | None:
    """Return the hours in which half a discount is made good, or None when it is not.

    The discount's log follows an AR(1) of daily medians. Its coefficient is the ratio of the
    second to the first autocovariance, which noise of single observations leaves unchanged;
    a regression on the day before would take that noise for reversion.
    """
    daily = _daily(discounts)
    centred = daily - daily.mean()
    first = float((centred * centred.shift(1)).mean())
    second = float((centred * centred.shift(2)).mean())
    if not first > 0 or second >= first:
        return None
    # Nothing faster than an hour can be told from daily medians.
    daily_share = max(second / first, 2.0**-24)
    return float(24 * np.log(0.5) / np.log(daily_share))


def stationary_p(discounts: Discounts) -> float:
    """Return the p-value of an augmented Dickey-Fuller test on daily medians of the log discount.

    The null hypothesis is that the discount has a unit root. 1 when fewer than 30 days are
    known or the discount never moves.
    """
    daily = _daily(discounts).dropna()
    if len(daily) < FEWEST_DAYS or float(daily.max()) == float(daily.min()):
        return 1.0
    return float(np.clip(ADF(daily.to_numpy(), trend="c").pvalue, 0.0, 1.0))


def growth_per_year(level: pd.Series) -> float | None:
    """Return the yearly growth of a ratio's running maximum, by the Theil-Sen slope of its log.

    None when the series spans fewer than 90 days. The maximum is that of weekly medians.
    """
    weekly = smoothed(level).resample("7D").median().dropna()
    days = (weekly.index - weekly.index[0]) / pd.Timedelta("1D") if len(weekly) else []
    if len(weekly) < 3 or days[-1] < GROWTH_DAYS:
        return None
    slope = theilslopes(np.log(weekly.cummax().to_numpy()), np.asarray(days) / 365)[0]
    return float(np.expm1(slope))


def frozen_discount(measured: Discounts, redemption: Redemption | None) -> float | None:
    """Return the largest discount while redemption was not open; None without such a day."""
    if redemption is None:
        return None
    index = pd.DatetimeIndex(measured.discount.index)
    days = {day: redemption.is_open(day) for day in set(index.date)}
    frozen = measured.discount[[not days[day] for day in index.date]]
    return float(frozen.max()) if len(frozen) else None


def _daily(discounts: Discounts) -> pd.Series:
    """Daily medians of the log discount; days without an observation are NaN."""
    log_discount = pd.Series(
        np.log1p(-discounts.discount.to_numpy(dtype=float)), index=discounts.discount.index
    )
    return log_discount.resample("1D").median()
