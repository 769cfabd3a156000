"""Calibrate one asset from question to evidence, or refuse with a reason."""

from __future__ import annotations

from typing import Any

from govkit.calibrate.book import grid_points
from govkit.calibrate.case import BOOK_HOURS, Asked, Case, simulate_case
from govkit.calibrate.decision import recommended_parameters
from govkit.calibrate.explain import bars_of, impact_of, stress_results
from govkit.calibrate.limits import alternative, limits_of, other_models, rule_on, support_of
from govkit.calibrate.position import survival, tail_points
from govkit.protocols import RuleBook
from govkit.records.evidence import AssetEvidence, InForce, Parameters, Reason
from govkit.records.market import Appetite, Overlay
from govkit.records.model import NotDone, Window

LONGEST_HORIZON_HOURS = 72.0
FALLS_SHOWN = 8
DEPEG = 0.02
"""A dated fall of at least this counts as a depeg of a pegged asset."""


def calibrate_asset(
    asked: Asked,
    rules: RuleBook,
    appetite: Appetite,
    others: tuple[Appetite, ...],
    overlays: tuple[Overlay, ...],
    deciding: frozenset[str],
) -> AssetEvidence:
    """Return the evidence of one asset under one appetite, with what `others` would say."""
    refusal = refusal_of(asked)
    if refusal is not None or asked.known.liquidity is None:
        return _refused(asked, rules, refusal or Reason(code="refuse_data"))
    limit = rules.largest_threshold(asked.bonus)
    case = simulate_case(asked, asked.known.liquidity, limit, deciding, (appetite, *others))
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
        comparisons=asked.returns.comparisons,
        exceptions=asked.returns.exceptions,
        overlays=overlays,
        **_survivals(case, current.threshold, proposed.threshold),
        not_done=asked.known.not_done,
    )  # fmt: skip


def refusal_of(asked: Asked) -> Reason | None:
    """Return why no threshold can be given, or None."""
    missing = {item.what: item.reason for item in asked.known.not_done}
    if asked.reserve.kind == "pegged":
        depegs = sum(max(fall.falls) >= DEPEG for fall in asked.known.falls)
        return Reason(code="refuse_pegged", numbers={"events": float(depegs)})
    if "returns" in missing or asked.known.priced_as not in asked.model.returns:
        return Reason(code="refuse_history", texts={"reason": missing.get("returns", "")})
    if asked.known.liquidity is None or not asked.known.supported:
        return Reason(code="refuse_data", texts={"reason": "; ".join(missing.values())})
    clearing = asked.clearing(asked.known.liquidity)
    if clearing.chunk_usd <= 0:
        return Reason(
            code="refuse_liquidity",
            numbers={"bonus": asked.bonus, "slippage": asked.known.liquidity.slippage[0]},
        )
    if clearing.horizon_hours > LONGEST_HORIZON_HOURS:
        return Reason(
            code="refuse_horizon",
            numbers={"hours": clearing.horizon_hours, "limit_hours": LONGEST_HORIZON_HOURS},
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
            case.asked.returns.episodes_per_year,
        )  # fmt: skip

    return {"implied_current": implied(current), "implied_recommended": implied(proposed)}


def _refused(asked: Asked, rules: RuleBook, reason: Reason) -> AssetEvidence:
    current = current_parameters(asked)
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
        not_done=(*asked.known.not_done, left),
    )  # fmt: skip


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
        "liquidity": known.liquidity,
        "worst_falls": known.falls[:FALLS_SHOWN],
        "windows": _windows(asked),
        "findings": known.findings,
    }  # fmt: skip


def _windows(asked: Asked) -> tuple[Window, ...]:
    """List the inputs in use, each with its role."""
    known = asked.known
    used: list[tuple[str, Window]] = []
    if known.priced_as in asked.model.returns:
        used.append(("prices", asked.returns.window))
        used.append(("five-minute prices", asked.returns.worst_five_minutes_window))
    if known.ratio is not None:
        used.append(("ratio", known.ratio.window))
    if known.liquidity is not None:
        used.append(("depth", known.liquidity.window))
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
