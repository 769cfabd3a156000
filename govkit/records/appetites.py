"""What holds among the settings of an appetite, and which of two appetites is the stricter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govkit.records.market import Appetite

SMALLER_IS_STRICTER = (
    "position_probability", "book_probability", "book_floor_share", "book_floor_usd",
    "tail_loss_share", "stress_loss_share",
)  # fmt: skip
LARGER_IS_STRICTER = ("tail_level", "invariant_margin", "confidence")
"""The settings that decide which threshold is supported; the rest decide when to act on it."""


def at_least_as_strict(first: Appetite, second: Appetite) -> bool:
    """Return whether no loss that `second` refuses is allowed by `first`.

    This is a partial order: every limit on losses is at most as large, margin, confidence and
    level of the expected shortfall at least as large. Two appetites can each be laxer than the
    other in something; then neither is at least as strict.
    """
    return not laxer_in(first, second)


def laxer_in(first: Appetite, second: Appetite) -> tuple[str, ...]:
    """Return the settings in which `first` allows more than `second`."""
    return tuple(
        name
        for names, sign in ((SMALLER_IS_STRICTER, 1), (LARGER_IS_STRICTER, -1))
        for name in names
        if sign * (getattr(first, name) - getattr(second, name)) > 0
    )


def contradictions(appetite: Appetite) -> tuple[str, ...]:
    """Return what cannot hold together in an appetite, each with what to do."""
    return (*_of_points(appetite), *_of_losses(appetite))


def _of_points(a: Appetite) -> Iterator[str]:
    step, far = a.step_points, a.far_above_points
    if 0 < a.keep_band_points < step:
        yield (
            f"keep_band_points ({a.keep_band_points:g}) is finer than the grid, step_points "
            f"({step:g}); write 0 for no band, or at least {step:g}"
        )
    for name, what in (("largest_cut_points", "cut"), ("raise_points_per_30_days", "raise")):
        points = getattr(a, name)
        if points < step:
            yield (
                f"{name} ({points:g}) is smaller than one step of the grid, step_points "
                f"({step:g}), so no {what} is possible; write at least {step:g}"
            )
    for name in ("keep_band_points", "raise_margin_points"):
        points = getattr(a, name)
        if points >= far:
            yield (
                f"{name} ({points:g}) is not below far_above_points ({far:g}), so nothing could "
                "be raised; make far_above_points larger"
            )


def _of_losses(a: Appetite) -> Iterator[str]:
    if a.tail_loss_share > a.stress_loss_share:
        yield (
            f"tail_loss_share ({a.tail_loss_share:g}), a mean of the worst episodes, is above "
            f"stress_loss_share ({a.stress_loss_share:g}), the worst event on record; write at "
            f"most {a.stress_loss_share:g}"
        )
    # The worst 1 - tail_level of episodes hold all losses above the floor, each at least the
    # floor: ES >= floor * min(p, 1 - level) / (1 - level), whatever the losses are.
    tail = 1 - a.tail_level
    least = a.book_floor_share * min(a.book_probability, tail) / tail
    if least > a.tail_loss_share * (1 + 1e-9):
        yield (
            f"book_probability ({a.book_probability:g}) with losses above book_floor_share "
            f"({a.book_floor_share:g}) is an expected shortfall of at least {least:.3g}, and "
            f"tail_loss_share allows {a.tail_loss_share:g}, so the book limit could never bind; "
            "lower book_probability or book_floor_share, or raise tail_loss_share"
        )
