"""Exposure, affordable chunk and effective horizon (calibration.md, section 1)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.calibrate.clearing import (
    LONGEST_HORIZON_HOURS,
    affordable_slippage,
    cleared_per_hour,
    clearing_of,
    debt_at_cap,
    largest_size,
    most_chunks,
    slippage_by_size,
    stressed_depth,
    terms_of,
)
from govkit.data import load_market
from govkit.estimate.liquidity.curves import curve_from_quotes
from govkit.records.book import AccountBook
from govkit.records.evidence import Clearing
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import Market
from govkit.records.model import AccountDistribution, AssetModel, MarketModel
from govkit.records.provenance import Window
from govkit.simulate.engine import Depth, Terms
from tests.calibrate.pipeline import NAME, with_constant, with_reserve

MINUTE = 1 / 60
NOWHERE = Window(source="closed form", first="", last="", observations=0, input_digests=())


def terms(bonus: float, **changed: float) -> Terms:
    return Terms(**{"bonus": bonus, "protocol_fee_share": 0.1, "deviation": 0.005,
                    "swap_fee": 0.0005, "gas_share": 0.0005, "refill_steps": 3.0,
                    "permanent_share": 0.1} | changed)  # fmt: skip


def small_model() -> MarketModel:
    """Prices and an average health factor; what clearing reads of a model."""
    prices = {"WETH": 2000.0, "wstETH": 2400.0, "WBTC": 70_000.0, "LINK": 14.0}
    assets = {
        name: AssetModel(
            asset=name, priced_as=name, price_usd=price, price_as_of="2026-02-14",
            as_of="2026-02-14", supported=True, verdict="closed form",
        )
        for name, price in prices.items()
    }  # fmt: skip
    accounts = AccountDistribution(
        health_log_mean=-0.5, health_log_sd=1.0, debt_log_mean=8.0, debt_log_sd=2.0,
        average_health_factor=1.8, accounts=100, windows=(),
    )  # fmt: skip
    return MarketModel(
        name="small", as_of="2026-02-14", numeraire="USDC", snapshot_digest="", fitted_with={},
        seed=1, returns={}, assets=assets, accounts=accounts, dependence=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model() -> MarketModel:
    return small_model()


def curve(sizes: list[float], slippage: list[float]) -> LiquidityCurve:
    return LiquidityCurve(
        asset_in="TOY", asset_out="USDC", method="quotes", sizes_usd=tuple(sizes),
        slippage=tuple(slippage), marginal=tuple(2 * s for s in slippage),
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


def cleared(
    asset: str, book: AccountBook | None = None, market: Market | None = None,
    depth: LiquidityCurve | None = None,
) -> Clearing:  # fmt: skip
    """Clear on the real market's terms and the prices of `small_model`, by default on a line."""
    per_usd = 6e-9 if asset == "LINK" else 4.42e-10
    return clearing_of(
        market or load_market(NAME), small_model(), asset, depth or linear(per_usd), book
    )


def real_curve(folder: Path, asset: str) -> LiquidityCurve:
    quotes = pd.read_csv(
        folder / "depth" / "quotes-1inch-2023-11-20.csv.gz", parse_dates=["timestamp"]
    )
    pair = quotes[(quotes["asset_in"] == asset) & (quotes["asset_out"] == "USDC")]
    made = curve_from_quotes(pair, asset, "USDC", NOWHERE)
    assert isinstance(made, LiquidityCurve)
    return made


def test_real_weth(shared_data: Path) -> None:
    depth = real_curve(shared_data, "WETH")
    clearing = cleared("WETH", depth=depth)
    # calibration.md, section 1: about $50M in 15 minutes, about $198M an hour, by a power law
    # through all quotes above 0.4 % of slippage; the medians of the quotes give $42M and $169M.
    # On 2025-10-10 about $180M was cleared in an hour.
    assert clearing.affordable_slippage == pytest.approx(0.0372912, abs=5e-8)
    assert clearing.chunk_usd == pytest.approx(42e6, rel=0.02)
    assert clearing.chunk_usd == pytest.approx(50e6, rel=0.2)
    assert clearing.cleared_per_hour_usd == 4 * clearing.chunk_usd
    assert clearing.cleared_per_hour_usd == pytest.approx(180e6, rel=0.1)
    assert clearing.family == ("WETH", "wstETH")


