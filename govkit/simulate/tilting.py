"""Importance sampling of rare falls: some paths get one hour from the far tail, with exact weights.

A bad debt worth worrying about happens on a few paths in 100,000, so a plain sample of that size
says little about it. Half of the paths are drawn as they are. On the other half one hour draws
its uniform number from a law that crowds towards 0, and the start one that crowds towards high
volatility; half of the time it is the first hour, in which most of what is exposed is sold.
Every path then carries the ratio of the plain density to that of the mixture. The ratio is at
most 2, so nothing that plain sampling would show can be missed (a defensive mixture, Hesterberg
1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats.qmc import Sobol

Array = NDArray[np.float64]

TILTED_SHARE = 0.5
FIRST_HOUR_SHARE = 0.5
POWER = 0.15
START_POWER = 0.5
LOWEST = 1e-9
"""Tilted numbers stop here: beyond it lies less than any limit on losses could notice."""
FROM = LOWEST**POWER


@dataclass(frozen=True)
class Tilted:
    """Uniform numbers of the hours, shape (paths, hours), of the starts, and the weights.

    Of the hours low ones are over-represented, of the starts high ones. `weight` lies above 0
    and at most at 2; the mean over paths of weight x f is an unbiased estimate of the plain
    expectation of f. `start` and `weight` have shape (paths,).
    """

    hours: Array
    start: Array
    shadow: Array
    weight: Array


def even_points(random: np.random.Generator, paths: int, columns: int) -> Array:
    """Return scrambled Sobol points, shape (columns, paths): random, and evenly spread."""
    whole = int(np.ceil(np.log2(paths)))
    points = Sobol(columns, rng=random).random_base2(whole)[:paths]
    return np.clip(points.T, 1e-16, 1 - 1e-16)


def tilted_uniforms(random: np.random.Generator, paths: int, hours: int) -> Tilted:
    """Draw uniform numbers with the worst hours over-represented.

    The tilted number is ``v ** (1 / POWER)`` with v uniform above ``FROM``, so its density is
    ``POWER * u ** (POWER - 1) / (1 - FROM)`` above `LOWEST` and 0 below, where the plain half of
    the paths alone stands in. That of the start is ``START_POWER * (1 - s) ** (START_POWER - 1)``.
    """
    uniforms = random.random((paths, hours))
    choice, chosen, start, shadow = even_points(random, paths, 4)
    tilted = choice < TILTED_SHARE
    chances = np.full(hours, (1 - FIRST_HOUR_SHARE) / max(hours - 1, 1))
    chances[0] = FIRST_HOUR_SHARE if hours > 1 else 1.0
    place = np.where(tilted, choice / TILTED_SHARE, 0.0)
    hour = np.searchsorted(np.cumsum(chances)[:-1], place, side="right")
    moved = (FROM + (1 - FROM) * chosen) ** (1 / POWER)
    uniforms[np.arange(paths), hour] = np.where(tilted, moved, chosen)
    start = np.where(tilted, 1 - start ** (1 / START_POWER), start)
    inside = np.maximum(uniforms, LOWEST)
    density = np.where(uniforms < LOWEST, 0.0, POWER * inside ** (POWER - 1) / (1 - FROM))
    ratio = density @ chances * START_POWER * np.maximum(1 - start, 1e-300) ** (START_POWER - 1)
    return Tilted(uniforms, start, shadow, 1 / (1 - TILTED_SHARE + TILTED_SHARE * ratio))
