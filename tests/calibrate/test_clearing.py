"""Exposure, affordable chunk and effective horizon (calibration.md, section 1)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from govkit.calibrate.clearing import (
    affordable_slippage,
    clearing_of,
    debt_at_cap,
    largest_size,
    stressed_depth,
    terms_of,
)
from govkit.data import load_market, load_model
from govkit.records.book import AccountBook
from govkit.records.market import Market
from govkit.records.model import LiquidityCurve, MarketModel, Window
from govkit.simulate.engine import Depth, Terms
from tests.calibrate.pipeline import NAME, with_constant, with_reserve

MINUTE = 1 / 60
NOWHERE = Window(source="closed form", first="", last="", observations=0, input_digests=())


def terms(bonus: float, **changed: float) -> Terms:
    return Terms(**{"bonus": bonus, "protocol_fee_share": 0.1, "deviation": 0.005,
                    "swap_fee": 0.0005, "gas_share": 0.0005, "refill_steps": 3.0,
                    "permanent_share": 0.1} | changed)  # fmt: skip


def curve(sizes: list[float], slippage: list[float]) -> LiquidityCurve:
    return LiquidityCurve(
        method="quotes", sizes_usd=tuple(sizes), slippage=tuple(slippage),
        error=(0.0,) * len(sizes), as_of="2024-08-14", window=NOWHERE,
    )  # fmt: skip


def linear(per_usd: float, largest: float = 1e9) -> LiquidityCurve:
    sizes = [largest * k / 100 for k in range(1, 101)]
    return curve(sizes, [per_usd * size for size in sizes])


def test_participation_by_hand() -> None:
    # 1 - (1 + g) / [(1 + b (1 - phi)) (1 - delta) (1 - f)] in exact fractions.
    exact = 1 - Fraction(10005, 10000) / (
        (1 + Fraction(5, 100) * Fraction(9, 10))
        * (1 - Fraction(5, 1000))
        * (1 - Fraction(5, 10000))
    )
    assert float(exact) == pytest.approx(0.0372912, abs=5e-8)
    assert affordable_slippage(terms(0.05)) == pytest.approx(float(exact), abs=1e-15)


def test_participation_without_costs_leaves_the_keepers_bonus() -> None:
    free = terms(0.08, protocol_fee_share=0.0, deviation=0.0, swap_fee=0.0, gas_share=0.0)
    assert affordable_slippage(free) == pytest.approx(0.08 / 1.08, abs=1e-15)


def test_smallest_bonus_that_pays_for_anything() -> None:
    # b (1 - phi) = (1 + g) / [(1 - delta)(1 - f)] - 1: at that bonus exactly nothing is left.
    smallest = ((1.0005 / (0.995 * 0.9995)) - 1) / 0.9
    assert affordable_slippage(terms(smallest)) == pytest.approx(0.0, abs=1e-15)
    assert (
        affordable_slippage(terms(smallest - 1e-6))
        < 0
        < affordable_slippage(terms(smallest + 1e-6))
    )


@pytest.mark.parametrize("haircut", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("slippage", [0.001, 0.0123, 0.0372912, 0.09])
def test_chunk_on_a_linear_curve(haircut: float, slippage: float) -> None:
    # Slippage is a x size before the haircut, so a stressed size q slips a q / (1 - haircut).
    per_usd = 1e-10
    depth = stressed_depth(linear(per_usd), haircut)
    assert largest_size(depth, slippage) == pytest.approx(
        slippage / per_usd * (1 - haircut), rel=1e-12
    )


def test_beyond_the_last_quote_the_last_size() -> None:
    depth = stressed_depth(curve([1e6, 2e6], [0.01, 0.02]), 0.5)
    assert largest_size(depth, 0.02) == 1e6
    assert largest_size(depth, 0.5) == 1e6


@pytest.mark.parametrize("slippage", [0.0, -0.01])
def test_no_slippage_paid_no_size(slippage: float) -> None:
    assert largest_size(stressed_depth(curve([1e6, 2e6], [0.0, 0.0]), 0.5), slippage) == 0.0


def test_plateau_ends_where_the_slippage_rises() -> None:
    # Equal quotes at 1, 2 and 4 million: all three are affordable at exactly that slippage.
    depth = Depth(np.array([0.0, 1e6, 2e6, 4e6, 8e6]), np.array([0.0, 0.01, 0.01, 0.01, 0.03]))
    assert largest_size(depth, 0.01) == 4e6
    assert largest_size(depth, 0.02) == 6e6
    assert largest_size(depth, 0.005) == 5e5


def test_haircut_cuts_sizes_and_not_slippage() -> None:
    depth = stressed_depth(curve([1e6, 3e6], [0.01, 0.02]), 0.25)
    assert depth.sizes_usd.tolist() == [0.0, 7.5e5, 2.25e6]
    assert depth.slippage.tolist() == [0.0, 0.01, 0.02]


def test_debt_at_the_cap(market: Market, model: MarketModel) -> None:
    # lambda x cap x price / average health factor, all four read off the shipped files.
    price = model.assets["WBTC"].price_usd
    expected = 0.78 * 43_000 * price / model.accounts.average_health_factor
    assert debt_at_cap(market, model, "WBTC") == pytest.approx(expected, rel=1e-12)


def shipped(asset: str, book: AccountBook | None = None, market: Market | None = None):  # type: ignore[no-untyped-def]
    model = load_model()
    liquidity = model.assets[asset].liquidity
    assert liquidity is not None
    return clearing_of(market or load_market(NAME), model, asset, liquidity, book)


def test_shipped_weth() -> None:
    clearing = shipped("WETH")
    # calibration.md, section 1: about $50M in 15 minutes, about $198M an hour. The shipped
    # quotes give $42M; on 2025-10-10 about $180M was cleared in an hour.
    assert clearing.chunk_usd == pytest.approx(42e6, rel=0.02)
    assert clearing.chunk_usd == pytest.approx(50e6, rel=0.2)
    assert 4 * clearing.chunk_usd == pytest.approx(180e6, rel=0.1)
    assert clearing.family == ("WETH", "wstETH")


def test_family_sells_into_one_depth(market: Market, model: MarketModel) -> None:
    weth, wsteth = shipped("WETH"), shipped("wstETH")
    total = sum(debt_at_cap(market, model, asset) for asset in ("WETH", "wstETH"))
    assert weth.debt_at_cap_usd == wsteth.debt_at_cap_usd == pytest.approx(total, rel=1e-12)
    alone = shipped("WETH", market=with_reserve(market, "wstETH", family="other"))
    assert alone.family == ("WETH",)
    assert alone.debt_at_cap_usd == pytest.approx(debt_at_cap(market, model, "WETH"), rel=1e-12)


def test_horizon_of_link_by_hand(market: Market, model: MarketModel) -> None:
    clearing = shipped("LINK")
    debt = 0.71 * 15e6 * model.assets["LINK"].price_usd / model.accounts.average_health_factor
    # Below $1B of cap: half the debt; sold with the 7 % bonus on top.
    sale = 1.07 * 0.5 * debt
    assert (clearing.exposure_basis, clearing.exposure_share) == ("cap_small", 0.5)
    assert clearing.sale_usd == pytest.approx(sale, rel=1e-12)
    hours = 5 * MINUTE + 15 * MINUTE * (sale / clearing.chunk_usd - 1)
    assert hours > 1
    assert clearing.horizon_hours == pytest.approx(hours, rel=1e-12)
    assert clearing.chunks == pytest.approx(sale / clearing.chunk_usd, rel=1e-12)


@pytest.mark.parametrize(
    ("chunks", "hours"),
    # T = max(1 h, 5 min + 15 min x (chunks - 1)).
    [(0.2, 1.0), (1.0, 1.0), (4.6, 1.0), (4.7, 60.5 * MINUTE), (9.0, 125 * MINUTE),
     (97.0, 1445 * MINUTE)],
)  # fmt: skip
def test_horizon_by_number_of_chunks(
    market: Market, model: MarketModel, chunks: float, hours: float
) -> None:
    sale = shipped("WBTC").sale_usd
    affordable = affordable_slippage(terms_of(market, 0.05))
    # A linear curve on which the stressed affordable chunk is the sale over `chunks`.
    per_usd = affordable * 0.5 / (sale / chunks)
    clearing = clearing_of(market, model, "WBTC", linear(per_usd, 1e11), None)
    assert clearing.chunks == pytest.approx(chunks, rel=1e-9)
    assert clearing.horizon_hours == pytest.approx(hours, rel=1e-9)


def test_latency_and_refill_enter_the_horizon(market: Market) -> None:
    chunks = shipped("LINK").chunks
    slow = with_constant(with_constant(market, "latency_minutes", 65.0), "refill_minutes", 30.0)
    assert shipped("LINK", market=slow).horizon_hours == pytest.approx(
        65 * MINUTE + 30 * MINUTE * (chunks - 1), rel=1e-12
    )
    # Fewer chunks than one never shorten the latency.
    lonely = shipped("WETH", market=with_reserve(slow, "WETH", supply_cap=1.0, family="lonely"))
    assert lonely.chunks < 1
    assert lonely.horizon_hours == pytest.approx(65 * MINUTE, rel=1e-12)


def test_nothing_affordable_means_no_horizon(market: Market) -> None:
    clearing = shipped("WETH", market=with_reserve(market, "WETH", bonus=0.005))
    assert (clearing.horizon_hours, clearing.chunk_usd, clearing.chunks) == (0.0, 0.0, 0.0)
    assert clearing.affordable_slippage == 0.0
    assert clearing.participation_margin < 0


def test_large_caps_expose_a_twentieth() -> None:
    clearing = shipped("WBTC")
    assert (clearing.exposure_basis, clearing.exposure_share) == ("cap_large", 0.05)
    assert clearing.exposure_usd == pytest.approx(clearing.debt_at_cap_usd / 20, rel=1e-12)


def test_the_cap_that_counts_as_large(market: Market, model: MarketModel) -> None:
    edge = 1e9 / model.assets["LINK"].price_usd
    above = shipped("LINK", market=with_reserve(market, "LINK", supply_cap=edge * 1.0001))
    below = shipped("LINK", market=with_reserve(market, "LINK", supply_cap=edge * 0.9999))
    assert (above.exposure_basis, below.exposure_basis) == ("cap_large", "cap_small")


def book(*debts: float) -> AccountBook:
    return AccountBook(
        health_factor=(1.5,) * len(debts), debt_usd=debts, source="closed form", sha256=""
    )


def test_exposure_from_a_book() -> None:
    debt = shipped("WBTC").debt_at_cap_usd
    # The three largest of five, in any order.
    held = shipped("WBTC", book(1e6, 0.1 * debt, 2e6, 0.08 * debt, 0.12 * debt))
    assert held.exposure_basis == "book"
    assert held.exposure_share == pytest.approx(0.30, rel=1e-12)
    assert held.exposure_usd == pytest.approx(0.30 * debt, rel=1e-12)
    # Never less than 5 %, never more than all of it.
    assert shipped("WBTC", book(1e6)).exposure_share == 0.05
    assert shipped("WBTC", book(debt, debt)).exposure_share == 1.0
