"""The rule turned around: implied confidence, against closed forms and against the rule itself."""

from __future__ import annotations

import numpy as np
import pytest

from govkit.calibrate import position
from govkit.calibrate.case import Asked
from govkit.calibrate.implied import (
    allowance,
    implied_confidence,
    implied_of,
    place_of,
    whole_market,
)
from govkit.calibrate.refusal import refusal_of
from govkit.data import appetite_names, load_appetite
from govkit.records.evidence import Reason
from govkit.records.implied import ImpliedAsset, ImpliedConfidence, NotImplied, Place
from govkit.records.market import Appetite, Market
from govkit.records.model import MarketModel
from tests.calibrate.pipeline import PEGGED, REFUSED, SUPPORTED, with_reserve

SHIPPED = [load_appetite(name) for name in appetite_names()]  # p = 0.2, 0.5 and 1 %


@pytest.fixture(scope="module")
def found(market: Market, model: MarketModel) -> ImpliedConfidence:
    return implied_confidence(market, model, SHIPPED, seed=1)


def asked(market: Market, model: MarketModel, asset: str, seed: int = 1) -> Asked:
    return Asked(market, model, asset, None, seed)


def failing(asset: str, chance: float, debt_usd: float, per_year: float = 20.0) -> ImpliedAsset:
    return ImpliedAsset(
        asset=asset, threshold=0.8, threshold_as_of="2026-01-01", bonus=0.05,
        oracle_deviation=0.005, horizon_hours=1.0, survival=1 - chance,
        failure_probability=chance, failure_low=chance, failure_high=chance,
        episodes_per_year=per_year, failures_per_year=per_year * chance,
        place=Place(meets="", misses=""), needs=(), debt_at_cap_usd=debt_usd,
    )  # fmt: skip


def test_every_asset_has_a_figure_or_a_reason(found: ImpliedConfidence) -> None:
    assert {one.asset for one in found.assets} == {*SUPPORTED, *PEGGED}
    assert {one.asset: one.reason.code for one in found.not_implied} == REFUSED


@pytest.mark.parametrize("asset", ["WETH", "LINK", "wstETH", "USDC"])
@pytest.mark.parametrize("appetite", SHIPPED, ids=lambda one: one.name)
def test_the_threshold_of_a_position_rule_implies_its_probability(
    market: Market, model: MarketModel, asset: str, appetite: Appetite
) -> None:
    # The threshold comes from other paths than the probability: only path error parts them.
    one = asked(market, model, asset)
    (need,) = implied_of(one, 0.8, [appetite]).needs
    other = asked(market, model, asset, seed=2)
    back = implied_of(other, need.threshold, SHIPPED)
    width = back.failure_high - back.failure_low
    assert back.failure_probability == pytest.approx(appetite.position_probability, abs=1.5 * width)
    assert need.threshold_low < need.threshold < need.threshold_high


def test_on_the_same_paths_the_round_trip_is_exact(market: Market, model: MarketModel) -> None:
    one = asked(market, model, "WETH")
    for need in implied_of(one, 0.83, SHIPPED).needs:
        back = implied_of(one, need.threshold, SHIPPED).failure_probability
        # A quantile lies between two of 100,000 paths, each with a weight of at most 2.
        assert back == pytest.approx(need.position_probability, abs=2e-5)


def test_confidence_falls_with_the_threshold(market: Market, model: MarketModel) -> None:
    one = asked(market, model, "LINK")
    values = [implied_of(one, threshold, SHIPPED) for threshold in (0.5, 0.6, 0.7, 0.8, 0.9)]
    chances = [value.failure_probability for value in values]
    assert chances == sorted(chances)
    assert len(set(chances)) == len(chances)
    for value in values:
        assert value.failure_low <= value.failure_probability <= value.failure_high
        assert value.survival + value.failure_probability == pytest.approx(1)
        assert value.failures_per_year == pytest.approx(
            value.failure_probability * value.episodes_per_year
        )


def test_a_threshold_that_the_bonus_already_eats_always_fails(
    market: Market, model: MarketModel
) -> None:
    # 0.96 x 1.05 / 0.995 is above 1: no collateral is left even without a fall.
    assert allowance(0.96, 0.005, 0.05) < 0
    assert implied_of(asked(market, model, "WETH"), 0.96, SHIPPED).failure_probability == (
        pytest.approx(1, abs=0.005)
    )


def test_a_threshold_of_zero_never_fails(market: Market, model: MarketModel) -> None:
    none = implied_of(asked(market, model, "WETH"), 0.0, SHIPPED)
    assert none.failure_probability == 0
    assert none.place == Place(meets="conservative", misses="")
    # Rule of three, exact: 1 - 0.025 ** (1 / n), for a sample half as large.
    half = position.FALL_PATHS / 2
    assert none.failure_high == pytest.approx(1 - 0.025 ** (1 / half), rel=1e-6)


