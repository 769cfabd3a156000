"""Falls from a trigger to the worst point of the following hours, by simulation.

Each path starts in a trigger state (top decile of conditional volatility), draws residuals
independently by hour, feeds them through the variance recursion, and keeps the running minimum
of the hourly lows: never the end point, never a Brownian bridge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from govkit.records.collateral import RatioModel
from govkit.records.returns import GpdTail, ReturnModel
from govkit.simulate.compiled import compiled, prange
from govkit.simulate.random import generator
from govkit.simulate.tilting import tilted_uniforms

Array = NDArray[np.float64]

CHUNK_PATHS = 20_000
"""Paths drawn at once: part of the stream, not of the machine."""

TRIGGER_LEVELS = (0, 50, 90, 99, 100)
BODY_MOVES_TO = 0.10

NO_TAIL = np.array([1.0, 0.1, 0.0, 0.5])


@dataclass(frozen=True)
class ReturnLaw:
    """The arrays that a path needs; made from a `ReturnModel` and, for wrappers, its ratio."""

    variance: Array  # omega, alpha, gamma, beta
    body: Array
    lower: Array  # threshold, shape, scale, probability
    upper: Array
    shadow_edges: Array
    shadow: Array
    sigma_start: Array
    jump: Array  # extra intensity per hour, size, mean excess
    ratio_body: Array
    ratio_lower: Array
    ratio_upper: Array


def return_law(model: ReturnModel, ratio: RatioModel | None = None) -> ReturnLaw:
    """Gather the arrays of a fitted model; `ratio` adds a wrapper's own hourly changes."""
    v = model.variance
    return ReturnLaw(
        variance=np.array([v.omega, v.alpha, v.gamma, v.beta]),
        body=np.array(model.residual_quantiles),
        lower=_tail(model.lower_tail),
        upper=_tail(model.upper_tail),
        shadow_edges=np.array(model.shadow.residual_edges),
        shadow=np.array(model.shadow.quantiles),
        sigma_start=np.array(model.states.trigger),
        jump=np.array(
            # The residuals already hold the jumps that were seen; what is added is the half
            # count of the prior, so that a history without jumps is not a zero chance.
            [0.5 / model.jumps.hours, model.jumps.size, model.jumps.excess_mean]
        ),
        ratio_body=np.array(ratio.quantiles) if ratio else np.zeros(2),
        ratio_lower=_tail(ratio.lower_tail) if ratio else NO_TAIL,
        ratio_upper=_tail(ratio.upper_tail) if ratio else NO_TAIL,
    )


def underlying(law: ReturnLaw) -> ReturnLaw:
    """Return the law of a wrapper's underlying alone, on the same draws."""
    return replace(law, ratio_body=np.zeros(2))


def refitted_law(law: ReturnLaw, model: ReturnModel, row: int) -> ReturnLaw:
    """Return `law` with one stored refit's variance, lower tail and trigger volatility.

    Between the tail and the 10 % quantile the residuals move with the tail's threshold, less and
    less; between the stored levels the trigger states move with the levels around them.
    """
    values = dict(zip(model.refits.columns, model.refits.rows[row], strict=True))
    probability = model.lower_tail.probability
    lower = np.array([values["threshold"], values["shape"], values["scale"], probability])
    places = np.linspace(probability, 1 - model.upper_tail.probability, len(law.body))
    near = np.clip((BODY_MOVES_TO - places) / (BODY_MOVES_TO - probability), 0, 1)
    body = law.body * (1 + near * (values["threshold"] / model.lower_tail.threshold - 1))
    steps = np.linspace(0, 1, len(law.sigma_start))
    moved = np.array([values[f"trigger_{level}"] for level in TRIGGER_LEVELS])
    # The states are tabled at 1 - (1 - s) ** 3: find the levels among the steps.
    at = 1 - (1 - np.array(TRIGGER_LEVELS) / 100) ** (1 / 3)
    known = np.interp(at, steps, law.sigma_start)
    # Levels may cross after a refit; between them the states keep their places.
    target = np.maximum.accumulate(known * moved)
    return replace(
        law,
        variance=np.array([values[k] for k in ("omega", "alpha", "gamma", "beta")]),
        lower=lower,
        body=np.maximum.accumulate(body),
        sigma_start=np.interp(law.sigma_start, known, target),
    )


@dataclass(frozen=True)
class Draws:
    """What drives paths: uniform numbers, shapes (paths,) and (paths, hours, 4), and weights.

    `weight`, shape (paths,), has mean 1: an expectation is the mean of weight x value.
    """

    start: Array
    hourly: Array
    weight: Array


def draw(*, hours: int, paths: int, seed: int, name: str) -> Draws:
    """Draw the uniform numbers of one purpose; the same ones serve many laws."""
    random = generator(seed, name, "hours")
    return Draws(random.random(paths), random.random((paths, hours, 4)), np.ones(paths))


def draw_tilted(*, hours: int, paths: int, seed: int, name: str) -> Draws:
    """Draw as `draw`, with more of the worst residuals and weights that make up for it."""
    random = generator(seed, name, "tilted hours")
    hourly = random.random((paths, hours, 4))
    tilted = tilted_uniforms(random, paths, hours)
    hourly[..., 0], hourly[:, 0, 2] = tilted.hours, tilted.shadow
    return Draws(tilted.start, hourly, tilted.weight)


