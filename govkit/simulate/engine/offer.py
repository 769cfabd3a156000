"""One liquidation: how much of an account's debt is repaid, for what, and what a keeper gains."""

from __future__ import annotations

from typing import NamedTuple

from govkit.simulate.compiled import compiled
from govkit.simulate.engine.sale import (
    COST,
    KEEPER_SHARE,
    KEPT_OF_SALE,
    LEAST_ROOM_USD,
    POOL,
    affordable,
    average_slippage,
    largest_size,
)
from govkit.simulate.engine.terms import Rules


class Limits(NamedTuple):
    """The scalars of `Rules` that a compiled step needs."""

    close_factor: float
    full_close_health: float
    full_close_usd: float
    least_left_usd: float
    target_health: float
    bonus_slope: float
    gas_usd: float
    capital_usd: float
    within_step: bool
    rounds: int


def limits_of(rules: Rules) -> Limits:
    """Gather what a kernel needs of a market's rules."""
    close = rules.close
    return Limits(
        close_factor=float(close.close_factor),
        full_close_health=float(close.full_close_health),
        full_close_usd=float(close.full_close_usd),
        least_left_usd=float(close.least_left_usd),
        target_health=float(close.target_health),
        bonus_slope=float(close.bonus_slope),
        gas_usd=float(rules.gas_usd),
        capital_usd=float(rules.capital_usd),
        within_step=bool(rules.impact_within_step),
        rounds=int(rules.rounds),
    )


@compiled(inline=True)
def allowed_repay(limits, debt, health, borrowable, threshold, paid, value):  # type: ignore[no-untyped-def]
    """Debt that one liquidation may repay, whatever the market can take.

    `borrowable` is the sum over legs of threshold x units x report, `value` this leg's units at
    the report, `paid` 1 + bonus.
    """
    small = debt < limits.full_close_usd or value < limits.full_close_usd
    share = 1.0 if small or health <= limits.full_close_health else limits.close_factor
    repay = share * debt
    if limits.target_health > 0.0:
        gain = limits.target_health - threshold * paid
        if gain > 0.0:
            repay = min(repay, (limits.target_health * debt - borrowable) / gain)
    return repay


@compiled()
def room_for(row, sizes, averages, bonus, seen, price):  # type: ignore[no-untyped-def]
    """Largest size in dollars that the bonus pays for, with nothing sold before."""
    return largest_size(row, sizes, averages, affordable(row, bonus, seen, price), price)


@compiled(inline=True)
def offer(  # type: ignore[no-untyped-def]
    limits, debt, health, borrowable, units, threshold, bonus, seen, price, room, capital
):  # fmt: skip
    """Size one liquidation of one leg into `room` dollars.

    Returns debt repaid (0 when nothing is done), units seized, and whether the room cut it.
    """
    paid, value, repay, seized, by_room = 1.0 + bonus, units * seen, 0.0, 0.0, -1.0
    covered = seen / paid  # debt that a unit repays
    if room > LEAST_ROOM_USD and units > 0.0:
        repay = allowed_repay(limits, debt, health, borrowable, threshold, paid, value)
        seized = repay / covered
        if seized >= units:
            repay, seized = units * covered, units
        # With a floor under the gain, what slips in proportion to size gains most at half.
        sold = 0.5 * room if limits.gas_usd > 0.0 else room
        by_room = sold / price * covered
        most = min(by_room, capital)
        if most < repay:
            repay = most
            seized = repay / covered
        if limits.least_left_usd > 0.0 and repay < debt and seized < units:
            most = min(debt - limits.least_left_usd, (value - limits.least_left_usd) / paid)
            if most < repay:
                repay = most
                seized = repay / covered
    return repay, seized, repay == by_room and limits.gas_usd == 0.0


@compiled()
def gain_of(  # type: ignore[no-untyped-def]
    row, sizes, averages, repay, seized, cut, bonus, seen, price, inventory
):  # fmt: skip
    """Keeper's gain in dollars.

    Cut by the room it is nothing, and rounding must not say which of two such legs goes first;
    where the curve ends before what the bonus pays for, it is more.
    """
    if cut and (row[POOL] > 0.0 or affordable(row, bonus, seen, price) <= averages[-1]):
        return 0.0
    slip = average_slippage(row, sizes, averages, inventory + seized * price, price)
    kept = (1.0 + bonus * row[KEEPER_SHARE]) * row[KEPT_OF_SALE]
    return repay * (kept * (1.0 - slip) * price / seen - row[COST])
