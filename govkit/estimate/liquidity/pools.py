"""Pools of automated market makers: from reserves to average and marginal slippage."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from govkit.estimate.inputs import window_of
from govkit.estimate.liquidity.curves import NO_DEPTH, PREFERRED_OUT, in_preference
from govkit.estimate.liquidity.swaps import FEE_UNIT, balance_after, invariant, stableswap_out
from govkit.records.liquidity import LiquidityCurve
from govkit.records.provenance import NotDone, Window
from govkit.records.snapshot import SnapshotFile

Array = NDArray[np.float64]
PoolType = Literal["constant product", "stableswap"]

WEI = 10**18
LEVELS = np.geomspace(1e-4, 20.0, 54)
"""Sizes of a curve, in units of what would buy the pool's whole reserve at the first price."""

DEEPEST_SLIPPAGE = 0.95
REACH_SLIPPAGE = 0.03


@dataclass(frozen=True)
class Pool:
    """Two coins of a pool; reserves in tokens, the price of `asset_in` in dollars, fractions.

    Coins of a StableSwap pool are taken as worth the same: reserves of a token that accrues
    (a rate-bearing coin) must be given in units of what it redeems for.
    """

    name: str
    type: PoolType
    asset_in: str
    asset_out: str
    reserve_in: float
    reserve_out: float
    price_in_usd: float
    fee: float
    amplification: float | None = None


@dataclass(frozen=True)
class _Swaps:
    """What selling each size does: average and marginal cost, and the sizes in tokens."""

    sizes: Array
    slippage: Array
    marginal: Array


def curve_from_pool(pool: Pool, window: Window) -> LiquidityCurve | NotDone:
    """Return average and marginal slippage of selling into one pool.

    Slippage is measured against the pool's price before the sale. The pool's fee is part of it;
    the market's swap fee comes on top where both are used, which is on the cautious side.

    Returns
    -------
    LiquidityCurve or NotDone
        54 sizes up to a slippage of 95 %, error 0. NotDone when a reserve is zero (zero depth),
        a value is out of its range, or the StableSwap iteration does not converge.
    """
    reason = _unusable(pool)
    if reason is None:
        swaps = {"constant product": _constant_product, "stableswap": _stableswap}[pool.type]
        try:
            return _curve(pool, swaps(pool), window)
        except (ArithmeticError, ValueError) as error:
            reason = str(error)
    return NotDone(
        what=f"depth of {pool.asset_in} into {pool.asset_out}", reason=f"pool {pool.name}: {reason}"
    )


def pool_curves(
    pools: pd.DataFrame,
    table: SnapshotFile,
    asset_in: str,
    preferred_out: tuple[str, ...] = PREFERRED_OUT,
) -> Iterator[LiquidityCurve | NotDone]:
    """Yield the curve of every pair in a table of pools, the preferred ones first.

    Of each pool the last row counts. Where several pools trade a pair, the one that takes most
    at an average slippage of 3 % is used alone: depth is understated, not overstated. Nothing is
    yielded when the table has no pool for `asset_in`.

    Parameters
    ----------
    pools:
        Columns of the snapshot's table of pools; rows that may not be used are left out.
    """
    own = pools[pools["asset_in"] == asset_in].sort_values("timestamp", kind="stable")
    own = own.groupby(["pool", "asset_out"], sort=False).tail(1)
    for asset_out in in_preference(own["asset_out"], preferred_out):
        pair = own[own["asset_out"] == asset_out]
        made = [
            curve_from_pool(_pool(row), window_of((table,), pair.set_index("timestamp").iloc[[k]]))
            for k, row in enumerate(pair.to_dict("records"))
        ]
        curves = [curve for curve in made if isinstance(curve, LiquidityCurve)]
        yield max(curves, key=_reach) if curves else made[0]


def _reach(curve: LiquidityCurve) -> float:
    """Return the size a curve sells at an average of 3 %, about what a bonus of 5 % pays for."""
    return float(np.interp(REACH_SLIPPAGE, curve.slippage, curve.sizes_usd))


