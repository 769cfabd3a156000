"""The readable twin against closed forms, worked examples and conservation laws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkit.records.liquidation import CloseRule
from govkit.simulate.engine.terms import (
    NORMAL,
    Accounts,
    Book,
    Conditions,
    Depth,
    Pool,
    Rules,
    Terms,
)
from govkit.simulate.engine.twin.market import move_on, move_price, open_market, take_up
from govkit.simulate.engine.twin.path import Path, follow_path
from govkit.simulate.engine.twin.run import accounts_of_book, run_accounts_twin, run_book_twin
from tests.simulate.engine.books import AccountsCase, random_accounts_case, random_book_case

BONUS = 0.05
# 10,000 dollars cost 1e-8 on average.
DEEP = Depth(np.array([0.0, 1e12]), np.array([0.0, 1.0]))
# Every report is the price of the step, sales cost nothing but the slippage and move nothing.
FRICTIONLESS = Terms(
    bonus=BONUS,
    protocol_fee_share=0.0,
    deviation=0.0,
    swap_fee=0.0,
    gas_share=0.0,
    refill_steps=1.0,
    permanent_share=0.0,
    latency_steps=0,
)
AAVE = CloseRule(
    close_factor=0.5, full_close_health=0.95, full_close_usd=2000.0, least_left_usd=1000.0
)
approx = pytest.approx


def holders(*accounts: tuple[float, list[tuple[int, float, float, float]]]) -> Accounts:
    """Return accounts from debts and legs of (collateral, units, threshold, bonus)."""
    legs = [leg for _, held in accounts for leg in held]
    columns = list(zip(*legs, strict=True)) or [(), (), (), ()]
    return Accounts(
        debt_usd=np.array([debt for debt, _ in accounts], dtype=float),
        first=np.cumsum([0] + [len(held) for _, held in accounts]),
        collateral=np.array(columns[0], dtype=np.int64),
        units=np.array(columns[1], dtype=float),
        threshold=np.array(columns[2], dtype=float),
        bonus=np.array(columns[3], dtype=float),
    )


def single(debt: float, units: float, threshold: float = 0.8, bonus: float = BONUS) -> Accounts:
    return holders((debt, [(0, units, threshold, bonus)]))


def follow(
    prices: list[float],
    accounts: Accounts,
    terms: Terms = FRICTIONLESS,
    depth: Depth | Pool = DEEP,
    conditions: Conditions = NORMAL,
    followed: list[float] | None = None,
):
    feed = None if followed is None else np.array([followed])
    return follow_path(np.array([prices]), accounts, ((terms, depth),), feed, conditions)


def under(close: CloseRule, **rules) -> Terms:
    return replace(FRICTIONLESS, rules=Rules(close=close, **rules))


def steps_of(path: Path) -> list[int]:
    return [done.step for done in path.log]


# Losses of one account in a deep market


@pytest.mark.parametrize("fall", [0.0, 0.05, 0.15, 0.2, 0.4, 0.9])
@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.93])
def test_bad_debt_is_what_the_collateral_at_the_bonus_cannot_repay(fall, threshold):
    debt = 10_000.0
    start = 1.000001  # the trigger is just above the start, so that a fall of 0 is one too
    path, _ = follow([1 - fall], single(debt, debt / threshold / start, threshold))
    left = debt * max(0.0, 1 - (1 - fall) / (start * threshold * (1 + BONUS)))
    assert path.bad_debt == approx(left, abs=1e-6)
    assert path.written_off == path.bad_debt
    assert path.repaid == approx(debt - left, abs=1e-6)
    assert path.bonus == approx(BONUS * path.repaid)


def test_a_book_is_re_levered_or_kept():
    book = Book(np.array([0.9, 0.7]), np.array([100.0, 50.0]), 0.75, 200.0)
    levered = accounts_of_book(book, 0.8, FRICTIONLESS, relever=True)
    kept = accounts_of_book(book, 0.8, FRICTIONLESS, relever=False)
    assert levered.debt_usd == approx(book.debt_usd * 0.8 / 0.75)
    assert kept.debt_usd == approx(book.debt_usd)
    # The health factor is 1 at the trigger: units * threshold * trigger = debt.
    assert levered.units * 0.8 * book.trigger == approx(levered.debt_usd)
    assert kept.units * 0.8 * (book.trigger * 0.75 / 0.8) == approx(kept.debt_usd)
    assert levered.units == approx(kept.units)


@pytest.mark.parametrize("relever", [True, False])
def test_a_book_loses_the_sum_of_its_accounts(relever):
    book = Book(np.array([0.95, 0.9, 0.5]), np.array([3000.0, 2000.0, 900.0]), 0.75, 9000.0)
    prices = np.array([[0.7, 0.7], [0.99, 0.99]])
    losses = run_book_twin(prices, book, 0.8, FRICTIONLESS, DEEP, relever=relever)
    scale = 0.8 / 0.75
    debt = book.debt_usd * scale if relever else book.debt_usd
    trigger = book.trigger if relever else book.trigger / scale
    hit = trigger > 0.7
    left = np.maximum(0, debt * (1 - 0.7 / trigger / (0.8 * (1 + BONUS))))
    assert losses.kernel == "twin"
    assert losses.bad_debt_usd == approx([left[hit].sum(), 0.0], abs=1e-5)
    assert losses.repaid_usd == approx([(debt - left)[hit].sum(), 0.0], abs=1e-5)


# The close rule


@pytest.mark.parametrize(
    ("debt", "health", "repaid"),
    [
        (10_000.0, 0.97, 5_000.0),  # half, above the health factor of the full close
        (10_000.0, 0.94, 10_000.0),  # all, below it
        (1_999.0, 0.97, 1_999.0),  # all, a debt under 2,000
        (2_001.0, 0.97, 1_000.5),  # half, since 1,000.5 and more is left
    ],
)
def test_aave_close_rule(debt, health, repaid):
    path, (account,) = follow([1.0], single(debt, health * debt / 0.8), under(AAVE))
    assert path.repaid == approx(repaid)
    assert account.debt == approx(debt - repaid)
    assert path.seized == approx(repaid * (1 + BONUS))


def test_the_full_close_includes_its_health_factor():
    close = CloseRule(close_factor=0.5, full_close_health=0.75)
    at, _ = follow([1.0], single(4096.0, 4096.0, 0.75), under(close))
    above, _ = follow([1.0], single(4096.0, 4097.0, 0.75), under(close))
    assert at.log[0].liquidation.health == 0.75
    assert at.repaid == approx(4096.0 / (1 + BONUS))  # all the collateral
    assert above.repaid == 2048.0


def test_a_liquidation_leaves_a_thousand_of_each_or_nothing():
    # Half would leave 973.75 of 2,050 dollars of collateral.
    path, (account,) = follow([1.0], single(2050.0, 2050.0, 0.97), under(AAVE))
    assert path.repaid == approx((2050.0 - 1000.0) / (1 + BONUS))
    assert account.legs[0].units == approx(1000.0)
    assert account.debt > 1000.0


def test_a_liquidation_that_the_room_cuts_leaves_the_least_too():
    close = CloseRule(least_left_usd=1000.0)
    # The bonus pays for 1 - 1/1.05 = 4.76 % of slippage: 9,800 dollars of 205,800.
    curve = Depth(np.array([0.0, 205_800.0]), np.array([0.0, 1.0]))
    free, _ = follow([1.0], single(10_000.0, 12_000.0), under(CloseRule()), curve)
    cut, (account,) = follow([1.0], single(10_000.0, 12_000.0), under(close), curve)
    assert free.repaid == approx(9_800 / (1 + BONUS))
    assert cut.repaid == approx(9_000.0)
    assert account.debt == approx(1_000.0)


def test_nothing_is_done_where_the_least_cannot_be_left():
    close = CloseRule(close_factor=0.5, least_left_usd=1000.0)
    path, (account,) = follow([1.0], single(900.0, 1100.0), under(close))
    assert (path.repaid, account.debt, path.log) == (0.0, 900.0, [])
    assert account.triggered


@pytest.mark.parametrize(("units", "repaid"), [(1_900.0, 1_900.0 / 1.05), (2_100.0, 1_250.0)])
def test_a_small_collateral_opens_the_full_close(units, repaid):
    close = CloseRule(close_factor=0.5, full_close_usd=2000.0)
    path, _ = follow([1.0], single(2_500.0, units), under(close))
    assert path.repaid == approx(repaid)


@pytest.mark.parametrize("price", [0.99, 0.97])
@pytest.mark.parametrize("target", [1.0, 1.05, 1.24])
def test_a_target_health_factor_is_met(price, target):
    debt, units, threshold = 10_000.0, 12_500.0, 0.8
    path, (account,) = follow([price], single(debt, units), under(CloseRule(target_health=target)))
    expected = (target * debt - threshold * units * price) / (target - threshold * (1 + BONUS))
    assert path.repaid == approx(expected)
    assert threshold * account.legs[0].units * price / account.debt == approx(target)


def test_a_target_that_no_liquidation_can_meet_is_no_limit():
    # Every dollar repaid at 97 % and 5 % takes more away than it gives: 1.0185 > 1.
    close = CloseRule(target_health=1.0)
    path, _ = follow([0.99], single(10_000.0, 10_000.0 / 0.97, 0.97), under(close))
    assert path.repaid == approx(0.99 * 10_000.0 / 0.97 / (1 + BONUS))


@pytest.mark.parametrize(("health", "bonus"), [(0.99, 0.02), (0.98, 0.04), (0.9, BONUS)])
def test_the_bonus_rises_to_its_end(health, bonus):
    close = CloseRule(bonus_slope=2.0)
    path, _ = follow([1.0], single(10_000.0, health * 10_000.0 / 0.8), under(close))
    assert path.log[0].liquidation.bonus == approx(bonus)
    assert path.bonus == approx(bonus * 10_000.0)
    assert path.seized == approx((1 + bonus) * 10_000.0)


def test_the_protocol_takes_its_share_of_the_bonus():
    terms = replace(FRICTIONLESS, protocol_fee_share=0.1)
    path, _ = follow([0.9], single(1000.0, 1200.0), terms)
    assert path.fee == approx(0.1 * BONUS * path.repaid)


# The market


def test_a_pool_follows_its_constant_product_and_comes_back_by_half_lives():
    pool = Pool(units_usd=1000.0, half_life_steps=4.0)
    terms = replace(FRICTIONLESS, permanent_share=0.25)
    market = open_market(terms, pool, NORMAL)
    move_on(market, 0.9)
    take_up(market, 0.9 * 100.0)
    move_price(market)
    assert market.price == approx(0.9 * (1000 / 1100) ** 2)
    assert market.inventory == 0.0
    for _ in range(8):
        move_on(market, 0.9)
    fall = 2 * log(1000 / 1100)
    assert market.price == approx(0.9 * exp(fall * (0.25 + 0.75 / 4)))


def test_a_pool_without_half_life_recovers_at_once():
    market = open_market(FRICTIONLESS, Pool(1000.0, 0.0), NORMAL)
    move_on(market, 1.0)
    take_up(market, 50.0)
    move_price(market)
    assert market.price == approx((1000 / 1050) ** 2)
    move_on(market, 0.8)
    assert market.price == 0.8


def test_a_pool_sells_what_the_bonus_pays_for_in_every_step():
    # 1 - 1/1.05 of slippage is X * 0.05 units, whatever the price.
    path, _ = follow([0.9, 0.9, 0.8], single(50_000.0, 60_000.0), FRICTIONLESS, Pool(10_000.0, 0.0))
    assert [done.liquidation.units for done in path.log] == approx([500.0, 500.0, 500.0])


def test_the_inventory_of_a_curve_drains_by_its_refill():
    # q° is 4.76 % of 210,000 dollars: 10,000 at first, then a quarter of it each step.
    curve = Depth(np.array([0.0, 210_000.0]), np.array([0.0, 1.0]))
    terms = replace(FRICTIONLESS, refill_steps=4.0)
    path, _ = follow([1.0] * 4, single(100_000.0, 120_000.0), terms, curve)
    sold = [done.liquidation.units for done in path.log]
    assert sold == approx([10_000.0, 2_500.0, 2_500.0, 2_500.0])


def test_a_full_inventory_of_a_curve_drains_from_the_sum_of_sales():
    # Two accounts in one step: what the first sells is room the second does not have.
    curve = Depth(np.array([0.0, 210_000.0]), np.array([0.0, 1.0]))
    accounts = holders(
        (4_000.0, [(0, 4_800.0, 0.8, BONUS)]), (90_000.0, [(0, 110_000.0, 0.8, BONUS)])
    )
    path, _ = follow([1.0], accounts, FRICTIONLESS, curve)
    assert [done.account for done in path.log] == [0, 1]
    assert [done.liquidation.units for done in path.log] == approx([4_200.0, 5_800.0])


def test_the_permanent_impact_of_a_curve():
    # Selling q° once moves the price by permanent share * s°.
    curve = Depth(np.array([0.0, 210_000.0]), np.array([0.0, 1.0]))
    market = open_market(replace(FRICTIONLESS, permanent_share=0.5), curve, NORMAL)
    move_on(market, 1.0)
    take_up(market, 10_000.0)
    move_price(market)
    assert market.price == approx(exp(-0.5 * (1 - 1 / 1.05)))
    assert market.inventory == 10_000.0


def test_costs_shrink_what_can_be_sold():
    curve = Depth(np.array([0.0, 50_000.0, 250_000.0]), np.array([0.0, 0.02, 0.06]))
    terms = replace(FRICTIONLESS, protocol_fee_share=0.1, swap_fee=0.003, gas_share=0.005)
    path, _ = follow([1.0], single(1e6, 1.2e6), terms, curve)
    slippage = 1 - 1.005 / ((1 + 0.05 * 0.9) * 0.997)
    assert path.seized == approx(50_000.0 + (slippage - 0.02) / 0.04 * 200_000.0)


def test_a_lagging_report_can_make_a_liquidation_not_pay():
    # The feed is pinned: at a report of 1 and a price of 0.95 a bonus of 5 % is a loss.
    path, (account,) = follow([0.95], single(1000.0, 1200.0), followed=[1.0])
    assert path.log == []
    assert account.triggered
    assert path.bad_debt == 0.0
    worse, _ = follow([0.95, 0.7, 0.95], single(1000.0, 1200.0), followed=[1.0] * 3)
    assert worse.bad_debt == approx(1000.0 - 0.7 * 1200.0)


# The feed


FALLS = [1.0, 1.0, *[0.9] * 8]
HEALTHY = single(10_000.0, 13_000.0)  # triggers at 0.9615


@pytest.mark.parametrize("latency", [0, 1, 3])
def test_liquidations_act_on_the_report_of_some_steps_ago(latency):
    path, _ = follow(FALLS, HEALTHY, replace(FRICTIONLESS, latency_steps=latency))
    assert steps_of(path) == [2 + latency]


def test_a_heartbeat_reports_without_a_movement():
    # No move is large enough. The first report is three steps old in the step of place 2.
    terms = replace(FRICTIONLESS, deviation=0.5, heartbeat_steps=3)
    path, _ = follow([0.9] * 8, HEALTHY, terms)
    assert steps_of(path) == [2]
    never, _ = follow([0.9] * 8, HEALTHY, replace(terms, heartbeat_steps=0))
    assert never.log == []


@pytest.mark.parametrize(("price", "steps"), [(0.951, []), (0.949, [0])])
def test_a_report_follows_a_move_of_the_deviation(price, steps):
    path, _ = follow([price] * 3, HEALTHY, replace(FRICTIONLESS, deviation=0.05))
    assert steps_of(path) == steps


def test_a_frozen_feed_keeps_its_first_report():
    path, _ = follow(FALLS, HEALTHY, conditions=Conditions(frozen_steps=6))
    assert steps_of(path) == [6]


def test_a_feed_that_starts_high_or_stays_low():
    high = Conditions(feed_high=0.2, frozen_steps=100)
    assert follow([0.9], HEALTHY, conditions=high)[0].log == []
    # At a report of 0.94 of the price the account is below 1 without any fall.
    low, _ = follow([1.0], HEALTHY, conditions=Conditions(feed_low=0.06))
    assert low.log[0].liquidation.report == approx(0.94)
    assert low.seized == approx(10_000.0 * (1 + BONUS) / 0.94)


# Keepers


def test_an_outage_triggers_but_sells_nothing():
    outage = Conditions(outage_steps=3)
    path, _ = follow([0.9] * 5, HEALTHY, conditions=outage)
    assert steps_of(path) == [3]
    # Prices are back when the keepers are: what is open is marked at the worst of the path.
    back, (account,) = follow([0.7, 0.7, 1.1, 1.1], HEALTHY, conditions=outage)
    assert back.log == []
    assert account.triggered
    assert back.bad_debt == approx(10_000.0 - 0.7 * 13_000.0)
    assert back.written_off == 0.0


def test_what_was_never_triggered_is_not_booked():
    frozen = Conditions(frozen_steps=10)
    path, (account,) = follow([0.5, 0.5], HEALTHY, conditions=frozen)
    assert not account.triggered
    assert path.bad_debt == 0.0


def test_a_gas_floor_is_the_least_gain():
    gain = 10_000.0 * BONUS  # without slippage
    below, _ = follow([0.9], HEALTHY, under(CloseRule(), gas_usd=0.999 * gain))
    above, _ = follow([0.9], HEALTHY, under(CloseRule(), gas_usd=1.001 * gain))
    assert below.log[0].liquidation.gain == approx(gain, rel=1e-5)
    assert above.log == []


# Every dollar repaid at 94 % and 5 % makes a health factor below 0.987 worse.
SINKING = 0.94


def test_capital_is_spent_over_several_steps():
    terms = under(CloseRule(), capital_usd=2500.0)
    path, _ = follow([0.9] * 5, single(10_000.0, 10_500.0, SINKING), terms)
    assert [done.liquidation.repaid for done in path.log] == approx([2500.0] * 3 + [1500.0])
    assert path.written_off == approx(10_000 - 0.9 * 10_500 / (1 + BONUS))


def test_capital_is_shared_by_all_accounts_and_rounds_of_a_step():
    accounts = holders(
        (2_000.0, [(0, 2_050.0, SINKING, BONUS)]), (2_000.0, [(0, 2_060.0, SINKING, BONUS)])
    )
    terms = under(CloseRule(close_factor=0.5), capital_usd=2_300.0, rounds=3)
    path, _ = follow([1.0], accounts, terms)
    done = [(one.round, one.account, one.liquidation.repaid) for one in path.log]
    assert done == [(0, 0, 1000.0), (0, 1, 1000.0), (1, 0, approx(300.0))]


def test_accounts_go_by_health_factor_at_the_start():
    accounts = holders(
        *((1_000.0, [(0, units, 0.8, BONUS)]) for units in (1_400.0, 1_200.0, 1_300.0, 1_200.0))
    )
    path, _ = follow([0.8], accounts)
    assert [done.account for done in path.log] == [1, 3, 2, 0]


# Several collaterals


def test_the_leg_of_the_highest_gain_goes_first():
    legs = [(0, 6_000.0, 0.69, 0.05), (1, 6_000.0, 0.69, 0.08), (2, 500.0, 0.69, 0.15)]
    accounts = holders((10_100.0, legs))
    market = (FRICTIONLESS, DEEP)
    path, (account,) = follow_path(np.ones((3, 1)), accounts, (market,) * 3)
    # Gains: 6,000/1.05*0.05 = 286, 6,000/1.08*0.08 = 444, 500/1.15*0.15 = 65.
    assert [done.leg for done in path.log] == [1, 0]
    first, second = (done.liquidation for done in path.log)
    assert first.repaid == approx(6_000 / 1.08)
    assert second.repaid == approx(10_100 - 6_000 / 1.08)
    assert account.debt == 0.0
    assert account.legs[2].units == 500.0


def test_legs_stop_when_the_account_is_healthy():
    # The first leg has a threshold of 0.5: selling it for debt lifts the health factor over 1.
    legs = [(0, 6_000.0, 0.5, 0.08), (1, 6_000.0, 0.8, 0.05)]
    accounts = holders((8_000.0, legs))
    terms = under(CloseRule(close_factor=0.5))
    path, (account,) = follow_path(np.ones((2, 1)), accounts, ((terms, DEEP), (terms, DEEP)))
    assert [done.leg for done in path.log] == [0]
    assert 0.5 * (6_000 - 4_000 * 1.08) + 0.8 * 6_000 > account.debt == 4_000.0


def test_legs_carry_the_threshold_and_bonus_of_their_mode():
    mode = single(10_000.0, 10_700.0, threshold=0.93, bonus=0.01)
    path, _ = follow([1.0], mode)
    assert path.log[0].liquidation.health == approx(0.9951)
    assert path.bonus == approx(0.01 * 10_000.0)
    # The inventory of the curve drains with the bonus of the reserve, not of the mode:
    # 1 - 1/1.05 of slippage is 10,000 dollars, 1 - 1/1.01 is 2,079.
    curve = Depth(np.array([0.0, 210_000.0]), np.array([0.0, 1.0]))
    terms = replace(FRICTIONLESS, refill_steps=10.0)
    path, _ = follow([1.0] * 3, single(100_000.0, 107_000.0, 0.93, 0.01), terms, curve)
    sold = [done.liquidation.units for done in path.log]
    assert sold == approx([210_000 * (1 - 1 / 1.01), 1_000.0, 1_000.0])


def test_debt_is_written_off_only_when_nothing_is_left():
    # The second collateral cannot be sold: its market has no depth.
    none = Depth(np.array([0.0, 1e6]), np.array([0.5, 0.9]))
    legs = [(0, 6_000.0, 0.8, BONUS), (1, 6_000.0, 0.8, BONUS)]
    markets = ((FRICTIONLESS, DEEP), (FRICTIONLESS, none))
    prices = np.array([[0.5, 0.5], [0.5, 0.6]])
    path, (account,) = follow_path(prices, holders((10_000.0, legs)), markets)
    assert account.legs[0].units == 0.0
    assert path.written_off == 0.0
    assert account.debt == approx(10_000 - 3_000 / (1 + BONUS))
    assert path.bad_debt == approx(account.debt - 3_000.0)
    both, (sold,) = follow_path(prices, holders((10_000.0, legs)), ((FRICTIONLESS, DEEP),) * 2)
    assert sold.debt == 0.0
    assert both.written_off == both.bad_debt == approx(10_000 - 6_000 / (1 + BONUS))


# Within a step


def two_in_a_step(**rules) -> tuple[list[float], list[int]]:
    accounts = holders(
        (80.0, [(0, 96.0, 0.8, 0.1)]),
        (40.0, [(0, 49.0, 0.8, 0.1)]),
    )
    terms = replace(FRICTIONLESS, bonus=0.1, rules=Rules(**rules))
    path, _ = follow([1.0], accounts, terms, Pool(1000.0, 0.0))
    return [done.liquidation.price for done in path.log], [done.account for done in path.log]


def test_impact_within_the_step_moves_the_price_of_the_next_sale():
    after = two_in_a_step()
    assert after == ([1.0, 1.0], [0, 1])
    # 88 units are sold, the price falls by 15.5 %, and at a report of 1 nothing pays any more.
    within = two_in_a_step(impact_within_step=True)
    assert within == ([1.0], [0])
    # With 3 units sold it falls by 0.6 %, and the next liquidation pays.
    accounts = holders((3.0, [(0, 3.6, 0.8, 0.1)]), (40.0, [(0, 49.0, 0.8, 0.1)]))
    terms = replace(FRICTIONLESS, bonus=0.1, rules=Rules(impact_within_step=True))
    path, _ = follow([1.0], accounts, terms, Pool(1000.0, 0.0))
    assert path.log[1].liquidation.price == approx((1000 / 1003.3) ** 2)


def test_two_rounds_of_a_pool_that_is_the_oracle():
    # At 0.95 only the first account is below 1. Its sale of 80 * 1.1 / 0.95 units moves the pool
    # to 0.796, where the second is. The bonus pays for a tenth of the pool, 100 of its 110 units.
    accounts = holders((80.0, [(0, 100.0, 0.8, 0.1)]), (80.0, [(0, 110.0, 0.8, 0.1)]))
    pool = Pool(1000.0, 0.0)
    terms = replace(FRICTIONLESS, bonus=0.1, latency_steps=3, rules=Rules(rounds=2))
    path, (first, second) = follow([0.95], accounts, terms, pool)
    sold = 80 * 1.1 / 0.95
    moved = 0.95 * (1000 / (1000 + sold)) ** 2
    assert [(done.round, done.account) for done in path.log] == [(0, 0), (1, 1)]
    assert [done.liquidation.units for done in path.log] == approx([sold, 100.0])
    assert path.log[1].liquidation.report == approx(moved)
    assert path.log[1].liquidation.health == approx(0.8 * 110 * moved / 80)
    assert path.log[1].liquidation.repaid == approx(100 * moved / 1.1)
    assert first.debt == 0.0
    assert second.debt == approx(80 - 100 * moved / 1.1)
    once, _ = follow([0.95], accounts, replace(terms, rules=Rules(rounds=1)), pool)
    assert once.log == []  # the first report stands for three steps


def test_a_pool_that_is_the_oracle_shows_too_little_when_its_feed_does():
    terms = replace(FRICTIONLESS, rules=Rules(rounds=2))
    low = Conditions(feed_low=0.1, frozen_steps=9, feed_high=0.5)
    path, _ = follow([1.0], HEALTHY, terms, Pool(1e9, 0.0), low)
    assert path.log[0].liquidation.report == approx(0.9)


# Accounts of nothing


def test_an_account_without_debt_is_never_touched():
    path, (account,) = follow([0.01] * 5, single(0.0, 100.0))
    assert path.log == []
    assert not account.triggered
    assert (path.bad_debt, path.seized, account.legs[0].units) == (0.0, 0.0, 100.0)


def test_an_account_without_collateral_is_bad_debt():
    for accounts in (single(100.0, 0.0), holders((100.0, []))):
        path, (account,) = follow([1.0, 1.0], accounts)
        assert (path.bad_debt, path.written_off, path.log) == (100.0, 0.0, [])
        assert account.triggered


def test_no_accounts_and_no_steps():
    losses = run_accounts_twin(np.ones((1, 3, 4)), holders(), ((FRICTIONLESS, DEEP),))
    assert losses.bad_debt_usd.tolist() == [0.0] * 3
    empty = run_accounts_twin(np.ones((1, 2, 0)), HEALTHY, ((FRICTIONLESS, DEEP),))
    assert empty.repaid_usd.tolist() == [0.0] * 2


def test_less_than_a_dollar_of_room_sells_nothing():
    # The bonus pays for 4.76 % of slippage: 0.99 and 1.01 dollars of a pool of 19.8 and 20.2.
    small = [
        follow([0.9], HEALTHY, depth=Pool(0.9**-1 * 20 * room, 0.0))[0] for room in (0.99, 1.01)
    ]
    assert small[0].log == []
    assert small[1].seized * 0.9 == approx(1.01)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="for 1 collaterals"):
        run_accounts_twin(np.ones((2, 1, 1)), HEALTHY, ((FRICTIONLESS, DEEP),))
    with pytest.raises(ValueError, match="a feed of shape"):
        run_book_twin(
            np.ones((2, 3)),
            Book(np.array([0.9]), np.array([1.0]), 0.8, 1.0),
            0.8,
            FRICTIONLESS,
            DEEP,
            followed=np.ones((1, 3)),
        )


# Laws that hold for any rules


def random_paths(seed: int):
    """Return (terms, accounts, path, accounts at the end) of one random path of either kind."""
    books = random_book_case(seed)
    one = ((books.terms, books.depth),)
    accounts = accounts_of_book(books.book, books.threshold, books.terms, relever=books.relever)
    feed = None if books.followed is None else books.followed[:1]
    yield one, accounts, *follow_path(books.prices[:1], accounts, one, feed, books.conditions)
    case = random_accounts_case(seed)
    feed = None if case.followed is None else case.followed[:, 0]
    yield (
        case.collaterals,
        case.accounts,
        *follow_path(case.prices[:, 0], case.accounts, case.collaterals, feed, case.conditions),
    )


@given(st.integers(0, 10**6))
@settings(max_examples=150)
def test_debt_and_units_are_conserved_per_account(seed):
    for _, accounts, path, after in random_paths(seed):
        total = float(accounts.debt_usd.sum())
        for place, account in enumerate(after):
            debt = accounts.debt_usd[place]
            booked = account.repaid + account.written_off + account.debt
            assert booked == approx(debt, rel=1e-12)
            assert min(account.repaid, account.written_off, account.debt) >= 0
            for leg, at in zip(
                account.legs, range(*accounts.first[place : place + 2]), strict=True
            ):
                assert leg.units + leg.seized == approx(accounts.units[at], rel=1e-12)
                assert min(leg.units, leg.seized) >= 0
            if account.written_off > 0:
                assert all(leg.units == 0 for leg in account.legs)
        assert 0 <= path.written_off <= path.bad_debt <= total * (1 + 1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=150)
def test_liquidations_are_of_unhealthy_accounts_and_add_up(seed):
    for collaterals, _, path, after in random_paths(seed):
        terms = [own for own, _ in collaterals]
        done = [one.liquidation for one in path.log]
        assert all(one.health < 1 and one.repaid > 0 and one.units > 0 for one in done)
        assert all(after[one.account].triggered for one in path.log)
        bonuses = [one.bonus * one.repaid for one in done]
        fees = [
            terms[one.leg.collateral].protocol_fee_share * bonus
            for one, bonus in zip(done, bonuses, strict=True)
        ]
        assert path.repaid == approx(sum(one.repaid for one in done))
        assert path.seized == approx(sum(one.units for one in done))
        assert path.bonus == approx(sum(bonuses))
        assert path.fee == approx(sum(fees))
        # What is seized is worth the debt repaid and the bonus, at the report.
        seized = sum(one.units * one.report for one in done)
        assert seized == approx(path.repaid + path.bonus)
        # No keeper loses: gains are not below 0 but for rounding.
        assert all(one.gain >= -1e-9 * one.repaid for one in done)
        once = [(one.step, one.round, one.account, one.leg) for one in path.log]
        assert len(set(once)) == len(once)


def repaid_under(case: AccountsCase, **changes) -> float:
    """Return the debt repaid with some of the terms of all collaterals changed."""
    altered = tuple((replace(terms, **changes), depth) for terms, depth in case.collaterals)
    losses = run_accounts_twin(
        case.prices, case.accounts, altered, followed=case.followed, conditions=case.conditions
    )
    return float(losses.repaid_usd.sum())


def rules_left_out(rules: Rules) -> dict[str, dict[str, object]]:
    """Return for each rule the terms without it."""
    close = rules.close
    without = {
        "full close": replace(rules, close=replace(close, full_close_health=0.0)),
        "size": replace(rules, close=replace(close, full_close_usd=0.0)),
        "dust": replace(rules, close=replace(close, least_left_usd=0.0)),
        "target": replace(rules, close=replace(close, target_health=0.0)),
        "slope": replace(rules, close=replace(close, bonus_slope=inf)),
        "gas": replace(rules, gas_usd=0.0),
        "capital": replace(rules, capital_usd=inf),
        "within": replace(rules, impact_within_step=False),
    }
    changes = {name: {"rules": left} for name, left in without.items() if left != rules}
    return changes | {"heartbeat": {"heartbeat_steps": 0}, "latency": {"latency_steps": 0}}


def test_random_cases_reach_every_rule():
    """In at least 5 of 150 cases each rule changes what is repaid, and each event happens."""
    reached: Counter[str] = Counter()
    for seed in range(150):
        case = random_accounts_case(seed)
        asked = repaid_under(case)
        for name, changed in rules_left_out(case.collaterals[0][0].rules).items():
            reached[name] += repaid_under(case, **changed) != asked
        _, _, path, _ = list(random_paths(seed))[1]
        turns = [(one.step, one.round, one.account) for one in path.log]
        # At the end of the room the average slippage takes all of the gain.
        reached["room"] += any(one.liquidation.gain == 0 for one in path.log)
        reached["write-off"] += path.written_off > 0
        reached["legs"] += len(set(turns)) < len(turns)
        reached["rounds"] += any(one.round > 0 for one in path.log)
    assert len(reached) == 14
    assert min(reached.values()) >= 5, reached