def test_the_published_chunk_is_that_of_a_power_law(shared_data: Path) -> None:
    # data/SOURCES.md: slippage above 0.4 % follows size^0.77, 5 % at about $145M.
    sizes = np.geomspace(1e5, 1e9, 400)
    depth = stressed_depth(curve(sizes.tolist(), (0.05 * (sizes / 145e6) ** 0.77).tolist()), 0.5)
    chunk = largest_size(depth, affordable_slippage(terms(0.05)))
    assert chunk == pytest.approx(50e6, rel=0.02)
    assert cleared_per_hour(chunk, 15) == pytest.approx(198e6, rel=0.01)
    # Why the medians are used: at these sizes the law is below nearly every real quote.
    quotes = pd.read_csv(shared_data / "depth" / "quotes-1inch-2023-11-20.csv.gz")
    pair = quotes[(quotes["asset_in"] == "WETH") & (quotes["asset_out"] == "USDC")]
    large = pair[pair["size_usd"] > 90e6]
    assert (large["slippage"] > 0.05 * (large["size_usd"] / 145e6) ** 0.77).mean() > 0.9


def test_family_sells_into_one_depth(market: Market, model: MarketModel) -> None:
    weth, wsteth = cleared("WETH"), cleared("wstETH")
    total = sum(debt_at_cap(market, model, asset) for asset in ("WETH", "wstETH"))
    assert weth.debt_at_cap_usd == wsteth.debt_at_cap_usd == pytest.approx(total, rel=1e-12)
    alone = cleared("WETH", market=with_reserve(market, "wstETH", family="other"))
    assert alone.family == ("WETH",)
    assert alone.debt_at_cap_usd == pytest.approx(debt_at_cap(market, model, "WETH"), rel=1e-12)


def test_horizon_of_link_by_hand(market: Market, model: MarketModel) -> None:
    clearing = cleared("LINK")
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
    sale = cleared("WBTC").sale_usd
    affordable = affordable_slippage(terms_of(market, "WBTC"))
    # A linear curve on which the stressed affordable chunk is the sale over `chunks`.
    per_usd = affordable * 0.5 / (sale / chunks)
    clearing = clearing_of(market, model, "WBTC", linear(per_usd, 1e11), None)
    assert clearing.chunks == pytest.approx(chunks, rel=1e-9)
    assert clearing.horizon_hours == pytest.approx(hours, rel=1e-9)


def test_latency_and_refill_enter_the_horizon(market: Market) -> None:
    chunks = cleared("LINK").chunks
    slow = with_constant(with_constant(market, "latency_minutes", 65.0), "refill_minutes", 30.0)
    assert cleared("LINK", market=slow).horizon_hours == pytest.approx(
        65 * MINUTE + 30 * MINUTE * (chunks - 1), rel=1e-12
    )
    # Fewer chunks than one never shorten the latency.
    lonely = cleared("WETH", market=with_reserve(slow, "WETH", supply_cap=1.0, family="lonely"))
    assert lonely.chunks < 1
    assert lonely.horizon_hours == pytest.approx(65 * MINUTE, rel=1e-12)


def test_nothing_affordable_means_no_horizon(market: Market) -> None:
    clearing = cleared("WETH", market=with_reserve(market, "WETH", bonus=0.005))
    assert (clearing.horizon_hours, clearing.chunk_usd, clearing.chunks) == (0.0, 0.0, 0.0)
    assert clearing.affordable_slippage == 0.0
    assert clearing.participation_margin < 0


def test_large_caps_expose_a_twentieth() -> None:
    clearing = cleared("WBTC")
    assert (clearing.exposure_basis, clearing.exposure_share) == ("cap_large", 0.05)
    assert clearing.exposure_usd == pytest.approx(clearing.debt_at_cap_usd / 20, rel=1e-12)


