"""The market of one collateral in the readable twin: price, feed, depth and impact of sales.

Steps 1, 2 and 5 of ``docs/engine.md``; the letters in the comments are those of that page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log

from govkit.simulate.engine.terms import Conditions, Depth, Pool, Terms

MOST_SLIPPAGE = 1 - 1e-15  # of a pool, which no sale empties


@dataclass
class Market:
    """One collateral along one path."""

    terms: Terms
    depth: Depth | Pool
    reports: list[float]  # O: the first report, then one after each step
    age: int = 0  # steps since the report was made
    given: float = 1.0  # F
    permanent: float = 0.0  # J, log impact that stays
    temporary: float = 0.0  # K, log impact that recovers
    inventory: float = 0.0  # V, dollars sold that the market has not taken up
    price: float = 1.0  # P
    acted_on: float = 1.0  # o, the report liquidations act on
    sold_usd: float = 0.0  # sold since the price was last moved
    sizes: list[float] = field(default_factory=list)  # the depth curve as plain lists
    slippage: list[float] = field(default_factory=list)

    @property
    def impact(self) -> float:
        """Factor by which sales have moved the price."""
        return exp(self.permanent + self.temporary)


def open_market(terms: Terms, depth: Depth | Pool, conditions: Conditions) -> Market:
    """Return the market at the start of a path."""
    first = (1 + conditions.feed_high) * (1 - conditions.feed_low)
    market = Market(terms, depth, reports=[first])
    if isinstance(depth, Depth):
        market.sizes = [float(size) for size in depth.sizes_usd]
        market.slippage = [float(share) for share in depth.slippage]
    return market


def move_on(market: Market, given: float) -> None:
    """Step 1: impact and inventory recover, and the market price of the step follows."""
    if isinstance(market.depth, Pool):
        half_life = market.depth.half_life_steps
        market.temporary *= 0.5 ** (1 / half_life) if half_life > 0 else 0.0
        market.inventory = 0.0
    else:
        refill = market.terms.refill_steps
        drained = bonus_size(market) / refill if refill > 0 else market.inventory
        market.inventory = max(0.0, market.inventory - drained)
    market.given = given
    market.price = given * market.impact


def update_feed(market: Market, followed: float, step: int, conditions: Conditions) -> None:
    """Step 2: the oracle reports what is due, or its report grows older by a step."""
    terms = market.terms
    report = market.reports[-1]
    due = (1 - conditions.feed_low) * followed * market.impact
    moved = abs(due - report) >= terms.deviation * report
    market.age += 1
    expired = terms.heartbeat_steps > 0 and market.age >= terms.heartbeat_steps
    if step >= conditions.frozen_steps and (moved or expired):
        report, market.age = due, 0
    market.reports.append(report)
    market.acted_on = market.reports[max(0, len(market.reports) - 1 - terms.latency_steps)]


def report_price(market: Market, conditions: Conditions) -> None:
    """Step 6: the pool is the oracle and reports its price at once."""
    market.acted_on = (1 - conditions.feed_low) * market.price


def slippage_paid_for(terms: Terms, bonus: float, report_over_price: float) -> float:
    """Return the average slippage s* at which a keeper with this bonus just breaks even."""
    keeps = (1 + bonus * (1 - terms.protocol_fee_share)) * (1 - terms.swap_fee)
    return 1 - (1 + terms.gas_share) * report_over_price / keeps


def largest_size(market: Market, slippage: float) -> float:
    """Return the largest sale, dollars, whose average slippage is at most `slippage`."""
    if slippage <= 0:
        return 0.0
    if isinstance(market.depth, Pool):
        part = min(slippage, MOST_SLIPPAGE)
        return market.depth.units_usd * part / (1 - part) * market.price
    sizes, curve = market.sizes, market.slippage
    if slippage >= curve[-1]:
        return sizes[-1]
    for i in range(len(curve) - 2, -1, -1):
        if curve[i] <= slippage:
            share = (slippage - curve[i]) / (curve[i + 1] - curve[i])
            return sizes[i] + share * (sizes[i + 1] - sizes[i])
    return 0.0


def ends_before(market: Market, slippage: float) -> bool:
    """Return whether the depth curve ends at less slippage than this."""
    return isinstance(market.depth, Depth) and slippage > market.slippage[-1]


def average_slippage(market: Market, size_usd: float) -> float:
    """Return the average slippage of selling `size_usd` at once."""
    if isinstance(market.depth, Pool):
        units = size_usd / market.price
        return units / (market.depth.units_usd + units)
    sizes, curve = market.sizes, market.slippage
    if size_usd >= sizes[-1]:
        return curve[-1]
    i = max(i for i in range(len(sizes)) if sizes[i] <= size_usd)
    share = (size_usd - sizes[i]) / (sizes[i + 1] - sizes[i])
    return curve[i] + share * (curve[i + 1] - curve[i])


def bonus_slippage(market: Market) -> float:
    """Return s°, the slippage the collateral's own bonus pays for when report and price agree."""
    return slippage_paid_for(market.terms, market.terms.bonus, 1.0)


def bonus_size(market: Market) -> float:
    """Return q°, the size with that slippage."""
    return largest_size(market, bonus_slippage(market))


def take_up(market: Market, sale_usd: float) -> None:
    """Add a sale to the inventory; what it does to the price comes with `move_price`."""
    market.inventory += sale_usd
    market.sold_usd += sale_usd


def move_price(market: Market) -> None:
    """Step 5: all that was sold since the last time moves the price."""
    sold_usd, market.sold_usd = market.sold_usd, 0.0
    share = market.terms.permanent_share
    if isinstance(market.depth, Pool):
        units = sold_usd / market.price
        fall = 2 * log(market.depth.units_usd / (market.depth.units_usd + units))
        market.permanent += share * fall
        market.temporary += (1 - share) * fall
        market.inventory = 0.0
    elif bonus_size(market) > 0:
        market.permanent -= share * bonus_slippage(market) * sold_usd / bonus_size(market)
    market.price = market.given * market.impact
