"""Feed scenarios, dated cases, under-reporting and the manipulation screen."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import lognorm, norm

from govkit.calibrate import feed_scenarios
from govkit.calibrate.feed_scenarios import (
    STATES,
    Feed,
    FeedState,
    falls_seen,
    loss_per_debt,
    scenarios_of,
    simulate_feed,
    underlying,
)
from govkit.calibrate.manipulation import (
    manipulation_screen,
    pool_depth,
    push,
    push_capital,
    push_cost,
)
from govkit.calibrate.oracle import case_of, debt_below, oracle_evidence, under_reporting
from govkit.data import load_appetite, load_market
from govkit.errors import InputError
from govkit.records.book import AccountBook
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import OracleRule
from govkit.records.model import AccountDistribution
from govkit.records.oracle import ManipulationScreen, OracleEvidence
from govkit.records.provenance import NotDone, Window
from govkit.render import facts
from govkit.render.environment import fill
from govkit.simulate.falls import ReturnLaw, draw
from govkit.simulate.paths import price_paths
from tests.calibrate.pipeline import with_reserve
from tests.simulate.laws import gaussian_law

NOWHERE = Window(source="closed form", first="", last="", observations=0, input_digests=())
SHARES = np.linspace(0.3, 0.78, 33)
MODERATE = load_appetite("moderate")
ACCOUNTS = AccountDistribution(
    health_log_mean=-0.6, health_log_sd=1.1, debt_log_mean=10.0, debt_log_sd=2.0,
    average_health_factor=1.8, accounts=42, windows=(),
)  # fmt: skip


def rule(adapter: str = "market", **values: float) -> OracleRule:
    fields = {"deviation": 0.005} if adapter != "pinned" else {}
    end = {"source": "test", "as_of": "2026-03"}
    return OracleRule.model_validate({"adapter": adapter} | fields | values | end)


def constant_product(reserve: float, sizes: list[float]) -> LiquidityCurve:
    """Sell into x = y / p, y: proceeds are y q / (y + q)."""
    return LiquidityCurve(
        asset_in="T", asset_out="USDC", method="constant product", sizes_usd=tuple(sizes),
        slippage=tuple(q / (reserve + q) for q in sizes),
        marginal=tuple(1 - (reserve / (reserve + q)) ** 2 for q in sizes),
        error=(0.0,) * len(sizes), as_of="2026-01-01", window=NOWHERE,
    )  # fmt: skip


def with_ratio(law: ReturnLaw, sigma: float) -> ReturnLaw:
    """Add a wrapper's own hourly changes: normal, with the tails of `gaussian_law`."""
    own = gaussian_law(sigma)
    tail = own.lower * np.array([sigma, 1.0, sigma, 1.0])
    return replace(law, ratio_body=own.body * sigma, ratio_lower=tail, ratio_upper=tail)


# The rule of a feed


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"adapter": "capped", "deviation": 0.005}, "a capped adapter needs either"),
        ({"adapter": "capped", "deviation": 0.005, "price_cap_usd": 1.04,
          "growth_cap_per_year": 0.1}, "a capped adapter needs either"),
        ({"adapter": "market", "deviation": 0.005, "price_cap_usd": 1.04},
         "a market adapter has no cap"),
        ({"adapter": "market"}, "a market adapter needs the deviation"),
        ({"adapter": "pinned"}, "a pinned adapter needs its pin"),
        ({"adapter": "exchange rate", "deviation": 0.005, "pin_usd": 1.0}, "has no pin"),
        ({"adapter": "market", "deviation": 0.0}, "greater than 0"),
        ({"adapter": "market", "deviation": 0.005, "heartbeat_minutes": 0.0}, "greater than 0"),
        ({"adapter": "market", "deviation": 0.005, "sanity_bound": 1.0}, "greater than 1"),
        ({"adapter": "twap", "deviation": 0.005}, "adapter"),
        ({"adapter": "market", "deviation": 0.005, "as_of": "lately"}, "as_of"),
    ],
)  # fmt: skip
def test_impossible_rules_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        OracleRule.from_data({"source": "test", "as_of": "2026-03"} | values, where="market.toml")


