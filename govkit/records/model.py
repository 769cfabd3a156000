"""The market model: what estimation makes of a snapshot. It never holds a price series."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record
from govkit.records.collateral import RatioModel, TwoState
from govkit.records.liquidity import LiquidityCurve
from govkit.records.provenance import Floats, NotDone, Window
from govkit.records.returns import ReturnModel
from govkit.records.snapshot import Finding

MODEL_SCHEMA: Literal["govkit/market-model/1"] = "govkit/market-model/1"


class HistoricalFall(Record):
    """The worst falls of a dated event, measured on hourly closes from any hour inside it."""

    event: str
    on: str = Field(description="UTC date of the trough of the 24-hour fall")
    horizons_hours: Floats
    falls: Floats = Field(description="worst fall over each horizon, fractions, increasing")


class AccountDistribution(Record):
    """Health factors and debts of accounts, fitted from real positions."""

    health_log_mean: float = Field(description="mean of log(health factor - 1)")
    health_log_sd: float = Field(gt=0)
    debt_log_mean: float = Field(description="mean of log(debt in USD)")
    debt_log_sd: float = Field(gt=0)
    average_health_factor: float = Field(gt=1, description="debt-weighted, of the real accounts")
    accounts: int
    windows: tuple[Window, ...]


class SkewedCopula(Record):
    """Copula of skewness * W + sqrt(W) * Z: Z normal, W inverse gamma; symmetric t without skew.

    A negative skewness ties low values more closely than high ones.
    """

    degrees_of_freedom: float = Field(gt=0)
    skewness: float
    correlation: tuple[Floats, ...] = Field(description="of Z, by asset")
    level: float = Field(
        gt=0, lt=1, description="the correlations give the joint shares observed below this"
    )


class JointFalls(Record):
    """How often assets fall together, observed and under three copulas."""

    assets: tuple[str, ...] = Field(description="two or three tickers")
    observed: float = Field(ge=0, le=1, description="share of hours in which all fall")
    student: float = Field(ge=0, le=1, description="the same under the t copula")
    gaussian: float = Field(ge=0, le=1, description="the same under a Gaussian copula")
    skewed: float = Field(ge=0, le=1, description="the same under the skewed t copula, as drawn")


class TailDependence(Record):
    """Chance that one asset is among its worst hours when the other is, chi(0.95)."""

    assets: tuple[str, str]
    chi: float = Field(ge=0, le=1, description="observed, worst 5 % of both")
    student: float = Field(ge=0, le=1, description="limit of the t copula, lambda")


class Dependence(Record):
    """A t copula on hourly residuals at common dates, and the skewed one that joint draws use."""

    assets: tuple[str, ...]
    kendall_tau: tuple[Floats, ...]
    degrees_of_freedom: float
    degrees_low: float = Field(description="95 % profile-likelihood interval")
    degrees_high: float
    common_hours: int
    joint_level: float = Field(description="a joint fall is one beyond this quantile in all")
    joint_falls: tuple[JointFalls, ...]
    tail_dependence: tuple[TailDependence, ...]
    residuals: SkewedCopula = Field(description="joint draws of one hour's residuals")
    starts: SkewedCopula | None = Field(
        None, description="of volatilities in common trigger states, highest first; none: one rank"
    )


class AssetModel(Record):
    """Everything the model knows of one collateral."""

    asset: str
    priced_as: str = Field(description="ticker whose return model is used")
    price_usd: float = Field(gt=0)
    price_as_of: str
    as_of: str = Field(description="last date of its price series; depth has a date of its own")
    ratio: RatioModel | None = None
    pair: str = Field(
        "", description="key of the return model against the underlying, for debt in it"
    )
    two_state: TwoState | None = Field(
        None, description="depegs of a pegged asset, discounts of a staking token"
    )
    curves: tuple[LiquidityCurve, ...] = Field(
        (), description="by what is received; the preferred one first"
    )
    falls: tuple[HistoricalFall, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_done: tuple[NotDone, ...] = ()
    supported: bool = Field(description="whether a threshold may be calibrated from this model")
    verdict: str = Field(description="one sentence: supported, with which care, or why not")

    def curve_into(self, asset_out: str) -> LiquidityCurve | None:
        """Return the curve for selling into `asset_out`, or else the preferred one."""
        exact = (curve for curve in self.curves if curve.asset_out == asset_out)
        return next(exact, self.curves[0] if self.curves else None)


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
