"""Liquidations in the readable twin: which leg, how much, at what bonus, and what is left.

Steps 3 and 4 and the section "One liquidation" of ``docs/engine.md``; the letters in the comments
are those of that page.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from govkit.records.liquidation import CloseRule
from govkit.simulate.engine.terms import Rules
from govkit.simulate.engine.twin.market import (
    Market,
    average_slippage,
    ends_before,
    largest_size,
    move_price,
    slippage_paid_for,
    take_up,
)

SMALLEST_ROOM_USD = 1.0


@dataclass(eq=False)
class Leg:
    """What an account holds of one collateral."""

    collateral: int
    units: float  # C
    threshold: float  # λ
    bonus: float  # b
    seized: float = 0.0


@dataclass(eq=False)
class Account:
    """One account along one path, with what became of its debt so far."""

    debt: float  # D
    legs: list[Leg]
    triggered: bool = False
    repaid: float = 0.0
    written_off: float = 0.0
    bonus: float = 0.0
    fee: float = 0.0


@dataclass(frozen=True)
class Liquidation:
    """A liquidation that can be done, or was done, dollars unless said.

    ``units`` is what is seized and ``seizes_all`` whether that is the whole leg; ``bonus`` the
    fraction b' paid; ``health`` the health factor before; ``report`` and ``price`` those it was
    done at.
    """

    leg: Leg
    health: float
    repaid: float  # R
    units: float
    seizes_all: bool
    bonus: float
    gain: float
    report: float
    price: float


def health_factor(account: Account, markets: list[Market]) -> float:
    """Step 3: HF at the reports liquidations act on, infinite without debt."""
    if account.debt <= 0:
        return inf
    return threshold_value(account, [market.acted_on for market in markets]) / account.debt


def threshold_value(account: Account, prices: list[float]) -> float:
    """Return Σ λ C o, the debt the account may have."""
    return sum(leg.threshold * leg.units * prices[leg.collateral] for leg in account.legs)


def liquidate_account(
    account: Account, markets: list[Market], rules: Rules, capital: float
) -> list[tuple[int, Liquidation]]:
    """Step 4: liquidate an account's legs while HF < 1, the leg of the highest gain first.

    After each liquidation the others are worked out anew. Returns places of legs with what was
    done to them.
    """
    done: list[tuple[int, Liquidation]] = []
    left = list(account.legs)
    while left and health_factor(account, markets) < 1:
        plans = [plan_liquidation(account, leg, markets, rules, capital) for leg in left]
        possible = [plan for plan in plans if plan is not None]
        if not possible:
            break
        best = max(possible, key=lambda plan: plan.gain)  # the first of equal ones
        carry_out(account, best, markets)
        if rules.impact_within_step:
            move_price(markets[best.leg.collateral])
        capital -= best.repaid
        left.remove(best.leg)
        done.append((account.legs.index(best.leg), best))
    return done


def plan_liquidation(
    account: Account, leg: Leg, markets: list[Market], rules: Rules, capital: float
) -> Liquidation | None:
    """Return the liquidation of one leg, None where it cannot be done or does not pay."""
    market = markets[leg.collateral]
    terms, report, price = market.terms, market.acted_on, market.price
    health = health_factor(account, markets)
    bonus = min(leg.bonus, rules.close.bonus_slope * (1 - health))
    affordable = slippage_paid_for(terms, bonus, report / price)
    room = largest_size(market, affordable) - market.inventory
    if leg.units <= 0 or room <= SMALLEST_ROOM_USD:
        return None

    covered = report / (1 + bonus)  # R that seizes one unit
    whole_leg = leg.units * covered
    wanted = repayable(account, leg, markets, health, bonus, rules.close)
    seizes_all = wanted / covered >= leg.units
    repaid = min(wanted, whole_leg) if seizes_all else wanted

    # With a floor under the gain, what slips in proportion to size gains most at half the room.
    sold = room / 2 if rules.gas_usd > 0 else room
    by_room = sold / price * covered
    seizes_all = seizes_all and repaid <= min(by_room, capital)
    repaid = min(repaid, by_room, capital)

    if not seizes_all and repaid < account.debt:
        least = rules.close.least_left_usd
        repaid = min(repaid, account.debt - least, (leg.units * report - least) / (1 + bonus))
    if repaid <= 0:
        return None

    units = leg.units if seizes_all else min(leg.units, repaid / covered)
    slippage = average_slippage(market, market.inventory + units * price)
    keeps = (1 + bonus * (1 - terms.protocol_fee_share)) * (1 - terms.swap_fee)
    gain = repaid * (keeps * (1 - slippage) * price / report - (1 + terms.gas_share))
    if rules.gas_usd == 0 and repaid == by_room and not ends_before(market, affordable):
        gain = 0.0  # s = s*, and rounding must not decide which of two such legs goes first
    # Without a floor the room has already seen to it that the keeper does not lose.
    if rules.gas_usd > 0 and gain < rules.gas_usd:
        return None
    return Liquidation(leg, health, repaid, units, seizes_all, bonus, gain, report, price)


def repayable(
    account: Account,
    leg: Leg,
    markets: list[Market],
    health: float,
    bonus: float,
    close: CloseRule,
) -> float:
    """Return the debt the protocol lets be repaid, whatever the market can take."""
    reports = [market.acted_on for market in markets]
    smallest = min(account.debt, leg.units * reports[leg.collateral])
    in_full = health <= close.full_close_health or smallest < close.full_close_usd
    repaid = account.debt if in_full else close.close_factor * account.debt
    # Every dollar repaid lowers h* D by h* and Σ λ C o by λ (1 + b').
    per_dollar = close.target_health - leg.threshold * (1 + bonus)
    if close.target_health > 0 and per_dollar > 0:
        missing = close.target_health * account.debt - threshold_value(account, reports)
        repaid = min(repaid, missing / per_dollar)
    return repaid


def carry_out(account: Account, liquidation: Liquidation, markets: list[Market]) -> None:
    """Book a liquidation; what is left of the debt when nothing is held is written off."""
    leg = liquidation.leg
    market = markets[leg.collateral]
    take_up(market, liquidation.units * liquidation.price)

    paid = liquidation.bonus * liquidation.repaid
    account.bonus += paid
    account.fee += market.terms.protocol_fee_share * paid
    account.repaid += liquidation.repaid
    account.debt = max(0.0, account.debt - liquidation.repaid)
    leg.seized += liquidation.units
    leg.units = 0.0 if liquidation.seizes_all else leg.units - liquidation.units

    if all(other.units <= 0 for other in account.legs):
        account.written_off += account.debt
        account.debt = 0.0
