"""The numbers that explain a decision: waterfall, cost of the appetites, impact."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from govkit.calibrate import position as pos
from govkit.calibrate.book import grid_points
from govkit.calibrate.case import Case
from govkit.calibrate.keep_band import unnecessary_over
from govkit.calibrate.limits import deducted
from govkit.calibrate.waterfall import waterfall
from govkit.records.evidence import Alternative, Bar, Impact, Support
from govkit.records.justification import AppetiteCost
from govkit.records.market import Appetite, Overlay

NEAR = 1.05


def bars_of(
    case: Case,
    support: Support,
    threshold: float,
    appetite: Appetite,
    overlays: tuple[Overlay, ...],
) -> tuple[Bar, ...]:
    """Explain every point between 100 % and the recommended threshold."""
    probability = appetite.position_probability
    bonus, deviation = case.asked.bonus, case.asked.deviation
    falls = case.falls
    latency_fall = pos.quantile_fall(falls.over_latency, falls.weight, probability)
    horizon_fall = pos.quantile_fall(falls.over_horizon, falls.weight, probability)
    before_overlays = support.bound + deducted(overlays)
    bars = waterfall(
        [
            ("fall", 1 - latency_fall),
            ("clearing", (1 - horizon_fall) / (1 - latency_fall)),
            ("oracle", 1 - deviation),
            ("bonus", 1 / (1 + bonus)),
            ("book and stress", support.point / pos.position_limit(horizon_fall, deviation, bonus)),
            ("overlays", support.bound / before_overlays),
            ("uncertainty", before_overlays / support.point),
            ("rounding", support.rounded / support.bound),
        ]
    )
    # What the rule adds is a plain difference: the bars before it end at the supported value.
    added = Bar(
        name="decision", factor=threshold / support.rounded,
        points=100 * (threshold - support.rounded),
    )  # fmt: skip
    return (*bars, added)


def impact_of(case: Case, recommended: float) -> Impact:
    """Say what the change does on the day it is executed, prices unchanged.

    With a book: exact, account by account. Without: the share of the fitted distribution that
    the change moves below health factor 1, times the debt at the cap.
    """
    ratio = recommended / case.asked.reserve.threshold.value
    if case.asked.book is not None:
        health = np.array(case.asked.book.health_factor)
        debts = np.array(case.asked.book.debt_usd)
        now, after = health < 1, health * ratio < 1
        return Impact(
            basis="book",
            accounts=len(health),
            debt_usd=float(debts.sum()),
            liquidatable_now_usd=float(debts[now].sum()),
            liquidatable_after_usd=float(debts[after].sum()),
            liquidatable_after_share=float(debts[after].sum() / debts.sum()),
            liquidatable_accounts=int(after.sum()) - int(now.sum()),
            near_after_share=float(debts[health * ratio < NEAR].sum() / debts.sum()),
        )
    share = _share_below(case, 1 / ratio)
    return Impact(
        basis="distribution",
        accounts=case.asked.model.accounts.accounts,
        debt_usd=case.clearing.debt_at_cap_usd,
        liquidatable_now_usd=0.0,
        liquidatable_after_usd=share * case.clearing.debt_at_cap_usd,
        liquidatable_after_share=share,
        liquidatable_accounts=None,
        near_after_share=_share_below(case, NEAR / ratio),
    )


def _share_below(case: Case, level: float) -> float:
    """Share of the fitted distribution with a health factor below `level`."""
    accounts = case.asked.model.accounts
    if level <= 1:
        return 0.0
    distance = (np.log(level - 1) - accounts.health_log_mean) / accounts.health_log_sd
    return float(norm.cdf(distance))


def cost_of(case: Case, other: Alternative, appetite: Appetite, highest: float) -> AppetiteCost:
    """Return what one appetite's supported value costs on the same paths.

    Losses are those at that value; unnecessary liquidations are those that `highest`, the value
    the appetite in use supports, would have spared.
    """
    grid = case.losses.thresholds
    points = grid_points(case.losses, appetite)
    value = other.supported

    def at(name: str) -> float:
        return float(np.interp(value, grid, [getattr(point, name) for point in points]))

    cap = case.asked.reserve.supply_cap.value * case.asked.known.price_usd
    return AppetiteCost(
        appetite=other.appetite,
        threshold=value,
        p_bad_debt=at("p_bad_debt"),
        es_share=at("es_share"),
        unnecessary_share=float(unnecessary_over(case, np.array([value]), highest)[0]),
        borrowing_usd=value * cap,
    )
