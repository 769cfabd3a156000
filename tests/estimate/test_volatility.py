"""The variance recursion and its fit."""

from __future__ import annotations

import numpy as np
import pytest
from arch import arch_model
from numpy.typing import NDArray

from govkit.estimate.volatility import (
    LARGEST_PERSISTENCE,
    Variance,
    filter_variance,
    fit_variance,
)

TRUE = Variance("gjr", 1.5e-6, 0.05, 0.06, 0.895, 5.0, 0.0, 0, 0)  # persistence 0.975


def simulate(law: Variance, n: int, seed: int) -> NDArray[np.float64]:
    """A GJR-GARCH process with standardised t errors, after 1,000 hours that are dropped."""
    random = np.random.default_rng(seed)
    nu = law.nu or 30.0
    z = random.standard_t(nu, n + 1000) * np.sqrt((nu - 2) / nu)
    variance = law.omega / (1 - min(law.persistence, 0.9999))
    returns = np.empty(len(z))
    for t, shock in enumerate(z):
        returns[t] = np.sqrt(variance) * shock
        news = (law.alpha + law.gamma * (returns[t] < 0)) * returns[t] ** 2
        variance = law.omega + news + law.beta * variance
    return returns[1000:]


@pytest.fixture(scope="module")
def benign() -> NDArray[np.float64]:
    return simulate(TRUE, 30_000, seed=11)


def test_the_parameters_of_a_simulated_process_are_recovered(benign: NDArray[np.float64]) -> None:
    """Tolerances are about three standard errors at 30,000 hours."""
    fit = fit_variance(benign)
    assert fit.method == "gjr"
    assert fit.alpha == pytest.approx(TRUE.alpha, abs=0.015)
    assert fit.gamma == pytest.approx(TRUE.gamma, abs=0.02)
    assert fit.beta == pytest.approx(TRUE.beta, abs=0.02)
    assert fit.persistence == pytest.approx(TRUE.persistence, abs=0.01)
    assert fit.nu == pytest.approx(5.0, abs=0.5)
    assert fit.agreeing_starts == fit.starts == 3
    long_run = fit.omega / (1 - fit.persistence)
    assert long_run == pytest.approx(float(np.mean(benign**2)), rel=1e-9)  # variance targeting


def test_the_likelihood_agrees_with_arch(benign: NDArray[np.float64]) -> None:
    """The same model with one parameter fixed by targeting: at most a little below arch's own."""
    scaled = benign[:8000] * 100
    theirs = arch_model(scaled, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t").fit(
        disp="off", backcast=float(np.mean(scaled[:75] ** 2))
    )
    ours = fit_variance(benign[:8000])
    assert ours.log_likelihood <= theirs.loglikelihood + 1e-3
    # Twice the loss is about chi-squared with one degree: 3.3 would be exceeded once in 100.
    assert ours.log_likelihood >= theirs.loglikelihood - 3.3


def test_persistence_stays_below_the_guard_on_an_integrated_series() -> None:
    integrated = Variance("garch", 1e-8, 0.06, 0.0, 0.94, 4.0, 0.0, 0, 0)
    fit = fit_variance(simulate(integrated, 12_000, seed=3))
    assert fit.persistence <= LARGEST_PERSISTENCE + 1e-12
    assert fit.persistence > 0.99
    assert fit.omega > 0


def test_ten_times_the_returns_give_a_hundred_times_omega(benign: NDArray[np.float64]) -> None:
    small, large = fit_variance(benign[:6000] / 10), fit_variance(benign[:6000])
    assert large.omega == pytest.approx(100 * small.omega, rel=0.01)
    assert large.alpha == pytest.approx(small.alpha, abs=5e-4)
    assert large.gamma == pytest.approx(small.gamma, abs=5e-4)
    assert large.beta == pytest.approx(small.beta, abs=5e-4)


def test_the_filter_is_the_recursion(benign: NDArray[np.float64]) -> None:
    returns = benign[:500]
    variance = float(np.mean(returns[:75] ** 2))
    expected = []
    previous, negative = variance, 0.5 * variance  # before the first hour, half counts as falls
    square = variance
    for r in [*returns, 0.0]:
        previous = TRUE.omega + TRUE.alpha * square + TRUE.gamma * negative + TRUE.beta * previous
        expected.append(previous)
        square, negative = r * r, r * r * (r < 0)
    got = filter_variance(returns, TRUE)
    assert got.shape == (501,)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_riskmetrics_weights_give_the_reference_ewma_variance() -> None:
    """Oracle B4: returns of 2, -3, 1, -5, 4 % seeded with the first squared, decay 0.94.

    The seed is made by a long run of 2 %, which keeps the variance at 0.02 squared.
    """
    ewma = Variance("ewma", 0.0, 0.06, 0.0, 0.94, None, 0.0, 0, 0)
    returns = np.array([0.02] * 80 + [-0.03, 0.01, -0.05, 0.04])
    assert filter_variance(returns, ewma)[-1] == pytest.approx(0.00059945272, abs=1e-11)


def test_the_filter_never_looks_ahead(benign: NDArray[np.float64]) -> None:
    changed = benign[:400].copy()
    changed[300:] *= 50
    one, two = filter_variance(benign[:400], TRUE), filter_variance(changed, TRUE)
    np.testing.assert_array_equal(one[:301], two[:301])
    assert two[301] > one[301]
