"""The rules of W written the obvious way, three times: Python, NumPy, numba.

They follow `docs/engine.md` for one collateral, an oracle that shows the market price at once, a
constant close factor and bonus, no costs, and a pool whose price takes up sales after each step.
Each returns bad debt and repaid debt, both of shape (paths, thresholds).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.work import Work

Array = NDArray[np.float64]

SMALLEST_ROOM_USD = 1.0


def run_python(work: Work) -> tuple[Array, Array]:
    """Look at every account at every step, in plain Python on lists."""
    shape = len(work.prices), len(work.thresholds)
    bad, repaid = np.zeros(shape), np.zeros(shape)
    debts, units = work.book.debt_usd.tolist(), work.units().tolist()
    for i, path in enumerate(work.prices.tolist()):
        for j, threshold in enumerate(work.thresholds.tolist()):
            triggered = [False] * len(debts)
            bad[i, j], repaid[i, j] = _one_path(
                path, threshold, debts.copy(), units.copy(), triggered, *_constants(work)
            )
    return bad, repaid


def run_numba(work: Work) -> tuple[Array, Array]:
    """Run the loop of `run_python` compiled, on one thread."""
    return _compiled(
        work.prices, work.thresholds, work.book.debt_usd, work.units(), *_constants(work)
    )


def run_numpy(work: Work) -> tuple[Array, Array]:
    """Look at all accounts at once, in a Python loop over paths, thresholds and steps."""
    shape = len(work.prices), len(work.thresholds)
    bad, repaid = np.zeros(shape), np.zeros(shape)
    debts, units = work.book.debt_usd, work.units()
    for i, path in enumerate(work.prices):
        for j, threshold in enumerate(work.thresholds):
            bad[i, j], repaid[i, j] = _one_path_of_vectors(
                path, threshold, debts, units, *_constants(work)
            )
    return bad, repaid


def _constants(work: Work) -> tuple[float, float, float, float]:
    terms, pool = work.terms, work.pool
    decay = 0.5 ** (1 / pool.half_life_steps)
    return terms.rules.close.close_factor, terms.bonus, pool.units_usd, decay


def _one_path(path, threshold, debt, units, triggered, close_factor, bonus, pool, decay):
    bad, repaid, log_impact, worst = 0.0, 0.0, 0.0, 1.0
    # What the bonus pays for: average slippage 1 - 1 / (1 + bonus), of which a pool takes this.
    sellable = pool * bonus
    for fair in path:
        log_impact *= decay
        price = fair * math.exp(log_impact)
        worst = min(worst, price)
        room, sold = sellable * price, 0.0
        for a in range(len(debt)):
            if units[a] * threshold * price >= debt[a]:
                continue
            triggered[a] = True
            if room <= SMALLEST_ROOM_USD:
                continue
            wanted, value = close_factor * debt[a] * (1 + bonus), units[a] * price
            take = min(wanted, value, room)
            pay = take / (1 + bonus)
            repaid += pay
            room -= take
            sold += take / price
            debt[a] -= pay
            if take == value:
                bad += debt[a]
                debt[a] = units[a] = 0.0
            else:
                units[a] -= take / price
        log_impact += 2 * math.log(pool / (pool + sold))
    for a in range(len(debt)):
        if triggered[a]:
            bad += max(debt[a] - units[a] * worst, 0.0)
    return bad, repaid


_compiled_path = njit(cache=True)(_one_path)


@njit(cache=True)
def _compiled(prices, thresholds, debts, units, close_factor, bonus, pool, decay):
    bad = np.zeros((len(prices), len(thresholds)))
    repaid = np.zeros((len(prices), len(thresholds)))
    for i in range(len(prices)):
        for j in range(len(thresholds)):
            bad[i, j], repaid[i, j] = _compiled_path(
                prices[i], thresholds[j], debts.copy(), units.copy(),
                np.zeros(len(debts), dtype=np.bool_), close_factor, bonus, pool, decay,
            )  # fmt: skip
    return bad, repaid


def _one_path_of_vectors(path, threshold, debts, units, close_factor, bonus, pool, decay):
    debt, units = debts.copy(), units.copy()
    triggered = np.zeros(len(debt), dtype=bool)
    bad, repaid, log_impact, worst = 0.0, 0.0, 0.0, 1.0
    sellable = pool * bonus
    for fair in path:
        log_impact *= decay
        price = fair * math.exp(log_impact)
        worst = min(worst, price)
        below = units * (threshold * price) < debt
        if not below.any():
            continue
        triggered |= below
        hit = np.flatnonzero(below)
        owed, value = debt[hit], units[hit] * price
        wanted = np.minimum(close_factor * owed * (1 + bonus), value)
        room = sellable * price - (np.cumsum(wanted) - wanted)
        take = np.where(room > SMALLEST_ROOM_USD, np.minimum(wanted, room), 0.0)
        owed -= take / (1 + bonus)
        emptied = take == value
        bad += owed[emptied].sum()
        debt[hit] = np.where(emptied, 0.0, owed)
        units[hit] = np.where(emptied, 0.0, units[hit] - take / price)
        repaid += take.sum() / (1 + bonus)
        log_impact += 2 * math.log(pool / (pool + take.sum() / price))
    left = debt[triggered] - units[triggered] * worst
    return bad + np.maximum(left, 0.0).sum(), repaid
