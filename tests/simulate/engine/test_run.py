"""A book of one collateral: conservation laws, closed forms, and what feeds and keepers do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkit.simulate.engine import Book, Conditions, Depth, Terms, run_book

DEEP = Depth(np.array([0.0, 1e15]), np.array([0.0, 1e-9]))
DRY = Depth(np.array([0.0, 1e-6, 1e15]), np.array([0.0, 0.9999, 1.0]))
HAIR = 1 + 1e-9
"""Trigger of an account that a price of 1 puts just below health factor 1."""
FREE = Terms(bonus=0.05, protocol_fee_share=0.0, deviation=0.0, swap_fee=0.0, gas_share=0.0,
             refill_steps=3.0, permanent_share=0.0)  # fmt: skip


def book(*accounts: tuple[float, float], threshold: float = 0.8) -> Book:
    """Accounts of (trigger, debt)."""
    ordered = sorted(accounts, reverse=True)
    trigger, debt = (np.array(column, dtype=float) for column in zip(*ordered, strict=True))
    return Book(trigger, debt, threshold, float(debt.sum()))


def one_path(prices: list[float] | np.ndarray) -> np.ndarray:
    return np.array([prices], dtype=float)


@st.composite
def cases(draw: Any) -> tuple[list[float], Book, float, Terms, Depth]:
    accounts = draw(
        st.lists(st.tuples(st.floats(0.5, 1.0), st.floats(1e3, 1e7)), min_size=1, max_size=5)
    )
    moves = draw(st.lists(st.floats(-0.25, 0.15), min_size=1, max_size=14))
    reference = draw(st.floats(0.4, 0.9))
    threshold = draw(st.floats(0.3, 0.95))
    terms = Terms(
        bonus=draw(st.floats(0.0, 0.2)),
        protocol_fee_share=draw(st.floats(0.0, 0.5)),
        deviation=draw(st.floats(0.0, 0.03)),
        swap_fee=draw(st.floats(0.0, 0.005)),
        gas_share=draw(st.floats(0.0, 0.01)),
        refill_steps=draw(st.floats(1.0, 6.0)),
        permanent_share=draw(st.floats(0.0, 0.5)),
    )
    sizes = np.cumsum([0.0, *draw(st.lists(st.floats(1e3, 1e7), min_size=2, max_size=4))])
    slopes = draw(st.lists(st.floats(1e-4, 0.2), min_size=len(sizes) - 1, max_size=len(sizes) - 1))
    depth = Depth(sizes, np.minimum(np.cumsum([0.0, *slopes]), 1.0))
    prices = np.exp(np.cumsum(moves)).tolist()
    return prices, book(*accounts, threshold=reference), threshold, terms, depth


@settings(max_examples=80)
@given(cases())
def test_bad_and_repaid_debt_never_exceed_the_debt(case: tuple) -> None:
    prices, accounts, threshold, terms, depth = case
    debt = accounts.debt_usd.sum() * threshold / accounts.reference_threshold
    got = run_book(one_path(prices), accounts, threshold, terms, depth)
    assert got.bad_debt_usd[0] >= 0
    assert got.repaid_usd[0] >= 0
    assert got.bad_debt_usd[0] + got.repaid_usd[0] <= debt * (1 + 1e-9)


@settings(max_examples=80)
@given(cases())
def test_nothing_happens_while_the_price_stays_above_every_trigger(case: tuple) -> None:
    prices, accounts, threshold, terms, depth = case
    safe = np.maximum(prices, accounts.trigger[0] * 1.0001)
    below_start = replace(accounts, trigger=accounts.trigger * 0.999)
    got = run_book(one_path(safe), below_start, threshold, terms, depth)
    assert got.bad_debt_usd[0] == got.repaid_usd[0] == 0


@settings(max_examples=50)
@given(cases(), st.integers(2, 6))
def test_paths_do_not_know_of_each_other(case: tuple, copies: int) -> None:
    prices, accounts, threshold, terms, depth = case
    alone = run_book(one_path(prices), accounts, threshold, terms, depth)
    others = np.vstack([np.full(len(prices), 0.7), *[prices] * copies, np.ones(len(prices))])
    among = run_book(others, accounts, threshold, terms, depth)
    assert set(among.bad_debt_usd[1:-1]) == {alone.bad_debt_usd[0]}
    assert set(among.repaid_usd[1:-1]) == {alone.repaid_usd[0]}


def test_every_dollar_of_a_liquidated_account_is_repaid_or_bad() -> None:
    """Deep market, all triggered for good: repaid + bad = debt, to the last account."""
    random = np.random.default_rng(1)
    accounts = book(*zip(random.uniform(0.7, 1.0, 50), random.uniform(1e3, 1e6, 50), strict=True))
    paths = np.exp(np.cumsum(-0.02 + 0.05 * random.standard_normal((300, 40)), axis=1))
    paths[:, -3:] = 0.3
    got = run_book(paths, accounts, 0.8, FREE, DEEP)
    np.testing.assert_allclose(
        got.bad_debt_usd + got.repaid_usd, accounts.debt_usd.sum(), rtol=1e-9
    )
    assert got.bad_debt_usd.min() >= 0
    assert got.bad_debt_usd.max() > 0


@pytest.mark.parametrize("fall", [0.10, 0.20, 0.2381, 0.24, 0.4, 0.9])
@pytest.mark.parametrize("bonus", [0.02, 0.05, 0.10])
def test_a_gap_on_one_account_leaves_the_closed_form(fall: float, bonus: float) -> None:
    """All collateral is worth U (1 - x); it repays U (1 - x) / (1 + b) of the debt D = 0.8 U.

    So the bad debt is D (1 - (1 - x) / (0.8 (1 + b))), never negative (Qin et al. 2021).
    """
    account = book((1.0, 1e6))
    got = run_book(one_path([1 - fall] * 3), account, 0.8, replace(FREE, bonus=bonus), DEEP)
    expected = 1e6 * max(1 - (1 - fall) / (0.8 * (1 + bonus)), 0.0)
    assert got.bad_debt_usd[0] == pytest.approx(expected, abs=1e-3)
    assert got.repaid_usd[0] == pytest.approx(1e6 - expected, abs=1e-3)


@pytest.mark.parametrize(
    ("lltv", "incentive", "drop"),
    [
        (0.385, 1.15, 0.55725),
        (0.625, 1 / (1 - 0.3 * 0.375), 0.2957746478873239),
        (0.77, 1 / (1 - 0.3 * 0.23), 0.1729323308270676),
        (0.86, 1 / (1 - 0.3 * 0.14), 0.10229645093945716),
        (0.915, 1 / (1 - 0.3 * 0.085), 0.06105695228322228),
        (0.945, 1 / (1 - 0.3 * 0.055), 0.039145907473309705),
        (0.98, 1 / (1 - 0.3 * 0.02), 0.014084507042253613),
    ],
)
def test_bad_debt_begins_at_morphos_published_drop(
    lltv: float, incentive: float, drop: float
) -> None:
    """Oracle G5: 1 - LLTV x LIF is the drop between trigger and execution that starts bad debt."""
    terms = replace(FREE, bonus=incentive - 1)
    account = book((1.0, 1e6), threshold=lltv)
    paths = np.repeat([[1 - drop + 1e-7], [1 - drop - 1e-4]], 3, axis=1)
    none, some = run_book(paths, account, lltv, terms, DEEP).bad_debt_usd
    assert none == pytest.approx(0.0, abs=1e-6)
    assert some == pytest.approx(1e6 * 1e-4 / (1 - drop), rel=0.01)


def test_continuous_paths_in_a_deep_market_leave_no_bad_debt_whatever_the_fall() -> None:
    """threshold x (1 + bonus) < 1 and small steps: the collateral covers debt and bonus."""
    random = np.random.default_rng(2)
    accounts = book(*zip(random.uniform(0.2, 1.0, 200), np.full(200, 1e5), strict=True))
    steps = -0.003 + 0.004 * random.standard_normal((200, 600))
    paths = np.exp(np.cumsum(np.clip(steps, -0.02, 0.02), axis=1))
    assert paths[:, -1].mean() < 0.25  # a fall of more than three quarters
    for threshold in (0.6, 0.8, 0.9):  # 0.9 x 1.05 = 0.945, two steps of 2 % are within it
        got = run_book(paths, accounts, threshold, FREE, DEEP)
        np.testing.assert_allclose(got.bad_debt_usd, 0.0, atol=1e-6)
        assert got.repaid_usd.mean() > 0.8 * accounts.debt_usd.sum() * threshold / 0.8
    # 0.97 x 1.05 > 1: every liquidation leaves something behind, however slow the fall.
    got = run_book(paths, accounts, 0.97, FREE, DEEP)
    assert (got.bad_debt_usd > 0).all()


def test_without_any_depth_the_debt_is_marked_at_the_worst_price() -> None:
    accounts = book((1.0, 100.0), (0.9, 200.0), (0.5, 400.0), threshold=0.8)
    prices = [0.95, 0.7, 0.6, 0.75, 0.76]
    got = run_book(one_path(prices), accounts, 0.8, FREE, DRY)
    # Units are debt / (0.8 trigger); two accounts are under water, the third never triggers.
    expected = max(100 - 100 / 0.8 * 0.6, 0) + max(200 - 200 / 0.72 * 0.6, 0)
    assert expected == pytest.approx(25 + 100 / 3)
    assert got.bad_debt_usd[0] == pytest.approx(expected, rel=1e-12)
    assert got.repaid_usd[0] == 0


def test_an_account_that_recovers_unsold_is_marked_at_the_worst_price() -> None:
    # The rule is cautious: 100 of debt against 100 / (0.8 x 0.9) units at 0.6.
    account = book((0.9, 100.0))
    got = run_book(one_path([0.6, 0.6, 1.0, 1.0]), account, 0.8, FREE, DRY)
    assert got.bad_debt_usd[0] == pytest.approx(100 - 100 / (0.8 * 0.9) * 0.6, rel=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"gas_share": 0.0501},
        {"swap_fee": 0.0477},
        {"protocol_fee_share": 1.0, "gas_share": 1e-4},
        {"bonus": 0.0},
    ],
)
def test_nobody_liquidates_at_a_loss(change: dict[str, float]) -> None:
    account = book((1.0, 1e6))
    path = one_path([0.95, 0.95, 0.7, 0.7, 0.7, 0.7])
    paid = run_book(path, account, 0.8, FREE, DEEP)
    assert paid.repaid_usd[0] > 0
    unpaid = run_book(path, account, 0.8, replace(FREE, **change), DEEP)
    assert unpaid.repaid_usd[0] == 0
    assert unpaid.bad_debt_usd[0] == pytest.approx(1e6 * (1 - 0.7 / 0.8), rel=1e-12)


def test_a_bonus_that_cannot_pay_the_slippage_waits_and_a_larger_one_sells() -> None:
    """The threshold is not monotone in the bonus: it buys participation in a thin market."""
    thin = Depth(np.array([0.0, 1.0, 1e6, 1e9]), np.array([0.0, 0.08, 0.081, 0.5]))
    account = book((1.0, 1e5))
    path = one_path([0.9] * 20 + [0.6] * 3)
    small = run_book(path, account, 0.8, replace(FREE, bonus=0.05), thin)
    large = run_book(path, account, 0.8, replace(FREE, bonus=0.10), thin)
    assert small.repaid_usd[0] == 0
    assert small.bad_debt_usd[0] == pytest.approx(1e5 * (1 - 0.6 / 0.8))
    assert large.bad_debt_usd[0] == 0
    assert large.repaid_usd[0] == pytest.approx(1e5)


def test_keepers_sell_one_affordable_chunk_and_then_what_refills() -> None:
    """Slippage linear in size: 10 % bonus pays 1 - 1 / 1.1, which is 90,909 dollars here."""
    depth = Depth(np.array([0.0, 1e6]), np.array([0.0, 1.0]))
    terms = replace(FREE, bonus=0.10, refill_steps=4.0)
    # 0.95 x 1.1 > 1: every sale lowers the health factor further, so the account stays in line.
    account = book((HAIR, 1e6), threshold=0.95)
    chunk = 1e6 * (1 - 1 / 1.1)
    for steps in (1, 2, 5):
        got = run_book(one_path([1.0] * steps), account, 0.95, terms, depth)
        sold = chunk * (1 + (steps - 1) / 4)
        assert got.repaid_usd[0] == pytest.approx(sold / 1.1, rel=1e-9)
        assert got.seized_usd[0] == pytest.approx(sold, rel=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_a_sale_that_the_market_cuts_short_heals_the_account(steps: int) -> None:
    """0.8 x 1.1 < 1: one chunk lifts the health factor above 1, and nobody may go on."""
    depth = Depth(np.array([0.0, 1e6]), np.array([0.0, 1.0]))
    terms = replace(FREE, bonus=0.10, refill_steps=4.0)
    chunk = 1e6 * (1 - 1 / 1.1)
    assert 0.8 * (1e6 / 0.8 / HAIR - chunk) > 1e6 - chunk / 1.1
    got = run_book(one_path([1.0] * steps), book((HAIR, 1e6)), 0.8, terms, depth)
    assert got.repaid_usd[0] == pytest.approx(chunk / 1.1, rel=1e-9)
    # Price 0.95 puts it below again, and then the market has had time to take up the first chunk.
    again = run_book(one_path([1.0] * 5 + [0.95] * 2), book((HAIR, 1e6)), 0.8, terms, depth)
    assert again.repaid_usd[0] > 1.9 * chunk / 1.1


@pytest.mark.parametrize(("trigger", "repaid"), [(1.0, 0.0), (HAIR, 1e6)])
def test_only_a_health_factor_strictly_below_1_can_be_liquidated(
    trigger: float, repaid: float
) -> None:
    got = run_book(one_path([1.0] * 4), book((trigger, 1e6)), 0.8, FREE, DEEP)
    assert got.repaid_usd[0] == pytest.approx(repaid)


def test_sales_leave_a_share_of_their_slippage_in_the_price() -> None:
    depth = Depth(np.array([0.0, 1e6]), np.array([0.0, 1.0]))
    terms = replace(FREE, bonus=0.10, permanent_share=0.5, refill_steps=1.0)
    calm = 1 - 1 / 1.1
    # The first account takes a whole chunk; half its slippage, 4.4 %, brings the next one down.
    first, second = (HAIR, 1e6 * calm / 1.1), (0.96, 1e4)
    got = run_book(one_path([1.0] * 4), book(first, second), 0.8, terms, depth)
    assert np.exp(-0.5 * calm) < 0.96
    assert got.repaid_usd[0] == pytest.approx(first[1] + second[1], rel=1e-9)
    without = run_book(
        one_path([1.0] * 4), book(first, second), 0.8, replace(terms, permanent_share=0.0), depth
    )
    assert without.repaid_usd[0] == pytest.approx(first[1], rel=1e-9)


def test_the_oracle_moves_only_by_its_deviation_and_is_acted_on_a_step_later() -> None:
    terms = replace(FREE, deviation=0.02)
    account = book((0.985, 1e6))
    inside = run_book(one_path([0.981] * 5), account, 0.8, terms, DEEP)
    assert inside.repaid_usd[0] == 0  # under the trigger, but 1.9 % is not reported
    for steps, repaid in ((1, 0.0), (2, 1e6)):
        got = run_book(one_path([0.979] * steps), account, 0.8, terms, DEEP)
        assert got.repaid_usd[0] == pytest.approx(repaid)


def test_relevered_books_keep_triggers_and_frozen_ones_move_them() -> None:
    account = book((0.9, 1000.0), threshold=0.8)
    path = one_path([0.88] * 3)
    # At 0.84 the frozen account triggers at 0.9 x 0.8 / 0.84 = 0.857: it is spared.
    frozen = run_book(path, account, 0.84, FREE, DEEP, relever=False)
    assert frozen.repaid_usd[0] == 0
    relevered = run_book(path, account, 0.84, FREE, DEEP)
    assert relevered.repaid_usd[0] == pytest.approx(1050.0)  # debt in proportion
    lowered = run_book(one_path([0.95] * 3), account, 0.75, FREE, DEEP, relever=False)
    assert lowered.repaid_usd[0] == pytest.approx(1000.0)  # its trigger rose to 0.96
    # Collateral is the same either way: at the old threshold both are the same book.
    a = run_book(path, account, 0.8, FREE, DEEP, relever=False)
    b = run_book(path, account, 0.8, FREE, DEEP)
    assert a.repaid_usd[0] == b.repaid_usd[0] == pytest.approx(1000.0)


def test_a_market_whose_best_quote_already_slips_too_much_buys_nothing() -> None:
    """A curve may begin with a spread; a bonus under it pays for no size at all."""
    spread = Depth(np.array([0.0, 1e6]), np.array([0.10, 0.20]))
    account = book((1.0, 1e5))
    got = run_book(one_path([0.9, 0.9, 0.7, 0.7]), account, 0.8, FREE, spread)
    assert got.repaid_usd[0] == 0
    assert got.bad_debt_usd[0] == pytest.approx(1e5 * (1 - 0.7 / 0.8))


@pytest.mark.parametrize("depth", [DEEP, DRY])
def test_bad_debt_grows_with_the_threshold_on_every_path_when_depth_decides_nothing(
    depth: Depth,
) -> None:
    random = np.random.default_rng(12)
    accounts = book(*zip(random.uniform(0.7, 1.0, 20), random.uniform(1e3, 1e6, 20), strict=True))
    paths = np.exp(np.cumsum(-0.005 + 0.04 * random.standard_normal((300, 36)), axis=1))
    grid = np.arange(0.5, 0.99, 0.02)
    bad = np.array([run_book(paths, accounts, t, FREE, depth).bad_debt_usd for t in grid])
    assert (np.diff(bad, axis=0) >= -1e-6).all()
    assert bad[-1].mean() > 10 * bad[5].mean()


def test_bad_debt_grows_with_the_threshold_on_average_when_depth_is_finite() -> None:
    """Single paths may differ: what a later account cannot sell may be marked higher than sold."""
    random = np.random.default_rng(13)
    grid = np.arange(0.6, 0.96, 0.03)
    terms = Terms(0.06, 0.1, 0.005, 0.0005, 0.0005, 3.0, 1 / 3)
    for _ in range(25):
        n = int(random.integers(2, 9))
        accounts = book(
            *zip(random.uniform(0.7, 1.0, n), np.exp(random.uniform(9, 16, n)), strict=True)
        )
        depth = Depth(np.array([0, 1e5, 1e6, 1e7]), np.array([0, 0.002, 0.02, 0.3]))
        paths = np.exp(np.cumsum(-0.003 + 0.02 * random.standard_normal((400, 36)), axis=1))
        mean = [run_book(paths, accounts, t, terms, depth).bad_debt_usd.mean() for t in grid]
        assert (np.diff(mean) >= 0).all()
        assert mean[-1] > 0


@pytest.mark.parametrize("outage", [0, 1, 4, 9, 50])
def test_keepers_begin_when_the_outage_ends(outage: int) -> None:
    """The account is queued from the first step; the path reaches bad debt at its tenth."""
    account = book((1.0, 1e6))
    path = one_path([0.97] * 9 + [0.6] * 41)
    got = run_book(path, account, 0.8, FREE, DEEP, conditions=Conditions(outage_steps=outage))
    if outage < 9:
        assert got.repaid_usd[0] == pytest.approx(1e6)
        assert got.bad_debt_usd[0] == pytest.approx(0, abs=1e-6)
    elif outage == 9:  # the feed's 0.97 of a step ago: nobody buys at 0.6 what it prices at 0.97
        left = 1e6 - 1e6 / 0.8 * 0.6 / 1.05
        assert got.bad_debt_usd[0] == pytest.approx(left)
    else:
        assert got.repaid_usd[0] == 0
        assert got.bad_debt_usd[0] == pytest.approx(1e6 * (1 - 0.6 / 0.8))


@pytest.mark.parametrize("frozen", [0, 3, 7])
def test_a_frozen_feed_is_acted_on_a_step_after_it_thaws(frozen: int) -> None:
    account = book((0.95, 1e6))
    for steps, repaid in ((frozen + 1, 0.0), (frozen + 2, 1e6)):
        got = run_book(
            one_path([0.9] * steps), account, 0.8, FREE, DEEP,
            conditions=Conditions(frozen_steps=frozen),
        )  # fmt: skip
        assert got.repaid_usd[0] == pytest.approx(repaid)


def test_a_high_feed_hides_accounts_at_health_factor_1_until_it_updates() -> None:
    account, path = book((HAIR, 1e6)), one_path([1.0] * 6)
    terms = replace(FREE, deviation=0.005)
    stale = run_book(path, account, 0.8, terms, DEEP, conditions=Conditions(feed_high=0.0031))
    assert stale.repaid_usd[0] == 0  # 0.31 % is within the deviation: it never updates
    seen = run_book(path, account, 0.8, terms, DEEP, conditions=Conditions(feed_high=0.0159))
    assert seen.repaid_usd[0] == pytest.approx(1e6)


def test_a_low_feed_liquidates_accounts_that_a_true_price_would_not() -> None:
    """2.85 % low on a flat market: triggers above 0.9715, as on 2026-03-10."""
    accounts = book((0.98, 1e5), (0.975, 2e5), (0.97, 4e5))
    path = one_path([1.0] * 5)
    true = run_book(path, accounts, 0.8, FREE, DEEP)
    low = run_book(path, accounts, 0.8, FREE, DEEP, conditions=Conditions(feed_low=0.0285))
    assert true.repaid_usd[0] == 0
    assert low.repaid_usd[0] == pytest.approx(3e5)
    assert low.bad_debt_usd[0] == 0


def test_a_feed_that_follows_the_underlying_hides_a_discount() -> None:
    """The market falls by 20 %, the exchange rate does not: nobody is liquidated."""
    account = book((0.9, 1e6))
    path = one_path([0.8] * 5)
    hidden = run_book(path, account, 0.8, FREE, DEEP, followed=np.ones_like(path))
    assert hidden.repaid_usd[0] == hidden.bad_debt_usd[0] == 0
    seen = run_book(path, account, 0.8, FREE, DEEP)
    assert seen.repaid_usd[0] == pytest.approx(1e6)
    with pytest.raises(ValueError, match="shape"):
        run_book(path, account, 0.8, FREE, DEEP, followed=np.ones((1, 4)))