def test_the_allowance_inverts_the_position_limit() -> None:
    for fall in (0.0, 0.1, 0.37, 0.9):
        limit = position.position_limit(fall, 0.005, 0.065)
        assert allowance(limit, 0.005, 0.065) == pytest.approx(fall)


@pytest.mark.parametrize(
    ("chance", "meets", "misses"),
    [
        (0.0, "conservative", ""), (0.002, "conservative", ""),
        (0.0021, "moderate", "conservative"),
        (0.005, "moderate", "conservative"), (0.009, "aggressive", "moderate"),
        (0.01, "aggressive", "moderate"), (0.2, "", "aggressive"),
    ],
)  # fmt: skip
def test_a_chance_has_its_place_among_the_appetites(chance: float, meets: str, misses: str) -> None:
    assert place_of(chance, SHIPPED) == Place(meets=meets, misses=misses)


def test_the_market_is_the_debt_weighted_mean_and_median() -> None:
    assets = [failing("A", 0.01, 100.0), failing("B", 0.001, 250.0), failing("C", 0.03, 150.0)]
    left = NotImplied(
        asset="D", threshold=0.7, reason=Reason(code="refuse_data"), debt_at_cap_usd=40.0
    )
    whole = whole_market(assets, [left], SHIPPED)
    assert whole.mean_failure_probability == pytest.approx((1 + 0.25 + 4.5) / 500)
    assert whole.failures_per_year == pytest.approx(20 * 0.041)
    assert whole.weakest == "C"
    assert whole.implied_probability == 0.001  # B alone backs half of the debt
    assert whole.place.meets == "conservative"
    assert (whole.debt_at_cap_usd, whole.left_out_usd) == (500.0, 40.0)
    smaller = whole_market([failing("B", 0.001, 249.0), *assets[::2]], [], SHIPPED)
    assert smaller.implied_probability == 0.01


def test_the_order_of_assets_and_appetites_does_not_matter(
    market: Market, model: MarketModel, found: ImpliedConfidence
) -> None:
    backwards = market.model_copy(
        update={"reserves": dict(reversed(list(market.reserves.items())))}
    )
    again = implied_confidence(backwards, model, SHIPPED[::-1], seed=1)
    assert again.assets == found.assets[::-1]
    assert again.appetites == found.appetites
    assert again.whole is not None
    assert found.whole is not None
    assert again.whole.implied_probability == found.whole.implied_probability


def test_the_answer_depends_on_the_seed_alone(
    market: Market, model: MarketModel, found: ImpliedConfidence
) -> None:
    again = implied_confidence(market, model, SHIPPED, seed=1)
    assert again == found
    other = implied_confidence(market, model, SHIPPED, seed=2)
    for one, two in zip(found.assets, other.assets, strict=True):
        assert one.failure_probability != two.failure_probability
        # Two independent 95 % intervals do not part.
        assert one.failure_low <= two.failure_high
        assert two.failure_low <= one.failure_high


def test_an_asset_that_the_model_does_not_hold_is_left_out_with_a_reason(
    market: Market, model: MarketModel
) -> None:
    small = model.model_copy(update={"assets": {"UNI": model.assets["UNI"]}})
    answer = implied_confidence(market, small, SHIPPED, seed=1)
    assert [one.asset for one in answer.assets] == ["UNI"]
    missing = next(one for one in answer.not_implied if one.asset == "WETH")
    assert missing.reason.texts["reason"] == "the model reference does not hold it"
    assert missing.debt_at_cap_usd is None


def test_a_market_without_any_figure_has_no_whole(market: Market, model: MarketModel) -> None:
    none = implied_confidence(market, model.model_copy(update={"assets": {}}), SHIPPED, seed=1)
    assert none.assets == ()
    assert none.whole is None


def test_a_bonus_that_cannot_pay_is_a_reason(market: Market, model: MarketModel) -> None:
    poor = with_reserve(market, "UNI", bonus=0.001)
    refused = asked(poor, model, "UNI")
    reason = refusal_of(refused)
    assert reason is not None
    assert reason.code == "refuse_liquidity"
    with pytest.raises(ValueError, match="UNI is refused"):
        implied_of(refused, 0.7, SHIPPED)


def test_losses_a_year_need_no_more_than_chance_times_episodes(found: ImpliedConfidence) -> None:
    assert found.whole is not None
    expected = np.sum([one.failure_probability * one.episodes_per_year for one in found.assets])
    assert found.whole.failures_per_year == pytest.approx(expected, rel=1e-5)
