"""The variance recursion and its fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arch import arch_model
from numpy.typing import NDArray

from govkit.estimate.returns.volatility import (
    LARGEST_PERSISTENCE,
    STARTS,
    Variance,
    annual,
    checked,
    effective_observations,
    ewma,
    filter_variance,
    fit_variance,
    half_life,
)
from tests.estimate.real import real_hours

TRUE = Variance("gjr", 1.5e-6, 0.05, 0.06, 0.895, 5.0)  # persistence 0.975


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
    assert fit.agreeing_starts == fit.starts == len(STARTS)
    assert fit.worst_start_gap < 0.1
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
    integrated = Variance("garch", 1e-8, 0.06, 0.0, 0.94, 4.0)
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


def test_the_filter_of_ewma_starts_from_the_first_square() -> None:
    """Oracle B4: returns of 2, -3, 1, -5, 4 % seeded with the first squared, decay 0.94."""
    returns = np.array([0.02, -0.03, 0.01, -0.05, 0.04])
    assert filter_variance(returns, ewma())[-1] == pytest.approx(0.00059945272, abs=1e-12)


def test_the_best_of_several_starts_is_kept_and_the_worst_is_told(shared_data: Path) -> None:
    """On hourly BTC a single start can end 914 log-likelihood units short with a success flag."""
    returns = real_hours(shared_data, "BTC").log_returns
    fit = fit_variance(returns)
    alone = [fit_variance(returns, (start,)).log_likelihood for start in STARTS]
    assert fit.log_likelihood == max(alone)
    assert fit.worst_start_gap == pytest.approx(max(alone) - min(alone))
    assert fit.worst_start_gap > 500
    assert fit.agreeing_starts == 3
    assert checked(returns, fit) is fit


def test_an_optimum_that_arch_does_not_confirm_is_not_used(benign: NDArray[np.float64]) -> None:
    fit = fit_variance(benign)
    assert checked(benign, fit) is fit
    wrong = replace(fit, log_likelihood=fit.log_likelihood + 50)
    assert checked(benign, wrong).method == "ewma"
    assert "arch gives" in checked(benign, wrong).fallback


@pytest.mark.parametrize(
    ("returns", "why"),
    [
        (np.zeros(2000), "does not move"),
        (np.full(499, 0.01), "499 observations"),
        (np.array([]), "does not move"),
    ],
)
def test_where_nothing_can_be_fitted_it_is_ewma_with_the_reason(
    returns: NDArray[np.float64], why: str
) -> None:
    fit = fit_variance(returns)
    assert fit.method == "ewma"
    assert why in fit.fallback
    assert (fit.alpha, fit.beta, fit.nu) == (pytest.approx(0.06), 0.94, None)
    assert checked(returns, fit) is fit


def test_weights_of_the_past_by_closed_form() -> None:
    """Oracle B3: RiskMetrics' effective days, and the half-life of 0.94."""
    for decay, tolerance, days in (
        (0.94, 0.01, 74), (0.94, 0.001, 112), (0.97, 0.01, 151), (0.99, 0.01, 458),
    ):  # fmt: skip
        assert round(effective_observations(decay, tolerance)) == days
    assert half_life(0.94) == pytest.approx(11.2023, abs=1e-3)


def test_a_year_has_365_days() -> None:
    """Oracle B5: counting 252 of them understates volatility by sqrt(365 / 252)."""
    assert annual(1e-4) == pytest.approx(0.01 * np.sqrt(8760))
    assert annual(1e-4) / (0.01 * np.sqrt(252 * 24)) == pytest.approx(1.2035002, abs=1e-6)


def test_the_filter_never_looks_ahead(benign: NDArray[np.float64]) -> None:
    changed = benign[:400].copy()
    changed[300:] *= 50
    one, two = filter_variance(benign[:400], TRUE), filter_variance(changed, TRUE)
    np.testing.assert_array_equal(one[:301], two[:301])
    assert two[301] > one[301]