def simulate_hours(law: ReturnLaw, draws: Draws) -> tuple[Array, Array]:
    """Simulate hourly log moves and, relative to each hour's start, the hour's log low.

    Returns
    -------
    moves, lows:
        Both of shape (paths, hours); ``lows <= min(0, moves)``.
    """
    moves, lows = _hourly(
        draws.start, draws.hourly, law.variance, law.body, law.lower, law.upper,
        law.shadow_edges, law.shadow, law.sigma_start, law.jump, law.ratio_body,
        law.ratio_lower, law.ratio_upper,
    )  # fmt: skip
    return moves, lows


def worst_falls(law: ReturnLaw, draws: Draws) -> Array:
    """Return the fall from the trigger to the worst low within each whole hour.

    Returns
    -------
    Array
        Shape (paths, hours). Element [i, k] is the worst fall of path i within k + 1 hours, a
        fraction of the price at the trigger, never negative and non-decreasing along k.
    """
    moves, lows = simulate_hours(law, draws)
    before = np.cumsum(moves, axis=1) - moves
    return np.asarray(1 - np.exp(np.minimum.accumulate(np.minimum(before + lows, 0.0), axis=1)))


def simulate_falls(law: ReturnLaw, *, hours: int, paths: int, seed: int, name: str) -> Array:
    """Simulate `worst_falls` of many paths of equal weight, drawn in chunks of a fixed size."""
    chunks = [
        draw(hours=hours, paths=min(CHUNK_PATHS, paths - first), seed=seed,
             name=f"{name} falls {first}")
        for first in range(0, paths, CHUNK_PATHS)
    ]  # fmt: skip
    return np.concatenate([worst_falls(law, chunk) for chunk in chunks])


def fall_at(falls: Array, hours: float) -> Array:
    """Return each path's fall within `hours` (at least 1), linear between whole hours."""
    k = min(int(np.floor(hours)), falls.shape[1])
    if k >= falls.shape[1]:
        return falls[:, -1]
    share = hours - k
    return np.asarray((1 - share) * falls[:, k - 1] + share * falls[:, k])


def _tail(tail: GpdTail) -> Array:
    return np.array([tail.threshold, tail.shape, tail.scale, tail.probability])


@compiled()
def _excess(share, tail):  # type: ignore[no-untyped-def]
    """Distance from zero in a GPD tail; `share` of the tail's probability lies beyond it."""
    if abs(tail[1]) < 1e-9:
        return tail[0] - tail[2] * np.log(share)
    return tail[0] + tail[2] / tail[1] * (share ** (-tail[1]) - 1.0)


@compiled()
def _draw(u, body, lower, upper):  # type: ignore[no-untyped-def]
    """Inverse distribution function: two tails around an equally spaced quantile table."""
    if u < lower[3]:
        return -_excess(max(u, 1e-15) / lower[3], lower)
    if u > 1.0 - upper[3]:
        return _excess(max(1.0 - u, 1e-15) / upper[3], upper)
    place = (u - lower[3]) / (1.0 - upper[3] - lower[3]) * (len(body) - 1)
    k = min(int(place), len(body) - 2)
    return body[k] + (place - k) * (body[k + 1] - body[k])


@compiled()
def _at(u, table):  # type: ignore[no-untyped-def]
    place = u * (len(table) - 1)
    k = min(int(place), len(table) - 2)
    return table[k] + (place - k) * (table[k + 1] - table[k])


@compiled()
def _at_dense_top(u, table):  # type: ignore[no-untyped-def]
    """Read a table whose j-th of n steps is the quantile 1 - (1 - j / n) ** 3."""
    return _at(1.0 - (1.0 - u) ** (1.0 / 3.0), table)


@compiled(parallel=True)
def _hourly(  # type: ignore[no-untyped-def]
    start, uniform, variance, body, lower, upper, edges, shadow, sigma_start, jump,
    ratio_body, ratio_lower, ratio_upper,
):  # fmt: skip
    paths, hours, _ = uniform.shape
    moves = np.empty((paths, hours))
    lows = np.empty((paths, hours))
    with_ratio = ratio_body[-1] > ratio_body[0]
    for i in prange(paths):
        sigma2 = _at_dense_top(start[i], sigma_start) ** 2
        for k in range(hours):
            sigma = np.sqrt(sigma2)
            z = _draw(uniform[i, k, 0], body, lower, upper)
            r = sigma * z
            if uniform[i, k, 1] < jump[0]:
                # The rest of this uniform, rescaled, draws the size: an exponential excess.
                r -= jump[1] - jump[2] * np.log(max(uniform[i, k, 1] / jump[0], 1e-15))
            b = np.searchsorted(edges, z)
            low = min(r, 0.0) - sigma * _at_dense_top(uniform[i, k, 2], shadow[b])
            sigma2 = variance[0] + variance[3] * sigma2
            sigma2 += (variance[1] + (variance[2] if r < 0 else 0.0)) * r * r
            if with_ratio:
                step = _draw(uniform[i, k, 3], ratio_body, ratio_lower, ratio_upper)
                r += step
                low += min(step, 0.0)
            moves[i, k] = r
            lows[i, k] = min(low, r, 0.0)
    return moves, lows
