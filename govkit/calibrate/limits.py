"""The limits on a threshold, and the value they support together."""

from __future__ import annotations

import numpy as np

from govkit.calibrate import position as pos
from govkit.calibrate.book import grid_points, largest_within
from govkit.calibrate.case import Array, Case
from govkit.calibrate.decision import RaiseEvidence, Ruling, decide, round_down
from govkit.records.evidence import Alternative, Limit, Support
from govkit.records.market import Appetite, Overlay

NAMES = ("position", "book", "tail loss", "dated stress", "invariant", "protocol")


def limits_of(case: Case, appetite: Appetite) -> tuple[Limit, ...]:
    """Compute every limit on the threshold under one appetite; the smallest binds.

    A limit that the grid does not reach has no value and says so. One that is exceeded even at
    20 % takes that value, and the support falls there.
    """
    points = grid_points(case.losses, appetite)
    fall = pos.quantile_fall(case.falls.over_horizon, appetite.position_probability)
    bonus, deviation = case.asked.bonus, case.asked.deviation
    found: dict[str, tuple[float | None, str]] = {
        "position": (pos.position_limit(fall, deviation, bonus), ""),
        "book": _on_grid(case, np.array([p.p_bad_debt for p in points]),
                         appetite.book_probability),
        "tail loss": _on_grid(case, np.array([p.es_share for p in points]),
                              appetite.tail_loss_share),
        "dated stress": _stress_limit(case, appetite),
        "invariant": ((1 - appetite.invariant_margin) / (1 + bonus), ""),
        "protocol": (case.protocol_limit, ""),
    }  # fmt: skip
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

    Book and tail loss move where the ends of their intervals cross the limit. A loss that a
    single path in thousands carries makes them far noisier than the position limit. Limits that
    are not simulated leave the error of the position.
    """
    binding = next(limit.name for limit in limits if limit.binding)
    if binding in ("book", "tail loss"):
        points = grid_points(case.losses, appetite)
        if binding == "book":
            ends = [[p.p_high for p in points], [p.p_low for p in points]]
            allowed = appetite.book_probability
        else:
            ends = [[p.es_high for p in points], [p.es_low for p in points]]
            allowed = appetite.tail_loss_share
        top = float(case.losses.thresholds[-1])
        found = [_on_grid(case, np.array(end), allowed)[0] for end in ends]
        low, high = (top if value is None else value for value in found)
        return 50 * (high - low), len(case.losses.share)
    low, high = pos.quantile_interval(case.falls.over_horizon, appetite.position_probability)
    per_fall = (1 - case.asked.deviation) / (1 + case.asked.bonus)
    return 50 * (high - low) * per_fall, len(case.falls.over_horizon)


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


def rule_on(case: Case, support: Support, appetite: Appetite) -> Ruling:
    """Decide under one appetite."""
    stress, _ = _stress_limit(case, appetite)
    evidence = RaiseEvidence(
        real_accounts=case.asked.book is not None,
        lowest_model=min((m.supported for m in other_models(case, appetite)), default=None),
        lowest_stress=stress,
    )
    reserve = case.asked.reserve
    return decide(reserve.threshold.value, support, reserve, appetite, evidence)


def alternative(case: Case, appetite: Appetite, overlays: tuple[Overlay, ...]) -> Alternative:
    """Return what another appetite would say on the same simulations."""
    support = support_of(case, limits_of(case, appetite), appetite, overlays)
    ruling = rule_on(case, support, appetite)
    return Alternative(
        appetite=appetite.name, supported=support.bound, action=ruling.action,
        threshold=ruling.threshold,
    )  # fmt: skip


def _stress_limit(case: Case, appetite: Appetite) -> tuple[float | None, str]:
    if case.asked.in_pair:
        return None, "the dated falls on record are in dollars, and the debt falls with the asset"
    if not case.stresses:
        return None, "no dated event that decides is on record for this asset"
    cap = appetite.stress_loss_share
    reached = [_on_grid(case, losses, cap) for _, losses in case.stresses]
    values = [value for value, _ in reached if value is not None]
    return (min(values), "") if values else reached[0]


def _on_grid(case: Case, values: Array, limit: float) -> tuple[float | None, str]:
    grid = case.losses.thresholds
    if not (values > limit).any():
        return None, f"not reached up to {grid[-1] * 100:.1f} %, the highest threshold tried"
    value = largest_within(grid, values, limit)
    return (
        (float(grid[0]), "exceeded at the lowest threshold tried") if value is None else (value, "")
    )
