"""Run a book along many price paths: inputs are checked and the kernel is picked here."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from govkit.simulate.compiled import MISSING
from govkit.simulate.engine import blocks, sorted_book, touched
from govkit.simulate.engine.checks import (
    check_book,
    check_legs,
    check_terms,
    checked_prices,
)
from govkit.simulate.engine.holdings import holdings_of
from govkit.simulate.engine.offer import limits_of
from govkit.simulate.engine.sale import sales_of, trouble_of
from govkit.simulate.engine.terms import (
    NORMAL,
    Accounts,
    Book,
    Conditions,
    Depth,
    Losses,
    Pool,
    Rules,
    Terms,
)
from govkit.simulate.engine.twin.run import accounts_of_book, run_accounts_twin, run_book_twin

Array = NDArray[np.float64]
Collateral = tuple[Terms, Depth | Pool]

COLUMNS = tuple(field.name for field in fields(Losses) if field.name != "kernel")
CHUNK_PATHS = 64
"""Paths that share one copy of the accounts in the touched kernel; results do not depend on it."""


def kernel_for(rules: Rules) -> str:
    """Return the kernel that serves a book of one collateral under these rules.

    ``blocks`` where it is exact, ``touched`` for every other rule, and ``twin``, plain Python,
    where numba cannot be loaded.
    """
    if MISSING:
        return "twin"
    close = rules.close
    plain = (
        close.full_close_usd == 0 and close.least_left_usd == 0 and close.target_health == 0
        and close.bonus_slope == np.inf and rules.gas_usd == 0 and rules.capital_usd == np.inf
        and not rules.impact_within_step and rules.rounds == 1
    )  # fmt: skip
    return "blocks" if plain else "touched"


def run_book(
    prices: Array,
    book: Book,
    threshold: float,
    terms: Terms,
    depth: Depth | Pool,
    *,
    relever: bool = True,
    followed: Array | None = None,
    conditions: Conditions = NORMAL,
    kernel: str = "",
) -> Losses:
    """Run the book along price paths at one threshold; see `run_grid`.

    Returns
    -------
    Losses
        Shapes (paths,). ``0 <= bad debt <= debt``.
    """
    found = run_grid(
        prices, book, np.array([threshold]), terms, depth, relever=relever, followed=followed,
        conditions=conditions, kernel=kernel,
    )  # fmt: skip
    only: dict[str, Any] = {name: getattr(found, name)[:, 0] for name in COLUMNS}
    return Losses(**only, kernel=found.kernel)


def run_grid(
    prices: Array,
    book: Book,
    thresholds: Array,
    terms: Terms,
    depth: Depth | Pool,
    *,
    relever: bool = True,
    followed: Array | None = None,
    conditions: Conditions = NORMAL,
    wanted: NDArray[np.int8] | None = None,
    kernel: str = "",
) -> Losses:
    """Run the book along the same price paths at every threshold (common random numbers).

    Parameters
    ----------
    prices:
        Shape (paths, steps), relative to the price at the trigger, before any impact of sales.
    thresholds:
        Shape (thresholds,), fractions above 0.
    relever:
        True: borrowers keep their health factor, so debts scale with the threshold. False: debts
        stay as they are and the trigger prices move instead.
    followed:
        Shape (paths, steps): what the oracle follows, relative to its value at the trigger. None
        for the market price; ones for a pinned feed, the underlying's path for an exchange rate.
    conditions:
        Outage of keepers, frozen, high or low feed.
    wanted:
        Shape (paths, thresholds): `EVERYTHING` (all pairs when None), `LOSSES` where only bad
        debt is asked for and other columns may hold too little, `SKIPPED` for pairs that are
        not run and have zeros.
    kernel:
        Empty for what `kernel_for` picks; else the name of one, which must know the rules.

    Returns
    -------
    Losses
        Shapes (paths, thresholds). No number depends on how many threads work on it.

    Raises
    ------
    ValueError
        For prices, debts, triggers, thresholds or depth that are not numbers of their kind, see
        `checks`, arrays whose shapes differ, and a kernel that does not know the rules.
    """
    seen = checked_prices(prices, followed, 2)
    levels = np.atleast_1d(np.asarray(thresholds, dtype=float))
    if levels.size and not 0 < levels.min() <= levels.max() < np.inf:
        raise ValueError(f"a threshold is not above 0 and finite: {levels.min()}")
    check_book(book)
    check_terms(terms, depth)
    whole = np.full((len(prices), len(levels)), blocks.EVERYTHING, np.int8)
    pairs = whole if wanted is None else wanted
    if pairs.dtype == bool:
        raise ValueError("wanted is boolean; it takes SKIPPED, LOSSES and EVERYTHING")
    if pairs.shape != (len(prices), len(levels)):
        raise ValueError(f"wanted has shape {pairs.shape}, not {(len(prices), len(levels))}")
    name = _kernel(terms.rules, kernel)
    if name == "blocks":
        return _by_blocks(prices, seen, book, levels, terms, depth, relever, conditions, pairs)
    columns = np.zeros((len(COLUMNS), len(prices), len(levels)))
    for j, level in enumerate(levels):
        at = np.flatnonzero(pairs[:, j])
        if name == "twin":
            found = run_book_twin(
                prices[at], book, float(level), terms, depth, relever=relever, followed=seen[at],
                conditions=conditions,
            )  # fmt: skip
        else:
            accounts = accounts_of_book(book, float(level), terms, relever=relever)
            found = run_accounts(
                prices[None, at], accounts, ((terms, depth),), followed=seen[None, at],
                conditions=conditions, kernel=name,
            )  # fmt: skip
        columns[:, at, j] = [getattr(found, column) for column in COLUMNS]
    named: dict[str, Any] = dict(zip(COLUMNS, columns, strict=True))
    return Losses(**named, kernel=name)


def run_accounts(
    prices: Array,
    accounts: Accounts,
    collaterals: tuple[Collateral, ...],
    *,
    followed: Array | None = None,
    conditions: Conditions = NORMAL,
    kernel: str = "",
) -> Losses:
    """Run accounts of several collaterals along joint price paths.

    Parameters
    ----------
    prices:
        Shape (collaterals, paths, steps), each relative to its price at the start.
    collaterals:
        Terms and depth of each; the rules are the market's and the same in all.
    followed:
        As in `run_grid`, of the shape of `prices`.
    kernel:
        Empty, ``touched`` or ``twin``.

    Returns
    -------
    Losses
        Shapes (paths,).

    Raises
    ------
    ValueError
        As in `run_grid`, and for rules that differ between collaterals or legs that name none.
    """
    seen = checked_prices(prices, followed, 3)
    if len(collaterals) != len(prices) or not collaterals:
        raise ValueError(f"{len(collaterals)} collaterals have prices of {len(prices)}")
    rules = collaterals[0][0].rules
    if any(terms.rules != rules for terms, _ in collaterals):
        raise ValueError("the collaterals of one market have different rules")
    check_legs(accounts, len(collaterals))
    for terms, depth in collaterals:
        check_terms(terms, depth)
    name = "touched" if not (kernel or MISSING) else kernel or "twin"
    if name == "twin":
        return run_accounts_twin(
            prices, accounts, collaterals, followed=seen, conditions=conditions
        )
    if name != "touched":
        raise ValueError(f"kernel '{name}' does not know several collaterals")
    return _by_accounts(prices, seen, accounts, collaterals, conditions)


def units_of(book: Book) -> Array:
    """Return the accounts' collateral, in units worth a dollar at the start.

    At the trigger price, threshold x units x price is the debt. Re-levered or not, the units do
    not depend on the threshold.
    """
    return np.asarray(book.debt_usd / (book.reference_threshold * book.trigger))


def _by_blocks(
    prices: Array, followed: Array, book: Book, thresholds: Array, terms: Terms,
    depth: Depth | Pool, relever: bool, conditions: Conditions, wanted: NDArray[np.int8],
) -> Losses:  # fmt: skip
    out = np.zeros((len(prices), len(thresholds), blocks.COLUMNS))
    scales = thresholds / book.reference_threshold if relever else np.ones(len(thresholds))
    close = terms.rules.close
    blocks.over_grid(
        np.ascontiguousarray(prices), np.ascontiguousarray(followed),
        sorted_book.sorted_accounts(book.debt_usd, units_of(book)),
        sales_of(((terms, depth),)), trouble_of(conditions), float(close.close_factor),
        float(close.full_close_health), thresholds, scales, wanted, out,
    )  # fmt: skip
    repaid = out[..., sorted_book.REPAID]
    return Losses(
        bad_debt_usd=out[..., blocks.BAD],
        repaid_usd=repaid,
        written_off_usd=out[..., sorted_book.WRITTEN],
        bonus_usd=terms.bonus * repaid,
        fee_usd=terms.bonus * terms.protocol_fee_share * repaid,
        seized_usd=out[..., sorted_book.SEIZED],
        kernel="blocks",
    )


def _by_accounts(
    prices: Array, followed: Array, accounts: Accounts, collaterals: tuple[Collateral, ...],
    conditions: Conditions,
) -> Losses:  # fmt: skip
    out = np.zeros((prices.shape[1], touched.COLUMNS))
    touched.over_paths(
        np.ascontiguousarray(prices), np.ascontiguousarray(followed),
        holdings_of(accounts, len(collaterals)), limits_of(collaterals[0][0].rules),
        sales_of(collaterals), trouble_of(conditions), -(-prices.shape[1] // CHUNK_PATHS), out,
    )  # fmt: skip
    return Losses(
        bad_debt_usd=out[:, touched.BAD],
        repaid_usd=out[:, touched.REPAID],
        written_off_usd=out[:, touched.WRITTEN],
        bonus_usd=out[:, touched.BONUS],
        fee_usd=out[:, touched.FEE],
        seized_usd=out[:, touched.SEIZED],
        kernel="touched",
    )


def _kernel(rules: Rules, asked: str) -> str:
    fitting = kernel_for(rules)
    if asked == "blocks" and fitting == "touched":
        raise ValueError("kernel 'blocks' does not know these rules; 'touched' does")
    if asked not in ("", "blocks", "touched", "twin"):
        raise ValueError(f"unknown kernel '{asked}'; known: blocks, touched, twin")
    return asked or fitting
