"""Work W: 10,000 accounts, 288 steps of five minutes, 1,000 paths, 10 thresholds.

One stress day of a lending market that sells into a pool as large as its collateral.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from govkit.records.liquidation import CloseRule
from govkit.simulate.engine import Book, Pool, Rules, Terms
from govkit.simulate.random import generator

Array = NDArray[np.float64]

ACCOUNTS, STEPS, PATHS = 10_000, 288, 1_000
THRESHOLDS = np.linspace(0.74, 0.92, 10)
FINE_THRESHOLDS = np.linspace(0.72, 0.92, 41)
REFERENCE = 0.80

DEBT_USD = 200e6
LOWEST_LTV, HIGHEST_LTV = 0.15, 0.72
BONUS, CLOSE_FACTOR = 0.05, 0.5
HALF_LIFE_STEPS = 12.0

STEPS_PER_YEAR = 365 * 288
VOLATILITY, FREEDOM = 1.20, 4
JUMPS_PER_STEP, JUMP, JUMP_SPREAD = 1 / 288, -0.08, 0.08
CHUNK_PATHS = 10_000
"""Paths drawn at once: 100,000 paths need no more working memory than 10,000."""

SEED = 5


@dataclass(frozen=True)
class Work:
    """A book, what liquidating it costs, and the prices and thresholds it is run at.

    `prices` has the shape (paths, steps), `thresholds` (thresholds,).
    """

    book: Book
    terms: Terms
    pool: Pool
    prices: Array
    thresholds: Array

    @property
    def total_debt(self) -> float:
        """Debt of the whole book, dollars."""
        return float(self.book.debt_usd.sum())

    @property
    def checks(self) -> int:
        """How often an account would be looked at by who looks at every one at every step."""
        return len(self.book.debt_usd) * self.prices.size * len(self.thresholds)

    def units(self) -> Array:
        """Return each account's collateral, in units that are worth one dollar at the start."""
        return self.book.debt_usd / (self.book.reference_threshold * self.book.trigger)

    def first_paths(self, count: int) -> Work:
        """Return the same work on its first `count` paths."""
        return self.on(self.prices[:count])

    def on(self, prices: Array) -> Work:
        """Return the same work on other prices."""
        return Work(self.book, self.terms, self.pool, prices, self.thresholds)


def reference_work(
    accounts: int = ACCOUNTS, paths: int = PATHS, steps: int = STEPS, thresholds: Array = THRESHOLDS
) -> Work:
    """Return W, or the same work at another size."""
    ltv, debt = loans(accounts)
    book = Book(
        trigger=ltv / REFERENCE, debt_usd=debt, reference_threshold=REFERENCE, backed_usd=DEBT_USD
    )
    pool = Pool(units_usd=float((debt / ltv).sum()), half_life_steps=HALF_LIFE_STEPS)
    return Work(book, terms(), pool, make_prices(paths, steps), thresholds)


def terms() -> Terms:
    """Return W's rules: half of the debt at a bonus of 5 %, no fees, an oracle without delay."""
    return Terms(
        bonus=BONUS, protocol_fee_share=0.0, deviation=0.0, swap_fee=0.0, gas_share=0.0,
        refill_steps=1.0, permanent_share=0.0, latency_steps=0,
        rules=Rules(close=CloseRule(close_factor=CLOSE_FACTOR)),
    )  # fmt: skip


def loans(accounts: int) -> tuple[Array, Array]:
    """Draw loan-to-value ratios, highest first, and Pareto debts of 200 M dollars in all."""
    random = generator(SEED, "benchmarks", "loans")
    ltv = np.sort(random.uniform(LOWEST_LTV, HIGHEST_LTV, accounts))[::-1].copy()
    debt = 1 + random.pareto(1.5, accounts)
    return ltv, debt * (DEBT_USD / debt.sum())


def make_prices(paths: int, steps: int = STEPS) -> Array:
    """Draw prices of a stress day: Student-t returns and, on average, one jump down a day.

    Returns
    -------
    Array
        Shape (paths, steps), relative to the price before the first step.
    """
    prices = np.empty((paths, steps))
    for first in range(0, paths, CHUNK_PATHS):
        chunk = prices[first : first + CHUNK_PATHS]
        random = generator(SEED, "benchmarks", "prices", str(first))
        chunk[:] = random.standard_t(FREEDOM, chunk.shape)
        # A Student-t variable has the variance v / (v - 2).
        chunk *= VOLATILITY / np.sqrt(STEPS_PER_YEAR * FREEDOM / (FREEDOM - 2))
        add_jumps(chunk, random)
        np.cumsum(chunk, axis=1, out=chunk)
        np.exp(chunk, out=chunk)
    return prices


def add_jumps(returns: Array, random: np.random.Generator) -> None:
    """Add a Poisson number of normal jumps at random places of log returns, in place."""
    count = random.poisson(JUMPS_PER_STEP * returns.size)
    places = random.integers(returns.size, size=count)
    np.add.at(returns.reshape(-1), places, random.normal(JUMP, JUMP_SPREAD, count))
