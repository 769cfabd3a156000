"""What carries an asset: its own returns, a pair's, depegs, or the history of comparable assets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from govkit.calibrate.case import Asked
from govkit.data import load_appetite
from govkit.records.evidence import AssetEvidence
from govkit.records.market import Market
from govkit.records.model import MarketModel
from govkit.simulate.falls import draw, return_law, simulate_hours
from tests.calibrate.pipeline import (
    PEGGED,
    fewer_paths,
    one,
    with_asset,
    with_constant,
    with_reserve,
)


@pytest.fixture(autouse=True, scope="module")
def small_samples() -> Iterator[None]:
    with fewer_paths(book=1000, refits=500):
        yield


@pytest.fixture(scope="module")
def in_eth(market: Market) -> Market:
    """The shipped market, had it lent WETH instead of USDC."""
    return market.model_copy(update={"debt_asset": "WETH"})


def asked(market: Market, model: MarketModel, asset: str) -> Asked:
    return Asked(market, model, asset, None, 1)


def limit(found: AssetEvidence, name: str) -> tuple[float | None, str]:
    (one_of,) = [item for item in found.limits if item.name == name]
    return one_of.threshold, one_of.reason


def with_returns(model: MarketModel, key: str, **values: Any) -> MarketModel:
    changed = model.returns[key].model_copy(update=values)
    return model.model_copy(update={"returns": model.returns | {key: changed}})


# Debt in the underlying


def test_only_a_staking_token_against_its_underlying_is_a_pair(
    market: Market, in_eth: Market, model: MarketModel
) -> None:
    pairs = {a for a in market.reserves if asked(in_eth, model, a).in_pair}
    assert pairs == {"wstETH", "cbETH", "rETH", "weETH"}
    assert not any(asked(market, model, a).in_pair for a in market.reserves)
    # Named by its ticker, where the model has no collateral of that name.
    ticker = market.model_copy(update={"debt_asset": "ETH"})
    assert asked(ticker, model, "wstETH").in_pair
    # A pair of another underlying is none of this one.
    moved = with_asset(model, "wstETH", priced_as="BTC")
    assert not asked(in_eth, moved, "wstETH").in_pair


def test_a_pair_has_its_own_law_without_the_ratio_and_the_curve_into_its_debt(
    market: Market, in_eth: Market, model: MarketModel
) -> None:
    dollars, pair = asked(market, model, "wstETH"), asked(in_eth, model, "wstETH")
    assert (dollars.returns_key, pair.returns_key) == ("ETH", "staking/ETH")
    assert (pair.returns.basis, pair.returns.numeraire) == ("discount", "ETH")
    # The pair's returns are the ratio's: drawing it beside them would count it twice.
    assert np.ptp(dollars.law.ratio_body) > 0
    assert np.ptp(pair.law.ratio_body) == 0
    np.testing.assert_array_equal(pair.law.body, pair.returns.residual_quantiles)
    assert dollars.curve is not None
    assert pair.curve is not None
    assert (dollars.curve.asset_out, pair.curve.asset_out) == ("USDC", "WETH")
    assert dollars.falls == model.assets["wstETH"].falls
    assert pair.falls == ()


def test_against_its_underlying_a_staking_token_supports_more(
    market: Market, in_eth: Market
) -> None:
    dollars, pair = one("wstETH", market=market), one("wstETH", market=in_eth)
    assert dollars.support is not None
    assert pair.support is not None
    assert pair.support.point > dollars.support.point + 0.03
    assert pair.support.bound > dollars.support.bound + 0.03
    assert limit(pair, "position")[0] > limit(dollars, "position")[0] + 0.03  # type: ignore[operator]
    assert pair.liquidity is not None
    assert pair.liquidity.asset_out == "WETH"
    # Falls of ETH in dollars are none against ETH.
    threshold, reason = limit(pair, "dated stress")
    assert threshold is None
    assert "in dollars" in reason
    assert pair.worst_falls == ()
    assert pair.stress is not None
    assert not any(result.decides for result in pair.stress.results)
    assert {w.role for w in pair.windows} == {w.role for w in dollars.windows} - {"ratio"}
    # The exchange rate that is reported knows no discount, and none is missing from the law.
    assert pair.oracle is not None
    assert all(s.book.chance == 0 for s in pair.oracle.scenarios if s.name != "stale")
    assert [n.what for n in pair.oracle.not_done] == ["manipulation screen"]


@pytest.mark.parametrize("asset", ["WBTC", "LINK", "USDC", "WETH"])
def test_falls_in_another_unit_than_the_debt_are_refused(
    in_eth: Market, model: MarketModel, asset: str
) -> None:
    """Against ETH neither BTC's fall in dollars nor a peg's is what a lender loses."""
    found = one(asset, market=in_eth)
    (reason,) = found.reasons
    assert (found.action, reason.code) == ("refuse", "refuse_data")
    unit = model.returns[model.assets[asset].priced_as].numeraire
    assert f"measured in {unit} and the debt is WETH" in reason.texts["reason"]
    assert "returns against the debt" in [item.what for item in found.not_done]


def test_two_dollar_tokens_are_one_unit_and_a_model_in_eth_serves_eth(
    market: Market, in_eth: Market, model: MarketModel
) -> None:
    for debt in ("USDC", "USDT", "GHO"):
        dollars = market.model_copy(update={"debt_asset": debt})
        assert all(
            asked(dollars, model, asset).measured_in_debt
            for asset in ("WETH", "WBTC", "wstETH", "1INCH", "USDC", "DAI")
        )
    tether = asked(market.model_copy(update={"debt_asset": "USDT"}), model, "WETH")
    assert tether.curve is not None
    assert tether.curve.asset_out == "USDT"
    refitted = with_returns(model, "BTC", numeraire="ETH")
    assert asked(in_eth, refitted, "WBTC").measured_in_debt
    assert not asked(market, refitted, "WBTC").measured_in_debt


# Pegged assets


@pytest.mark.parametrize("asset", PEGGED)
def test_a_pegged_law_draws_hours_of_depegs_and_nothing_else(
    model: MarketModel, asset: str
) -> None:
    """Constant volatility 1: what is drawn is the law of changes below the peg, hour by hour."""
    returns, state = model.returns[asset], model.assets[asset].two_state
    assert state is not None
    assert (returns.basis, returns.variance.method) == ("depeg", "constant")
    # Hours below 98 cents are half a percent of all; the calm ones have no part.
    assert returns.window.observations <= state.discount_hours < 0.02 * state.calm_hours
    moves, lows = simulate_hours(
        return_law(returns), draw(hours=2, paths=200_000, seed=3, name="X")
    )
    np.testing.assert_array_equal(lows, np.minimum(moves, 0))
    for share in (0.01, 0.1, 0.5, 0.9):
        place = np.linspace(0.005, 0.995, 257)
        stored = float(np.interp(share, place, returns.residual_quantiles))
        spread = 4 * np.sqrt(share * (1 - share) / 200_000) + 1e-3
        for hour in (0, 1):  # the second hour is as the first: volatility does not cluster
            # In a third of the hours the price stands still, so a quantile may be an atom.
            assert (moves[:, hour] < stored).mean() <= share + spread
            assert (moves[:, hour] <= stored).mean() >= share - spread
    beyond = (moves < -returns.lower_tail.threshold).mean()
    assert beyond == pytest.approx(0.005, abs=4 * np.sqrt(0.005 / 400_000) + 1e-4)


def test_more_depegs_a_year_fail_more_often_and_move_no_limit(
    market: Market, model: MarketModel
) -> None:
    """A probability is per trigger episode, whose number a year the entry rate is."""
    states = model.returns["USDC"].states
    ten = states.model_copy(update={"episodes_per_year": 10 * states.episodes_per_year})
    two_state = model.assets["USDC"].two_state
    assert two_state is not None
    often = with_returns(model, "USDC", states=ten)
    often = with_asset(
        often, "USDC",
        two_state=two_state.model_copy(
            update={"entries_per_year": 10 * two_state.entries_per_year}
        ),
    )  # fmt: skip
    # At a bonus of 20 % the threshold in force is one that some depegs do break.
    dear = with_reserve(market, "USDC", bonus=0.2)
    before, after = one("USDC", market=dear), one("USDC", market=dear, model=often)
    assert before.limits == after.limits
    assert before.support == after.support
    assert before.grid == after.grid
    for was, now in (
        (before.implied_current, after.implied_current),
        (before.implied_recommended, after.implied_recommended),
    ):
        assert was is not None
        assert now is not None
        assert now.survival == was.survival < 1
        assert now.failures_per_year == pytest.approx(10 * was.failures_per_year, rel=1e-5)
        assert was.failures_per_year > 0


# Comparable assets


def test_a_pooled_asset_is_calibrated_as_long_as_one_sale_clears_it(
    market: Market, model: MarketModel
) -> None:
    assert model.returns["1INCH"].basis == "pooled"
    refused = one("1INCH")
    assert (refused.action, refused.reasons[0].code) == ("refuse", "refuse_long_tail")
    numbers = refused.reasons[0].numbers
    cap, price = market.reserves["1INCH"].supply_cap.value, model.assets["1INCH"].price_usd
    assert numbers["cap_usd"] == pytest.approx(cap * price, rel=1e-5)
    largest = numbers["largest_usd"] / price
    assert 0 < largest < cap
    small = one("1INCH", market=with_reserve(market, "1INCH", supply_cap=0.999 * largest))
    assert small.action != "refuse"
    assert small.support is not None
    assert small.clearing is not None
    assert small.clearing.chunks == pytest.approx(0.999, rel=1e-4)
    assert small.clearing.horizon_hours == 1.0
    large = one("1INCH", market=with_reserve(market, "1INCH", supply_cap=1.001 * largest))
    assert (large.action, large.reasons[0].code) == ("refuse", "refuse_long_tail")
    # A slower refill lengthens no sale that is done at once.
    slow = with_constant(with_reserve(market, "1INCH", supply_cap=0.999 * largest),
                         "refill_minutes", 600.0)  # fmt: skip
    assert one("1INCH", market=slow).action != "refuse"


def test_the_path_error_is_that_of_the_limit_that_binds() -> None:
    """A tail loss is flat in the threshold, so its interval is wide; a quantile's is narrow."""
    moderate = load_appetite("moderate")
    any_tail = moderate.model_copy(update={"tail_loss_share": 0.019, "stress_loss_share": 0.049})
    for asset, appetite, limit, paths, noisy in (
        ("UNI", moderate, "tail loss", 40_960, True),
        ("WETH", any_tail, "position", 163_840, False),
    ):
        with fewer_paths(book=40_960, falls=163_840, refits=256):
            found = one(asset, appetite=appetite)
        assert found.support is not None
        assert [each.name for each in found.limits if each.binding] == [limit]
        assert found.support.paths == paths
        assert (found.support.path_error_points > 1) == noisy
