"""Limits, support and decision of one simulated case, and whether its sets of paths agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from govkit.calibrate.case import Case
from govkit.calibrate.decision import round_down
from govkit.calibrate.limits import EXCEEDED, exceeded, limits_of, other_models, support_of
from govkit.calibrate.position import SETS, position_limit, quantile_fall
from govkit.calibrate.ruling import agreement_on, alternative, rule_on
from govkit.data import load_appetite
from govkit.records.book import AccountBook
from govkit.records.evidence import Limit, Support
from govkit.records.market import Appetite, Overlay
from tests.calibrate.pipeline import small_case, with_reserve

MODERATE = load_appetite("moderate")
STRICT = MODERATE.model_copy(update={"most_unnecessary": 0.0})
"""No liquidation that the highest threshold would have spared: the keep band is that point."""
CURRENT = 0.74


@pytest.fixture(scope="module")
def simulated() -> Case:
    """UNI, threshold in force 74 %, and one dated event that decides."""
    return small_case("UNI", deciding=frozenset({"May 2021 crash"}))


@pytest.fixture(scope="module")
def case(simulated: Case) -> Case:
    """The same without a loss in the book or in the event: the position alone can bind."""
    (fall, losses) = simulated.stresses[0]
    return replace(
        simulated,
        losses=replace(simulated.losses, share=np.zeros_like(simulated.losses.share)),
        stresses=((fall, np.zeros_like(losses)),),
    )


def with_current(case: Case, threshold: float, ltv: float = 0.5, offboarding: str = "") -> Case:
    """The same simulations with another threshold in force, a real book, and no off-boarding."""
    market = with_reserve(
        case.asked.market, "UNI", threshold=threshold, ltv=ltv, offboarding=offboarding
    )
    book = AccountBook(health_factor=(1.05, 3.0), debt_usd=(1e6, 1e6), source="x", sha256="")
    return replace(case, asked=replace(case.asked, market=market, book=book))


def losing(case: Case, share: float, sets: tuple[int, ...] = tuple(range(SETS))) -> Case:
    """The same case with a loss of `share` on every path of some sets, at every threshold."""
    lost = case.losses.share.copy()
    size = len(lost) // SETS
    for k in sets:
        lost[k * size : (k + 1) * size] = share
    return replace(case, losses=replace(case.losses, share=lost))


def by_name(case: Case, appetite: Appetite = MODERATE) -> dict[str, Limit]:
    return {limit.name: limit for limit in limits_of(case, appetite)}


def support(bound: float, low: float | None = None, high: float | None = None) -> Support:
    return Support(
        point=bound + 0.01, bound=bound, rounded=round_down(bound, 0.5),
        low=bound if low is None else low, high=bound + 0.015 if high is None else high,
        path_error_points=0.2, refits=12, paths=1000,
    )  # fmt: skip


# Limits


def test_without_losses_the_position_limit_binds(case: Case) -> None:
    found = by_name(case)
    falls = case.falls
    fall = quantile_fall(falls.over_horizon, falls.weight, MODERATE.position_probability)
    position = position_limit(fall, 0.01, 0.10)
    assert found["position"].threshold == pytest.approx(position, rel=1e-5)
    assert [name for name, limit in found.items() if limit.binding] == ["position"]
    assert found["position"].slack_points == 0
    assert found["invariant"].threshold == pytest.approx(0.98 / 1.1, rel=1e-5)
    assert found["protocol"].threshold == case.protocol_limit
    for name in ("book", "tail loss", "dated stress"):
        assert found[name].threshold is None
        assert found[name].reason == "not reached up to 90.0 %, the highest threshold tried"


def test_a_limit_that_every_threshold_exceeds_takes_the_lowest(case: Case) -> None:
    everywhere = losing(case, 0.5)
    found = by_name(everywhere)
    for name in ("book", "tail loss"):
        assert (found[name].threshold, found[name].reason) == (0.20, EXCEEDED)
    assert exceeded(limits_of(everywhere, MODERATE)) is not None
    assert exceeded(limits_of(case, MODERATE)) is None


def test_the_tail_limit_lies_where_the_shortfall_reaches_it(case: Case) -> None:
    """Every path loses 2 % of the debt for each point above 60 %: allowed are 0.05 %."""
    grid = case.losses.thresholds
    each = np.tile(0.02 * np.maximum(grid - 0.60, 0) * 100, (len(case.losses.share), 1))
    sloped = replace(case, losses=replace(case.losses, share=each))
    tail = by_name(sloped)["tail loss"]
    assert tail.threshold == pytest.approx(0.60 + 0.0005 / 2, abs=1e-5)
    assert tail.binding


def test_the_dated_limit_is_the_smallest_of_the_events(case: Case) -> None:
    grid, (fall, _) = case.losses.thresholds, case.stresses[0]
    at = [0.1 * np.maximum(grid - start, 0) for start in (0.70, 0.66, 0.80)]
    two = replace(case, stresses=tuple((fall, losses) for losses in at))
    # 10 % of the excess is lost; 0.25 % is allowed, reached 2.5 points above the start.
    assert MODERATE.stress_loss_share == 0.0025
    assert by_name(two)["dated stress"].threshold == pytest.approx(0.66 + 0.025, abs=1e-5)


def test_support_is_the_bound_of_the_refits_less_overlays(case: Case) -> None:
    limits = limits_of(case, MODERATE)
    point = min(limit.threshold for limit in limits if limit.threshold is not None)
    factors = np.linspace(0.9, 1.1, 101)
    refits = dict.fromkeys(case.refits, factors)
    overlay = Overlay(asset="UNI", points=2.5, owner="x", date="2026-01-01", reason="y")
    found = support_of(replace(case, refits=refits), limits, MODERATE, (overlay, overlay))
    assert found.point == point
    # One-sided 80 %: the fifth of the factors that is lowest ends at 0.94.
    assert MODERATE.confidence == 0.8
    assert found.bound == pytest.approx(point * 0.94 - 0.05, rel=1e-4)
    assert (found.low, found.high) == pytest.approx((point * 0.91, point * 1.09), rel=1e-4)
    assert found.rounded == round_down(found.bound, 0.5)
    assert found.refits == 101
    # Refits that all support more never lift the bound above the point.
    upward = replace(case, refits=dict.fromkeys(case.refits, np.full(10, 1.05)))
    assert support_of(upward, limits, MODERATE, ()).bound == point
    none = replace(case, refits=dict.fromkeys(case.refits, np.empty(0)))
    assert support_of(none, limits, MODERATE, ()).bound == point


# The decision


def test_the_decision_is_that_of_the_support(case: Case) -> None:
    kept, cut = (rule_on(case, support(bound), MODERATE) for bound in (0.74, 0.60))
    assert (kept.action, kept.threshold, kept.reasons[0].code) == ("keep", CURRENT, "within_band")
    assert (cut.action, cut.threshold, cut.end_state) == ("lower", 0.71, 0.60)


def test_a_raise_needs_all_that_the_case_can_show(case: Case) -> None:
    now = 0.60
    real = with_current(case, now)
    given = support(now + 0.025)
    raised = rule_on(real, given, STRICT)
    assert (raised.action, raised.threshold) == ("raise", 0.61)

    def why(one: Case, *, joint_fails: bool = False, low: float | None = None) -> str:
        found = rule_on(one, support(now + 0.025, low=low), STRICT, joint_fails=joint_fails)
        assert (found.action, found.reasons[0].code) == ("keep", "raise_blocked")
        return found.reasons[0].texts["why"]

    assert why(real, joint_fails=True) == "joint"
    assert why(replace(real, asked=replace(real.asked, book=None))) == "book"
    assert why(real, low=now + 0.01) == "interval"
    assert why(with_current(case, now, ltv=0.0)) == "ltv_zero"
    shipped = case.asked.reserve.offboarding
    assert shipped
    assert why(with_current(case, now, offboarding=shipped)) == "offboarding"
    # A dated event that the value in force plus a point would not survive.
    grid, (fall, _) = case.losses.thresholds, case.stresses[0]
    broken = replace(real, stresses=((fall, np.where(grid > now + 0.001, 0.5, 0.0)),))
    assert why(broken) == "stress"
    # The lowest of the comparison models: here all of them lie above 70 %.
    lowest = min(model.supported for model in other_models(real, MODERATE))
    assert lowest > 0.70
    at = with_current(case, lowest - 0.005)
    found = rule_on(at, support(lowest + 0.02, low=lowest + 0.02), STRICT)
    assert found.reasons[0].texts == {"why": "models"}


def test_unnecessary_liquidations_do_not_move_a_value_inside_the_band(case: Case) -> None:
    """An appetite that accepts any share of them keeps what a strict one would raise."""
    real, given = with_current(case, 0.60), support(0.625)
    assert rule_on(real, given, STRICT).action == "raise"
    easy = MODERATE.model_copy(update={"most_unnecessary": 0.99})
    kept = rule_on(real, given, easy)
    assert (kept.action, kept.reasons[0].code) == ("keep", "within_keep_band")
    assert kept.reasons[0].numbers["low"] <= 0.60


# Independent sets of paths


def test_sets_agree_where_nothing_is_lost(case: Case) -> None:
    limits = limits_of(case, MODERATE)
    action = rule_on(case, support_of(case, limits, MODERATE, ()), MODERATE).action
    found = agreement_on(case, action, MODERATE, ())
    assert (found.sets, found.agreeing) == (SETS, SETS)
    assert found.lowest < found.highest < found.lowest + 0.05
    # Nobody agrees with another decision.
    others = {"keep", "lower", "raise"} - {action}
    assert [agreement_on(case, one, MODERATE, ()).agreeing for one in others] == [0, 0]


@pytest.mark.parametrize("sets", [(2,), (0, 4), (0, 1, 2, 3, 4)])
def test_a_set_that_loses_more_is_counted_apart(case: Case, sets: tuple[int, ...]) -> None:
    found = agreement_on(losing(case, 0.5, sets), "keep", MODERATE, ())
    assert found.agreeing == SETS - len(sets)
    assert found.lowest < 0.21
    assert agreement_on(losing(case, 0.5, sets), "lower", MODERATE, ()).agreeing == len(sets)


def test_overlays_are_deducted_on_every_set(case: Case) -> None:
    plain = agreement_on(case, "keep", MODERATE, ())
    overlay = Overlay(asset="UNI", points=4.0, owner="x", date="2026-01-01", reason="y")
    less = agreement_on(case, "keep", MODERATE, (overlay,))
    assert (plain.lowest - less.lowest, plain.highest - less.highest) == pytest.approx((0.04, 0.04))


def test_the_sets_of_a_case_are_the_whole(simulated: Case) -> None:
    parts = [simulated.of_set(k) for k in range(SETS)]
    for values in (
        lambda one: one.lows, lambda one: one.losses.share, lambda one: one.losses.weight,
        lambda one: one.falls.over_horizon, lambda one: one.falls.weight,
    ):  # fmt: skip
        joined = np.concatenate([values(part) for part in parts])
        np.testing.assert_array_equal(joined, values(simulated))
    assert {len(part.lows) for part in parts} == {512}
    # The lows are those of the paths that lose: nothing is lost far above them.
    high = simulated.lows > 0.95
    assert high.any()
    assert (simulated.losses.share[high][:, simulated.losses.thresholds < 0.80] == 0).all()


# Other appetites


def test_another_appetite_decides_by_its_own_limits(case: Case) -> None:
    for name in ("conservative", "moderate", "aggressive"):
        appetite = load_appetite(name)
        found = alternative(case, appetite, ())
        given = support_of(case, limits_of(case, appetite), appetite, ())
        ruling = rule_on(case, given, appetite)
        assert (found.appetite, found.supported) == (name, given.bound)
        assert (found.action, found.threshold) == (ruling.action, ruling.threshold)
        assert found.reason == ruling.reasons[0].code


def test_an_appetite_that_no_threshold_meets_refuses(case: Case) -> None:
    found = alternative(losing(case, 0.5), MODERATE, ())
    assert (found.action, found.reason) == ("refuse", "refuse_appetite")
    assert found.threshold == CURRENT
