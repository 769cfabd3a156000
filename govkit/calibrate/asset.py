"""Calibrate one asset from question to evidence, or refuse with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from govkit.calibrate.book import grid_points
from govkit.calibrate.case import BOOK_HOURS, Asked, Case, simulate_case
from govkit.calibrate.decision import recommended_parameters, settled, with_wider_gap
from govkit.calibrate.explain import bars_of, cost_of, impact_of
from govkit.calibrate.justify import justification
from govkit.calibrate.keep_band import keep_band, unnecessary_over
from govkit.calibrate.levers import Meets, levers_of, supports
from govkit.calibrate.limits import exceeded, limits_of, model_range, other_models, support_of
from govkit.calibrate.ltv import ltv_rule
from govkit.calibrate.oracle import oracle_evidence
from govkit.calibrate.position import survival, tail_points
from govkit.calibrate.refusal import levers_for, levers_for_appetite, refusal_of, wrong_unit
from govkit.calibrate.ruling import agreement_on, alternative, rule_on
from govkit.calibrate.stress import run_scenarios
from govkit.calibrate.surrogate import Surrogate, surrogate_of
from govkit.protocols import RuleBook
from govkit.records.evidence import (
    Alternative,
    AssetEvidence,
    InForce,
    Limit,
    Parameters,
    PathOfChange,
    Reason,
    Support,
)
from govkit.records.justification import Justification, Lever
from govkit.records.market import Appetite, Overlay, Reserve
from govkit.records.oracle import OracleEvidence
from govkit.records.provenance import NotDone, Window
from govkit.records.snapshot import Finding
from govkit.records.stress import Scenario

FALLS_SHOWN = 8


@dataclass(frozen=True)
class Calibrated:
    """One asset's evidence, and its simulations where there are any."""

    evidence: AssetEvidence
    case: Case | None


def calibrate_asset(
    asked: Asked,
    rules: RuleBook,
    appetite: Appetite,
    others: tuple[Appetite, ...],
    overlays: tuple[Overlay, ...],
    scenarios: tuple[Scenario, ...],
    *,
    joint_fails: bool = False,
) -> Calibrated:
    """Return the evidence of one asset under one appetite, with what `others` would say.

    `joint_fails` says that the assets asked, as first recommended, break a limit in one book.
    """
    refusal, curve = refusal_of(asked), asked.curve
    if refusal is not None or curve is None:
        reason = refusal or Reason(code="refuse_data")
        return Calibrated(_refused(asked, rules, reason, levers_for(asked, reason)), None)
    deciding = frozenset(one.name for one in scenarios if one.decides)
    limit = rules.largest_threshold(asked.bonus)
    case = simulate_case(asked, curve, limit, deciding, (appetite, *others))
    limits = limits_of(case, appetite)
    impossible = exceeded(limits)
    if impossible is not None:
        reason = Reason(
            code="refuse_appetite", numbers={"lowest": float(case.losses.thresholds[0])},
            texts={"limit": impossible.name},
        )  # fmt: skip
        support = support_of(case, limits, appetite, overlays)
        levers = levers_for_appetite(case, support, appetite)
        return Calibrated(_refused(asked, rules, reason, levers), None)
    return Calibrated(
        _decided(case, rules, limits, appetite, others, overlays, scenarios, joint_fails), case
    )


def _decided(
    case: Case,
    rules: RuleBook,
    limits: tuple[Limit, ...],
    appetite: Appetite,
    others: tuple[Appetite, ...],
    overlays: tuple[Overlay, ...],
    scenarios: tuple[Scenario, ...],
    joint_fails: bool,
) -> AssetEvidence:
    asked, current = case.asked, current_values(case.asked.reserve)
    support = support_of(case, limits, appetite, overlays)
    ruling = rule_on(case, support, appetite, joint_fails=joint_fails)
    agreement = agreement_on(case, ruling.action, appetite, overlays, joint_fails=joint_fails)
    ruling = settled(ruling, agreement, current.threshold)
    proposed = recommended_parameters(current, ruling.threshold)
    gap = ltv_rule(asked, proposed, appetite.step_points)
    reasons = [*ruling.reasons]
    if gap is not None:
        proposed, wider = with_wider_gap(proposed, gap, appetite.step_points)
        reasons += [wider] if wider else []
    binding = next(one for one in limits if one.binding)
    reasons.append(
        Reason(code="binding", numbers={"threshold": support.point}, texts={"limit": binding.name})
    )
    surrogate = surrogate_of(case, support, appetite)
    levers: tuple[Lever, ...] = ()
    needed = current.threshold * support.point / support.bound
    meets = supports(case, needed, appetite, surrogate)
    if ruling.action == "lower":
        levers = levers_of(asked, meets)
    alternatives = tuple(alternative(case, other, overlays) for other in others)
    models = other_models(case, appetite)
    return AssetEvidence(
        **_common(asked),
        recommended=proposed,
        action=ruling.action,
        reasons=tuple(reasons),
        path=_path(asked, rules, proposed, ruling.end_state),
        limits=limits,
        support=support,
        waterfall=bars_of(case, support, ruling.threshold, appetite, overlays),
        clearing=case.clearing,
        grid=grid_points(case.losses, appetite),
        grid_horizon_hours=float(BOOK_HOURS),
        kernel=case.losses.kernel,
        tail=tail_points(case.falls),
        stress=run_scenarios(
            case, scenarios, current.threshold, proposed.threshold, appetite
        ),
        alternatives=alternatives,
        models=models,
        model_range=model_range(limits, models),
        keep_band=keep_band(case, support, appetite, proposed.threshold),
        agreement=agreement,
        ltv_rule=gap,
        levers=levers,
        justification=_justified(
            case, surrogate, support, appetite, others, alternatives,
            None if binding.name == "position" else meets,
        ),
        impact=impact_of(case, proposed.threshold),
        oracle=_feed(case, proposed.threshold, appetite),
        comparisons=asked.returns.comparisons,
        exceptions=asked.returns.exceptions,
        overlays=overlays,
        **_survivals(case, current.threshold, proposed.threshold),
        not_done=asked.known.not_done,
    )  # fmt: skip


