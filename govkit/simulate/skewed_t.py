"""The skewed t law that ties hourly residuals: X = skew W + sqrt(W) Z.

Z is normal with a correlation matrix; W, one number for all assets of an hour, is inverse gamma
with shape and scale nu / 2, so that nu / W is chi-square (Demarta and McNeil, "The t copula and
related copulas", 2005, section 4). Without skew it is the t law. With a negative one an hour of
large W pulls all assets down together, while rises stay looser: what hours of crypto prices do.
All assets share one skewness, so they share one margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, kve, ndtr, ndtri, owens_t
from scipy.stats import chi2, norm
from scipy.stats import t as student_t

Array = NDArray[np.float64]

TABLE = 1201
NODES = 241
COARSE = 2
"""Every second node serves for three assets: joint chances move by less than 1e-6."""
PAIR_STEP, ANGLES = 6, 41
RAREST = 1e-12
SMALL_ARGUMENT = 1e-3
"""Below this times the order the Bessel function is taken at its limit, 1e-5 off at most."""

_LEGENDRE = np.polynomial.legendre.leggauss(48)


def correlation_of_tau(tau: Array, nu: float, skew: float) -> Array:
    """Return the correlations of Z that give Kendall's `tau`, any shape.

    Two hours' difference is normal around skew (W - W') with variance W + W', so that
    tau = 1 - 8 E T(m, k) with Owen's T, m = skew (W - W') / sqrt(W + W') and
    k = sqrt((1 - rho) / (1 + rho)). Without skew that is rho = sin(pi tau / 2).
    """
    w, weights = (part[::PAIR_STEP] for part in mixing(nu))
    m = skew * np.subtract.outer(w, w) / np.sqrt(np.add.outer(w, w))
    pair = np.outer(weights, weights) / weights.sum() ** 2
    angle = np.linspace(-np.pi / 2, np.pi / 2, ANGLES)[1:-1]
    slope = np.sqrt((1 - np.sin(angle)) / (1 + np.sin(angle)))
    known = [-1.0, *(1 - 8 * float((pair * owens_t(m, k)).sum()) for k in slope), 1.0]
    return np.asarray(np.sin(np.interp(tau, known, [-np.pi / 2, *angle, np.pi / 2])))


@dataclass(frozen=True)
class LowEnd:
    """Where an asset's lowest share ends, as a value of Z for each W, and the weights of W.

    A chance under the law is the weighted mean of normal chances.
    """

    at: Array
    weights: Array


def mixing(nu: float) -> tuple[Array, Array]:
    """Return nodes of W and their weights, shape (241,): equal steps of log W.

    The log's density falls off so fast at both ends that equal steps are exact to rounding.
    """
    low, high = np.log(nu / chi2.isf(RAREST, nu)), np.log(nu / chi2.ppf(RAREST, nu))
    y = np.linspace(low, high, NODES)
    weights = np.exp(-nu / 2 * (y + np.expm1(-y)))
    return np.exp(y), np.asarray(weights / weights.sum())


@dataclass(frozen=True)
class Margin:
    """The law of one coordinate, tabulated."""

    nu: float
    skew: float
    x: Array
    below: Array

    def cdf(self, x: Array) -> Array:
        """Return the share below `x`, any shape; NaN stays NaN."""
        return np.interp(x, self.x, self.below)

    def quantile(self, u: Array) -> Array:
        """Return the inverse of `cdf`, any shape; shares under 1e-12 give the table's end."""
        return np.interp(u, self.below, self.x)


def margin(nu: float, skew: float) -> Margin:
    """Tabulate the distribution function at 1,201 points, crowded at the centre."""
    w, weights = mixing(nu)
    reach = 8 * np.sqrt(w[-1])
    ends = min(skew, 0.0) * w[-1] - reach, max(skew, 0.0) * w[-1] + reach
    x = np.sinh(np.linspace(np.arcsinh(ends[0]), np.arcsinh(ends[1]), TABLE))
    below = ndtr((x[:, None] - skew * w) / np.sqrt(w)) @ weights
    return Margin(nu, skew, x, np.maximum.accumulate(below))


def log_density(x: Array, correlation: Array, nu: float, skew: float) -> Array:
    """Return the log density of rows of `x`, shape (n, d) to (n,)."""
    d = x.shape[1]
    inverse, (_, log_det) = np.linalg.inv(correlation), np.linalg.slogdet(correlation)
    towards = inverse.sum(axis=1) * skew
    squares = ((x @ inverse) * x).sum(axis=1)
    order = (nu + d) / 2
    exact = np.sqrt((nu + squares) * skew * towards.sum())
    argument = np.maximum(exact, SMALL_ARGUMENT * order)
    constant = (1 - order) * np.log(2) - gammaln(nu / 2) - d / 2 * np.log(np.pi * nu) - log_det / 2
    bessel = np.log(kve(order, argument)) - argument + order * np.log(argument)
    bessel[exact < argument] = gammaln(order) + (order - 1) * np.log(2)
    return np.asarray(constant + bessel + x @ towards - order * np.log1p(squares / nu))


def lowest(level: float, nu: float = np.inf, skew: float = 0.0) -> LowEnd:
    """Return where a law's lowest `level` ends; infinite `nu` is the Gaussian law."""
    if np.isinf(nu):
        return LowEnd(np.array([norm.ppf(level)]), np.ones(1))
    w, weights = mixing(nu)
    if skew == 0:
        end = float(student_t.ppf(level, nu))
    else:
        end = float(margin(nu, skew).quantile(np.array([level]))[0])
    return LowEnd((end - skew * w) / np.sqrt(w), weights)


def all_lowest(end: LowEnd, correlation: Array) -> float:
    """Return the chance that two or three assets are all among their lowest.

    Parameters
    ----------
    end:
        From `lowest`.
    correlation:
        Of Z, shape (2, 2) or (3, 3), positive definite.
    """
    if len(correlation) == 2:
        rho = correlation[0, 1]
        slope = np.sqrt((1 - rho) / (1 + rho))
        below = ndtr(end.at) - 2 * owens_t(end.at, slope)
        return max(float(end.weights @ below), 0.0)
    step = COARSE if len(end.at) > COARSE else 1
    at, weights = end.at[::step], end.weights[::step]
    return float(weights @ _three_below(at, correlation) / weights.sum())


def _three_below(at: Array, correlation: Array) -> Array:
    """Integrate the chance that three are below `at` over the one least tied to the others."""
    off = np.abs(correlation - np.eye(3)).max(axis=1)
    first, second, third = np.argsort(off)
    r12, r13 = correlation[first, second], correlation[first, third]
    s12, s13 = np.sqrt(1 - r12**2), np.sqrt(1 - r13**2)
    rest = (correlation[second, third] - r12 * r13) / (s12 * s13)
    share = (_LEGENDRE[0] + 1) / 2
    below = ndtr(at)
    z = ndtri(np.maximum(below[:, None] * share, 1e-300))
    both = _two_below((at[:, None] - r12 * z) / s12, (at[:, None] - r13 * z) / s13, rest)
    return np.asarray(below * (both @ (_LEGENDRE[1] / 2)))


def _two_below(h: Array, k: Array, rho: float) -> Array:
    """Bivariate normal distribution function by Owen's T (Owen 1956, equation 3.1)."""
    h, k = np.where(h == 0, 1e-12, h), np.where(k == 0, 1e-12, k)
    root = np.sqrt(1 - rho**2)
    out = (ndtr(h) + ndtr(k)) / 2 - np.where(h * k > 0, 0.0, 0.5)
    out -= owens_t(h, (k / h - rho) / root) + owens_t(k, (h / k - rho) / root)
    return np.clip(out, 0.0, 1.0)
