"""Calibrate one asset from question to evidence, or refuse with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np

from govkit.calibrate.book import grid_points
from govkit.calibrate.case import BOOK_HOURS, Asked, Case, simulate_case
from govkit.calibrate.clearing import LONGEST_HORIZON_HOURS
from govkit.calibrate.decision import recommended_parameters
from govkit.calibrate.explain import bars_of, impact_of, stress_results
from govkit.calibrate.limits import alternative, limits_of, other_models, rule_on, support_of
from govkit.calibrate.oracle import oracle_evidence
from govkit.calibrate.position import survival, tail_points
from govkit.protocols import RuleBook
from govkit.records.evidence import AssetEvidence, InForce, Parameters, Reason
from govkit.records.market import Appetite, Overlay
from govkit.records.provenance import NotDone, Window
from govkit.records.snapshot import Finding

FALLS_SHOWN = 8


def calibrate_asset(
    asked: Asked,
    rules: RuleBook,
    appetite: Appetite,
    others: tuple[Appetite, ...],
    overlays: tuple[Overlay, ...],
    deciding: frozenset[str],
) -> AssetEvidence:
    """Return the evidence of one asset under one appetite, with what `others` would say."""
    refusal, curve = refusal_of(asked), asked.curve
    if refusal is not None or curve is None:
        return _refused(asked, rules, refusal or Reason(code="refuse_data"))
    limit = rules.largest_threshold(asked.bonus)
    case = simulate_case(asked, curve, limit, deciding, (appetite, *others))
    limits = limits_of(case, appetite)
    support = support_of(case, limits, appetite, overlays)
    ruling = rule_on(case, support, appetite)
    current = current_parameters(asked)
    proposed = recommended_parameters(current, ruling.threshold)
    binding = next(one for one in limits if one.binding)
    reason = Reason(
        code="binding", numbers={"threshold": support.point}, texts={"limit": binding.name}
    )
    return AssetEvidence(
        **_common(asked),
        recommended=proposed,
        action=ruling.action,
        reasons=(*ruling.reasons, reason),
        path=rules.path_of_change(
            current, proposed, ruling.end_state, e_mode=bool(asked.reserve.e_mode),
            steward_days=asked.market.steward_minimum_days,
        ),
        limits=limits,
        support=support,
        waterfall=bars_of(case, support, ruling.threshold, appetite, overlays),
        clearing=case.clearing,
        grid=grid_points(case.losses, appetite),
        grid_horizon_hours=float(BOOK_HOURS),
        tail=tail_points(case.falls.over_horizon),
        stress=stress_results(case, proposed.threshold, appetite),
        alternatives=tuple(alternative(case, other, overlays) for other in others),
        models=other_models(case, appetite),
        impact=impact_of(case, proposed.threshold),
        oracle=oracle_evidence(
            asked.market, asked.asset, curve, asked.law,
            np.array(asked.returns.worst_five_minutes), threshold=proposed.threshold,
            bonus=asked.bonus, horizon_hours=case.clearing.horizon_hours, appetite=appetite,
            accounts=asked.book or asked.model.accounts,
            debt_at_cap_usd=case.clearing.debt_at_cap_usd, price_usd=asked.known.price_usd,
            seed=asked.seed, in_underlying=asked.in_pair,
        ),
        comparisons=asked.returns.comparisons,
        exceptions=asked.returns.exceptions,
        overlays=overlays,
        **_survivals(case, current.threshold, proposed.threshold),
        not_done=asked.known.not_done,
    )  # fmt: skip


def refusal_of(asked: Asked) -> Reason | None:
    """Return why no threshold can be given, or None."""
    missing = {item.what: item.reason for item in asked.known.not_done}
    if "returns" in missing or asked.returns_key not in asked.model.returns:
        code = "refuse_pegged" if asked.reserve.kind == "pegged" else "refuse_history"
        return Reason(code=code, texts={"reason": missing.get("returns", "")})
    curve = asked.curve
    if curve is None or not asked.known.supported:
        return Reason(code="refuse_data", texts={"reason": asked.known.verdict})
    if not asked.measured_in_debt:
        return Reason(code="refuse_data", texts={"reason": _wrong_unit(asked).reason})
    clearing = asked.clearing(curve)
    if clearing.chunk_usd <= 0:
        return Reason(
            code="refuse_liquidity",
            numbers={"bonus": asked.bonus, "slippage": curve.slippage[0]},
        )
    if clearing.horizon_hours > LONGEST_HORIZON_HOURS:
        return Reason(
            code="refuse_horizon",
            numbers={"hours": clearing.horizon_hours, "limit_hours": LONGEST_HORIZON_HOURS},
        )
    if asked.returns.basis == "pooled" and clearing.chunks > 1:
        # What others' history says of an asset holds for a position that leaves at once.
        return Reason(
            code="refuse_long_tail",
            numbers={
                "cap_usd": clearing.supply_cap_usd,
                "largest_usd": clearing.cap_within_chunk_usd,
            },
        )
    return None


def current_parameters(asked: Asked) -> Parameters:
    """Return the values in force."""
    reserve = asked.reserve
    return Parameters(
        ltv=reserve.ltv.value, threshold=reserve.threshold.value, bonus=reserve.bonus.value
    )


def _survivals(case: Case, current: float, proposed: float) -> dict[str, Any]:
    def implied(threshold: float) -> Any:
        return survival(
            case.falls.over_horizon, threshold, case.asked.deviation, case.asked.bonus,
            case.asked.returns.states.episodes_per_year,
        )  # fmt: skip

    return {"implied_current": implied(current), "implied_recommended": implied(proposed)}


def _refused(asked: Asked, rules: RuleBook, reason: Reason) -> AssetEvidence:
    current = current_parameters(asked)
    missing = asked.known.not_done
    if asked.returns_key in asked.model.returns and not asked.measured_in_debt:
        missing += (_wrong_unit(asked),)
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
        path=rules.path_of_change(
            current, current, current.threshold, e_mode=bool(asked.reserve.e_mode),
            steward_days=asked.market.steward_minimum_days,
        ),
        not_done=(*missing, left),
    )  # fmt: skip


def _wrong_unit(asked: Asked) -> NotDone:
    return NotDone(
        what="returns against the debt",
        reason=f"falls are measured in {asked.returns.numeraire} and the debt is "
        f"{asked.market.debt_asset}; fit a model in that with 'govkit fit --numeraire'",
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
        "worst_falls": asked.falls[:FALLS_SHOWN],
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
