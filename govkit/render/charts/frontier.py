"""What more borrowing power costs in losses and in needless liquidations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.records.justification import FrontierPoint
from govkit.render import numbers, why
from govkit.render.charts import style

NAME = "frontier"
ORDER = 45


def applies(asset: AssetEvidence) -> bool:
    """Return whether there is a frontier."""
    return len(why.justification(asset).frontier) > 1


def title(asset: AssetEvidence) -> str:
    """Return what the recommended threshold carries and costs, beside the one in force."""
    now, new = why.marks(asset).now, why.marks(asset).recommended
    if now.threshold == new.threshold:
        return (
            f"{numbers.setting(now.threshold)} carries {numbers.usd(now.borrowing_usd)} of debt at "
            f"an expected shortfall of {numbers.percent(now.es_share)}, with "
            f"{numbers.percent(now.unnecessary_share)} of liquidations needless"
        )
    return (
        f"{numbers.setting(new.threshold)} carries {numbers.usd(new.borrowing_usd)} of debt at an "
        f"expected shortfall of {numbers.percent(new.es_share)}; {numbers.setting(now.threshold)} "
        f"carries {numbers.usd(now.borrowing_usd)} at {numbers.percent(now.es_share)}"
    )


def alt(asset: AssetEvidence) -> str:
    """Return all three measures of the thresholds in force and recommended."""
    now, new = why.marks(asset).now, why.marks(asset).recommended
    points = [now] if now.threshold == new.threshold else [now, new]
    parts = [
        f"{numbers.setting(p.threshold)} carries {numbers.usd(p.borrowing_usd)} of debt at an "
        f"expected shortfall of {numbers.percent(p.es_share)}, "
        f"{numbers.percent(p.unnecessary_share)} of liquidations needless"
        for p in points
    ]
    return f"Borrowing power against its cost: {'; '.join(parts)}"


@dataclass(frozen=True)
class _Mark:
    words: str
    borrowing_usd: float
    es_share: float
    unnecessary_share: float
    colour: str


Cost = Callable[[FrontierPoint | _Mark], float]


def _shortfall(point: FrontierPoint | _Mark) -> float:
    return point.es_share


def _needless(point: FrontierPoint | _Mark) -> float:
    return point.unnecessary_share


def draw(figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
    """Draw borrowing power against each cost; dominated thresholds are hollow."""
    left, right = figure.subplots(1, 2, sharey=True)
    panels: tuple[tuple[Axes, Cost, str, float], ...] = (
        (left, _shortfall, "expected shortfall, share of debt", evidence.appetite.tail_loss_share),
        (right, _needless, "needless, share of liquidations", evidence.appetite.most_unnecessary),
    )
    marks = _marks(asset, evidence)
    points = _shown(asset, evidence, marks)
    for axes, cost, label, allowed in panels:
        _panel(axes, points, marks, cost)
        axes.axvline(allowed, zorder=0.9, **style.LIMIT)
        axes.set_xlabel(label)
    # The names stand in a column of their own at the right of the points.
    least, most = left.get_xlim()
    left.set_xlim(least, least + 1.65 * (most - least))
    _name(left, marks, _shortfall)
    if any(p.dominated for p in points):
        style.on_white(
            left, 0.98, 0.03, "hollow: another threshold is better", xycoords="axes fraction",
            ha="right", va="bottom", color=style.GREY, fontsize=7.5,
        )  # fmt: skip
    for axes, _, _, allowed in panels:
        _name_limit(axes, allowed)
    left.set_ylabel("debt that a full supply cap carries")
    style.usd_axis(left.yaxis)


def _name_limit(axes: Axes, allowed: float) -> None:
    """Name the appetite's limit above the panel, inside its sides."""
    low, high = axes.get_xlim()
    place = (allowed - low) / (high - low)
    side = "left" if place < 0.2 else "right" if place > 0.8 else "center"
    axes.annotate(
        f"appetite {numbers.percent(allowed)}", (allowed, 1), xycoords=("data", "axes fraction"),
        xytext=(0, 2), textcoords="offset points", ha=side, va="bottom", color=style.ORANGE,
        annotation_clip=False,
    )  # fmt: skip


def _shown(asset: AssetEvidence, evidence: Evidence, marks: list[_Mark]) -> list[FrontierPoint]:
    """Return the thresholds whose costs are of the order of what is allowed or marked."""
    loss = max(evidence.appetite.tail_loss_share, *(mark.es_share for mark in marks))
    needless = max(evidence.appetite.most_unnecessary, *(m.unnecessary_share for m in marks))
    return [
        p
        for p in why.justification(asset).frontier
        if p.es_share <= 4 * loss and p.unnecessary_share <= 1.3 * needless
    ]


def _panel(axes: Axes, points: list[FrontierPoint], marks: list[_Mark], cost: Cost) -> None:
    kept = [p for p in points if not p.dominated]
    beaten = [p for p in points if p.dominated]
    small: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3.2}
    axes.plot([cost(p) for p in kept], [p.borrowing_usd for p in kept], color=style.INK, **small)
    axes.plot(
        [cost(p) for p in beaten], [p.borrowing_usd for p in beaten], color=style.GREY,
        markerfacecolor="white", **small,
    )  # fmt: skip
    for mark in marks:
        axes.plot([cost(mark)], [mark.borrowing_usd], "D", color=mark.colour, markersize=6)
    style.percent_axis(axes.xaxis)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


def _marks(asset: AssetEvidence, evidence: Evidence) -> list[_Mark]:
    """Return the thresholds that are named, the most borrowing power first."""
    found = why.marks(asset)
    moves = asset.path.moves
    named = [(found.recommended, "proposed" if moves else "keep", style.BLUE)]
    if moves:
        named.append((found.now, "now", style.GREY))
    marks = [
        _Mark(
            f"{words} {numbers.setting(p.threshold)}", p.borrowing_usd, p.es_share,
            p.unnecessary_share, colour,
        )
        for p, words, colour in named
    ]  # fmt: skip
    marks += [
        _Mark(
            f"{c.appetite} {numbers.percent(c.threshold)}", c.borrowing_usd, c.es_share,
            c.unnecessary_share, style.GREEN,
        )
        for c in why.costs(asset).values()
        if c.appetite != evidence.appetite.name
    ]  # fmt: skip
    return sorted(marks, key=lambda mark: -mark.borrowing_usd)


def _name(axes: Axes, marks: list[_Mark], cost: Cost) -> None:
    """Name the marks in a column at the right of the panel, in their order, apart enough."""
    low, high = axes.get_ylim()
    step, top, bottom = 0.085, 0.95, 0.14
    heights = [(mark.borrowing_usd - low) / (high - low) for mark in marks]
    for i, height in enumerate(heights):
        heights[i] = min(height, heights[i - 1] - step if i else top)
    for i in reversed(range(len(heights))):
        heights[i] = max(heights[i], heights[i + 1] + step if i + 1 < len(heights) else bottom)
    for mark, height in zip(marks, heights, strict=True):
        # The line runs to the end of the label, whose white ground hides the rest of it.
        axes.annotate(
            "", (cost(mark), mark.borrowing_usd), xytext=(0.98, height),
            textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": style.PALE, "linewidth": 0.8},
        )  # fmt: skip
        style.on_white(
            axes, 0.98, height, mark.words, xycoords="axes fraction", ha="right", va="center",
            color=mark.colour, fontweight="bold" if mark.colour == style.BLUE else "normal",
        )  # fmt: skip
