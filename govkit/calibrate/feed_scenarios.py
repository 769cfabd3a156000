"""Losses under states of a price feed: what the book records beside what a seller loses.

A position stands at health factor 1 by the reported price. Over the effective horizon, and the
time for which the feed is frozen, the book marks it at the lowest reported price and a seller at
the lowest market price. The loss per unit of debt is l(x) = (1 - (1 - x) / (threshold (1 + b)))+.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.weighted import exceedance, expected_shortfall
from govkit.records.market import Appetite, OracleRule
from govkit.records.oracle import OracleLoss, OracleScenario
from govkit.simulate.engine import STEPS_PER_HOUR
from govkit.simulate.falls import ReturnLaw, draw, underlying
from govkit.simulate.oracle import reported_prices
from govkit.simulate.paths import price_paths

Array = NDArray[np.float64]

ORACLE_PATHS = 20_000
CHUNK_PATHS = 5_000
"""Paths drawn at once: part of the stream, and a bound on memory."""


@dataclass(frozen=True)
class FeedState:
    """How the feed stands when an episode begins."""

    name: Literal["normal", "frozen", "stale"]
    stale_high: float = 0.0
    frozen_hours: float = 0.0


# June 2022, a staking token's feed: 31 bp too high in the median and 159 bp at the 95th
# percentile, with 49 minutes between updates there; 500 bp is a deep-tail assumption. The median
# lies inside a usual deviation, so that feed is live; the others are overdue.
STALE_HOURS = 49 / 60
STATES = (
    FeedState("normal"),
    FeedState("frozen", frozen_hours=1.0),
    FeedState("frozen", frozen_hours=6.0),
    FeedState("stale", stale_high=0.0031),
    FeedState("stale", stale_high=0.0159, frozen_hours=STALE_HOURS),
    FeedState("stale", stale_high=0.05, frozen_hours=STALE_HOURS),
)


def loss_per_debt(fall: Array, threshold: float, bonus: float) -> Array:
    """Return (1 - (1 - x) / (threshold (1 + b)))+, the uncovered share of the debt."""
    return np.maximum(1 - (1 - fall) / (threshold * (1 + bonus)), 0.0)


@dataclass(frozen=True)
class Feed:
    """A price feed as one position meets it.

    `in_underlying`: prices are in units of the token's underlying, which stands still in itself.
    """

    rule: OracleRule
    latency_steps: int
    horizon_hours: float
    start_usd: float = 1.0
    in_underlying: bool = False

    def first(self, stale_high: float = 0.0) -> float:
        """Return the reported price at the start, relative to the market price there."""
        if self.rule.pin_usd is not None:
            return self.rule.pin_usd / self.start_usd
        if self.rule.price_cap_usd is not None:
            return min(1 + stale_high, self.rule.price_cap_usd / self.start_usd)
        return 1 + stale_high

    def steps(self, state: FeedState) -> int:
        """Return the steps of the window: the horizon begins when the feed is back."""
        hours = self.horizon_hours + state.frozen_hours
        return max(1, int(np.ceil(hours * STEPS_PER_HOUR - 1e-9)))

    def states(self) -> tuple[FeedState, ...]:
        """Return the states to try; a pinned price does not update, so it has only one."""
        return STATES[:1] if self.rule.adapter == "pinned" else STATES


def falls_seen(
    feed: Feed, market: Array, followed: Array, state: FeedState
) -> tuple[Array, Array, Array]:
    """Return the falls from the first reported price as the book and as a seller see them.

    Parameters
    ----------
    market, followed:
        Shape (paths, steps): the token's market price, and the price the adapter follows.

    Returns
    -------
    book, economic, overstatement:
        Shape (paths,). Falls are fractions of the reported price at the start, never negative;
        the overstatement is reported over market price at the market's low, minus 1.
    """
    steps = feed.steps(state)
    market = market[:, :steps]
    reported = reported_prices(
        followed[:, :steps], feed.rule, latency_steps=feed.latency_steps,
        stale_high=state.stale_high, frozen_steps=round(state.frozen_hours * STEPS_PER_HOUR),
        start_usd=feed.start_usd,
    )  # fmt: skip
    first = feed.first(state.stale_high)
    at = market.argmin(axis=1)[:, None]
    low = np.take_along_axis(market, at, axis=1)[:, 0]
    shown = np.take_along_axis(reported, at, axis=1)[:, 0]
    book = 1 - np.minimum(reported.min(axis=1), first) / first
    economic = np.maximum(1 - np.minimum(low, 1.0) / first, 0.0)
    return book, economic, shown / low - 1


@dataclass(frozen=True)
class FeedFalls:
    """Falls of many episodes; `book` and `economic` have shape (states, paths).

    `overstatement` and `lows`, shape (paths,), are those of the first state, a live feed: how far
    it stands above the market at its low, and that low relative to the start, at most 1.
    """

    feed: Feed
    book: Array
    economic: Array
    overstatement: Array
    lows: Array


def simulate_feed(
    feed: Feed, law: ReturnLaw, concentration: Array, *, seed: int, name: str
) -> FeedFalls:
    """Run 20,000 episodes through every state of the feed, all on the same paths."""
    states = feed.states()
    hours = -(-max(feed.steps(state) for state in states) // STEPS_PER_HOUR)
    chunks, gaps, lows = [], [], []
    for first in range(0, ORACLE_PATHS, CHUNK_PATHS):

        def draw_paths(one: ReturnLaw, stream: str = f"{name} oracle {first}") -> Array:
            drawn = draw(hours=hours, paths=CHUNK_PATHS, seed=seed, name=stream)
            return price_paths(one, concentration, drawn, seed=seed, name=stream)

        market = draw_paths(law)
        if not feed.rule.follows_underlying:
            followed = market
        elif feed.in_underlying:
            followed = np.ones_like(market)
        else:
            # The same draws without the ratio's own: the underlying of the same episodes.
            followed = draw_paths(underlying(law))
        seen = [falls_seen(feed, market, followed, state) for state in states]
        chunks.append(np.array([one[:2] for one in seen]))
        gaps.append(seen[0][2])
        lows.append(np.minimum(market[:, : feed.steps(states[0])].min(axis=1), 1.0))
    falls = np.concatenate(chunks, axis=2)
    return FeedFalls(feed, falls[:, 0], falls[:, 1], np.concatenate(gaps), np.concatenate(lows))


def scenarios_of(
    falls: FeedFalls, threshold: float, bonus: float, appetite: Appetite
) -> tuple[OracleScenario, ...]:
    """Summarise the losses of every state, book beside economic."""

    def loss(fall: Array) -> OracleLoss:
        return summarise(loss_per_debt(fall, threshold, bonus), appetite)

    return tuple(
        OracleScenario(
            name=state.name,
            stale_high=state.stale_high,
            frozen_hours=state.frozen_hours,
            window_hours=falls.feed.horizon_hours + state.frozen_hours,
            book=loss(falls.book[k]),
            economic=loss(falls.economic[k]),
        )
        for k, state in enumerate(falls.feed.states())
    )


def summarise(losses: Array, appetite: Appetite) -> OracleLoss:
    """Return chance, loss at the appetite's chance and expected shortfall, zeros included."""
    even = np.ones(len(losses))
    chance, low, high = exceedance(even, losses[:, None] > 0)
    shortfall, _ = expected_shortfall(losses[:, None], even, appetite.tail_level)
    return OracleLoss(
        chance=float(chance[0]),
        chance_low=float(low[0]),
        chance_high=float(high[0]),
        at_level=float(np.quantile(losses, 1 - appetite.position_probability)),
        shortfall=float(shortfall[0]),
    )


def has_ratio(law: ReturnLaw) -> bool:
    """Return whether the law moves the token against its underlying."""
    return bool(law.ratio_body[-1] > law.ratio_body[0])
