"""The rule book of Aave v3: names, units, invariants, guard-rails, encoding.

Sources: PoolConfigurator and PercentageMath of aave-v3-origin, RiskSteward and its deployment
script of aave-v3-risk-stewards, and the DAO's risk-off framework (at most 3 points a cut).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from math import ceil

from govkit.errors import InputError
from govkit.records.evidence import Change, GuardRail, Parameters, PathOfChange
from govkit.records.liquidation import CloseRule

BASIS_POINTS = 10_000
STEWARD_STEP_BPS = 50
STEWARD_STEP_EMODE_THRESHOLD_BPS = 10
LARGEST_CUT_POINTS = 3.0
FIRST_WITH_SIZES = 3
PARAMETERS = ("ltv", "threshold", "bonus")
LABELS = {"ltv": "LTV", "threshold": "Liquidation threshold", "bonus": "Liquidation bonus"}


def to_bps(value: float) -> int:
    """Return a fraction in basis points, half up; 0.78 is 7800."""
    return int((Decimal(repr(value)) * BASIS_POINTS).quantize(Decimal(1), ROUND_HALF_UP))


def raw_value(parameter: str, value: float) -> int:
    """Return the integer the contracts hold; the bonus is stored as 10000 plus the bonus."""
    return to_bps(value) + (BASIS_POINTS if parameter == "bonus" else 0)


def percent_mul(value: int, percentage: int) -> int:
    """Multiply as PercentageMath does: half up in integers."""
    return (value * percentage + BASIS_POINTS // 2) // BASIS_POINTS


def largest_threshold(bonus: float) -> float:
    """Return the largest threshold the contracts accept with `bonus`, a fraction.

    The contract tests percentMul(threshold, 10000 + bonus) <= 10000 with half-up rounding, so
    9524 passes with a 5 % bonus and 9525 does not.
    """
    raw_bonus = raw_value("bonus", bonus)
    threshold = BASIS_POINTS
    while percent_mul(threshold, raw_bonus) > BASIS_POINTS:
        threshold -= 1
    return threshold / BASIS_POINTS


def close_rule(version: str) -> CloseRule:
    """Return the close rule: half of the debt, all of it at or below health factor 0.95.

    From version 3.3 on (LiquidationLogic) all may also be repaid where debt or collateral is
    under 2,000 base units, and what is left of either must be 1,000 or nothing.

    Raises
    ------
    InputError
        For a version that is not 3.x.
    """
    numbers = version.split(".")
    if numbers[0] != "3" or not all(part.isdigit() for part in numbers):
        raise InputError(
            f"unknown version '{version}' of Aave v3", where="protocol_version",
            todo="Give it as 3.0 or 3.6.",
        )  # fmt: skip
    sizes = len(numbers) > 1 and int(numbers[1]) >= FIRST_WITH_SIZES
    return CloseRule(
        close_factor=0.5,
        full_close_health=0.95,
        full_close_usd=2000.0 if sizes else 0.0,
        least_left_usd=1000.0 if sizes else 0.0,
    )


def invariants(asset: str, proposed: Parameters) -> tuple[GuardRail, ...]:
    """Check the rules whose breach makes the transaction revert."""
    ltv, threshold = to_bps(proposed.ltv), to_bps(proposed.threshold)
    product = percent_mul(threshold, raw_value("bonus", proposed.bonus))
    return (
        _check("LTV at most the liquidation threshold", asset, f"{ltv}", f"{threshold}",
               ltv <= threshold),
        _check("threshold x (100 % + bonus) at most 100 %, half up", asset, f"{product}",
               f"{BASIS_POINTS}", product <= BASIS_POINTS),
        _check("bonus above 0 while the threshold is not 0", asset,
               f"{to_bps(proposed.bonus)}", "more than 0", threshold == 0 or proposed.bonus > 0),
    )  # fmt: skip


def guard_rails(
    asset: str, current: Parameters, proposed: Parameters, *, e_mode: bool, steward_days: int
) -> tuple[GuardRail, ...]:
    """Check a change against the invariants, the DAO's largest cut and the stewards' limits.

    A change beyond the stewards' limits is not forbidden: it needs several steps or a vote, so
    those rows do not block.
    """
    rows = list(invariants(asset, proposed))
    cut = (current.threshold - proposed.threshold) * 100
    rows.append(
        _check("cut of the threshold in one vote", asset, f"{max(cut, 0):.1f} points",
               f"{LARGEST_CUT_POINTS:.0f} points", cut <= LARGEST_CUT_POINTS + 1e-9)
    )  # fmt: skip
    for name in PARAMETERS:
        limit = STEWARD_STEP_BPS
        if e_mode and name == "threshold":
            limit = STEWARD_STEP_EMODE_THRESHOLD_BPS
        moved = abs(to_bps(getattr(proposed, name)) - to_bps(getattr(current, name)))
        rows.append(
            GuardRail(
                rule=f"steward limit on the {LABELS[name][0].lower() + LABELS[name][1:]}"
                if name != "ltv"
                else "steward limit on the LTV",
                asset=asset,
                value=f"{moved} bps",
                limit=f"{limit} bps in {steward_days} days",
                passed=moved <= limit,
                blocks=False,
            )
        )
    return tuple(rows)


def path_of_change(
    current: Parameters, proposed: Parameters, end_state: float, *, e_mode: bool, steward_days: int
) -> PathOfChange:
    """Count the steward steps that the proposed threshold would need, and the days they take."""
    limit = STEWARD_STEP_EMODE_THRESHOLD_BPS if e_mode else STEWARD_STEP_BPS
    moved = to_bps(proposed.threshold) - to_bps(current.threshold)
    steps = ceil(abs(moved) / limit)
    return PathOfChange(
        moves=proposed != current,
        points=moved / 100,
        end_state=end_state,
        steward_steps=steps,
        steward_days=max(steps - 1, 0) * steward_days,
    )


def changes(asset: str, current: Parameters, proposed: Parameters) -> tuple[Change, ...]:
    """Return the specification rows of one asset: human value and raw value."""
    return tuple(
        Change(
            asset=asset,
            parameter=LABELS[name],
            current=getattr(current, name),
            proposed=getattr(proposed, name),
            raw_current=str(raw_value(name, getattr(current, name))),
            raw_proposed=str(raw_value(name, getattr(proposed, name))),
            raw_unit="bps, 10000 + bonus" if name == "bonus" else "bps",
        )
        for name in PARAMETERS
    )


def _check(rule: str, asset: str, value: str, limit: str, passed: bool) -> GuardRail:
    return GuardRail(rule=rule, asset=asset, value=value, limit=limit, passed=passed, blocks=True)
