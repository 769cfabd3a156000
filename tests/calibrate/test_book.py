"""Losses of a book: pruning, critical thresholds, sets, crossings, and the book itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from govkit.calibrate.book import (
    EXPOSURE_ACCOUNTS,
    JUST_TRIGGERED,
    BookLosses,
    book_threshold,
    can_lose,
    critical_thresholds,
    grid_points,
    joined,
    largest_within,
    least_impact,
    loss_floor,
    losses_over_grid,
    stress_losses,
    stressed_book,
)
from govkit.calibrate.position import SETS
from govkit.data import load_appetite
from govkit.records.book import AccountBook
from govkit.records.market import Appetite
from govkit.records.model import AccountDistribution, HistoricalFall, MarketModel
from govkit.simulate.engine import Book, Depth, Terms, run_book

MODERATE = load_appetite("moderate")
GRID = np.array([0.60, 0.70, 0.80, 0.90])


@pytest.mark.parametrize(
    ("values", "limit", "found"),
    [
        ([0.0, 0.0, 0.0, 0.0], 0.1, 0.90),
        ([0.0, 0.1, 0.1, 0.1], 0.1, 0.90),  # at the limit is within it
        ([0.0, 0.0, 0.2, 0.4], 0.1, 0.75),
        ([0.0, 0.4, 0.4, 0.4], 0.1, 0.625),
        ([0.0, 0.4, 0.0, 0.4], 0.1, 0.625),  # the first crossing, not the dip behind it
        ([0.1, 0.2, 0.3, 0.4], 0.1, 0.60),
        ([0.2, 0.0, 0.0, 0.0], 0.1, None),
    ],
)
def test_largest_within(values: list[float], limit: float, found: float | None) -> None:
    got = largest_within(GRID, np.array(values), limit)
    assert got == (None if found is None else pytest.approx(found, abs=1e-12))


def test_grid_points_count_losses_above_the_floor() -> None:
    # The floor of the moderate appetite: 0.1 % of the debt, at least $50,000.
    thresholds, paths = np.array([0.5, 0.8]), 400
    share = np.zeros((paths, 2))
    share[:40, 0] = 0.001  # at the floor of the large book: does not count
    share[:4, 0] = 0.0011
    share[:40, 1] = 0.05
    debt = np.array([1e9, 8e5])  # of the small book $50,000 is 6.25 %
    losses = BookLosses(thresholds, share, np.ones(paths), np.array([0.1, 0.2]), debt, "blocks")
    low, high = grid_points(losses, MODERATE)
    assert (low.p_bad_debt, high.p_bad_debt) == (4 / 400, 0.0)
    exact = binomtest(4, 400).proportion_ci(0.95, method="exact")
    assert (low.p_low, low.p_high) == pytest.approx((exact.low, exact.high), rel=1e-9)
    # The worst 2.5 % are ten paths, all of which lose 5 %; shortfall knows no floor.
    assert high.es_share == pytest.approx(0.05, rel=1e-12)
    assert low.es_share == pytest.approx((4 * 0.0011 + 6 * 0.001) / 10, rel=1e-12)
    assert (low.liquidated_share, high.liquidated_share) == (0.1, 0.2)


def built(accounts: AccountDistribution | AccountBook, seed: int = 1, share: float = 0.05) -> Book:
    return stressed_book(
        accounts, debt_usd=1e9, exposure_share=share, unattended_share=0.05, threshold=0.83,
        seed=seed, name="WETH",
    )  # fmt: skip


def accounts_of(health: tuple[float, ...], debts: tuple[float, ...]) -> AccountBook:
    return AccountBook(health_factor=health, debt_usd=debts, source="closed form", sha256="")


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_debts_of_the_stressed_book(model: MarketModel, share: float) -> None:
    book = built(model.accounts, share=share)
    # Exposure at stress plus the unattended part of the rest.
    assert book.debt_usd.sum() == pytest.approx(1e9 * (share + (1 - share) * 0.05), rel=1e-12)
    assert book.backed_usd == 1e9
    assert book.reference_threshold == 0.83
    assert (book.debt_usd >= 0).all()


def test_exposure_stands_at_the_trigger_in_twenty_accounts(model: MarketModel) -> None:
    book = built(model.accounts)
    at_trigger = book.trigger == JUST_TRIGGERED
    assert at_trigger.sum() == EXPOSURE_ACCOUNTS == 20
    assert book.debt_usd[at_trigger] == pytest.approx(np.full(20, 1e9 * 0.05 / 20), rel=1e-12)
    assert (np.diff(book.trigger) <= 0).all()
    assert book.trigger.min() > 0


def test_fitted_health_factors_are_those_of_the_law(model: MarketModel) -> None:
    book = built(model.accounts)
    health = 1 / book.trigger[EXPOSURE_ACCOUNTS:]
    level = np.log(health - 1)
    # 240 mid-quantiles of the normal law of log(health factor - 1).
    assert np.median(level) == pytest.approx(model.accounts.health_log_mean, abs=1e-2)
    assert level.std() == pytest.approx(model.accounts.health_log_sd, rel=1e-2)


def test_debts_meet_health_factors_by_the_seed_alone(model: MarketModel) -> None:
    first, again, other = (built(model.accounts, seed).debt_usd for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.sort(first) == pytest.approx(np.sort(other), rel=1e-12)


def test_real_accounts_keep_their_health_and_proportions() -> None:
    book = built(accounts_of((2.0, 1.25, 4.0), (6e6, 3e6, 1e6)))
    expected = JUST_TRIGGERED * np.array([0.8, 0.5, 0.25])
    assert book.trigger[20:] == pytest.approx(expected, rel=1e-12)
    rest = 1e9 * 0.95 * 0.05
    assert book.debt_usd[20:] == pytest.approx([0.3 * rest, 0.6 * rest, 0.1 * rest], rel=1e-12)


def test_accounts_beyond_their_trigger_begin_at_it() -> None:
    book = built(accounts_of((0.9, 2.0), (1e6, 1e6)))
    assert book.trigger[:21].tolist() == [JUST_TRIGGERED] * 21
    assert book.trigger[21] == JUST_TRIGGERED * 0.5


# Losses over a grid of thresholds

DRY = Depth(np.array([0.0, 1e-6, 1e15]), np.array([0.0, 0.9999, 1.0]))
COSTLY = Terms(bonus=0.06, protocol_fee_share=0.1, deviation=0.005, swap_fee=0.0005,
               gas_share=0.0005, refill_steps=3.0, permanent_share=0.25)  # fmt: skip
THRESHOLDS = np.arange(0.60, 0.94, 0.02)


def sorted_book(trigger: list[float], debt: list[float], reference: float = 0.8) -> Book:
    pairs = sorted(zip(trigger, debt, strict=True), reverse=True)
    high, owed = (np.array(column) for column in zip(*pairs, strict=True))
    return Book(high, owed, reference, float(owed.sum()))


def random_prices(seed: int, paths: int = 60, steps: int = 48, spread: float = 0.03) -> np.ndarray:
    moves = np.random.default_rng(seed).standard_t(3, (paths, steps)) * spread / 2
    return np.exp(np.cumsum(moves, axis=1))


@st.composite
def markets(draw: Any) -> tuple[np.ndarray, np.ndarray, Book, Terms, Depth]:
    """Prices, what a feed of its own follows, a book, terms and depth."""
    seed = draw(st.integers(0, 10_000))
    accounts = draw(st.integers(1, 12))
    random = np.random.default_rng(seed)
    debts = np.exp(random.normal(13, 2, accounts))
    triggers = 1 - random.exponential(0.1, accounts).clip(0, 0.6) * draw(st.sampled_from([0, 1]))
    terms = Terms(
        bonus=draw(st.sampled_from([0.0, 0.04, 0.06])),
        protocol_fee_share=0.1,
        deviation=draw(st.sampled_from([0.0, 0.005, 0.03])),
        swap_fee=0.0005,
        gas_share=0.0005,
        refill_steps=draw(st.sampled_from([1.0, 3.0, 6.0])),
        permanent_share=draw(st.sampled_from([0.0, 0.25, 1.0])),
    )
    scale = draw(st.sampled_from([0.01, 0.3, 1.0, 10.0])) * float(debts.sum())
    depth = Depth(np.array([0.0, 0.2, 0.6, 2.0]) * scale, np.array([0.0, 0.01, 0.05, 0.3]))
    spread = draw(st.sampled_from([0.005, 0.02, 0.05]))
    prices, followed = (random_prices(seed + k, 25, 30, spread) for k in (1, 2))
    return prices, followed, sorted_book(list(triggers), list(debts)), terms, depth


@settings(max_examples=40, deadline=None)
@given(markets(), st.booleans())
def test_paths_left_out_are_those_that_lose_nothing(case: tuple, own_feed: bool) -> None:
    prices, followed, book, terms, depth = case
    feed = followed if own_feed else None
    some = THRESHOLDS[::4]
    pruned = losses_over_grid(prices, np.ones(25), book, some, terms, depth, feed)
    for k, threshold in enumerate(some):
        every = run_book(prices, book, float(threshold), terms, depth, followed=feed).bad_debt_usd
        debt = book.backed_usd * threshold / book.reference_threshold
        np.testing.assert_array_equal(pruned.share[:, k], every / debt)
        assert pruned.debt_usd[k] == pytest.approx(debt, rel=1e-15)


def test_most_paths_of_a_calm_book_are_left_out() -> None:
    book, deep = sorted_book([1.0], [1e6]), Depth(np.array([0.0, 1e12]), np.array([0.0, 0.3]))
    prices = random_prices(1, paths=200, spread=0.01)
    lowest = prices.min(axis=1) * least_impact(prices, book, COSTLY, deep)
    share = [can_lose(lowest, threshold, COSTLY).mean() for threshold in (0.6, 0.8, 0.93)]
    assert share == sorted(share)
    assert share[0] < 0.02
    assert share[2] > 0.2


def test_at_the_edge_of_what_can_lose_a_path_loses_nothing() -> None:
    # One account at 1, price at once to threshold x (1 + b): repaying all takes all collateral.
    book, bonus = sorted_book([1.0], [1e6]), COSTLY.bonus
    for threshold, price, loses in ((0.8, 0.8 * (1 + bonus), False), (0.8, 0.8 * 0.999, True)):
        prices = np.full((1, 12), price)
        prices[0, :2] = 1.0
        dry = losses_over_grid(prices, np.ones(1), book, np.array([threshold]), COSTLY, DRY).share[
            0, 0
        ]
        assert (dry > 0) == loses
        # Unsold and marked at the worst price: 1 - price / threshold of the debt.
        assert dry == pytest.approx(max(1 - price / threshold, 0), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(markets(), st.sampled_from([0.6, 0.8, 0.93]))
def test_sales_never_push_the_price_below_the_least_impact(case: tuple, threshold: float) -> None:
    """An account that triggers just below the bound is never liquidated: it changes nothing."""
    prices, _, book, terms, depth = case
    prices = prices[:1]  # a bound for each path
    witness = 1e5
    bound = float(least_impact(prices, _with(book, 0.5, witness), terms, depth)[0])
    assert 0 <= bound <= 1
    trigger = 0.999 * float(prices.min()) * bound
    assume(1e-6 < trigger < book.trigger[-1])  # room below the other accounts
    # The units of the witness are part of what could be sold, so its own trigger counts too.
    both = _with(book, trigger, witness)
    trigger *= float(least_impact(prices, both, terms, depth)[0]) / bound
    both = _with(book, max(trigger, 1e-6), witness)
    alone, beside = (run_book(prices, b, threshold, terms, depth) for b in (book, both))
    np.testing.assert_array_equal(alone.repaid_usd, beside.repaid_usd)
    np.testing.assert_array_equal(alone.bad_debt_usd, beside.bad_debt_usd)


def _with(book: Book, trigger: float, debt: float) -> Book:
    return replace(
        book, trigger=np.append(book.trigger, trigger), debt_usd=np.append(book.debt_usd, debt)
    )


def test_least_impact_by_hand() -> None:
    # 1.25 m units of a debt of $1 m at 80 %, sold at most at a price of 1.1.
    book, depth = sorted_book([1.0], [1e6]), Depth(np.array([0.0, 1e6]), np.array([0.0, 0.1]))
    free = Terms(0.05, 0.0, 0.02, 0.0, 0.0, 3.0, 0.25)
    calm = 1 - 1 / 1.05  # what pays without the feed's deviation
    prices = np.array([[1.0, 1.1, 0.9], [0.9, 0.8, 0.7]])
    chunk = calm / 0.1 * 1e6
    expected = np.exp(-0.25 * calm * np.array([1.1, 1.0]) * 1.25e6 / chunk)
    assert least_impact(prices, book, free, depth) == pytest.approx(expected, rel=1e-12)
    # Nobody sells where nothing pays, and nothing stays where no share is permanent.
    for silent in (replace(free, bonus=0.0), replace(free, permanent_share=0.0)):
        assert least_impact(prices, book, silent, depth).tolist() == [1.0, 1.0]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(8)), st.integers(0, 100))
def test_order_of_paths_and_of_accounts_changes_nothing(order: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    health, debt = 1 + random.exponential(0.3, 8), np.exp(random.normal(13, 1, 8))
    depth = Depth(np.array([0.0, 1e6, 1e7]), np.array([0.0, 0.02, 0.3]))
    prices, weight = random_prices(seed, paths=40), random.uniform(0.1, 2, 40)

    def losses(places: list[int], paths: np.ndarray) -> BookLosses:
        accounts = accounts_of(tuple(health[places]), tuple(debt[places]))
        book = replace(built(accounts), backed_usd=1e9)
        return losses_over_grid(prices[paths], weight[paths], book, THRESHOLDS[::4], COSTLY, depth)

    given_order, back = losses(list(range(8)), np.arange(40)), np.arange(40)[::-1]
    turned, reversed_paths = losses(order, np.arange(40)), losses(list(range(8)), back)
    np.testing.assert_allclose(turned.share, given_order.share, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(turned.liquidated, given_order.liquidated, rtol=1e-9)
    np.testing.assert_array_equal(reversed_paths.share[::-1], given_order.share)
    np.testing.assert_array_equal(reversed_paths.weight[::-1], weight)


def test_liquidated_debt_is_a_weighted_mean() -> None:
    # Half of the debt triggers at a fall of 10 %, which the second path alone reaches.
    book, deep = sorted_book([1.0, 0.9], [1e6, 1e6]), Depth(
        np.array([0.0, 1e15]), np.array([0.0, 0.01])
    )  # fmt: skip
    prices = np.full((2, 24), 0.95)
    prices[1] = 0.88
    for weight, share in ((np.ones(2), 0.75), (np.array([0.5, 1.5]), 0.875)):
        found = losses_over_grid(prices, weight, book, np.array([0.6]), COSTLY, deep)
        assert found.liquidated == pytest.approx([share], rel=1e-9)


def test_a_dated_event_on_a_market_without_depth_is_marked_at_its_worst() -> None:
    book = sorted_book([1.0], [1e6])
    fall = HistoricalFall.model_construct(
        event="crash", start="2020-03-12", horizons_hours=(1.0, 24.0), falls=(0.2, 0.5)
    )
    losses = stress_losses((fall,), book, THRESHOLDS, COSTLY, DRY)
    assert losses.shape == (1, len(THRESHOLDS))
    np.testing.assert_allclose(losses[0], 1 - 0.5 / THRESHOLDS, rtol=1e-9)
    assert stress_losses((), book, THRESHOLDS, COSTLY, DRY).shape == (0, len(THRESHOLDS))


# Critical thresholds


def appetite(**values: Any) -> Appetite:
    return MODERATE.model_copy(update={"book_floor_usd": 0.0} | values)


def test_the_critical_threshold_of_an_unsold_account_is_a_closed_form() -> None:
    """Marked at the worst price w, the loss is 1 - w / threshold: critical w / (1 - floor)."""
    worst = np.linspace(0.65, 0.90, 26)
    prices = np.repeat(worst[:, None], 12, axis=1)
    fine = np.arange(0.60, 0.94, 0.0005)
    losses = losses_over_grid(prices, np.ones(26), sorted_book([1.0], [1e6]), fine, COSTLY, DRY)
    for floor in (0.0, 0.001, 0.01):
        found = critical_thresholds(losses, appetite(book_floor_share=floor))
        np.testing.assert_allclose(found, worst / (1 - floor), atol=2e-6 + 0.0005 * (floor == 0))


def test_the_critical_threshold_is_what_bisection_with_the_engine_finds() -> None:
    depth = Depth(np.array([0.0, 2e6, 8e6, 2e7]), np.array([0.0, 0.01, 0.04, 0.2]))
    book = sorted_book([JUST_TRIGGERED, 0.97, 0.9, 0.8], [4e6, 8e6, 3e6, 1e6])
    prices = random_prices(5, paths=160, steps=120, spread=0.015)
    prices = prices[prices.min(axis=1) < 0.9]
    fine, asked = np.arange(0.50, 0.94, 0.0025), appetite(book_floor_share=0.001)
    losses = losses_over_grid(prices, np.ones(len(prices)), book, fine, COSTLY, depth)
    found = critical_thresholds(losses, asked)

    def over(path: int, threshold: float) -> bool:
        run = run_book(prices[[path]], book, threshold, COSTLY, depth)
        debt = book.backed_usd * threshold / book.reference_threshold
        return bool(run.bad_debt_usd[0] > 0.001 * debt)

    inside = np.flatnonzero((found > fine[0]) & (found < fine[-1]))
    assert len(inside) > 20
    for path in inside:
        # Losses of a path may fall again above their first crossing, which is the one that counts.
        high = next(float(t) for t in fine if over(path, float(t)))
        low = high - 0.0025
        for _ in range(12):
            middle = (low + high) / 2
            low, high = (low, middle) if over(path, middle) else (middle, high)
        assert found[path] == pytest.approx(low, abs=0.0025)


def by_hand(excess: list[list[float]], weight: list[float] | None = None) -> BookLosses:
    share = np.array(excess, dtype=float)
    even = np.ones(len(share)) if weight is None else np.array(weight)
    return BookLosses(GRID, share, even, np.zeros(4), np.full(4, 1e9), "blocks")


def test_critical_thresholds_by_hand() -> None:
    losses = by_hand(
        [
            [0.0, 0.0, 0.0, 0.0],  # never: above the grid
            [0.2, 0.2, 0.2, 0.2],  # always: the lowest of the grid
            [0.0, 0.0, 0.1, 0.3],  # at once above 70 %
            [0.0, 0.1, 0.0, 0.4],  # the first crossing, not the dip behind it
        ]
    )
    found = critical_thresholds(losses, appetite(book_floor_share=0.05))
    assert found == pytest.approx([1.9, 0.60, 0.75, 0.65])


def random_losses(seed: int, paths: int = 4000) -> BookLosses:
    """Paths that lose what they lie above a critical threshold of their own."""
    random = np.random.default_rng(seed)
    fine = np.arange(0.60, 0.91, 0.01)
    critical = 0.95 - random.exponential(0.03, paths)
    share = np.maximum(fine[None, :] - critical[:, None], 0.0)
    weight = random.uniform(0.05, 2, paths)
    return BookLosses(
        fine, share, weight / weight.mean(), fine * 0.1, np.full(len(fine), 1e9), "blocks"
    )


@pytest.mark.parametrize("probability", [0.15, 0.05, 0.01, 0.002])
def test_the_book_threshold_is_where_the_chance_on_the_grid_reaches_the_limit(
    probability: float,
) -> None:
    losses, asked = random_losses(1), appetite(book_probability=probability)
    value, low, high = book_threshold(losses, asked)
    assert low <= value <= high
    points = grid_points(losses, asked)
    below = [p for p in points if p.threshold < value - 0.001]
    above = [p for p in points if p.threshold > value + 0.001]
    assert all(p.p_bad_debt <= probability for p in below)
    assert all(p.p_bad_debt >= probability for p in above)
    assert below[-1].threshold > value - 0.012
    # Known here: 95 % less an exponential fall of mean 3 points, and the floor.
    truth = 0.95 + 0.03 * np.log(probability) + 0.001
    assert low - 0.001 <= truth <= high + 0.001


def test_a_book_threshold_above_the_grid_is_not_reached() -> None:
    losses = random_losses(1)
    value, _, high = book_threshold(losses, appetite(book_probability=0.9))
    assert value > losses.thresholds[-1]
    assert high > losses.thresholds[-1]


def test_sets_joined_give_the_whole() -> None:
    whole = random_losses(2, paths=SETS * 256)
    parts = [whole.of_set(k) for k in range(SETS)]
    assert [len(part.weight) for part in parts] == [256] * SETS
    again = joined(parts)
    for name in ("thresholds", "share", "weight", "liquidated", "debt_usd"):
        np.testing.assert_allclose(getattr(again, name), getattr(whole, name), rtol=1e-15)
    asked = appetite(book_probability=0.01)
    assert book_threshold(again, asked) == book_threshold(whole, asked)
    # A chance of all is the mean of those of the sets.
    each = [[p.p_bad_debt for p in grid_points(part, asked)] for part in parts]
    all_of_them = [p.p_bad_debt for p in grid_points(whole, asked)]
    np.testing.assert_allclose(np.mean(each, axis=0), all_of_them, rtol=1e-12)


def test_liquidated_debt_of_joined_sets_is_their_mean() -> None:
    one, other = (replace(random_losses(k), liquidated=np.full(31, 0.1 * k)) for k in (1, 2))
    assert joined([one, other]).liquidated == pytest.approx(np.full(31, 0.15))


def test_floor_of_small_and_large_books() -> None:
    debts = np.array([1e6, 50e6, 1e9])
    losses = BookLosses(np.arange(3.0), np.zeros((1, 3)), np.ones(1), np.zeros(3), debts, "blocks")
    # $50,000 of a small book, 0.1 % of one above $50 m.
    assert loss_floor(losses, MODERATE) == pytest.approx([0.05, 0.001, 0.001])
