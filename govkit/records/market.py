"""Markets and appetites: the dated settings a calibration runs under. Stored as TOML."""

from __future__ import annotations

from contextlib import suppress
from datetime import date as day
from typing import Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from govkit.records.appetites import contradictions
from govkit.records.base import Record

MOST_OVERLAY_POINTS = 50.0


class Dated(Record):
    """A value in force with the date it was last known."""

    value: float
    as_of: str


class Sourced(Record):
    """A constant of the market with where it comes from."""

    value: float
    unit: str
    source: str


class OracleRule(Record):
    """How the price a market acts on follows the price a seller gets.

    `market` follows the token's own price. `exchange rate` reports the underlying's price times
    the redemption ratio, so a discount in the market is not seen. `capped` does the same with a
    ratio that may grow only so fast, or follows the token's own price up to a price cap. `pinned`
    always reports one price.
    """

    adapter: Literal["market", "exchange rate", "capped", "pinned"]
    deviation: float | None = Field(
        None, gt=0, lt=1, description="move of the price that makes the feed update, fraction"
    )
    heartbeat_minutes: float | None = Field(
        None, gt=0, description="age at which the feed updates in any case; none: not known"
    )
    growth_cap_per_year: float | None = Field(
        None, gt=0, lt=10, description="largest yearly growth of the reported ratio, fraction"
    )
    price_cap_usd: float | None = Field(None, gt=0, description="highest reported price, USD")
    pin_usd: float | None = Field(None, gt=0, description="the pinned price, USD")
    sanity_bound: float | None = Field(
        None, gt=1, description="largest factor by which the feed can be pushed up; none: unknown"
    )
    source: str = Field(min_length=1)
    as_of: str = Field(
        pattern=r"^\d{4}-\d{2}(-\d{2})?$", description="day, or month where only that is known"
    )

    @model_validator(mode="after")
    def _fits_the_adapter(self) -> Self:
        if self.adapter == "pinned" and self.pin_usd is None:
            raise ValueError("a pinned adapter needs its pin")
        if self.adapter != "pinned" and self.deviation is None:
            raise ValueError(f"a {self.adapter} adapter needs the deviation of its feed")
        if self.adapter != "pinned" and self.pin_usd is not None:
            raise ValueError(f"a {self.adapter} adapter has no pin")
        caps = [c for c in (self.growth_cap_per_year, self.price_cap_usd) if c is not None]
        if self.adapter == "capped" and len(caps) != 1:
            raise ValueError("a capped adapter needs either a growth cap or a price cap")
        if self.adapter != "capped" and caps:
            raise ValueError(f"a {self.adapter} adapter has no cap")
        return self

    @property
    def follows_underlying(self) -> bool:
        """Whether the feed reports the underlying times a ratio, and so hides a discount."""
        return self.adapter == "exchange rate" or self.growth_cap_per_year is not None


class Reserve(Record):
    """A collateral of a market: the values in force, each with its own date."""

    ltv: Dated = Field(description="borrow LTV, fraction")
    threshold: Dated = Field(description="liquidation threshold, fraction")
    bonus: Dated = Field(description="liquidation bonus, fraction; 0.05 is 5 %")
    supply_cap: Dated = Field(description="in tokens")
    e_mode: str = Field(
        "", description="e-mode that carries the live values; empty for the reserve"
    )
    reserve_ltv: Dated | None = Field(
        None, description="the reserve's own LTV when an e-mode is live"
    )
    offboarding: str = Field(
        "", description="why the asset is being wound down; empty when it is not"
    )
    address: str = Field(description="token contract")
    family: str = Field(description="assets of one family sell into the same depth")
    kind: Literal["volatile", "wrapped", "staking", "pegged"]
    daily_volume_usd: Dated | None = Field(
        None, description="median daily volume of one venue, for the volume depth law"
    )
    oracle: OracleRule | None = Field(
        None, description="none: the market's constant `oracle_deviation` applies"
    )


class Market(Record):
    """A lending market whose thresholds can be proposed."""

    name: str
    title: str
    protocol: str = Field(description="name of the rule book in govkit/protocols")
    protocol_version: str
    chain: str
    chain_id: int
    pool: str
    debt_asset: str = Field(description="the numeraire: ticker of the default debt asset")
    source: str
    as_of: str = Field(description="newest date at which the values were checked")
    steward_minimum_days: int
    latency_minutes: Sourced
    refill_minutes: Sourced
    depth_haircut: Sourced
    oracle_deviation: Sourced
    swap_fee: Sourced
    gas_share: Sourced
    protocol_fee_share: Sourced
    permanent_impact_share: Sourced
    unattended_share: Sourced
    reserves: dict[str, Reserve]

    def feed(self, asset: str) -> OracleRule:
        """Return a reserve's own price feed, or one with the market's constant deviation."""
        return self.reserves[asset].oracle or OracleRule(
            adapter="market",
            deviation=self.oracle_deviation.value,
            source=self.oracle_deviation.source,
            as_of=self.as_of,
        )


