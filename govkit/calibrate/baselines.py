"""What other published rules would set for the same asset, and where they disagree."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from govkit.calibrate.case import Case
from govkit.calibrate.clearing import largest_size, stressed_depth
from govkit.calibrate.position import survival, table_fall
from govkit.calibrate.surrogate import Surrogate
from govkit.records.evidence import Support
from govkit.records.justification import Baseline
from govkit.simulate.engine import Depth

HISTORY = "empirical"
DAY_HOURS = 24.0
SMART_LTV_CONFIDENCE = 3.0
WHALE_STEP = 0.005
CCP_HOURS = 48
CCP_BUFFER = 0.25


def baselines(case: Case, surrogate: Surrogate, support: Support) -> tuple[Baseline, ...]:
    """Return every rule's threshold beside the supported one; a rule without inputs says so."""
    return tuple(
        Baseline(
            name=name,
            threshold=value,
            difference_points=None if value is None else 100 * (value - support.bound),
            words=words,
            source=source,
            reason=reason,
        )
        for name, value, words, source, reason in (
            _history(case, case.clearing.horizon_hours, "within T"),
            _history(case, DAY_HOURS, "within a day"),
            _gearbox(case),
            _smart_ltv(case, support),
            _whale(case),
            _clearing_house(surrogate),
            _constant(case),
        )
    )


Row = tuple[str, float | None, str, str, str]


def _history(case: Case, hours: float, within: str) -> Row:
    name = f"99 % fall of history {within}"
    fall = _historical_fall(case, hours)
    source = "falls after triggers in the asset's own hours, none simulated"
    if fall is None:
        return name, None, "(1 − fall) / (1 + bonus)", source, _no_table(hours)
    value = (1 - fall) / (1 + case.asked.bonus)
    return name, value, f"(1 − {fall:.3f}) / (1 + {case.asked.bonus:g})", source, ""


def _historical_fall(case: Case, hours: float) -> float | None:
    for table in case.asked.returns.comparisons:
        if table.model.startswith(HISTORY):
            return table_fall(table, hours, 0.01)
    return None


def _no_table(hours: float) -> str:
    return f"no table of history's falls reaches {hours:.1f} h"


def _gearbox(case: Case) -> Row:
    name, source = "Gearbox", "LT ≤ 1 − dP − f_L − f_p, additive as published"
    fall, bonus = _historical_fall(case, case.clearing.horizon_hours), case.asked.bonus
    # Aave takes its fee out of the bonus: the two together are the bonus.
    fee = bonus * case.terms.protocol_fee_share
    left = bonus - fee
    if fall is None:
        return name, None, "1 − fall − bonus − fee", source, _no_table(case.clearing.horizon_hours)
    return name, 1 - fall - left - fee, f"1 − {fall:.3f} − {left:g} − {fee:g}", source, ""


def smart_ltv(
    *, liquidity: float, cap: float, volatility: float, bonus: float, confidence: float
) -> float:
    """Return exp(-c sigma / sqrt(l / d)) - beta, floored at 0 (RiskDAO's contract)."""
    return max(exp(-confidence * volatility / sqrt(liquidity / cap)) - bonus, 0.0)


def implied_confidence(
    threshold: float, *, liquidity: float, cap: float, volatility: float, bonus: float
) -> float:
    """Return the confidence factor c at which SmartLTV gives a threshold."""
    return -log(threshold + bonus) * sqrt(liquidity / cap) / volatility