def test_without_a_rule_of_its_own_the_markets_constant_applies() -> None:
    market = load_market("aave-v3-ethereum")
    assert market.feed("AAVE") is market.reserves["AAVE"].oracle
    bare = with_reserve(market, "AAVE", oracle=None).feed("AAVE")
    assert bare.adapter == "market"
    assert bare.deviation == market.oracle_deviation.value == 0.005
    assert bare.source == market.oracle_deviation.source
    assert bare.heartbeat_minutes is None


# Scenarios


def test_loss_by_hand() -> None:
    # Debt 0.8 against collateral 1; after a fall of 20 % the bonus leaves 0.8 / 1.05 of it paid.
    falls = np.array([0.0, 1 - 0.84, 0.2, 0.5, 1.0])
    wanted = [0.0, 0.0, 1 - 0.8 / 0.84, 1 - 0.5 / 0.84, 1.0]
    np.testing.assert_allclose(loss_per_debt(falls, 0.8, 0.05), wanted, atol=1e-15)


def test_one_hour_of_normal_prices_in_closed_form() -> None:
    """The hour's low is its close or its open, so falls have the normal's distribution."""
    sigma, threshold, bonus = 0.05, 0.876, 0.05
    falls = simulate_feed(
        Feed(rule(), 1, horizon_hours=1.0), gaussian_law(sigma), SHARES, seed=3, name="X"
    )
    normal = scenarios_of(falls, threshold, bonus, MODERATE)[0]
    room = threshold * (1 + bonus)
    chance = norm.cdf(math.log(room) / sigma)
    n = feed_scenarios.ORACLE_PATHS
    assert normal.economic.chance == pytest.approx(chance, abs=4 * math.sqrt(chance / n))
    assert normal.economic.chance_low < chance < normal.economic.chance_high
    level = MODERATE.position_probability
    fall = 1 - math.exp(sigma * norm.ppf(level))
    # The error of a quantile in log price: sqrt(p / n) over the density there.
    error = math.sqrt(level / n) / norm.pdf(norm.ppf(level)) * sigma
    assert normal.economic.at_level == pytest.approx(1 - (1 - fall) / room, abs=4 * error)
    below = np.linspace(1e-5, 1 - MODERATE.tail_level, 4001)
    losses = np.maximum(1 - np.exp(sigma * norm.ppf(below)) / room, 0)
    assert normal.economic.shortfall == pytest.approx(losses.mean(), rel=0.04)


def test_book_lags_the_seller_and_a_freeze_costs_both() -> None:
    falls = simulate_feed(
        Feed(rule(heartbeat_minutes=60.0), 1, horizon_hours=2.0), gaussian_law(0.03), SHARES,
        seed=5, name="X",
    )  # fmt: skip
    assert falls.book.shape == falls.economic.shape == (6, feed_scenarios.ORACLE_PATHS)
    assert (falls.book <= falls.economic + 1e-15).all()
    normal, hour, six = (falls.economic[k] for k in range(3))
    assert (hour >= normal).all()
    assert (six >= hour).all()
    made = scenarios_of(falls, 0.83, 0.05, MODERATE)
    assert [(s.name, s.stale_high, round(s.frozen_hours, 3)) for s in made] == [
        ("normal", 0.0, 0.0), ("frozen", 0.0, 1.0), ("frozen", 0.0, 6.0),
        ("stale", 0.0031, 0.0), ("stale", 0.0159, 0.817), ("stale", 0.05, 0.817),
    ]  # fmt: skip
    chances = [s.economic.chance for s in made]
    assert chances[0] < chances[1] < chances[2]
    assert chances[0] <= chances[3] < chances[4] < chances[5]


def test_falls_of_a_stale_feed_by_hand() -> None:
    market = np.array([[0.99, 0.97, 0.95, 0.96]])
    feed = Feed(rule(), latency_steps=0, horizon_hours=4 / 12)
    book, economic, over = falls_seen(feed, market, market, FeedState("stale", stale_high=0.05))
    assert economic[0] == pytest.approx(1 - 0.95 / 1.05)
    assert book[0] == economic[0]
    assert over[0] == 0.0
    # Frozen through the whole window, the book has seen nothing of it.
    still = FeedState("stale", stale_high=0.05, frozen_hours=4 / 12)
    late = replace(feed, horizon_hours=0.0)
    book, economic, over = falls_seen(late, market, market, still)
    assert book[0] == 0.0
    assert economic[0] == pytest.approx(1 - 0.95 / 1.05)
    assert over[0] == pytest.approx(1.05 / 0.95 - 1)


