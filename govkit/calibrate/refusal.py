"""When no threshold can be given, why, and what could be changed instead."""

from __future__ import annotations

from govkit.calibrate.case import Asked, Case
from govkit.calibrate.clearing import LONGEST_HORIZON_HOURS
from govkit.calibrate.levers import can_clear, levers_of, supports
from govkit.calibrate.surrogate import surrogate_of
from govkit.records.evidence import Reason, Support
from govkit.records.justification import Lever
from govkit.records.market import Appetite
from govkit.records.provenance import NotDone

BOOK_SLACK = 2.0
"""A book may hold more debt than the average health factor allows, but not twice as much."""
ABOUT_THE_SALE = ("refuse_liquidity", "refuse_horizon", "refuse_long_tail")


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
        return Reason(code="refuse_data", texts={"reason": wrong_unit(asked).reason})
    clearing = asked.clearing(curve)
    if asked.book is not None and sum(asked.book.debt_usd) > clearing.debt_at_cap_usd * BOOK_SLACK:
        return Reason(
            code="refuse_book",
            numbers={"book_usd": sum(asked.book.debt_usd), "cap_usd": clearing.debt_at_cap_usd},
        )
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


def levers_for(asked: Asked, reason: Reason) -> tuple[Lever, ...]:
    """Return what could be changed instead; nothing where the reason is not how it is sold."""
    if reason.code in ABOUT_THE_SALE or asked.curve is None:
        return levers_of(asked, can_clear(at_once=reason.code == "refuse_long_tail"))
    return ()


def levers_for_appetite(case: Case, support: Support, appetite: Appetite) -> tuple[Lever, ...]:
    """Return what would let the lowest threshold tried meet an appetite that none meets."""
    lowest = float(case.losses.thresholds[0])
    surrogate = surrogate_of(case, support, appetite)
    return levers_of(case.asked, supports(case, lowest, appetite, surrogate))


def wrong_unit(asked: Asked) -> NotDone:
    """Say that falls and debt are measured in different units."""
    return NotDone(
        what="returns against the debt",
        reason=f"falls are measured in {asked.returns.numeraire} and the debt is "
        f"{asked.market.debt_asset}; fit a model in that with 'govkit fit --numeraire'",
    )
