"""A stress scenario made ready for one asset: path, feed, book and conditions of the sale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.book import JUST_TRIGGERED, STRESS_HOURS
from govkit.calibrate.case import Asked, Case, book_of
from govkit.calibrate.clearing import stressed_depth, terms_of
from govkit.records.evidence import Clearing
from govkit.records.liquidity import LiquidityCurve
from govkit.records.model import HistoricalFall
from govkit.records.stress import WORST_DAY, Scenario
from govkit.simulate.engine import (
    STEPS_PER_HOUR,
    Book,
    Conditions,
    Depth,
    Losses,
    Terms,
    run_book,
)
from govkit.simulate.paths import envelope_path

Array = NDArray[np.float64]

KINDS = {
    "volatile": "volatile assets", "wrapped": "wrapped tokens", "staking": "staking tokens",
    "pegged": "pegged assets",
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What a replay needs of a `Case`, without its simulated paths."""

    asked: Asked
    clearing: Clearing
    terms: Terms
    depth: Depth
    book: Book


@dataclass(frozen=True)
class Replay:
    """A scenario made ready for one asset: the path, what its feed follows, and the conditions."""

    on: str
    prices: Array  # (1, steps)
    followed: Array | None
    book: Book
    terms: Terms
    depth: Depth
    conditions: Conditions

    def run(self, threshold: float, conditions: Conditions | None = None) -> Losses:
        """Run the re-levered book along the path."""
        return run_book(
            self.prices, self.book, threshold, self.terms, self.depth, followed=self.followed,
            conditions=self.conditions if conditions is None else conditions,
        )  # fmt: skip

    def fall(self, hours: float) -> float:
        """Return the fall of the market price after some hours."""
        steps = np.arange(self.prices.shape[1] + 1) / STEPS_PER_HOUR
        return float(np.interp(hours, steps, 1 - np.concatenate([[1.0], self.prices[0]])))


def setting_of(asked: Asked, curve: LiquidityCurve) -> Setting:
    """Return book, depth and terms of an asset; enough where no threshold is asked for."""
    clearing = asked.clearing(curve)
    return Setting(
        asked=asked,
        clearing=clearing,
        terms=terms_of(asked.market, asked.asset),
        depth=stressed_depth(curve, asked.market.depth_haircut.value),
        book=book_of(asked, clearing),
    )


def replay_of(case: Case | Setting, scenario: Scenario) -> Replay | str:
    """Return what a scenario means for the asset, or why it does not apply."""
    asked = case.asked
    path = _falls_of(asked, scenario)
    if isinstance(path, str):
        return path
    on, horizons, falls = path
    # After a freeze the feed catches up and what it hid is booked, so the path goes on, flat.
    hours = STRESS_HOURS + int(np.ceil(scenario.feed_frozen_hours))
    underlying = envelope_path(horizons, falls, hours)
    prices, followed = underlying, None
    if scenario.discount:
        reached = np.array([scenario.discount_hours]), np.array([scenario.discount])
        prices = underlying * envelope_path(*reached, hours)
        if asked.pinned:
            followed = np.ones_like(prices)
        elif asked.hides_discount:
            followed = underlying
    if scenario.feed_high:
        followed = (prices if followed is None else followed) * (1 + scenario.feed_high)
    return Replay(
        on=on,
        prices=prices,
        followed=followed,
        book=_all_at_one(case.book) if scenario.all_at_one else case.book,
        terms=replace(case.terms, gas_share=case.terms.gas_share * scenario.gas_factor),
        depth=replace(case.depth, sizes_usd=case.depth.sizes_usd * scenario.depth_factor),
        conditions=conditions_of(scenario),
    )


def conditions_of(scenario: Scenario) -> Conditions:
    """Return a scenario's conditions in steps of the engine, begun steps counted whole."""

    def steps(hours: float) -> int:
        return int(np.ceil(hours * STEPS_PER_HOUR - 1e-9))

    return Conditions(
        outage_steps=steps(scenario.keeper_outage_hours),
        frozen_steps=steps(scenario.feed_frozen_hours),
        feed_high=scenario.feed_high,
        feed_low=scenario.feed_low,
    )


def _falls_of(asked: Asked, scenario: Scenario) -> tuple[str, Array, Array] | str:
    """Return day, horizons and falls of a scenario for the asset, or why it does not apply."""
    if scenario.kinds and asked.reserve.kind not in scenario.kinds:
        return f"only for {' and '.join(KINDS[kind] for kind in scenario.kinds)}"
    if scenario.assets and asked.known.priced_as not in scenario.assets:
        return f"only for {', '.join(scenario.assets)}"
    if asked.in_pair:
        # Debt and collateral fall together; only what parts them is left.
        if scenario.discount or scenario.feed_low:
            return "", np.array([1.0]), np.array([0.0])
        return "the debt falls with the asset"
    if scenario.falls:
        return "", np.array(scenario.horizons_hours), np.array(scenario.falls)
    fall = _dated_fall(asked.falls, scenario.falls_of or scenario.name)
    if fall is None:
        return "no fall of that event on record"
    horizons, falls = np.array(fall.horizons_hours), np.array(fall.falls)
    if horizons[0] > 1:
        if scenario.measured:
            return "only its fall within a day is on record"
        # How fast a day's fall came is not known: all of it comes within the first hour.
        horizons, falls = np.append(1.0, horizons), np.append(falls[0], falls)
    return fall.on, horizons, falls


def _dated_fall(falls: tuple[HistoricalFall, ...], event: str) -> HistoricalFall | None:
    if event == WORST_DAY:
        return max(
            falls, key=lambda one: float(np.interp(24.0, one.horizons_hours, one.falls)),
            default=None,
        )  # fmt: skip
    return next((one for one in falls if one.event == event), None)


def _all_at_one(book: Book) -> Book:
    """Return the book with all debt that the collateral backs at health factor 1."""
    debt = book.debt_usd * (book.backed_usd / book.debt_usd.sum())
    return replace(book, trigger=np.full_like(book.trigger, JUST_TRIGGERED), debt_usd=debt)