def test_overstatement_is_below_the_deviation_unless_there_is_latency() -> None:
    law = gaussian_law(0.03)
    prompt = simulate_feed(Feed(rule(), 0, 2.0), law, SHARES, seed=5, name="X")
    late = simulate_feed(Feed(rule(), 1, 2.0), law, SHARES, seed=5, name="X")
    assert 0 <= prompt.overstatement.max() < 0.005 / (1 - 0.005)
    assert np.quantile(late.overstatement, 0.995) > 0.02


def test_pinned_book_never_sees_a_fall() -> None:
    feed = Feed(rule("pinned", pin_usd=1.0), 1, horizon_hours=2.0)
    falls = simulate_feed(feed, gaussian_law(0.05), SHARES, seed=5, name="X")
    assert falls.book.shape[0] == 1
    assert (falls.book == 0).all()
    assert falls.lows.min() < 0.85
    np.testing.assert_allclose(falls.economic[0], 1 - falls.lows, atol=1e-15)


def test_exchange_rate_book_sees_only_the_underlying() -> None:
    plain, wrapped = gaussian_law(0.02), with_ratio(gaussian_law(0.02), 0.01)
    draws = draw(hours=3, paths=50, seed=5, name="X")
    np.testing.assert_array_equal(
        price_paths(underlying(wrapped), SHARES, draws, seed=5, name="X"),
        price_paths(plain, SHARES, draws, seed=5, name="X"),
    )
    feed = Feed(rule("exchange rate"), 1, horizon_hours=2.0)
    token = simulate_feed(feed, wrapped, SHARES, seed=5, name="X")
    alone = simulate_feed(Feed(rule(), 1, 2.0), plain, SHARES, seed=5, name="X")
    np.testing.assert_array_equal(token.book, alone.book)
    assert np.quantile(token.economic[0], 0.99) > np.quantile(alone.economic[0], 0.99) + 0.003
    # A market feed of the same token does see it.
    seen = simulate_feed(Feed(rule(), 1, 2.0), wrapped, SHARES, seed=5, name="X")
    assert np.quantile(seen.book[0], 0.99) > np.quantile(token.book[0], 0.99) + 0.003


def test_measured_in_its_underlying_the_book_sees_no_fall_at_all() -> None:
    """Against ETH, a feed of ETH times the redemption ratio stands still."""
    law = gaussian_law(0.02)
    still = Feed(rule("exchange rate"), 1, horizon_hours=2.0, in_underlying=True)
    falls = simulate_feed(still, law, SHARES, seed=5, name="X")
    assert (falls.book[0] == 0).all()
    np.testing.assert_allclose(falls.economic[0], 1 - falls.lows, atol=1e-15)
    assert falls.overstatement.max() > 0.05
    # A feed of the token's own price shows its discount all the same.
    seen = replace(still, rule=rule())
    assert (simulate_feed(seen, law, SHARES, seed=5, name="X").book[0] > 0).mean() > 0.5


# Dated cases


@pytest.mark.parametrize(
    ("one", "name", "fall", "book", "economic"),
    [
        (rule("pinned", pin_usd=1.0), "pinned", 0.12, 0.0, 1 - 0.88 / (0.9 * 1.04)),
        (rule("exchange rate"), "discount", 0.0694, 0.0, 1 - 0.9306 / (0.9 * 1.04)),
        (rule("capped", growth_cap_per_year=0.0968), "discount", 0.0694, 0.0,
         1 - 0.9306 / (0.9 * 1.04)),
        (rule("capped", price_cap_usd=1.04), "depeg", 0.12, 1 - 0.88 / (0.9 * 1.04),
         1 - 0.88 / (0.9 * 1.04)),
        (rule(), "inflated", 1 - 0.0382 / 0.91, 0.0, 1 - 0.0382 / 0.91 / (0.9 * 1.04)),
    ],
)  # fmt: skip
def test_cases_by_hand(
    one: OracleRule, name: str, fall: float, book: float, economic: float
) -> None:
    case = case_of(one, 0.9, 0.04)
    assert case.name == name
    assert case.fall == pytest.approx(fall, abs=1e-12)
    assert case.book_loss == pytest.approx(book, abs=1e-12)
    assert case.economic_loss == pytest.approx(economic, abs=1e-12)


