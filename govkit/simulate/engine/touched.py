"""The kernel of touched accounts: any rule, any number of collaterals an account.

A step on which no class of accounts is near its alarm costs one comparison a class; otherwise
the accounts in danger are found and gone through one by one. `govkit.simulate.engine.twin` says
the same plainly.
"""

from __future__ import annotations

import numpy as np

from govkit.simulate.compiled import compiled, prange
from govkit.simulate.engine.danger import CHUNK, borrowable_of, first_wake, in_danger, range_of
from govkit.simulate.engine.offer import gain_of, offer, room_for
from govkit.simulate.engine.sale import (
    DECAY,
    DEVIATION,
    DRAINED,
    HEARTBEAT,
    KEEPER_SHARE,
    LATENCY,
    POOL,
    impact_of,
)

REPAID, WRITTEN, SEIZED, BAD, BONUS, FEE, COLUMNS = range(7)

REPORT, AGE, PRICE, GIVEN, KEPT, FADING, INVENTORY, SOLD, ROOM, ROOM_BONUS = range(10)
"""State of a collateral; the room is that for one bonus at the present price, kept for the next."""


@compiled(inline=True)
def _advance(row, market, reports, trouble, k, given, followed, pool_is_oracle):  # type: ignore[no-untyped-def]
    """Bring a collateral to the next step, and return the report that is acted on."""
    if row[POOL] > 0.0:
        market[FADING] *= row[DECAY]
        market[INVENTORY] = 0.0
    else:
        market[INVENTORY] = max(0.0, market[INVENTORY] - row[DRAINED])
    moved = market[KEPT] + market[FADING]
    impact = np.exp(moved) if moved != 0.0 else 1.0
    market[GIVEN], market[PRICE] = given, given * impact
    market[SOLD], market[ROOM_BONUS] = 0.0, -1.0
    due, report, age = followed * impact * trouble.shown, market[REPORT], market[AGE] + 1.0
    moves = abs(due - report) >= row[DEVIATION] * report
    moves |= (row[HEARTBEAT] > 0.0) & (age >= row[HEARTBEAT])
    moves &= k >= trouble.frozen
    report = due if moves else report
    market[REPORT], market[AGE] = report, 0.0 if moves else age
    reports[k] = report
    late = int(row[LATENCY])
    seen = reports[k - late] if k >= late else trouble.first
    if pool_is_oracle:
        seen = market[PRICE] * trouble.shown
    return seen


@compiled()
def _move(row, market):  # type: ignore[no-untyped-def]
    """Let what was sold move the price."""
    stays, fades = impact_of(row, market[SOLD], market[PRICE])
    market[KEPT] += stays
    market[FADING] += fades
    market[PRICE] = market[GIVEN] * np.exp(market[KEPT] + market[FADING])
    market[SOLD], market[ROOM_BONUS] = 0.0, -1.0
    if row[POOL] > 0.0:
        market[INVENTORY] = 0.0


@compiled()
def _liquidate(  # type: ignore[no-untyped-def]
    holdings, limits, sales, debt, units, markets, seen, used, found, n, budget, total
):  # fmt: skip
    """Go through the accounts found, in order, each leg once, the one that gains most first.

    Gains are worked out only where something depends on them. Returns the debt repaid.
    """
    first, asset = holdings.first, holdings.asset
    threshold, bonuses = holdings.threshold, holdings.bonus
    table, sizes, averages = sales.table, sales.sizes, sales.averages
    floor = limits.gas_usd if limits.gas_usd > 0.0 else -np.inf
    all_repaid, all_seized, all_bonus, all_fee = 0.0, 0.0, 0.0, 0.0
    for at in range(n):
        i = found[at]
        begin, end = first[i], first[i + 1]
        choose = end - begin > 1 or limits.gas_usd > 0.0
        emptied = False
        used[-1] += 1  # marks the legs that had their turn
        for turn in range(end - begin):
            borrowable = borrowable_of(first, asset, threshold, units, seen, i)
            if borrowable >= debt[i]:
                break
            health = borrowable / debt[i]
            best, most, repay, seized, bonus = -1, -np.inf, 0.0, 0.0, 0.0
            for leg in range(begin, end):
                if turn > 0 and used[leg - begin] == used[-1]:
                    continue
                j = asset[leg]
                price = markets[j, PRICE]
                paid = min(bonuses[leg], limits.bonus_slope * (1.0 - health))
                if markets[j, ROOM_BONUS] != paid:
                    markets[j, ROOM_BONUS] = paid
                    markets[j, ROOM] = room_for(
                        table[j], sizes[j], averages[j], paid, seen[j], price
                    )
                room = markets[j, ROOM] - markets[j, INVENTORY]
                more, units_more, cut = offer(
                    limits, debt[i], health, borrowable, units[leg], threshold[leg], paid,
                    seen[j], price, room, budget - all_repaid,
                )  # fmt: skip
                if more <= 0.0:
                    continue
                gain = 0.0
                if choose:
                    gain = gain_of(
                        table[j], sizes[j], averages[j], more, units_more, cut, paid, seen[j],
                        price, markets[j, INVENTORY],
                    )  # fmt: skip
                if gain >= floor and gain > most:
                    best, most, repay, seized, bonus = leg, gain, more, units_more, paid
            if best < 0:
                break
            j = asset[best]
            used[best - begin] = used[-1]
            debt[i] -= repay
            emptied = seized >= units[best]
            units[best] = 0.0 if emptied else units[best] - seized
            sold = seized * markets[j, PRICE]
            markets[j, SOLD] += sold
            markets[j, INVENTORY] += sold
            all_repaid += repay
            all_seized += seized
            all_bonus += bonus * repay
            all_fee += bonus * repay * (1.0 - table[j, KEEPER_SHARE])
            if limits.within_step:
                _move(table[j], markets[j])
        for leg in range(begin, end):
            emptied &= units[leg] <= 0.0
        if emptied and debt[i] > 0.0:
            total[WRITTEN] += debt[i]
            debt[i] = 0.0
    total[REPAID] += all_repaid
    total[SEIZED] += all_seized
    total[BONUS] += all_bonus
    total[FEE] += all_fee
    return all_repaid


