"""The confidence that the thresholds in force imply, per asset and for the market.

Shares and thresholds are fractions of 1. Probabilities are per trigger episode, one stretch in
which an account reaches health factor 1, over the asset's own effective horizon, and speak of one
position. `_low` and `_high` are the ends of 95 % intervals of path error; the uncertainty of the
fitted model is not in them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record
from govkit.records.evidence import Reason

IMPLIED_SCHEMA: Literal["govkit/implied/1"] = "govkit/implied/1"


class Need(Record):
    """The largest threshold that one appetite's position rule allows, before any lower bound."""

    appetite: str
    position_probability: float
    threshold: float
    threshold_low: float
    threshold_high: float


class Place(Record):
    """Where a position probability stands among appetites, by their position rules alone."""

    meets: str = Field(description="strictest appetite whose rule is met; empty when none is")
    misses: str = Field(description="laxest appetite whose rule is not met; empty when all are")


class ImpliedAsset(Record):
    """What the threshold in force of one asset implies."""

    asset: str
    threshold: float
    threshold_as_of: str
    bonus: float
    oracle_deviation: float
    horizon_hours: float = Field(description="T: latency plus the time it takes to sell")
    survival: float = Field(description="C, chance that a fall over T leaves no bad debt")
    failure_probability: float = Field(description="1 - C: the position probability implied")
    failure_low: float
    failure_high: float
    episodes_per_year: float
    failures_per_year: float
    place: Place
    needs: tuple[Need, ...] = Field(description="one for each appetite, strictest first")
    debt_at_cap_usd: float = Field(description="debt of this asset alone when its cap is full")


class NotImplied(Record):
    """An asset for which no confidence can be given, and why."""

    asset: str
    threshold: float
    reason: Reason
    debt_at_cap_usd: float | None = Field(description="none where the model knows no price")


class ImpliedMarket(Record):
    """All assets together, each over its own horizon."""

    debt_at_cap_usd: float = Field(description="of the assets that could be computed")
    left_out_usd: float = Field(description="debt at the cap of those that could not, where known")
    mean_failure_probability: float = Field(description="mean over debt at the cap")
    failures_per_year: float = Field(
        description="sum over assets; episodes that several assets share count once for each"
    )
    weakest: str = Field(description="asset with the largest failure probability")
    implied_probability: float = Field(
        description="smallest probability that the assets of at least half the debt at the cap meet"
    )
    place: Place = Field(description="where `implied_probability` stands")


class ImpliedConfidence(Record):
    """The answer of ``govkit appetite --implied``."""

    schema_id: Literal["govkit/implied/1"] = IMPLIED_SCHEMA
    market: str
    market_title: str
    market_as_of: str
    model: str
    model_as_of: str
    model_digest: str
    seed: int
    paths: int = Field(description="simulated trigger episodes per asset")
    appetites: dict[str, float] = Field(description="position probability by appetite")
    assets: tuple[ImpliedAsset, ...]
    not_implied: tuple[NotImplied, ...]
    whole: ImpliedMarket | None = Field(description="none when no asset could be computed")
