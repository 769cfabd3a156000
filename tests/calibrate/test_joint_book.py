"""Several assets in one book: what their joint loss depends on, and what it cannot exceed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from govkit.calibrate import case as alone
from govkit.calibrate.case import BOOK_HOURS, Asked, Case, simulate_case
from govkit.calibrate.joint_book import joint_check, losses_along
from govkit.calibrate.joint_losses import (
    JointLosses,
    joint_record,
    joint_shortfall,
    parts_of_shortfall,
)
from govkit.calibrate.position import SETS
from govkit.data import load_appetite
from govkit.records.joint import JointCheck
from govkit.records.market import Appetite, Market
from govkit.records.model import Dependence, MarketModel, SkewedCopula
from govkit.records.provenance import NotDone
from govkit.simulate.falls import Draws, draw_tilted
from govkit.simulate.joint import joint_draws, tilted_joint_draws
from tests.calibrate.pipeline import fewer_paths, with_asset

ASKED = ("WETH", "WBTC", "wstETH", "LINK", "USDC")
IN_FORCE = {"WETH": 0.83, "WBTC": 0.78, "wstETH": 0.79, "LINK": 0.71, "USDC": 0.78}
HIGH = {"WETH": 0.94, "WBTC": 0.93}


def case_of(market: Market, model: MarketModel, asset: str) -> Case:
    asked = Asked(market, model, asset, None, 1)
    assert asked.curve is not None
    with fewer_paths(book=100, falls=500, refits=50):
        return simulate_case(asked, asked.curve, 0.95, frozenset(), (load_appetite("moderate"),))


@pytest.fixture(scope="module")
def cases(market: Market, model: MarketModel) -> dict[str, Case]:
    return {asset: case_of(market, model, asset) for asset in ASKED}


@pytest.fixture(scope="module")
def moderate() -> Appetite:
    return load_appetite("moderate")


@pytest.fixture(scope="module")
def tied(model: MarketModel) -> Dependence:
    assert model.dependence is not None
    return model.dependence


def some(cases: Mapping[str, Case], *names: str) -> dict[str, Case]:
    return {name: cases[name] for name in names}


def checked(
    cases: Mapping[str, Case], tied: Dependence, paths: int = 10_000, **rest: Any
) -> JointCheck:
    """Check at the thresholds in force, or others, with the moderate appetite."""
    given: dict[str, Any] = {
        "thresholds": IN_FORCE,
        "appetite": load_appetite("moderate"),
        "seed": 1,
    } | rest
    with fewer_paths(book=paths):
        found = joint_check(cases, dependence=tied, **given)
    assert isinstance(found, JointCheck)
    return found


def losses_of(loss_usd: Any, debts_usd: Any, weight: Any = None) -> JointLosses:
    """Losses of made-up books; correlation one has the same ones, in rising order by asset."""
    loss = np.array(loss_usd, dtype=float)
    names = tuple("ABCDE"[: loss.shape[1]])
    even = np.ones(len(loss)) if weight is None else np.array(weight)
    return JointLosses(
        assets=names, families=names, thresholds=(0.8,) * len(names),
        debts_usd=np.array(debts_usd, dtype=float), loss_usd=loss, weight=even,
        tied_usd=np.sort(loss, axis=0), tied_weight=np.ones(len(loss)), horizon_hours=24.0,
    )  # fmt: skip


# Adding up


def test_chances_and_shortfalls_of_losses_counted_by_hand(moderate: Appetite) -> None:
    """Of 1,000 episodes A loses in 10, B in 20, both in 4; floors are $50,000."""
    loss = np.zeros((1000, 2))
    loss[:10, 0] = 60_000
    loss[6:26, 1] = 40_000
    loss[25, 1] = 55_000
    found = joint_record(losses_of(loss, [1e6, 3e6]), moderate)
    assert found.floor_usd == 50_000
    assert found.debt_usd == 4e6
    assert [one.p_bad_debt for one in found.assets] == pytest.approx([0.010, 0.001])
    assert found.p_bad_debt == pytest.approx(0.011)  # ten with A, and the one of B alone
    assert found.p_any == pytest.approx(0.011)
    assert found.p_all == 0
    assert found.p_independent == pytest.approx(1 - 0.990 * 0.999)
    assert found.p_all_independent == pytest.approx(0.010 * 0.001)
    # The worst 25: four of 100,000, six of 60,000, one of 55,000, 14 of 40,000.
    worst = (4 * 100_000 + 6 * 60_000 + 55_000 + 14 * 40_000) / 25
    assert found.tail.es_share == pytest.approx(worst / 4e6)
    own = 10 * 60_000 / 25, (19 * 40_000 + 55_000) / 25
    assert found.tail.es_sum_share == pytest.approx(sum(own) / 4e6)
    assert found.tail.diversification == pytest.approx(1 - worst / sum(own), abs=1e-8)
    assert [one.es_share for one in found.assets] == pytest.approx([own[0] / 1e6, own[1] / 3e6])
    # The one left out of the worst 25 is an episode in which B alone loses.
    parts = [one.es_part for one in found.assets]
    assert parts == pytest.approx([600 / 1375, 775 / 1375])
    assert found.rare.es_share == pytest.approx(100_000 / 4e6)


def test_a_joint_floor_is_that_of_all_debt(moderate: Appetite) -> None:
    """$600,000 exceed 0.1 % of $300M, but not of $900M."""
    loss = np.zeros((1000, 2))
    loss[:5, 0] = 600_000
    found = joint_record(losses_of(loss, [3e8, 6e8]), moderate)
    assert found.p_any == pytest.approx(0.005)
    assert found.p_bad_debt == 0
    assert found.p_high > 0


def test_shortfalls_of_losses_rarer_than_their_level_only_add_up() -> None:
    """Means add up: nothing is diversified at 97.5 % although no two lose together."""
    loss = np.zeros((1000, 2))
    loss[:10, 0], loss[10:20, 1] = 1e6, 2e6
    losses = losses_of(loss, [1e9, 1e9])
    assert joint_shortfall(losses, 0.975).diversification == 0
    rare = joint_shortfall(losses, 0.99)
    assert rare.es_share == pytest.approx(2e6 / 2e9)
    assert rare.es_sum_share == rare.es_share_correlation_one == pytest.approx(3e6 / 2e9)
    assert rare.diversification == pytest.approx(1 / 3, abs=1e-8)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.975, 0.999])
def test_joint_shortfall_never_exceeds_the_sum_and_its_parts_add_up(level: float) -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        loss = np.maximum(random.standard_t(3, (500, 3)) + random.standard_t(3, (500, 1)), 0)
        losses = losses_of(loss, [5.0, 7.0, 9.0], random.uniform(0.01, 2, 500))
        found = joint_shortfall(losses, level)
        assert 0 < found.es_low <= found.es_share <= found.es_sum_share
        # Losses in the same order in every asset have no diversification.
        assert found.es_share_correlation_one == pytest.approx(found.es_sum_share)
        parts = parts_of_shortfall(losses.loss_usd, losses.weight, level)
        assert parts is not None
        assert parts.sum() == pytest.approx(1)
        assert (parts >= 0).all()


def test_nothing_lost_has_no_parts_and_no_diversification(moderate: Appetite) -> None:
    found = joint_record(losses_of(np.zeros((1000, 2)), [1e6, 1e6]), moderate)
    assert found.tail.es_share == found.tail.es_share_correlation_one == found.p_bad_debt == 0
    assert found.tail.diversification is None
    assert [one.es_part for one in found.assets] == [None, None]
    assert found.passed


# Books along joint paths


def test_the_order_of_the_assets_changes_no_number(
    cases: dict[str, Case], tied: Dependence
) -> None:
    first = checked(cases, tied)
    turned = checked(dict(reversed(cases.items())), tied)
    assert [one.asset for one in turned.assets] == [one.asset for one in first.assets][::-1]
    assert set(turned.left_out) == set(first.left_out)
    same = {"assets": first.assets, "left_out": first.left_out}
    assert turned.model_copy(update=same) == first


def test_rare_joint_losses_agree_with_a_plain_run_of_many_paths(
    cases: dict[str, Case], tied: Dependence
) -> None:
    two = some(cases, "WETH", "WBTC")
    found = checked(two, tied, thresholds={"WETH": 0.88, "WBTC": 0.83})

    def plain(name: str) -> Mapping[str, Draws]:
        return joint_draws(
            tied, ("ETH", "BTC"), hours=BOOK_HOURS, paths=12_000, seed=2, name=f"{name} plain"
        )

    loss, weight = losses_along(two, {"WETH": 0.88, "WBTC": 0.83}, plain, 2)
    assert loss.shape == (60_000, 2)
    assert (weight == 1).all()
    often = np.mean(loss.sum(axis=1) > found.floor_usd)
    error = np.sqrt(often / 60_000)
    assert found.p_low - 2 * error < often < found.p_high + 2 * error
    # A plain run of as many paths has a wider interval.
    assert found.p_high - found.p_low < 0.7 * 3.92 * np.sqrt(often / found.paths)


def test_each_asset_loses_as_often_as_in_a_book_of_its_own(
    cases: dict[str, Case], tied: Dependence
) -> None:
    found = checked(some(cases, "WETH", "WBTC"), tied, thresholds=HIGH)
    for one in found.assets:
        key = cases[one.asset].asked.returns_key

        def own(name: str, key: str = key) -> Mapping[str, Draws]:
            return {key: draw_tilted(hours=BOOK_HOURS, paths=4000, seed=3, name=f"{name} own")}

        loss, weight = losses_along(some(cases, one.asset), HIGH, own, 3)
        each = weight * (loss[:, 0] > one.floor_usd)
        assert one.p_bad_debt == pytest.approx(each.mean(), abs=6 * each.std() / np.sqrt(20_000))


def test_two_copies_of_an_asset_are_not_diversified_at_all(
    cases: dict[str, Case], tied: Dependence
) -> None:
    weth = cases["WETH"]
    other = weth.asked.reserve.model_copy(update={"family": "another"})
    market = weth.asked.market
    market = market.model_copy(update={"reserves": market.reserves | {"copy": other}})
    model = weth.asked.model
    model = model.model_copy(update={"assets": model.assets | {"copy": model.assets["WETH"]}})
    copy = replace(weth, asked=Asked(market, model, "copy", None, 1))
    found = checked({"WETH": weth, "copy": copy}, tied, thresholds={"WETH": 0.93, "copy": 0.93})
    assert found.p_all == found.p_any == found.assets[0].p_bad_debt > 0
    for at in (found.tail, found.rare):
        assert at.diversification == 0
        assert at.es_share_correlation_one == pytest.approx(at.es_sum_share)
    assert [one.es_part for one in found.assets] == pytest.approx([0.5, 0.5])


def calm(model: MarketModel, ticker: str) -> MarketModel:
    """Leave out what assets share beside the copula: jumps, and where within an hour a low is."""
    returns = model.returns[ticker]
    table = tuple(tuple(0.0 for _ in row) for row in returns.shadow.quantiles)
    changed = returns.model_copy(
        update={
            "jumps": returns.jumps.model_copy(update={"hours": 10**12}),
            "shadow": returns.shadow.model_copy(update={"quantiles": table}),
            "worst_five_minutes": (0.5,) * len(returns.worst_five_minutes),
        }
    )
    return model.model_copy(update={"returns": model.returns | {ticker: changed}})


def test_without_dependence_joint_losses_are_as_rare_as_the_product_of_the_chances(
    market: Market, model: MarketModel, tied: Dependence
) -> None:
    quiet = calm(calm(model, "ETH"), "BTC")
    two = {asset: case_of(market, quiet, asset) for asset in ("WETH", "WBTC")}
    alike = tuple(tuple(float(a == b) for b in tied.assets) for a in tied.assets)
    none = SkewedCopula(degrees_of_freedom=1e5, skewness=0.0, correlation=alike, level=0.01)
    apart = tied.model_copy(update={"residuals": none, "starts": none})
    high = {"WETH": 0.95, "WBTC": 0.94}
    found = checked(two, apart, paths=100_000, thresholds=high)
    joint, product = found.p_all, found.p_all_independent
    assert joint == pytest.approx(product, abs=4 * np.sqrt(product / 100_000))
    assert found.p_any == pytest.approx(found.p_independent, abs=4 * np.sqrt(product / 100_000))
    assert joint > 5e-4
    # With the shipped dependence the same books lose together far more often.
    assert checked(two, tied, thresholds=high).p_all > 3 * product


def test_the_model_ties_assets_closer_than_independence_and_looser_than_correlation_one(
    cases: dict[str, Case], tied: Dependence
) -> None:
    found = checked(some(cases, "WETH", "WBTC", "LINK"), tied)
    assert found.p_all > 20 * found.p_all_independent
    assert found.p_any < found.p_independent
    rare = found.rare
    assert rare.es_share < rare.es_share_correlation_one < rare.es_sum_share
    assert found.tail.level == 0.975
    assert rare.level == 0.999


def test_a_higher_threshold_never_lowers_a_joint_figure(
    cases: dict[str, Case], tied: Dependence
) -> None:
    two = some(cases, "WETH", "WBTC")
    low, high = checked(two, tied), checked(two, tied, thresholds=IN_FORCE | {"WETH": 0.88})
    assert high.p_bad_debt > low.p_bad_debt
    assert high.tail.es_share > low.tail.es_share
    assert high.assets[1].p_bad_debt == low.assets[1].p_bad_debt


def test_what_the_appetite_allows_decides(cases: dict[str, Case], tied: Dependence) -> None:
    two = some(cases, "WETH", "WBTC")
    found = {
        name: checked(two, tied, paths=20_000, appetite=load_appetite(name))
        for name in ("conservative", "moderate", "aggressive")
    }
    for name, one in found.items():
        within = one.p_bad_debt <= one.p_limit and one.tail.es_share <= one.es_limit
        assert one.passed == within, name
    assert not found["conservative"].passed
    assert found["aggressive"].passed


def test_a_family_stands_once_with_the_member_that_loses_more(
    cases: dict[str, Case], tied: Dependence
) -> None:
    family = some(cases, "WETH", "wstETH", "WBTC")
    found = checked(family, tied)
    assert [one.asset for one in found.assets] == ["WETH", "WBTC"]
    assert found.left_out == (
        "wstETH: sells into the same depth as WETH, which stands for all the family's debt",
    )
    assert found.assets[0].debt_usd == pytest.approx(cases["WETH"].clearing.debt_at_cap_usd)
    # Its own debt is counted with WETH's: the sum of all caps' debts, once.
    assert found.debt_usd == pytest.approx(sum(one.debt_usd for one in found.assets))
    turned = checked(family, tied, thresholds=IN_FORCE | {"WETH": 0.60})
    assert [one.asset for one in turned.assets] == ["wstETH", "WBTC"]
    assert turned.left_out[0].startswith("WETH: sells into the same depth as wstETH")


def test_a_feed_that_hides_a_discount_is_followed_in_the_joint_book(
    cases: dict[str, Case], tied: Dependence
) -> None:
    """The feed reports the underlying times the ratio: what it shows differs from the price."""
    wsteth = cases["wstETH"]
    assert wsteth.asked.hides_discount

    def joint(name: str) -> Mapping[str, Draws]:
        return tilted_joint_draws(tied, ("ETH",), hours=BOOK_HOURS, paths=1000, seed=1, name=name)

    seen, _ = losses_along({"wstETH": wsteth}, {"wstETH": 0.9}, joint, 1)
    market = wsteth.asked.market
    reserve = wsteth.asked.reserve
    assert reserve.oracle is not None
    own_feed = reserve.oracle.model_copy(update={"adapter": "market", "growth_cap_per_year": None})
    reserves = {"wstETH": reserve.model_copy(update={"oracle": own_feed})}
    changed = market.model_copy(update={"reserves": market.reserves | reserves})
    on_market = replace(wsteth, asked=replace(wsteth.asked, market=changed))
    other, _ = losses_along({"wstETH": on_market}, {"wstETH": 0.9}, joint, 1)
    assert not np.array_equal(seen, other)


# What has no place in it


def test_assets_without_a_place_in_the_dependence_are_named_with_a_reason(
    market: Market, model: MarketModel, cases: dict[str, Case], tied: Dependence
) -> None:
    in_eth = market.model_copy(update={"debt_asset": "WETH"})
    strange = {
        "1INCH": case_of(market, model, "1INCH"),
        "USDC": cases["USDC"],
        "wstETH": case_of(in_eth, model, "wstETH"),
        "MKR": case_of(market, with_asset(model, "MKR", priced_as="AAVE"), "MKR"),
    }
    without = tuple(one for one in tied.assets if one != "AAVE")
    keep = [k for k, one in enumerate(tied.assets) if one != "AAVE"]
    fewer = {
        part: cut.model_copy(
            update={"correlation": tuple(tuple(cut.correlation[i][j] for j in keep) for i in keep)}
        )
        for part, cut in (("residuals", tied.residuals), ("starts", tied.starts))
        if cut is not None
    }
    found = checked(
        some(cases, "WETH", "WBTC") | strange,
        tied.model_copy(update={"assets": without, **fewer}),
        thresholds=IN_FORCE | dict.fromkeys(strange, 0.6),
    )
    assert [one.asset for one in found.assets] == ["WETH", "WBTC"]
    reasons = dict(one.split(": ", 1) for one in found.left_out)
    assert list(reasons) == list(strange)
    assert "comparable assets" in reasons["1INCH"]
    assert "depegs" in reasons["USDC"]
    assert "ratio to WETH" in reasons["wstETH"]
    assert reasons["MKR"] == "AAVE is not among the assets of the model's dependence"


@pytest.mark.parametrize("names", [("WETH",), ("WETH", "wstETH"), ("WETH", "USDC")])
def test_fewer_than_two_families_are_no_joint_book(
    cases: dict[str, Case], tied: Dependence, moderate: Appetite, names: tuple[str, ...]
) -> None:
    found = joint_check(some(cases, *names), IN_FORCE, moderate, tied, 1)
    assert isinstance(found, NotDone)
    assert "fewer than two families" in found.reason


def test_a_model_without_dependence_has_no_joint_book(
    cases: dict[str, Case], moderate: Appetite
) -> None:
    found = joint_check(cases, IN_FORCE, moderate, None, 1)
    assert found == NotDone(
        what="joint book", reason="the market model holds no dependence between assets"
    )


def test_all_paths_of_the_books_are_run(cases: dict[str, Case], tied: Dependence) -> None:
    found = checked(some(cases, "WETH", "WBTC"), tied, paths=alone.BOOK_PATHS)
    assert found.paths == alone.BOOK_PATHS // SETS * SETS
