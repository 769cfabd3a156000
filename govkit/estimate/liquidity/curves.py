"""Liquidity: from quotes, or where there are none from a flagged volume law, to a curve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import chi2

from govkit.estimate.inputs import window_of
from govkit.records.liquidity import LiquidityCurve
from govkit.records.provenance import NotDone, Window
from govkit.records.snapshot import SnapshotFile

Array = NDArray[np.float64]

BINS_PER_DECADE = 5
FEWEST_QUOTES = 3
FEWEST_BINS = 4
SMALLEST_SIZE_USD = 10_000.0
NO_DEPTH = 0.5
"""A median slippage of this much at every size counts as no depth: no bonus pays for it."""

SOURCE_NOISE = 0.002
"""Falls of slippage up to this are prices that moved between two quotes."""

FALL_LEVEL = 0.9999
VOLUME_LAW_COEFFICIENT = 4.0
VOLUME_LAW_SIZES = np.geomspace(1e4, 1e9, 26)
LARGEST_MARGINAL = 0.95
VOLUME_LAW_MARGINAL = 1.5
"""Derivative of q sqrt(q) over sqrt(q): the last unit costs one and a half times the average."""

PREFERRED_OUT = ("USDC", "USDT", "WETH")


def curve_from_quotes(
    quotes: pd.DataFrame, asset_in: str, asset_out: str, window: Window
) -> LiquidityCurve | NotDone:
    """Fit average and marginal slippage against size to the quotes of one pair.

    Parameters
    ----------
    quotes:
        Quotes of `asset_in` into `asset_out` alone. Columns ``size_usd`` and ``slippage``
        (average price against the best quote of the same moment, a fraction). Rows without
        slippage and rows under $10,000, which are noise, are left out.

    Returns
    -------
    LiquidityCurve or NotDone
        Medians of five bins a decade with at least three quotes, made non-decreasing by
        isotonic regression weighted by counts; the error is half the 10 to 90 % range of a
        bin; the marginal is that of `marginal_of`. NotDone with fewer than four bins, when
        every size loses half its value (zero depth), or when slippage falls with size by more
        than the quotes' own scatter.
    """
    what = f"depth of {asset_in} into {asset_out}"
    bins = _binned(quotes)
    if len(bins.size) < FEWEST_BINS:
        return NotDone(
            what=what,
            reason=f"too few quotes: {len(bins.size)} sizes with at least {FEWEST_QUOTES} quotes "
            f"of ${SMALLEST_SIZE_USD:,.0f} or more, {FEWEST_BINS} are needed",
        )
    if bins.middle.min() >= NO_DEPTH:
        return NotDone(
            what=what,
            reason=f"zero depth: every quoted size loses at least {_percent(bins.middle.min())} "
            f"of its value; the smallest is {_dollars(bins.size[0])}",
        )
    if (fall := _fall_with_size(bins)) is not None:
        return NotDone(what=what, reason=fall)
    smooth = np.clip(isotonic_regression(bins.middle, weights=bins.count).x, 0.0, 1.0)
    return LiquidityCurve(
        asset_in=asset_in,
        asset_out=asset_out,
        method="quotes",
        sizes_usd=tuple(bins.size.tolist()),
        slippage=tuple(smooth.tolist()),
        marginal=tuple(marginal_of(bins.size, smooth).tolist()),
        error=tuple(bins.error.tolist()),
        as_of=window.last[:10],
        window=window,
    )


def curves_of(
    quotes: pd.DataFrame,
    table: SnapshotFile,
    asset_in: str,
    preferred_out: tuple[str, ...] = PREFERRED_OUT,
) -> Iterator[LiquidityCurve | NotDone]:
    """Yield the curve of every pair in which `asset_in` is sold, the preferred ones first.

    Parameters
    ----------
    quotes:
        A table of quotes with ``timestamp``, ``asset_in``, ``asset_out``, ``size_usd`` and
        ``slippage``; rows that may not be used are already left out.
    table:
        Its entry in the snapshot, for source and digest.
    preferred_out:
        In this order; the others follow by name. `asset_in` itself is skipped, so USDC is
        sold for USDT.

    Yields
    ------
    LiquidityCurve or NotDone
        Nothing when the table has no quotes of `asset_in`.
    """
    own = quotes[quotes["asset_in"] == asset_in]
    for asset_out in in_preference(own["asset_out"], preferred_out):
        pair = own[own["asset_out"] == asset_out]
        window = window_of((table,), pair.set_index("timestamp").sort_index())
        yield curve_from_quotes(pair, asset_in, asset_out, window)


def in_preference(names: Iterable[str], preferred: tuple[str, ...]) -> list[str]:
    """Return the distinct names, the preferred ones first and the others in their order."""
    there = sorted(set(names))
    return [n for n in preferred if n in there] + [n for n in there if n not in preferred]


def marginal_of(sizes: Array, slippage: Array) -> Array:
    """Return the cost of the last unit from the average cost of selling a size.

    The cost of a size is C(q) = q s(q), and the marginal is its derivative, 1 - R'(q) with the
    proceeds R(q) = q (1 - s(q)). A seller takes the cheapest offers first, so C is convex: the
    slopes between the sizes, from C(0) = 0, are made non-decreasing by isotonic regression
    weighted by the widths (the greatest convex curve under C), set at the middle of each step
    and read off at the sizes.

    Parameters
    ----------
    sizes:
        Shape (n,), positive and increasing.
    slippage:
        Shape (n,), average, non-decreasing, from 0 to 1.

    Returns
    -------
    ndarray
        Shape (n,), non-decreasing, at least `slippage` and at most 1. For a constant product,
        1 - (x / (x + q))^2, about twice the average at small sizes.
    """
    edges = np.concatenate([[0.0], sizes])
    cost = np.concatenate([[0.0], sizes * slippage])
    widths = np.diff(edges)
    slopes = isotonic_regression(np.diff(cost) / widths, weights=widths).x
    middles = edges[:-1] + widths / 2
    marginal = np.interp(sizes, middles, slopes)
    # The last size lies half a step beyond the last slope: go on at the rate of the step before.
    rate = (slopes[-1] - slopes[-2]) / (middles[-1] - middles[-2])
    marginal[-1] = slopes[-1] + rate * (sizes[-1] - middles[-1])
    return np.minimum(np.maximum.accumulate(np.maximum(marginal, slippage)), 1.0)


def curve_from_volume(
    asset_in: str,
    asset_out: str,
    daily_volume_usd: float,
    daily_volatility: float,
    window: Window,
) -> LiquidityCurve:
    """Average slippage by the square-root law s = Y * volatility * sqrt(size / volume), Y = 4.

    A stand-in where there are no quotes: with Y = 1 the law overstated on-chain depth 13 to 94
    times where both were known, so Y is 4 and every document says that the law was used. The
    marginal is 1.5 times the average; sizes end where it would pass 95 %. The error is not known
    and stands as 0.
    """
    slippage = (
        VOLUME_LAW_COEFFICIENT * daily_volatility * np.sqrt(VOLUME_LAW_SIZES / daily_volume_usd)
    )
    kept = VOLUME_LAW_MARGINAL * slippage < LARGEST_MARGINAL
    marginal = VOLUME_LAW_MARGINAL * slippage[kept]
    return LiquidityCurve(
        asset_in=asset_in,
        asset_out=asset_out,
        method="volume law",
        sizes_usd=tuple(VOLUME_LAW_SIZES[kept].tolist()),
        slippage=tuple(slippage[kept].tolist()),
        marginal=tuple(marginal.tolist()),
        error=tuple(np.zeros(int(kept.sum())).tolist()),
        as_of=window.last[:10],
        window=window,
        daily_volume_usd=daily_volume_usd,
        daily_volatility=daily_volatility,
        coefficient=VOLUME_LAW_COEFFICIENT,
    )


def median_daily_volume(candles: pd.DataFrame, since: pd.Timestamp) -> float | None:
    """Median over days of one venue's traded value (volume x close), None without volume."""
    recent = candles[candles.index >= since]
    value = (recent["volume"] * recent["close"]).resample("1D").sum()
    value = value[value > 0]
    return float(value.median()) if len(value) >= 30 else None


