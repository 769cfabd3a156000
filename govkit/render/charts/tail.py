"""How likely a larger fall is, and what the past has shown."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from govkit.records.evidence import AssetEvidence, Evidence, Implied
from govkit.render import facts, numbers
from govkit.render.charts import style

NAME = "tail"
ORDER = 30
MOST_EVENTS = 6


def applies(asset: AssetEvidence) -> bool:
    """Return whether there is a tail and what the thresholds make of it."""
    return len(asset.tail) > 1 and asset.implied_current is not None


def _implied(asset: AssetEvidence) -> tuple[Implied, Implied]:
    if asset.implied_current is None:
        raise ValueError("no survival to draw")
    return asset.implied_current, asset.implied_recommended or asset.implied_current


def title(asset: AssetEvidence) -> str:
    """Return the survival of the thresholds."""
    current, proposed = _implied(asset)
    if current.threshold == proposed.threshold:
        return (
            f"{numbers.setting(current.threshold)} survives {numbers.chance(current.survival)} "
            "of trigger episodes"
        )
    return (
        f"{numbers.setting(proposed.threshold)} survives {numbers.chance(proposed.survival)} of "
        f"trigger episodes; {numbers.setting(current.threshold)} survives "
        f"{numbers.chance(current.survival)}"
    )


def alt(asset: AssetEvidence) -> str:
    """Return two points of the tail, the survival and the worst fall on record."""
    current, proposed = _implied(asset)
    hours = facts.horizon(asset)
    over = f" over {numbers.hours(hours)}" if hours else ""
    parts = [
        f"{numbers.percent(point.probability)} for one above {numbers.percent(point.fall)}"
        for point in facts.quoted_tail(asset)
    ]
    parts.append(
        f"{numbers.setting(current.threshold)} survives {numbers.chance(current.survival)}"
    )
    if proposed.threshold != current.threshold:
        parts.append(
            f"{numbers.setting(proposed.threshold)} survives {numbers.chance(proposed.survival)}"
        )
    if asset.worst_falls:
        worst = facts.worst(asset, hours or 24, 1)[0]
        over_hours, fall = facts.at_horizon(worst, hours or 24)
        parts.append(
            f"the worst on record over {numbers.hours(over_hours)} is "
            f"{numbers.percent(fall)} ({worst.on[:10]})"
        )
    return f"Chance of a larger fall per trigger episode{over}: {'; '.join(parts)}"


def draw(figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
    """Draw the tail above the dated falls, on one axis of falls."""
    events = facts.worst(asset, facts.horizon(asset) or 24, MOST_EVENTS)
    if events:
        ratios = [10 - 0.75 * len(events), 0.75 * len(events) + 0.8]
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=ratios)
        bottom = below
    else:
        top = bottom = figure.subplots()
    points = sorted(asset.tail, key=lambda point: point.fall)
    chances = [point.probability for point in points]
    top.set_yscale("log")
    top.fill_betweenx(
        chances, [p.low for p in points], [p.high for p in points], color=style.SKY, alpha=0.35,
        linewidth=0,
    )  # fmt: skip
    top.plot([p.fall for p in points], chances, color=style.INK, linewidth=1.6)
    current, proposed = facts.now(asset), asset.recommended.threshold
    room = facts.allowance(evidence, asset, current, asset.in_force.bonus.value)
    room_new = facts.allowance(evidence, asset, proposed, asset.recommended.bonus)
    widest = max(point.fall for point in points)
    seen = [facts.at_horizon(e, facts.horizon(asset) or 24)[1] for e in events]
    top.set_xlim(0, 1.12 * max(widest, room, room_new, *seen, 0.01))
    if events:
        _events(bottom, asset)
    top.set_ylim(min(chances), max(chances))
    _mark_room(top, bottom, (current, room), (proposed, room_new))
    top.set_ylabel("chance of a larger fall")
    hours = facts.horizon(asset)
    bottom.set_xlabel("fall from the trigger" + (f", T = {numbers.hours(hours)}" if hours else ""))
    style.percent_axis(top.yaxis)
    style.percent_axis(bottom.xaxis)


def _mark_room(top: Axes, bottom: Axes, now: tuple[float, float], new: tuple[float, float]) -> None:
    """Draw the falls that the thresholds leave room for through both panels."""
    same = now[0] == new[0]
    for axes in {id(top): top, id(bottom): bottom}.values():
        # Paler among the dated falls, where labels stand on the lines.
        strength = 1.0 if axes is top else 0.45
        if not same:
            axes.axvline(now[1], alpha=strength, **style.CURRENT)
        axes.axvline(new[1], alpha=strength, **style.RECOMMENDED)
    right_is_new = new[1] >= now[1]
    marks = [(new, "room at ", style.BLUE, "left" if right_is_new else "right")]
    if not same:
        marks.append((now, "now ", style.GREY, "right" if right_is_new else "left"))
    for (threshold, room), words, colour, side in marks:
        top.annotate(
            f"{words}{numbers.setting(threshold)}: {numbers.percent(room)}",
            (room, 1), xycoords=("data", "axes fraction"),
            xytext=(3 if side == "left" else -3, 2), textcoords="offset points",
            ha=side, va="bottom", color=colour,
            fontweight="bold" if colour == style.BLUE else "normal", annotation_clip=False,
        )  # fmt: skip


def _events(axes: Axes, asset: AssetEvidence) -> None:
    """Draw one dated fall a row, so that labels cannot meet."""
    horizon = facts.horizon(asset) or 24
    events = facts.worst(asset, horizon, MOST_EVENTS)
    end = axes.get_xlim()[1]
    for row, event in enumerate(events):
        over, fall = facts.at_horizon(event, horizon)
        # Labels of far falls stand on their left, so that they stay on the page.
        left = fall > 0.55 * end
        axes.plot([0, fall], [row, row], color=style.PALE, linewidth=1)
        axes.plot([fall], [row], "D", color=style.ORANGE, markersize=4)
        style.on_white(
            axes, fall, row, f"{event.on[:10]} {event.event}, {numbers.percent(fall)}",
            xytext=(-7 if left else 7, 0), textcoords="offset points",
            ha="right" if left else "left", va="center", fontsize=7.5,
            annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(len(events) - 0.3, -0.7)
    axes.set_yticks([])
    axes.grid(False, axis="y")
    over = facts.at_horizon(events[0], horizon)[0]
    axes.set_ylabel(f"on record,\n{numbers.hours(over)}")
