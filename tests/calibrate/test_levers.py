"""Levers: the value needed is enough, a little more is not, and what cannot help says so."""

from __future__ import annotations

import pytest

from govkit.calibrate.case import Asked
from govkit.calibrate.levers import BONUS_STEP, can_clear, levers_of
from govkit.records.market import Market
from govkit.records.model import MarketModel
from tests.calibrate.pipeline import with_asset, with_depth, with_reserve

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
