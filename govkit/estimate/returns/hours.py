"""From candles to hourly log returns that can be trusted: gaps skipped, wicks filtered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from govkit.records.snapshot import Finding

Array = NDArray[np.float64]

HOUR_SECONDS = 3600

WICK_SHARE = 0.75
"""A low under this share of the candle's body is a print of one order book, not a price."""

MISSING_SHARE = 0.01
"""Gaps longer than a day that take more than this share of all hours are a warning."""


@dataclass(frozen=True)
class HourlyReturns:
    """Hourly log returns of one asset; hours after a gap are left out.

    Attributes
    ----------
    times:
        Close times, one per return, UTC.
    log_returns, log_lows:
        Shape (n_hours,). `log_lows` is log(low / previous close) after wick filtering.
    closes:
        Shape (n_hours,), price at each close.
    """

    asset: str
    times: pd.DatetimeIndex
    log_returns: Array
    log_lows: Array
    closes: Array
    wicks: int
    findings: tuple[Finding, ...]

    def before(self, moment: pd.Timestamp) -> HourlyReturns:
        """Return the part whose hours have closed by `moment`."""
        n = int(self.times.searchsorted(moment, side="right"))
        return HourlyReturns(
            self.asset, self.times[:n], self.log_returns[:n], self.log_lows[:n],
            self.closes[:n], self.wicks, self.findings,
        )  # fmt: skip


def hourly_returns(asset: str, candles: pd.DataFrame) -> HourlyReturns:
    """Turn hourly candles into returns and lows.

    Parameters
    ----------
    asset:
        Ticker, used in findings.
    candles:
        Indexed by candle open time (UTC, increasing); columns open, high, low, close.
        A candle whose low is under 75 % of its body is taken at the body's lower end: lending
        oracles aggregate venues and did not show such prints.

    Returns
    -------
    HourlyReturns
        Returns across gaps are left out, not spread over the missing hours.
    """
    closes = candles["close"].to_numpy(dtype=float)
    lows = candles["low"].to_numpy(dtype=float)
    body = np.minimum(candles["open"].to_numpy(dtype=float), closes)
    wick = lows < WICK_SHARE * body
    lows = np.where(wick, body, lows)
    opened = pd.DatetimeIndex(candles.index)
    step = np.diff(opened.as_unit("s").asi8) == HOUR_SECONDS
    returns = np.log(closes[1:] / closes[:-1])[step]
    low_returns = np.minimum(np.log(lows[1:] / closes[:-1]), np.log(closes[1:] / closes[:-1]))
    return HourlyReturns(
        asset=asset,
        times=opened[1:][step] + pd.Timedelta(hours=1),
        log_returns=returns,
        log_lows=low_returns[step],
        closes=closes[1:][step],
        wicks=int(wick.sum()),
        findings=_findings(asset, opened, wick),
    )


def in_numeraire(hours: HourlyReturns, unit: str, price: pd.Series) -> HourlyReturns:
    """Measure returns in a debt asset instead of in the quote of the candles.

    Parameters
    ----------
    unit:
        Ticker of the debt asset.
    price:
        Its price in the quote of the candles, indexed by close time (UTC). An hour is converted
        when the price is known at both its ends and kept at par otherwise, so that the edge of
        a gap does not look like a jump.

    Returns
    -------
    HourlyReturns
        `closes` stay in the quote; a finding says how many hours were converted.
    """
    now = np.log(price.reindex(hours.times).to_numpy(dtype=float))
    before = np.log(price.reindex(hours.times - pd.Timedelta("1h")).to_numpy(dtype=float))
    change = now - before
    known = np.isfinite(change)
    change = np.where(known, change, 0.0)
    said = Finding(
        severity="note",
        where=f"{hours.asset} hourly",
        what=f"{int(known.sum())} of {len(known)} hours are measured in {unit}; in the others "
        "its price is not known and it is taken at par with the quote",
    )
    returns = hours.log_returns - change
    # When within the hour the low was seen is not known: never above the hour's start or end.
    lows = np.minimum(hours.log_lows - change, np.minimum(returns, 0.0))
    findings = (*hours.findings, said)
    return replace(hours, log_returns=returns, log_lows=lows, findings=findings)


def _findings(asset: str, opened: pd.DatetimeIndex, wick: NDArray[np.bool_]) -> tuple[Finding, ...]:
    found = []
    gaps = np.diff(opened.as_unit("s").asi8) / HOUR_SECONDS - 1
    if (gaps > 0).any():
        worst = int(gaps.argmax())
        share = float(gaps.sum() / (gaps.sum() + len(opened)))
        found.append(
            Finding(
                severity="warning" if gaps.max() > 24 and share > MISSING_SHARE else "note",
                where=f"{asset} hourly",
                what=f"{_count(int((gaps > 0).sum()), 'gap')}, {int(gaps.sum()):,} hours missing "
                f"({100 * share:.1f} %); the longest has {int(gaps[worst]):,} hours after "
                f"{opened[worst]:%Y-%m-%d %H:%M}; returns across gaps are left out",
            )
        )
    if wick.any():
        days = sorted({f"{t:%Y-%m-%d}" for t in opened[wick]})
        shown = ", ".join(days[:4]) + (f" and {len(days) - 4} more days" if len(days) > 4 else "")
        found.append(
            Finding(
                severity="warning",
                where=f"{asset} hourly",
                what=f"{_count(int(wick.sum()), 'candle')} with a low under 75 % of the body "
                f"({shown}); taken as prints of one venue, the lower end of the body is used",
            )
        )
    return tuple(found)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def trim_constant(candles: pd.DataFrame) -> pd.DataFrame:
    """Drop leading candles whose price never moves (an unlisted or frozen start)."""
    moved = candles["close"].ne(candles["close"].iloc[0]).to_numpy()
    return candles.iloc[max(int(moved.argmax()) - 1, 0) :] if moved.any() else candles.iloc[:0]