def test_mango_was_23_8_times() -> None:
    assert 1 / (1 - case_of(rule(), 0.8, 0.05).fall) == pytest.approx(23.8, abs=0.05)


def test_a_pinned_stablecoin_at_78_percent_survives_a_fall_of_12_percent() -> None:
    case = case_of(rule("pinned", pin_usd=1.0), 0.78, 0.045)
    assert (case.fall, case.book_loss, case.economic_loss) == (0.12, 0.0, 0.0)


# Under-reporting


def test_under_reporting_of_a_fitted_distribution_is_lognormal() -> None:
    law = lognorm(s=ACCOUNTS.health_log_sd, scale=math.exp(ACCOUNTS.health_log_mean))
    found = under_reporting(ACCOUNTS, np.ones(4))
    edge = 0.0285 / 0.9715
    assert found.at_once_share == pytest.approx(law.cdf(edge), rel=1e-12)
    assert found.episode_share == pytest.approx(law.cdf(edge), rel=1e-12)
    lows = np.array([1.0, 0.9, 0.8])
    beyond = law.cdf(1 / (0.9715 * lows) - 1) - law.cdf(1 / lows - 1)
    assert under_reporting(ACCOUNTS, lows).episode_share == pytest.approx(beyond.mean(), rel=1e-12)


def test_under_reporting_of_a_book_by_hand() -> None:
    book = AccountBook(
        health_factor=(0.98, 1.02, 1.04, 1.2, 3.0), debt_usd=(7.0, 1.0, 2.0, 3.0, 4.0),
        source="test", sha256="0" * 64,
    )  # fmt: skip
    # 1 / 0.9715 = 1.0293; the account below 1 is liquidated with or without the error.
    found = under_reporting(book, np.array([1.0, 0.98]))
    assert found.at_once_share == pytest.approx(1 / 10)
    # At 0.98 the market triggers up to 1.0204, the feed up to 1.0503: the third account.
    assert found.episode_share == pytest.approx((1 / 10 + 2 / 10) / 2)
    np.testing.assert_allclose(debt_below(book, np.array([1.0, 1.02, 1.2, 9.0])), [0, 0.1, 0.6, 1])
    gone = book.model_copy(update={"health_factor": (0.5,) * 5})
    assert under_reporting(gone, np.ones(1)).at_once_share == 0.0


# Manipulation


def attack(reserve: float, factor: float, threshold: float, collateral: float) -> float:
    """Profit of an attack on a real pool: buy, borrow at the pushed price, be arbitraged back."""
    quote, token = reserve, reserve  # price 1
    product = quote * token
    # Buy until the price is up by the factor.
    pushed_quote = math.sqrt(product * factor)
    paid, got = pushed_quote - quote, token - product / pushed_quote
    borrowed = threshold * factor * collateral
    # Arbitrage returns the price to 1; the tokens bought are worth that, the collateral is left.
    return borrowed + got - paid - collateral


@pytest.mark.parametrize("factor", [1.05, 1.5, 4.0, 23.8])
def test_cost_and_capital_are_those_of_a_pool(factor: float) -> None:
    assert attack(1e6, factor, 0.0, 0.0) == pytest.approx(-push_cost(1e6, factor), rel=1e-9)
    one = push(1e6, factor, 0.8)
    assert one.capital_usd == pytest.approx(math.sqrt(factor) * 1e6 - 1e6)
    if 0.8 * factor <= 1:
        assert one.break_even_usd is None
        assert attack(1e6, factor, 0.8, 1e12) < 0
    else:
        assert one.break_even_usd is not None
        assert attack(1e6, factor, 0.8, one.break_even_usd * 1.001) > 0
        assert attack(1e6, factor, 0.8, one.break_even_usd * 0.999) < 0


def test_a_factor_of_four_by_hand() -> None:
    one = push(10e6, 4.0, 0.75)
    assert (one.cost_usd, one.capital_usd, one.break_even_usd) == (5e6, 10e6, 2.5e6)


