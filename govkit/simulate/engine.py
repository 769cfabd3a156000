"""The liquidation engine: one book, many paths, one threshold at a time.

Step order, every five minutes:

1. The market price moves.
2. Sold inventory drains.
3. The oracle updates when what it follows has moved by its deviation from what it shows. It
   follows the market price, or a price of its own (an exchange rate, a pin) times what sales
   took from the market price; it shows a fixed share less where it under-reports. While the feed
   is frozen it does not update and keeps its first value.
4. Accounts whose health factor is 1 or less at the oracle's last step queue up.
5. Unless there is an outage, keepers repay the queue in order of trigger while the bonus pays for
   the average slippage at stressed depth; a share of the slippage stays in the price.

What is left of the queue at the end, recovered or not, is marked at the path's worst market price.
An account that the feed never showed at health factor 1 is not booked.
Simplifications, all on the cautious side: accounts are closed in full, and hold one collateral
and one debt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS_PER_HOUR = 12


@dataclass(frozen=True)
class Book:
    """Accounts of one collateral and one debt, sorted by trigger price, highest first.

    Attributes
    ----------
    trigger:
        Shape (n_accounts,): price, relative to the start, at which the health factor is 1.
    debt_usd:
        Shape (n_accounts,), at the reference threshold.
    reference_threshold:
        Threshold at which the debts hold. Re-levered, debt is proportional to the threshold.
    backed_usd:
        All debt the collateral backs at the reference threshold; at least the accounts' sum,
        since debt whose owners act before the trigger is not among the accounts.
    """

    trigger: Array
    debt_usd: Array
    reference_threshold: float
    backed_usd: float


@dataclass(frozen=True)
class Terms:
    """What a liquidation costs and pays; fractions unless said."""

    bonus: float
    protocol_fee_share: float
    deviation: float
    swap_fee: float
    gas_share: float
    refill_steps: float
    permanent_share: float


@dataclass(frozen=True)
class Depth:
    """Stressed depth: average slippage of selling a size at once, sizes increasing from 0."""

    sizes_usd: Array
    slippage: Array


@dataclass(frozen=True)
class Conditions:
    """What goes wrong beside the price; nothing by default.

    Attributes
    ----------
    outage_steps:
        Steps from the start in which keepers do nothing.
    frozen_steps:
        Steps from the start in which the oracle keeps its first value.
    feed_high:
        Fraction by which the oracle's first value lies above the price at the trigger.
    feed_low:
        Fraction by which the oracle shows too little, from the start to the end.
    """

    outage_steps: int = 0
    frozen_steps: int = 0
    feed_high: float = 0.0
    feed_low: float = 0.0


NORMAL = Conditions()


@dataclass(frozen=True)
class Losses:
    """Per path, in dollars: bad debt and debt repaid by keepers."""

    bad_debt_usd: Array
    repaid_usd: Array


def run_book(
    prices: Array,
    book: Book,
    threshold: float,
    terms: Terms,
    depth: Depth,
    *,
    relever: bool = True,
    followed: Array | None = None,
    conditions: Conditions = NORMAL,
) -> Losses:
    """Run the book along price paths at one threshold.

    Parameters
    ----------
    prices:
        Shape (paths, steps), relative to the price at the trigger, before any impact of sales.
    relever:
        True: borrowers keep their health factor, so debts scale with the threshold. False: debts
        stay as they are and the trigger prices move instead.
    followed:
        Shape (paths, steps): what the oracle follows, relative to its value at the trigger. None
        for the market price; ones for a pinned feed, the underlying's path for an exchange rate.
    conditions:
        Outage of keepers, frozen, high or low feed.

    Returns
    -------
    Losses
        Shapes (paths,). ``0 <= bad debt <= debt``.

    Raises
    ------
    ValueError
        When `followed` has another shape than `prices`.
    """
    if followed is not None and followed.shape != prices.shape:
        raise ValueError(f"followed has shape {followed.shape}, prices {prices.shape}")
    scale = threshold / book.reference_threshold
    debt = book.debt_usd * scale if relever else book.debt_usd
    trigger = book.trigger if relever else book.trigger / scale
    # Collateral units: at the trigger price, threshold x units x price equals the debt.
    units = debt / (threshold * trigger)
    bad, repaid = _run(
        prices, trigger, debt, units, terms.bonus, terms.bonus * (1 - terms.protocol_fee_share),
        terms.deviation, terms.swap_fee, terms.gas_share, terms.refill_steps,
        terms.permanent_share, depth.sizes_usd, depth.slippage,
        followed, conditions.outage_steps, conditions.frozen_steps, 1 + conditions.feed_high,
        1 - conditions.feed_low,
    )  # fmt: skip
    return Losses(bad_debt_usd=bad, repaid_usd=repaid)


@njit(cache=True)
def _largest_size(slippage, sizes, averages):  # type: ignore[no-untyped-def]
    """Largest size whose average slippage is at most `slippage`; linear between points."""
    if slippage <= 0.0:
        return 0.0
    k = np.searchsorted(averages, slippage, side="right")
    if k == 0:
        return 0.0
    if k >= len(sizes):
        return sizes[-1]
    if averages[k] <= averages[k - 1]:
        return sizes[k - 1]
    share = (slippage - averages[k - 1]) / (averages[k] - averages[k - 1])
    return sizes[k - 1] + share * (sizes[k] - sizes[k - 1])


@njit(cache=True, parallel=True)
def _run(  # type: ignore[no-untyped-def]
    prices, trigger, debt0, units0, bonus, keeper_bonus, deviation, swap_fee, gas, refill_steps,
    permanent, sizes, averages, followed, outage, frozen, first, shown,
):  # fmt: skip
    paths, steps = prices.shape
    n = len(trigger)
    bad = np.zeros(paths)
    repaid = np.zeros(paths)
    calm = 1.0 - (1.0 + gas) / ((1.0 + keeper_bonus) * (1.0 - swap_fee))
    calm_chunk = _largest_size(calm, sizes, averages)
    drained = calm_chunk / refill_steps
    for i in prange(paths):
        debt = debt0.copy()
        units = units0.copy()
        # The feed may be stale-high by its deviation when the episode begins, or by `first` - 1.
        oracle, impact, inventory, worst = first * shown, 1.0, 0.0, 1.0
        head, tail = 0, 0
        for k in range(steps):
            price = prices[i, k] * impact
            inventory = max(0.0, inventory - drained)
            seen = oracle  # liquidations act on what the oracle said a step ago
            due = price * shown if followed is None else followed[i, k] * impact * shown
            # No branch: whether the feed moves cannot be guessed, and a wrong guess is dear.
            moves = (abs(due - oracle) >= deviation * oracle) & (k >= frozen)
            oracle = due if moves else oracle
            worst = min(worst, price)
            while tail < n and seen <= trigger[tail]:
                tail += 1
            if (head >= tail) | (k < outage):
                continue
            slack = 1.0 - (1.0 + gas) * seen / ((1.0 + keeper_bonus) * (1.0 - swap_fee) * price)
            room = _largest_size(slack, sizes, averages) - inventory
            for a in range(head, tail):
                if room <= 1.0:
                    break
                if debt[a] <= 0.0 or seen > trigger[a]:
                    continue
                value = units[a] * price
                take = min(debt[a] * (1.0 + bonus) / seen * price, value, room)
                pay = min(take / price * seen / (1.0 + bonus), debt[a])
                units[a] -= take / price
                debt[a] -= pay
                repaid[i] += pay
                room -= take
                inventory += take
                if calm_chunk > 0.0:
                    impact *= np.exp(-permanent * calm * take / calm_chunk)
                if units[a] * price <= 1e-6 * debt0[a]:
                    bad[i] += max(debt[a], 0.0)
                    debt[a] = 0.0
            while head < tail and debt[head] <= 1e-9 * debt0[head]:
                head += 1
        for a in range(head, tail):
            bad[i] += max(debt[a] - units[a] * worst, 0.0)
    return bad, repaid
