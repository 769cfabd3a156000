"""The kernel of the sorted book: one path and a whole grid of thresholds at a time.

A step on which nobody can be liquidated is one comparison, a step on which somebody can a few
binary searches, whatever the number of accounts. Until the first sale feed and price do not
depend on the threshold, so they are worked out once for the grid; once nothing that is still to
come can reach another account, a path ends.

Exact for one collateral, one debt, a constant bonus, full or fixed-share close, and an impact
after the step. `govkit.simulate.engine.twin` says the same plainly.
"""

from __future__ import annotations

import numpy as np

from govkit.simulate.compiled import compiled, prange
from govkit.simulate.engine.offer import room_for
from govkit.simulate.engine.sale import (
    BONUS,
    DECAY,
    DEVIATION,
    DRAINED,
    HEARTBEAT,
    LATENCY,
    LEAST_ROOM_USD,
    POOL,
    impact_of,
)
from govkit.simulate.engine.sorted_book import (
    SEIZED,
    TOP,
    WRITTEN,
    A,
    S,
    end_of,
    liquidate,
    shortfall,
)

FIRST_BLOCKS = 62
SAFE = 1e-9
"""Bounds leave this much for rounding."""
BAD, COLUMNS = 3, 4
"""Results of a path stand in the order of `sorted_book`, then bad debt."""

REPORT, AGE, SEEN, LOW_SEEN, LOW_PRICE, LOW_DUE_LEFT, LOW_PRICE_LEFT, HIGH_PRICE_LEFT = range(8)

SKIPPED, LOSSES, EVERYTHING = range(3)
"""What is wanted of a pair of path and threshold; with `LOSSES` it ends when no more can come."""


@compiled()
def _follow(prices, followed, sales, trouble, quiet):  # type: ignore[no-untyped-def]
    """Fill `quiet`, shape (8, steps), with feed and price of a path on which nothing is sold.

    Lows so far are those up to a step, what is left is what comes from it on.
    """
    steps, row = len(prices), sales.table[0]
    deviation, heartbeat, latency = row[DEVIATION], row[HEARTBEAT], int(row[LATENCY])
    report, age = trouble.first, 0
    low_seen, low_price = np.inf, 1.0
    for k in range(steps):
        due, age = followed[k] * trouble.shown, age + 1
        moves = abs(due - report) >= deviation * report
        moves |= (heartbeat > 0) & (age >= heartbeat)
        moves &= k >= trouble.frozen
        report = due if moves else report
        age = 0 if moves else age
        quiet[REPORT, k], quiet[AGE, k] = report, age
        seen = quiet[REPORT, k - latency] if k >= latency else trouble.first
        low_seen, low_price = min(low_seen, seen), min(low_price, prices[k])
        quiet[SEEN, k] = seen
        quiet[LOW_SEEN, k], quiet[LOW_PRICE, k] = low_seen, low_price
    low_due, low_price, high_price = np.inf, np.inf, 0.0
    for k in range(steps - 1, -1, -1):
        low_due, low_price = min(low_due, followed[k] * trouble.shown), min(low_price, prices[k])
        high_price = max(high_price, prices[k])
        quiet[LOW_DUE_LEFT, k], quiet[LOW_PRICE_LEFT, k] = low_due, low_price
        quiet[HIGH_PRICE_LEFT, k] = high_price


@compiled()
def _first_below(lows, start, level):  # type: ignore[no-untyped-def]
    """Return the first step, from `start` on, up to which a low so far is below `level`."""
    lo, hi = start, len(lows)
    while lo < hi:
        middle = (lo + hi) // 2
        if lows[middle] < level:
            hi = middle
        else:
            lo = middle + 1
    return lo


