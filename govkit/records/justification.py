"""Why a number: levers, what each input is worth, break-evens, sensitivity, baselines, frontier.

Shares and thresholds are fractions of 1, ``_points`` percentage points, ``_usd`` dollars.
Probabilities are per trigger episode unless the name says otherwise.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record

InputName = Literal[
    "volatility", "depth", "latency", "refill", "exposure", "oracle deviation", "bonus",
    "swap fee", "gas",
]  # fmt: skip


class Lever(Record):
    """One setting other than the threshold, and the value of it that would do."""

    name: Literal["cap", "bonus", "close rule", "oracle"]
    unit: Literal["usd", "fraction", "none"]
    now: float | None
    needed: float | None = Field(description="none where no value of this setting is enough")
    reason: str = Field("", description="why there is no value, or what the value assumes")


class KeepBand(Record):
    """Where a threshold is neither too lax nor needlessly strict.

    Unnecessary liquidations ``U(x) = 1 - Liq(highest) / Liq(x)`` on today's debts and the same
    paths: the share of liquidated debt that the highest allowed threshold would have spared.
    """

    highest: float = Field(description="highest allowed threshold: the supported value")
    lowest: float = Field(description="smallest threshold with U at most `most_unnecessary`")
    most_unnecessary: float = Field(description="the appetite's u_max")
    at_current: float = Field(description="U at the threshold in force")
    at_recommended: float


class ModelRange(Record):
    """What the ensemble of market models supports, beside the model in use."""

    lowest: float
    lowest_model: str
    highest: float
    highest_model: str
    history_gap_points: float | None = Field(
        description="position limit of the model minus that of history's own falls: model error"
    )


class Agreement(Record):
    """The decision taken on each of several independent sets of paths."""

    sets: int
    agreeing: int = Field(description="sets whose action is that of all paths together")
    lowest: float = Field(description="smallest supported value of the sets")
    highest: float


class LtvRule(Record):
    """What the gap between borrow LTV and threshold has to hold."""

    gap_points: float = Field(description="in force")
    normal_fall: float = Field(description="99 % fall within one hour, all states of volatility")
    needed_points: float = Field(description="threshold x normal fall")
    lowered: bool
    other_rule_points: float = Field(description="gap of another published rule, for information")
    other_rule_ltv: float


class Removed(Record):
    """The supported value if one input did not exist."""

    input: str
    supported: float
    points: float = Field(description="supported without the input minus supported")


class BreakEven(Record):
    """The value of one input at which the evidence supports exactly the threshold in force."""

    input: InputName
    unit: Literal["yearly", "usd", "minutes", "fraction"]
    now: float
    at: float | None = Field(description="none where no value within `factor_range` does")
    reason: str = ""


class SensitivityBar(Record):
    """The supported value over the range of one input, the others as they are."""

    input: InputName
    unit: Literal["yearly", "usd", "minutes", "fraction"]
    low: float
    high: float
    at_low: float = Field(description="supported value at `low`")
    at_high: float
    total: float = Field(description="Sobol total index: share of variance, interactions included")
    total_error: float = Field(description="half-width of its 95 % interval")
    source: str = Field(description="where the range is from")


class Baseline(Record):
    """What a rule of somebody else's would set."""

    name: str
    threshold: float | None = Field(description="none where it cannot be computed")
    difference_points: float | None = Field(description="minus the supported value")
    words: str = Field(description="the rule in one line, with its inputs' values")
    source: str
    reason: str = Field("", description="why there is no value")


class FrontierPoint(Record):
    """One threshold between borrowing power and harm."""

    threshold: float
    borrowing_usd: float = Field(description="debt a full supply cap can carry, threshold x cap")
    es_share: float
    unnecessary_share: float
    dominated: bool = Field(description="another threshold is no worse in all three, better in one")


class AppetiteCost(Record):
    """What one appetite's supported value costs, on the same paths."""

    appetite: str
    threshold: float
    p_bad_debt: float
    es_share: float
    unnecessary_share: float
    borrowing_usd: float


class Justification(Record):
    """Everything beside the limits that says why a threshold is what it is."""

    removed: tuple[Removed, ...] = ()
    break_evens: tuple[BreakEven, ...] = ()
    sensitivity: tuple[SensitivityBar, ...] = ()
    sensitivity_points: int = Field(0, description="model evaluations behind the indices")
    baselines: tuple[Baseline, ...] = ()
    frontier: tuple[FrontierPoint, ...] = ()
    costs: tuple[AppetiteCost, ...] = ()
