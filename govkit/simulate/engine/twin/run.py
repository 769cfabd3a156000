"""The liquidation engine in plain Python, in the order of ``docs/engine.md``.

It is what the compiled kernels are tested against, and what runs where numba cannot be loaded:
slow, and meant to be read. The letters in the comments are those of that page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from govkit.simulate.engine.terms import (
    NORMAL,
    Accounts,
    Array,
    Book,
    Conditions,
    Depth,
    Losses,
    Pool,
    Terms,
)
from govkit.simulate.engine.twin.path import Collaterals, Path, follow_path


def run_book_twin(
    prices: Array,
    book: Book,
    threshold: float,
    terms: Terms,
    depth: Depth | Pool,
    *,
    relever: bool = True,
    followed: Array | None = None,
    conditions: Conditions = NORMAL,
) -> Losses:
    """Run the accounts of a book at a liquidation threshold.

    Parameters
    ----------
    prices:
        Shape (paths, steps), relative to the start, before sales of the liquidations.
    threshold:
        Liquidation threshold of all accounts.
    relever:
        Whether debts are proportional to the threshold and trigger prices stay; else debts stay
        and trigger prices are inversely proportional to the threshold.
    followed:
        Shape of `prices`: what the feed follows; the prices themselves when not given.

    Raises
    ------
    ValueError
        When the shapes of `prices` and `followed` differ.
    """
    accounts = accounts_of_book(book, threshold, terms, relever=relever)
    feed = None if followed is None else followed[np.newaxis]
    return run_accounts_twin(
        prices[np.newaxis], accounts, ((terms, depth),), followed=feed, conditions=conditions
    )


def accounts_of_book(book: Book, threshold: float, terms: Terms, *, relever: bool) -> Accounts:
    """Return a book as accounts of one leg each, in its order."""
    scale = threshold / book.reference_threshold
    debt = book.debt_usd * scale if relever else book.debt_usd
    trigger = book.trigger if relever else book.trigger / scale
    count = len(debt)
    return Accounts(
        debt_usd=debt,
        first=np.arange(count + 1),
        collateral=np.zeros(count, dtype=np.int64),
        units=debt / (threshold * trigger),
        threshold=np.full(count, threshold),
        bonus=np.full(count, terms.bonus),
    )


def run_accounts_twin(
    prices: Array,
    accounts: Accounts,
    collaterals: Collaterals,
    *,
    followed: Array | None = None,
    conditions: Conditions = NORMAL,
) -> Losses:
    """Run accounts of one or several collaterals.

    Parameters
    ----------
    prices:
        Shape (collaterals, paths, steps), relative to the start, before sales of the
        liquidations.
    collaterals:
        Terms and depth of each; the rules of the first hold.
    followed:
        Shape of `prices`: what the feeds follow; the prices themselves when not given.

    Raises
    ------
    ValueError
        When the shapes of `prices` and `followed` differ, or there is not one row of prices for
        each collateral.
    """
    feeds = prices if followed is None else followed
    if feeds.shape != prices.shape or len(prices) != len(collaterals):
        raise ValueError(
            f"prices of shape {prices.shape} and a feed of shape {feeds.shape} "
            f"for {len(collaterals)} collaterals"
        )
    paths = [
        follow_path(prices[:, path], accounts, collaterals, feeds[:, path], conditions)[0]
        for path in range(prices.shape[1])
    ]

    def column(value: Callable[[Path], float]) -> Array:
        return np.array([value(path) for path in paths], dtype=float)

    return Losses(
        bad_debt_usd=column(lambda path: path.bad_debt),
        repaid_usd=column(lambda path: path.repaid),
        written_off_usd=column(lambda path: path.written_off),
        bonus_usd=column(lambda path: path.bonus),
        fee_usd=column(lambda path: path.fee),
        seized_usd=column(lambda path: path.seized),
        kernel="twin",
    )
