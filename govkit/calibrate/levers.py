"""What could be changed instead of the threshold, in the order in which it should be tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from govkit.calibrate.book import loss_floor, losses_over_grid, stress_losses
from govkit.calibrate.case import BOOK_HOURS, Asked, Case, book_of
from govkit.calibrate.clearing import LONGEST_HORIZON_HOURS, stressed_depth, terms_of
from govkit.calibrate.position import position_limit
from govkit.calibrate.surrogate import Surrogate
from govkit.calibrate.weighted import exceedance, expected_shortfall
from govkit.records.evidence import Clearing
from govkit.records.justification import Lever
from govkit.records.market import Appetite
from govkit.simulate.falls import draw_tilted
from govkit.simulate.paths import price_paths

Enough = Callable[[Asked], bool]


class Meets(Protocol):
    """Whether every limit allows a threshold, the inputs changed by factors."""

    def __call__(self, asked: Asked, *, volatility: float = 1.0, depth: float = 1.0) -> bool:
        """Return whether it does; `asked` may have another cap, bonus, feed or latency."""


STEPS = 20
LARGEST_BONUS = 0.25
BONUS_STEP = 0.005
PATHS = 8_192


def levers_of(asked: Asked, enough: Enough) -> tuple[Lever, ...]:
    """Return cap, bonus, close rule and oracle with the value of each that alone is enough.

    Parameters
    ----------
    enough:
        Says whether the question with another cap, bonus or feed is one to answer with yes.
    """
    if asked.curve is None:
        reason = "without depth no value can be computed"
        return tuple(
            Lever(name=name, unit="none", now=None, needed=None, reason=reason)
            for name in ("cap", "bonus", "close rule", "oracle")
        )
    closing = Lever(
        name="close rule", unit="none", now=None, needed=None,
        reason="closing in parts spreads a sale but does not shorten it: the exposure is sold in "
        "affordable chunks already",
    )  # fmt: skip
    return _cap(asked, enough), _bonus(asked, enough), closing, _oracle(asked, enough)


def supports_clearing(clearing: Clearing, *, at_once: bool) -> bool:
    """Return whether somebody would liquidate and the sale ends in time, or in one chunk."""
    if clearing.chunk_usd <= 0 or clearing.horizon_hours > LONGEST_HORIZON_HOURS:
        return False
    return not at_once or clearing.chunks <= 1


def can_clear(*, at_once: bool) -> Enough:
    """Return the test of a refusal: is there a sale that the analysis can support."""

    def enough(asked: Asked) -> bool:
        curve = asked.curve
        return curve is not None and supports_clearing(asked.clearing(curve), at_once=at_once)

    return enough


def supports(case: Case, needed: float, appetite: Appetite, surrogate: Surrogate) -> Meets:
    """Return the test of a cut: would every limit allow the threshold `needed`.

    The limits are run anew on 8,192 paths of the same law. For a value whose lower bound is to be
    supported, `needed` is that value over the share that uncertainty and overlays leave.
    """
    law, name, seed = case.asked.law, f"{case.asked.asset} levers", case.asked.seed
    draws = draw_tilted(hours=BOOK_HOURS, paths=PATHS, seed=seed, name=name)
    inside = np.array(case.asked.returns.worst_five_minutes)
    prices = price_paths(law, inside, draws, seed=seed, name=name)
    dated = tuple(fall for fall, _ in case.stresses)

    def meets(asked: Asked, *, volatility: float = 1.0, depth: float = 1.0) -> bool:
        curve = asked.curve
        if curve is None or needed >= 1 / (1 + asked.bonus):
            return False
        sizes = tuple(size * depth for size in curve.sizes_usd)
        curve = curve.model_copy(update={"sizes_usd": sizes})
        clearing = asked.clearing(curve)
        if not supports_clearing(clearing, at_once=False):
            return False
        hours = np.arange(1, len(surrogate.falls) + 1)
        fall = float(np.interp(clearing.horizon_hours, hours, surrogate.falls))
        fall = 1 - (1 - fall) ** volatility
        if position_limit(fall, asked.deviation, asked.bonus) < needed:
            return False
        if needed > (1 - appetite.invariant_margin) / (1 + asked.bonus):
            return False
        book, grid = book_of(asked, clearing), np.array([needed])
        terms = terms_of(asked.market, asked.asset)
        stressed = stressed_depth(curve, asked.market.depth_haircut.value)
        scaled = prices if volatility == 1 else prices**volatility
        losses = losses_over_grid(scaled, draws.weight, book, grid, terms, stressed)
        chance, _, _ = exceedance(losses.weight, losses.share > loss_floor(losses, appetite))
        shortfall, _ = expected_shortfall(losses.share, losses.weight, appetite.tail_level)
        if chance[0] > appetite.book_probability or shortfall[0] > appetite.tail_loss_share:
            return False
        stresses = stress_losses(dated, book, grid, terms, stressed)
        return bool((stresses <= appetite.stress_loss_share).all())

    return meets


def _cap(asked: Asked, enough: Enough) -> Lever:
    now = asked.reserve.supply_cap.value * asked.known.price_usd
    if not enough(asked.with_caps(1e-4)):
        return Lever(name="cap", unit="usd", now=now, needed=None,
                     reason="no supply cap is small enough")  # fmt: skip
    factor = _largest(lambda f: enough(asked.with_caps(f)), 1e-4)
    return Lever(
        name="cap", unit="usd", now=now, needed=now * factor,
        reason="the caps of all that sells into the same depth are scaled alike",
    )  # fmt: skip


def _bonus(asked: Asked, enough: Enough) -> Lever:
    """Try bonuses in half points: what a bonus supports first rises and then falls with it."""
    now = asked.bonus
    steps = int((LARGEST_BONUS - now) / BONUS_STEP + 1e-9)
    for k in range(1, steps + 1):
        bonus = round(now + k * BONUS_STEP, 6)
        if enough(asked.with_bonus(bonus)):
            return Lever(
                name="bonus", unit="fraction", now=now, needed=bonus,
                reason="a larger bonus also takes more collateral from the borrower",
            )  # fmt: skip
    return Lever(
        name="bonus", unit="fraction", now=now, needed=None,
        reason=f"no bonus up to {LARGEST_BONUS * 100:g} % is enough",
    )  # fmt: skip


def _oracle(asked: Asked, enough: Enough) -> Lever:
    now = asked.deviation
    if now <= 0 or not enough(asked.with_deviation(now * 1e-3)):
        return Lever(
            name="oracle", unit="fraction", now=now, needed=None,
            reason="even a feed without deviation is not enough",
        )  # fmt: skip
    factor = _largest(lambda f: enough(asked.with_deviation(now * f)), 1e-3)
    return Lever(name="oracle", unit="fraction", now=now, needed=now * factor)


def _largest(fits: Callable[[float], bool], low: float) -> float:
    """Return the largest factor up to 1 that fits; `low` does."""
    if fits(1.0):
        return 1.0
    high = 1.0
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