def _justified(
    case: Case,
    surrogate: Surrogate,
    support: Support,
    appetite: Appetite,
    others: tuple[Appetite, ...],
    alternatives: tuple[Alternative, ...],
    meets: Meets | None,
) -> Justification:
    unnecessary = unnecessary_over(case, case.losses.thresholds, support.bound)
    found = justification(case, surrogate, support, appetite, unnecessary, meets)
    costs = tuple(
        cost_of(case, one, other, support.bound)
        for one, other in zip(alternatives, others, strict=True)
    )
    return found.model_copy(update={"costs": costs})


def _feed(case: Case, threshold: float, appetite: Appetite) -> OracleEvidence:
    asked = case.asked
    return oracle_evidence(
        asked.market, asked.asset, asked.curve, asked.law,
        np.array(asked.returns.worst_five_minutes), threshold=threshold,
        bonus=asked.bonus, horizon_hours=case.clearing.horizon_hours, appetite=appetite,
        accounts=asked.book or asked.model.accounts,
        debt_at_cap_usd=case.clearing.debt_at_cap_usd, price_usd=asked.known.price_usd,
        seed=asked.seed, in_underlying=asked.in_pair,
    )  # fmt: skip


def _path(asked: Asked, rules: RuleBook, proposed: Parameters, end_state: float) -> PathOfChange:
    return rules.path_of_change(
        current_values(asked.reserve), proposed, end_state, e_mode=bool(asked.reserve.e_mode),
        steward_days=asked.market.steward_minimum_days,
    )  # fmt: skip


def current_values(reserve: Reserve) -> Parameters:
    """Return the values in force."""
    return Parameters(
        ltv=reserve.ltv.value, threshold=reserve.threshold.value, bonus=reserve.bonus.value
    )


def _survivals(case: Case, current: float, proposed: float) -> dict[str, Any]:
    def implied(threshold: float) -> Any:
        return survival(
            case.falls, threshold, case.asked.deviation, case.asked.bonus,
            case.asked.returns.states.episodes_per_year,
        )  # fmt: skip

    return {"implied_current": implied(current), "implied_recommended": implied(proposed)}


def _refused(
    asked: Asked, rules: RuleBook, reason: Reason, levers: tuple[Lever, ...]
) -> AssetEvidence:
    current = current_values(asked.reserve)
    missing = asked.known.not_done
    if asked.returns_key in asked.model.returns and not asked.measured_in_debt:
        missing += (wrong_unit(asked),)
    left = NotDone(
        what="decision",
        reason="refused; the value in force is shown unchanged and is neither supported nor "
        "rejected",
    )
    return AssetEvidence(
        **_common(asked),
        recommended=current,
        action="refuse",
        reasons=(reason,),
        path=_path(asked, rules, current, current.threshold),
        levers=levers,
        not_done=(*missing, left),
    )


def _common(asked: Asked) -> dict[str, Any]:
    known, reserve = asked.known, asked.reserve
    return {
        "asset": asked.asset,
        "priced_as": known.priced_as,
        "kind": reserve.kind,
        "price_usd": known.price_usd,
        "price_as_of": known.price_as_of,
        "data_as_of": known.as_of,
        "in_force": InForce(
            ltv=reserve.ltv, threshold=reserve.threshold, bonus=reserve.bonus,
            supply_cap=reserve.supply_cap, e_mode=reserve.e_mode, reserve_ltv=reserve.reserve_ltv,
            offboarding=reserve.offboarding,
        ),
        "liquidity": asked.curve,
        "worst_falls": asked.hourly_falls[:FALLS_SHOWN],
        "windows": _windows(asked),
        "findings": (*known.findings, *_law_findings(asked)),
    }  # fmt: skip


def _law_findings(asked: Asked) -> tuple[Finding, ...]:
    """Return what asks for care in the return model in use, where there is one."""
    law = asked.model.returns.get(asked.returns_key)
    return law.findings if law is not None else ()


def _windows(asked: Asked) -> tuple[Window, ...]:
    """List the inputs in use, each with its role."""
    known = asked.known
    used: list[tuple[str, Window]] = []
    curve = asked.curve
    if asked.returns_key in asked.model.returns:
        used.append(("prices", asked.returns.window))
        used.append(("five-minute prices", asked.returns.worst_five_minutes_window))
    if known.ratio is not None and not asked.in_pair:
        used.append(("ratio", known.ratio.window))
    if curve is not None:
        used.append(("depth", curve.window))
    used += [("accounts", window) for window in _account_windows(asked)]
    return tuple(window.model_copy(update={"role": role}) for role, window in used)


def _account_windows(asked: Asked) -> tuple[Window, ...]:
    if asked.book is None:
        return asked.model.accounts.windows
    return (
        Window(
            source=f"accounts in {asked.book.source}",
            first="",
            last="",
            observations=len(asked.book.debt_usd),
            input_digests=(asked.book.sha256,),
        ),
    )
