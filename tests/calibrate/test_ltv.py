"""The gap between LTV and threshold: an ordinary hour's fall, and when the LTV is lowered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from govkit.calibrate.case import Asked
from govkit.calibrate.ltv import ltv_rule, normal_fall
from govkit.records.evidence import Parameters
from govkit.records.market import Market
from govkit.records.model import MarketModel
from govkit.records.returns import GpdTail
from govkit.simulate.falls import simulate_falls
from tests.simulate.laws import gaussian_law


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


def gaussian(model: MarketModel, mixed: np.ndarray, trigger: np.ndarray) -> MarketModel:
    """ETH with normal residuals, lows equal to closes, hardly a jump, and these states."""
    law, fitted = gaussian_law(0.01), model.returns["ETH"]
    tail = GpdTail.model_construct(
        threshold=float(law.lower[0]), shape=0.0, scale=float(law.lower[2]), probability=0.005
    )
    changed = fitted.model_copy(
        update={
            "residual_quantiles": tuple(law.body),
            "lower_tail": tail,
            "upper_tail": tail,
            "shadow": fitted.shadow.model_copy(
                update={"residual_edges": (0.0,), "quantiles": ((0.0,) * 33, (0.0,) * 33)}
            ),
            "jumps": fitted.jumps.model_copy(update={"hours": 10**12}),
            "states": fitted.states.model_copy(
                update={"mixed": tuple(mixed), "trigger": tuple(trigger)}
            ),
        }
    )
    return model.model_copy(update={"returns": model.returns | {"ETH": changed}})


def test_at_one_volatility_the_normal_fall_is_that_of_a_normal_law(
    market: Market, model: MarketModel
) -> None:
    one = gaussian(model, np.full(65, 0.01), np.full(65, 0.03))
    # The 1 % quantile of a normal move of 1 %: 2.326 %, as a fall 1 - exp(-0.02326).
    found = normal_fall(asked(market, one, "WETH"))
    assert found == pytest.approx(1 - np.exp(-0.01 * norm.isf(0.01)), rel=0.02)


def test_states_at_and_above_the_trigger_level_are_cut_off(
    market: Market, model: MarketModel
) -> None:
    """States uniform from 0.5 to 2.5 %, triggers from 1.5 % on: normal hours are 0.5 to 1.5 %."""
    quantile = 1 - (1 - np.linspace(0, 1, 65)) ** 3
    one = gaussian(model, 0.005 + 0.02 * quantile, np.full(65, 0.015))

    def beyond(fall: float) -> float:
        return quad(lambda s: norm.sf(fall / s) / 0.01, 0.005, 0.015)[0]

    truth = brentq(lambda x: beyond(x) - 0.01, 0.005, 0.1)
    found = normal_fall(asked(market, one, "WETH"))
    assert found == pytest.approx(1 - np.exp(-truth), rel=0.02)
    # Without the cut it would be the fall of all states.
    whole = brentq(
        lambda x: quad(lambda s: norm.sf(x / s) / 0.02, 0.005, 0.025)[0] - 0.01, 0.005, 0.2
    )
    assert found < 0.75 * (1 - np.exp(-whole))


def test_a_law_whose_states_all_trigger_has_no_ordinary_hour(
    market: Market, model: MarketModel
) -> None:
    one = gaussian(model, np.full(65, 0.03), np.full(65, 0.03))
    assert normal_fall(asked(market, one, "WETH")) is None


@pytest.mark.parametrize("asset", ["WETH", "WBTC", "wstETH", "LINK", "UNI", "CRV"])
def test_the_ordinary_fall_lies_below_the_trigger_fall(
    market: Market, model: MarketModel, asset: str
) -> None:
    one = asked(market, model, asset)
    trigger = simulate_falls(one.law, hours=1, paths=50_000, seed=2, name="X")[:, 0]
    ordinary = normal_fall(one)
    assert ordinary is not None
    assert 0 < ordinary < 0.7 * np.quantile(trigger, 0.99)


@pytest.mark.parametrize("ltv", [0.0, 0.5, 0.829])
def test_the_other_rule_is_information(market: Market, model: MarketModel, ltv: float) -> None:
    rule = ltv_rule(
        asked(market, model, "WETH"), Parameters(ltv=ltv, threshold=0.83, bonus=0.05), 0.5
    )
    assert rule is not None
    assert (rule.other_rule_points, rule.other_rule_ltv) == (10.0, pytest.approx(0.73))
    assert rule.needed_points < rule.other_rule_points


def test_a_threshold_below_the_other_rules_buffer_has_an_ltv_of_zero(
    market: Market, model: MarketModel
) -> None:
    rule = ltv_rule(
        asked(market, model, "WETH"), Parameters(ltv=0.0, threshold=0.08, bonus=0.05), 0.5
    )
    assert rule is not None
    assert (rule.other_rule_ltv, rule.lowered) == (0.0, False)
