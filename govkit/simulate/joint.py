"""Falls of several assets at once: one draw of the copula an hour, shared by all of them.

Hours are independent of each other: the variance recursion clusters them, and residual blocks
would count that twice. Each asset alone has the falls that `falls` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from govkit.errors import unknown_name
from govkit.records.model import Dependence, SkewedCopula
from govkit.simulate.falls import CHUNK_PATHS, Draws, ReturnLaw, worst_falls
from govkit.simulate.random import generator
from govkit.simulate.skewed_t import RAREST, margin
from govkit.simulate.tilting import LOWEST, tilted_uniforms

Array = NDArray[np.float64]


def joint_uniforms(
    dependence: Dependence, tickers: Sequence[str], *, hours: int, paths: int, seed: int, name: str
) -> dict[str, Array]:
    """Draw each hour's residuals of several assets, as uniform numbers.

    Parameters
    ----------
    dependence:
        Its copula of residuals.
    tickers:
        Assets wanted. Each has a normal stream of its own, mixed by the Cholesky root of the
        whole model's matrix, so an asset's numbers do not depend on which others are asked
        for, nor on their order; a subset follows the submatrix.
    seed, name:
        Purpose of the numbers.

    Returns
    -------
    dict
        By ticker, shape (paths, hours), in (0, 1); low is a fall.

    Raises
    ------
    InputError
        For a ticker the dependence does not hold.
    """
    w = _mixing(dependence.residuals, (paths, hours), seed, f"{name} hours")
    return _uniforms(dependence.residuals, dependence.assets, tickers, w, seed, f"{name} hours")


def joint_starts(
    dependence: Dependence, tickers: Sequence[str], *, paths: int, seed: int, name: str
) -> dict[str, Array]:
    """Draw the rank of each asset's volatility within its trigger states, shape (paths,).

    All assets start in their trigger states. Without a fitted copula of starts one rank serves
    all: the most that they can have in common. Raises as `joint_uniforms`.
    """
    if dependence.starts is None:
        _places(dependence.assets, tickers)
        same = generator(seed, name, "joint starts").random(paths)
        return dict.fromkeys(tickers, same)
    w = _mixing(dependence.starts, (paths,), seed, f"{name} starts")
    return _starts(dependence.starts, dependence.assets, tickers, w, seed, name)


def joint_draws(
    dependence: Dependence, tickers: Sequence[str], *, hours: int, paths: int, seed: int, name: str
) -> dict[str, Draws]:
    """Draw what drives the paths of several assets, of equal weight; see `falls.worst_falls`.

    Beside residuals and starts, what is shared: the place of the hour's low, since the lows of
    a crash come within the same minutes (rank correlation 0.7 in the worst hours), and the jump
    that no history has shown yet, since those seen hit several assets at once (89 % of them).
    The changes of a wrapper's ratio are each asset's own. Raises as `joint_uniforms`.
    """
    residuals = joint_uniforms(
        dependence, tickers, hours=hours, paths=paths, seed=seed, name=name
    )  # fmt: skip
    starts = joint_starts(dependence, tickers, paths=paths, seed=seed, name=name)
    return _with_shared(residuals, starts, np.ones(paths), seed, name)


def tilted_joint_draws(
    dependence: Dependence, tickers: Sequence[str], *, hours: int, paths: int, seed: int, name: str
) -> dict[str, Draws]:
    """Draw as `joint_draws`, with more common crashes and the weights that make up for it.

    What `tilting.tilted_uniforms` tilts are the numbers W that the assets share, in an hour and
    at the start, before any asset's own noise. So one weight a path serves all assets. Residuals
    are no lower than `tilting.LOWEST`, since tilting would else reach where prices overflow.
    Raises as `joint_uniforms`.
    """
    tilted = tilted_uniforms(generator(seed, name, "joint tilt"), paths, hours)
    w = _mixing_at(dependence.residuals, tilted.hours)
    residuals = _uniforms(
        dependence.residuals, dependence.assets, tickers, w, seed, f"{name} tilted hours"
    )
    if dependence.starts is None:
        starts = dict.fromkeys(tickers, tilted.start)
    else:
        w = _mixing_at(dependence.starts, 1 - tilted.start)
        starts = _starts(dependence.starts, dependence.assets, tickers, w, seed, name)
    residuals = {ticker: np.maximum(u, LOWEST) for ticker, u in residuals.items()}
    draws = _with_shared(residuals, starts, tilted.weight, seed, name)
    for one in draws.values():
        one.hourly[:, 0, 2] = tilted.shadow
    return draws


def joint_falls(
    laws: Mapping[str, ReturnLaw],
    dependence: Dependence,
    *,
    hours: int,
    paths: int,
    seed: int,
    name: str,
) -> dict[str, Array]:
    """Simulate `worst_falls` of several assets on the same paths, in chunks of a fixed size.

    Returns
    -------
    dict
        By ticker, shape (paths, hours); row i of each is one and the same episode.
    """
    chunks = []
    for first in range(0, paths, CHUNK_PATHS):
        draws = joint_draws(
            dependence, tuple(laws), hours=hours, paths=min(CHUNK_PATHS, paths - first),
            seed=seed, name=f"{name} falls {first}",
        )  # fmt: skip
        chunks.append({ticker: worst_falls(laws[ticker], draws[ticker]) for ticker in laws})
    return {ticker: np.concatenate([chunk[ticker] for chunk in chunks]) for ticker in laws}


def joint_share(falls: Sequence[Array], level: float) -> float:
    """Return the share of paths on which every asset falls beyond its own `level` quantile.

    `falls` are of shape (paths,), one array for each asset.
    """
    beyond = [fall > np.quantile(fall, level) for fall in falls]
    return float(np.logical_and.reduce(beyond).mean())


def _with_shared(
    residuals: Mapping[str, Array], starts: Mapping[str, Array], weight: Array, seed: int, name: str
) -> dict[str, Draws]:
    draws = {}
    for ticker, drawn in residuals.items():
        shared = generator(seed, name, "joint jumps and lows").random((*drawn.shape, 2))
        own = generator(seed, name, "joint ratio", ticker).random(drawn.shape)
        columns = (drawn, shared[..., 0], shared[..., 1], own)
        draws[ticker] = Draws(starts[ticker], np.stack(columns, axis=-1), weight)
    return draws


def _mixing(copula: SkewedCopula, shape: tuple[int, ...], seed: int, name: str) -> Array:
    nu = copula.degrees_of_freedom
    return np.asarray(nu / generator(seed, name).chisquare(nu, shape))


def _mixing_at(copula: SkewedCopula, low: Array) -> Array:
    """Return W at uniform numbers: nu / W is chi-square, so a low one gives a large W."""
    nu = copula.degrees_of_freedom
    return np.asarray(nu / (2 * gammaincinv(nu / 2, np.maximum(low, RAREST))))


def _starts(
    copula: SkewedCopula, assets: Sequence[str], tickers: Sequence[str], w: Array, seed: int,
    name: str,
) -> dict[str, Array]:  # fmt: skip
    # The copula is of volatilities with the highest first.
    drawn = _uniforms(copula, assets, tickers, w, seed, f"{name} starts")
    return {ticker: 1 - u for ticker, u in drawn.items()}


def _uniforms(
    copula: SkewedCopula,
    assets: Sequence[str],
    tickers: Sequence[str],
    w: Array,
    seed: int,
    name: str,
) -> dict[str, Array]:
    places = _places(assets, tickers)
    root = np.linalg.cholesky(np.array(copula.correlation))
    nu, skew = copula.degrees_of_freedom, copula.skewness
    table = margin(nu, skew)
    mixed = dict.fromkeys(tickers, skew * w)
    for k, asset in enumerate(assets[: max(places, default=-1) + 1]):
        noise = np.sqrt(w) * generator(seed, name, asset).standard_normal(w.shape)
        for ticker, place in zip(tickers, places, strict=True):
            if place >= k:
                mixed[ticker] = mixed[ticker] + root[place, k] * noise
    return {ticker: table.cdf(x) for ticker, x in mixed.items()}


def _places(assets: Sequence[str], tickers: Sequence[str]) -> list[int]:
    for ticker in tickers:
        if ticker not in assets:
            raise unknown_name("asset", ticker, assets, where="dependence")
    return [list(assets).index(ticker) for ticker in tickers]
