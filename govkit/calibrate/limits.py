"""The limits on a threshold, and the value they support together."""

from __future__ import annotations

import numpy as np

from govkit.calibrate import position as pos
from govkit.calibrate.book import book_threshold, largest_within
from govkit.calibrate.case import Array, Case
from govkit.calibrate.decision import round_down
from govkit.calibrate.weighted import expected_shortfall, quantile_interval
from govkit.records.evidence import Alternative, Limit, Support
from govkit.records.justification import ModelRange
from govkit.records.market import Appetite, Overlay

CONTROL = "Brownian motion, control"
HISTORY = "empirical"
EXCEEDED = "exceeded at the lowest threshold tried"
NAMES = ("position", "book", "tail loss", "dated stress", "invariant", "protocol")


def limits_of(case: Case, appetite: Appetite) -> tuple[Limit, ...]:
    """Compute every limit on the threshold under one appetite; the smallest binds.

    A limit that the grid does not reach has no value and says so. One that is exceeded even at
    20 % takes that value, and the support falls there.
    """
    falls = case.falls
    shortfall, _ = expected_shortfall(case.losses.share, case.losses.weight, appetite.tail_level)
    fall = pos.quantile_fall(falls.over_horizon, falls.weight, appetite.position_probability)
    bonus, deviation = case.asked.bonus, case.asked.deviation
    found: dict[str, tuple[float | None, str]] = {
        "position": (pos.position_limit(fall, deviation, bonus), ""),
        "book": _reached(case, book_threshold(case.losses, appetite)[0]),
        "tail loss": _on_grid(case, shortfall, appetite.tail_loss_share),
        "dated stress": stress_limit(case, appetite),
        "invariant": ((1 - appetite.invariant_margin) / (1 + bonus), ""),
        "protocol": (case.protocol_limit, ""),
    }
    known = {name: value for name, (value, _) in found.items() if value is not None}
    binding = min(known, key=lambda name: known[name])
    return tuple(
        Limit.model_validate(
            {
                "name": name,
                "threshold": value,
                "slack_points": None if value is None else (value - known[binding]) * 100,
                "binding": name == binding,
                "reason": reason,
            }
        )
        for name in NAMES
        for value, reason in (found[name],)
    )


def support_of(
    case: Case, limits: tuple[Limit, ...], appetite: Appetite, overlays: tuple[Overlay, ...]
) -> Support:
    """Take the lower bound at the appetite's confidence, deduct overlays, round down."""
    point = min(limit.threshold for limit in limits if limit.threshold is not None)
    factors = case.refits[appetite.position_probability]
    spread = point * factors if len(factors) else np.array([point])
    bound = min(point, float(np.quantile(spread, 1 - appetite.confidence)))
    bound = max(bound - deducted(overlays), appetite.step_points / 100)
    error, paths = _path_error(case, limits, appetite)
    return Support(
        point=point,
        bound=bound,
        rounded=round_down(bound, appetite.step_points),
        low=min(point, float(np.quantile(spread, 0.05))),
        high=max(point, float(np.quantile(spread, 0.95))),
        path_error_points=error,
        refits=len(factors),
        paths=paths,
    )


def _path_error(case: Case, limits: tuple[Limit, ...], appetite: Appetite) -> tuple[float, int]:
    """Return the half-width of the binding limit's own 95 % interval, in points, and its paths.

    The tail loss moves where the ends of its interval cross the limit. Limits that are not
    simulated leave the error of the position.
    """
    binding = next(limit.name for limit in limits if limit.binding)
    losses, top = case.losses, float(case.losses.thresholds[-1])
    if binding == "book":
        _, low, high = book_threshold(losses, appetite)
        return 50 * (min(high, top) - min(low, top)), len(losses.share)
    if binding == "tail loss":
        mean, error = expected_shortfall(losses.share, losses.weight, appetite.tail_level)
        ends = [_on_grid(case, mean + sign * error, appetite.tail_loss_share)[0]
                for sign in (1, -1)]  # fmt: skip
        low, high = (top if value is None else value for value in ends)
        return 50 * (high - low), len(losses.share)
    falls, probability = case.falls, appetite.position_probability
    low, high = quantile_interval(falls.over_horizon, falls.weight, probability)
    per_fall = (1 - case.asked.deviation) / (1 + case.asked.bonus)
    return 50 * (high - low) * per_fall, len(falls.weight)


def deducted(overlays: tuple[Overlay, ...]) -> float:
    """Return the sum of the overlays as a fraction."""
    return sum(overlay.points for overlay in overlays) / 100


def other_models(case: Case, appetite: Appetite) -> tuple[Alternative, ...]:
    """Return the position limit under the comparison models, where they reach the horizon."""
    found = []
    for table in case.asked.returns.comparisons:
        fall = pos.table_fall(table, case.clearing.horizon_hours, appetite.position_probability)
        if fall is not None:
            value = pos.position_limit(fall, case.asked.deviation, case.asked.bonus)
            rounded = round_down(value, appetite.step_points)
            found.append(
                Alternative(appetite=table.model, supported=value, action="keep", threshold=rounded)
            )
    return tuple(found)


def model_range(limits: tuple[Limit, ...], models: tuple[Alternative, ...]) -> ModelRange | None:
    """Return the range of the ensemble's position limits and the distance to history's own.

    The control without fat tails is left out: it is there to be wrong.
    """
    own = next(limit.threshold for limit in limits if limit.name == "position")
    ensemble = {m.appetite: m.supported for m in models if m.appetite != CONTROL}
    if own is None or not ensemble:
        return None
    lowest = min(ensemble, key=ensemble.__getitem__)
    highest = max(ensemble, key=ensemble.__getitem__)
    history = next((m.supported for m in models if m.appetite.startswith(HISTORY)), None)
    return ModelRange(
        lowest=ensemble[lowest],
        lowest_model=lowest,
        highest=ensemble[highest],
        highest_model=highest,
        history_gap_points=None if history is None else 100 * (own - history),
    )


def exceeded(limits: tuple[Limit, ...]) -> Limit | None:
    """Return a limit that no threshold meets, or None."""
    return next((limit for limit in limits if limit.reason == EXCEEDED), None)


def stress_limit(case: Case, appetite: Appetite) -> tuple[float | None, str]:
    """Return the threshold at which every deciding event stays within the cap, or why not."""
    if case.asked.in_pair:
        return None, "the dated falls on record are in dollars, and the debt falls with the asset"
    if not case.stresses:
        return None, "no dated event that decides is on record by the hour for this asset"
    cap = appetite.stress_loss_share
    reached = [_on_grid(case, losses, cap) for _, losses in case.stresses]
    values = [value for value, _ in reached if value is not None]
    return (min(values), "") if values else reached[0]


def _on_grid(case: Case, values: Array, limit: float) -> tuple[float | None, str]:
    grid = case.losses.thresholds
    if not (values > limit).any():
        return _reached(case, float("inf"))
    value = largest_within(grid, values, limit)
    return (float(grid[0]), EXCEEDED) if value is None else (value, "")


def _reached(case: Case, value: float) -> tuple[float | None, str]:
    grid = case.losses.thresholds
    if value > grid[-1]:
        return None, f"not reached up to {grid[-1] * 100:.1f} %, the highest threshold tried"
    return (float(grid[0]), EXCEEDED) if value <= grid[0] else (value, "")