def test_the_cap_that_counts_as_large(market: Market, model: MarketModel) -> None:
    edge = 1e9 / model.assets["LINK"].price_usd
    above = cleared("LINK", market=with_reserve(market, "LINK", supply_cap=edge * 1.0001))
    below = cleared("LINK", market=with_reserve(market, "LINK", supply_cap=edge * 0.9999))
    assert (above.exposure_basis, below.exposure_basis) == ("cap_large", "cap_small")


def book(*debts: float) -> AccountBook:
    return AccountBook(
        health_factor=(1.5,) * len(debts), debt_usd=debts, source="closed form", sha256=""
    )


def test_exposure_from_a_book() -> None:
    debt = cleared("WBTC").debt_at_cap_usd
    # The three largest of five, in any order.
    held = cleared("WBTC", book(1e6, 0.1 * debt, 2e6, 0.08 * debt, 0.12 * debt))
    assert held.exposure_basis == "book"
    assert held.exposure_share == pytest.approx(0.30, rel=1e-12)
    assert held.exposure_usd == pytest.approx(0.30 * debt, rel=1e-12)
    # Never less than 5 %, never more than all of it.
    assert cleared("WBTC", book(1e6)).exposure_share == 0.05
    assert cleared("WBTC", book(debt, debt)).exposure_share == 1.0


@pytest.mark.parametrize(
    ("hours", "latency", "refill", "chunks"),
    # n = 1 + (60 T - L) / rho, and at least the first chunk.
    [(1.0, 5.0, 15.0, 1 + 55 / 15), (72.0, 5.0, 15.0, 1 + 4315 / 15), (1.0, 120.0, 15.0, 1.0)],
)
def test_chunks_within_a_horizon(
    market: Market, hours: float, latency: float, refill: float, chunks: float
) -> None:
    changed = with_constant(with_constant(market, "latency_minutes", latency), "refill_minutes",
                            refill)  # fmt: skip
    assert most_chunks(changed, hours) == pytest.approx(chunks, rel=1e-12)


def with_family_caps(market: Market, factor: float) -> Market:
    for asset in ("WETH", "wstETH"):
        cap = market.reserves[asset].supply_cap.value
        market = with_reserve(market, asset, supply_cap=cap * factor)
    return market


def test_the_implied_caps_give_back_one_chunk_and_the_longest_horizon(market: Market) -> None:
    # The definitions run forwards: scale both caps of the family and clear again.
    cap = market.reserves["WETH"].supply_cap.value
    before = cleared("WETH")
    assert before.chunks > 1
    once = cleared("WETH", market=with_family_caps(market, before.cap_within_chunk_tokens / cap))
    assert once.exposure_basis == before.exposure_basis == "cap_large"
    assert once.chunks == pytest.approx(1.0, rel=1e-9)
    assert once.horizon_hours == 1.0
    assert once.sale_usd == pytest.approx(once.chunk_usd, rel=1e-9)
    assert once.supply_cap_usd == pytest.approx(before.cap_within_chunk_usd, rel=1e-9)
    longest = cleared(
        "WETH", market=with_family_caps(market, before.cap_within_horizon_tokens / cap)
    )
    assert longest.horizon_hours == pytest.approx(LONGEST_HORIZON_HOURS, rel=1e-9)
    assert longest.supply_cap_usd == pytest.approx(before.cap_within_horizon_usd, rel=1e-9)
    # A tenth of a percent more is refused.
    more = cleared(
        "WETH", market=with_family_caps(market, before.cap_within_horizon_tokens / cap * 1.001)
    )
    assert more.horizon_hours > LONGEST_HORIZON_HOURS


