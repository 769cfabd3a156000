"""The decision under one appetite, and whether it is the same on independent sets of paths."""

from __future__ import annotations

from govkit.calibrate import position as pos
from govkit.calibrate.case import Case
from govkit.calibrate.decision import RaiseEvidence, Ruling, decide
from govkit.calibrate.keep_band import keep_band
from govkit.calibrate.limits import (
    exceeded,
    limits_of,
    other_models,
    stress_limit,
    support_of,
)
from govkit.records.evidence import Action, Alternative, Support
from govkit.records.justification import Agreement
from govkit.records.market import Appetite, Overlay


def rule_on(
    case: Case, support: Support, appetite: Appetite, *, joint_fails: bool = False
) -> Ruling:
    """Decide under one appetite; a joint book that fails its limits forbids a raise."""
    stress, _ = stress_limit(case, appetite)
    evidence = RaiseEvidence(
        real_accounts=case.asked.book is not None,
        lowest_model=min((m.supported for m in other_models(case, appetite)), default=None),
        lowest_stress=stress,
        joint_fails=joint_fails,
    )
    reserve = case.asked.reserve
    current = reserve.threshold.value
    band = keep_band(case, support, appetite, current)
    return decide(current, support, band, reserve, appetite, evidence)


def agreement_on(
    case: Case,
    action: Action,
    appetite: Appetite,
    overlays: tuple[Overlay, ...],
    *,
    joint_fails: bool = False,
) -> Agreement:
    """Take the decision on each independent set of paths and count how many agree."""
    supported, agreeing = [], 0
    for k in range(pos.SETS):
        one = case.of_set(k)
        support = support_of(one, limits_of(one, appetite), appetite, overlays)
        supported.append(support.bound)
        agreeing += rule_on(one, support, appetite, joint_fails=joint_fails).action == action
    return Agreement(
        sets=pos.SETS, agreeing=agreeing, lowest=min(supported), highest=max(supported)
    )


def alternative(case: Case, appetite: Appetite, overlays: tuple[Overlay, ...]) -> Alternative:
    """Return what another appetite would say on the same simulations."""
    limits = limits_of(case, appetite)
    support = support_of(case, limits, appetite, overlays)
    if exceeded(limits) is not None:
        return Alternative(
            appetite=appetite.name, supported=support.bound, action="refuse",
            threshold=case.asked.reserve.threshold.value, reason="refuse_appetite",
        )  # fmt: skip
    ruling = rule_on(case, support, appetite)
    return Alternative(
        appetite=appetite.name, supported=support.bound, action=ruling.action,
        threshold=ruling.threshold, reason=ruling.reasons[0].code,
    )  # fmt: skip