@pytest.mark.parametrize(("threshold", "bound"), [(0.8, 1.5), (0.8, 4.0), (0.41, 3.0), (0.9, 50.0)])
def test_safe_exposure_is_the_least_break_even(threshold: float, bound: float) -> None:
    curve = constant_product(20e6, [1e5 * 2**k for k in range(8)])
    screen = manipulation_screen(curve, threshold, bound)
    assert isinstance(screen, ManipulationScreen)

    def break_even(factor: float) -> float:
        return push_cost(20e6, factor) / (threshold * factor - 1)

    ends = (1 / threshold + 1e-9, min(bound, 4.0))
    found = minimize_scalar(break_even, bounds=ends, method="bounded", options={"xatol": 1e-9})
    least = min(found.fun, break_even(bound))
    assert screen.safe_exposure_usd == pytest.approx(least, rel=1e-5)
    assert screen.at_bound.break_even_usd == pytest.approx(break_even(bound), rel=1e-9)
    assert screen.worst.factor <= bound


def test_the_bound_alone_would_overstate_what_is_safe() -> None:
    """At 80 % and a bound of four, 15 % too much: a push to 1.7 pays earlier."""
    screen = manipulation_screen(constant_product(20e6, [1e6, 2e6]), 0.8, 4.0)
    assert isinstance(screen, ManipulationScreen)
    assert screen.at_bound.break_even_usd == pytest.approx(20e6 * 0.5 / 2.2)
    assert screen.worst.factor == pytest.approx(1.69, abs=0.03)
    assert screen.safe_exposure_usd == pytest.approx(0.1967 * 20e6, rel=1e-3)
    assert attack(20e6, screen.worst.factor, 0.8, screen.safe_exposure_usd * 1.01) > 0
    assert attack(20e6, 4.0, 0.8, screen.safe_exposure_usd * 1.01) < 0


def test_a_bound_that_never_pays_has_no_largest_exposure() -> None:
    screen = manipulation_screen(constant_product(20e6, [1e6, 2e6]), 0.78, 1.04)
    assert isinstance(screen, ManipulationScreen)
    assert screen.safe_exposure_usd is None
    assert attack(20e6, 1.04, 0.78, 1e15) < 0


@pytest.mark.parametrize(
    ("bound", "slippage", "words"),
    [(None, 0.01, "no upper bound"), (0.99, 0.01, "already stands at its cap"),
     (2.0, 0.0, "shows no slippage")],
)  # fmt: skip
def test_what_cannot_be_screened_says_why(bound: float | None, slippage: float, words: str) -> None:
    curve = constant_product(1e6, [1e4, 2e4]).model_copy(
        update={"slippage": (slippage,) * 2, "marginal": (slippage,) * 2}
    )
    screen = manipulation_screen(curve, 0.8, bound)
    assert isinstance(screen, NotDone)
    assert words in screen.reason


def test_reserve_of_a_pool_is_read_back_from_its_curve() -> None:
    pool = pool_depth(constant_product(35e6, [1e4 * 2**k for k in range(16)]))
    assert pool is not None
    assert pool.reserve_usd == pytest.approx(35e6, rel=1e-9)
    # 35M q / (1 - q) lies between 0.5 % and 10 % for $176,000 to $3.9M: doublings 5 to 8.
    assert pool.points == 4
    half = pool_depth(constant_product(35e6, [1e6, 2e6]), haircut=0.5)
    assert half is not None
    assert half.reserve_usd == pytest.approx(17.5e6, rel=1e-9)


def test_noise_of_small_quotes_does_not_shrink_the_pool_and_thin_depth_does() -> None:
    sizes = [1e4, 1e5, 1e6, 2e6, 3e6]
    curve = constant_product(35e6, sizes)
    noisy = curve.model_copy(update={"slippage": (0.002, 0.003, *curve.slippage[2:])})
    pool = pool_depth(noisy)
    assert pool is not None
    assert pool.reserve_usd == pytest.approx(35e6, rel=1e-9)
    thin = curve.model_copy(update={"slippage": (*curve.slippage[:4], 0.0999)})
    pool = pool_depth(thin)
    assert pool is not None
    assert pool.reserve_usd == pytest.approx(3e6 * 0.9001 / 0.0999, rel=1e-9)