def _pool(row: dict[Hashable, Any]) -> Pool:
    number = {
        name: float(row[name])
        for name in ("reserve_in", "reserve_out", "price_in_usd", "fee", "amplification")
    }
    a = number.pop("amplification")
    kind: PoolType = "stableswap" if row["type"] == "stableswap" else "constant product"
    return Pool(
        name=str(row["pool"]),
        type=kind,
        asset_in=str(row["asset_in"]),
        asset_out=str(row["asset_out"]),
        amplification=None if math.isnan(a) else a,
        **number,
    )


def _unusable(pool: Pool) -> str | None:
    for asset, reserve in ((pool.asset_in, pool.reserve_in), (pool.asset_out, pool.reserve_out)):
        if reserve == 0:
            return f"zero depth: it holds no {asset}"
        if not 0 < reserve < math.inf:
            return f"its reserve of {asset} is {reserve:g}"
    if not 0 < pool.price_in_usd < math.inf:
        return f"the price of {pool.asset_in} is {pool.price_in_usd:g}"
    if not 0 <= pool.fee < NO_DEPTH:
        return f"its fee is {pool.fee:g}, which is not a fraction below {NO_DEPTH:g}"
    if pool.type == "stableswap" and not (pool.amplification or 0) >= 1:
        return "a StableSwap pool needs an amplification of at least 1"
    return None


def _constant_product(pool: Pool) -> _Swaps:
    """Average and marginal in closed form: without fee q / (x + q) and 1 - (x / (x + q))^2."""
    sizes, kept = LEVELS * pool.reserve_in, 1 - pool.fee
    left = pool.reserve_in / (pool.reserve_in + kept * sizes)
    return _Swaps(sizes=sizes, slippage=1 - kept * left, marginal=1 - kept * left**2)


def _stableswap(pool: Pool) -> _Swaps:
    """Average by exact swaps, marginal from the slope of the invariant after each swap."""
    x, y = (int(Decimal(repr(r)) * WEI) for r in (pool.reserve_in, pool.reserve_out))
    # Hundredths of A, as the later contracts store it.
    a, precision = round((pool.amplification or 0) * 100), 100
    d = invariant((x, y), a, precision)
    slope = _slope_of(d / WEI, 2 * a / precision)
    first = slope(x / WEI, y / WEI)
    sizes = LEVELS * pool.reserve_out / first
    fee = round(pool.fee * FEE_UNIT)
    average, last = [], []
    for size in sizes.tolist():
        amount = int(Decimal(repr(size)) * WEI)
        out = stableswap_out(amount, 0, 1, (x, y), a, fee, precision)
        after = balance_after(0, 1, x + amount, (x, y), a, precision)
        average.append(1 - out / (amount * first))
        last.append(1 - (1 - pool.fee) * slope((x + amount) / WEI, after / WEI) / first)
    return _Swaps(sizes=sizes, slippage=np.array(average), marginal=np.array(last))


def _slope_of(d: float, weight: float) -> Callable[[float, float], float]:
    """Return the function that gives the price of coin x in coin y at two balances, -dy/dx.

    By the implicit function theorem: (w + p / x) / (w + p / y) with w = A n and
    p = D^(n+1) / (n^n prod x).
    """

    def slope(x: float, y: float) -> float:
        product = d * (d / (2 * x)) * (d / (2 * y))
        return (weight + product / x) / (weight + product / y)

    return slope


def _curve(pool: Pool, swaps: _Swaps, window: Window) -> LiquidityCurve:
    slippage = np.maximum.accumulate(np.clip(swaps.slippage, 0.0, 1.0))
    marginal = np.minimum(np.maximum.accumulate(np.maximum(swaps.marginal, slippage)), 1.0)
    kept = slippage < DEEPEST_SLIPPAGE
    return LiquidityCurve(
        asset_in=pool.asset_in,
        asset_out=pool.asset_out,
        method=pool.type,
        sizes_usd=tuple((swaps.sizes[kept] * pool.price_in_usd).tolist()),
        slippage=tuple(slippage[kept].tolist()),
        marginal=tuple(marginal[kept].tolist()),
        error=(0.0,) * int(kept.sum()),
        as_of=window.last[:10],
        window=window,
    )