def test_the_implied_cap_by_hand(market: Market, model: MarketModel) -> None:
    # LINK alone: (1 + b) x 0.5 x lambda x cap x price / 1.8 = q*, solved for the cap.
    reserve = market.reserves["LINK"]
    clearing = cleared("LINK")
    cap = (
        clearing.chunk_usd
        * 1.8
        / ((1 + reserve.bonus.value) * 0.5 * reserve.threshold.value * 14.0)
    )
    assert clearing.cap_within_chunk_tokens == pytest.approx(cap, rel=1e-12)
    assert clearing.cap_within_chunk_usd == pytest.approx(14 * cap, rel=1e-12)
    assert clearing.supply_cap_usd == 14 * reserve.supply_cap.value


def test_nothing_affordable_implies_no_cap(market: Market) -> None:
    clearing = cleared("WETH", market=with_reserve(market, "WETH", bonus=0.005))
    assert clearing.cleared_per_hour_usd == 0
    assert (clearing.cap_within_chunk_tokens, clearing.cap_within_horizon_usd) == (0.0, 0.0)
    # A cap of zero has nothing to sell, and implies nothing.
    lonely = cleared("WETH", market=with_reserve(market, "WETH", supply_cap=0.0, family="lonely"))
    assert (lonely.sale_usd, lonely.cap_within_chunk_tokens) == (0.0, 0.0)


def test_slippage_by_size_of_a_line() -> None:
    # Average 1 % per $10M, twice that on the last unit, half the depth in a stress.
    points = slippage_by_size(linear(1e-9, 60e6), 0.5, 1e6)
    assert [p.size_usd for p in points] == [1e6, 5e6, 10e6, 25e6, 50e6]
    for point in points:
        assert point.average == pytest.approx(1e-9 * point.size_usd, rel=1e-9)
        assert point.marginal == pytest.approx(2e-9 * point.size_usd, rel=1e-9)
    # The curve ends at $60M, which at half the depth is $30M: past it 6 % is the least.
    assert [p.beyond_quotes for p in points] == [False, False, False, False, True]
    assert points[3].stressed_average == pytest.approx(0.05, rel=1e-9)
    assert points[4].stressed_average == pytest.approx(0.06, rel=1e-9)


def test_slippage_by_size_adds_a_chunk_that_the_curve_cuts_off() -> None:
    short = curve([1e5, 8e5], [0.001, 0.008])
    # A bonus that pays for more than 0.8 %: the chunk is the whole stressed curve, $400,000.
    chunk = largest_size(stressed_depth(short, 0.5), 0.03)
    (only,) = slippage_by_size(short, 0.5, chunk)
    assert only.size_usd == 4e5
    assert only.beyond_quotes
    assert only.average == pytest.approx(0.004, rel=1e-9)
    assert only.stressed_average == pytest.approx(0.008, rel=1e-9)
    # A chunk inside the curve adds nothing; nor does a bonus that pays for nothing.
    assert slippage_by_size(short, 0.5, 3e5) == ()
    assert slippage_by_size(short, 0.5, 0.0) == ()


def test_slippage_by_size_carries_the_quotes_error() -> None:
    base = curve([1e6, 3e6, 9e6], [0.01, 0.02, 0.03])
    wide = base.model_copy(update={"error": (0.001, 0.003, 0.009)})
    errors = [p.error for p in slippage_by_size(wide, 0.5, 1e5)]
    assert errors == pytest.approx([0.001, 0.005], rel=1e-12)


def test_real_weth_by_size(shared_data: Path) -> None:
    # Table of medians in data/depth: 1.43 % at $34.9M and 1.93 % at $43.9M.
    points = {p.size_usd: p for p in
              slippage_by_size(real_curve(shared_data, "WETH"), 0.5, 42e6)}  # fmt: skip
    assert list(points) == [1e6, 5e6, 10e6, 25e6, 50e6, 100e6]
    assert points[25e6].average == pytest.approx(0.0107, abs=0.001)
    assert points[25e6].stressed_average == pytest.approx(points[50e6].average, rel=1e-9)
    assert points[100e6].beyond_quotes
    assert not points[50e6].beyond_quotes
    assert all(p.marginal > p.average and p.error > 0 for p in points.values())
