"""One asset in one market, simulated once for all appetites."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.book import BookLosses, joined, losses_over_grid, stress_losses, stressed_book
from govkit.calibrate.clearing import clearing_of, stressed_depth, terms_of
from govkit.calibrate.position import (
    SETS,
    Falls,
    refit_factors,
    set_bounds,
    simulate_position,
)
from govkit.records.book import AccountBook
from govkit.records.evidence import Clearing
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import Appetite, Market, Reserve
from govkit.records.model import AssetModel, HistoricalFall, MarketModel
from govkit.records.returns import ReturnModel
from govkit.simulate.engine import Book, Depth, Terms
from govkit.simulate.falls import ReturnLaw, draw_tilted, return_law, underlying
from govkit.simulate.paths import price_paths

Array = NDArray[np.float64]

BOOK_HOURS = 24
BOOK_PATHS = 40_960
"""In all; a fifth of them in each of the independent sets."""
LOWEST_THRESHOLD = 0.20
FINE_BELOW = 0.14
FINE_ABOVE = 0.12


@dataclass(frozen=True)
class Asked:
    """What is being calibrated: market, model, asset and where its accounts come from."""

    market: Market
    model: MarketModel
    asset: str
    book: AccountBook | None
    seed: int

    @property
    def reserve(self) -> Reserve:
        """Values in force."""
        return self.market.reserves[self.asset]

    @property
    def known(self) -> AssetModel:
        """What the model knows of the asset."""
        return self.model.assets[self.asset]

    @property
    def in_pair(self) -> bool:
        """Whether the debt is the asset's own underlying, such as wstETH against ETH."""
        return (
            bool(self.known.pair) and self._priced(self.market.debt_asset) == self.known.priced_as
        )

    @property
    def returns_key(self) -> str:
        """Key of the return model in use: the pair's, or the asset's it is priced as."""
        return self.known.pair if self.in_pair else self.known.priced_as

    @property
    def returns(self) -> ReturnModel:
        """The return model in use."""
        return self.model.returns[self.returns_key]

    @property
    def measured_in_debt(self) -> bool:
        """Whether the returns in use are those against the debt, or both units are dollars."""
        units = {self._priced(self.returns.numeraire), self._priced(self.market.debt_asset)}
        return len(units) == 1 or not any(self._moves(unit) for unit in units)

    def _priced(self, unit: str) -> str:
        return self.model.assets[unit].priced_as if unit in self.model.assets else unit

    def _moves(self, ticker: str) -> bool:
        known = self.model.returns.get(ticker)
        return known is not None and known.basis != "depeg"

    @property
    def law(self) -> ReturnLaw:
        """What a path draws from; a pair's returns hold the ratio's changes already."""
        return return_law(self.returns, None if self.in_pair else self.known.ratio)

    @property
    def falls(self) -> tuple[HistoricalFall, ...]:
        """Dated falls; they are measured in dollars, so there are none for a pair."""
        return () if self.in_pair else self.known.falls

    @property
    def hourly_falls(self) -> tuple[HistoricalFall, ...]:
        """Dated falls whose path is known by the hour.

        Of a day's fall alone it is not known how fast it came. Spread over the day it would pass
        any limit, so it is no test of one.
        """
        return tuple(fall for fall in self.falls if fall.horizons_hours[0] <= 1)

    @property
    def curve(self) -> LiquidityCurve | None:
        """What selling the asset for the debt costs."""
        return self.known.curve_into(self.market.debt_asset)

    @property
    def bonus(self) -> float:
        """Liquidation bonus in force, fraction."""
        return self.reserve.bonus.value

    @property
    def pinned(self) -> bool:
        """Whether the reported price never moves: pinned, or the underlying in itself."""
        feed = self.market.feed(self.asset)
        return feed.adapter == "pinned" or (self.in_pair and feed.follows_underlying)

    @property
    def hides_discount(self) -> bool:
        """Whether the price feed reports the underlying times a ratio."""
        return self.market.feed(self.asset).follows_underlying and not self.in_pair

    @property
    def deviation(self) -> float:
        """Oracle deviation allowance, fraction."""
        return self.market.feed(self.asset).deviation or 0.0

    def with_caps(self, factor: float) -> Asked:
        """Return the same question with the supply caps of the asset's family scaled."""
        reserves = {
            name: reserve.model_copy(
                update={
                    "supply_cap": reserve.supply_cap.model_copy(
                        update={"value": reserve.supply_cap.value * factor}
                    )
                }
            )
            if reserve.family == self.reserve.family
            else reserve
            for name, reserve in self.market.reserves.items()
        }
        return replace(self, market=self.market.model_copy(update={"reserves": reserves}))

    def with_bonus(self, bonus: float) -> Asked:
        """Return the same question with another liquidation bonus, a fraction."""
        return self._with_reserve(bonus=self.reserve.bonus.model_copy(update={"value": bonus}))

    def with_latency(self, factor: float) -> Asked:
        """Return the same question with the market's latency scaled."""
        latency = self.market.latency_minutes
        scaled = latency.model_copy(update={"value": latency.value * factor})
        return replace(self, market=self.market.model_copy(update={"latency_minutes": scaled}))

    def with_deviation(self, deviation: float) -> Asked:
        """Return the same question with another deviation of the price feed, a fraction."""
        feed = self.market.feed(self.asset).model_copy(update={"deviation": deviation})
        return self._with_reserve(oracle=feed)

    def _with_reserve(self, **values: object) -> Asked:
        changed = self.reserve.model_copy(update=values)
        reserves = self.market.reserves | {self.asset: changed}
        return replace(self, market=self.market.model_copy(update={"reserves": reserves}))

    def clearing(self, curve: LiquidityCurve) -> Clearing:
        """Exposure, chunk and effective horizon."""
        return clearing_of(self.market, self.model, self.asset, curve, self.book)


