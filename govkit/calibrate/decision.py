"""From supported threshold to decision: raise, lower, keep or refuse, with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from govkit.records.evidence import Action, Parameters, Reason, Support
from govkit.records.justification import Agreement, KeepBand, LtvRule
from govkit.records.market import Appetite, Reserve


@dataclass(frozen=True)
class Ruling:
    """What is recommended and why."""

    action: Action
    threshold: float
    end_state: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class RaiseEvidence:
    """What a raise needs beyond the supported value; thresholds must exceed current + 1 point."""

    real_accounts: bool
    lowest_model: float | None
    lowest_stress: float | None
    joint_fails: bool = False


def round_down(threshold: float, step_points: float) -> float:
    """Round a threshold down to the decision grid."""
    steps = floor(threshold * 100 / step_points + 1e-9)
    return round(steps * step_points / 100, 6)


def decide(
    current: float,
    support: Support,
    band: KeepBand,
    reserve: Reserve,
    appetite: Appetite,
    evidence: RaiseEvidence,
) -> Ruling:
    """Apply the decision rule to one asset.

    Keep within the points of the band, within the interval, or where a higher threshold would
    spare too few liquidations to be worth it; lower when the value in force lies above all of
    these, at most 3 points a vote; raise only with strong support, at most 1 point in 30 days.
    Where support lies far above the value in force, the difference is what the model does not
    see: keep.
    """
    gap = (support.rounded - current) * 100
    if gap < 0:
        return _below(current, support, appetite, -gap)
    return _above(current, support, band, reserve, appetite, evidence, gap)


def settled(ruling: Ruling, agreement: Agreement, current: float) -> Ruling:
    """Keep the value in force where independent sets of paths do not agree on moving it."""
    if ruling.action == "keep" or agreement.agreeing == agreement.sets:
        return ruling
    reason = _reason(
        "unstable", current=current, sets=agreement.sets, agreeing=agreement.agreeing,
        lowest=agreement.lowest, highest=agreement.highest,
    )  # fmt: skip
    return _keep(current, reason)


def _below(current: float, support: Support, appetite: Appetite, excess: float) -> Ruling:
    if excess <= appetite.keep_band_points + 1e-9:
        return _keep(current, _band_reason(current, support, appetite))
    if current <= support.high:
        return _keep(current, _reason("within_interval", current=current,
                                               low=support.low, high=support.high))  # fmt: skip
    cut = min(excess, appetite.largest_cut_points)
    above = _reason("above_support", current=current, bound=support.bound,
                    rounded=support.rounded, excess_points=excess)  # fmt: skip
    reasons = [above]
    if cut < excess - 1e-9:
        reasons.append(_reason("cut_limited", end_state=support.rounded, cut_points=cut))
    return Ruling("lower", round(current - cut / 100, 6), support.rounded, tuple(reasons))


def _above(
    current: float,
    support: Support,
    band: KeepBand,
    reserve: Reserve,
    appetite: Appetite,
    evidence: RaiseEvidence,
    gap: float,
) -> Ruling:
    if gap <= appetite.keep_band_points + 1e-9:
        return _keep(current, _band_reason(current, support, appetite))
    if current >= band.lowest:
        return _keep(current, _reason("within_keep_band", current=current, low=band.lowest,
                                      high=band.highest, share=band.at_current,
                                      most=band.most_unnecessary))  # fmt: skip
    if current >= support.low:
        return _keep(current, _reason("within_interval", current=current,
                                      low=support.low, high=support.high))  # fmt: skip
    if gap > appetite.far_above_points + 1e-9:
        not_modelled = NOT_MODELLED + (f"; {WRAPPER}" if reserve.kind == "wrapped" else "")
        if reserve.kind == "staking":
            not_modelled += f"; {STAKING}"
        if reserve.kind == "pegged":
            not_modelled += f"; {PEGGED}"
        reason = Reason(
            code="supported_above",
            numbers={"current": current, "point": support.point, "bound": support.bound,
                     "low": support.low, "high": support.high},
            texts={"not_modelled": not_modelled},
        )  # fmt: skip
        return _keep(current, reason)
    why = _raise_obstacle(current, support, reserve, appetite, evidence)
    if why:
        return _keep(
            current,
            Reason(code="raise_blocked", numbers={"current": current, "bound": support.bound},
                   texts={"why": why}),
        )  # fmt: skip
    step = appetite.raise_points_per_30_days
    raised = round(current + min(step, gap) / 100, 6)
    reason = _reason("raise_supported", current=current, bound=support.bound, low=support.low,
                     step_points=step)  # fmt: skip
    return Ruling("raise", raised, support.rounded, (reason,))


NOT_MODELLED = "governance, contract and oracle failure; concentration beyond the exposure used"
WRAPPER = "custody of the wrapped asset"
STAKING = "slashing and a frozen withdrawal queue"
PEGGED = "default of the issuer and a stop of redemptions longer than any on record"


def _raise_obstacle(
    current: float,
    support: Support,
    reserve: Reserve,
    appetite: Appetite,
    evidence: RaiseEvidence,
) -> str:
    needed = current + appetite.raise_margin_points / 100
    if reserve.ltv.value == 0:
        return "ltv_zero"
    if reserve.offboarding:
        return "offboarding"
    if not evidence.real_accounts:
        return "book"  # the largest accounts cannot be put at health factor 1 unseen
    if support.low <= needed:
        return "interval"
    if evidence.lowest_model is not None and evidence.lowest_model <= needed:
        return "models"
    if evidence.lowest_stress is not None and evidence.lowest_stress <= needed:
        return "stress"
    if evidence.joint_fails:
        return "joint"
    return ""


def recommended_parameters(current: Parameters, threshold: float) -> Parameters:
    """Keep the gap between LTV and threshold; an LTV of 0 stays 0; the bonus stays."""
    if current.ltv == 0 or threshold == current.threshold:
        ltv = current.ltv
    else:
        ltv = max(round(current.ltv + threshold - current.threshold, 6), 0.0)
    return Parameters(ltv=ltv, threshold=threshold, bonus=current.bonus)


def with_wider_gap(
    proposed: Parameters, rule: LtvRule, step_points: float
) -> tuple[Parameters, Reason | None]:
    """Lower the LTV where the gap in force does not hold an ordinary hour's fall."""
    if not rule.lowered:
        return proposed, None
    ltv = max(round_down(proposed.threshold - rule.needed_points / 100, step_points), 0.0)
    reason = _reason("ltv_lowered", gap_points=rule.gap_points, needed_points=rule.needed_points)
    return proposed.model_copy(update={"ltv": ltv}), reason


def _band_reason(current: float, support: Support, appetite: Appetite) -> Reason:
    return _reason(
        "within_band", current=current, bound=support.bound, rounded=support.rounded,
        difference_points=abs(support.rounded - current) * 100,
        band_points=appetite.keep_band_points,
    )  # fmt: skip


def _keep(current: float, reason: Reason) -> Ruling:
    return Ruling("keep", current, current, (reason,))


def _reason(code: str, **numbers: float) -> Reason:
    return Reason(code=code, numbers=numbers)
