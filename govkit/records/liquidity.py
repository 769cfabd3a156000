"""Liquidity: what selling a size at once costs."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from govkit.records.base import Record
from govkit.records.provenance import Floats, Window


class LiquidityCurve(Record):
    """Average and marginal cost of selling a size at once, before any stress haircut."""

    asset_in: str = Field(description="what is sold")
    asset_out: str = Field(description="what is received")
    method: Literal["quotes", "constant product", "stableswap", "volume law"]
    sizes_usd: Floats
    slippage: Floats = Field(
        description="average: 1 - proceeds over value at the price before, non-decreasing; what "
        "a liquidator pays"
    )
    marginal: Floats = Field(
        description="impact: 1 - price of the last unit over the price before; what an oracle "
        "that reads the pool would show"
    )
    error: Floats = Field(description="half the 10 to 90 % range of the quotes; 0 where unknown")
    as_of: str
    window: Window
    daily_volume_usd: float | None = None
    daily_volatility: float | None = None
    coefficient: float | None = Field(None, description="Y of the volume law")

    @model_validator(mode="after")
    def _is_a_curve(self) -> LiquidityCurve:
        sizes, slippage = self.sizes_usd, self.slippage
        lengths = {len(sizes), len(slippage), len(self.marginal), len(self.error)}
        if len(lengths) != 1 or len(sizes) < 2:
            raise ValueError("sizes, slippage, marginal and error need one length, at least 2")
        if any(b <= a for a, b in pairwise(sizes)) or sizes[0] <= 0:
            raise ValueError("sizes must be positive and increase")
        if any(b < a for a, b in pairwise(slippage)) or slippage[0] < 0:
            raise ValueError("slippage must not fall with size")
        if any(m < s for m, s in zip(self.marginal, slippage, strict=True)):
            raise ValueError("the last unit cannot cost less than the average")
        return self
