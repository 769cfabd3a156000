"""One path of the readable twin: the steps, the rounds within a step, and the end.

The letters in the comments are those of ``docs/engine.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from govkit.simulate.engine.terms import (
    NORMAL,
    Accounts,
    Array,
    Conditions,
    Depth,
    Pool,
    Rules,
    Terms,
)
from govkit.simulate.engine.twin.liquidation import (
    Account,
    Leg,
    Liquidation,
    health_factor,
    liquidate_account,
    threshold_value,
)
from govkit.simulate.engine.twin.market import (
    Market,
    move_on,
    move_price,
    open_market,
    report_price,
    update_feed,
)

Collaterals = tuple[tuple[Terms, Depth | Pool], ...]


@dataclass(frozen=True)
class Done:
    """A liquidation that was done: in which step and round, of which account and leg.

    ``account`` is the place in the order given, ``leg`` the place among the account's legs.
    """

    step: int
    round: int
    account: int
    leg: int
    liquidation: Liquidation


@dataclass(frozen=True)
class Path:
    """What one path did: dollars, ``seized`` in units; see `Losses`."""

    bad_debt: float
    repaid: float
    written_off: float
    bonus: float
    fee: float
    seized: float
    log: list[Done]


def follow_path(
    prices: Array,
    accounts: Accounts,
    collaterals: Collaterals,
    followed: Array | None = None,
    conditions: Conditions = NORMAL,
) -> tuple[Path, list[Account]]:
    """Follow one path, `prices` of shape (collaterals, steps).

    Returns what the path did and, in the order given, what every account has left.
    """
    rules = collaterals[0][0].rules
    markets = [open_market(terms, depth, conditions) for terms, depth in collaterals]
    book = unpack_accounts(accounts)
    in_turn = liquidation_order(book)
    given = prices.T.tolist()
    feeds = given if followed is None else followed.T.tolist()

    log: list[Done] = []
    begun = [[1.0] * len(markets)]  # the start, then the prices with which the steps begin
    for step in range(len(given)):
        for market, price, feed in zip(markets, given[step], feeds[step], strict=True):
            move_on(market, price)
            update_feed(market, feed, step, conditions)
        begun.append([market.price for market in markets])
        log += run_step(step, book, in_turn, markets, rules, conditions)
    return settle(book, begun, log), book


def unpack_accounts(accounts: Accounts) -> list[Account]:
    """Return the accounts as plain records, in the order given."""
    columns = (accounts.collateral, accounts.units, accounts.threshold, accounts.bonus)
    legs = [
        Leg(int(collateral), float(units), float(threshold), float(bonus))
        for collateral, units, threshold, bonus in zip(*columns, strict=True)
    ]
    first = [int(place) for place in accounts.first]
    return [
        Account(float(debt), legs[first[i] : first[i + 1]])
        for i, debt in enumerate(accounts.debt_usd)
    ]


def liquidation_order(book: list[Account]) -> list[int]:
    """Return the places of the accounts by health factor at prices of 1, equal ones as given."""
    ones = [1.0] * (1 + max((leg.collateral for a in book for leg in a.legs), default=0))

    def health_at_start(place: int) -> float:
        account = book[place]
        return threshold_value(account, ones) / account.debt if account.debt > 0 else inf

    return sorted(range(len(book)), key=health_at_start)


def run_step(
    step: int,
    book: list[Account],
    in_turn: list[int],
    markets: list[Market],
    rules: Rules,
    conditions: Conditions,
) -> list[Done]:
    """Do steps 3 to 6: rounds of looking for accounts to liquidate, until one sells nothing."""
    done: list[Done] = []
    capital = rules.capital_usd
    for round_ in range(rules.rounds):
        if rules.rounds > 1:
            for market in markets:
                report_price(market, conditions)
        for account in book:
            account.triggered = account.triggered or health_factor(account, markets) < 1
        if step < conditions.outage_steps:
            return []
        before = len(done)
        for place in in_turn:
            for leg, liquidation in liquidate_account(book[place], markets, rules, capital):
                capital -= liquidation.repaid
                done.append(Done(step, round_, place, leg, liquidation))
        for market in markets:
            move_price(market)
        if len(done) == before:
            break
    return done


def settle(book: list[Account], begun: list[list[float]], log: list[Done]) -> Path:
    """Mark the open debt of triggered accounts at its worst moment, and add everything up."""
    written_off = sum(account.written_off for account in book)
    shortfall = 0.0
    for account in book:
        if account.triggered and account.debt > 0:
            least = min(collateral_value(account, prices) for prices in begun)
            shortfall += max(0.0, account.debt - least)
    return Path(
        bad_debt=written_off + shortfall,
        repaid=sum(account.repaid for account in book),
        written_off=written_off,
        bonus=sum(account.bonus for account in book),
        fee=sum(account.fee for account in book),
        seized=sum(leg.seized for account in book for leg in account.legs),
        log=log,
    )


def collateral_value(account: Account, prices: list[float]) -> float:
    """Return what the account's collateral is worth, dollars."""
    return sum(leg.units * prices[leg.collateral] for leg in account.legs)
