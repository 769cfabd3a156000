"""Residual quantiles and their generalised Pareto tails."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import genpareto
from scipy.stats import t as student

from govkit.estimate.returns.pareto import fit_pareto
from govkit.estimate.returns.tail import body_quantiles, fit_tail, tail_of, two_tails
from govkit.records.provenance import NotDone
from govkit.records.returns import GpdTail


def with_exact_tail(n: int, share: float, shape: float, scale: float) -> np.ndarray:
    """Losses whose worst `share` are the exact GPD quantiles beyond 2.0, the rest below it."""
    k = round(n * share)
    tail = 2.0 + genpareto.ppf((np.arange(k) + 0.5) / k, shape, scale=scale)
    return np.concatenate([np.linspace(-2.0, 2.0, n - k), tail])


def fitted(losses: np.ndarray) -> GpdTail:
    tail = fit_tail(losses)
    assert isinstance(tail, GpdTail), tail
    return tail


def refused(losses: np.ndarray) -> str:
    tail = fit_tail(losses)
    assert isinstance(tail, NotDone), tail
    assert tail_of(losses) == tail
    return tail.reason


@pytest.mark.parametrize(("shape", "scale"), [(0.1, 0.5), (0.3, 1.2), (0.5, 0.8), (-0.2, 1.0)])
def test_an_exact_pareto_sample_is_recovered(shape: float, scale: float) -> None:
    tail = fitted(with_exact_tail(400_000, 0.005, shape, scale))
    assert tail.threshold == pytest.approx(2.0, abs=0.01)
    assert tail.shape == pytest.approx(shape, abs=0.02)
    assert tail.scale == pytest.approx(scale, rel=0.02)
    assert tail.excesses == 2000
    assert tail.probability == 0.005


def test_the_fit_is_the_best_likelihood_scipy_can_find() -> None:
    losses = student.rvs(4, size=60_000, random_state=2)
    tail = fitted(losses)
    excess = losses[losses > tail.threshold] - tail.threshold
    assert len(excess) == tail.excesses == 300
    ours = genpareto.logpdf(excess, tail.shape, scale=tail.scale).sum()
    for start in (0.0, 0.1, 0.5):
        c, _, s = genpareto.fit(excess, start, floc=0)
        assert ours >= genpareto.logpdf(excess, c, scale=s).sum() - 1e-3


def test_quantile_and_shortfall_beyond_the_threshold_follow_the_closed_form() -> None:
    """VaR_p = u + b / xi ((n / N (1 - p))^-xi - 1), ES_p = (VaR_p + b - xi u) / (1 - xi).

    Held against the t distribution with 4 degrees, whose quantile and shortfall are known.
    """
    losses = student.ppf((np.arange(400_000) + 0.5) / 400_000, 4)
    tail = fitted(losses)
    u, xi, b = tail.threshold, tail.shape, tail.scale
    assert u == pytest.approx(student.ppf(0.995, 4), rel=1e-3)
    for p in (0.999, 0.9999):
        value = u + b / xi * ((1 - p) / tail.probability) ** -xi - b / xi
        exact = student.ppf(p, 4)
        shortfall = student.pdf(exact, 4) / (1 - p) * (4 + exact**2) / 3
        assert value == pytest.approx(exact, rel=0.01)
        assert (value + b - xi * u) / (1 - xi) == pytest.approx(shortfall, rel=0.03)


@pytest.mark.parametrize("n", [600, 2000, 8000])
def test_moving_the_threshold_of_a_small_sample_keeps_the_quantiles(n: int) -> None:
    """Below 10,000 the fit begins where 50 are left; the record must tell the same far tail."""
    losses = student.rvs(4, size=n, random_state=n)
    probability = 50 / n
    start = float(np.sort(losses)[-51])
    direct_fit = fit_pareto(losses[losses > start] - start, prior=True)
    assert direct_fit is not None
    shape, scale = direct_fit.shape, direct_fit.scale
    tail = fitted(losses)
    assert (tail.probability, tail.excesses, tail.shape_prior) == (0.005, 50, True)
    assert tail.shape == pytest.approx(shape, abs=1e-9)
    for p in (0.004, 0.001, 1e-5):
        direct = start + genpareto.isf(p / probability, shape, scale=scale)
        moved = tail.threshold + genpareto.isf(p / 0.005, tail.shape, scale=tail.scale)
        assert moved == pytest.approx(direct, rel=1e-9)


def test_nothing_is_fitted_below_500_observations() -> None:
    losses = student.rvs(4, size=500, random_state=9)
    assert refused(losses[:499]) == "499 observations, 500 are needed for a tail"
    assert fitted(losses).excesses == 50


def test_a_tail_with_infinite_mean_is_refused() -> None:
    """Pareto with alpha 1 has shape 1: 0.9 lies more than two standard errors below."""
    losses = 1 / np.random.default_rng(4).random(600_000)
    assert "expected shortfall is infinite" in refused(losses)
    heavy = losses**0.5  # alpha 2, shape 0.5
    tail = fitted(heavy)
    assert tail.shape == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("value", [1.0, 0.0, -1.0])
def test_a_constant_has_no_tail(value: float) -> None:
    assert "hardly moves" in refused(np.full(1000, value))
    assert isinstance(two_tails(np.full(1000, value)), NotDone)


def test_a_series_that_moves_now_and_then_has_no_tail() -> None:
    """A price read from a contract once a day: 4 % of the hours move, a fifth of them down."""
    losses = np.zeros(5000)
    losses[::25] = -1e-4
    losses[::2000] = 0.01
    assert "hardly moves" in refused(losses)


def test_excesses_that_are_all_equal_have_no_tail() -> None:
    losses = np.concatenate([np.linspace(0, 1, 1000), np.full(60, 2.0)])
    assert isinstance(fit_tail(losses), NotDone)


def test_the_interval_and_the_test_of_fit_come_with_the_tail() -> None:
    tail = fitted(student.rvs(4, size=60_000, random_state=2))
    assert tail.shape_low < 0.25 < tail.shape_high  # 1 / 4, the shape of a t tail
    assert tail.goodness > 0.05
    # Independent observations do not cluster: 0.98, standard error 0.03, over 300 samples.
    assert tail.extremal_index > 0.75
    assert not tail.shape_prior


def test_the_lower_tail_is_that_of_the_losses() -> None:
    far = genpareto.ppf((np.arange(1000) + 0.5) / 1000, 0.3)
    body = np.linspace(-2.0, 2.0, 198_000)
    tails = two_tails(np.concatenate([-2.0 - far, body, 2.0 + 0.1 * far]))
    assert not isinstance(tails, NotDone)
    lower, upper = tails
    assert lower.scale == pytest.approx(1.0, rel=0.05)
    assert upper.scale == pytest.approx(0.1, rel=0.05)
    assert lower.threshold == pytest.approx(upper.threshold, abs=0.01)


def test_body_quantiles_are_those_of_a_known_distribution() -> None:
    sample = student.ppf((np.arange(200_000) + 0.5) / 200_000, 5)
    body = body_quantiles(sample)
    assert len(body) == 257
    expected = student.ppf(np.linspace(0.005, 0.995, 257), 5)
    np.testing.assert_allclose(body, expected, atol=1e-3)
