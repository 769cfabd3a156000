"""Levers: the value needed is enough, a little more is not, and what cannot help says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from govkit.calibrate import levers
from govkit.calibrate.case import Asked, Case
from govkit.calibrate.clearing import affordable_slippage, terms_of
from govkit.calibrate.levers import BONUS_STEP, LARGEST_BONUS, can_clear, levers_of, supports
from govkit.calibrate.limits import limits_of, support_of
from govkit.calibrate.surrogate import Surrogate, surrogate_of
from govkit.data import load_appetite
from govkit.records.justification import Lever
from govkit.records.market import Appetite, Market
from govkit.records.model import MarketModel
from tests.calibrate.pipeline import one, small_case, with_asset, with_depth, with_reserve

AT_ONCE = can_clear(at_once=True)


def test_the_cap_that_clears_at_once(market: Market, model: MarketModel) -> None:
    asked = Asked(market, model, "1INCH", None, 1)
    cap, bonus, closing, oracle = levers_of(asked, AT_ONCE)
    assert [one.name for one in (cap, bonus, closing, oracle)] == [
        "cap", "bonus", "close rule", "oracle",
    ]  # fmt: skip
    assert cap.now is not None
    assert cap.needed is not None
    factor = cap.needed / cap.now
    assert 0 < factor < 1
    assert AT_ONCE(asked.with_caps(factor))
    assert not AT_ONCE(asked.with_caps(factor * 1.01))
    # The sale is proportional to the cap: the closed form of the document.
    assert asked.curve is not None
    assert cap.needed == pytest.approx(asked.clearing(asked.curve).cap_within_chunk_usd, rel=1e-4)
    assert closing.needed is None
    assert "does not shorten" in closing.reason


def test_the_smallest_bonus_in_half_points_that_is_enough(
    market: Market, model: MarketModel
) -> None:
    # A bonus of 0.5 % pays for nothing: (1 + 0.9 b)(1 - delta)(1 - f) < 1 + g up to b = 0.67 %.
    poor = with_reserve(market, "WETH", bonus=0.005)
    asked = Asked(poor, model, "WETH", None, 1)
    enough = can_clear(at_once=False)
    assert not enough(asked)
    _, bonus, _, oracle = levers_of(asked, enough)
    assert bonus.needed is not None
    assert enough(asked.with_bonus(bonus.needed))
    assert not enough(asked.with_bonus(bonus.needed - BONUS_STEP))
    # A sharper feed leaves the bonus to the liquidator too.
    assert oracle.needed is not None
    assert oracle.now == 0.005
    assert enough(asked.with_deviation(oracle.needed))
    assert not enough(asked.with_deviation(oracle.needed * 1.01))


def test_no_depth_no_value(market: Market, model: MarketModel) -> None:
    asked = Asked(market, with_asset(model, "LINK", curves=()), "LINK", None, 1)
    for lever in levers_of(asked, AT_ONCE):
        assert lever.needed is None
        assert lever.reason == "without depth no value can be computed"


def test_a_market_too_thin_for_any_cap_says_so(market: Market, model: MarketModel) -> None:
    asked = Asked(market, with_depth(model, "LINK", 1e-9), "LINK", None, 1)
    cap, bonus, _, oracle = levers_of(asked, AT_ONCE)
    assert (cap.needed, cap.reason) == (None, "no supply cap is small enough")
    assert (bonus.needed, oracle.needed) == (None, None)


def test_another_question_changes_its_own_input_and_nothing_else(
    market: Market, model: MarketModel
) -> None:
    asked = Asked(market, model, "WETH", None, 1)
    before = {name: reserve.supply_cap.value for name, reserve in market.reserves.items()}
    half = asked.with_caps(0.5)
    family = {n for n, r in market.reserves.items() if r.family == market.reserves["WETH"].family}
    assert {"WETH", "wstETH", "weETH"} <= family < set(before)
    for name, reserve in half.market.reserves.items():
        factor = 0.5 if name in family else 1.0
        assert reserve.supply_cap.value == factor * before[name]
        assert reserve.supply_cap.as_of == market.reserves[name].supply_cap.as_of
    dear, sharp = asked.with_bonus(0.08), asked.with_deviation(0.001)
    assert (dear.bonus, dear.deviation) == (0.08, asked.deviation)
    assert (sharp.bonus, sharp.deviation) == (asked.bonus, 0.001)
    for other in (dear, sharp):
        assert other.market.reserves["LINK"] == market.reserves["LINK"]
        assert other.reserve.threshold == asked.reserve.threshold
    # And the question asked is as it was.
    assert (asked.bonus, asked.deviation) == (0.05, 0.005)
    assert {name: r.supply_cap.value for name, r in asked.market.reserves.items()} == before


# Refusals


@pytest.mark.parametrize("factor", [0.5, 0.02, 0.001])
def test_thinner_markets_clear_smaller_caps_in_proportion(
    market: Market, model: MarketModel, factor: float
) -> None:
    """A pooled asset that must leave at once: the cap within one chunk scales with depth."""
    whole, thin = (
        levers_of(Asked(market, m, "1INCH", None, 1), AT_ONCE)[0]
        for m in (model, with_depth(model, "1INCH", factor))
    )
    assert whole.now == thin.now
    assert whole.needed is not None
    if thin.needed is None:  # below a ten-thousandth of the cap in force
        assert whole.needed * factor < 1e-4 * whole.now * 1.01  # type: ignore[operator]
    else:
        assert thin.needed == pytest.approx(whole.needed * factor, rel=1e-3)


def test_a_bonus_that_cannot_pay_slippage_is_refused_with_its_levers(market: Market) -> None:
    poor = with_reserve(market, "WETH", bonus=0.005)
    assert affordable_slippage(terms_of(poor, "WETH")) < 0
    found = one("WETH", market=poor)
    assert (found.action, found.reasons[0].code) == ("refuse", "refuse_liquidity")
    assert found.recommended.threshold == found.in_force.threshold.value
    cap, bonus, closing, oracle = found.levers
    # Nobody sells any size at a loss: no cap helps.
    assert (cap.name, cap.needed) == ("cap", None)
    assert closing.needed is None
    # 1 % pays: (1 + 0.9 x 1 %)(1 - 0.5 %)(1 - f) exceeds 1 + g; 0.5 % does not.
    assert (bonus.name, bonus.now, bonus.needed) == ("bonus", 0.005, 0.01)
    assert oracle.needed is not None
    assert 0 < oracle.needed < 0.005


def test_levers_stand_in_the_order_in_which_to_try_them(market: Market, model: MarketModel) -> None:
    for asked in (
        Asked(market, model, "1INCH", None, 1),
        Asked(market, with_asset(model, "LINK", curves=()), "LINK", None, 1),
        Asked(market, with_depth(model, "LINK", 1e-9), "LINK", None, 1),
    ):
        names = [lever.name for lever in levers_of(asked, AT_ONCE)]
        assert names == ["cap", "bonus", "close rule", "oracle"]


def test_a_lever_that_is_already_enough_stays_as_it_is(market: Market, model: MarketModel) -> None:
    asked = Asked(market, model, "WETH", None, 1)
    cap, bonus, _, oracle = levers_of(asked, lambda _: True)
    assert cap.needed == cap.now
    assert oracle.needed == oracle.now
    assert bonus.needed == pytest.approx(0.05 + BONUS_STEP)  # a larger one is what is asked for


def test_every_bonus_up_to_a_quarter_is_tried(market: Market, model: MarketModel) -> None:
    """What a bonus supports rises and then falls: the one that fits may be the last, or none."""
    asked = Asked(market, model, "WETH", None, 1)
    last = levers_of(asked, lambda other: other.bonus > LARGEST_BONUS - BONUS_STEP / 2)[1]
    assert last.needed == LARGEST_BONUS
    tried: list[float] = []

    def never(other: Asked) -> bool:
        tried.append(other.bonus)
        return False

    none = levers_of(asked, never)[1]
    assert (none.needed, none.reason) == (None, "no bonus up to 25 % is enough")
    changed = sorted({b for b in tried if b != asked.bonus})
    assert changed == pytest.approx([0.05 + k * BONUS_STEP for k in range(1, 41)])


# Cuts: every limit is run anew

MODERATE = load_appetite("moderate")


@pytest.fixture(scope="module", autouse=True)
def fewer_lever_paths() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levers, "PATHS", 1024)
        yield


@pytest.fixture(scope="module")
def uni() -> tuple[Case, Surrogate]:
    """UNI sells its exposure at once; shipped, its tail loss binds."""
    case = small_case("UNI")
    support = support_of(case, limits_of(case, MODERATE), MODERATE, ())
    return case, surrogate_of(case, support, MODERATE)


def only(**limits: float) -> Appetite:
    """An appetite in which nothing but the limits given can bind."""
    loose = {"book_probability": 0.9, "tail_loss_share": 1.0, "stress_loss_share": 1.0,
             "invariant_margin": 0.0}  # fmt: skip
    return MODERATE.model_copy(update=loose | limits)


def position_of(uni: tuple[Case, Surrogate]) -> float:
    case, surrogate = uni
    fall = float(surrogate.falls[0])
    return (1 - fall) * (1 - case.asked.deviation) / (1 + case.asked.bonus)


def test_the_position_limit_alone_is_a_closed_form(uni: tuple[Case, Surrogate]) -> None:
    case, surrogate = uni
    limit = position_of(uni)
    assert case.clearing.horizon_hours == 1.0
    for needed, met in ((limit - 1e-6, True), (limit + 1e-6, False)):
        assert supports(case, needed, only(), surrogate)(case.asked) == met
    # A smaller cap changes nothing: the sale is done within the hour already.
    assert not supports(case, limit + 1e-6, only(), surrogate)(case.asked.with_caps(0.01))


def test_the_deviation_needed_is_that_of_the_position_limit(uni: tuple[Case, Surrogate]) -> None:
    """(1 - x)(1 - delta) / (1 + b) >= needed, solved for delta."""
    case, surrogate = uni
    delta = case.asked.deviation
    needed = position_of(uni) * (1 - delta / 2) / (1 - delta)
    _, _, _, oracle = levers_of(case.asked, supports(case, needed, only(), surrogate))
    assert oracle.now == delta == 0.01
    assert oracle.needed == pytest.approx(delta / 2, rel=1e-3)


def test_a_threshold_that_the_bonus_leaves_no_room_for_is_never_supported(
    uni: tuple[Case, Surrogate],
) -> None:
    case, surrogate = uni
    meets = supports(case, 0.9, only(), surrogate)
    assert not meets(case.asked.with_bonus(1 / 0.9 - 1 + 1e-6))
    # 60 % x (1 + b) <= 95 %: up to a bonus of 58.3 %; no fall of the position's own beside it.
    still = replace(surrogate, falls=0 * surrogate.falls)
    margin, edge = supports(case, 0.60, only(invariant_margin=0.05), still), 0.95 / 0.60 - 1
    assert margin(case.asked.with_bonus(edge - 1e-6))
    assert not margin(case.asked.with_bonus(edge + 1e-6))


def test_the_chance_of_a_loss_in_the_book_alone_can_stand_against_it(
    uni: tuple[Case, Surrogate],
) -> None:
    # At 77 % 0.4 % of episodes pass the floor on these paths.
    case, surrogate = uni
    for allowed, met in ((0.01, True), (0.001, False)):
        assert supports(case, 0.77, only(book_probability=allowed), surrogate)(case.asked) == met


def test_values_needed_are_enough_and_a_little_more_is_not(uni: tuple[Case, Surrogate]) -> None:
    case, surrogate = uni
    # A gap beyond what half a close covers loses 0.3 % of the debt however deep the market is.
    meets = supports(case, 0.74, only(tail_loss_share=0.004), surrogate)
    assert not meets(case.asked)
    cap, bonus, _, oracle = levers_of(case.asked, meets)
    assert cap.needed is not None
    assert cap.now is not None
    factor = cap.needed / cap.now
    assert 1e-4 < factor < 1
    assert meets(case.asked.with_caps(factor))
    assert not meets(case.asked.with_caps(factor * 1.001))
    assert_enough(case.asked, bonus, oracle, meets)


def assert_enough(asked: Asked, bonus: Lever, oracle: Lever, meets: levers.Enough) -> None:
    """What is named is enough, what lies before it is not, and what is not named never is."""
    assert asked.bonus == bonus.now
    if bonus.needed is None:
        assert not any(meets(asked.with_bonus(b)) for b in (asked.bonus + 0.01, LARGEST_BONUS))
    else:
        assert meets(asked.with_bonus(bonus.needed))
        assert not meets(asked.with_bonus(bonus.needed - BONUS_STEP))
    if oracle.needed is None:
        assert not meets(asked.with_deviation(asked.deviation * 1e-3))
    else:
        assert meets(asked.with_deviation(oracle.needed))
        assert not meets(asked.with_deviation(oracle.needed * 1.001))


def test_a_dated_event_that_decides_decides_here_too(uni: tuple[Case, Surrogate]) -> None:
    # Without a fall of the position's own, nothing but the event can bind.
    surrogate = replace(uni[1], falls=0 * uni[1].falls)
    case = small_case("UNI", deciding=frozenset({"May 2021 crash"}))
    assert [fall.event for fall, _ in case.stresses] == ["May 2021 crash"]
    needed = 0.88
    worst = float(case.stresses[0][1][case.losses.thresholds.searchsorted(needed)])
    assert worst > 0
    for cap, met in ((2 * worst, True), (worst / 2, False)):
        assert supports(case, needed, only(stress_loss_share=cap), surrogate)(case.asked) == met
    # Without the event nothing stands against it.
    free = replace(case, stresses=())
    assert supports(free, needed, only(stress_loss_share=worst / 2), surrogate)(case.asked)
