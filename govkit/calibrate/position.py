"""The position limit, its uncertainty, and the confidence a threshold implies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.weighted import quantile_interval, upper_quantile
from govkit.records.evidence import Implied, TailPoint
from govkit.records.returns import FallTable, ReturnModel
from govkit.simulate.falls import ReturnLaw, draw_tilted, fall_at, refitted_law, worst_falls

Array = NDArray[np.float64]

SETS = 5
"""Independent sets of paths: a decision must be the same on each of them."""
FALL_PATHS = 163_840
REFIT_PATHS = 20_000
TAIL_PROBABILITIES = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002)
WIDENING = 3.0
LARGEST_FALL = 0.999


@dataclass(frozen=True)
class Falls:
    """Simulated falls from trigger to the worst point, over the horizon and over one hour.

    Shapes (paths,); `weight` has mean 1. The paths are `SETS` independent sets of equal size.
    """

    over_horizon: Array
    over_latency: Array
    weight: Array
    horizon_hours: float

    def of_set(self, k: int) -> Falls:
        """Return one of the independent sets."""
        one = slice(*set_bounds(len(self.weight), k))
        return Falls(
            self.over_horizon[one], self.over_latency[one], self.weight[one], self.horizon_hours
        )


def set_bounds(paths: int, k: int) -> tuple[int, int]:
    """Return where the paths of set `k` begin and end."""
    return k * (paths // SETS), (k + 1) * (paths // SETS)


def simulate_position(law: ReturnLaw, horizon_hours: float, seed: int, name: str) -> Falls:
    """Simulate 163,840 trigger episodes of one position, the worst hours over-represented."""
    hours = max(1, int(np.ceil(horizon_hours)))
    parts = []
    for k in range(SETS):
        draws = draw_tilted(
            hours=hours, paths=FALL_PATHS // SETS, seed=seed, name=f"{name} falls {k}"
        )
        falls = worst_falls(law, draws)
        parts.append((fall_at(falls, horizon_hours), falls[:, 0], draws.weight))
    horizon, latency, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Falls(horizon, latency, weight, horizon_hours)


def position_limit(fall: float, deviation: float, bonus: float) -> float:
    """Return the largest threshold that survives `fall`: (1 - x)(1 - delta) / (1 + b)."""
    return (1 - fall) * (1 - deviation) / (1 + bonus)


def quantile_fall(falls: Array, weight: Array, probability: float) -> float:
    """Return the fall exceeded with `probability`."""
    return upper_quantile(falls, weight, probability)


def tail_points(falls: Falls) -> tuple[TailPoint, ...]:
    """Tabulate falls over the horizon by exceedance probability with their 95 % intervals."""
    points = []
    for probability in TAIL_PROBABILITIES:
        low, high = quantile_interval(falls.over_horizon, falls.weight, probability)
        fall = quantile_fall(falls.over_horizon, falls.weight, probability)
        points.append(TailPoint(probability=probability, fall=fall, low=low, high=high))
    return tuple(points)


def survival(
    falls: Falls, threshold: float, deviation: float, bonus: float, episodes_per_year: float
) -> Implied:
    """Return the share of trigger episodes a position at `threshold` survives without loss."""
    allowance = 1 - threshold * (1 + bonus) / (1 - deviation)
    failed = float(np.mean(falls.weight * (falls.over_horizon > allowance)))
    survived = max(1 - failed, 0.0)
    return Implied(
        threshold=threshold,
        survival=survived,
        episodes_per_year=episodes_per_year,
        failures_per_year=(1 - survived) * episodes_per_year,
    )


def refit_factors(
    law: ReturnLaw,
    model: ReturnModel,
    horizon_hours: float,
    probabilities: tuple[float, ...],
    seed: int,
    name: str,
) -> dict[float, Array]:
    """Return how each stored refit moves the position limit, as factors by probability.

    Each array has shape (n_refits,); falls beyond the model's own are `widened`.
    """
    base, others = refit_falls(law, model, horizon_hours, probabilities, seed, name)
    return {
        p: (1 - widened(float(base[k]), others[:, k])) / (1 - base[k])
        for k, p in enumerate(probabilities)
    }


def refit_falls(
    law: ReturnLaw,
    model: ReturnModel,
    horizon_hours: float,
    probabilities: tuple[float, ...],
    seed: int,
    name: str,
) -> tuple[Array, Array]:
    """Return the falls of the model, shape (n_levels,), and of its refits, (n_refits, n_levels).

    All run on the same 20,000 paths, so path noise cancels in a ratio of the two; what remains
    is parameter uncertainty.
    """
    hours = max(1, int(np.ceil(horizon_hours)))
    draws = draw_tilted(hours=hours, paths=REFIT_PATHS, seed=seed, name=f"{name} refits")

    def falls(one: ReturnLaw) -> Array:
        reached = fall_at(worst_falls(one, draws), horizon_hours)
        return np.array([upper_quantile(reached, draws.weight, p) for p in probabilities])

    laws = (refitted_law(law, model, row) for row in range(len(model.refits.rows)))
    return falls(law), np.array([falls(one) for one in laws]).reshape(-1, len(probabilities))


def widened(fall: float, refits: Array) -> Array:
    """Widen the spread of refitted falls towards larger ones.

    Volatility has heavy tails of its own: a history of a few years most often lacks the bursts
    of the process behind it, and no resampling of it can show them. Deviations of the log fall
    above the estimate are multiplied by 3; then the interval covers what it claims
    (scripts/coverage.py, docs/method.md).
    """
    deviation = np.log(refits / fall)
    wide = fall * np.exp(np.where(deviation > 0, WIDENING * deviation, deviation))
    return np.asarray(np.minimum(wide, LARGEST_FALL))


def table_fall(table: FallTable, horizon_hours: float, probability: float) -> float | None:
    """Read a comparison table at a horizon and probability; None beyond what it holds."""
    horizons, levels = np.array(table.horizons_hours), np.array(table.probabilities)
    if (
        not horizons[0] <= horizon_hours <= horizons[-1]
        or not np.isclose(levels, probability).any()
    ):
        return None
    column = int(np.argmin(np.abs(levels - probability)))
    values = np.array([row[column] for row in table.falls])
    return float(np.interp(horizon_hours, horizons, values))
