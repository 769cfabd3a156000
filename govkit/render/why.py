"""What the documents say of a justification: words, units, selections and directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from govkit.records.evidence import AssetEvidence
from govkit.records.justification import (
    AppetiteCost,
    BreakEven,
    FrontierPoint,
    Justification,
    Removed,
    SensitivityBar,
)
from govkit.render import facts, numbers

INPUT_WORDS = {
    "volatility": "yearly volatility at triggers",
    "depth": "depth",
    "latency": "latency",
    "refill": "refill time",
    "exposure": "exposure",
    "oracle deviation": "oracle deviation",
    "bonus": "bonus",
    "swap fee": "swap fee",
    "gas": "gas",
}
LEVER_WORDS = {
    "cap": "Supply cap",
    "bonus": "Bonus",
    "close rule": "Close rule",
    "oracle": "Oracle",
}
BECAUSE = {
    "within_band": "inside the keep band",
    "within_keep_band": "lower would liquidate needlessly",
    "within_interval": "inside the 90 % interval",
    "supported_above": "other risks are not modelled",
    "unstable": "sets of paths disagree",
    "raise_supported": "every condition of a raise is met",
    "raise_blocked": "a condition of a raise is not met",
    "above_support": "more than it supports",
    "ltv_first": "LTV first",
    "refuse_history": "too little history",
    "refuse_pegged": "too few depegs on record",
    "refuse_long_tail": "history too short for the cap",
    "refuse_liquidity": "the bonus does not pay for a sale",
    "refuse_horizon": "a sale takes too long",
    "refuse_fit": "no model fits",
    "refuse_data": "data are missing",
    "refuse_appetite": "no threshold meets it",
}
"""The first reason of another appetite's decision, of which only the code is known."""

MOST_BARS = 8
"""Inputs that a chart of sensitivity shows."""

# A larger value of these lowers the supported threshold; the bonus can do either.
HARMFUL = ("volatility", "latency", "refill", "exposure", "oracle deviation", "swap fee", "gas")


def kind(unit: str) -> str:
    """Return the kind of number that a unit stands for, as field names would tell it."""
    return {"usd": "usd", "minutes": "minutes"}.get(unit, "plain")


def valued(value: float, unit: str) -> str:
    """Write a value in the unit that its record names: 96 %, $21M, 38 min."""
    if unit == "usd":
        return numbers.usd(value)
    if unit == "minutes":
        return numbers.hours(value / 60)
    return numbers.percent(value)


def justification(asset: AssetEvidence) -> Justification:
    """Return the justification; an empty one where none was made."""
    return asset.justification or Justification()


def supported(asset: AssetEvidence) -> float:
    """Return the supported value that the justification is about."""
    for part in justification(asset).removed:
        return part.supported - part.points / 100
    return asset.support.bound if asset.support else facts.now(asset)


def reached(asset: AssetEvidence) -> list[BreakEven]:
    """Return the break-evens that have a value."""
    return [b for b in justification(asset).break_evens if b.at is not None]


def not_reached(asset: AssetEvidence) -> list[tuple[str, str]]:
    """Return the inputs without a break-even, those of one reason together."""
    found: dict[str, list[str]] = {}
    for b in justification(asset).break_evens:
        if b.at is None:
            found.setdefault(b.reason, []).append(INPUT_WORDS[b.input])
    return [(facts.join(names, "or"), reason) for reason, names in found.items()]


def supports_now(asset: AssetEvidence) -> bool:
    """Return whether the evidence supports the threshold in force.

    Told by the side on which the break-evens lie, because those are what the sentence is about;
    by the lower bound where none of them can tell.
    """
    for b in reached(asset):
        if b.at is not None and b.input != "bonus":
            return (b.at >= b.now) == (b.input in HARMFUL)
    return asset.support is not None and asset.support.bound >= facts.now(asset)


def conditions(asset: AssetEvidence) -> str:
    """Write the break-evens: yearly volatility above 96 % (now 71 %) or depth below $21M."""
    said = []
    for b in reached(asset):
        if b.at is None:
            continue
        side = "above" if b.at >= b.now else "below"
        at, now = valued(b.at, b.unit), valued(b.now, b.unit)
        said.append(f"{INPUT_WORDS[b.input]} {side} {at} (now {now})")
    text = facts.join(said, "or")
    return text[:1].upper() + text[1:]


def tornado(asset: AssetEvidence) -> list[SensitivityBar]:
    """Return the bars of the sensitivity, the widest first."""
    bars = justification(asset).sensitivity
    return sorted(bars, key=lambda bar: -abs(bar.at_high - bar.at_low))[:MOST_BARS]


def removed(asset: AssetEvidence) -> list[Removed]:
    """Return what each input takes when removed, those that take nothing in one row."""
    parts = justification(asset).removed
    kept = [part for part in parts if numbers.points(part.points) != numbers.points(0)]
    nothing = [part for part in parts if part not in kept]
    if not nothing:
        return kept
    names = facts.join([part.input for part in nothing], "or")
    return [*kept, nothing[0].model_copy(update={"input": names})]


def costs(asset: AssetEvidence) -> dict[str, AppetiteCost]:
    """Return what each appetite's supported value costs, by the appetite's name."""
    return {cost.appetite: cost for cost in justification(asset).costs}


@dataclass(frozen=True)
class Marks:
    """The points of the frontier that are named."""

    now: FrontierPoint
    recommended: FrontierPoint


def marks(asset: AssetEvidence) -> Marks:
    """Return the points of the frontier nearest to the thresholds now and recommended."""
    points = justification(asset).frontier
    return Marks(nearest(points, facts.now(asset)), nearest(points, asset.recommended.threshold))


def nearest(points: Sequence[FrontierPoint], threshold: float) -> FrontierPoint:
    """Return the point of a frontier that is nearest to a threshold."""
    return min(points, key=lambda point: abs(point.threshold - threshold))


def models_against(asset: AssetEvidence) -> list[str]:
    """Return the names of the market models that do not support the value in force."""
    return [m.appetite for m in asset.models if m.supported < facts.now(asset)]


def italic(names: list[str]) -> list[str]:
    """Set names that may hold commas apart from the list they stand in."""
    return [f"*{name}*" for name in names]


def quoted(asset: AssetEvidence) -> list[tuple[str, float]]:
    """Return the numbers of break-evens, levers, tornado and frontier that are printed."""
    made: list[tuple[float | None, str]] = []
    for b in reached(asset):
        made += [(b.now, b.unit), (b.at, b.unit)]
    for lever in asset.levers:
        made += [(lever.now, lever.unit), (lever.needed, lever.unit)]
    for bar in tornado(asset)[:2]:
        made += [(bar.low, bar.unit), (bar.high, bar.unit)]
        made += [(x, "fraction") for x in (bar.at_low, bar.at_high, bar.total)]
    if justification(asset).frontier:
        named = marks(asset)
        for point in (named.now, named.recommended):
            made += [(point.borrowing_usd, "usd"), (point.threshold, "fraction")]
            made += [(point.es_share, "fraction"), (point.unnecessary_share, "fraction")]
    return [(kind(unit), value) for value, unit in made if value is not None]
