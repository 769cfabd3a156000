"""Fits of the t copula and of the skewed one, both to ranks and not to margins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import gammaln
from scipy.stats import chi2, kendalltau, rankdata
from scipy.stats import t as student

from govkit.estimate.returns.hours import Array
from govkit.simulate.skewed_t import (
    all_lowest,
    correlation_of_tau,
    log_density,
    lowest,
    margin,
)

FEWEST_DEGREES, MOST_DEGREES = 2.0, 100.0
LARGEST_SKEW = 1.5
SIMPLEX = ((np.log(5.0), -0.3), (np.log(8.0), -0.3), (np.log(5.0), -0.6))
PRIOR_JOINT = 5.0
"""Joint hours that the correlation of Kendall's tau counts for beside those seen."""
RAREST_SHARE = 1e-9
"""Opposed assets have no joint falls to go by and keep the correlation of Kendall's tau."""
SMALLEST_EIGENVALUE = 1e-4


@dataclass(frozen=True)
class Ranks:
    """Ranks of some assets at common hours, as shares in (0, 1).

    Attributes
    ----------
    columns:
        Which assets, as places in the list of all.
    uniform:
        Shape (n_hours, len(columns)).
    distinct, place:
        The values that occur in `uniform`, and which of them each element is: all columns have
        nearly the same ones, so a quantile is looked up once and not once an asset.
    """

    columns: tuple[int, ...]
    uniform: Array
    distinct: Array
    place: NDArray[np.intp]


def ranks(columns: tuple[int, ...], values: Array) -> Ranks:
    """Return rank / (n + 1) by column; ties share their mean rank."""
    uniform = np.asarray(rankdata(values, axis=0) / (len(values) + 1))
    distinct, place = np.unique(uniform, return_inverse=True)
    return Ranks(columns, uniform, distinct, place.reshape(uniform.shape))


def kendall(blocks: list[Ranks], assets: int) -> Array:
    """Return Kendall's tau of every pair, shape (assets, assets), each from its own block."""
    tau = np.eye(assets)
    for block in blocks:
        for a, b in combinations(range(len(block.columns)), 2):
            i, j = block.columns[a], block.columns[b]
            found = kendalltau(block.uniform[:, a], block.uniform[:, b]).statistic
            tau[i, j] = tau[j, i] = found
    return tau


def kendall_correlation(tau: Array) -> Array:
    """Return sin(pi tau / 2), which holds for every elliptical law, made positive definite."""
    return nearest_correlation(np.sin(np.pi * tau / 2))


def nearest_correlation(matrix: Array) -> Array:
    """Clip small eigenvalues; numbers found pair by pair need not form a correlation matrix."""
    values, vectors = np.linalg.eigh(matrix)
    fixed = vectors @ np.diag(np.clip(values, SMALLEST_EIGENVALUE, None)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    found = fixed / np.outer(scale, scale)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def fit_degrees(block: Ranks, correlation: Array) -> tuple[float, float, float]:
    """Fit the degrees of freedom of a t copula by pseudo-likelihood.

    Returns
    -------
    best, low, high:
        The optimum and its 95 % likelihood interval with the correlation held, all within
        2 and 100; a t copula of 100 is Gaussian to the precision of any series here.
    """

    def gain(log_nu: float) -> float:
        return _student_likelihood(block, correlation, float(np.exp(log_nu)))

    ends = float(np.log(FEWEST_DEGREES)), float(np.log(MOST_DEGREES))
    found = minimize_scalar(lambda x: -gain(x), bounds=ends, method="bounded")
    best = float(found.x)
    floor = -float(found.fun) - float(chi2.ppf(0.95, 1)) / 2
    sides = [
        end if gain(end) >= floor else float(brentq(lambda x: gain(x) - floor, best, end))
        for end in ends
    ]
    return float(np.exp(best)), float(np.exp(sides[0])), float(np.exp(sides[1]))


def fit_skew(blocks: list[Ranks], tau: Array) -> tuple[float, float]:
    """Fit degrees of freedom and skewness by pseudo-likelihood, Kendall's tau held.

    Several blocks, one for each pair, make it a composite likelihood.
    """

    def loss(parameters: Array) -> float:
        nu, skew = float(np.exp(parameters[0])), float(parameters[1])
        correlation = nearest_correlation(correlation_of_tau(tau, nu, skew))
        return -_skewed_likelihood(blocks, correlation, nu, skew)

    found = minimize(
        loss, SIMPLEX[0], method="Nelder-Mead",
        bounds=((np.log(FEWEST_DEGREES), np.log(MOST_DEGREES)), (-LARGEST_SKEW, LARGEST_SKEW)),
        options={"xatol": 0.02, "fatol": 1.0, "maxfev": 80, "initial_simplex": SIMPLEX},
    )  # fmt: skip
    return float(np.exp(found.x[0])), float(found.x[1])


def tail_correlation(
    blocks: list[Ranks], tau: Array, nu: float, skew: float, level: float
) -> Array:
    """Return the correlations that give each pair its observed share of joint lows.

    The one of Kendall's tau stands for 5 joint hours beside those seen, so that a pair with few or
    none keeps a number that means something (a gamma prior on the count).
    """
    end = lowest(level, nu, skew)
    found, by_tau = np.eye(len(tau)), correlation_of_tau(tau, nu, skew)

    def share(rho: float) -> float:
        return all_lowest(end, np.array([[1.0, rho], [rho, 1.0]]))

    ends = -0.99, 1 - SMALLEST_EIGENVALUE
    for block in blocks:
        for a, b in combinations(range(len(block.columns)), 2):
            i, j = block.columns[a], block.columns[b]
            both = int((block.uniform[:, [a, b]] < level).all(axis=1).sum())
            guess = float(np.clip(by_tau[i, j], *ends))
            prior, n = share(guess), len(block.uniform)
            wanted = (both + PRIOR_JOINT) * prior / (n * prior + PRIOR_JOINT)
            if wanted < RAREST_SHARE:
                found[i, j] = found[j, i] = guess
                continue
            wanted = float(np.clip(wanted, share(ends[0]), share(ends[1])))
            found[i, j] = found[j, i] = brentq(
                lambda rho, wanted=wanted: share(rho) - wanted, *ends, xtol=1e-6
            )
    return nearest_correlation(found)


def _student_likelihood(block: Ranks, correlation: Array, nu: float) -> float:
    quantile = np.asarray(student.ppf(block.distinct, nu))
    x, d = quantile[block.place], len(block.columns)
    inverse, (_, log_det) = np.linalg.inv(correlation), np.linalg.slogdet(correlation)
    squares = ((x @ inverse) * x).sum(axis=1)
    constant = gammaln((nu + d) / 2) + (d - 1) * gammaln(nu / 2) - d * gammaln((nu + 1) / 2)
    joint = -(nu + d) / 2 * np.log1p(squares / nu)
    margins = (nu + 1) / 2 * np.log1p(quantile**2 / nu)[block.place]
    return float(len(x) * (constant - log_det / 2) + joint.sum() + margins.sum())


def _skewed_likelihood(blocks: list[Ranks], correlation: Array, nu: float, skew: float) -> float:
    table = margin(nu, skew)
    single = log_density(table.x[:, None], np.eye(1), nu, skew)
    total = 0.0
    for block in blocks:
        x = table.quantile(block.distinct)
        own = correlation[np.ix_(block.columns, block.columns)]
        total += float(log_density(x[block.place], own, nu, skew).sum())
        total -= float(np.interp(x, table.x, single)[block.place].sum())
    return total
