"""What feeds, keepers and markets are to a kernel, and how a sale is sized.

Functions take all collaterals of a market and the place `j` of one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from govkit.simulate.compiled import compiled
from govkit.simulate.engine.terms import Conditions, Depth, Pool, Terms

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST_ROOM_USD = 1.0
"""Room of a dollar or less is no room: nothing is sold into it."""


(
    BONUS, KEEPER_SHARE, DEVIATION, HEARTBEAT, LATENCY, KEPT_OF_SALE, COST, PERMANENT, POOL,
    DECAY, CALM, CALM_SIZE, DRAINED,
) = range(13)  # fmt: skip
"""Columns of `Sales.table`."""


MOST_SLIPPAGE = 1.0 - 1e-15
"""Of a pool, which no sale empties."""


class Sales(NamedTuple):
    """What a compiled step needs of `Terms` and depth: few arrays, so that a call costs little.

    `table` has shape (collaterals, 13), the curves `sizes` and `averages` (collaterals, points),
    shorter ones with their end repeated. A pool has no curve, and a curve a pool of 0.
    """

    table: Array
    sizes: Array
    averages: Array


class Trouble(NamedTuple):
    """The scalars of `Conditions`: the first report, the share of what is due that is shown."""

    outage: int
    frozen: int
    first: float
    shown: float


def trouble_of(conditions: Conditions) -> Trouble:
    """Gather what a kernel needs of the conditions."""
    shown = 1.0 - conditions.feed_low
    return Trouble(
        outage=int(conditions.outage_steps),
        frozen=int(conditions.frozen_steps),
        first=(1.0 + conditions.feed_high) * shown,
        shown=shown,
    )


def sales_of(collaterals: tuple[tuple[Terms, Depth | Pool], ...]) -> Sales:
    """Gather what a kernel needs of each collateral of a market."""
    curves = [
        depth if isinstance(depth, Depth) else Depth(np.zeros(1), np.zeros(1))
        for _, depth in collaterals
    ]
    longest = max(len(curve.sizes_usd) for curve in curves)
    table = np.zeros((len(collaterals), 13))
    sizes = np.array([_padded(curve.sizes_usd, longest) for curve in curves])
    averages = np.array([_padded(curve.slippage, longest) for curve in curves])
    for row, (terms, depth), own_sizes, own in zip(
        table, collaterals, sizes, averages, strict=True
    ):
        pool = depth if isinstance(depth, Pool) else Pool(0.0, 0.0)
        row[: DECAY + 1] = (
            terms.bonus, 1.0 - terms.protocol_fee_share, terms.deviation, terms.heartbeat_steps,
            terms.latency_steps, 1.0 - terms.swap_fee, 1.0 + terms.gas_share,
            terms.permanent_share, pool.units_usd, _decay(pool.half_life_steps),
        )  # fmt: skip
        row[CALM] = affordable(row, row[BONUS], 1.0, 1.0)
        row[CALM_SIZE] = largest_size(row, own_sizes, own, row[CALM], 1.0)
        row[DRAINED] = row[CALM_SIZE] / terms.refill_steps
    return Sales(table, sizes, averages)


def _padded(values: Array, length: int) -> Array:
    return np.pad(np.asarray(values, dtype=float), (0, length - len(values)), "edge")


def _decay(half_life: float) -> float:
    return float(2.0 ** (-1.0 / half_life)) if half_life > 0 else 0.0


@compiled(inline=True)
def affordable(row, bonus, seen, price):  # type: ignore[no-untyped-def]
    """Largest average slippage that a keeper's share of the bonus pays for; may be negative."""
    earned = (1.0 + bonus * row[KEEPER_SHARE]) * row[KEPT_OF_SALE] * price
    return 1.0 - row[COST] * seen / earned


@compiled()
def largest_size(row, sizes, averages, slippage, price):  # type: ignore[no-untyped-def]
    """Largest size in dollars whose average slippage is at most `slippage`."""
    if slippage <= 0.0:
        return 0.0
    if row[POOL] > 0.0:
        part = min(slippage, MOST_SLIPPAGE)
        return row[POOL] * part / (1.0 - part) * price
    lo, hi = 0, len(averages)
    while lo < hi:
        middle = (lo + hi) // 2
        if averages[middle] <= slippage:
            lo = middle + 1
        else:
            hi = middle
    if lo == 0:
        return 0.0
    if lo == len(averages):
        return sizes[lo - 1]
    share = (slippage - averages[lo - 1]) / (averages[lo] - averages[lo - 1])
    return sizes[lo - 1] + share * (sizes[lo] - sizes[lo - 1])


@compiled()
def average_slippage(row, sizes, averages, size, price):  # type: ignore[no-untyped-def]
    """Average slippage of selling `size` dollars at once; past the curve's end that of its end."""
    if row[POOL] > 0.0:
        return size / (row[POOL] * price + size)
    for k in range(1, len(sizes)):
        if size < sizes[k]:
            share = (size - sizes[k - 1]) / (sizes[k] - sizes[k - 1])
            return averages[k - 1] + share * (averages[k] - averages[k - 1])
    return averages[-1]


@compiled(inline=True)
def impact_of(row, sold, price):  # type: ignore[no-untyped-def]
    """Change of the log price by a sale of `sold` dollars: the permanent and the other part."""
    stays, fades = 0.0, 0.0
    if row[POOL] > 0.0:
        change = -2.0 * np.log(1.0 + sold / price / row[POOL])
        stays, fades = row[PERMANENT] * change, (1.0 - row[PERMANENT]) * change
    elif row[CALM_SIZE] > 0.0:
        stays = -row[PERMANENT] * row[CALM] * sold / row[CALM_SIZE]
    return stays, fades
