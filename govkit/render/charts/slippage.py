"""What a sale costs by its size, and what the bonus pays for."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from govkit.records.evidence import AssetEvidence, Clearing, Evidence
from govkit.records.liquidity import LiquidityCurve
from govkit.render import facts, numbers
from govkit.render.charts import style

NAME = "slippage"
ORDER = 40


def applies(asset: AssetEvidence) -> bool:
    """Return whether there is a curve and a sale to mark on it."""
    if asset.liquidity is None or asset.clearing is None:
        return False
    return asset.clearing.chunk_usd > 0 and asset.clearing.sale_usd > 0


def _parts(asset: AssetEvidence) -> tuple[LiquidityCurve, Clearing]:
    if asset.liquidity is None or asset.clearing is None:
        raise ValueError("no slippage to draw")
    return asset.liquidity, asset.clearing


def title(asset: AssetEvidence) -> str:
    """Return whether the stressed sale fits what the bonus pays for."""
    _, clearing = _parts(asset)
    if clearing.chunks <= 1:
        return (
            f"The bonus pays for {numbers.usd(clearing.chunk_usd)} at once; "
            f"the stressed sale of {numbers.usd(clearing.sale_usd)} fits"
        )
    return (
        f"The bonus pays for {numbers.usd(clearing.chunk_usd)} at once, the stressed sale is "
        f"{numbers.usd(clearing.sale_usd)}: {numbers.number(clearing.chunks)} chunks"
    )


def alt(asset: AssetEvidence) -> str:
    """Return affordable slippage, chunk and sale."""
    curve, clearing = _parts(asset)
    return (
        "Average slippage by size sold at once, from "
        f"{facts.DEPTH_SOURCES[curve.method]} of {curve.as_of[:10]}: "
        f"the bonus pays for {numbers.percent(clearing.affordable_slippage)}, at stressed depth "
        f"{numbers.usd(clearing.chunk_usd)}; the stressed sale of "
        f"{numbers.usd(clearing.sale_usd)} costs "
        f"{'more than ' if facts.beyond_quotes(asset) else ''}"
        f"{numbers.percent(clearing.chunk_slippage)}"
    )


def draw(figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
    """Draw the quiet and the stressed curve with the affordable line, chunk and sale."""
    axes = figure.subplots()
    curve, clearing = _parts(asset)
    haircut = evidence.market.constants.get("depth_haircut")
    keep = 1 - haircut.value if haircut else 1.0
    sizes, slippage = list(curve.sizes_usd), list(curve.slippage)
    axes.set_xscale("log")
    axes.set_yscale("log")
    if any(curve.error):
        pairs = list(zip(slippage, curve.error, strict=True))
        axes.fill_between(
            sizes, [max(s - e, s / 10) for s, e in pairs], [s + e for s, e in pairs],
            color=style.PALE, alpha=0.6, linewidth=0,
        )  # fmt: skip
    axes.plot(
        sizes, slippage, color=style.GREY, linestyle=(0, (4, 2)), marker="o", markersize=2.5,
        linewidth=1.3,
    )  # fmt: skip
    stressed = [size * keep for size in sizes]
    if keep < 1:
        axes.plot(stressed, slippage, color=style.INK, linewidth=1.6)
    axes.axhline(clearing.affordable_slippage, **style.LIMIT)
    axes.plot(
        [clearing.chunk_usd], [clearing.affordable_slippage], "o", color=style.BLUE, markersize=7
    )
    axes.plot([clearing.sale_usd], [clearing.chunk_slippage], "s", color=style.ORANGE, markersize=7)
    low = min(clearing.chunk_usd, clearing.sale_usd) / 30
    # Room on the right for a label below the line, past both curves.
    high = max(8 * clearing.chunk_usd, 4 * clearing.sale_usd)
    axes.set_xlim(max(low, min(stressed)), high)
    inside = [s for x, s in zip(sizes, slippage, strict=True) if x >= axes.get_xlim()[0] and s > 0]
    bottom = min([*inside, clearing.affordable_slippage]) / 2
    axes.set_ylim(bottom, 2.5 * max(clearing.chunk_slippage, clearing.affordable_slippage, 0.02))
    _labels(figure, asset, keep)
    axes.set_xlabel("sold at once")
    axes.set_ylabel("average slippage")
    style.usd_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
    style.log_ticks(axes.xaxis)
    style.log_ticks(axes.yaxis)


def _labels(figure: Figure, asset: AssetEvidence, keep: float) -> None:
    axes = figure.axes[0]
    curve, clearing = _parts(asset)
    near = {"textcoords": "offset points"}
    beyond = ", beyond the curve" if facts.beyond_quotes(asset) else ""
    # Where both points nearly coincide, one label stands above the other.
    close = 0.5 < clearing.chunk_slippage / clearing.affordable_slippage < 1.6
    style.on_white(
        axes, clearing.chunk_usd, clearing.affordable_slippage,
        f"chunk {numbers.usd(clearing.chunk_usd)}", xytext=(-7, 20 if close else 6),
        ha="right", va="bottom", color=style.BLUE, fontweight="bold", **near,
    )  # fmt: skip
    style.on_white(
        axes, clearing.sale_usd, clearing.chunk_slippage,
        f"stressed sale {numbers.usd(clearing.sale_usd)}{beyond}", xytext=(-8, 4), ha="right",
        va="bottom", color=style.ORANGE, fontweight="bold", **near,
    )  # fmt: skip
    style.on_white(
        axes, axes.get_xlim()[1], clearing.affordable_slippage,
        f"the bonus pays for {numbers.percent(clearing.affordable_slippage)}",
        xytext=(-3, -4),
        ha="right", va="top", color=style.ORANGE, **near,
    )  # fmt: skip
    quiet = "quiet depth" + (" and range of quotes" if any(curve.error) else "")
    key: list[tuple[str, str, Any]] = [(quiet, style.GREY, (0, (4, 2)))]
    if keep < 1:
        key.insert(0, ("stressed depth", style.INK, "-"))
    for row, (words, colour, dash) in enumerate(key):
        y = 0.15 - 0.075 * row
        axes.plot(
            [0.60, 0.66], [y, y], color=colour, linestyle=dash, linewidth=1.5,
            transform=axes.transAxes,
        )  # fmt: skip
        axes.text(0.675, y, words, color=colour, transform=axes.transAxes, va="center")
