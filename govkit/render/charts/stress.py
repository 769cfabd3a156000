"""What every stress scenario costs, against the appetite's cap."""

from __future__ import annotations

import io
import math
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.records.stress import ScenarioResult, StressEvidence
from govkit.render import facts, numbers
from govkit.render.charts import style

NAME = "stress"
ORDER = 50

MOST_BARS = 12
LEAST_DECIDING = 4
DECADES = 2
"""Losses this many decades below the cap are as good as none; the axis runs straight to zero."""


def applies(asset: AssetEvidence) -> bool:
    """Return whether any scenario was run."""
    return asset.stress is not None and bool(asset.stress.results)


def title(asset: AssetEvidence) -> str:
    """Return how many deciding events pass, and the costliest scenario beside them."""
    return finding(_stress(asset))


def alt(asset: AssetEvidence) -> str:
    """Return the costliest deciding and other scenarios with their losses."""
    stress = _stress(asset)
    told = [
        f"{one.name} {numbers.percent(one.loss_recommended)}"
        for decides in (True, False)
        for one in _costliest(stress, decides=decides)[:3]
    ]
    now, proposed = numbers.setting(facts.now(asset)), asset.recommended.threshold
    return (
        f"Bars of bad debt over debt at {numbers.setting(proposed)} (in force {now}), cap "
        f"{numbers.percent(stress.reverse.cap_share)}: {'; '.join(told)}"
    )


def draw(figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
    """Draw a bar for every scenario shown, at the recommended threshold and at the one now."""
    paint(figure, _stress(asset), moves=asset.path.moves)


def finding(stress: StressEvidence) -> str:
    """Return the chart's finding in one sentence."""
    cap = numbers.percent(stress.reverse.cap_share)
    deciding, others = (_costliest(stress, decides=one) for one in (True, False))
    if not deciding:
        worst = others[0]
        return f"{worst.name} costs {numbers.percent(worst.loss_recommended)} of debt, cap {cap}"
    events = numbers.count(len(deciding), "deciding event")
    failed = sum(not one.passed for one in deciding)
    if failed:
        more = "costs" if failed == 1 else "cost"
        loss = numbers.percent(deciding[0].loss_recommended)
        return (
            f"{numbers.integer(failed)} of {events} {more} more than the cap of {cap} of debt; "
            f"{deciding[0].name} costs {loss}"
        )
    beside = ""
    if others and not others[0].passed:
        loss = numbers.percent(others[0].loss_recommended)
        beside = f"; {others[0].name}, which does not decide, costs {loss}"
    within = "stays" if len(deciding) == 1 else "stay"
    return f"{events} {within} within the cap of {cap} of debt{beside}"


def shown(stress: StressEvidence) -> list[ScenarioResult]:
    """Return the scenarios that get a bar: the costliest, some deciding events among them."""
    events = _costliest(stress, decides=True)
    first, rest = events[:LEAST_DECIDING], events[LEAST_DECIDING:]
    others = sorted([*rest, *_costliest(stress, decides=False)], key=_order)
    return sorted([*first, *others[: MOST_BARS - len(first)]], key=_order)


def paint(figure: Figure, stress: StressEvidence, *, moves: bool) -> None:
    """Draw the bars; `moves` adds the losses at the threshold in force."""
    axes = figure.subplots()
    rows, cap = shown(stress), stress.reverse.cap_share
    largest = max([cap, *(max(one.loss_recommended, one.loss_current) for one in rows)])
    floor = 10.0 ** math.floor(math.log10(cap) - DECADES)
    axes.set_xscale("symlog", linthresh=floor, linscale=0.4)
    for place, one in enumerate(rows):
        colour = style.BLUE if one.decides else style.SKY
        axes.barh(place, one.loss_recommended, 0.6, color=colour)
        if moves:
            axes.plot([one.loss_current] * 2, [place - 0.38, place + 0.38], color=style.GREY,
                      linewidth=2, solid_capstyle="butt")  # fmt: skip
        right = max(one.loss_recommended, one.loss_current if moves else 0.0)
        style.on_white(
            axes, right, place, numbers.percent(one.loss_recommended), xytext=(4, 0),
            textcoords="offset points", ha="left", va="center", fontsize=7.5,
            color=style.INK if one.passed else style.ORANGE,
        )  # fmt: skip
    axes.axvline(cap, **style.LIMIT)
    axes.annotate(
        f"cap {numbers.percent(cap)}", (cap, 1), xycoords=("data", "axes fraction"),
        xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", color=style.ORANGE,
    )  # fmt: skip
    axes.set_yticks(range(len(rows)), [one.name for one in rows])
    axes.tick_params(axis="y", length=0, labelsize=7.5)
    axes.grid(False, axis="y")
    axes.invert_yaxis()
    axes.set_xlim(0, min(6 * largest, 3.0))
    axes.set_xlabel("bad debt over the debt the asset backs")
    style.percent_axis(axes.xaxis)
    key = [("decides", style.BLUE), ("reported", style.SKY)] + [("now", style.GREY)] * moves
    for row, (words, colour) in enumerate(key):
        axes.text(
            0.99, 0.03 + 0.06 * (len(key) - 1 - row), words, color=colour, ha="right",
            transform=axes.transAxes, fontweight="bold",
        )  # fmt: skip


def picture(name: str, stress: StressEvidence, fonts: Path, *, moves: bool = False) -> bytes:
    """Draw the chart as PNG where there are results but no decision, as in `govkit stress`."""
    # Imported here: the module draws what this package lists.
    from govkit.render.charts.drawing import register

    register(fonts)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style.SETTINGS)
        figure = Figure(figsize=(style.WIDTH, style.HEIGHT), dpi=style.DPI, layout="constrained")
        paint(figure, stress, moves=moves)
        figure.suptitle(
            f"{name}: {finding(stress)}", x=0.012, ha="left", fontsize=9, fontweight="bold",
            wrap=True,
        )  # fmt: skip
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        figure.clear()
    return buffer.getvalue()


def _stress(asset: AssetEvidence) -> StressEvidence:
    if asset.stress is None:
        raise ValueError("no stress to draw")
    return asset.stress


def _costliest(stress: StressEvidence, *, decides: bool) -> list[ScenarioResult]:
    return sorted((one for one in stress.results if one.decides == decides), key=_order)


def _order(one: ScenarioResult) -> tuple[float, float]:
    return -one.loss_recommended, -one.fall_in_horizon
