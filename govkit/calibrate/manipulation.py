"""What it costs to push up the price of a pool, and how much collateral leaves that unprofitable.

A constant-product pool holds y dollars of what the token is bought with. Pushing its price up by
a factor k takes y (sqrt(k) - 1) of capital; when arbitrage brings the price back, the attacker
has lost y (sqrt(k) - 1)^2 / sqrt(k). Collateral worth V before the push then carries a debt of
threshold x k x V, which pays when (threshold x k - 1) V exceeds that loss.
"""

from __future__ import annotations

import math

import numpy as np

from govkit.records.liquidity import LiquidityCurve
from govkit.records.oracle import ManipulationScreen, PoolDepth, Push
from govkit.records.provenance import NotDone

SMALLEST_SLIPPAGE = 0.005
"""Below it, quotes hold more noise and fee than depth."""

LARGEST_SLIPPAGE = 0.10
"""Beyond it, a curve bends away from one pool."""

FACTORS = (1.5, 2.0, 5.0, 10.0)
"""Pushes that are shown whether or not the feed's bound is known."""

GRID = 4001


def push_cost(reserve_usd: float, factor: float) -> float:
    """Return what a push by `factor` loses to arbitrage: y (sqrt(k) - 1)^2 / sqrt(k)."""
    root = math.sqrt(factor)
    return reserve_usd * (root - 1) ** 2 / root


def push_capital(reserve_usd: float, factor: float) -> float:
    """Return what is paid into the pool for a push by `factor`: y (sqrt(k) - 1)."""
    return reserve_usd * (math.sqrt(factor) - 1)


def push(reserve_usd: float, factor: float, threshold: float) -> Push:
    """Return cost, capital and break-even of one push.

    The break-even, cost / (threshold x k - 1), is the collateral (valued before the push) whose
    debt just pays for it; None when threshold x k is at most 1, where debt is always covered.
    """
    cost = push_cost(reserve_usd, factor)
    gain = threshold * factor - 1
    return Push(
        factor=factor,
        cost_usd=cost,
        capital_usd=push_capital(reserve_usd, factor),
        break_even_usd=cost / gain if gain > 0 else None,
    )


def pool_depth(curve: LiquidityCurve, haircut: float = 0.0) -> PoolDepth | None:
    """Read a depth curve as one constant-product pool.

    Selling q dollars into such a pool costs q / (y + q) on average, so each point of the curve
    implies y = q (1 - s) / s. The least y of the points with slippage from 0.5 % to 10 % is
    taken, or of the point nearest to that band where none lies in it: cautious, since a curve
    that thins out implies less the further it is sold into.

    Parameters
    ----------
    haircut:
        Share of the quoted depth that is gone under stress, below 1.

    Returns
    -------
    PoolDepth or None
        None when no point has any slippage, and for the volume law: its first dollars slip like
        those of a pool a twentieth of the size that its later ones imply.
    """
    if curve.method == "volume law":
        return None
    size, slip = np.array(curve.sizes_usd), np.array(curve.slippage)
    size, slip = size[(slip > 0) & (slip < 1)], slip[(slip > 0) & (slip < 1)]
    if len(slip) == 0:
        return None
    used = (slip >= SMALLEST_SLIPPAGE) & (slip <= LARGEST_SLIPPAGE)
    if not used.any():
        gap = np.maximum(SMALLEST_SLIPPAGE / slip, slip / LARGEST_SLIPPAGE)
        used = np.arange(len(slip)) == int(np.argmin(gap))
    implied = size[used] * (1 - slip[used]) / slip[used]
    return PoolDepth(
        reserve_usd=float(implied.min()) * (1 - haircut),
        haircut=haircut,
        points=int(used.sum()),
        as_of=curve.as_of,
    )


def manipulation_screen(
    curve: LiquidityCurve,
    threshold: float,
    sanity_bound: float | None,
    *,
    haircut: float = 0.0,
) -> ManipulationScreen | NotDone:
    """Return the collateral up to which pushing the feed within its bound does not pay.

    The break-even is not monotone in the push: a small push can pay where one to the bound does
    not. So the safe exposure is the least break-even over all pushes up to the bound.
    """
    if sanity_bound is None:
        return NotDone(
            what="manipulation screen",
            reason="no upper bound of the feed is known, so no exposure can be called safe",
        )
    if sanity_bound <= 1:
        return NotDone(
            what="manipulation screen",
            reason="the feed already stands at its cap, so no trade can push it up",
        )
    pool = pool_depth(curve, haircut)
    if pool is None:
        return NotDone(
            what="manipulation screen",
            reason="depth is a law of traded volume, from which no pool can be read"
            if curve.method == "volume law"
            else "the depth curve shows no slippage, so no cost can be put on a push",
        )
    at_bound = push(pool.reserve_usd, sanity_bound, threshold)
    worst = at_bound
    if at_bound.break_even_usd is not None:
        start = max(1 / threshold, 1.0)
        pushes = [
            push(pool.reserve_usd, float(k), threshold)
            for k in start + (sanity_bound - start) * np.linspace(0, 1, GRID)[1:] ** 2
        ]
        worst = min((*pushes, at_bound), key=lambda one: one.break_even_usd or math.inf)
    return ManipulationScreen(
        threshold=threshold,
        sanity_bound=sanity_bound,
        at_bound=at_bound,
        worst=worst,
        safe_exposure_usd=worst.break_even_usd,
    )