def test_a_volume_law_is_no_pool() -> None:
    """s = c sqrt(q): the implied reserve grows 18 times from 0.5 % to 10 % of slippage."""
    slips = [0.005, 0.01, 0.05, 0.1]
    sizes = [1e6 * (s / 0.005) ** 2 for s in slips]
    implied = [q * (1 - s) / s for q, s in zip(sizes, slips, strict=True)]
    assert implied[-1] / implied[0] == pytest.approx(20 * 0.9 / 0.995)
    law = constant_product(1e6, sizes).model_copy(
        update={"method": "volume law", "slippage": tuple(slips)}
    )
    assert pool_depth(law) is None
    screen = manipulation_screen(law, 0.8, 4.0)
    assert isinstance(screen, NotDone)
    assert "law of traded volume" in screen.reason


@pytest.mark.parametrize(("sizes", "nearest"), [([1e3, 2e3], 2e3), ([2e7, 3e7], 2e7)])
def test_outside_the_band_the_nearest_point_is_read(sizes: list[float], nearest: float) -> None:
    pool = pool_depth(constant_product(35e6, sizes))
    assert pool is not None
    assert pool.points == 1
    assert pool.reserve_usd == pytest.approx(35e6, rel=1e-9)
    assert nearest in sizes


def test_one_block_is_always_less_capital_and_less_lost_only_beyond_16() -> None:
    """Pushing a mean over n blocks by e: one block by 1 + n e, or every block by 1 + e."""
    for blocks, rise in [(10, 0.01), (100, 0.1), (1000, 0.05), (1000, 0.5), (100, 1.0)]:
        single, each = 1 + blocks * rise, 1 + rise
        assert push_capital(1.0, single) < blocks * push_capital(1.0, each)
    # n e^3 = 16 is where n e^2 / 4 meets sqrt(n e), for small e and large n e.
    for blocks, cheaper in [(8e6, False), (32e6, True)]:
        rise = 0.01
        assert (blocks * rise**3 > 16) is cheaper
        single = push_cost(1.0, 1 + blocks * rise)
        assert (single < blocks * push_cost(1.0, 1 + rise)) is cheaper


def test_depth_of_real_quotes(shared_data: Path) -> None:
    """WETH on 2023-11-20: 5 % of slippage at $108M to $145M is a pool of $2B to $2.8B."""
    table = pd.read_csv(shared_data / "depth" / "WETH.csv")
    quotes = table[table["quote"] == "USDC"]
    size, slip = quotes["size_usd"].to_numpy(), quotes["slippage"].to_numpy()
    smooth = np.maximum.accumulate(np.maximum(slip, 0))
    curve = LiquidityCurve(
        asset_in="WETH", asset_out="USDC", method="quotes", sizes_usd=tuple(size),
        slippage=tuple(smooth), marginal=tuple(smooth), error=(0.0,) * len(size),
        as_of="2023-11-20", window=NOWHERE,
    )  # fmt: skip
    pool = pool_depth(curve)
    assert pool is not None
    assert 1.5e9 < pool.reserve_usd < 2.3e9
    assert pool.points >= 4


# The whole


def evidence(asset: str, law: ReturnLaw | None = None, **changed: object) -> OracleEvidence:
    market = load_market("aave-v3-ethereum")
    if "oracle" in changed:
        market = with_reserve(market, asset, oracle=changed.pop("oracle"))
    reserve = market.reserves[asset]
    arguments = {
        "threshold": reserve.threshold.value, "bonus": reserve.bonus.value, "horizon_hours": 1.4,
        "appetite": MODERATE, "accounts": ACCOUNTS, "debt_at_cap_usd": 2.4e9, "price_usd": 1.0,
        "seed": 1,
    } | changed  # fmt: skip
    curve = constant_product(500e6, [1e5 * 2**k for k in range(12)])
    return oracle_evidence(market, asset, curve, law or gaussian_law(0.02), SHARES, **arguments)  # type: ignore[arg-type]


def test_evidence_of_a_market_feed() -> None:
    found = evidence("AAVE")
    assert found.own_rule
    assert (found.rule.deviation, found.rule.heartbeat_minutes) == (0.01, 60.0)
    assert (found.paths, found.probability) == (20_000, 0.005)
    assert len(found.scenarios) == len(STATES)
    assert found.manipulation is None
    assert [one.what for one in found.not_done] == ["manipulation screen"]
    assert found.pool is not None
    assert found.pool.reserve_usd == pytest.approx(250e6, rel=1e-9)  # half of it gone
    assert [one.factor for one in found.pushes] == [1.5, 2.0, 5.0, 10.0]
    assert found == evidence("AAVE")
    assert found.scenarios != evidence("AAVE", seed=2).scenarios


