"""Special collateral: tokens that follow another asset, and pegged ones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record
from govkit.records.provenance import Floats, Window
from govkit.records.returns import GpdTail


class DiscountEvent(Record):
    """A dated stretch in which a token traded below its peg or its recent maximum."""

    asset: str
    first: str = Field(description="UTC date on which the discount passed the entry level")
    hours: int = Field(ge=0, description="hours until it was back above the entry level")
    depth: float = Field(gt=0, lt=1, description="largest discount, fraction")
    trough_on: str
    redemption_open: bool = Field(
        description="whether holders could redeem at par or at the exchange rate at that time"
    )


class TwoState(Record):
    """Calm and discount states of a peg, or of a staking token against its underlying.

    Rates are Gamma posteriors with half a count added, so no event is not no chance.
    """

    entry_level: float = Field(gt=0, description="discount at which the second state begins")
    pooled_over: tuple[str, ...]
    calm_hours: int = Field(ge=0)
    discount_hours: int = Field(ge=0)
    entries_per_year: float = Field(gt=0, description="(events + 1/2) / years of calm, per asset")
    mean_hours: float = Field(gt=0, description="mean length of a discount")
    events: tuple[DiscountEvent, ...] = Field(description="deepest first")


class RatioModel(Record):
    """A wrapper or staking token against its underlying: hourly log changes of the ratio."""

    underlying: str
    kind: Literal["wrapped", "staking"]
    pooled_over: tuple[str, ...] = Field(
        (), description="tokens whose ratio stands in where the own one cannot be used"
    )
    window: Window
    quantiles: Floats = Field(description="257 quantiles of the hourly log change")
    lower_tail: GpdTail
    upper_tail: GpdTail
    worst_discount: float = Field(
        ge=0, lt=1, description="largest fall from the maximum of the last 30 days"
    )
    worst_discount_on: str
    discounts: Floats = Field(
        description="quantiles 1 - (1 - j / n) ** 3 of that discount over all hours"
    )
    half_life_hours: float | None = Field(
        description="time in which half a discount is made good; none when it does not revert"
    )
    stationary_p: float = Field(
        ge=0, le=1, description="p-value of the Dickey-Fuller test: large means no reversion shown"
    )
    growth_per_year: float | None = Field(
        description="yearly growth of the running maximum, the staking reward; none for wrappers"
    )
    frozen_worst_discount: float | None = Field(
        description="largest discount while redemption was not open; none when never observed"
    )