def _smart_ltv(case: Case, support: Support) -> Row:
    name = "SmartLTV"
    source = "exp(-c sigma / sqrt(l / d)) - beta, SmartLTV.sol of RiskDAO; c = 3 as in its test"
    asked, curve = case.asked, case.asked.curve
    variance = asked.returns.variance
    if curve is None or variance.persistence >= 1 or asked.returns.basis == "depeg":
        return name, None, "", source, "no long-run volatility or no depth"
    daily = sqrt(24 * variance.omega / (1 - variance.persistence))
    liquidity = largest_size(stressed_depth(curve, 0.0), asked.bonus)
    cap = asked.reserve.supply_cap.value * asked.known.price_usd
    known = {"liquidity": liquidity, "cap": cap, "volatility": daily, "bonus": asked.bonus}
    value = smart_ltv(**known, confidence=SMART_LTV_CONFIDENCE)
    implied = [
        f"{said} implies c = {implied_confidence(threshold, **known):.2f}"
        # With the bonus at 1 or more no positive c gives the value.
        if 0 < threshold + asked.bonus < 1 else f"no c gives {said}"
        for said, threshold in (
            ("the value in force", asked.reserve.threshold.value),
            ("the supported value", support.bound),
        )
    ]  # fmt: skip
    words = (
        f"σ {daily * 100:.1f} % a day, l {_millions(liquidity)}, d {_millions(cap)}, "
        f"β {asked.bonus * 100:g} %; {', '.join(implied)}"
    )
    return name, value, words, source, ""


def whale_loss(
    threshold: float, debt_usd: float, step_usd: float, bonus: float, fall: float
) -> float:
    """Return the bad debt of one account at the threshold as the price falls in small steps.

    At every step of 0.5 % the size with 0.5 % of impact is sold and repays the debt, until the
    fall is reached. Units: dollars.
    """
    units, debt, price = debt_usd / threshold, debt_usd, 1.0
    for _ in range(int(np.ceil(log(1 - fall) / log(1 - WHALE_STEP)))):
        price *= 1 - WHALE_STEP
        sold = min(step_usd, units * price, debt * (1 + bonus) / (1 - WHALE_STEP))
        units -= sold / price
        debt -= sold * (1 - WHALE_STEP) / (1 + bonus)
        if debt <= 1e-9 * debt_usd:
            return 0.0
    return max(debt - units * price, 0.0)


def _whale(case: Case) -> Row:
    name = "zero-loss whale test"
    source = (
        "Gauntlet's tool for Morpho: the largest threshold without bad debt of one whale; it takes "
        "the 99th percentile of monthly drawdowns, here the worst day on record stands in"
    )
    curve, falls = case.asked.curve, case.asked.falls
    if curve is None or not falls:
        return name, None, "", source, "no depth or no dated fall"
    worst = max(float(np.interp(DAY_HOURS, f.horizons_hours, f.falls)) for f in falls)
    quiet: Depth = stressed_depth(curve, 0.0)
    step, debt = largest_size(quiet, WHALE_STEP), case.clearing.exposure_usd
    safe = [
        percent / 100
        for percent in range(1, 100)
        if whale_loss(percent / 100, debt, step, case.asked.bonus, worst) <= 0
    ]
    words = (
        f"{_millions(debt)} of debt, {_millions(step)} sold at every 0.5 % of a fall of "
        f"{worst * 100:.1f} %, the worst day on record"
    )
    return name, max(safe, default=None), words, source, "" if safe else "every threshold loses"


def _millions(usd: float) -> str:
    """Return dollars as the documents print them, three digits of millions or billions."""
    scale, letter = (1e9, "B") if usd >= 1e9 else (1e6, "M")
    return f"${usd / scale:.3g}{letter}"


def _clearing_house(surrogate: Surrogate) -> Row:
    fall = float(surrogate.rare_falls[CCP_HOURS - 1])
    margin = (1 + CCP_BUFFER) * fall
    words = f"1 − 1.25 × {fall:.3f}, the fall within 48 h exceeded in 0.5 % of episodes"
    source = (
        "EU 153/2013: 99.5 % as for OTC (article 24; others 99 %), two days as for others "
        "(article 26; OTC five business days), buffer of 25 % (article 28)"
    )
    return "clearing-house margin", max(1 - margin, 0.0), words, source, ""


def _constant(case: Case) -> Row:
    asked = case.asked
    current = asked.reserve.threshold.value
    implied = survival(
        case.falls, current, asked.deviation, asked.bonus, asked.returns.states.episodes_per_year
    )
    words = f"survives {implied.survival * 100:.2f} % of trigger episodes"
    return "value in force", current, words, f"in force since {asked.reserve.threshold.as_of}", ""
