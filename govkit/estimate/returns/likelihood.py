"""The likelihood of GJR-GARCH(1,1) with standardised t errors, with its gradient, in one pass.

`arch` evaluates the same likelihood in several passes and without a gradient; 200 refits of ten
assets need both. A test holds this kernel to `arch`'s own likelihood, and every fit of a history
is checked against it (`volatility.checked`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from govkit.simulate.compiled import compiled

Array = NDArray[np.float64]

BLOCK = 8
"""Factors multiplied before one logarithm is taken; 8 stay far from overflow."""


def log_likelihood(
    returns: Array, weights: Array, nu: float, backcast: float
) -> tuple[float, Array]:
    """Return the log-likelihood and its gradient.

    Parameters
    ----------
    returns:
        Shape (n,), no NaN, zero mean.
    weights:
        omega, alpha, gamma, beta in squared units of `returns`.
    nu:
        Degrees of freedom, above 2; the errors are scaled to unit variance.
    backcast:
        Variance before the first observation, as in `arch`.

    Returns
    -------
    float, Array
        The gradient has shape (5,): by omega, alpha, gamma, beta, nu. Where the variance is not
        positive the likelihood is minus infinity and the gradient zero.

    Notes
    -----
    Bollerslev (1987) for the t errors, Glosten, Jagannathan and Runkle (1993) for the asymmetry.
    """
    value, slope, of_nu = _pass(returns, weights, nu, backcast)
    if not np.isfinite(value):
        return -np.inf, np.zeros(5)
    n = len(returns)
    value += n * (gammaln((nu + 1) / 2) - gammaln(nu / 2) - np.log(np.pi * (nu - 2)) / 2)
    by_nu = n * (digamma((nu + 1) / 2) / 2 - digamma(nu / 2) / 2 - 1 / (2 * (nu - 2)))
    return float(value), np.append(slope, by_nu + of_nu)


@compiled()
def conditional_variance(  # type: ignore[no-untyped-def]
    returns, weights, backcast
):
    """Return the conditional variances of `returns`, shape (n,), one step ahead each."""
    omega, alpha, gamma, beta = weights
    sigma2 = np.empty(len(returns))
    before = omega + (alpha + gamma / 2 + beta) * backcast
    for t in range(len(returns)):
        sigma2[t] = before
        square = returns[t] * returns[t]
        news = (alpha + gamma) * square if returns[t] < 0 else alpha * square
        before = omega + news + beta * before
    return sigma2


@compiled()
def _pass(returns, weights, nu, backcast):  # type: ignore[no-untyped-def]
    """One pass over the data: the parts of the likelihood that depend on it, and their slopes."""
    omega, alpha, gamma, beta = weights
    free, half = nu - 2.0, (nu + 1.0) / 2.0
    sigma2 = omega + (alpha + gamma / 2 + beta) * backcast
    d_omega, d_alpha, d_gamma, d_beta = 1.0, backcast, backcast / 2, backcast
    s_omega, s_alpha, s_gamma, s_beta, s_nu = 0.0, 0.0, 0.0, 0.0, 0.0
    log_variance, log_tail = 0.0, 0.0
    variances, tails = 1.0, 1.0
    for t in range(len(returns)):
        if not sigma2 > 0.0:
            return -np.inf, np.zeros(4), 0.0
        r = returns[t]
        square = r * r
        q = square / (sigma2 * free)
        variances *= sigma2
        tails *= 1.0 + q
        if t % BLOCK == BLOCK - 1:
            log_variance += np.log(variances)
            log_tail += np.log(tails)
            variances, tails = 1.0, 1.0
        pull = q / (1.0 + q)
        by_variance = (half * pull - 0.5) / sigma2
        s_omega += by_variance * d_omega
        s_alpha += by_variance * d_alpha
        s_gamma += by_variance * d_gamma
        s_beta += by_variance * d_beta
        s_nu += half * pull / free
        bad = square if r < 0 else 0.0
        d_omega = 1.0 + beta * d_omega
        d_alpha = square + beta * d_alpha
        d_gamma = bad + beta * d_gamma
        d_beta = sigma2 + beta * d_beta
        sigma2 = omega + alpha * square + gamma * bad + beta * sigma2
    log_variance += np.log(variances)
    log_tail += np.log(tails)
    value = -log_variance / 2 - half * log_tail
    return value, np.array([s_omega, s_alpha, s_gamma, s_beta]), s_nu - log_tail / 2
