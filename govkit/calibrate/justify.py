"""Why a number: inputs removed in turn, break-evens, sensitivity, baselines, frontier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from govkit.calibrate.baselines import baselines
from govkit.calibrate.book import grid_points
from govkit.calibrate.case import Asked, Case
from govkit.calibrate.levers import Meets
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
BISECTIONS = 12
CLIFF = "beyond it nobody liquidates, or the sale takes more than 72 hours"
FRONTIER_BELOW, FRONTIER_ABOVE = 0.15, 0.10


def justification(
    case: Case,
    surrogate: Surrogate,
    support: Support,
    appetite: Appetite,
    unnecessary: Array,
    meets: Meets | None,
) -> Justification:
    """Gather everything beside the limits that explains a supported value.

    Parameters
    ----------
    unnecessary:
        Share of unnecessary liquidations at each threshold of the case's grid.
    meets:
        Where a limit other than the position binds: all limits at the threshold in force.
    """
    bars, points = sensitivity(case, surrogate, appetite.position_probability)
    return Justification(
        removed=removed_inputs(case, surrogate, support, appetite),
        break_evens=break_evens(case, surrogate, meets),
        sensitivity=bars,
        sensitivity_points=points,
        baselines=baselines(case, surrogate, support),
        frontier=frontier(case, appetite, unnecessary),
    )


def removed_inputs(
    case: Case, surrogate: Surrogate, support: Support, appetite: Appetite
) -> tuple[Removed, ...]:
    """Return the supported value with one input gone, the others as they are.

    The deduction of overlays is a line of its own where there is one, apart from uncertainty.
    """
    falls = case.falls
    fall = quantile_fall(falls.over_horizon, falls.weight, appetite.position_probability)
    position = position_limit(fall, case.asked.deviation, case.asked.bonus)
    deduction = before_overlays(case, support, appetite) - support.bound
    without: dict[str, Array | float] = {
        "fall within T": surrogate.supported({"volatility": 0.0}),
        "finite depth": surrogate.supported({"depth": ALL_BUT}),
        "latency": surrogate.supported({"latency": 0.0}),
        "oracle deviation": surrogate.supported({"oracle deviation": 0.0}),
        "swap fee and gas": surrogate.supported({"swap fee": 0.0, "gas": 0.0}),
        "price of the bonus": support.bound * (1 + case.asked.bonus),
        "limits of book and stress": support.bound * position / support.point,
        "uncertainty": support.point - deduction,
    }
    if deduction > 1e-12:
        without["overlays"] = support.bound + deduction
    return tuple(
        Removed(
            input=name, supported=float(value), points=100 * (float(value) - support.bound)
        )
        for name, value in without.items()
    )  # fmt: skip


def before_overlays(case: Case, support: Support, appetite: Appetite) -> float:
    """Return the lower bound at the appetite's confidence before overlays are deducted."""
    factors = case.refits[appetite.position_probability]
    if not len(factors):
        return support.point
    return min(support.point, float(np.quantile(support.point * factors, 1 - appetite.confidence)))


def break_evens(
    case: Case, surrogate: Surrogate, meets: Meets | None = None
) -> tuple[BreakEven, ...]:
    """Return at which value of each input the threshold in force is exactly what is supported.

    Where support drops to 0 at once and passes the threshold in the drop, the value is that of
    the drop and the reason says so.

    Parameters
    ----------
    meets:
        Every limit run anew, see `levers.supports`; needed where a limit other than the position
        binds, which the surrogate only holds in proportion.
    """
    current = case.asked.reserve.threshold.value
    holding = float(surrogate.supported({})) >= current
    found = []
    for name in BREAK_EVEN_INPUTS:
        if name == "volatility" and case.asked.returns.basis == "depeg":
            continue
        now = value_of(case, surrogate, name)
        factor = (
            crossing(surrogate, name, current)
            if meets is None
            else limits_crossing(case.asked, meets, name)
        )
        reason = ""
        if factor is None:
            holds = "stays supported" if holding else "is not supported"
            reason = f"{current * 100:g} % {holds} from a tenth of it to ten times it"
        elif meets is None and abs(float(surrogate.supported({name: factor})) - current) > 1e-6:
            reason = CLIFF
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


def limits_crossing(asked: Asked, meets: Meets, name: str) -> float | None:
    """Return the factor at which the limits, run anew, begin or cease to allow a threshold.

    Searched by bisection from 1 towards harm where the threshold is allowed, towards relief
    where it is not, up to ten times or a tenth; None where nothing changes on the way.
    """

    def allowed(factor: float) -> bool:
        if name == "latency":
            return meets(asked.with_latency(factor))
        if name == "exposure":
            return meets(asked.with_caps(factor))
        return meets(asked, **{name: factor})

    now = allowed(1.0)
    worse = 0.1 if name == "depth" else 10.0
    inside, outside = 1.0, worse if now else 1 / worse
    if allowed(outside) == now:
        return None
    for _ in range(BISECTIONS):
        middle = (inside * outside) ** 0.5
        inside, outside = (middle, outside) if allowed(middle) == now else (inside, middle)
    return float((inside * outside) ** 0.5)


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