@dataclass(frozen=True)
class _Bins:
    """Quotes by size: median size and slippage, half range, count, squares around the mean."""

    size: Array
    middle: Array
    error: Array
    count: Array
    squares: Array


def _binned(quotes: pd.DataFrame) -> _Bins:
    used = quotes[(quotes["size_usd"] >= SMALLEST_SIZE_USD) & quotes["slippage"].notna()]
    bins = np.floor(np.log10(used["size_usd"].to_numpy(dtype=float)) * BINS_PER_DECADE)
    rows = []
    for _, group in used.groupby(bins):
        if len(group) >= FEWEST_QUOTES:
            slippage = group["slippage"].to_numpy(dtype=float)
            low, middle, high = np.quantile(slippage, [0.1, 0.5, 0.9])
            squares = float(((slippage - slippage.mean()) ** 2).sum())
            rows.append((group["size_usd"].median(), middle, (high - low) / 2, len(group), squares))
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return _Bins(*columns)


def _fall_with_size(bins: _Bins) -> str | None:
    """Say by how much slippage falls with size, or None when that may be scatter.

    The distance of the medians from the nearest non-decreasing ones is compared with their
    standard errors; under a non-decreasing truth its law is below chi-squared with one degree
    of freedom less than bins. The scatter of a bin is pooled with its two neighbours, because
    three quotes tell little. Distances up to `SOURCE_NOISE` never count.
    """
    pooled = [np.convolve(x, np.ones(3), "same") for x in (bins.squares, bins.count - 1)]
    scatter = np.sqrt(pooled[0] / pooled[1])
    # The median of a normal sample scatters sqrt(pi / 2) times as much as its mean.
    standard_error = np.maximum(scatter * np.sqrt(np.pi / 2 / bins.count), 1e-9)
    rising = isotonic_regression(bins.middle, weights=standard_error**-2).x
    away = np.abs(bins.middle - rising)
    distance = float(((away / standard_error) ** 2).sum())
    if away.max() <= SOURCE_NOISE or distance <= chi2.ppf(FALL_LEVEL, len(away) - 1):
        return None
    before = np.maximum.accumulate(bins.middle)
    low = int(np.argmax(before - bins.middle))
    high = int(np.argmax(bins.middle[: low + 1]))
    return (
        f"quotes fall with size: the median slippage is {_percent(bins.middle[high])} at "
        f"{_dollars(bins.size[high])} and {_percent(bins.middle[low])} at "
        f"{_dollars(bins.size[low])}, more than their scatter explains; a larger sale cannot "
        "cost less"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _dollars(size: float) -> str:
    return f"${float(f'{size:.3g}'):,.0f}"
