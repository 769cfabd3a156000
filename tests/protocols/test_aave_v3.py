"""The rule book against PercentageMath's own arithmetic and the published limits."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkit.errors import InputError
from govkit.protocols import aave_v3, rule_book
from govkit.records.evidence import GuardRail, Parameters
from govkit.records.liquidation import CloseRule

# PoolConfigurator rule 3 by bonus: the largest threshold in basis points for the raw bonus on
# the left, computed from percentMul(LT, LB) <= 10000 and published with the contracts' sources.
LARGEST = {
    10100: 9901,
    10400: 9615,
    10450: 9569,
    10500: 9524,
    10600: 9434,
    10750: 9302,
    10800: 9259,
    11000: 9091,
}

CURRENT = Parameters(ltv=0.75, threshold=0.80, bonus=0.05)


def with_threshold(threshold: float, ltv: float = 0.60, bonus: float = 0.05) -> Parameters:
    return Parameters(ltv=ltv, threshold=threshold, bonus=bonus)


def rails(
    proposed: Parameters, current: Parameters = CURRENT, e_mode: bool = False
) -> dict[str, GuardRail]:
    rows = aave_v3.guard_rails("WETH", current, proposed, e_mode=e_mode, steward_days=3)
    return {row.rule: row for row in rows}


def blocked(rows: dict[str, GuardRail]) -> set[str]:
    return {rule for rule, row in rows.items() if row.blocks and not row.passed}


def test_half_up_at_the_edge_of_the_invariant() -> None:
    # 9524 x 10500 = 100,002,000 rounds to 10000; 9525 x 10500 = 100,012,500 to 10001.
    assert aave_v3.percent_mul(9524, 10500) == 10000
    assert aave_v3.percent_mul(9525, 10500) == 10001
    # An exact half goes up: 1 x 5000 / 10000 = 0.5.
    assert aave_v3.percent_mul(1, 5000) == 1
    assert aave_v3.percent_mul(1, 4999) == 0


@given(st.integers(0, 10_000), st.integers(0, 20_000))
def test_percent_mul_is_half_up_in_exact_arithmetic(value: int, percentage: int) -> None:
    exact = Fraction(value * percentage, 10_000)
    whole = exact.numerator // exact.denominator
    expected = whole + (1 if exact - whole >= Fraction(1, 2) else 0)
    assert aave_v3.percent_mul(value, percentage) == expected


@pytest.mark.parametrize(("raw_bonus", "threshold"), LARGEST.items())
def test_largest_threshold_by_bonus(raw_bonus: int, threshold: int) -> None:
    bonus = float(Decimal(raw_bonus - 10_000) / 10_000)
    assert aave_v3.raw_value("bonus", bonus) == raw_bonus
    assert aave_v3.largest_threshold(bonus) == threshold / 10_000


@given(st.integers(1, 5000))
def test_largest_threshold_is_the_edge_for_every_bonus(bps: int) -> None:
    edge = aave_v3.to_bps(aave_v3.largest_threshold(bps / 10_000))
    assert aave_v3.percent_mul(edge, 10_000 + bps) <= 10_000
    assert aave_v3.percent_mul(edge + 1, 10_000 + bps) > 10_000


@pytest.mark.parametrize(
    ("value", "bps"),
    [
        (0.78, 7800), (0.815, 8150), (0.29, 2900), (0.57, 5700), (0.1 + 0.2, 3000),
        (0.0, 0), (1.0, 10_000), (0.00005, 1), (0.000049, 0), (1e-5, 0),
    ],
)  # fmt: skip
def test_fractions_that_binary_cannot_hold(value: float, bps: int) -> None:
    assert aave_v3.to_bps(value) == bps


@given(st.integers(0, 10_000))
def test_every_basis_point_survives_its_fraction(bps: int) -> None:
    assert aave_v3.to_bps(bps / 10_000) == bps


def test_raw_values() -> None:
    assert aave_v3.raw_value("ltv", 0.805) == 8050
    assert aave_v3.raw_value("threshold", 0.83) == 8300
    # Stored as 100 % plus the bonus, the number the reserve dump of 2024-08-14 shows for CRV.
    assert aave_v3.raw_value("bonus", 0.083) == 10830


@pytest.mark.parametrize(
    ("points", "steps", "days"), [(0, 0, 0), (1, 2, 3), (3, 6, 15), (5, 10, 27), (10, 20, 57)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_steward_steps(points: int, steps: int, days: int, sign: int) -> None:
    # RiskSteward: at most 50 bps, then 3 days of waiting; the table is in its own terms.
    proposed = with_threshold(round(0.80 + sign * points / 100, 4))
    path = aave_v3.path_of_change(CURRENT, proposed, 0.9, e_mode=False, steward_days=3)
    assert (path.steward_steps, path.steward_days) == (steps, days)
    assert path.points == sign * points
    assert path.end_state == 0.9


def test_e_mode_threshold_is_five_times_slower() -> None:
    path = aave_v3.path_of_change(CURRENT, with_threshold(0.79), 0.79, e_mode=True, steward_days=3)
    # 100 bps in steps of 10: 10 steps, nine waits of three days.
    assert (path.steward_steps, path.steward_days) == (10, 27)


def test_path_that_moves_only_the_ltv() -> None:
    lower_ltv = CURRENT.model_copy(update={"ltv": 0.70})
    path = aave_v3.path_of_change(CURRENT, lower_ltv, 0.80, e_mode=False, steward_days=3)
    assert path.moves
    assert path.points == 0
    still = aave_v3.path_of_change(CURRENT, CURRENT, 0.80, e_mode=False, steward_days=3)
    assert not still.moves


def test_steward_limits_do_not_block() -> None:
    rule = "steward limit on the liquidation threshold"
    inside = rails(with_threshold(0.795, ltv=0.745))
    assert inside[rule].passed
    assert (inside[rule].value, inside[rule].limit) == ("50 bps", "50 bps in 3 days")
    beyond = rails(with_threshold(0.7949, ltv=0.745))
    assert not beyond[rule].passed
    assert not beyond[rule].blocks
    assert blocked(beyond) == set()


def test_e_mode_limit_is_ten_basis_points_for_the_threshold_only() -> None:
    rows = rails(with_threshold(0.799, ltv=0.745), e_mode=True)
    threshold = rows["steward limit on the liquidation threshold"]
    ltv = rows["steward limit on the LTV"]
    assert (threshold.passed, threshold.limit) == (True, "10 bps in 3 days")
    assert (ltv.passed, ltv.limit) == (True, "50 bps in 3 days")
    assert not rails(with_threshold(0.7989), e_mode=True)[threshold.rule].passed


@pytest.mark.parametrize(
    ("threshold", "stops"), [(0.77, False), (0.7699, True), (0.70, True), (0.90, False)]
)
def test_cut_above_three_points_blocks(threshold: float, stops: bool) -> None:
    rows = rails(with_threshold(threshold))
    assert blocked(rows) == ({"cut of the threshold in one vote"} if stops else set())


@pytest.mark.parametrize("current", [0.78, 0.83, 0.71, 0.76, 0.815, 0.57])
def test_cut_of_exactly_three_points_passes_in_floats(current: float) -> None:
    before = with_threshold(current, ltv=0.5)
    rows = rails(with_threshold(round(current - 0.03, 6), ltv=0.5), before)
    assert blocked(rows) == set()
    assert rows["cut of the threshold in one vote"].value == "3.0 points"


def test_ltv_above_threshold_blocks() -> None:
    rule = "LTV at most the liquidation threshold"
    assert rails(with_threshold(0.80, ltv=0.80))[rule].passed
    rows = rails(with_threshold(0.80, ltv=0.8001))
    assert blocked(rows) == {rule}
    assert (rows[rule].value, rows[rule].limit) == ("8001", "8000")


def test_threshold_times_bonus_blocks_only_beyond_half_up() -> None:
    current = with_threshold(0.95)
    rule = "threshold x (100 % + bonus) at most 100 %, half up"
    assert blocked(rails(with_threshold(0.9524), current)) == set()
    rows = rails(with_threshold(0.9525), current)
    assert blocked(rows) == {rule}
    assert rows[rule].value == "10001"


def test_bonus_of_zero_needs_a_threshold_of_zero() -> None:
    rule = "bonus above 0 while the threshold is not 0"
    assert blocked(rails(with_threshold(0.80, bonus=0.0))) == {rule}
    nothing = with_threshold(0.0, ltv=0.0, bonus=0.0)
    assert blocked(rails(nothing, nothing)) == set()


def test_changes_show_human_and_raw_values() -> None:
    rows = aave_v3.changes("CRV", with_threshold(0.41, 0.0, 0.083), with_threshold(0.4, 0.0, 0.083))
    shown = {row.parameter: (row.current, row.proposed, row.raw_current, row.raw_proposed)
             for row in rows}  # fmt: skip
    assert shown == {
        "LTV": (0.0, 0.0, "0", "0"),
        "Liquidation threshold": (0.41, 0.4, "4100", "4000"),
        "Liquidation bonus": (0.083, 0.083, "10830", "10830"),
    }


def test_rule_book_by_name() -> None:
    assert rule_book("aave_v3").largest_threshold(0.05) == 0.9524


def test_unknown_protocol_offers_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown protocol 'aave_v4'\. Did you mean aave_v3\?"):
        rule_book("aave_v4")
    with pytest.raises(InputError, match="Known: aave_v3"):
        rule_book("zzz")


# How much one liquidation may close


@pytest.mark.parametrize(
    ("version", "full_close", "least_left"),
    [
        ("3", 0.0, 0.0), ("3.0", 0.0, 0.0), ("3.2", 0.0, 0.0), ("3.0.2", 0.0, 0.0),
        ("3.3", 2000.0, 1000.0), ("3.6", 2000.0, 1000.0), ("3.3.1", 2000.0, 1000.0),
        ("3.10", 2000.0, 1000.0),
    ],
)  # fmt: skip
def test_half_of_the_debt_is_closed_and_all_of_it_at_95_percent_health(
    version: str, full_close: float, least_left: float
) -> None:
    """Constants of LiquidationLogic: 0.5e4, 0.95e18; from 3.3 on 2000e8 and half of that."""
    assert aave_v3.close_rule(version) == CloseRule(
        close_factor=0.5, full_close_health=0.95, full_close_usd=full_close,
        least_left_usd=least_left, target_health=0.0, bonus_slope=inf,
    )  # fmt: skip
    assert rule_book("aave_v3").close_rule(version) == aave_v3.close_rule(version)


@pytest.mark.parametrize("version", ["4.0", "x", "", "2.0", "3.", "3.x", "v3.6", "3.-1", "30.1"])
def test_another_version_is_refused_with_what_to_write(version: str) -> None:
    with pytest.raises(InputError) as caught:
        aave_v3.close_rule(version)
    assert f"unknown version '{version}' of Aave v3" in str(caught.value)
    assert caught.value.where == "protocol_version"
    assert "3.6" in caught.value.todo
