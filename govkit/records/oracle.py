"""What a price feed can hide: losses as the book and as a seller see them, and manipulation.

Prices are relative to the price at the trigger; falls and losses are fractions. A loss is per
unit of debt of a position whose health factor is 1 by the reported price when the episode begins.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record
from govkit.records.market import OracleRule
from govkit.records.provenance import NotDone


class OracleLoss(Record):
    """Loss per unit of debt over many trigger episodes, zeros included."""

    chance: float = Field(ge=0, le=1, description="share of episodes with any loss")
    chance_low: float = Field(ge=0, le=1, description="95 % interval of the chance")
    chance_high: float = Field(ge=0, le=1)
    at_level: float = Field(ge=0, le=1, description="loss exceeded with the appetite's chance")
    shortfall: float = Field(ge=0, le=1, description="expected shortfall at the tail level")


class OracleScenario(Record):
    """One state of the feed: what the book records beside what a seller would lose."""

    name: Literal["normal", "frozen", "stale"]
    stale_high: float = Field(ge=0, description="how far the feed stands above the market at first")
    frozen_hours: float = Field(ge=0, description="how long the feed does not update")
    window_hours: float = Field(gt=0, description="effective horizon plus the time it is frozen")
    book: OracleLoss = Field(description="marked at the lowest reported price")
    economic: OracleLoss = Field(description="marked at the lowest market price")


class OracleCase(Record):
    """A dated case of the adapter: a market price below the reported one, or one it followed."""

    name: Literal["pinned", "discount", "depeg", "inflated"]
    asset: str
    on: str
    fall: float = Field(gt=0, lt=1, description="how far the market ended below the reported price")
    book_loss: float = Field(ge=0, le=1)
    economic_loss: float = Field(ge=0, le=1)
    source: str


class UnderReporting(Record):
    """Liquidations caused by a feed that shows too low a price, and by nothing else."""

    fraction: float = Field(gt=0, lt=1, description="how far the feed stands below the market")
    on: str = Field(description="date of the event the fraction is taken from")
    at_once_share: float = Field(ge=0, le=1, description="of the debt, while the market stands")
    episode_share: float = Field(
        ge=0, le=1, description="of the debt, over an episode, beyond what the market triggers"
    )
    source: str


class Push(Record):
    """Moving a constant-product pool's price up by a factor."""

    factor: float = Field(gt=1)
    cost_usd: float = Field(ge=0, description="lost when the price is arbitraged back")
    capital_usd: float = Field(ge=0, description="paid into the pool")
    break_even_usd: float | None = Field(
        description="collateral above which it pays; none where no amount makes it pay"
    )


class ManipulationScreen(Record):
    """The largest collateral that leaves no profit in pushing the feed up to its bound."""

    threshold: float
    sanity_bound: float = Field(gt=1)
    at_bound: Push
    worst: Push = Field(description="the push within the bound with the lowest break-even")
    safe_exposure_usd: float | None = Field(
        description="break-even of the worst push; none where no push within the bound can pay"
    )


class PoolDepth(Record):
    """A depth curve read as one constant-product pool."""

    reserve_usd: float = Field(gt=0, description="effective reserve after the haircut")
    haircut: float = Field(ge=0, lt=1, description="share of the quoted depth taken off")
    points: int = Field(ge=1, description="points of the curve used")
    as_of: str


class OracleEvidence(Record):
    """How far the reported price of one asset can be trusted."""

    rule: OracleRule
    own_rule: bool = Field(description="false: the market's constant was used")
    latency_minutes: float
    threshold: float
    bonus: float
    horizon_hours: float
    probability: float = Field(description="the appetite's chance per trigger episode")
    tail_level: float
    paths: int
    overstatement: float = Field(
        ge=0, description="how far the feed stands above the market at its low, at that chance"
    )
    scenarios: tuple[OracleScenario, ...]
    cases: tuple[OracleCase, ...] = ()
    under_reporting: UnderReporting
    pool: PoolDepth | None = None
    pushes: tuple[Push, ...] = ()
    manipulation: ManipulationScreen | None = None
    debt_at_cap_usd: float | None = None
    not_done: tuple[NotDone, ...] = ()
