"""Dependence of hourly residuals: a t copula, held against a Gaussian one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import gammaln
from scipy.stats import kendalltau, multivariate_normal, norm, rankdata
from scipy.stats import t as student

from govkit.estimate.returns import Array
from govkit.records.model import Dependence

FEWEST_COMMON_HOURS = 5000
DEGREES = np.array([2.5, 3, 3.5, 4, 5, 6, 8, 10, 15, 20, 30])
JOINT_LEVEL = 0.01


def fit_copula(residuals: dict[str, pd.Series]) -> Dependence | None:
    """Fit a t copula to residuals at common hours.

    Correlations come from Kendall's tau, rho = sin(pi tau / 2); the degrees of freedom maximise
    the pseudo-likelihood over a grid. None with fewer than two assets or 5,000 common hours.
    """
    names = tuple(sorted(residuals))
    if len(names) < 2:
        return None
    common = pd.concat([residuals[n] for n in names], axis=1, join="inner").dropna().to_numpy()
    if len(common) < FEWEST_COMMON_HOURS:
        return None
    tau = np.eye(len(names))
    for i, j in combinations(range(len(names)), 2):
        tau[i, j] = tau[j, i] = kendalltau(common[:, i], common[:, j]).statistic
    rho = _nearest_correlation(np.sin(np.pi * tau / 2))
    uniform = rankdata(common, axis=0) / (len(common) + 1)
    scores = [_log_likelihood(uniform, rho, nu) for nu in DEGREES]
    return Dependence(
        assets=names,
        kendall_tau=tuple(tuple(float(v) for v in row) for row in tau),
        degrees_of_freedom=float(DEGREES[int(np.argmax(scores))]),
        common_hours=len(common),
        joint_fall_ratio_gaussian=_gaussian_share(uniform, rho),
    )


def _log_likelihood(uniform: Array, rho: Array, nu: float) -> float:
    x = student.ppf(uniform, nu)
    d = x.shape[1]
    inverse, (_, log_det) = np.linalg.inv(rho), np.linalg.slogdet(rho)
    squares = np.einsum("ij,jk,ik->i", x, inverse, x)
    constant = gammaln((nu + d) / 2) + (d - 1) * gammaln(nu / 2) - d * gammaln((nu + 1) / 2)
    joint = -(nu + d) / 2 * np.log1p(squares / nu)
    margins = (nu + 1) / 2 * np.log1p(x**2 / nu).sum(axis=1)
    return float(len(x) * (constant - log_det / 2) + joint.sum() + margins.sum())


def _gaussian_share(uniform: Array, rho: Array) -> float:
    """Mean over pairs of the Gaussian copula's joint-fall chance over the observed one."""
    cut = norm.ppf(JOINT_LEVEL)
    shares = []
    for i, j in combinations(range(uniform.shape[1]), 2):
        seen = float(((uniform[:, i] < JOINT_LEVEL) & (uniform[:, j] < JOINT_LEVEL)).mean())
        if seen > 0:
            pair = [[1.0, rho[i, j]], [rho[i, j], 1.0]]
            shares.append(float(multivariate_normal([0.0, 0.0], pair).cdf([cut, cut])) / seen)
    return float(np.mean(shares)) if shares else 0.0


def _nearest_correlation(matrix: Array) -> Array:
    """Clip negative eigenvalues; pairwise taus need not form a correlation matrix."""
    values, vectors = np.linalg.eigh(matrix)
    fixed = vectors @ np.diag(np.clip(values, 1e-6, None)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    return np.asarray(fixed / np.outer(scale, scale))
