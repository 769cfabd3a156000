"""Five-minute price paths from hourly draws, with the stored concentration of crash hours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from govkit.simulate.engine import STEPS_PER_HOUR
from govkit.simulate.falls import Draws, ReturnLaw, simulate_hours
from govkit.simulate.random import generator

Array = NDArray[np.float64]

LOWEST_LOG, HIGHEST_LOG = -30.0, 20.0


def price_paths(
    law: ReturnLaw, concentration: Array, draws: Draws, *, seed: int, name: str
) -> Array:
    """Simulate prices every five minutes from a trigger on.

    Within an hour the path goes to the hour's low and on to its close. The step that reaches
    the low carries the share of the hour's fall that the worst five minutes carry in real
    crash hours; the rest is spread evenly. A Brownian bridge would miss a quarter of it.

    Parameters
    ----------
    concentration:
        Quantiles (equally spaced, 0 to 1) of that share.
    draws:
        What drives the hours. Paths of the same draws, seed and name fall in the same minutes.

    Returns
    -------
    Array
        Shape (paths, 12 * hours), relative to the price at the trigger.
    """
    moves, lows = simulate_hours(law, draws)
    paths, hours = moves.shape
    random = generator(seed, name, "within the hour")
    share = np.quantile(concentration, random.random((paths, hours)))
    # Late enough that no step before the plunge, which share the rest, is larger than it.
    latest = STEPS_PER_HOUR - 2
    first = np.minimum(np.ceil(1 / share - 1 - 1e-9), latest).astype(np.int64)
    spot = first + np.floor(random.random((paths, hours)) * (latest + 1 - first)).astype(np.int64)
    inside = _within_hours(moves, lows, spot, share)
    start = np.cumsum(moves, axis=1) - moves
    # Far out on a tilted path, with next to no weight, a price need not reach infinity or 0.
    log_price = np.clip(start[:, :, None] + inside, LOWEST_LOG, HIGHEST_LOG)
    return np.asarray(np.exp(log_price).reshape(paths, -1))


def envelope_path(horizons_hours: Array, falls: Array, hours: int) -> Array:
    """Return the one path, shape (1, 12 * hours), whose fall at each horizon is the worst seen.

    `falls` are the worst falls of a dated event over `horizons_hours`, each measured from its
    own worst start. Joined, they are at least as steep at every horizon as the event itself.
    """
    steps = np.arange(1, STEPS_PER_HOUR * hours + 1) / STEPS_PER_HOUR
    known = np.concatenate([[0.0], horizons_hours])
    depth = np.maximum.accumulate(np.concatenate([[0.0], falls]))
    return np.asarray(1 - np.interp(steps, known, depth))[None, :]


def _within_hours(moves: Array, lows: Array, spot: NDArray[np.int64], share: Array) -> Array:
    """Log price within each hour relative to its start, shape (paths, hours, 12)."""
    step = np.arange(STEPS_PER_HOUR)[None, None, :]
    low, at = lows[:, :, None], spot[:, :, None]
    # Before the plunge the path has used up what the worst five minutes do not carry.
    approach = low * (1 - share[:, :, None]) * (step + 1) / np.maximum(at, 1)
    rest = low + (moves[:, :, None] - low) * (step - at) / (STEPS_PER_HOUR - 1 - at)
    return np.asarray(np.where(step < at, approach, rest))
