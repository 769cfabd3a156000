"""One asset in one market, simulated once for all appetites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.book import BookLosses, losses_over_grid, stress_losses, stressed_book
from govkit.calibrate.clearing import clearing_of, stressed_depth, terms_of
from govkit.calibrate.position import Falls, refit_factors, simulate_position
from govkit.records.book import AccountBook
from govkit.records.evidence import Clearing
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import Appetite, Market, Reserve
from govkit.records.model import AssetModel, HistoricalFall, MarketModel
from govkit.records.returns import ReturnModel
from govkit.simulate.falls import ReturnLaw, return_law
from govkit.simulate.paths import price_paths

Array = NDArray[np.float64]

BOOK_HOURS = 24
BOOK_PATHS = 20_000
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
    def curve(self) -> LiquidityCurve | None:
        """What selling the asset for the debt costs."""
        return self.known.curve_into(self.market.debt_asset)

    @property
    def bonus(self) -> float:
        """Liquidation bonus in force, fraction."""
        return self.reserve.bonus.value

    @property
    def deviation(self) -> float:
        """Oracle deviation allowance, fraction."""
        return self.market.feed(self.asset).deviation or 0.0

    def clearing(self, curve: LiquidityCurve) -> Clearing:
        """Exposure, chunk and effective horizon."""
        return clearing_of(self.market, self.model, self.asset, curve, self.book)


@dataclass(frozen=True)
class Case:
    """The simulations of one asset."""

    asked: Asked
    clearing: Clearing
    falls: Falls
    losses: BookLosses
    stresses: tuple[tuple[HistoricalFall, Array], ...]
    refits: dict[float, Array]
    protocol_limit: float


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
    book = stressed_book(
        asked.book or asked.model.accounts,
        debt_usd=clearing.debt_at_cap_usd,
        exposure_share=clearing.exposure_share,
        unattended_share=asked.market.unattended_share.value,
        threshold=asked.reserve.threshold.value,
        seed=asked.seed,
        name=asked.asset,
    )
    grid = threshold_grid(asked.reserve.threshold.value, asked.bonus)
    prices = price_paths(
        law, np.array(asked.returns.worst_five_minutes), hours=BOOK_HOURS, paths=BOOK_PATHS,
        seed=asked.seed, name=asked.asset,
    )  # fmt: skip
    dated = tuple(fall for fall in asked.falls if fall.event in deciding)
    levels = tuple(sorted({a.position_probability for a in appetites}))
    return Case(
        asked=asked,
        clearing=clearing,
        falls=simulate_position(law, clearing.horizon_hours, asked.seed, asked.asset),
        losses=losses_over_grid(prices, book, grid, terms, depth),
        stresses=tuple(zip(dated, stress_losses(dated, book, grid, terms, depth), strict=True)),
        refits=refit_factors(
            law, asked.returns, clearing.horizon_hours, levels, asked.seed, asked.asset
        ),
        protocol_limit=protocol_limit,
    )


def threshold_grid(current: float, bonus: float) -> Array:
    """Return thresholds from 20 % to 1 / (1 + bonus), finer near the value in force."""
    top = int(np.floor(200 / (1 + bonus)))
    low = max(round((current - FINE_BELOW) * 200), round(LOWEST_THRESHOLD * 200))
    high = min(round((current + FINE_ABOVE) * 200), top)
    coarse = np.arange(round(LOWEST_THRESHOLD * 200), low, 4)
    above = np.arange(high + 4, top + 1, 4)
    return np.concatenate([coarse, np.arange(low, high + 1), above]) / 200
