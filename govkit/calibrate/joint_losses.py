"""Losses of several books in the same episodes, added up and held against an appetite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.weighted import exceedance, expected_shortfall
from govkit.records.joint import JointAsset, JointCheck, JointShortfall
from govkit.records.market import Appetite

Array = NDArray[np.float64]

RARE = 0.999
"""Level of the second expected shortfall, the same for all appetites."""


@dataclass(frozen=True)
class JointLosses:
    """Bad debt of several books along common paths, dollars.

    Attributes
    ----------
    loss_usd, weight:
        Shapes (paths, assets) and (paths,); a row is one episode. Weights have mean 1.
    tied_usd, tied_weight:
        The same when every asset is driven by the same numbers, on paths of their own.
    debts_usd:
        Shape (assets,), each positive.
    """

    assets: tuple[str, ...]
    families: tuple[str, ...]
    thresholds: tuple[float, ...]
    debts_usd: Array
    loss_usd: Array
    weight: Array
    tied_usd: Array
    tied_weight: Array
    horizon_hours: float


def joint_record(
    losses: JointLosses, appetite: Appetite, left_out: tuple[str, ...] = ()
) -> JointCheck:
    """Summarise joint losses: chances above the floors, expected shortfalls, and the verdict.

    Chances have 95 % intervals of `weighted.exceedance`. "Independent" multiplies the assets'
    own chances. The floor of an asset follows from its own debt, that of all from all debt.
    """
    debt, total = float(losses.debts_usd.sum()), losses.loss_usd.sum(axis=1)
    floor = float(_floor(np.array(debt), appetite))
    over = losses.loss_usd > _floor(losses.debts_usd, appetite)
    every = np.column_stack([total > floor, over.any(axis=1), over.all(axis=1), over])
    chance, low, high = exceedance(losses.weight, every)
    own = chance[3:]
    tail = joint_shortfall(losses, appetite.tail_level)
    within = chance[0] <= appetite.book_probability and tail.es_share <= appetite.tail_loss_share
    return JointCheck(
        assets=_each(losses, own, appetite),
        debt_usd=debt,
        floor_usd=floor,
        horizon_hours=losses.horizon_hours,
        paths=len(total),
        p_bad_debt=float(chance[0]),
        p_low=float(low[0]),
        p_high=float(high[0]),
        p_any=float(chance[1]),
        p_independent=float(1 - np.prod(1 - own)),
        p_all=float(chance[2]),
        p_all_independent=float(np.prod(own)),
        tail=tail,
        rare=joint_shortfall(losses, RARE),
        p_limit=appetite.book_probability,
        es_limit=appetite.tail_loss_share,
        passed=bool(within),
        left_out=left_out,
    )


def joint_shortfall(losses: JointLosses, level: float) -> JointShortfall:
    """Return the expected shortfalls at one level, shares of all debt.

    Correlation one is what it diversifies on its own paths, times the sum on these: noise that
    both have in common cancels, and the sum is never exceeded.
    """
    es, half, es_sum = _joint_and_sum(losses.loss_usd, losses.weight, level)
    tied_es, _, tied_sum = _joint_and_sum(losses.tied_usd, losses.tied_weight, level)
    together = tied_es / tied_sum * es_sum if tied_sum > 0 else es_sum
    debt = float(losses.debts_usd.sum())
    return JointShortfall(
        level=level,
        es_share=es / debt,
        es_low=max(es - half, 0.0) / debt,
        es_high=(es + half) / debt,
        es_sum_share=es_sum / debt,
        es_share_correlation_one=together / debt,
        # Rounding error of the sums is no diversification.
        diversification=round(1 - es / es_sum, 9) if es_sum > 0 else None,
    )


def parts_of_shortfall(loss_usd: Array, weight: Array, level: float) -> Array | None:
    """Split the joint expected shortfall by asset: the loss of each on the worst joint paths.

    The worst paths carry a weight of 1 - level in all, the last of them in part (Euler's
    allocation, Tasche 1999). Shape (assets,), sum 1; None where nothing is lost on them.
    """
    order = np.argsort(-loss_usd.sum(axis=1), kind="stable")
    used = np.diff(np.minimum(np.cumsum(weight[order]) / len(weight), 1 - level), prepend=0.0)
    carried = used @ loss_usd[order]
    whole = carried.sum()
    return np.asarray(carried / whole) if whole > 0 else None


def _joint_and_sum(loss_usd: Array, weight: Array, level: float) -> tuple[float, float, float]:
    """Return the shortfall of the sum, its half-width, and the sum of shortfalls, dollars."""
    columns = np.column_stack([loss_usd, loss_usd.sum(axis=1)])
    shortfall, half = expected_shortfall(columns, weight, level)
    whole = float(shortfall[:-1].sum())
    # The shortfall of a sample is subadditive whatever its weights; what exceeds is rounding.
    return min(float(shortfall[-1]), whole), float(half[-1]), whole


def _each(losses: JointLosses, own: Array, appetite: Appetite) -> tuple[JointAsset, ...]:
    shortfall, _ = expected_shortfall(losses.loss_usd, losses.weight, appetite.tail_level)
    parts = parts_of_shortfall(losses.loss_usd, losses.weight, appetite.tail_level)
    floors = _floor(losses.debts_usd, appetite)
    return tuple(
        JointAsset(
            asset=asset,
            family=losses.families[k],
            threshold=losses.thresholds[k],
            debt_usd=float(losses.debts_usd[k]),
            floor_usd=float(floors[k]),
            p_bad_debt=float(own[k]),
            es_share=float(shortfall[k] / losses.debts_usd[k]),
            es_part=None if parts is None else float(parts[k]),
        )
        for k, asset in enumerate(losses.assets)
    )


def _floor(debt_usd: Array, appetite: Appetite) -> Array:
    return np.asarray(np.maximum(appetite.book_floor_share * debt_usd, appetite.book_floor_usd))
