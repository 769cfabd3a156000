"""Chance of bad debt and expected shortfall against the threshold."""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from govkit.records.evidence import AssetEvidence, Evidence, GridPoint
from govkit.render import facts, numbers
from govkit.render.charts import style

NAME = "loss"
ORDER = 20


def applies(asset: AssetEvidence) -> bool:
    """Return whether there is a grid of thresholds."""
    return len(facts.shown_grid(asset)) > 1


def _ends(asset: AssetEvidence) -> tuple[GridPoint, GridPoint]:
    current = facts.nearest(asset.grid, facts.now(asset))
    return current, facts.nearest(asset.grid, asset.recommended.threshold)


def title(asset: AssetEvidence) -> str:
    """Return the chance of bad debt now, and after the change if there is one."""
    current, proposed = _ends(asset)
    if current.threshold == proposed.threshold:
        # None in the paths drawn is no promise: the upper limit stands beside it.
        most = f", at most {numbers.percent(current.p_high)}" if current.p_bad_debt == 0 else ""
        return (
            f"At {numbers.setting(current.threshold)}, the chance of bad debt is "
            f"{numbers.percent(current.p_bad_debt)} per trigger episode{most}"
        )
    verb = _verb(current.p_bad_debt, proposed.p_bad_debt)
    return (
        f"From {numbers.setting(current.threshold)} to {numbers.setting(proposed.threshold)}, "
        f"the chance of bad debt {verb} from {numbers.percent(current.p_bad_debt)} "
        f"to {numbers.percent(proposed.p_bad_debt)}"
    )


def _verb(before: float, after: float) -> str:
    return "falls" if after < before else "rises" if after > before else "stays"


def alt(asset: AssetEvidence) -> str:
    """Return chance, limits and shortfall at both thresholds and at the ends of the grid."""
    current, proposed = _ends(asset)
    points = [current] if current.threshold == proposed.threshold else [current, proposed]
    grid = facts.shown_grid(asset)
    first, last = grid[0], grid[-1]
    parts = [
        f"at {numbers.setting(p.threshold)} the chance of bad debt per trigger episode is "
        f"{numbers.percent(p.p_bad_debt)} (limits {numbers.percent(p.p_low)} and "
        f"{numbers.percent(p.p_high)}) and the expected shortfall {numbers.percent(p.es_share)} "
        "of debt"
        for p in points
    ]
    return (
        f"Two curves of loss against the threshold, from {numbers.setting(first.threshold)} to "
        f"{numbers.setting(last.threshold)}: {'; '.join(parts)}"
    )


def draw(figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
    """Draw both losses side by side with the lines that the appetite allows."""
    left, right = figure.subplots(1, 2)
    appetite = evidence.appetite
    panels: tuple[tuple[Axes, Curve, float, str], ...] = (
        (left, _probability, appetite.book_probability, "Chance of bad debt, per episode"),
        (right, _shortfall, appetite.tail_loss_share, "Expected shortfall, share of debt"),
    )
    for axes, curve, allowed, heading in panels:
        _panel(axes, asset, curve, allowed)
        axes.set_title(heading, pad=17)
        axes.set_xlabel("liquidation threshold")


Curve = Callable[[GridPoint], tuple[float, float, float]]


def _probability(point: GridPoint) -> tuple[float, float, float]:
    return point.p_bad_debt, point.p_low, point.p_high


def _shortfall(point: GridPoint) -> tuple[float, float, float]:
    return point.es_share, point.es_low, point.es_high


def _panel(axes: Axes, asset: AssetEvidence, curve: Curve, allowed: float) -> None:
    grid = facts.shown_grid(asset)
    x = [point.threshold for point in grid]
    middle, low, high = zip(*(curve(point) for point in grid), strict=True)
    # Three decades below the appetite are as good as nothing; the axis runs straight to zero.
    floor = 10.0 ** math.floor(math.log10(allowed) - 3)
    if min(*middle, *low) > floor:
        axes.set_yscale("log")
    else:
        axes.set_yscale("symlog", linthresh=floor, linscale=0.4)
        axes.set_ylim(0, max(*high, allowed) * 2)
    axes.fill_between(x, low, high, color=style.SKY, alpha=0.35, linewidth=0)
    axes.plot(x, middle, color=style.INK, linewidth=1.5)
    axes.axhline(allowed, **style.LIMIT)
    style.mark_thresholds(axes, facts.now(asset), asset.recommended.threshold)
    axes.set_xlim(min(x), max(x))
    # The curve rises: above the line before it is crossed, below it afterwards, nothing is hidden.
    left = 2 * sum(value <= allowed for value in middle) >= len(middle)
    style.on_white(
        axes, min(x) if left else max(x), allowed, f"appetite {numbers.percent(allowed)}",
        color=style.ORANGE, xytext=(4, 3) if left else (-4, -4), textcoords="offset points",
        ha="left" if left else "right", va="bottom" if left else "top",
    )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    style.percent_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
