"""The evidence: the only thing that crosses into documents and archive.

Shares and thresholds are fractions of 1, falls are fractions of the price at the trigger,
``_points`` are percentage points, ``_usd`` dollars, ``_hours`` and ``_minutes`` what they say.
Probabilities are per trigger episode unless the name says otherwise.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record
from govkit.records.joint import JointCheck
from govkit.records.justification import (
    Agreement,
    Justification,
    KeepBand,
    Lever,
    LtvRule,
    ModelRange,
)
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import Appetite, Dated, HumanText, Overlay, Sourced
from govkit.records.model import HistoricalFall
from govkit.records.oracle import OracleEvidence
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import Exceptions, FallTable
from govkit.records.snapshot import Finding
from govkit.records.stress import StressEvidence

EVIDENCE_SCHEMA: Literal["govkit/evidence/1"] = "govkit/evidence/1"

Action = Literal["raise", "lower", "keep", "refuse"]


class Reason(Record):
    """Why a decision was taken: a code the templates word, with its numbers."""

    code: str
    numbers: dict[str, float] = {}
    texts: dict[str, str] = {}


class Parameters(Record):
    """One set of collateral parameters, fractions of 1."""

    ltv: float
    threshold: float
    bonus: float


class InForce(Record):
    """The values in force, each with the date it was last known by vote."""

    ltv: Dated
    threshold: Dated
    bonus: Dated
    supply_cap: Dated
    e_mode: str
    reserve_ltv: Dated | None
    offboarding: str


class Limit(Record):
    """An upper limit on the threshold."""

    name: Literal["position", "book", "tail loss", "dated stress", "invariant", "protocol"]
    threshold: float | None = Field(description="none where it could not be computed")
    slack_points: float | None = Field(description="distance above the binding limit")
    binding: bool
    reason: str = Field("", description="why there is no value")


class Support(Record):
    """The threshold that market risk supports, before the decision rule."""

    point: float = Field(description="smallest limit")
    bound: float = Field(description="lower bound at the appetite's confidence, overlays deducted")
    rounded: float = Field(description="the bound on the decision grid, rounded down")
    low: float = Field(description="5 % quantile over refits")
    high: float = Field(description="95 % quantile over refits")
    path_error_points: float = Field(
        description="half-width of the binding limit's 95 % interval of path error"
    )
    refits: int
    paths: int


class Bar(Record):
    """One step of the waterfall from 100 % to the recommended threshold."""

    name: Literal[
        "fall", "clearing", "oracle", "bonus", "book and stress",
        "overlays", "uncertainty", "rounding", "decision",
    ]  # fmt: skip
    factor: float = Field(gt=0)
    points: float = Field(description="contribution; all bars add up to threshold minus 100")


class SlippagePoint(Record):
    """Liquidation price slippage of one size, sold at once."""

    size_usd: float
    average: float = Field(description="average slippage on a quiet market, fraction")
    stressed_average: float = Field(description="the same after the depth haircut")
    marginal: float = Field(description="what the last unit loses on a quiet market, fraction")
    error: float = Field(description="of `average`, fraction; 0 where not known")
    beyond_quotes: bool = Field(
        description="the curve ends at or before this size at stressed depth: `stressed_average` "
        "is the least it can be"
    )


class Clearing(Record):
    """How long a forced sale takes: exposure, affordable chunk and effective horizon.

    The implied caps hold the exposure share and scale the supply caps of the family alike.
    """

    exposure_usd: float = Field(description="debt to be repaid at stress, whole family")
    exposure_basis: str = Field(description="code of the rule: book, cap_small or cap_large")
    exposure_share: float
    debt_at_cap_usd: float = Field(description="debt the asset backs when the supply cap is full")
    family: tuple[str, ...]
    sale_usd: float = Field(description="collateral to be sold, bonus included")
    affordable_slippage: float = Field(
        description="maximum slippage tolerance: average slippage at which a liquidator still "
        "earns, 0 when none"
    )
    chunk_usd: float = Field(description="stressed size that the bonus can pay for at once")
    cleared_per_hour_usd: float = Field(description="chunks of an hour, one per refill")
    chunk_slippage: float = Field(description="average slippage of the whole sale sold at once")
    chunks: float
    horizon_hours: float
    participation_margin: float = Field(description="bonus left after costs for a small sale")
    longest_horizon_hours: float = Field(description="a longer horizon is refused")
    supply_cap_usd: float = Field(description="supply cap in force of this asset")
    cap_within_chunk_tokens: float = Field(
        description="supply cap whose stressed sale is one chunk, sold at once"
    )
    cap_within_chunk_usd: float
    cap_within_horizon_tokens: float = Field(
        description="supply cap whose stressed sale takes the longest horizon"
    )
    cap_within_horizon_usd: float
    slippage_by_size: tuple[SlippagePoint, ...] = Field(
        description="sizes that the curve reaches, and the chunk where the curve ends before "
        "the bonus is spent"
    )


class GridPoint(Record):
    """Losses of the re-levered book at one threshold."""

    threshold: float
    p_bad_debt: float
    p_low: float
    p_high: float
    es_share: float = Field(description="expected shortfall over debt, at the appetite's level")
    es_low: float
    es_high: float
    liquidated_share: float = Field(description="mean share of the debt that is liquidated")


class Implied(Record):
    """The chance that a threshold survives a trigger episode."""

    threshold: float
    survival: float = Field(description="C(threshold), per trigger episode over the horizon")
    episodes_per_year: float
    failures_per_year: float


class Alternative(Record):
    """What another appetite would have said."""

    appetite: str
    supported: float
    action: Action
    threshold: float
    reason: str = Field("", description="code of the reason of the decision")


class Impact(Record):
    """What the change does on the day it is executed, prices unchanged."""

    basis: Literal["book", "distribution"]
    accounts: int
    debt_usd: float
    liquidatable_now_usd: float
    liquidatable_after_usd: float
    liquidatable_after_share: float
    liquidatable_accounts: int | None
    near_after_share: float = Field(description="share of debt at health factor below 1.05 after")


class TailPoint(Record):
    """One point of the distribution of falls over the effective horizon."""

    probability: float
    fall: float
    low: float
    high: float


class GuardRail(Record):
    """A check of the proposed change against a written rule."""

    rule: str
    asset: str
    value: str
    limit: str
    passed: bool
    blocks: bool = Field(description="whether a breach forbids the change")


class Change(Record):
    """A row of the specification: human value and raw value."""

    asset: str
    parameter: str
    current: float
    proposed: float
    raw_current: str
    raw_proposed: str
    raw_unit: str


class PathOfChange(Record):
    """How the change can be made under the protocol's guard-rails."""

    moves: bool
    points: float
    end_state: float = Field(description="threshold that the analysis supports in the end")
    steward_steps: int
    steward_days: int


