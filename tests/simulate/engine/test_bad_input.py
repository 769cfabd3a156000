"""What an engine is given by mistake, and what is odd but meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from govkit.records.liquidation import CloseRule
from govkit.simulate.engine import (
    Accounts,
    Book,
    Conditions,
    Depth,
    Losses,
    Pool,
    Rules,
    Terms,
    kernel_for,
    run_accounts,
    run_book,
    run_grid,
)

KERNELS = ("blocks", "touched", "twin")
DEEP = Depth(np.array([0.0, 1e15]), np.array([0.0, 1e-9]))
TERMS = Terms(bonus=0.05, protocol_fee_share=0.1, deviation=0.005, swap_fee=0.0005,
              gas_share=0.0005, refill_steps=3.0, permanent_share=0.25)  # fmt: skip
PRICES = np.array([[0.95, 0.9, 0.8, 0.7, 0.7], [1.01, 0.99, 1.0, 0.97, 0.99]])
THIN = Depth(np.array([0.0, 1e5, 1e6]), np.array([0.0, 0.01, 0.3]))
FIELDS = ("bad_debt_usd", "repaid_usd", "written_off_usd", "bonus_usd", "fee_usd", "seized_usd")


def book(*accounts: tuple[float, float]) -> Book:
    """Accounts of (trigger, debt)."""
    pairs = np.array(accounts, dtype=float).reshape(-1, 2)
    return Book(pairs[:, 0], pairs[:, 1], 0.8, float(pairs[:, 1].sum()))


def values(losses: Losses) -> np.ndarray:
    return np.array([getattr(losses, name) for name in FIELDS])


def assert_sound(losses: Losses, debt: float) -> None:
    found = values(losses)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (losses.bad_debt_usd <= debt * (1 + 1e-12)).all()
    assert (losses.repaid_usd + losses.bad_debt_usd <= debt * (1 + 1e-12)).all()


# Odd but meant


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("accounts", [(), ((1.0, 0.0), (0.9, 0.0))])
def test_a_book_that_owes_nothing_loses_nothing(kernel: str, accounts: tuple) -> None:
    found = run_book(PRICES, book(*accounts), 0.8, TERMS, THIN, kernel=kernel)
    assert not values(found).any()
    assert values(found).shape == (len(FIELDS), len(PRICES))


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_account_loses_the_closed_form(kernel: str) -> None:
    free = replace(TERMS, deviation=0.0, swap_fee=0.0, gas_share=0.0, permanent_share=0.0)
    gap = np.array([[0.75] * 3, [1.1] * 3])
    found = run_book(gap, book((1.0, 1e6)), 0.8, free, DEEP, kernel=kernel)
    # All collateral, 0.75 / 0.8 of the debt, repays 1 / 1.05 of its worth.
    assert found.bad_debt_usd == pytest.approx([1e6 * (1 - 0.75 / 0.84), 0.0], abs=1e-3)
    assert found.written_off_usd == pytest.approx(found.bad_debt_usd)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("depth", [DEEP, THIN, Pool(3e6, 12.0)])
def test_accounts_without_debt_are_as_if_they_were_not(kernel: str, depth: Depth | Pool) -> None:
    owing = ((1.0, 2e5), (0.97, 8e5), (0.9, 3e5))
    with_idle = ((1.2, 0.0), *owing[:2], (0.95, 0.0), owing[2], (0.5, 0.0))
    alone, among = (
        run_book(PRICES, book(*accounts), 0.8, TERMS, depth, kernel=kernel)
        for accounts in (owing, with_idle)
    )
    assert alone.repaid_usd[0] > 0
    np.testing.assert_array_equal(values(among), values(alone))


@pytest.mark.parametrize("kernel", KERNELS)
def test_dust_is_liquidated_like_any_other_debt(kernel: str) -> None:
    """No rule on sizes is asked, so 1e-9 dollars are worth a liquidation."""
    dust = book(*[(1.0 - 1e-3 * k, 1e-9) for k in range(30)])
    flat = np.array([[0.9] * 3, [0.985] * 3])
    found = run_book(flat, dust, 0.8, TERMS, DEEP, kernel=kernel)
    assert_sound(found, 3e-8)
    # All triggers, down to 0.971, lie above 0.9; above 0.985 lie 15. All of it is covered.
    assert found.repaid_usd == pytest.approx([3e-8, 1.5e-8], rel=1e-9)
    assert not found.bad_debt_usd.any()


@pytest.mark.parametrize("kernel", KERNELS)
def test_dust_beside_debt_does_not_disturb_it(kernel: str) -> None:
    debt = ((1.0, 2e5), (0.9, 3e5))
    both = sorted([*debt, *[(0.99 - 0.01 * k, 1e-9) for k in range(9)]], reverse=True)
    alone, among = (
        run_book(PRICES, book(*accounts), 0.8, TERMS, THIN, kernel=kernel)
        for accounts in (debt, both)
    )
    assert_sound(among, 5e5 + 9e-9)
    np.testing.assert_allclose(values(among), values(alone), rtol=1e-12, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("depth", [DEEP, THIN, Pool(3e6, 12.0)])
@pytest.mark.parametrize("price", [1e-13, 5e8])
def test_extreme_prices_give_finite_losses_within_the_debt(
    kernel: str, depth: Depth | Pool, price: float
) -> None:
    accounts = book((1.0, 2e5), (0.97, 8e5), (0.2, 3e5))
    paths = np.array([[price] * 6, [1.0, price, price, 1.0, 1.0, 1.0], [price, 1.0, 0.9] * 2])
    for followed in (None, np.ones_like(paths)):
        found = run_book(paths, accounts, 0.8, TERMS, depth, followed=followed, kernel=kernel)
        assert_sound(found, 1.3e6)
    plain = run_book(paths[:1], accounts, 0.8, TERMS, depth, kernel=kernel).bad_debt_usd[0]
    assert plain == pytest.approx(1.3e6 if price < 1 else 0.0, rel=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("depth", [DEEP, THIN, Pool(3e6, 12.0)])
@pytest.mark.parametrize("price", [1e-13, 5e8])
def test_a_feed_that_goes_the_other_way_as_far_gives_losses_within_the_debt(
    kernel: str, depth: Depth | Pool, price: float
) -> None:
    """Market 5e8 against a report of 2e-9: the slippage a bonus pays for rounds to 1."""
    accounts = book((1.0, 2e5), (0.97, 8e5), (0.2, 3e5))
    paths = np.array([[price] * 6, [1.0, price, price, 1.0, 1.0, 1.0], [price, 1.0, 0.9] * 2])
    found = run_book(paths, accounts, 0.8, TERMS, depth, followed=1 / paths, kernel=kernel)
    assert_sound(found, 1.3e6)


# By mistake


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 0.0, -0.5])
@pytest.mark.parametrize("where", ["prices", "followed"])
def test_what_is_not_a_price_is_named(kernel: str, wrong: float, where: str) -> None:
    bad = PRICES.copy()
    bad[1, 2] = wrong
    prices, followed = (bad, PRICES) if where == "prices" else (PRICES, bad)
    with pytest.raises(ValueError, match=f"^{where} hold a value that is not a positive number"):
        run_book(prices, book((1.0, 1e6)), 0.8, TERMS, DEEP, followed=followed, kernel=kernel)
    with pytest.raises(ValueError, match=f"^{where} hold a value"):
        run_accounts(
            prices[None], holder(), ((TERMS, DEEP),), followed=followed[None],
            kernel="" if kernel == "blocks" else kernel,
        )  # fmt: skip


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("threshold", [0.0, -0.1, np.nan])
def test_a_threshold_of_nothing_is_refused(kernel: str, threshold: float) -> None:
    with pytest.raises(ValueError, match="a threshold is not above 0"):
        run_grid(PRICES, book((1.0, 1e6)), np.array([0.8, threshold]), TERMS, DEEP, kernel=kernel)


@pytest.mark.parametrize("kernel", KERNELS)
def test_shapes_that_differ_are_refused(kernel: str) -> None:
    accounts, grid = book((1.0, 1e6)), np.array([0.7, 0.8, 0.9])
    for shape in ((2, 4), (1, 5), (5,), (1, 2, 5)):
        with pytest.raises(ValueError, match="followed has shape"):
            run_book(PRICES, accounts, 0.8, TERMS, DEEP, followed=np.ones(shape), kernel=kernel)
    for shape in ((2, 2), (3, 2), (3,), (1, 3)):
        with pytest.raises(ValueError, match=r"wanted has shape .*, not \(2, 3\)"):
            run_grid(
                PRICES, accounts, grid, TERMS, DEEP, wanted=np.ones(shape, np.int8), kernel=kernel
            )
    for prices in (PRICES[0], PRICES[None]):
        with pytest.raises(ValueError, match="dimensions, not 2"):
            run_book(prices, accounts, 0.8, TERMS, DEEP, kernel=kernel)


def test_a_kernel_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kernel 'sorted'; known: blocks, touched, twin"):
        run_book(PRICES, book((1.0, 1e6)), 0.8, TERMS, DEEP, kernel="sorted")
    for name in ("blocks", "sorted"):
        with pytest.raises(ValueError, match=f"kernel '{name}' does not know several collaterals"):
            run_accounts(PRICES[None], holder(), ((TERMS, DEEP),), kernel=name)


RULES_OF_ACCOUNTS = {
    "full close of small ones": Rules(close=CloseRule(full_close_usd=2000.0)),
    "least left": Rules(close=CloseRule(close_factor=0.5, least_left_usd=1000.0)),
    "target health": Rules(close=CloseRule(target_health=1.1)),
    "bonus that rises": Rules(close=CloseRule(bonus_slope=2.0)),
    "gas": Rules(gas_usd=50.0),
    "capital": Rules(capital_usd=1e5),
    "impact within the step": Rules(impact_within_step=True),
    "rounds": Rules(rounds=3),
}


@pytest.mark.parametrize("rules", RULES_OF_ACCOUNTS.values(), ids=RULES_OF_ACCOUNTS)
def test_blocks_refuse_rules_that_need_the_accounts(rules: Rules) -> None:
    terms, accounts = replace(TERMS, rules=rules), book((1.0, 1e6), (0.95, 1e6))
    assert kernel_for(rules) == "touched"
    with pytest.raises(ValueError, match="kernel 'blocks' does not know these rules; 'touched'"):
        run_book(PRICES, accounts, 0.8, terms, THIN, kernel="blocks")
    found = run_book(PRICES, accounts, 0.8, terms, THIN)
    assert found.kernel == "touched"
    assert_sound(found, 2e6)


@pytest.mark.parametrize("close", [CloseRule(), CloseRule(0.5), CloseRule(0.5, 0.95)])
def test_blocks_serve_full_and_fixed_share_closes(close: CloseRule) -> None:
    assert kernel_for(Rules(close=close)) == "blocks"
    terms = replace(TERMS, rules=Rules(close=close))
    assert run_book(PRICES, book((1.0, 1e6)), 0.8, terms, THIN).kernel == "blocks"


# Several collaterals


def holder(collateral: tuple[int, ...] = (0,), **changed: float) -> Accounts:
    """One account with 0.7 million of debt and a million dollars of each collateral."""
    legs = len(collateral)
    values = {"debt_usd": 0.7e6 * legs, "units": 1e6, "threshold": 0.7, "bonus": 0.05} | changed
    return Accounts(
        debt_usd=np.array([values["debt_usd"]]),
        first=np.array([0, legs]),
        collateral=np.array(collateral, dtype=np.int64),
        units=np.full(legs, values["units"]),
        threshold=np.full(legs, values["threshold"]),
        bonus=np.full(legs, values["bonus"]),
    )


TWO = np.stack([PRICES, PRICES**0.5])


def test_collaterals_of_one_market_have_one_set_of_rules() -> None:
    other = replace(TERMS, rules=Rules(gas_usd=5.0))
    for kernel in ("", "touched", "twin"):
        with pytest.raises(ValueError, match="collaterals of one market have different rules"):
            run_accounts(TWO, holder((0, 1)), ((TERMS, DEEP), (other, DEEP)), kernel=kernel)


def test_a_collateral_without_prices_is_refused() -> None:
    for market in ((), ((TERMS, DEEP),), ((TERMS, DEEP),) * 3):
        with pytest.raises(ValueError, match=f"{len(market)} collaterals have prices of 2"):
            run_accounts(TWO, holder((0, 1)), market)
    for leg in (2, -1):
        with pytest.raises(ValueError, match="a leg names collateral"):
            run_accounts(TWO, holder((0, leg)), ((TERMS, DEEP),) * 2)


@pytest.mark.parametrize("kernel", ["touched", "twin"])
@pytest.mark.parametrize("name", ["debt_usd", "units", "threshold", "bonus"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_amounts_that_are_none_are_named(kernel: str, name: str, wrong: float) -> None:
    accounts = holder((0, 1), **{name: wrong})
    with pytest.raises(ValueError, match=f"{name} holds a value that is negative or not a number"):
        run_accounts(TWO, accounts, ((TERMS, DEEP),) * 2, kernel=kernel)


@pytest.mark.parametrize("kernel", ["touched", "twin"])
def test_accounts_without_debt_or_without_collateral(kernel: str) -> None:
    market = ((TERMS, DEEP),) * 2
    nobody = Accounts(np.empty(0), np.zeros(1, np.int64), np.empty(0, np.int64), *[np.empty(0)] * 3)
    assert not values(run_accounts(TWO, nobody, market, kernel=kernel)).any()
    for idle in (holder((0, 1), debt_usd=0.0), holder(())):
        assert not values(run_accounts(TWO, idle, market, kernel=kernel)).any()
    # Debt that nothing backs is bad from the start; there is nothing to sell.
    empty = run_accounts(TWO, holder((0, 1), units=0.0), market, kernel=kernel)
    assert empty.bad_debt_usd == pytest.approx([1.4e6] * 2)
    assert not empty.seized_usd.any()


def test_keepers_that_never_come_leave_everything_open() -> None:
    gone = Conditions(outage_steps=PRICES.shape[1])
    found = run_accounts(TWO, holder((0, 1)), ((TERMS, DEEP),) * 2, conditions=gone)
    assert not found.repaid_usd.any()
    worst = 1.4e6 - 1e6 * (0.7 + 0.7**0.5)
    assert found.bad_debt_usd == pytest.approx([max(worst, 0.0), 0.0])
