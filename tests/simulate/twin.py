"""A slow twin of the liquidation engine, written from its description, not from its code.

Every five minutes: the market price moves; sold inventory drains; the oracle updates, unless it
is frozen, when what it follows has moved by its deviation from what it shows; accounts whose
health factor is not above 1 at the oracle's last step queue up; keepers, unless there is an
outage, repay the queue in order of trigger while the bonus pays for the average slippage; a share
of the slippage stays in the price. The rest of the queue is marked at the path's worst price.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from govkit.simulate.engine import NORMAL, Book, Conditions, Depth, Terms


@dataclass
class Account:
    trigger: float
    debt: float
    units: float
    first_debt: float
    queued: bool = False
    closed: bool = False


def size_within(depth: list[tuple[float, float]], slippage: float) -> float:
    """Largest size that slips by at most `slippage` on average; points are (size, slippage)."""
    if slippage <= 0:
        return 0.0
    best = depth[0][0]
    for (size, slip), (next_size, next_slip) in pairwise(depth):
        if next_slip <= slippage:
            best = next_size
        elif slip <= slippage:
            best = size + (next_size - size) * (slippage - slip) / (next_slip - slip)
    return best


def run_twin(
    path: list[float],
    book: Book,
    threshold: float,
    terms: Terms,
    curve: Depth,
    relever: bool,
    followed: list[float] | None = None,
    conditions: Conditions = NORMAL,
) -> tuple[float, float]:
    """Return bad debt and repaid debt of one path."""
    depth = list(zip(curve.sizes_usd.tolist(), curve.slippage.tolist(), strict=True))
    accounts = []
    for trigger, debt in zip(book.trigger.tolist(), book.debt_usd.tolist(), strict=True):
        if relever:
            owed, price = debt * threshold / book.reference_threshold, trigger
        else:
            owed, price = debt, trigger * book.reference_threshold / threshold
        # Health factor 1 at that price: threshold x units x price = debt.
        accounts.append(Account(price, owed, owed / threshold / price, owed))

    def payable(market: float, oracle: float) -> float:
        """Average slippage at which selling what one dollar repaid seizes just pays its costs."""
        earned = (1 + terms.bonus * (1 - terms.protocol_fee_share)) * market / oracle
        return 1 - (1 + terms.gas_share) / (earned * (1 - terms.swap_fee))

    calm_slippage = payable(1.0, 1.0)
    calm_size = size_within(depth, calm_slippage)
    log_impact, inventory, worst = 0.0, 0.0, 1.0
    oracle = (1 + conditions.feed_high) * (1 - conditions.feed_low)
    bad = repaid = 0.0
    for step, (undisturbed, reported) in enumerate(zip(path, followed or path, strict=True)):
        market = undisturbed * math.exp(log_impact)
        shown = reported * math.exp(log_impact) * (1 - conditions.feed_low)
        worst = min(worst, market)
        inventory = max(inventory - calm_size / terms.refill_steps, 0.0)
        acted_on = oracle
        if step >= conditions.frozen_steps and abs(shown / oracle - 1) >= terms.deviation:
            oracle = shown
        for account in accounts:
            if acted_on <= account.trigger:
                account.queued = True
        if step < conditions.outage_steps:
            continue
        room = size_within(depth, payable(market, acted_on)) - inventory
        for account in accounts:
            if room <= 1.0:
                break
            if not account.queued or account.closed or acted_on > account.trigger:
                continue
            owed_units = account.debt * (1 + terms.bonus) / acted_on
            sold_units = min(owed_units, account.units, room / market)
            paid = min(sold_units * acted_on / (1 + terms.bonus), account.debt)
            account.units -= sold_units
            account.debt -= paid
            repaid += paid
            room -= sold_units * market
            inventory += sold_units * market
            if calm_size > 0:
                log_impact -= (
                    terms.permanent_share * calm_slippage * sold_units * market / calm_size
                )
            if account.units * market <= 1e-6 * account.first_debt:  # nothing left to seize
                bad += max(account.debt, 0.0)
                account.closed = True
            elif account.debt <= 0:
                account.closed = True
    for account in accounts:
        if account.queued and not account.closed:
            bad += max(account.debt - account.units * worst, 0.0)
    return bad, repaid