class AssetEvidence(Record):
    """All that is known and decided of one asset; parts are none where a step was not done."""

    asset: str
    priced_as: str
    kind: str
    price_usd: float
    price_as_of: str
    data_as_of: str
    in_force: InForce
    recommended: Parameters
    action: Action
    reasons: tuple[Reason, ...]
    path: PathOfChange
    limits: tuple[Limit, ...] = ()
    support: Support | None = None
    waterfall: tuple[Bar, ...] = ()
    clearing: Clearing | None = None
    grid: tuple[GridPoint, ...] = ()
    grid_horizon_hours: float | None = None
    kernel: str = Field("", description="engine kernel that ran the book: blocks, touched or twin")
    implied_current: Implied | None = None
    implied_recommended: Implied | None = None
    tail: tuple[TailPoint, ...] = ()
    stress: StressEvidence | None = None
    alternatives: tuple[Alternative, ...] = ()
    models: tuple[Alternative, ...] = Field((), description="supported value under other models")
    model_range: ModelRange | None = None
    keep_band: KeepBand | None = None
    agreement: Agreement | None = None
    ltv_rule: LtvRule | None = None
    levers: tuple[Lever, ...] = Field((), description="what else could be changed, in this order")
    justification: Justification | None = None
    impact: Impact | None = None
    liquidity: LiquidityCurve | None = None
    oracle: OracleEvidence | None = None
    worst_falls: tuple[HistoricalFall, ...] = ()
    comparisons: tuple[FallTable, ...] = ()
    exceptions: tuple[Exceptions, ...] = ()
    windows: tuple[Window, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_done: tuple[NotDone, ...] = ()


class MarketFacts(Record):
    """The market as the documents name it."""

    name: str
    title: str
    protocol: str
    protocol_version: str
    chain: str
    chain_id: int
    pool: str
    debt_asset: str
    source: str
    as_of: str
    constants: dict[str, Sourced]


class ModelFacts(Record):
    """Which market model was used."""

    name: str
    model_digest: str
    as_of: str
    numeraire: str
    snapshot_digest: str
    accounts: int
    average_health_factor: float


class Evidence(Record):
    """One proposal's evidence; its digest is what documents print."""

    schema_id: Literal["govkit/evidence/1"] = EVIDENCE_SCHEMA
    govkit: str
    command: str = Field(description="command that recomputes this evidence")
    market: MarketFacts
    appetite: Appetite
    model: ModelFacts
    seed: int
    paths: int
    text: HumanText
    assets: tuple[AssetEvidence, ...]
    joint: JointCheck | None = Field(None, description="all assets in one book; none for one asset")
    joint_reason: str = Field("", description="why there is no joint check")
    changes: tuple[Change, ...]
    guard_rails: tuple[GuardRail, ...]
    guard_rails_passed: bool
    toolchain: dict[str, str]