def test_evidence_without_a_rule_uses_the_constant() -> None:
    found = evidence("AAVE", oracle=None)
    assert not found.own_rule
    assert found.rule.deviation == 0.005


def test_evidence_of_a_capped_stablecoin() -> None:
    found = evidence("USDC", gaussian_law(0.002))
    assert found.not_done == ()
    assert found.pushes == ()
    assert found.manipulation is not None
    assert found.manipulation.sanity_bound == pytest.approx(1.04)
    assert found.manipulation.safe_exposure_usd is None
    # At $0.78 the cap is a third higher and a push within it pays.
    fallen = evidence("USDC", gaussian_law(0.002), price_usd=0.75)
    assert fallen.manipulation is not None
    assert fallen.manipulation.safe_exposure_usd is not None


def test_evidence_of_a_staking_token_with_and_without_a_ratio() -> None:
    found = evidence("wstETH", with_ratio(gaussian_law(0.04), 0.02))
    assert [one.what for one in found.not_done] == ["manipulation screen"]
    normal = found.scenarios[0]
    assert normal.book.chance < normal.economic.chance
    bare = evidence("wstETH")
    assert [one.what for one in bare.not_done] == [
        "manipulation screen",
        "discount of the token against its underlying",
    ]
    # Against ETH the law is the discount, so no ratio is missing.
    pair = evidence("wstETH", gaussian_law(0.08), in_underlying=True)
    assert [one.what for one in pair.not_done] == ["manipulation screen"]
    assert pair.scenarios[0].book.chance == 0.0 < pair.scenarios[0].economic.chance


def test_evidence_of_a_pinned_price_and_of_no_depth() -> None:
    pinned = evidence("USDC", gaussian_law(0.05), oracle=rule("pinned", pin_usd=1.0))
    assert len(pinned.scenarios) == 1
    assert pinned.scenarios[0].book.shortfall == 0.0 < pinned.scenarios[0].economic.shortfall
    assert "pinned" in pinned.not_done[0].reason
    market = load_market("aave-v3-ethereum")
    dry = oracle_evidence(
        market, "AAVE", None, gaussian_law(0.02), SHARES, threshold=0.76, bonus=0.075,
        horizon_hours=1.0, appetite=MODERATE, accounts=ACCOUNTS, debt_at_cap_usd=None,
        price_usd=200.0, seed=1,
    )  # fmt: skip
    assert dry.pool is None
    assert "no depth" in dry.not_done[0].reason


@pytest.mark.parametrize("medium", ["forum", "pdf"])
def test_the_section_on_feeds_says_what_the_evidence_holds(medium: str) -> None:
    found = {asset: evidence(asset) for asset in ("AAVE", "wstETH", "USDC")}
    assets = [SimpleNamespace(asset=asset, oracle=oracle) for asset, oracle in found.items()]
    assets.append(SimpleNamespace(asset="DAI", oracle=None))
    text = fill(
        None, "proposal/_feeds.md.j2",
        {"evidence": SimpleNamespace(assets=assets), "medium": medium, "charts": {}},
    )  # fmt: skip
    said = " ".join(text.split())
    for sentence in (
        "| AAVE | the market price | a move of 1 % or 1 h",
        "| wstETH | the underlying times the redemption ratio, which may grow by 9.68 % a year |",
        "| USDC | the market price, at most $1.04 |",
        "The feed of wstETH reports the underlying, so it does not see a discount of the token",
        "Not done for DAI.",
        "Not done for AAVE and wstETH: manipulation screen",
        "at a threshold of 78 % that never pays",
    ):
        assert sentence in said, sentence
    for oracle in found.values():
        assert oracle.rule.source.split(";")[0] in said.replace("\\", "")
    # Told are the working feed and the worst of each kind; the evidence holds the others.
    scenarios = sum(len(facts.told_scenarios(oracle)) for oracle in found.values())
    assert 3 * len(found) <= scenarios < sum(len(oracle.scenarios) for oracle in found.values())
    assert text.count("\n| ") >= scenarios + 2 * len(found)
