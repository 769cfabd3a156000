"""What the liquidation engine is given, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from govkit.records.liquidation import CloseRule

Array = NDArray[np.float64]

STEPS_PER_HOUR = 12


@dataclass(frozen=True)
class Book:
    """Accounts of one collateral and one debt, sorted by trigger price, highest first.

    Attributes
    ----------
    trigger:
        Shape (accounts,): price, relative to the start, at which the health factor is 1. Below
        it the account can be liquidated.
    debt_usd:
        Shape (accounts,), at the reference threshold. An account without debt is never touched.
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
class Accounts:
    """Accounts of several collaterals and one debt unit.

    Attributes
    ----------
    debt_usd:
        Shape (accounts,).
    first:
        Shape (accounts + 1,), integers: legs ``first[i]`` to ``first[i + 1]`` belong to account i.
    collateral:
        Shape (legs,), integers: place of the leg's asset among the collaterals; an account holds
        an asset once.
    units:
        Shape (legs,): amount, in units that are worth one dollar at the start.
    threshold, bonus:
        Shape (legs,): liquidation threshold and bonus of the leg, those of the account's e-mode
        where the asset is in it, those of the reserve otherwise.
    """

    debt_usd: Array
    first: NDArray[np.int64]
    collateral: NDArray[np.int64]
    units: Array
    threshold: Array
    bonus: Array


@dataclass(frozen=True)
class Depth:
    """Stressed depth: average slippage of selling a size at once, sizes increasing from 0."""

    sizes_usd: Array
    slippage: Array


@dataclass(frozen=True)
class Pool:
    """A constant-product pool, arbitraged back as time goes by.

    Attributes
    ----------
    units_usd:
        Collateral in the pool, in units that are worth one dollar at the start.
    half_life_steps:
        Steps in which half of the impact that is not permanent is gone; 0 for at once.
    """

    units_usd: float
    half_life_steps: float


@dataclass(frozen=True)
class Rules:
    """What holds for all liquidations of a market.

    Attributes
    ----------
    close:
        The protocol's close rule.
    gas_usd:
        Least gain for which a keeper sends a transaction, dollars.
    capital_usd:
        Debt that all keepers together can repay in one step, dollars.
    impact_within_step:
        Whether a sale moves the price for the next one of the same step, or only for the step
        after.
    rounds:
        How often keepers look at the accounts within a step. More than 1 means that the pool is
        the oracle: it reports the market price at once, after every round.
    """

    close: CloseRule = field(default_factory=CloseRule)
    gas_usd: float = 0.0
    capital_usd: float = inf
    impact_within_step: bool = False
    rounds: int = 1


@dataclass(frozen=True)
class Terms:
    """What a liquidation of one collateral costs and pays, and how its feed reports.

    Fractions unless said. `heartbeat_steps` 0 means none; `latency_steps` is the age of the
    report that liquidations act on; `refill_steps` is above 0. `rules` are the same for all
    collaterals of a market.
    """

    bonus: float
    protocol_fee_share: float
    deviation: float
    swap_fee: float
    gas_share: float
    refill_steps: float
    permanent_share: float
    heartbeat_steps: int = 0
    latency_steps: int = 1
    rules: Rules = field(default_factory=Rules)


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
    """What became of the debt, dollars, each of shape (paths,).

    ``repaid + written off + open = debt at the start`` and
    ``bad debt = written off + shortfall of what is open``.

    Attributes
    ----------
    bad_debt_usd:
        Written-off debt, and what open debt of accounts that the feed showed below health factor
        1 exceeds their collateral by at the worst moment of the path.
    repaid_usd:
        Debt repaid by keepers.
    written_off_usd:
        Debt left when an account's last collateral was seized.
    bonus_usd:
        Liquidation bonus at reported prices, the protocol's share included.
    fee_usd:
        The protocol's share of it.
    seized_usd:
        Collateral seized, in units that are worth one dollar at the start.
    kernel:
        ``blocks``, ``touched`` or ``twin``: what computed it.
    """

    bad_debt_usd: Array
    repaid_usd: Array
    written_off_usd: Array
    bonus_usd: Array
    fee_usd: Array
    seized_usd: Array
    kernel: str
