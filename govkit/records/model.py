"""The market model: what estimation makes of a snapshot. It never holds a price series."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from govkit.records.base import Record
from govkit.records.snapshot import Finding

MODEL_SCHEMA: Literal["govkit/market-model/1"] = "govkit/market-model/1"

Floats = tuple[float, ...]


class NotDone(Record):
    """A step that could not be done, with its reason; printed, never silently absent."""

    what: str
    reason: str


class Window(Record):
    """Where a group of fitted numbers comes from."""

    role: Literal["", "prices", "five-minute prices", "ratio", "depth", "accounts"] = Field(
        "", description="what the input was used for"
    )
    source: str = Field(description="data source in words")
    first: str = Field(description="first observation used, UTC date or time")
    last: str = Field(description="last observation used, UTC date or time")
    observations: int = Field(ge=0)
    input_digests: tuple[str, ...] = Field(description="sha256 of each snapshot table used")


class GpdTail(Record):
    """Generalised Pareto tail of a standardised residual beyond a threshold."""

    threshold: float = Field(gt=0, description="distance from zero at which the tail begins")
    shape: float = Field(lt=1, description="xi; 1 or more would mean an infinite mean")
    scale: float = Field(gt=0)
    probability: float = Field(gt=0, lt=1, description="probability of lying beyond the threshold")
    excesses: int = Field(ge=0, description="number of observations used in the fit")


class VarianceFilter(Record):
    """GJR-GARCH(1,1) in units of hourly log returns; gamma 0 is GARCH, omega 0 is EWMA."""

    method: Literal["garch", "gjr", "ewma"]
    omega: float = Field(ge=0)
    alpha: float = Field(ge=0)
    gamma: float = Field(description="extra weight of negative returns")
    beta: float = Field(ge=0, lt=1)
    nu: float | None = Field(description="degrees of freedom of the t errors; none for EWMA")
    persistence: float = Field(le=1)
    log_likelihood: float
    starts: int = Field(description="optimiser starts tried")
    agreeing_starts: int = Field(description="starts that ended within 1 of the best likelihood")
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
    excess_mean: float = Field(gt=0, description="mean excess over the size, pooled over assets")
    pooled_jumps: int = Field(ge=0)


class Refits(Record):
    """Parameter sets refitted on block-bootstrapped histories; one row a refit."""

    columns: tuple[str, ...] = (
        "omega", "alpha", "gamma", "beta", "threshold", "shape", "scale", "trigger_scale",
    )  # fmt: skip
    rows: tuple[Floats, ...]
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
    """Hourly returns of one priced asset, enough to simulate falls after a trigger."""

    window: Window
    variance: VarianceFilter
    residual_quantiles: Floats = Field(description="257 quantiles between the two tails")
    lower_tail: GpdTail
    upper_tail: GpdTail
    shadow: ShadowTable
    worst_five_minutes: Floats = Field(description="quantiles of its share of the hour's fall")
    worst_five_minutes_window: Window
    sigma_all: Floats = Field(
        description="quantiles 1 - (1 - j / n) ** 3 of conditional hourly volatility"
    )
    sigma_trigger: Floats = Field(description="the same in trigger states (top decile)")
    jumps: JumpPosterior
    refits: Refits
    comparisons: tuple[FallTable, ...] = Field(description="other models, computed at fit time")
    exceptions: tuple[Exceptions, ...]
    episodes_per_year: float = Field(description="stretches in the trigger state a year")


class RatioModel(Record):
    """A wrapper or staking token against its underlying: hourly log changes of the ratio."""

    underlying: str
    window: Window
    quantiles: Floats = Field(description="257 quantiles of the hourly log change")
    lower_tail: GpdTail
    upper_tail: GpdTail
    worst_discount: float = Field(ge=0, lt=1, description="largest fall from the running maximum")
    worst_discount_on: str


class HistoricalFall(Record):
    """The worst falls of a dated event, measured on hourly closes from any hour inside it."""

    event: str
    on: str = Field(description="UTC date of the trough of the 24-hour fall")
    horizons_hours: Floats
    falls: Floats = Field(description="worst fall over each horizon, fractions, increasing")


class LiquidityCurve(Record):
    """Average slippage of selling a size at once, before any stress haircut."""

    method: Literal["quotes", "volume law"]
    sizes_usd: Floats
    slippage: Floats = Field(description="average slippage, fraction, non-decreasing")
    error: Floats = Field(description="half the 10 to 90 % range of the quotes; 0 where unknown")
    as_of: str
    window: Window
    daily_volume_usd: float | None = None
    daily_volatility: float | None = None
    coefficient: float | None = Field(None, description="Y of the volume law")

    @model_validator(mode="after")
    def _is_a_curve(self) -> LiquidityCurve:
        sizes, slippage = self.sizes_usd, self.slippage
        if not len(sizes) == len(slippage) == len(self.error) or len(sizes) < 2:
            raise ValueError("sizes, slippage and error need the same length, at least 2")
        if any(b <= a for a, b in pairwise(sizes)) or sizes[0] <= 0:
            raise ValueError("sizes must be positive and increase")
        if any(b < a for a, b in pairwise(slippage)) or slippage[0] < 0:
            raise ValueError("slippage must not fall with size")
        return self


class AccountDistribution(Record):
    """Health factors and debts of accounts, fitted from real positions."""

    health_log_mean: float = Field(description="mean of log(health factor - 1)")
    health_log_sd: float = Field(gt=0)
    debt_log_mean: float = Field(description="mean of log(debt in USD)")
    debt_log_sd: float = Field(gt=0)
    average_health_factor: float = Field(gt=1, description="debt-weighted, of the real accounts")
    accounts: int
    windows: tuple[Window, ...]


class Dependence(Record):
    """A t copula on hourly residuals drawn at common dates."""

    assets: tuple[str, ...]
    kendall_tau: tuple[Floats, ...]
    degrees_of_freedom: float
    common_hours: int
    joint_fall_ratio_gaussian: float = Field(
        description="Gaussian chance of joint 1 % falls over the observed one, mean over pairs"
    )


class AssetModel(Record):
    """Everything the model knows of one collateral."""

    asset: str
    priced_as: str = Field(description="ticker whose own hourly series is used")
    price_usd: float = Field(gt=0)
    price_as_of: str
    as_of: str = Field(description="last date of its price series; depth has a date of its own")
    ratio: RatioModel | None = None
    liquidity: LiquidityCurve | None = None
    falls: tuple[HistoricalFall, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_done: tuple[NotDone, ...] = ()
    supported: bool = Field(description="whether a threshold may be calibrated from this model")


class MarketModel(Record):
    """The fitted model of a snapshot; enough to calibrate, simulate and render."""

    schema_id: Literal["govkit/market-model/1"] = MODEL_SCHEMA
    name: str
    as_of: str = Field(description="the oldest as-of date of the assets that are supported")
    numeraire: str
    snapshot_digest: str
    fitted_with: dict[str, str]
    seed: int
    returns: dict[str, ReturnModel] = Field(description="by ticker of the priced asset")
    assets: dict[str, AssetModel]
    accounts: AccountDistribution
    dependence: Dependence | None
    not_done: tuple[NotDone, ...] = ()
