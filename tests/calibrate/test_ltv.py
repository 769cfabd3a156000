"""The gap between LTV and threshold: an ordinary hour's fall, and when the LTV is lowered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govkit.calibrate.case import Asked
from govkit.calibrate.ltv import ltv_rule, normal_fall
from govkit.records.evidence import Parameters
from govkit.records.market import Market
from govkit.records.model import MarketModel
from govkit.simulate.falls import simulate_falls


def asked(market: Market, model: MarketModel, asset: str) -> Asked:
    return Asked(market, model, asset, None, 1)


def test_an_ordinary_hour_falls_less_than_a_trigger_hour(
    market: Market, model: MarketModel
) -> None:
    one = asked(market, model, "WETH")
    ordinary = normal_fall(one)
    trigger = simulate_falls(one.law, hours=1, paths=50_000, seed=2, name="X")[:, 0]
    assert ordinary is not None
    assert 0.01 < ordinary < float(sorted(trigger)[int(0.99 * len(trigger))])


def test_an_ordinary_hours_fall_scales_with_its_volatility(
    market: Market, model: MarketModel
) -> None:
    # All states and the fitted variance at half: log falls are half as large, but for the jump.
    law = model.returns["ETH"]
    states = law.states.model_copy(
        update={
            "trigger": tuple(s / 2 for s in law.states.trigger),
            "mixed": tuple(s / 2 for s in law.states.mixed),
        }
    )
    calm = model.model_copy(
        update={"returns": model.returns | {"ETH": law.model_copy(update={"states": states})}}
    )
    usual, half = (normal_fall(asked(market, m, "WETH")) for m in (model, calm))
    assert usual is not None
    assert half is not None
    assert half == pytest.approx(usual / 2, rel=0.03)


def test_a_peg_has_no_ordinary_hour(market: Market, model: MarketModel) -> None:
    assert normal_fall(asked(market, model, "USDC")) is None
    proposed = Parameters(ltv=0.75, threshold=0.78, bonus=0.045)
    assert ltv_rule(asked(market, model, "USDC"), proposed, 0.5) is None


@pytest.mark.parametrize(
    ("ltv", "lowered"), [(0.805, False), (0.82, True), (0.83, True), (0.0, False)]
)
def test_the_ltv_is_lowered_only_where_the_gap_is_half_a_point_short(
    market: Market, model: MarketModel, ltv: float, lowered: bool
) -> None:
    one = asked(market, model, "WETH")
    rule = ltv_rule(one, Parameters(ltv=ltv, threshold=0.83, bonus=0.05), 0.5)
    assert rule is not None
    assert rule.lowered == lowered
    assert rule.needed_points == pytest.approx(83 * rule.normal_fall)
    assert rule.gap_points == pytest.approx(100 * (0.83 - ltv))
    assert rule.other_rule_ltv == pytest.approx(0.73)
    assert replace(one, seed=1) == one
