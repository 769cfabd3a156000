"""Stress scenarios and what they cost. Shares are of the debt the collateral backs."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from govkit.records.base import Record

Channel = Literal[
    "gap", "cascade", "liquidity", "keeper outage", "depeg", "stale oracle", "pinned oracle",
    "concentration", "manipulation", "unnecessary liquidation", "correlation",
    "frozen redemption",
]  # fmt: skip

DAY = r"^(\d{4}-\d{2}-\d{2})?$"


WORST_DAY = "worst day on record"
"""Value of `falls_of` for the dated event with the largest fall within 24 hours."""


class Scenario(Record):
    """One entry of the stress library: a dated event, or numbers of its own.

    The price falls as in a dated event of the market model, asset by asset: that of its own name
    (`first` and `last` alone), or the one that `falls_of` names. Or it falls by `falls` over
    `horizons_hours`. The rest changes the conditions of the sale.
    """

    name: str = Field(min_length=1)
    channels: tuple[Channel, ...] = Field(min_length=1, description="how bad debt arises")
    decides: bool = Field(description="whether the dated-stress limit uses it")
    source: str = Field(min_length=1)
    note: str = Field("", description="what the replay leaves out or assumes")
    first: str = Field("", pattern=DAY, description="first UTC day of a dated event")
    last: str = Field("", pattern=DAY)
    assets: tuple[str, ...] = Field((), description="price tickers it applies to; empty for all")
    kinds: tuple[Literal["volatile", "wrapped", "staking", "pegged"], ...] = Field(
        (), description="kinds of collateral it applies to; empty for all"
    )
    falls_of: str = Field(
        "", description="dated event whose falls are replayed, or 'worst day on record'"
    )
    horizons_hours: tuple[float, ...] = ()
    falls: tuple[float, ...] = Field((), description="fall reached by each horizon, fractions")
    discount: float = Field(
        0.0, ge=0, lt=1, description="further fall that a feed of the underlying does not show"
    )
    discount_hours: float = Field(
        24.0, gt=0, le=48, description="time in which the discount is reached, evenly"
    )
    depth_factor: float = Field(1.0, gt=0, le=1, description="on top of the market's haircut")
    gas_factor: float = Field(1.0, ge=1)
    keeper_outage_hours: float = Field(0.0, ge=0, le=48)
    feed_frozen_hours: float = Field(0.0, ge=0, le=48)
    feed_high: float = Field(0.0, ge=0, lt=1, description="feed above the price throughout")
    feed_low: float = Field(0.0, ge=0, lt=1, description="feed below the price throughout")
    all_at_one: bool = Field(False, description="all debt at health factor 1 at the start")

    @property
    def measured(self) -> bool:
        """Whether its falls are measured in its own days when a model is fitted."""
        return bool(self.first) and not (self.falls or self.falls_of)

    @property
    def plain(self) -> bool:
        """Whether it applies to every asset and changes nothing but the price."""
        changes = (
            self.assets, self.kinds, self.discount, self.depth_factor < 1, self.gas_factor > 1,
            self.keeper_outage_hours, self.feed_frozen_hours, self.feed_high, self.feed_low,
            self.all_at_one,
        )  # fmt: skip
        return not any(changes)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.first) != bool(self.last):
            raise ValueError("a dated event needs both its first and its last day")
        if self.first > self.last:
            raise ValueError("the last day is before the first")
        if len(self.horizons_hours) != len(self.falls):
            raise ValueError("needs as many falls as horizons")
        if self.falls and self.falls_of:
            raise ValueError("has falls of its own and those of an event; one is needed")
        if not (self.first or self.falls or self.falls_of):
            raise ValueError(
                "says no fall: give the days of an event, falls with horizons_hours, or falls_of"
            )
        if any(not 0 <= x < 1 for x in self.falls):
            raise ValueError("falls are fractions from 0 to below 1")
        if any(b < a for a, b in pairwise(self.falls)):
            raise ValueError("falls are the worst up to each horizon, so they cannot decrease")
        if any(b <= a for a, b in pairwise(self.horizons_hours)):
            raise ValueError("horizons must increase")
        if self.horizons_hours and not 0 < self.horizons_hours[0] <= self.horizons_hours[-1] <= 48:
            raise ValueError("horizons lie above 0 and at most 48 hours")
        if self.decides and not (self.measured and self.plain):
            raise ValueError("only a dated event, replayed for all as it was, can decide")
        return self


class ScenarioResult(Record):
    """A scenario run on the re-levered book at stressed depth, now and as recommended."""

    name: str
    on: str = Field(description="day of the worst fall that was replayed; empty for given falls")
    channels: tuple[str, ...]
    decides: bool
    fall_in_horizon: float
    fall_in_day: float
    loss_current: float
    loss_recommended: float
    liquidated_share: float = Field(description="debt repaid by keepers at the recommended value")
    unnecessary_share: float = Field(
        0.0, description="debt liquidated that a true price would not have triggered"
    )
    loss_cap: float
    passed: bool
    source: str
    note: str = ""


class ReverseStress(Record):
    """The smallest sudden fall of the price whose bad debt exceeds the appetite's cap."""

    cap_share: float
    gap_current: float | None = Field(
        description="none where even a fall of 95 % stays below; 0 where sales alone exceed the cap"
    )
    gap_recommended: float | None
    worst_on_record: float | None = Field(
        None, description="worst fall of a dated event in `worst_within_hours`; none: not on record"
    )
    worst_within_hours: float | None = Field(
        None, description="shortest horizon on record: one hour, or a day where only days are known"
    )
    worst_on: str = ""


class Solvency(Record):
    """How far all collateral may fall at once before it no longer covers the debt.

    Before any liquidation, accounts with their health factors, uniform shock. `together`: the
    shock at which all collateral is worth all debt. `uncovered`: the shock at which the debt
    that its own account's collateral does not cover exceeds the appetite's stress cap. At the
    recommended threshold borrowers have kept their health factors and changed their debts; on the
    day of the change debts and collateral, and so the shocks, are still the current ones.
    """

    basis: Literal["book", "distribution"]
    together_current: float
    together_recommended: float
    uncovered_current: float
    uncovered_recommended: float
    cap_share: float
    shocks: tuple[float, ...] = Field(description="shocks of the curve, fractions")
    uncovered_share: tuple[float, ...] = Field(description="uncovered debt at the recommended")


class StressEvidence(Record):
    """The stress library on one asset."""

    results: tuple[ScenarioResult, ...]
    skipped: tuple[str, ...] = Field((), description="scenarios that do not apply, with the reason")
    reverse: ReverseStress
    solvency: Solvency
