"""Fitted hourly returns: variance, residual tails, states, jumps, refits, other models."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from govkit.records.base import Record
from govkit.records.provenance import Floats, Window
from govkit.records.snapshot import Finding


class GpdTail(Record):
    """Generalised Pareto tail beyond a threshold."""

    threshold: float = Field(gt=0, description="distance from zero at which the tail begins")
    shape: float = Field(lt=1, description="xi; 1 or more would mean an infinite mean")
    scale: float = Field(gt=0)
    probability: float = Field(gt=0, lt=1, description="probability of lying beyond the threshold")
    excesses: int = Field(ge=50, description="number of observations used in the fit")
    shape_low: float = Field(description="95 % profile-likelihood interval of the shape")
    shape_high: float = Field(description="its upper end; capped at 1.5")
    goodness: float = Field(
        ge=0, le=1, description="p-value of the Anderson-Darling test by parametric bootstrap"
    )
    extremal_index: float = Field(
        gt=0, le=1, description="1 over the mean size of clusters of excesses, in time order"
    )
    shape_prior: bool = Field(
        description="whether the prior N(0.2, 0.15) on the shape was used: under 80 excesses"
    )


class VarianceFilter(Record):
    """GJR-GARCH(1,1) in units of hourly log returns; gamma 0 is GARCH, omega 0 is EWMA.

    `constant` has omega 1 and no memory: the two-state models draw whole changes.
    """

    method: Literal["garch", "gjr", "ewma", "constant"]
    omega: float = Field(ge=0)
    alpha: float = Field(ge=0)
    gamma: float = Field(description="extra weight of negative returns")
    beta: float = Field(ge=0, lt=1)
    nu: float | None = Field(description="degrees of freedom of the t errors; none without them")
    persistence: float = Field(le=1)
    log_likelihood: float
    starts: int = Field(description="optimiser starts tried")
    agreeing_starts: int = Field(description="starts that ended within 1 of the best likelihood")
    worst_start_gap: float = Field(
        ge=0, description="log-likelihood units by which the worst start missed the best"
    )
    fallback: str = Field("", description="why EWMA was used in place of GARCH; empty if not")
    long_run_variance: float = Field(gt=0)
    last_variance: float = Field(gt=0)
    last_at: str


class ShadowTable(Record):
    """How far the hour's low lies below its open and close, in units of the hour's volatility."""

    residual_edges: Floats = Field(description="inner edges of the residual bins")
    quantiles: tuple[Floats, ...] = Field(
        description="per bin, quantiles 1 - (1 - j / n) ** 3, j = 0 to n"
    )
    wicks_filtered: int = Field(ge=0)


class JumpPosterior(Record):
    """Gamma posterior of the hourly intensity of falls beyond a size; never zero."""

    size: float = Field(gt=0, description="a jump is an hourly log fall of at least this")
    count: int = Field(ge=0)
    hours: int = Field(gt=0)
    intensity_per_hour: float = Field(gt=0, description="(count + 1/2) / hours")
    intensity_low: float = Field(gt=0, description="5 % quantile of the posterior")
    intensity_high: float = Field(gt=0, description="95 % quantile of the posterior")
    excess_mean: float = Field(gt=0, description="mean excess over the size, pooled over assets")
    pooled_jumps: int = Field(ge=0)


class StateMix(Record):
    """Volatility states an episode can begin in."""

    trigger: Floats = Field(
        description="quantiles 1 - (1 - j / n) ** 3 of hourly volatility in trigger states: the "
        "top decile of all hours; no stressed weight on top"
    )
    mixed: Floats = Field(
        description="the same of all hours, stressed windows weighing `stressed_weight`"
    )
    stressed_share: float = Field(
        ge=0, le=1, description="share of all hours that lie in stressed windows"
    )
    stressed_weight: float = Field(
        ge=0, le=1, description="at least 0.25 where any stressed hour is on record"
    )
    episodes_per_year: float = Field(gt=0, description="stretches in the trigger state a year")


class Refits(Record):
    """Parameter sets refitted on bootstrapped histories; one row a refit.

    `trigger_0` to `trigger_100` are the minimum, the 50, 90 and 99 % quantiles and the maximum of
    volatility in trigger states, over those of the history itself.
    """

    columns: tuple[str, ...] = (
        "omega", "alpha", "gamma", "beta", "threshold", "shape", "scale",
        "trigger_0", "trigger_50", "trigger_90", "trigger_99", "trigger_100",
    )  # fmt: skip
    rows: tuple[Floats, ...]
    failed: int = Field(0, ge=0, description="refits whose tail could not be fitted")
    block_hours: int
    seed: int

    @model_validator(mode="after")
    def _same_width(self) -> Refits:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("every refit row needs one value per column")
        return self


class FallTable(Record):
    """Falls from trigger to the worst point within a horizon, by horizon and probability."""

    model: str
    horizons_hours: Floats
    probabilities: Floats = Field(description="chance per trigger episode of a larger fall")
    falls: tuple[Floats, ...] = Field(description="falls[horizon][probability], fractions")


class Exceptions(Record):
    """Walk-forward count of trigger windows whose fall exceeded the allowance of that date."""

    probability: float
    horizon_hours: float
    windows: int
    expected: float
    dated: tuple[tuple[str, float, float], ...] = Field(description="date, fall, allowance")


class ReturnModel(Record):
    """Hourly returns of one priced asset, enough to simulate falls after a trigger.

    `basis` says what carries it: the asset's own history; the pooled history of comparable
    assets, scaled to the asset's own volatility; or the pooled depegs (or discounts) of a
    two-state model, where a trigger is the beginning of one.
    """

    basis: Literal["own", "pooled", "depeg", "discount"]
    pooled_over: tuple[str, ...] = Field((), description="assets that carry a pooled model")
    numeraire: str = Field(description="what the price is measured in: USDC, or ETH for pairs")
    window: Window
    variance: VarianceFilter
    residual_quantiles: Floats = Field(description="257 quantiles between the two tails")
    lower_tail: GpdTail
    upper_tail: GpdTail
    shadow: ShadowTable
    worst_five_minutes: Floats = Field(description="quantiles of its share of the hour's fall")
    worst_five_minutes_window: Window
    states: StateMix
    jumps: JumpPosterior
    refits: Refits
    falls: FallTable | None = Field(None, description="what this model itself says")
    comparisons: tuple[FallTable, ...] = Field((), description="other models, from fit time")
    exceptions: tuple[Exceptions, ...] = ()
    findings: tuple[Finding, ...] = Field((), description="what asks for care in this model")
