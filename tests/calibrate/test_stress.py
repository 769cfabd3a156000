"""Replays, reverse stress and the shipped library, against closed forms and the dated limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from govkit.calibrate.book import JUST_TRIGGERED, stress_losses
from govkit.calibrate.case import Asked
from govkit.calibrate.replay import Replay, Setting, conditions_of, replay_of, setting_of
from govkit.calibrate.stress import run_scenarios, smallest_gap
from govkit.data import load_appetite, load_market, load_model, load_scenarios
from govkit.records.market import Market
from govkit.records.model import MarketModel
from govkit.records.stress import Scenario, ScenarioResult, StressEvidence
from govkit.simulate.engine import Book, Conditions, Depth, Terms

NAME = "aave-v3-ethereum"
MODERATE = load_appetite("moderate")
DEEP = Depth(np.array([0.0, 1e15]), np.array([0.0, 1e-9]))
FREE = Terms(bonus=0.05, protocol_fee_share=0.0, deviation=0.0, swap_fee=0.0, gas_share=0.0,
             refill_steps=3.0, permanent_share=0.0)  # fmt: skip
THRESHOLD = 0.8
HAIR = 1 + 1e-9
"""Trigger of an account that a price of 1 puts just below health factor 1."""


def setting(asset: str, market: Market | None = None, model: MarketModel | None = None) -> Setting:
    asked = Asked(market or load_market(NAME), model or load_model(), asset, None, 1)
    assert asked.curve is not None
    return setting_of(asked, asked.curve)


def simple(*accounts: tuple[float, float], asset: str = "WETH") -> Setting:
    """A deep market without costs; accounts of (trigger price, debt)."""
    trigger, debt = (np.array(c) for c in zip(*sorted(accounts, reverse=True), strict=True))
    book = Book(trigger, debt, THRESHOLD, float(debt.sum()))
    return replace(setting(asset), book=book, terms=FREE, depth=DEEP)


def scenario(**values: Any) -> Scenario:
    given: dict[str, Any] = {
        "name": "asked", "channels": ("gap",), "decides": False, "source": "a test",
    }  # fmt: skip
    return Scenario(**given | values)


def gap(size: float, **values: Any) -> Scenario:
    return scenario(horizons_hours=(1 / 12,), falls=(size,), **values)


def run(case: Setting, *scenarios: Scenario, threshold: float = THRESHOLD) -> StressEvidence:
    return run_scenarios(case, scenarios, threshold, threshold, MODERATE)


def one(case: Setting, asked: Scenario, threshold: float = THRESHOLD) -> ScenarioResult:
    (result,) = run(case, asked, threshold=threshold).results
    return result


def ready(case: Setting, asked: Scenario) -> Replay:
    found = replay_of(case, asked)
    assert isinstance(found, Replay)
    return found


# --- closed forms ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0.1, 0.16, 0.2, 0.35, 0.5])
def test_a_sudden_fall_leaves_what_the_collateral_cannot_pay_with_the_bonus(size: float) -> None:
    """The account is sold out after the gap: 1 - (1 - g) / (threshold (1 + b)) is left."""
    result = one(simple((1.0, 1e6)), gap(size))
    expected = max(1 - (1 - size) / (THRESHOLD * 1.05), 0.0)
    assert result.loss_recommended == pytest.approx(expected, abs=1e-8)
    assert result.liquidated_share == pytest.approx(1 - expected, abs=1e-8)
    assert result.passed == (expected <= MODERATE.stress_loss_share)
    assert result.fall_in_horizon == result.fall_in_day == pytest.approx(size)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
def test_the_reverse_stress_is_the_gap_at_which_the_closed_form_passes_the_cap(
    threshold: float,
) -> None:
    cap = MODERATE.stress_loss_share
    exact = 1 - (1 - cap) * threshold * 1.05
    found = smallest_gap(simple((1.0, 1e6)), threshold, cap)
    assert found is not None
    assert exact <= found <= exact + 0.001


def test_no_gap_breaks_a_cap_that_leaves_room_and_none_is_needed_where_nobody_buys() -> None:
    # Health factor 100: even 95 % down the collateral is six times the debt.
    assert smallest_gap(simple((0.01, 1e6)), THRESHOLD, 0.0025) is None
    # At a threshold of 97 % a bonus of 5 % is more than the collateral: a loss without a fall.
    assert smallest_gap(simple((HAIR, 1e6)), 0.97, 0.0025) == 0.0


def test_a_frozen_feed_is_booked_when_it_catches_up() -> None:
    """Health factor 1.25, the price halves, and the feed shows nothing of it for two days."""
    account = simple((0.8, 1e6))
    frozen = gap(0.5, feed_frozen_hours=48.0)
    assert ready(account, frozen).prices.shape == (1, 12 * 96)
    left = 1 - 0.5 / (0.8 * THRESHOLD * 1.05)
    assert one(account, frozen).loss_recommended == pytest.approx(left, abs=1e-8)


def test_gas_that_eats_the_bonus_leaves_everything_unsold() -> None:
    account = simple((1.0, 1e6))
    account = replace(account, terms=replace(account.terms, gas_share=0.01))
    assert one(account, gap(0.3)).liquidated_share > 0.8
    dear = one(account, gap(0.3, gas_factor=6.0))
    assert dear.liquidated_share == 0
    assert dear.loss_recommended == pytest.approx(1 - 0.7 / THRESHOLD)


def test_a_low_feed_liquidates_what_a_true_one_would_not_and_says_how_much() -> None:
    accounts = simple((HAIR, 1e5), (0.98, 3e5), (0.9, 6e5))
    low = scenario(horizons_hours=(24.0,), falls=(0.0,), feed_low=0.0285)
    result = one(accounts, low)
    assert result.unnecessary_share == pytest.approx(0.3)
    assert result.liquidated_share == pytest.approx(0.4)
    assert result.loss_recommended == 0
    assert one(accounts, gap(0.0)).unnecessary_share == 0


def test_a_feed_too_high_by_more_than_the_bonus_stops_every_sale() -> None:
    account = simple((1.0, 1e6))
    for high, sold in ((0.04, True), (0.06, False)):
        result = one(account, gap(0.3, feed_high=high))
        assert (result.liquidated_share > 0) == sold
    assert result.loss_recommended == pytest.approx(1 - 0.7 / THRESHOLD)


def test_the_worst_case_puts_all_debt_the_collateral_backs_at_health_factor_1() -> None:
    case = setting("WETH")
    book = ready(case, gap(0.35, all_at_one=True)).book
    assert book.debt_usd.sum() == pytest.approx(case.book.backed_usd)
    assert (book.trigger == JUST_TRIGGERED).all()
    accounts = replace(simple((1.0, 1e5), (0.5, 3e5)), depth=DEEP)
    expected = 1 - 0.65 / (THRESHOLD * 1.05)
    result = one(accounts, gap(0.35, all_at_one=True))
    assert result.loss_recommended == pytest.approx(expected, abs=1e-8)


def test_begun_steps_count_whole() -> None:
    asked = gap(0.1, keeper_outage_hours=1.0, feed_frozen_hours=0.8167, feed_low=0.01)
    assert conditions_of(asked) == Conditions(outage_steps=12, frozen_steps=10, feed_low=0.01)
    assert conditions_of(gap(0.1, feed_high=0.0031)) == Conditions(feed_high=0.0031)


# --- properties on the shipped book ---------------------------------------------------------


def test_losses_grow_with_the_gap_and_as_depth_is_cut() -> None:
    case = setting("WETH")
    by_gap = [one(case, gap(size)).loss_recommended for size in np.arange(0.05, 0.65, 0.05)]
    assert by_gap == sorted(by_gap)
    assert by_gap[-1] > by_gap[3] > 0
    by_depth = [
        one(case, scenario(falls_of="Black Thursday", depth_factor=f)).loss_recommended
        for f in (1.0, 0.5, 0.2, 0.1, 0.02)
    ]
    assert by_depth == sorted(by_depth)
    assert by_depth[-1] > 10 * by_depth[0]


def test_losses_grow_with_the_threshold_and_the_outage() -> None:
    case = setting("WETH")
    asked = scenario(falls_of="Black Thursday", keeper_outage_hours=1.0)
    by_threshold = [one(case, asked, t).loss_recommended for t in (0.7, 0.75, 0.8, 0.85)]
    assert by_threshold == sorted(by_threshold)
    by_outage = [
        one(case, asked.model_copy(update={"keeper_outage_hours": h}), 0.85).loss_recommended
        for h in (0.0, 0.5, 1.0, 6.0, 48.0)
    ]
    assert by_outage == sorted(by_outage)
    assert by_outage[-1] > by_outage[0]


@pytest.mark.parametrize("asset", ["WETH", "wstETH", "LINK", "USDC"])
def test_what_decides_is_what_the_dated_stress_limit_uses(asset: str) -> None:
    case = setting(asset)
    grid = np.array([0.7, 0.76, 0.83, 0.87])
    deciding = {s.name for s in load_scenarios() if s.decides}
    falls = tuple(f for f in case.asked.hourly_falls if f.event in deciding)
    # Of a peg only the falls of whole days are on record, which are no test of a limit.
    assert (falls == ()) == (asset == "USDC")
    limit = stress_losses(falls, case.book, grid, case.terms, case.depth)
    for k, threshold in enumerate(grid):
        shown = run_scenarios(case, load_scenarios(), 0.7, float(threshold), MODERATE)
        found = {r.name: r for r in shown.results if r.decides}
        assert set(found) == {f.event for f in falls}
        for fall, row in zip(falls, limit, strict=True):
            assert found[fall.event].loss_recommended == pytest.approx(row[k], abs=1e-12)
            assert found[fall.event].loss_current == pytest.approx(row[0], abs=1e-12)
            assert found[fall.event].on == fall.on
            assert found[fall.event].fall_in_day == pytest.approx(
                np.interp(24.0, fall.horizons_hours, fall.falls), abs=1e-9
            )


# --- which scenarios apply ------------------------------------------------------------------


@pytest.mark.parametrize("asset", ["WETH", "wstETH", "USDC"])
def test_every_shipped_scenario_runs_or_says_why_not(asset: str) -> None:
    library = load_scenarios()
    found = run_scenarios(setting(asset), library, 0.8, 0.78, MODERATE)
    reasons = dict(text.rsplit(" (", 1) for text in found.skipped)
    names = [r.name for r in found.results]
    assert names == [s.name for s in library if s.name not in reasons]
    assert set(reasons) == {s.name for s in library} - set(names)
    for result in found.results:
        assert 0 <= result.loss_recommended <= result.loss_current + 1e-9
        assert 0 <= result.loss_recommended + result.liquidated_share <= 1 + 1e-9
        assert result.passed == (result.loss_recommended <= 0.0025)
        assert 0 <= result.fall_in_horizon <= result.fall_in_day < 1
    applies = {
        "stETH discount of June 2022": "wstETH", "Redemption frozen": "wstETH",
        "wstETH under-reported, March 2026": "wstETH",
        "USDC behind a pinned feed, March 2023": "USDC", "Depeg to zero, UST in May 2022": "USDC",
    }  # fmt: skip
    for name, only in applies.items():
        assert (name in names) == (asset == only), name
    only_staking, no_crv = "only for staking tokens)", "only for CRV)"
    assert asset == "wstETH" or reasons["Redemption frozen"] == only_staking
    assert reasons["CRV short on Aave, November 2022"] == no_crv
    if asset == "USDC":
        assert reasons["USDC depeg"] == "only its fall within a day is on record)"


def test_a_days_fall_alone_comes_within_the_first_hour() -> None:
    found = one(setting("USDC"), scenario(falls_of="worst day on record"))
    assert found.on == "2023-03-11"
    assert found.fall_in_horizon == found.fall_in_day == pytest.approx(0.122143)


def test_an_event_before_the_asset_is_known_is_not_replayed() -> None:
    found = run(setting("CRV"), *load_scenarios("Black Thursday"))
    assert found.skipped == ("Black Thursday (no fall of that event on record)",)
    assert found.results == ()


def test_the_worst_day_on_record_is_the_event_with_the_largest_fall_in_a_day() -> None:
    case = setting("WETH")
    named = one(case, scenario(falls_of="worst day on record", depth_factor=0.1))
    assert named.on == "2020-03-13"
    event = one(case, scenario(falls_of="Black Thursday", depth_factor=0.1))
    assert named == event
    assert one(setting("CRV"), scenario(falls_of="worst day on record")).on == "2021-05-20"


def test_the_worst_hour_on_record_stands_beside_the_reverse_stress() -> None:
    found = run(setting("WETH")).reverse
    assert (found.worst_on_record, found.worst_within_hours) == (pytest.approx(0.208728), 1.0)
    assert found.worst_on == "2020-03-13"
    # Of pegged assets only daily falls are known.
    pegged = run(setting("USDC")).reverse
    assert (pegged.worst_on_record, pegged.worst_within_hours) == (pytest.approx(0.122143), 24.0)


# --- discounts and pairs --------------------------------------------------------------------


def test_a_feed_of_the_exchange_rate_does_not_show_a_discount_and_a_market_feed_does() -> None:
    asked = scenario(falls_of="Celsius and 3AC", discount=0.0678, kinds=("staking",))
    hidden = ready(setting("wstETH"), asked)
    assert hidden.followed is not None
    np.testing.assert_allclose(hidden.prices[0, -1], hidden.followed[0, -1] * (1 - 0.0678))
    np.testing.assert_allclose(hidden.prices[0, 143], hidden.followed[0, 143] * (1 - 0.0339))
    market = load_market(NAME)
    reserve = market.reserves["wstETH"].model_copy(update={"oracle": None})
    seen = market.model_copy(update={"reserves": market.reserves | {"wstETH": reserve}})
    assert ready(setting("wstETH", seen), asked).followed is None


def test_in_a_pair_only_what_parts_debt_and_collateral_is_left() -> None:
    market = load_market(NAME).model_copy(update={"debt_asset": "WETH"})
    found = run_scenarios(setting("wstETH", market), load_scenarios(), 0.93, 0.93, MODERATE)
    assert [r.name for r in found.results] == [
        "stETH discount of June 2022", "wstETH under-reported, March 2026", "Redemption frozen",
    ]  # fmt: skip
    discount = found.results[0]
    assert discount.fall_in_day == pytest.approx(0.0678)
    assert "Sudden fall of 10 % (the debt falls with the asset)" in found.skipped
    assert found.reverse.worst_on_record is None


def test_top_accounts_behind_a_hidden_discount_larger_than_the_bonus_are_not_sold() -> None:
    """The pair's feed shows 1, the token is worth 0.9 of it at once: nobody buys at 1.06 / 1."""
    market = load_market(NAME).model_copy(update={"debt_asset": "WETH"})
    case = setting("wstETH", market)
    asked = scenario(
        falls_of="worst day on record", discount=0.1, discount_hours=1 / 12, kinds=("staking",)
    )
    result = one(case, asked, 0.93)
    assert result.liquidated_share == 0
    expected = case.clearing.exposure_share * (1 - 0.9 / (0.93 * JUST_TRIGGERED))
    assert result.loss_recommended == pytest.approx(expected, rel=1e-9)
