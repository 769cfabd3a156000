"""From 100 % down to the threshold: what takes how many points."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.render import facts, numbers, waterfall
from govkit.render.charts import style

NAME = "waterfall"
ORDER = 10


def applies(asset: AssetEvidence) -> bool:
    """Return whether there are bars."""
    return bool(asset.waterfall)


def title(asset: AssetEvidence) -> str:
    """Return the largest part."""
    bars = waterfall.printed_bars(asset)
    most = min(bars, key=lambda bar: bar.points)
    taken = sum(-bar.points for bar in bars)
    return (
        f"{LEADS[most.name]} the most: "
        f"{numbers.text(-most.points)} of {numbers.points(float(taken))}"
    )


LEADS = {
    "fall": "The first hour's fall takes",
    "clearing": "Clearing the sale takes",
    "oracle": "The oracle's tolerance takes",
    "bonus": "The liquidation bonus takes",
    "book and stress": "Book and stress limits take",
    "overlays": "Overlays take",
    "uncertainty": "Uncertainty takes",
    "rounding": "Rounding takes",
    "decision": "The decision rule takes",
}


def alt(asset: AssetEvidence) -> str:
    """Return the whole sum."""
    return f"Waterfall in percentage points: {waterfall.line(asset)}"


def draw(figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
    """Draw bars from 100 to the recommended threshold, with the one in force beside it."""
    axes = figure.subplots()
    bars = waterfall.printed_bars(asset)
    level = 100.0
    lowest = level
    for position, bar in enumerate(bars):
        change = float(bar.points)
        colour = style.ORANGE if change < 0 else style.GREEN
        hatch = "" if change < 0 else "////"
        axes.bar(
            position, change, 0.62, bottom=level, color=colour, alpha=0.85, hatch=hatch,
            edgecolor="white", linewidth=0,
        )  # fmt: skip
        after = level + change
        axes.plot(
            [position - 0.31, position + 1.31], [after, after], color=style.GREY, linewidth=0.7
        )
        axes.annotate(
            ("+" if change > 0 else numbers.MINUS) + numbers.text(abs(bar.points)),
            (position, min(level, after)), xytext=(0, -3), textcoords="offset points",
            ha="center", va="top",
        )  # fmt: skip
        level = after
        lowest = min(lowest, level)
    ends = [("proposed" if asset.path.moves else "kept", asset.recommended.threshold, style.BLUE)]
    if asset.path.moves:
        ends.append(("now", facts.now(asset), style.GREY))
    for offset, (_, value, colour) in enumerate(ends):
        axes.bar(len(bars) + offset, 100 * value, 0.62, color=colour)
        axes.annotate(
            numbers.setting(value), (len(bars) + offset, 100 * value), xytext=(0, 3),
            textcoords="offset points", ha="center", va="bottom", color=colour, fontweight="bold",
        )  # fmt: skip
        lowest = min(lowest, 100 * value)
    labels = [textwrap.fill(bar.name, 12) for bar in bars] + [name for name, _, _ in ends]
    axes.set_xticks(range(len(labels)), labels)
    axes.tick_params(axis="x", length=0, labelsize=8 if len(labels) < 10 else 7)
    axes.grid(False, axis="x")
    # Bars show steps, not sizes from zero: the axis is cut and says so by its first label.
    axes.set_ylim(max(0.0, lowest - 0.35 * (100 - lowest) - 1), 100.8)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}{numbers.SPACE}%")
    axes.set_ylabel("threshold (axis cut)")