@compiled()
def _over_path(  # type: ignore[no-untyped-def]
    prices, followed, quiet, reports, book, sales, trouble, close, full_health, threshold, scale,
    losses_only, total,
):  # fmt: skip
    """Run one path at one threshold; the results are added to `total`."""
    steps, accounts, row = len(prices), len(book.ratio), sales.table[0]
    if accounts == 0:
        return
    bonus, deviation, heartbeat = row[BONUS], row[DEVIATION], row[HEARTBEAT]
    latency, pool, decay = int(row[LATENCY]), row[POOL], row[DECAY]
    drained, sizes, averages = row[DRAINED], sales.sizes[0], sales.averages[0]
    ratio, debts, units = book.ratio, book.debts, book.units
    highest = scale * ratio[0] / threshold
    k = _first_below(quiet[LOW_SEEN], min(trouble.outage, steps), highest)
    before = k - 1
    low_seen = quiet[LOW_SEEN, before] if before >= 0 else np.inf
    worst = quiet[LOW_PRICE, before] if before >= 0 else 1.0
    report = quiet[REPORT, before] if before >= 0 else trouble.first
    age = int(quiet[AGE, before]) if before >= 0 else 0
    reports[:k] = quiet[REPORT, :k]
    size = FIRST_BLOCKS
    ends, state = np.empty((2, size, 2), np.int64), np.empty((2, size, 3))
    ends[0, 0, 0], ends[0, 0, 1] = 0, accounts
    state[0, 0, S], state[0, 0, A], state[0, 0, TOP] = 1.0, 0.0, scale * ratio[0]
    count, old = 1, 0
    kept, fading, impact, inventory = 0.0, 0.0, 1.0, 0.0
    while k < steps:
        if pool > 0.0:
            fading *= decay
            impact, inventory = np.exp(kept + fading), 0.0
        else:
            inventory = max(0.0, inventory - drained)
        price = prices[k] * impact
        worst = min(worst, price)
        due, age = followed[k] * impact * trouble.shown, age + 1
        # No branch: whether the feed moves cannot be guessed, and a wrong guess is dear.
        moves = abs(due - report) >= deviation * report
        moves |= (heartbeat > 0) & (age >= heartbeat)
        moves &= k >= trouble.frozen
        report = due if moves else report
        age = 0 if moves else age
        reports[k] = report
        seen = reports[k - latency] if k >= latency else trouble.first
        low_seen = min(low_seen, seen)
        k += 1
        if seen >= highest:
            continue
        room = room_for(row, sizes, averages, bonus, seen, price) - inventory
        if room <= LEAST_ROOM_USD:
            continue
        if 2 * count + 2 > size:
            size = 4 * count
            more_ends, more_state = np.empty((2, size, 2), np.int64), np.empty((2, size, 3))
            more_ends[old, :count], more_state[old, :count] = ends[old, :count], state[old, :count]
            ends, state = more_ends, more_state
        count, top, sold = liquidate(
            ratio, debts, units, scale, ends, state, old, count, threshold, seen, price, bonus,
            close, full_health, room, total,
        )  # fmt: skip
        old = 1 - old
        highest = top / threshold
        inventory += sold
        stays, fades = impact_of(row, sold, price)
        kept, fading = kept + stays, fading + fades
        impact = np.exp(kept + fading)
        if k < steps and _is_over(
            k, quiet, reports, latency, pool, trouble.first, impact, highest, worst
        ):
            if pool == 0.0:
                worst = min(worst, quiet[LOW_PRICE_LEFT, k] * impact)
            break
        if losses_only and k < steps and pool == 0.0 and top <= worst:
            held = units[accounts] - total[SEIZED]
            further, _ = impact_of(row, held * quiet[HIGH_PRICE_LEFT, k] * impact, 1.0)
            lowest = _lowest_report(k, quiet, reports, latency, trouble.first, impact)
            lowest = min(lowest, quiet[LOW_PRICE_LEFT, k] * impact) * np.exp(further)
            # Who owes less than report and price over 1 + bonus a unit loses nothing.
            if lowest >= top * (1.0 + bonus) * (1.0 + SAFE):
                break
    triggered = end_of(book.ratio, 0, accounts, threshold * low_seen / scale)
    total[BAD] += total[WRITTEN] + shortfall(book, scale, ends, state, old, count, triggered, worst)


@compiled()
def _lowest_report(k, quiet, reports, latency, first, impact):  # type: ignore[no-untyped-def]
    """Return a price that no report from step `k` on goes below under today's impact."""
    lowest = min(quiet[LOW_DUE_LEFT, k] * impact, reports[k - 1])
    for j in range(max(k - latency, 0), k):
        lowest = min(lowest, reports[j])
    return min(lowest, first) if k < latency else lowest


@compiled()
def _is_over(k, quiet, reports, latency, pool, first, impact, highest, worst):  # type: ignore[no-untyped-def]
    """Tell whether no report from step `k` on can reach another account.

    Prices will not fall below what they would be under today's impact. A pool recovers, so
    there the worst price is known only where it lies behind.
    """
    if pool > 0.0 and quiet[LOW_PRICE_LEFT, k] * impact < worst:
        return False
    return _lowest_report(k, quiet, reports, latency, first, impact) >= highest


@compiled(parallel=True)
def over_grid(  # type: ignore[no-untyped-def]
    prices, followed, book, sales, trouble, close, full_health, thresholds, scales, wanted, out
):  # fmt: skip
    """Run every wanted pair of path and threshold; `out` has shape (paths, thresholds, 4)."""
    paths, steps = prices.shape
    for i in prange(paths):
        quiet, reports = np.empty((8, steps)), np.empty(steps)
        _follow(prices[i], followed[i], sales, trouble, quiet)
        for j in range(len(thresholds)):
            if wanted[i, j] != SKIPPED:
                _over_path(
                    prices[i], followed[i], quiet, reports, book, sales, trouble, close,
                    full_health, thresholds[j], scales[j], wanted[i, j] == LOSSES, out[i, j],
                )  # fmt: skip
