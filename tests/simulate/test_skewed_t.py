"""The skewed t law against scipy's generalised hyperbolic, normal and t laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import genhyperbolic, multivariate_normal, multivariate_t, norm
from scipy.stats import t as student

from govkit.simulate.skewed_t import all_lowest, log_density, lowest, margin

THREE = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.6], [0.5, 0.6, 1.0]])
ONE = np.eye(1)
POINTS = np.array([-30.0, -8.0, -2.5, -1.0, 0.0, 0.7, 3.0, 9.0])


def limit_law(nu: float, skew: float):  # type: ignore[no-untyped-def]
    """The generalised hyperbolic law whose limit it is: p = -nu / 2, a towards |b|."""
    b = skew * np.sqrt(nu)
    return genhyperbolic(-nu / 2, abs(b) * (1 + 1e-9), b, scale=np.sqrt(nu))


@pytest.mark.parametrize(("nu", "skew"), [(5.7, -0.3), (3.0, -1.2), (20.0, 0.4)])
def test_margin_is_the_limit_of_scipys_generalised_hyperbolic_law(nu: float, skew: float) -> None:
    law, table = limit_law(nu, skew), margin(nu, skew)
    np.testing.assert_allclose(table.cdf(POINTS), law.cdf(POINTS), rtol=1e-3, atol=3e-6)
    np.testing.assert_allclose(
        np.exp(log_density(POINTS[:, None], ONE, nu, skew)), law.pdf(POINTS), rtol=1e-6
    )


def test_quantile_inverts_the_distribution_function_far_into_the_tail() -> None:
    table = margin(4.0, -0.4)
    u = np.array([1e-9, 1e-6, 0.003, 0.2, 0.5, 0.99, 0.99999])
    np.testing.assert_allclose(table.cdf(table.quantile(u)), u, rtol=1e-9)


def test_without_skew_it_is_the_t_law() -> None:
    table = margin(4.0, 0.0)
    np.testing.assert_allclose(table.cdf(POINTS), student.cdf(POINTS, 4.0), rtol=1e-3, atol=3e-6)
    x = np.column_stack([POINTS, POINTS[::-1] / 2, POINTS / 3])
    ours = log_density(x, THREE, 4.0, 0.0)
    expected = multivariate_t.logpdf(x, shape=THREE, df=4.0)
    np.testing.assert_allclose(ours, expected, atol=1e-9)
    # The Bessel form and its limit meet.
    np.testing.assert_allclose(log_density(x, THREE, 4.0, 1e-4), expected, atol=5e-3)


def test_joint_density_is_the_mixture_of_normal_ones() -> None:
    nu, skew, x = 6.0, -0.5, np.array([-2.0, 0.4, -1.0])

    def at(w: float) -> float:
        # nu / W is chi-square with nu degrees of freedom.
        density_w = (nu / 2) ** (nu / 2) / 2.0 * w ** (-nu / 2 - 1) * np.exp(-nu / 2 / w)
        return float(multivariate_normal.pdf(x, mean=np.full(3, skew * w), cov=w * THREE)) * float(
            density_w
        )  # Gamma(3) = 2

    expected = quad(at, 0, np.inf, epsabs=1e-12)[0]
    assert np.exp(log_density(x[None], THREE, nu, skew))[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("level", [0.005, 0.01, 0.2])
def test_chance_that_all_are_lowest_is_scipys(size: int, level: float) -> None:
    rho = THREE[:size, :size]
    cut = np.full(size, norm.ppf(level))
    normal = multivariate_normal(cov=rho, maxpts=2_000_000, abseps=1e-9, releps=1e-7, seed=1)
    assert all_lowest(lowest(level), rho) == pytest.approx(normal.cdf(cut), rel=1e-3)
    for nu in (2.5, 8.0):
        cut = np.full(size, student.ppf(level, nu))
        expected = multivariate_t(shape=rho, df=nu).cdf(cut, random_state=1, maxpts=400_000)
        assert all_lowest(lowest(level, nu), rho) == pytest.approx(expected, rel=2e-3)


def test_chance_that_all_are_lowest_under_skew_is_that_of_draws() -> None:
    random, nu, skew, level, n = np.random.default_rng(8), 5.0, -0.4, 0.01, 1_000_000
    w = nu / random.chisquare(nu, (n, 1))
    x = skew * w + np.sqrt(w) * random.multivariate_normal(np.zeros(3), THREE, n)
    low = x < np.quantile(x, level, axis=0)
    for group in ([0, 1], [1, 2], [0, 1, 2]):
        seen = low[:, group].all(axis=1).mean()
        chance = all_lowest(lowest(level, nu, skew), THREE[np.ix_(group, group)])
        assert chance == pytest.approx(seen, abs=4 * np.sqrt(seen / n))


def test_skew_ties_falls_more_closely_than_rises() -> None:
    pair = THREE[:2, :2]
    falls, even, rises = (all_lowest(lowest(0.01, 5.0, s), pair) for s in (-0.4, 0.0, 0.4))
    assert falls > 1.15 * even > 1.15**2 * rises
