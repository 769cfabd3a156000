"""Random cases for the liquidation engine, from a seed.

All numbers that decide a branch are drawn from continuous laws, so no branch sits on a tie that
two correct kernels may round to different sides.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from govkit.records.liquidation import CloseRule
from govkit.simulate.engine.terms import (
    Accounts,
    Array,
    Book,
    Conditions,
    Depth,
    Pool,
    Rules,
    Terms,
)
from govkit.simulate.random import generator


class BookCase(NamedTuple):
    """One collateral and one debt, in the rule set of the block kernel."""

    prices: Array
    book: Book
    threshold: float
    terms: Terms
    depth: Depth | Pool
    followed: Array | None
    conditions: Conditions
    relever: bool


class AccountsCase(NamedTuple):
    """Several collaterals, any rules."""

    prices: Array
    accounts: Accounts
    collaterals: tuple[tuple[Terms, Depth | Pool], ...]
    followed: Array | None
    conditions: Conditions


def random_book_case(seed: int) -> BookCase:
    """Return 1 to 60 accounts on 1 to 4 paths of 1 to 60 steps."""
    rng = generator(seed, "book")
    paths, steps, count = rng.integers(1, 5), rng.integers(1, 61), rng.integers(1, 61)
    book = _book(rng, count)
    close = CloseRule(
        close_factor=_sometimes(rng, 0.6, rng.uniform(0.1, 1.0), 1.0),
        full_close_health=_sometimes(rng, 0.5, rng.uniform(0.8, 0.99), 0.0),
    )
    depth = _depth(rng, float(book.debt_usd.sum()))
    terms = replace(_terms(rng), rules=Rules(close=close))
    prices = _prices(rng, 1, paths, steps)
    followed = _followed(rng, prices)
    return BookCase(
        prices=prices[0],
        book=book,
        threshold=float(book.reference_threshold * rng.uniform(0.85, 1.1)),
        terms=terms,
        depth=depth,
        followed=None if followed is None else followed[0],
        conditions=_conditions(rng, steps),
        relever=bool(rng.random() < 0.5),
    )


def random_accounts_case(seed: int) -> AccountsCase:
    """Return 1 to 30 accounts of 1 to 4 collaterals on 1 to 3 paths of 1 to 30 rounds."""
    rng = generator(seed, "accounts")
    assets, paths, count = rng.integers(1, 5), rng.integers(1, 4), rng.integers(1, 31)
    own = [_terms(rng) for _ in range(assets)]
    accounts = _accounts(rng, count, own)
    total = float(accounts.debt_usd.sum())
    rules = _rules(rng, total)
    # Where the pool is the oracle every round feeds on the last and rounding errors grow with it:
    # beyond 30 rounds in all, two correct kernels can be more than 1e-12 of the debt apart.
    steps = rng.integers(1, 30 // rules.rounds + 1)
    prices = _prices(rng, assets, paths, steps)
    return AccountsCase(
        prices=prices,
        accounts=accounts,
        collaterals=tuple(
            (replace(terms, rules=rules), _depth(rng, total / assets)) for terms in own
        ),
        followed=_followed(rng, prices),
        conditions=_conditions(rng, steps),
    )


def _sometimes(rng: Generator, chance: float, value: float, otherwise: float) -> float:
    return float(value) if rng.random() < chance else otherwise


def _book(rng: Generator, count: int) -> Book:
    debt = _debts(rng, count)
    trigger = np.sort(rng.uniform(0.45, 1.02, count))[::-1].copy()
    return Book(
        trigger=trigger,
        debt_usd=debt,
        reference_threshold=float(rng.uniform(0.6, 0.9)),
        backed_usd=float(debt.sum() * rng.uniform(1.0, 1.5)),
    )


def _debts(rng: Generator, count: int) -> Array:
    """Return debts of some thousand dollars, some of cents, some of nothing."""
    debt = 10 ** rng.uniform(2.5, 5.5) * rng.lognormal(0.0, 1.5, count)
    kind = rng.random(count)
    return np.where(kind < 0.05, 0.0, np.where(kind < 0.1, rng.uniform(0.001, 2.0, count), debt))


def _accounts(rng: Generator, count: int, own: list[Terms]) -> Accounts:
    """Return accounts whose health factor at the start is 0.95 to 1.5; a few hold nothing."""
    assets = len(own)
    reserve = rng.uniform(0.5, 0.85, assets)
    debt = _debts(rng, count)
    first, collateral, units, threshold, bonus = [0], [], [], [], []
    for owed in debt:
        held = rng.permutation(assets)[: rng.integers(1, assets + 1)]
        in_mode = (rng.random() < 0.3) & (rng.random(len(held)) < 0.6)
        limit = np.where(in_mode, rng.uniform(0.86, 0.95), reserve[held])
        paid = np.where(in_mode, rng.uniform(0.01, 0.03), [own[j].bonus for j in held])
        share = rng.dirichlet(np.ones(len(held)))
        share[rng.random(len(held)) < 0.1] = 0.0
        worth = max(float(owed), rng.uniform(1.0, 1000.0)) * rng.uniform(0.95, 1.5)
        first.append(first[-1] + len(held))
        collateral += held.tolist()
        units += (share * worth / limit).tolist()
        threshold += limit.tolist()
        bonus += paid.tolist()
    return Accounts(
        debt_usd=debt,
        first=np.array(first, dtype=np.int64),
        collateral=np.array(collateral, dtype=np.int64),
        units=np.array(units),
        threshold=np.array(threshold),
        bonus=np.array(bonus),
    )


def _depth(rng: Generator, total_usd: float) -> Depth | Pool:
    """Return a pool or a curve, of a few per cent of the debt to several times it."""
    size = max(total_usd, 100.0) * 10 ** rng.uniform(-1.5, 0.8)
    if rng.random() < 0.5:
        return Pool(
            units_usd=float(size * 5),
            half_life_steps=_sometimes(rng, 0.8, rng.uniform(0.5, 20.0), 0.0),
        )
    points = int(rng.integers(1, 6))
    slippage = np.cumsum(rng.uniform(0.001, 0.2 / points, points + 1))
    slippage[0] = _sometimes(rng, 0.2, slippage[0], 0.0)
    sizes = np.concatenate([[0.0], np.cumsum(rng.uniform(0.1, 1.0, points))])
    return Depth(sizes_usd=sizes / sizes[-1] * size, slippage=slippage)


def _terms(rng: Generator) -> Terms:
    return Terms(
        bonus=float(rng.uniform(0.03, 0.15)),
        protocol_fee_share=_sometimes(rng, 0.7, rng.uniform(0.0, 0.4), 0.0),
        deviation=_sometimes(rng, 0.8, 10 ** rng.uniform(-3.0, -0.5), 0.0),
        swap_fee=_sometimes(rng, 0.7, rng.uniform(0.0, 0.005), 0.0),
        gas_share=_sometimes(rng, 0.7, rng.uniform(0.0, 0.01), 0.0),
        refill_steps=float(rng.uniform(1.0, 40.0)),
        permanent_share=_sometimes(rng, 0.8, rng.uniform(0.0, 1.0), 0.0),
        heartbeat_steps=int(_sometimes(rng, 0.6, rng.integers(1, 15), 0)),
        latency_steps=int(rng.integers(0, 4)),
    )


def _rules(rng: Generator, total_usd: float) -> Rules:
    typical = max(total_usd, 100.0) / 10
    close = CloseRule(
        close_factor=_sometimes(rng, 0.6, rng.uniform(0.1, 1.0), 1.0),
        full_close_health=_sometimes(rng, 0.4, rng.uniform(0.8, 0.99), 0.0),
        full_close_usd=_sometimes(rng, 0.4, typical * rng.uniform(0.05, 1.0), 0.0),
        least_left_usd=_sometimes(rng, 0.4, typical * rng.uniform(0.02, 0.4), 0.0),
        target_health=_sometimes(rng, 0.3, rng.uniform(1.01, 1.3), 0.0),
        bonus_slope=_sometimes(rng, 0.4, rng.uniform(0.5, 5.0), inf),
    )
    return Rules(
        close=close,
        gas_usd=_sometimes(rng, 0.4, typical * 10 ** rng.uniform(-4.0, -1.5), 0.0),
        capital_usd=_sometimes(rng, 0.4, typical * rng.uniform(0.05, 4.0), inf),
        impact_within_step=bool(rng.random() < 0.4),
        rounds=int(_sometimes(rng, 0.4, rng.integers(2, 6), 1)),
    )


def _conditions(rng: Generator, steps: int) -> Conditions:
    return Conditions(
        outage_steps=int(_sometimes(rng, 0.25, rng.integers(1, steps // 2 + 2), 0)),
        frozen_steps=int(_sometimes(rng, 0.25, rng.integers(1, steps // 2 + 2), 0)),
        feed_high=_sometimes(rng, 0.25, rng.uniform(0.0, 0.1), 0.0),
        feed_low=_sometimes(rng, 0.25, rng.uniform(0.0, 0.1), 0.0),
    )


def _prices(rng: Generator, assets: int, paths: int, steps: int) -> Array:
    """Return random walks with a fall of 0 to 65 % over 1 to 6 steps, and what is made up of it."""
    own = rng.normal(0.0, 0.006, (assets, paths, steps))
    moves = own + rng.normal(0.0, 10 ** rng.uniform(-3.0, -1.7), (1, paths, steps))
    for path in range(paths):
        begin, length = rng.integers(0, steps // 2 + 1), rng.integers(1, 7)
        fall = np.log(1 - rng.uniform(0.0, 0.65)) * rng.uniform(0.5, 1.0, assets)
        moves[:, path, begin : begin + length] += fall[:, np.newaxis] / length
        back = rng.integers(0, steps)
        moves[:, path, back : back + 3] -= 0.2 * fall[:, np.newaxis] * rng.random()
    return np.exp(np.cumsum(moves, axis=2))


def _followed(rng: Generator, prices: Array) -> Array | None:
    """Return what feeds follow: mostly the prices, else an underlying that strays, or a pin."""
    kind = rng.random()
    if kind < 0.7:
        return None
    if kind < 0.9:
        return prices * np.exp(rng.normal(0.0, 0.01, prices.shape).cumsum(axis=2))
    return np.ones_like(prices)
