"""Which input moves the supported threshold most."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.records.justification import SensitivityBar
from govkit.render import facts, numbers, why
from govkit.render.charts import style

NAME = "tornado"
ORDER = 15

SHORT = {**why.INPUT_WORDS, "volatility": "volatility"}

TOLD = 2
"""Bars whose numbers the alternative text gives."""


def applies(asset: AssetEvidence) -> bool:
    """Return whether inputs were moved over their ranges."""
    return len(why.tornado(asset)) > 1


def title(asset: AssetEvidence) -> str:
    """Return the input of the widest bar."""
    bar = why.tornado(asset)[0]
    low, high = sorted((bar.at_low, bar.at_high))
    name = SHORT[bar.input]
    return (
        f"{name[:1].upper()}{name[1:]} moves the supported threshold most: "
        f"from {numbers.percent(low)} to {numbers.percent(high)}"
    )


def alt(asset: AssetEvidence) -> str:
    """Return the widest bars with their ranges and shares of variance."""
    parts = [
        f"{why.INPUT_WORDS[bar.input]} from {why.valued(bar.low, bar.unit)} to "
        f"{why.valued(bar.high, bar.unit)} gives {numbers.percent(bar.at_low)} to "
        f"{numbers.percent(bar.at_high)}, {numbers.percent(bar.total)} of the variance"
        for bar in why.tornado(asset)[:TOLD]
    ]
    return f"Supported threshold over the range of each input: {'; '.join(parts)}"


def draw(figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
    """Draw a bar an input, the widest on top, with the share of variance at the right."""
    axes = figure.subplots()
    bars = why.tornado(asset)
    centre = why.supported(asset)
    ends = [x for bar in bars for x in (bar.at_low, bar.at_high)] + [centre, facts.now(asset)]
    room = 0.16 * max(max(ends) - min(ends), 0.005)
    axes.set_xlim(min(ends) - room, max(ends) + room)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    for row, bar in enumerate(bars):
        _bar(axes, row, bar)
        axes.annotate(
            f"{_tenths(bar.total)} ± {_tenths(bar.total_error)}", (1.02, row),
            xycoords=("axes fraction", "data"), va="center", annotation_clip=False,
        )  # fmt: skip
    axes.annotate(
        "share of variance", (1.02, 0), xycoords="axes fraction", xytext=(0, -19),
        textcoords="offset points", va="top", color=style.GREY, annotation_clip=False,
    )  # fmt: skip
    axes.axvline(centre, color=style.INK, linewidth=1.0)
    axes.axvline(facts.now(asset), zorder=0.9, **style.CURRENT)
    _name_lines(axes, centre, facts.now(asset))
    axes.set_yticks(range(len(bars)), [SHORT[bar.input] for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    style.percent_axis(axes.xaxis)
    axes.set_xlabel("supported threshold; at each end of a bar, the input's value")


def _tenths(share: float) -> str:
    """Write a share of variance to a tenth of a percentage point, which is all it is worth."""
    return numbers.text(numbers.to_places(100 * numbers.exact(share), 1)) + numbers.SPACE + "%"


def _bar(axes: Axes, row: int, bar: SensitivityBar) -> None:
    """Draw one bar; the end of the smaller threshold is the strong one."""
    left, right = sorted(((bar.at_low, bar.low), (bar.at_high, bar.high)))
    axes.barh(
        row, right[0] - left[0], 0.56, left=left[0], color=style.BLUE, alpha=0.85, linewidth=0
    )
    for (x, value), side, shift in ((left, "right", -3), (right, "left", 3)):
        style.on_white(
            axes, x, row, why.valued(value, bar.unit), xytext=(shift, 0),
            textcoords="offset points", ha=side, va="center", fontsize=7.5,
        )  # fmt: skip


def _name_lines(axes: Axes, centre: float, now: float) -> None:
    """Name both lines above the picture, away from each other."""
    supported = f"supported {numbers.percent(centre)}"
    marks = [(centre, supported, style.INK, "left" if centre >= now else "right")]
    if abs(centre - now) > 1e-9:
        words = f"now {numbers.setting(now)}"
        marks.append((now, words, style.GREY, "right" if centre >= now else "left"))
    for x, words, colour, side in marks:
        axes.annotate(
            words, (x, 1), xycoords=("data", "axes fraction"),
            xytext=(3 if side == "left" else -3, 2), textcoords="offset points", ha=side,
            va="bottom", color=colour, annotation_clip=False,
        )  # fmt: skip
