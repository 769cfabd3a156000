"""What a price feed reports along market paths: update rule, latency, adapters, outages.

A feed updates when the price it observes, `latency_steps` ago, differs from what it shows by its
deviation or more, or when it has shown the same round for its heartbeat. Between updates it
stands still, so without latency it is never further from the market than its deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from govkit.records.market import OracleRule
from govkit.simulate.compiled import compiled, prange
from govkit.simulate.engine import STEPS_PER_HOUR

Array = NDArray[np.float64]

STEP_MINUTES = 60 / STEPS_PER_HOUR
MINUTES_PER_YEAR = 365 * 24 * 60


def reported_prices(
    prices: Array,
    rule: OracleRule,
    *,
    latency_steps: int,
    frozen_steps: int = 0,
    stale_high: float = 0.0,
    redemption: Array | None = None,
    cap_headroom: float = 0.0,
    start_usd: float = 1.0,
    step_minutes: float = STEP_MINUTES,
) -> Array:
    """Return what the adapter reports after each step.

    Parameters
    ----------
    prices:
        Shape (paths, steps): what the feed follows, relative to its price at the trigger, which
        is 1 before the first step. For adapters that report an exchange rate this is the price
        of the underlying, not of the token.
    latency_steps:
        Steps between a market price and the first update that can show it; 0 is none.
    frozen_steps:
        The feed does not update during the first steps: an outage, or a sequencer that is down.
    stale_high:
        Fraction by which the feed stands above the market when the episode begins.
    redemption:
        Shape (steps,) or (paths, steps): redemption ratio of the token relative to the start;
        None for one that does not move within the episode.
    cap_headroom:
        For a cap on the ratio's growth: by how much the cap stands above the ratio at the start.
        A negative one under-reports, as the adapter of 10 March 2026 did by 2.85 %.
    start_usd:
        Dollar price at the trigger, for caps and pins, which are in dollars.
    step_minutes:
        Length of a step.

    Returns
    -------
    Array
        Shape (paths, steps), relative to the market price at the trigger. NaN in `prices` never
        triggers an update by deviation; a NaN that a heartbeat shows stays until the next one.

    Raises
    ------
    ValueError
        When a number of steps is negative or `stale_high` is not above -1.
    """
    if latency_steps < 0 or frozen_steps < 0:
        raise ValueError("latency and freeze cannot be negative")
    if stale_high <= -1:
        raise ValueError("the feed cannot start at or below zero")
    if rule.adapter == "pinned":
        assert rule.pin_usd is not None
        return np.full(prices.shape, rule.pin_usd / start_usd)
    assert rule.deviation is not None
    heartbeat = rule.heartbeat_minutes
    feed = follow(
        prices,
        rule.deviation,
        heartbeat / step_minutes if heartbeat is not None else np.inf,
        latency_steps,
        frozen_steps,
        1.0 + stale_high,
    )
    if rule.follows_underlying:
        return np.asarray(feed * _ratio(rule, prices, redemption, cap_headroom, step_minutes))
    if rule.price_cap_usd is not None:
        return np.minimum(feed, rule.price_cap_usd / start_usd)
    return feed


def _ratio(
    rule: OracleRule,
    prices: Array,
    redemption: Array | None,
    headroom: float,
    step_minutes: float,
) -> Array:
    """Return the reported redemption ratio, its growth limited where the adapter caps it."""
    steps = prices.shape[1]
    ratio = np.ones(steps) if redemption is None else redemption
    if rule.growth_cap_per_year is None:
        return ratio
    years = np.arange(1, steps + 1) * step_minutes / MINUTES_PER_YEAR
    # The adapter's ceiling grows linearly from its snapshot, not by compounding.
    return np.minimum(ratio, (1 + headroom) * (1 + rule.growth_cap_per_year * years))


def follow(
    prices: Array,
    deviation: float,
    heartbeat_steps: float,
    latency_steps: int,
    frozen_steps: int,
    start: float,
) -> Array:
    """Return the last round of a feed after each step, shape (paths, steps).

    The first round is `start`, of age 0; a feed that is frozen ages, and updates at the first
    step after the freeze if it is due.
    """
    shown: Array = _follow(
        np.ascontiguousarray(prices, dtype=np.float64), deviation, heartbeat_steps,
        latency_steps, frozen_steps, start,
    )  # fmt: skip
    return shown


@compiled(parallel=True)
def _follow(prices, deviation, heartbeat, latency, frozen, start):  # type: ignore[no-untyped-def]
    paths, steps = prices.shape
    shown = np.empty((paths, steps))
    for i in prange(paths):
        value, age = start, 0
        for k in range(steps):
            age += 1
            if k >= frozen:
                seen = prices[i, k - latency] if k >= latency else 1.0
                if abs(seen / value - 1.0) >= deviation or age >= heartbeat:
                    value, age = seen, 0
            shown[i, k] = value
    return shown
