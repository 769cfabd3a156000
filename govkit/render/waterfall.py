"""The waterfall as it is printed: rounded parts that add up to the rounded whole."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from govkit.records.evidence import AssetEvidence, Bar
from govkit.render import numbers

BAR_WORDS = {
    "fall": "fall",
    "clearing": "clearing",
    "oracle": "oracle",
    "bonus": "bonus",
    "book and stress": "book and stress",
    "overlays": "overlays",
    "uncertainty": "uncertainty",
    "rounding": "rounding",
    "decision": "decision",
}


@dataclass(frozen=True)
class PrintedBar:
    """A bar with its points as printed."""

    name: str
    points: Decimal


def printed_bars(asset: AssetEvidence) -> tuple[PrintedBar, ...]:
    """Return the bars rounded so that 100 and all of them give the threshold exactly.

    Parts are rounded down and the units that are then missing go to the parts that lost most.
    Parts that are printed as zero are left out; they change nothing.
    """
    target = numbers.exact(asset.recommended.threshold) * 100 - 100
    unit = Decimal("0.1") if target == numbers.to_places(target, 1) else Decimal("0.01")
    parts = [numbers.exact(bar.points) for bar in asset.waterfall]
    units = _largest_remainder([part / unit for part in parts], int(target / unit))
    return tuple(
        PrintedBar(BAR_WORDS[bar.name], count * unit)
        for bar, count in zip(asset.waterfall, units, strict=True)
        if count
    )


def _largest_remainder(parts: list[Decimal], total: int) -> list[int]:
    floors = [int(part.to_integral_value(ROUND_FLOOR)) for part in parts]
    missing = total - sum(floors)
    if not 0 <= missing <= len(parts):
        raise ValueError("the bars of a waterfall do not add up to its threshold")
    by_loss = sorted(range(len(parts)), key=lambda i: floors[i] - parts[i])
    for i in by_loss[:missing]:
        floors[i] += 1
    return floors


def line(asset: AssetEvidence) -> str:
    """Write the waterfall as a sum: 100 − 12.1 fall − 2.9 clearing = 85."""
    steps = ["100"]
    for bar in printed_bars(asset):
        sign = numbers.MINUS if bar.points < 0 else "+"
        steps.append(
            f"{sign}{numbers.SPACE}{numbers.text(abs(bar.points))}{numbers.SPACE}{bar.name}"
        )
    whole = numbers.text(numbers.to_places(numbers.exact(asset.recommended.threshold) * 100, 2))
    return " ".join(steps) + f" ={numbers.SPACE}{whole}"


def largest(asset: AssetEvidence) -> Bar:
    """Return the bar that takes most."""
    return min(asset.waterfall, key=lambda bar: bar.points)