class Appetite(Record):
    """How much loss is tolerated. Every probability is per trigger episode.

    An episode is one stretch in which an account reaches health factor 1. The position's runs
    over the asset's own horizon T, the book's over 24 hours. Upper bounds are where no lender
    would go; they also catch a percentage that was written where a fraction belongs.
    """

    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    position_probability: float = Field(
        ge=0.0001, lt=0.1, description="largest chance that one position at health factor 1 "
        "leaves bad debt, per trigger episode over T"
    )  # fmt: skip
    book_probability: float = Field(
        ge=0.0001, lt=0.1, description="largest chance of bad debt above the floor, per trigger "
        "episode over 24 h, whole book"
    )  # fmt: skip
    book_floor_share: float = Field(
        gt=0, lt=0.05, description="bad debt that counts, share of debt"
    )
    book_floor_usd: float = Field(ge=0, description="bad debt that counts, dollars")
    tail_level: float = Field(
        gt=0.5, lt=1, description="level of the expected shortfall, per trigger episode over 24 h"
    )
    tail_loss_share: float = Field(
        gt=0, lt=0.02, description="largest expected shortfall, share of debt"
    )
    stress_loss_share: float = Field(
        gt=0, lt=0.05, description="largest loss in a dated event that decides, share of debt"
    )
    invariant_margin: float = Field(
        ge=0, lt=0.5, description="m in threshold * (1 + bonus) <= 1 - m"
    )
    confidence: float = Field(ge=0.5, lt=1, description="one-sided level of the lower bound used")
    most_unnecessary: float = Field(
        gt=0, lt=1, description="largest share of liquidated debt that a higher allowed threshold "
        "would have spared"
    )  # fmt: skip
    keep_band_points: float = Field(ge=0, description="a difference up to this is kept")
    raise_margin_points: float = Field(
        ge=0, description="every bound must exceed the value in force by this before a raise"
    )
    raise_points_per_30_days: float = Field(gt=0, description="largest raise in 30 days")
    far_above_points: float = Field(gt=0, description="support this far above means: not modelled")
    largest_cut_points: float = Field(gt=0, description="largest cut in one vote")
    step_points: float = Field(ge=0.01, le=5, description="thresholds are decided on this grid")

    @field_validator(
        "position_probability", "book_probability", "book_floor_share", "tail_level",
        "tail_loss_share", "stress_loss_share", "invariant_margin", "confidence",
        "most_unnecessary", mode="wrap",
    )  # fmt: skip
    @classmethod
    def _is_a_fraction(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(value)
        except ValidationError as error:
            if isinstance(value, int | float) and value > 0:
                with suppress(ValidationError):
                    read(value / 100)
                    said = error.errors()[0]["msg"].removeprefix("Input ")
                    raise ValueError(
                        f"{value:g} {said}; probabilities and shares are fractions: "
                        f"{value:g} % is {value / 100:g}"
                    ) from None
            raise

    @model_validator(mode="after")
    def _free_of_contradictions(self) -> Self:
        found = contradictions(self)
        if found:
            raise ValueError("; ".join(found))
        return self


class HumanText(Record):
    """What only people can say. Lives in ``proposal.toml``; missing parts are named as such."""

    title: str = ""
    author: str = ""
    date: str = Field("", pattern=r"^(\d{4}-\d{2}-\d{2})?$", description="YYYY-MM-DD or empty")
    payer: str = Field("", description="who pays the author for this work")
    interests: str = Field("", description="positions and roles that could bias the author")
    motivation: str = ""
    discussion: str = Field("", pattern=r"^(https?://\S+)?$", description="address or empty")

    def missing(self) -> tuple[str, ...]:
        """Return the names of required fields that are still empty."""
        required = ("author", "date", "payer", "interests")
        return tuple(name for name in required if not getattr(self, name).strip())


class Overlay(Record):
    """A deduction that a named person asks for, outside the market-risk model."""

    asset: str
    points: float = Field(gt=0, le=50)
    owner: str = Field(min_length=1)
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    reason: str = Field(min_length=1)

    @field_validator("date")
    @classmethod
    def _on_the_calendar(cls, value: str) -> str:
        try:
            day.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value} is not a day of the calendar") from None
        return value


class Question(Record):
    """What was asked: stored as ``proposal.toml``."""

    market: str
    assets: tuple[str, ...] = Field(min_length=1)
    appetite: str
    model: str
    seed: int = Field(ge=0, lt=2**32)
    book: str = ""
    overlays: tuple[Overlay, ...] = ()
    text: HumanText = HumanText()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.assets)) != len(self.assets):
            raise ValueError("an asset is named twice")
        strangers = {o.asset for o in self.overlays} - set(self.assets)
        if strangers:
            raise ValueError(f"overlays for assets not asked: {', '.join(sorted(strangers))}")
        for asset in self.assets:
            mine = [o for o in self.overlays if o.asset == asset]
            if len({o.reason.casefold() for o in mine}) != len(mine):
                raise ValueError(f"the overlays of {asset} give one reason twice; keep one of them")
            if sum(o.points for o in mine) > MOST_OVERLAY_POINTS:
                raise ValueError(
                    f"the overlays of {asset} add up to more than {MOST_OVERLAY_POINTS:g} points; "
                    "take the asset off the list of collaterals instead"
                )
        return self