@compiled()
def _over_path(  # type: ignore[no-untyped-def]
    prices, followed, p, holdings, limits, sales, trouble, debt, units, work, found, total
):  # fmt: skip
    """Run one path; the results are added to `total`."""
    alarm, peaks, next_one, triggered, used = work
    assets, steps, classes = prices.shape[0], prices.shape[2], len(next_one)
    next_one[:] = holdings.kind_first[:-1]
    wake, table = first_wake(holdings), sales.table
    held_first, held = holdings.held_first, holdings.held
    markets, reports = np.zeros((assets, 10)), np.empty((assets, steps))
    beginning, seen = np.empty((assets, steps)), np.empty(assets)
    markets[:, REPORT] = trouble.first
    for k in range(steps):
        for j in range(assets):
            seen[j] = _advance(
                table[j], markets[j], reports[j], trouble, k, prices[j, p, k], followed[j, p, k],
                limits.rounds > 1,
            )  # fmt: skip
            beginning[j, k] = markets[j, PRICE]
        budget = limits.capital_usd
        for _ in range(limits.rounds):
            awake = False
            for c in range(classes):
                low, _high = range_of(held_first, held, seen, c)
                awake |= low < wake[c]
            if not awake:
                break
            n = in_danger(
                holdings, debt, units, seen, alarm, peaks, next_one, wake, triggered, found
            )
            if n == 0 or k < trouble.outage:
                break
            repaid = _liquidate(
                holdings, limits, sales, debt, units, markets, seen, used, found, n, budget, total
            )
            if repaid == 0.0:
                break
            budget -= repaid
            for j in range(assets):
                _move(table[j], markets[j])
                if limits.rounds > 1:
                    seen[j] = markets[j, PRICE] * trouble.shown
    total[BAD] += total[WRITTEN]
    _close(holdings, debt, units, alarm, next_one, triggered, beginning, total)
    peaks[:] = 0.0


@compiled()
def _close(holdings, debt, units, alarm, next_one, triggered, beginning, total):  # type: ignore[no-untyped-def]
    """Book what triggered accounts still owe, and put all that was touched back."""
    lows = np.empty(len(beginning))
    for j in range(len(beginning)):
        lows[j] = 1.0
        for k in range(beginning.shape[1]):
            lows[j] = min(lows[j], beginning[j, k])
    first = holdings.first
    for c in range(len(next_one)):
        for at in range(holdings.kind_first[c], next_one[c]):
            i = holdings.kind_member[at]
            if triggered[i] and debt[i] > 0.0:
                total[BAD] += _shortfall(first, holdings.asset, debt, units, beginning, lows, i)
            triggered[i], alarm[at] = False, 0.0
            debt[i] = holdings.debt[i]
            for leg in range(first[i], first[i + 1]):
                units[leg] = holdings.units[leg]


@compiled()
def _shortfall(first, asset, debt, units, beginning, lows, i):  # type: ignore[no-untyped-def]
    """Largest excess of an account's debt over its collateral, at the start or at any step."""
    kept, start, bound = 0, 0.0, 0.0
    for leg in range(first[i], first[i + 1]):
        kept += units[leg] > 0.0
        start += units[leg]
        bound += units[leg] * lows[asset[leg]]
    # No moment is worse than all collaterals at their own worst, and one is that.
    if kept <= 1 or bound >= debt[i]:
        return max(debt[i] - bound, 0.0)
    lowest = start
    for k in range(beginning.shape[1]):
        value = 0.0
        for leg in range(first[i], first[i + 1]):
            value += units[leg] * beginning[asset[leg], k]
        lowest = min(lowest, value)
    return max(debt[i] - lowest, 0.0)


@compiled(parallel=True)
def over_paths(prices, followed, holdings, limits, sales, trouble, chunks, out):  # type: ignore[no-untyped-def]
    """Run every path; `out` has shape (paths, 6). State is copied once a chunk of paths."""
    paths = prices.shape[1]
    for chunk in prange(chunks):
        n, classes = len(holdings.debt), len(holdings.kind_first) - 1
        debt, units = holdings.debt.copy(), holdings.units.copy()
        work = (
            np.zeros(n), np.zeros(n // CHUNK + 1), np.zeros(classes, np.int64),
            np.zeros(n, np.bool_), np.zeros(len(prices) + 1, np.int64),
        )  # fmt: skip
        found = np.empty(n, np.int64)
        for p in range(chunk * paths // chunks, (chunk + 1) * paths // chunks):
            _over_path(
                prices, followed, p, holdings, limits, sales, trouble, debt, units, work, found,
                out[p],
            )  # fmt: skip
