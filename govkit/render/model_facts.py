"""What there is to say of a market model: facts with their units, for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from govkit.records.liquidity import LiquidityCurve
from govkit.records.model import AssetModel, Dependence, JointFalls, MarketModel
from govkit.records.returns import ReturnModel
from govkit.render import numbers
from govkit.render.facts import join

HOURS_A_YEAR = 365 * 24
SLIPPAGE = 0.05
"""Depth is quoted at this average slippage."""

BASES = {
    "own": "its own history",
    "pooled": "the pooled history of comparable assets, scaled to its own volatility",
    "depeg": "the pooled depegs of stablecoins",
    "discount": "the pooled discounts of staking tokens",
}
METHODS = {
    "gjr": "GJR-GARCH",
    "garch": "GARCH",
    "ewma": "EWMA",
    "constant": "none, whole changes are drawn",
}
FORMS = {
    "share": numbers.percent,
    "US dollars": numbers.usd,
    "US dollars a token": numbers.price,
    "hours": numbers.hours,
    "count": numbers.integer,
    "a year": numbers.number,
    "number": numbers.number,
    "p-value": numbers.number,
}


@dataclass(frozen=True)
class Fact:
    """One thing said of a model.

    Attributes
    ----------
    name:
        What it is, unique within its group.
    value:
        A text, or a number in `unit`.
    unit:
        A key of `FORMS`; empty for texts.
    remark:
        What is said behind the value, such as its interval or date.
    """

    name: str
    value: str | float
    unit: str = ""
    remark: str = ""

    def text(self) -> str:
        """Write the value with its unit, without the remark."""
        if isinstance(self.value, str):
            return self.value
        shown = FORMS[self.unit](self.value)
        return f"{shown} a year" if self.unit == "a year" else shown


def model_facts(model: MarketModel) -> Iterator[Fact]:
    """Yield what holds for the whole model."""
    yield Fact("as of", model.as_of)
    yield Fact("falls are measured in", model.numeraire)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(model.fitted_with.items()))
    yield Fact("fitted with", f"{versions}; seed {model.seed}")
    yield Fact("snapshot", numbers.digest(model.snapshot_digest))
    accounts = model.accounts
    yield Fact("accounts", accounts.accounts, "count")
    yield Fact("average health factor", accounts.average_health_factor, "number", "by debt")
    if model.dependence is not None:
        yield from _dependence(model.dependence)


def _dependence(tied: Dependence) -> Iterator[Fact]:
    """Yield both copulas and the joint falls that the drawn one misses most."""
    low, high = numbers.number(tied.degrees_low), numbers.number(tied.degrees_high)
    yield Fact(
        "dependence, degrees of freedom", tied.degrees_of_freedom, "number",
        f"95 % interval {low} to {high}, {numbers.integer(tied.common_hours)} common hours",
    )  # fmt: skip
    # Starts are fitted with the highest volatility first.
    drawn = (
        ("residuals", "falls are tied more closely than rises", tied.residuals),
        ("volatilities at the start", "high ones are tied more closely than low", tied.starts),
    )
    for what, meaning, copula in drawn:
        if copula is not None:
            yield Fact(
                f"dependence, skewness of {what}", copula.skewness, "number",
                f"skewed t copula with {numbers.number(copula.degrees_of_freedom)} degrees of "
                f"freedom; below zero, {meaning}",
            )  # fmt: skip
    for size, name in ((2, "pair"), (3, "three")):
        rows = [row for row in tied.joint_falls if len(row.assets) == size and row.observed > 0]
        if rows:
            yield _joint(name, min(rows, key=lambda row: row.skewed / row.observed), tied)


def _joint(name: str, row: JointFalls, tied: Dependence) -> Fact:
    return Fact(
        f"hours in which the {name} fitted worst fall together", row.observed, "share",
        f"{join(row.assets)}, all beyond their {numbers.percent(tied.joint_level)} quantile; "
        f"{numbers.percent(row.skewed)} as drawn, {numbers.percent(row.student)} with a t copula, "
        f"{numbers.percent(row.gaussian)} with a Gaussian one",
    )  # fmt: skip


def return_facts(model: ReturnModel) -> Iterator[Fact]:
    """Yield what is known of one return model."""
    carried = BASES[model.basis]
    if model.pooled_over:
        carried += f" ({', '.join(model.pooled_over)})"
    yield Fact("carried by", carried)
    window = model.window
    yield Fact("prices from", window.first)
    yield Fact("prices to", window.last)
    yield Fact("observations", window.observations, "count", window.source)
    yield Fact("measured in", model.numeraire)
    yield from _volatility(model)
    tail = model.lower_tail
    interval = (
        f"95 % interval {numbers.number(tail.shape_low)} to {numbers.number(tail.shape_high)}"
    )
    prior = "; with a prior, as there are few" if tail.shape_prior else ""
    yield Fact(
        "tail of falls, shape", tail.shape, "number",
        f"{interval}, {numbers.integer(tail.excesses)} excesses{prior}",
    )  # fmt: skip
    yield Fact("tail of falls, begins at", tail.threshold, "number", _threshold_unit(model))
    yield Fact("tail of falls, fit test", tail.goodness, "p-value", "under 0.1 the fit is doubtful")
    yield Fact("tail of falls, extremal index", tail.extremal_index, "number")
    jumps = model.jumps
    low, high = jumps.intensity_low * HOURS_A_YEAR, jumps.intensity_high * HOURS_A_YEAR
    yield Fact(
        f"hours with a fall of {numbers.percent(1 - math.exp(-jumps.size))} or more",
        jumps.intensity_per_hour * HOURS_A_YEAR, "a year",
        f"90 % interval {numbers.number(low)} to {numbers.number(high)}, "
        f"{numbers.count(jumps.count, 'such hour')} on record",
    )  # fmt: skip
    yield Fact("trigger episodes", model.states.episodes_per_year, "a year")
    failed = f"{numbers.integer(model.refits.failed)} failed" if model.refits.failed else ""
    yield Fact("refits", len(model.refits.rows), "count", failed)
    yield from _falls(model)


def _volatility(model: ReturnModel) -> Iterator[Fact]:
    v = model.variance
    reason = f"because of: {v.fallback}" if v.fallback else ""
    yield Fact("variance filter", METHODS[v.method], "", reason)
    if v.method == "constant":
        return
    yield Fact("long-run volatility a year", yearly_volatility(v.long_run_variance), "share")
    yield Fact("last volatility a year", yearly_volatility(v.last_variance), "share", v.last_at)
    start, middle = model.states.trigger[0], median(model.states.trigger)
    yield Fact("trigger states begin at a volatility a year of",
               yearly_volatility(start**2), "share")  # fmt: skip
    yield Fact("median volatility a year in trigger states", yearly_volatility(middle**2), "share")
    yield Fact("weight of stressed hours in all states", model.states.stressed_weight, "share")
    if 0 < v.persistence < 1:
        fade = math.log(0.5) / math.log(v.persistence)
        yield Fact("half of a volatility shock is gone after", fade, "hours")


def _threshold_unit(model: ReturnModel) -> str:
    constant = model.variance.method == "constant"
    return "as a log change" if constant else "hourly volatilities below zero"


def _falls(model: ReturnModel) -> Iterator[Fact]:
    table = model.falls
    if table is not None:
        for hours, row in zip(table.horizons_hours, table.falls, strict=True):
            for chance, fall in zip(table.probabilities, row, strict=True):
                if hours in (1.0, 24.0) and math.isclose(chance, 0.005):
                    name = f"fall within {numbers.hours(hours)} that 0.5 % of episodes exceed"
                    yield Fact(name, fall, "share")
    for test in model.exceptions:
        name = f"exceptions at {numbers.percent(test.probability)} over "
        yield Fact(
            name + numbers.hours(test.horizon_hours), len(test.dated), "count",
            f"{numbers.number(test.expected)} expected in "
            f"{numbers.count(test.windows, 'window')}",
        )  # fmt: skip


def asset_facts(asset: AssetModel) -> Iterator[Fact]:
    """Yield what is known of one collateral, but for its findings and what was not done."""
    yield Fact("supported", "yes" if asset.supported else "no")
    yield Fact("price", asset.price_usd, "US dollars a token", f"on {asset.price_as_of}")
    yield Fact("as of", asset.as_of)
    yield Fact("returns of", asset.priced_as)
    if asset.pair:
        yield Fact("returns for debt in its underlying", asset.pair)
    for curve in asset.curves:
        yield from _curve(curve)
    if asset.ratio is not None:
        ratio = asset.ratio
        said = f"against {ratio.underlying}, on {ratio.worst_discount_on}"
        yield Fact("largest discount", ratio.worst_discount, "share", said)
        if ratio.half_life_hours is None:
            yield Fact("half of a discount is made good after", "no time: no return is shown")
        else:
            yield Fact("half of a discount is made good after", ratio.half_life_hours, "hours")
        if ratio.frozen_worst_discount is not None:
            frozen = ratio.frozen_worst_discount
            yield Fact("largest discount while redemption was closed", frozen, "share")
        if ratio.growth_per_year is not None:
            said = f"a loop that borrows {ratio.underlying} at more than this loses health factor"
            yield Fact("growth a year", ratio.growth_per_year, "share", said)
    if asset.two_state is not None:
        peg = asset.two_state
        counted = numbers.count(len(peg.events), "event")
        said = f"{counted} on record, of {', '.join(peg.pooled_over)}"
        level = numbers.percent(peg.entry_level)
        yield Fact(f"discounts of {level} or more", peg.entries_per_year, "a year", said)
        if peg.events:
            worst = peg.events[0]
            yield Fact("deepest discount on record", worst.depth, "share",
                       f"{worst.asset} on {worst.trough_on}")  # fmt: skip
    day = [(fall.falls[fall.horizons_hours.index(24.0)], fall)
           for fall in asset.falls if 24.0 in fall.horizons_hours]  # fmt: skip
    if day:
        size, fall = max(day, key=lambda pair: pair[0])
        yield Fact("worst fall within 24 hours", size, "share", f"{fall.event}, {fall.on}")


def _curve(curve: LiquidityCurve) -> Iterator[Fact]:
    name = f"sold for {curve.asset_out}"
    remark = f"{curve.method}, as of {curve.as_of}"
    size = size_at(curve, SLIPPAGE)
    if size is None:
        largest = numbers.usd(curve.sizes_usd[-1])
        remark = f"more than the largest size known, {largest}; {remark}"
        yield Fact(f"{name} at a slippage of 5 %", "more than is known", "", remark)
    else:
        yield Fact(f"{name} at a slippage of 5 %", size, "US dollars", remark)


def size_at(curve: LiquidityCurve, slippage: float) -> float | None:
    """Return the size in dollars that sells at an average slippage, or None beyond the curve.

    Linear between the stored sizes, from a size of 0 without slippage.
    """
    points = [(0.0, 0.0), *zip(curve.sizes_usd, curve.slippage, strict=True)]
    for (size, cost), (next_size, next_cost) in pairwise(points):
        if next_cost > slippage:
            return size + (next_size - size) * (slippage - cost) / (next_cost - cost)
    return None


def yearly_volatility(hourly_variance: float) -> float:
    """Return volatility a year of 365 days from a variance an hour."""
    return math.sqrt(hourly_variance * HOURS_A_YEAR)


def median(quantiles: tuple[float, ...]) -> float:
    """Return the median of quantiles at the probabilities 1 - (1 - j / n) ** 3, j = 0 to n."""
    n = len(quantiles) - 1
    place = n * (1 - 0.5 ** (1 / 3))
    j = min(int(place), n - 1)
    # Between two of them the quantile is linear in the probability, not in j.
    low, high = (1 - (1 - k / n) ** 3 for k in (j, j + 1))
    return quantiles[j] + (quantiles[j + 1] - quantiles[j]) * (0.5 - low) / (high - low)
