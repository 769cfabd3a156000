"""Inputs of the engine are numbers of the right kind, or refused with a `ValueError`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from govkit.simulate.engine.terms import Accounts, Book, Depth, Pool, Terms

Array = NDArray[np.float64]


def checked_prices(prices: Array, followed: Array | None, dimensions: int) -> Array:
    """Return what the feed follows, after checking both: positive numbers of one shape."""
    if prices.ndim != dimensions:
        raise ValueError(f"prices have {prices.ndim} dimensions, not {dimensions}")
    if followed is not None and followed.shape != prices.shape:
        raise ValueError(f"followed has shape {followed.shape}, prices {prices.shape}")
    for name, values in (("prices", prices), ("followed", followed)):
        # A NaN is neither above 0 nor below infinity, and the extremes of an array hold it.
        if values is not None and values.size and not 0 < values.min() <= values.max() < np.inf:
            raise ValueError(f"{name} hold a value that is not a positive number")
    return prices if followed is None else followed


def check_book(book: Book) -> None:
    """Refuse debts that are negative or no numbers, and triggers that are no prices."""
    if book.trigger.shape != book.debt_usd.shape:
        raise ValueError(f"{len(book.trigger)} trigger prices have {len(book.debt_usd)} debts")
    if not 0 < book.reference_threshold < np.inf:
        raise ValueError(f"reference threshold {book.reference_threshold} is not positive")
    _check_amounts("debt_usd", book.debt_usd)
    triggers = book.trigger
    if triggers.size and not 0 < triggers.min() <= triggers.max() < np.inf:
        raise ValueError("trigger holds a value that is not a positive number")


def check_legs(accounts: Accounts, collaterals: int) -> None:
    """Refuse legs of unknown collaterals, and amounts that are negative or no numbers."""
    legs = accounts.collateral
    if len(legs) and not 0 <= legs.min() <= legs.max() < collaterals:
        raise ValueError(f"a leg names collateral {legs.max()} of {collaterals}")
    for name in ("debt_usd", "units", "threshold", "bonus"):
        _check_amounts(name, getattr(accounts, name))


def check_terms(terms: Terms, depth: Depth | Pool) -> None:
    """Refuse a refill time or rounds that never end, and depth that is none."""
    if not terms.refill_steps > 0 or terms.rules.rounds < 1:
        raise ValueError("refill steps and rounds are not above 0")
    if isinstance(depth, Pool):
        if not 0 < depth.units_usd < np.inf or not 0 <= depth.half_life_steps < np.inf:
            raise ValueError("a pool is empty, or its half-life is negative")
        return
    if len(depth.sizes_usd) == 0 or depth.sizes_usd.shape != depth.slippage.shape:
        raise ValueError("a depth curve has no points, or not one slippage for each size")
    _check_amounts("sizes_usd", depth.sizes_usd)
    _check_amounts("slippage", depth.slippage)


def _check_amounts(name: str, values: Array) -> None:
    if len(values) and not 0 <= values.min() <= values.max() < np.inf:
        raise ValueError(f"{name} holds a value that is negative or not a number")
