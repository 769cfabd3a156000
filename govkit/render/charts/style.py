"""One visual language: grey is what is in force, the strong colour what is recommended."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from govkit.render import numbers

FAMILY = "Inter Govkit"

# Okabe and Ito's colours, which people with any colour vision can tell apart.
INK = "#222222"
GREY = "#6e6e6e"
PALE = "#d9d9d9"
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
SKY = "#56B4E9"

CURRENT: dict[str, Any] = {"color": GREY, "linestyle": (0, (4, 2)), "linewidth": 1.3}
RECOMMENDED: dict[str, Any] = {"color": BLUE, "linestyle": "-", "linewidth": 1.9}
LIMIT: dict[str, Any] = {"color": ORANGE, "linestyle": (0, (1, 1.3)), "linewidth": 1.5}

WIDTH, HEIGHT = 6.9, 3.88
DPI = 200

FEW_DECADES = 3

SETTINGS: Any = {
    "font.family": [FAMILY, "DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9a9a9a",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.use_locale": False,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "butt",
    "text.color": INK,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "govkit",
    "path.simplify": True,
    "text.usetex": False,
    "text.parse_math": False,
}


def percent_axis(axis: Any) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_percent(value)))
    axis.set_minor_locator(NullLocator())


def tick_percent(value: float) -> str:
    """Write the share at a tick in full, without the noise of floating point."""
    return numbers.text(Decimal(f"{100 * value:.6g}")) + numbers.SPACE + "%"


def usd_axis(axis: Any) -> None:
    """Label an axis of dollars."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.usd(value)))
    axis.set_minor_locator(NullLocator())


def log_ticks(axis: Any) -> None:
    """Label 1, 2 and 5 of every decade where few decades are shown, 1 where many are."""
    low, high = axis.get_view_interval()
    few = math.log10(high / low) < FEW_DECADES
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))


def mark_thresholds(axes: Axes, current: float, recommended: float, *, words: bool = True) -> None:
    """Mark the threshold in force and the recommended one, labelled away from each other."""
    if current == recommended:
        axes.axvline(recommended, **RECOMMENDED)
        marks = [(recommended, f"keep {numbers.setting(current)}", BLUE, "left")]
    else:
        axes.axvline(current, **CURRENT)
        axes.axvline(recommended, **RECOMMENDED)
        sides = ("left", "right") if current > recommended else ("right", "left")
        marks = [
            (current, f"now {numbers.setting(current)}", GREY, sides[0]),
            (recommended, f"proposed {numbers.setting(recommended)}", BLUE, sides[1]),
        ]
    if not words:
        return
    for x, label, colour, side in marks:
        axes.annotate(
            label,
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3 if side == "left" else -3, 2),
            textcoords="offset points",
            ha=side,
            va="bottom",
            color=colour,
            fontweight="bold" if colour == BLUE else "normal",
            annotation_clip=False,
        )


def on_white(axes: Axes, x: float, y: float, text: str, **options: Any) -> None:
    """Write a label that stays readable above lines."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    axes.annotate(text, (x, y), bbox=box, **options)
