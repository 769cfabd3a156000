"""Risk appetites in words, each probability with its unit and horizon, and side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from govkit.records.appetites import LARGER_IS_STRICTER, SMALLER_IS_STRICTER, laxer_in
from govkit.records.market import Appetite
from govkit.render.model_words import plain
from govkit.render.numbers import percent, points, usd

BOOK_HOURS = 24
"""Hours over which the book is simulated."""


def show_appetite(appetite: Appetite, shipped: Sequence[Appetite] = ()) -> tuple[str, ...]:
    """Return an appetite in lines of plain text, and how it stands to others."""
    a = appetite
    episode = f"per trigger episode over {BOOK_HOURS} h, whole book"
    lines = [
        f"{a.name}: {a.description}",
        "",
        "Limits on the threshold; the smallest binds",
        f"  position: {percent(a.position_probability)} per trigger episode over T, of one "
        "position: largest chance of bad debt",
        f"  book: {percent(a.book_probability)} {episode}: largest chance of bad debt above "
        f"{floor_of(a)}",
        f"  tail loss: {percent(a.tail_loss_share)} of debt {episode}: largest mean of the worst "
        f"{percent(1 - a.tail_level)} of episodes",
        f"  dated stress: {percent(a.stress_loss_share)} of debt: largest bad debt in an event "
        "that decides, replayed on its path at stressed depth",
        f"  invariant: threshold × (1 + bonus) is at most {percent(1 - a.invariant_margin)}",
        "  protocol: what the contracts accept",
        "",
        "From limit to decision",
        f"  confidence: one-sided {percent(a.confidence)}, over refits of the model, of the lower "
        "bound that is recommended",
        f"  keep: within {points(a.keep_band_points)} of the bound; or lower, as long as at most "
        f"{percent(a.most_unnecessary)} of liquidated debt would be spared at the highest "
        "allowed threshold",
        f"  lower: at most {points(a.largest_cut_points)} a vote",
        f"  raise: at most {points(a.raise_points_per_30_days)} in 30 days, and only when every "
        f"bound exceeds the value in force by {points(a.raise_margin_points)}",
        f"  not modelled: support more than {points(a.far_above_points)} above the value in force "
        "is not acted on",
        f"  grid: {points(a.step_points)}",
        "",
        *_notes(),
    ]
    others = [one for one in shipped if one.name != a.name]
    if others:
        lines += ["", "Beside the others", *(f"  {_beside(a, one)}" for one in others)]
    return tuple(plain(line) for line in lines)


def show_side_by_side(appetites: Sequence[Appetite]) -> tuple[str, ...]:
    """Return a table of appetites in lines of plain text, one column each."""
    rows = [["", *(a.name for a in appetites)]]
    rows += [[said, *(show(a) for a in appetites)] for said, show in ROWS]
    lines = [*aligned(rows), "", *_notes(), ""]
    lines += [f"{a.name}: {a.description}" for a in appetites]
    return tuple(plain(line) for line in lines)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def floor_of(appetite: Appetite) -> str:
    """Return the bad debt that counts in words."""
    share = f"{percent(appetite.book_floor_share)} of debt"
    dollars = appetite.book_floor_usd
    return f"{share} (at least {usd(dollars)})" if dollars > 0 else share


ROWS: tuple[tuple[str, Callable[[Appetite], str]], ...] = (
    ("position: chance of bad debt per trigger episode over T, of one position",
     lambda a: percent(a.position_probability)),
    (f"book: chance per trigger episode over {BOOK_HOURS} h, whole book",
     lambda a: percent(a.book_probability)),
    ("  of bad debt above this share of debt", lambda a: percent(a.book_floor_share)),
    ("  and above", lambda a: usd(a.book_floor_usd)),
    (f"tail loss: mean per trigger episode over {BOOK_HOURS} h, whole book, share of debt",
     lambda a: percent(a.tail_loss_share)),
    ("  over the worst share of episodes", lambda a: percent(1 - a.tail_level)),
    ("dated stress: bad debt in one event that decides, share of debt",
     lambda a: percent(a.stress_loss_share)),
    ("invariant: margin left by threshold × (1 + bonus)",
     lambda a: points(a.invariant_margin * 100)),
    ("confidence of the lower bound, one-sided", lambda a: percent(a.confidence)),
    ("keep band: spared at the highest allowed threshold, share of liquidated debt",
     lambda a: percent(a.most_unnecessary)),
    ("keep band around the bound", lambda a: points(a.keep_band_points)),
    ("largest cut in one vote", lambda a: points(a.largest_cut_points)),
    ("largest raise in 30 days", lambda a: points(a.raise_points_per_30_days)),
    ("margin that a raise needs", lambda a: points(a.raise_margin_points)),
    ("not acted on when support is above by", lambda a: points(a.far_above_points)),
    ("grid", lambda a: points(a.step_points)),
)  # fmt: skip


def _notes() -> tuple[str, ...]:
    return (
        "Trigger episode: one stretch in which an account reaches health factor 1.",
        "T: the asset's effective horizon, latency plus the time it takes to sell, at least 1 h.",
        "Debt: the debt that the asset backs.",
    )


def _beside(first: Appetite, second: Appetite) -> str:
    laxer, stricter = laxer_in(first, second), laxer_in(second, first)
    if laxer and stricter:
        return f"{second.name}: laxer in {_names(laxer)}; stricter in {_names(stricter)}"
    if not laxer and not stricter:
        return f"{second.name}: as strict"
    if laxer:
        return f"{second.name}: laxer in {_names(laxer)}, stricter in nothing"
    return f"{second.name}: at least as strict in everything"


def _names(fields: tuple[str, ...]) -> str:
    if len(fields) == len(SMALLER_IS_STRICTER) + len(LARGER_IS_STRICTER):
        return "everything"
    return ", ".join(name.replace("_", " ") for name in fields)
