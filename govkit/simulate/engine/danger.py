"""Which accounts a price puts in danger: the search of the touched kernel.

Only accounts that were in danger on the path are looked at again, and of those only the ones
that prices have since come close to. Each has an alarm: the lowest relative price among its
collaterals below which its health factor could be below 1. With one collateral that is exact.
"""

from __future__ import annotations

import numpy as np

from govkit.simulate.compiled import compiled

SAFE = 1e-12
"""Alarms ring this much early, so that no rounding keeps one silent."""

CHUNK = 64
"""Places whose highest alarm is kept, so that quiet ones are passed over together."""


@compiled(inline=True)
def borrowable_of(first, asset, threshold, units, seen, i):  # type: ignore[no-untyped-def]
    """Debt that an account's collateral allows at the reports."""
    total = 0.0
    for leg in range(first[i], first[i + 1]):
        total += threshold[leg] * units[leg] * seen[asset[leg]]
    return total


@compiled(inline=True)
def range_of(held_first, held, seen, c):  # type: ignore[no-untyped-def]
    """Lowest and highest report among the collaterals of a class; 0 for a class without any."""
    low, high = np.inf, 0.0
    for at in range(held_first[c], held_first[c + 1]):
        low, high = min(low, seen[held[at]]), max(high, seen[held[at]])
    if high == 0.0:
        low = 0.0
    return low, high


@compiled()
def in_danger(holdings, debt, units, seen, alarm, peaks, next_one, wake, triggered, found):  # type: ignore[no-untyped-def]
    """Mark accounts below health factor 1 as triggered, and list them in order.

    `alarm`, shape (accounts,), is that of each place in `holdings.kind_member`, 0 for one that
    was never in danger or owes nothing; `peaks` holds the highest alarm of every `CHUNK` places,
    `next_one` the first member of each class that was never in danger, `wake` the lowest
    relative price at which a class has to be looked at. Returns how many accounts were found.
    """
    first, asset, threshold = holdings.first, holdings.asset, holdings.threshold
    health, member = holdings.health, holdings.kind_member
    n, classes = 0, 0
    for c in range(len(next_one)):
        start, end = holdings.kind_first[c], holdings.kind_first[c + 1]
        low, high = range_of(holdings.held_first, holdings.held, seen, c)
        if low >= wake[c]:
            continue
        while next_one[c] < end and health[member[next_one[c]]] * low < 1.0 + SAFE:
            alarm[next_one[c]], peaks[next_one[c] // CHUNK] = np.inf, np.inf
            next_one[c] += 1
        before, top = n, 0.0
        for chunk in range(start // CHUNK, (next_one[c] - 1) // CHUNK + 1):
            if low < peaks[chunk]:
                for at in range(max(start, chunk * CHUNK), min(next_one[c], (chunk + 1) * CHUNK)):
                    if low >= alarm[at]:
                        continue
                    i = member[at]
                    if debt[i] <= 0.0:
                        alarm[at] = 0.0
                        continue
                    borrowable = borrowable_of(first, asset, threshold, units, seen, i)
                    if borrowable < debt[i]:
                        alarm[at] = np.inf
                        triggered[i] = True
                        found[n] = i
                        n += 1
                    else:
                        alarm[at] = high * debt[i] / borrowable * (1.0 + SAFE)
                peak = 0.0
                for at in range(chunk * CHUNK, min(len(alarm), (chunk + 1) * CHUNK)):
                    peak = max(peak, alarm[at])
                peaks[chunk] = peak
            top = max(top, peaks[chunk])
        wake[c] = top
        if next_one[c] < end:
            wake[c] = max(top, (1.0 + SAFE) / health[member[next_one[c]]])
        classes += n > before
    if classes > 1:
        found[:n] = np.sort(found[:n])
    return n


@compiled()
def first_wake(holdings):  # type: ignore[no-untyped-def]
    """Return the relative price below which each class has to be looked at, shape (classes,)."""
    classes = len(holdings.kind_first) - 1
    wake = np.empty(classes)
    for c in range(classes):
        weakest = holdings.health[holdings.kind_member[holdings.kind_first[c]]]
        wake[c] = (1.0 + SAFE) / weakest if weakest > 0.0 else np.inf
    return wake
