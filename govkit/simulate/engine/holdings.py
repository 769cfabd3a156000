"""Accounts of several collaterals, laid out for a kernel that touches only those in danger.

Prices relative to the start bound every health factor from below: it falls at most as far as
the account's collateral that fell the most. So among accounts that hold the same collaterals
those with the lowest health factor at the start are in danger first, and a pointer into each
such class finds the next one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from govkit.simulate.engine.terms import Accounts

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Holdings(NamedTuple):
    """Accounts with debt, in the order in which keepers go through them, and their classes.

    Attributes
    ----------
    debt:
        Shape (accounts,), lowest health factor at the start first.
    first, asset, units, threshold, bonus:
        The legs, as in `Accounts`, in that order.
    health:
        Shape (accounts,), at prices of 1.
    kind:
        Shape (accounts,): class of the account.
    kind_first, kind_member:
        Members of a class, lowest health factor first: ``kind_member[kind_first[c]:kind_first[c
        + 1]]``.
    held_first, held:
        Assets of a class, laid out alike.
    """

    debt: Array
    first: Integers
    asset: Integers
    units: Array
    threshold: Array
    bonus: Array
    health: Array
    kind: Integers
    kind_first: Integers
    kind_member: Integers
    held_first: Integers
    held: Integers


def holdings_of(accounts: Accounts, collaterals: int) -> Holdings:
    """Lay accounts out; those without debt drop out.

    Work and memory grow with accounts x collaterals, one byte each.
    """
    n = len(accounts.debt_usd)
    owner = np.repeat(np.arange(n), np.diff(accounts.first))
    borrowable = np.bincount(owner, accounts.threshold * accounts.units, minlength=n)
    owing = np.flatnonzero(accounts.debt_usd > 0)
    health = borrowable[owing] / accounts.debt_usd[owing]
    order = owing[np.argsort(health, kind="stable")]
    health = np.sort(health, kind="stable")
    first, legs = _legs_in(order, accounts.first)
    has = np.zeros((n, collaterals), dtype=bool)
    has[owner, accounts.collateral] = accounts.units > 0
    patterns, kind = np.unique(has[order], axis=0, return_inverse=True)
    kind = kind.reshape(-1).astype(np.int64)
    members = np.argsort(kind, kind="stable")
    return Holdings(
        debt=accounts.debt_usd[order].astype(float),
        first=first,
        asset=accounts.collateral[legs].astype(np.int64),
        units=accounts.units[legs].astype(float),
        threshold=accounts.threshold[legs].astype(float),
        bonus=accounts.bonus[legs].astype(float),
        health=health,
        kind=kind,
        kind_first=_ends(np.bincount(kind, minlength=len(patterns))),
        kind_member=members.astype(np.int64),
        held_first=_ends(patterns.sum(axis=1)),
        held=np.nonzero(patterns)[1].astype(np.int64),
    )


def _legs_in(order: Integers, first: Integers) -> tuple[Integers, Integers]:
    """Return starts and places of the legs of accounts taken in an order."""
    counts = np.diff(first)[order]
    ends = _ends(counts)
    places = np.arange(ends[-1]) - np.repeat(ends[:-1] - first[:-1][order], counts)
    return ends, places


def _ends(counts: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