@dataclass(frozen=True)
class Case:
    """The simulations of one asset.

    `lows`, shape (paths,), is the lowest price of each episode of the book relative to its
    start, at most 1; the weights are those of `losses`.
    """

    asked: Asked
    clearing: Clearing
    terms: Terms
    depth: Depth
    book: Book
    falls: Falls
    losses: BookLosses
    lows: Array
    stresses: tuple[tuple[HistoricalFall, Array], ...]
    refits: dict[float, Array]
    protocol_limit: float

    def of_set(self, k: int) -> Case:
        """Return the case on one of the independent sets of paths."""
        lows = self.lows[slice(*set_bounds(len(self.lows), k))]
        return replace(self, falls=self.falls.of_set(k), losses=self.losses.of_set(k), lows=lows)


def simulate_case(
    asked: Asked,
    curve: LiquidityCurve,
    protocol_limit: float,
    deciding: frozenset[str],
    appetites: tuple[Appetite, ...],
) -> Case:
    """Simulate falls, book losses, dated stresses and refits of one asset.

    Parameters
    ----------
    protocol_limit:
        Largest threshold the contracts accept.
    deciding:
        Names of the dated events that decide.
    appetites:
        All appetites that will be asked about; their probabilities are read from the refits.
    """
    clearing = asked.clearing(curve)
    law = asked.law
    terms = terms_of(asked.market, asked.asset)
    depth = stressed_depth(curve, asked.market.depth_haircut.value)
    book = book_of(asked, clearing)
    grid = threshold_grid(asked.reserve.threshold.value, asked.bonus)
    losses, lows = _book_losses(asked, law, book, grid, terms, depth)
    dated = tuple(fall for fall in asked.hourly_falls if fall.event in deciding)
    levels = tuple(sorted({a.position_probability for a in appetites}))
    return Case(
        asked=asked,
        clearing=clearing,
        terms=terms,
        depth=depth,
        book=book,
        falls=simulate_position(law, clearing.horizon_hours, asked.seed, asked.asset),
        losses=losses,
        lows=lows,
        stresses=tuple(zip(dated, stress_losses(dated, book, grid, terms, depth), strict=True)),
        refits=refit_factors(
            law, asked.returns, clearing.horizon_hours, levels, asked.seed, asked.asset
        ),
        protocol_limit=protocol_limit,
    )


def book_of(asked: Asked, clearing: Clearing) -> Book:
    """Return the book that an episode of one asset begins with."""
    return stressed_book(
        asked.book or asked.model.accounts,
        debt_usd=clearing.debt_at_cap_usd,
        exposure_share=clearing.exposure_share,
        unattended_share=asked.market.unattended_share.value,
        threshold=asked.reserve.threshold.value,
        seed=asked.seed,
        name=asked.asset,
    )


def _book_losses(
    asked: Asked, law: ReturnLaw, book: Book, grid: Array, terms: Terms, depth: Depth
) -> tuple[BookLosses, Array]:
    """Run the book along every set's paths; the feed follows what its adapter reads."""
    parts, lows = [], []
    inside = np.array(asked.returns.worst_five_minutes)
    for k in range(SETS):
        name = f"{asked.asset} book {k}"
        draws = draw_tilted(hours=BOOK_HOURS, paths=BOOK_PATHS // SETS, seed=asked.seed, name=name)
        prices = price_paths(law, inside, draws, seed=asked.seed, name=name)
        followed = None
        if asked.pinned:
            followed = np.ones_like(prices)  # in units of the start: the report never moves
        elif asked.hides_discount:
            followed = price_paths(underlying(law), inside, draws, seed=asked.seed, name=name)
        parts.append(losses_over_grid(prices, draws.weight, book, grid, terms, depth, followed))
        lows.append(np.minimum(prices.min(axis=1), 1.0))
    return joined(parts), np.concatenate(lows)


def threshold_grid(current: float, bonus: float) -> Array:
    """Return thresholds from 20 % to 1 / (1 + bonus): whole points, every second one far off."""
    top, lowest = int(np.floor(100 / (1 + bonus))), round(LOWEST_THRESHOLD * 100)
    low = max(round((current - FINE_BELOW) * 100), lowest)
    high = min(round((current + FINE_ABOVE) * 100), top)
    coarse, above = np.arange(lowest, low, 2), np.arange(high + 2, top + 1, 2)
    return np.concatenate([coarse, np.arange(low, high + 1), above]) / 100
