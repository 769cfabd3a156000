"""Why a number: inputs removed in turn, break-evens, sensitivity, baselines, frontier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from govkit.calibrate.baselines import baselines
from govkit.calibrate.book import grid_points
from govkit.calibrate.case import Case
from govkit.calibrate.position import position_limit, quantile_fall
from govkit.calibrate.sensitivity import sensitivity, unit_of, value_of
from govkit.calibrate.surrogate import Surrogate
from govkit.records.evidence import Support
from govkit.records.justification import BreakEven, FrontierPoint, Justification, Removed
from govkit.records.market import Appetite

Array = NDArray[np.float64]

BREAK_EVEN_INPUTS = ("volatility", "depth", "latency", "exposure")
FACTORS = np.geomspace(0.1, 10.0, 401)
ALL_BUT = 1e9
FRONTIER_BELOW, FRONTIER_ABOVE = 0.15, 0.10


def justification(
    case: Case, surrogate: Surrogate, support: Support, appetite: Appetite, unnecessary: Array
) -> Justification:
    """Gather everything beside the limits that explains a supported value.

    Parameters
    ----------
    unnecessary:
        Share of unnecessary liquidations at each threshold of the case's grid.
    """
    bars, points = sensitivity(case, surrogate, appetite.position_probability)
    return Justification(
        removed=removed_inputs(case, surrogate, support, appetite),
        break_evens=break_evens(case, surrogate),
        sensitivity=bars,
        sensitivity_points=points,
        baselines=baselines(case, surrogate, support),
        frontier=frontier(case, appetite, unnecessary),
    )


def removed_inputs(
    case: Case, surrogate: Surrogate, support: Support, appetite: Appetite
) -> tuple[Removed, ...]:
    """Return the supported value with one input gone, the others as they are."""
    falls = case.falls
    fall = quantile_fall(falls.over_horizon, falls.weight, appetite.position_probability)
    position = position_limit(fall, case.asked.deviation, case.asked.bonus)
    without: dict[str, Array | float] = {
        "fall within T": surrogate.supported({"volatility": 0.0}),
        "finite depth": surrogate.supported({"depth": ALL_BUT}),
        "latency": surrogate.supported({"latency": 0.0}),
        "oracle deviation": surrogate.supported({"oracle deviation": 0.0}),
        "swap fee and gas": surrogate.supported({"swap fee": 0.0, "gas": 0.0}),
        "price of the bonus": support.bound * (1 + case.asked.bonus),
        "limits of book and stress": support.bound * position / support.point,
        "uncertainty": support.point,
    }
    return tuple(
        Removed(
            input=name, supported=float(value), points=100 * (float(value) - support.bound)
        )
        for name, value in without.items()
    )  # fmt: skip


def break_evens(case: Case, surrogate: Surrogate) -> tuple[BreakEven, ...]:
    """Return at which value of each input the threshold in force is exactly what is supported."""
    current = case.asked.reserve.threshold.value
    found = []
    for name in BREAK_EVEN_INPUTS:
        if name == "volatility" and case.asked.returns.basis == "depeg":
            continue
        now = value_of(case, surrogate, name)
        factor = crossing(surrogate, name, current)
        reason = ""
        if factor is None:
            holds = "stays supported" if float(surrogate.supported({})) >= current else (
                "is not supported"
            )  # fmt: skip
            reason = f"{current * 100:g} % {holds} from a tenth of it to ten times it"
        found.append(
            BreakEven.model_validate(
                {
                    "input": name,
                    "unit": unit_of(name),
                    "now": now,
                    "at": None if factor is None else factor * now,
                    "reason": reason,
                }
            )
        )
    return tuple(found)


def crossing(surrogate: Surrogate, name: str, threshold: float) -> float | None:
    """Return the factor nearest to 1 at which the supported value passes `threshold`, or None."""
    excess = surrogate.supported({name: FACTORS}) - threshold
    at = np.flatnonzero(np.sign(excess[1:]) != np.sign(excess[:-1]))
    if len(at) == 0:
        return None
    k = int(at[np.argmin(np.abs(np.log(FACTORS[at])))])

    def gap(factor: float) -> float:
        return float(surrogate.supported({name: factor})) - threshold

    return float(brentq(gap, FACTORS[k], FACTORS[k + 1], xtol=1e-9))


def frontier(case: Case, appetite: Appetite, unnecessary: Array) -> tuple[FrontierPoint, ...]:
    """Return thresholds around the one in force with what they give and what they cost."""
    current = case.asked.reserve.threshold.value
    cap = case.asked.reserve.supply_cap.value * case.asked.known.price_usd
    points = grid_points(case.losses, appetite)
    near = [
        (point, float(unnecessary[k]))
        for k, point in enumerate(points)
        if current - FRONTIER_BELOW <= point.threshold <= current + FRONTIER_ABOVE
        and abs(point.threshold * 100 - round(point.threshold * 100)) < 1e-6
    ]
    costs = [(-point.threshold, point.es_share, share) for point, share in near]
    return tuple(
        FrontierPoint(
            threshold=point.threshold,
            borrowing_usd=point.threshold * cap,
            es_share=point.es_share,
            unnecessary_share=share,
            dominated=any(_better(other, own) for other in costs),
        )
        for (point, share), own in zip(near, costs, strict=True)
    )


def _better(other: tuple[float, ...], own: tuple[float, ...]) -> bool:
    """Return whether `other` costs no more in anything and less in something."""
    return other != own and all(a <= b for a, b in zip(other, own, strict=True))
