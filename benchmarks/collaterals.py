"""Books of several collaterals, which need the kernel of touched accounts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import Row, Section, item
from benchmarks.measure import median_seconds
from benchmarks.work import BONUS, DEBT_USD, SEED, THRESHOLDS, loans, make_prices, terms
from govkit.simulate.engine import Accounts, Pool, Terms, run_accounts
from govkit.simulate.random import generator

Array = NDArray[np.float64]

COLLATERALS = (1, 2, 3, 5)
COMMON = 0.8
"""Share of each log return that is common to all collaterals; the rest is the asset's own."""


def joint_prices(collaterals: int, paths: int) -> Array:
    """Return prices of shape (collaterals, paths, steps) that mostly move together."""
    if collaterals == 1:
        return make_prices(paths)[None]
    drawn = np.log(make_prices((collaterals + 1) * paths)).reshape(collaterals + 1, paths, -1)
    return np.exp(COMMON * drawn[:1] + (1 - COMMON) * drawn[1:])


def mixed_accounts(accounts: int, collaterals: int, threshold: float) -> Accounts:
    """Return accounts of W, each with as many collaterals as there are, in random shares."""
    ltv, debt = loans(accounts)
    random = generator(SEED, "benchmarks", "shares", str(collaterals))
    shares = random.dirichlet(np.ones(collaterals), accounts)
    legs = accounts * collaterals
    return Accounts(
        debt_usd=debt,
        first=np.arange(0, legs + 1, collaterals, dtype=np.int64),
        collateral=np.tile(np.arange(collaterals, dtype=np.int64), accounts),
        units=((debt / ltv)[:, None] * shares).reshape(-1),
        threshold=np.full(legs, threshold),
        bonus=np.full(legs, BONUS),
    )


def pools(accounts: Accounts, collaterals: int) -> tuple[tuple[Terms, Pool], ...]:
    """Return for each collateral W's rules and a pool as large as the book's units of it."""
    held = np.bincount(accounts.collateral, accounts.units, collaterals)
    return tuple((terms(), Pool(float(units), half_life_steps=12.0)) for units in held)


@item("collaterals", "Several collaterals")
def collaterals(small: bool) -> Section:
    """Run books whose accounts hold one to five collaterals, each with its own prices and pool.

    The same 10 thresholds, one call for each; accounts, debts and rules of W. Of one collateral
    this is W itself, forced through the general kernel.
    """
    accounts, paths = (1_000, 50) if small else (10_000, 1_000)
    rows = []
    for count in COLLATERALS:
        prices = joint_prices(count, paths)
        books = [mixed_accounts(accounts, count, threshold) for threshold in THRESHOLDS]
        held = pools(books[0], count)

        def run(prices=prices, books=books, held=held) -> None:
            for book in books:
                run_accounts(prices, book, held)

        seconds = median_seconds({"run": run}, 3)["run"]
        rate = accounts * prices[0].size * len(THRESHOLDS) / seconds / 1e9
        note = f"{rate:.1f} billion accounts × steps × paths × thresholds a second"
        rows.append(Row(f"{count} collateral{'s' if count > 1 else ''}", seconds, note=note))
    text = f"Debt is {DEBT_USD / 1e6:.0f} M dollars in all; {COMMON:.0%} of each move is common."
    return Section(tuple(rows), text.replace("%", " %"))
