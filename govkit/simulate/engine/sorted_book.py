"""The sorted book: accounts of one collateral as blocks that liquidations transform alike.

Sorted by debt per unit of collateral, accounts that can be liquidated stand first. Those that
one price liquidates alike are neighbours, repay the same share of their debt and lose the same
units for each dollar repaid. So a block of them is four numbers: its ends, the share `s` of its
first debt that is left, and the units `a` seized for each dollar of that debt. With debts `D`
and units `C` at the start, an account of the block owes ``s D`` against ``C - a D``. Ratios keep
their order, and sums over the block are differences of running sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from govkit.simulate.compiled import compiled
from govkit.simulate.engine.sale import LEAST_ROOM_USD

Array = NDArray[np.float64]

REPAID, WRITTEN, SEIZED = range(3)
S, A, TOP = range(3)
"""State of a block: share of the debt left, units seized for each dollar of it, largest ratio."""


class Sorted(NamedTuple):
    """Accounts with debt, highest ratio of debt to units first, and running sums from 0.

    `ratio` has shape (accounts,), the sums (accounts + 1,).
    """

    ratio: Array
    debts: Array
    units: Array


def sorted_accounts(debt: Array, units: Array) -> Sorted:
    """Return accounts of one collateral as the kernel wants them; those without debt drop out.

    The sums are taken in extended precision where the machine has it: a million roundings would
    otherwise show.
    """
    owing = debt > 0
    debt, units = debt[owing], units[owing]
    with np.errstate(divide="ignore"):
        ratio = debt / units
    order = np.argsort(-ratio, kind="stable")
    debts, held = (
        np.concatenate([[0.0], np.cumsum(column[order], dtype=np.longdouble).astype(float)])
        for column in (debt, units)
    )
    return Sorted(np.ascontiguousarray(ratio[order]), debts, held)


@compiled()
def end_of(ratio, lo, hi, level):  # type: ignore[no-untyped-def]
    """Return the end of the accounts in [lo, hi) whose ratio at the start is above `level`."""
    if lo >= hi or ratio[lo] <= level:
        return lo
    while lo < hi:
        middle = (lo + hi) // 2
        if ratio[middle] > level:
            lo = middle + 1
        else:
            hi = middle
    return lo


@compiled(inline=True)
def level_of(level, s, a, scale):  # type: ignore[no-untyped-def]
    """Ratio at the start above which an account of a block has a ratio above `level` now."""
    return level / (scale * (s + a * level))


@compiled(inline=True)
def _put(ratio, scale, ends, state, at, n, lo, hi, s, a):  # type: ignore[no-untyped-def]
    """Write a block with the ratio of its first account, the largest in it."""
    ends[at, n, 0], ends[at, n, 1] = lo, hi
    scaled = scale * ratio[lo]
    left = 1.0 - a * scaled
    state[at, n, S], state[at, n, A] = s, a
    state[at, n, TOP] = s * scaled / left if left > 0.0 else np.inf
    return n + 1


@compiled(inline=True)
def _given(units, debts, i, j, by_units, by_debt):  # type: ignore[no-untyped-def]
    """Units that the accounts [i, j) give."""
    return by_units * (units[j] - units[i]) + by_debt * (debts[j] - debts[i])


@compiled()
def _within(units, debts, i, j, by_units, by_debt, room, price):  # type: ignore[no-untyped-def]
    """Sell what the accounts [i, j) give into the room, in order.

    Returns the end of those that give all they have to, their units, and the units of the next
    one that the room cuts short (0 when it cuts none), and whether the room is used up.
    """
    given = _given(units, debts, i, j, by_units, by_debt)
    if given * price < room - LEAST_ROOM_USD:
        return j, given, 0.0, False
    # The last one sold is the first after which a dollar of room or less is left.
    enough, limit = (room - LEAST_ROOM_USD) / price, room / price
    lo, hi = i + 1, j
    while lo < hi:
        middle = (lo + hi) // 2
        if _given(units, debts, i, middle, by_units, by_debt) >= enough:
            hi = middle
        else:
            lo = middle + 1
    given = _given(units, debts, i, lo, by_units, by_debt)
    if given <= limit:
        return lo, given, 0.0, True
    before = _given(units, debts, i, lo - 1, by_units, by_debt)
    return lo - 1, before, max(limit - before, 0.0), True


@compiled()
def zones(ratio, lo, hi, s, a, scale, health, covered, close, full_health):  # type: ignore[no-untyped-def]
    """Split a block by what a liquidation does to its accounts, at most once each.

    Returns four ends. Up to the first, everything is seized and does not cover the debt; up to
    the second, the debt is repaid in full; up to the third, everything is seized for a part of
    the debt; up to the fourth, a part is repaid. Beyond stand those that nobody can liquidate.
    """
    end = end_of(ratio, lo, hi, level_of(health, s, a, scale))
    full = end
    if close < 1.0:
        full = lo
        if full_health > 0.0:
            full = end_of(ratio, lo, end, level_of(health / full_health, s, a, scale))
    first = end_of(ratio, lo, full, level_of(covered, s, a, scale))
    third = end_of(ratio, full, end, level_of(covered / close, s, a, scale))
    return first, full, third, end


@compiled()
def liquidate(  # type: ignore[no-untyped-def]
    ratio, debts, units, scale, ends, state, old, count, threshold, seen, price, bonus, close,
    full_health, room, total,
):  # fmt: skip
    """Liquidate along the blocks, in order, until the room is used up.

    `ends` and `state` hold two generations of blocks, at least ``2 * count + 2`` of each; `old`
    is read, the other one written. Adds to `total` what is repaid, written off and seized.
    Returns the number of blocks, the largest ratio among them, and the dollars sold.
    """
    n, sold, highest, done, new = 0, 0.0, 0.0, False, 1 - old
    covered, health = seen / (1.0 + bonus), threshold * seen
    for b in range(count):
        edge, hi = ends[old, b, 0], ends[old, b, 1]
        s, a = state[old, b, S], state[old, b, A]
        if done or state[old, b, TOP] <= health:
            ends[new, n, 0], ends[new, n, 1] = edge, hi
            state[new, n, S], state[new, n, A] = s, a
            state[new, n, TOP] = state[old, b, TOP]
            highest = max(highest, state[new, n, TOP])
            n += 1
            continue
        before = n
        stops = zones(ratio, edge, hi, s, a, scale, health, covered, close, full_health)
        for zone in range(4):
            i, j, share = edge, stops[zone], 1.0 if zone < 2 else close
            if i >= j:
                continue
            everything = zone == 0 or zone == 2
            by_units = 1.0 if everything else 0.0
            by_debt = -a * scale if everything else share * s * scale / covered
            j, given, cut, done = _within(units, debts, i, j, by_units, by_debt, room - sold, price)
            debt = s * scale * (debts[j] - debts[i])
            repaid = given * covered if everything else share * debt
            if everything:
                total[WRITTEN] += debt - repaid
            elif share < 1.0 and j > i:
                left, taken = s * (1.0 - share), a + share * s / covered
                n = _put(ratio, scale, ends, state, new, n, i, j, left, taken)
            edge = j
            if cut > 0.0:
                given, repaid, edge = given + cut, repaid + cut * covered, j + 1
                first = scale * (debts[j + 1] - debts[j])
                left, taken = s - cut * covered / first, a + cut / first
                if left > 0.0:
                    n = _put(ratio, scale, ends, state, new, n, j, edge, left, taken)
            total[REPAID] += repaid
            total[SEIZED] += given
            sold += given * price
            if done:
                break
        if edge < hi:
            n = _put(ratio, scale, ends, state, new, n, edge, hi, s, a)
        for at in range(before, n):
            highest = max(highest, state[new, at, TOP])
    return n, highest, sold


@compiled()
def shortfall(book, scale, ends, state, at, count, triggered, price):  # type: ignore[no-untyped-def]
    """Debt that the units of the accounts before `triggered` do not cover at `price`."""
    total = 0.0
    for b in range(count):
        lo, s, a = ends[at, b, 0], state[at, b, S], state[at, b, A]
        hi = min(ends[at, b, 1], triggered)
        m = end_of(book.ratio, lo, hi, level_of(price, s, a, scale))
        if m > lo:
            debts = scale * (book.debts[m] - book.debts[lo])
            units = book.units[m] - book.units[lo] - a * debts
            total += max(s * debts - units * price, 0.0)
    return total
