"""Weighted chances, quantiles and shortfalls: exact with equal weights, unbiased with others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from govkit.calibrate.weighted import (
    exceedance,
    expected_shortfall,
    quantile_interval,
    upper_quantile,
)
from govkit.simulate.tilting import tilted_uniforms


def interval(count: int, n: int) -> tuple[float, float]:
    """The interval of a chance from a plain sample."""
    over = (np.arange(n) < count)[:, None]
    chance, low, high = exceedance(np.ones(n), over)
    assert chance[0] == count / n
    return float(low[0]), float(high[0])


def shortfall_of(sample: np.ndarray, level: float) -> tuple[float, float]:
    value, half = expected_shortfall(sample[:, None], np.ones(len(sample)), level)
    return float(value[0]), float(half[0])


@pytest.mark.parametrize(
    ("count", "n"), [(0, 50), (50, 50), (1, 20_000), (37, 400), (100, 20_000), (5, 10)]
)
def test_clopper_pearson_is_scipys_exact_interval(count: int, n: int) -> None:
    exact = binomtest(count, n).proportion_ci(0.95, method="exact")
    assert interval(count, n) == pytest.approx((exact.low, exact.high), rel=1e-9, abs=1e-12)


def test_clopper_pearson_at_zero_is_the_closed_form() -> None:
    # 1 - (alpha / 2)^(1 / n): zero losses in n runs is not a zero chance.
    low, high = interval(0, 1000)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 1000), rel=1e-9)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.975, 0.99])
def test_expected_shortfall_of_the_uniform_law(level: float) -> None:
    n = 20_000
    sample = np.random.default_rng(3).permutation((np.arange(n) + 0.5) / n)
    shortfall, half = shortfall_of(sample, level)
    assert shortfall == pytest.approx(1 - (1 - level) / 2, abs=1e-9)
    # Asymptotic variance of the tail mean: (1 - a) / 3 - (1 - a)^2 / 4.
    # The sample quantile sits one value off, 1 of n (1 - a).
    tail = 1 - level
    variance = tail / 3 - tail**2 / 4
    assert half == pytest.approx(1.96 * np.sqrt(variance / n), rel=2 / (n * tail))


def test_expected_shortfall_with_an_atom_at_zero() -> None:
    # 1 % of the paths lose everything: the worst 2.5 % lose 0.4 on average, not 1, which is the
    # mean of the positive losses.
    sample = np.zeros(10_000)
    sample[::100] = 1.0
    shortfall, half = shortfall_of(sample, 0.975)
    assert shortfall == pytest.approx(0.4, abs=1e-12)
    # The influence function is 40 B with P(B) = 1 %: standard deviation 40 sqrt(0.01 x 0.99).
    assert half == pytest.approx(1.96 * 40 * np.sqrt(0.01 * 0.99 / 10_000), rel=1e-9)
    assert shortfall_of(np.zeros(10_000), 0.975) == (0.0, 0.0)


def test_expected_shortfall_of_a_broken_tail() -> None:
    # A quarter of ten is two and a half values: the third counts half.
    sample = np.array([1.0, 9.0, 3.0, 0.0, 7.0, 2.0, 0.0, 5.0, 0.0, 0.0])
    shortfall, _ = shortfall_of(sample, 0.75)
    assert shortfall == pytest.approx((9 + 7 + 0.5 * 5) / 2.5, rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=40, max_size=200), st.sampled_from([0.9, 0.95, 0.975]))
def test_expected_shortfall_lies_between_mean_and_maximum(
    values: list[float], level: float
) -> None:
    sample = np.array(values)
    shortfall, half = shortfall_of(sample, level)
    assert sample.mean() - 1e-9 <= shortfall <= sample.max() + 1e-9
    assert half >= 0
    assert shortfall_of(sample[::-1], level)[0] == pytest.approx(shortfall, abs=1e-12)


def test_published_values_of_shortfall_and_exact_interval() -> None:
    """Oracles D4 (Acerbi and Tasche 2002: zeros count) and M1 (beta quantiles, 10 of 10,000)."""
    losses = np.concatenate([np.zeros(990), np.arange(1.0, 11.0)])[:, None]
    assert shortfall_of(losses[:, 0], 0.975)[0] == pytest.approx(2.2, abs=1e-12)
    low, high = interval(10, 10_000)
    assert low == pytest.approx(0.00047964, abs=1e-7)
    assert high == pytest.approx(0.001838264, abs=1e-8)


@pytest.mark.parametrize("probability", [0.05, 0.01])
def test_quantile_interval_covers(probability: float) -> None:
    # The order statistics bracket the true quantile when the number of draws below it, a
    # Binomial(n, 1 - p), lies between their ranks; ranks may differ by one from the binomial's.
    n, repeats = 800, 1000
    low, high = (int(binom.ppf(q, n, 1 - probability)) for q in (0.025, 0.975))
    exact = binom.cdf(high, n, 1 - probability) - binom.cdf(low - 1, n, 1 - probability)
    samples = np.random.default_rng(7).exponential(size=(repeats, n))
    truth = -np.log(probability)
    covered = 0
    for sample in samples:
        bottom, top = quantile_interval(sample, np.ones(n), probability)
        covered += bottom <= truth <= top
    assert covered / repeats == pytest.approx(exact, abs=0.03)


def test_quantile_interval_stays_inside_a_small_sample() -> None:
    falls = np.arange(20) / 20
    low, high = quantile_interval(falls, np.ones(20), 0.002)
    assert falls[0] <= low <= high == falls[-1]


def test_upper_quantile_of_an_even_sample() -> None:
    # Steps of one thousandth: the value that a share p exceeds is 1 - p.
    sample = np.random.default_rng(2).permutation((np.arange(1000) + 0.5) / 1000)
    for probability in (0.5, 0.1, 0.0105):
        assert upper_quantile(sample, np.ones(1000), probability) == pytest.approx(
            1 - probability, abs=1e-9
        )


def tilted(paths: int, hours: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    drawn = tilted_uniforms(np.random.default_rng(seed), paths, hours)
    return drawn.hours, drawn.weight


@pytest.mark.parametrize("rare", [1e-2, 1e-3, 1e-4, 1e-5])
def test_rare_chances_are_the_closed_form_within_their_interval(rare: float) -> None:
    # At least one of 24 independent numbers below p: 1 - (1 - p) ** 24.
    uniforms, weight = tilted(2**14, 24, seed=1)
    chance, low, high = exceedance(weight, uniforms.min(axis=1)[:, None] < rare)
    truth = -np.expm1(24 * np.log1p(-rare))
    assert low[0] <= truth <= high[0]
    # Plain sampling of as many paths would have a relative error of 1 / sqrt(n p).
    assert (high[0] - low[0]) / truth < 0.4
    assert chance[0] == pytest.approx(truth, rel=0.2)


def test_weighted_estimators_are_those_of_a_plain_sample_of_many_more_paths() -> None:
    uniforms, weight = tilted(2**14, 6, seed=2)
    plain = np.random.default_rng(3).random((2_000_000, 6))
    value, reference = (-np.log(u.min(axis=1)) for u in (uniforms, plain))
    even = np.ones(len(reference))
    for level in (0.975, 0.99, 0.999):
        ours, error = expected_shortfall(value[:, None], weight, level)
        theirs, noise = expected_shortfall(reference[:, None], even, level)
        assert ours[0] == pytest.approx(theirs[0], abs=1.5 * float(error[0] + noise[0]))
        assert error[0] < 0.02 * ours[0]
    for probability in (0.05, 0.005, 0.001, 0.0002):
        low, high = quantile_interval(value, weight, probability)
        theirs = upper_quantile(reference, even, probability)
        assert low <= upper_quantile(value, weight, probability) <= high
        assert low <= theirs <= high
        # Exceeded with p: -log x with 1 - (1 - x) ** 6 = p.
        assert theirs == pytest.approx(-np.log(-np.expm1(np.log1p(-probability) / 6)), rel=0.02)


@pytest.mark.parametrize("even", [True, False])
def test_expected_shortfall_takes_columns_one_by_one(even: bool) -> None:
    random = np.random.default_rng(5)
    samples = np.maximum(random.normal(-1, 1, (500, 4)), 0) * [0, 1, 2, 5]
    weight = np.ones(500) if even else random.uniform(0.1, 1.9, 500)
    found, error = expected_shortfall(samples, weight, 0.95)
    for k in range(4):
        one, half = expected_shortfall(samples[:, [k]], weight, 0.95)
        assert (found[k], error[k]) == pytest.approx((one[0], half[0]), rel=1e-12)
    assert found[0] == error[0] == 0
    # A loss twice as large has a shortfall twice as large, whatever the weights.
    double, _ = expected_shortfall(2 * samples, weight, 0.95)
    np.testing.assert_allclose(double, 2 * found, rtol=1e-12)


def test_a_path_of_weight_two_counts_as_two_paths() -> None:
    """And one of weight 0.5 as half: repeat every path by twice its weight."""
    random = np.random.default_rng(6)
    samples, times = random.exponential(size=300), random.integers(1, 5, 300)
    weight, repeated = times / times.mean(), np.repeat(samples, times)
    even = np.ones(len(repeated))
    over, chance = samples > 2, np.mean(repeated > 2)
    assert exceedance(weight, over[:, None])[0][0] == pytest.approx(chance, rel=1e-12)
    ours, _ = expected_shortfall(samples[:, None], weight, 0.9)
    theirs, _ = expected_shortfall(repeated[:, None], even, 0.9)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-12)
    for probability in (0.3, 0.1, 0.05):
        found = upper_quantile(samples, weight, probability)
        expected = upper_quantile(repeated, even, probability)
        assert found == pytest.approx(expected, abs=0.05)


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Independent uniform numbers, half of them crowded towards 0, with their exact weights."""
    random = np.random.default_rng(seed)
    plain, power = random.random(n), 0.3
    uniforms = np.where(random.random(n) < 0.5, plain ** (1 / power), plain)
    return uniforms, 1 / (0.5 + 0.5 * power * uniforms ** (power - 1))


@pytest.mark.parametrize(("chance", "n"), [(0.05, 400), (0.002, 800), (1e-4, 2000)])
def test_weighted_intervals_cover_as_often_as_they_claim(chance: float, n: int) -> None:
    # Measured over 2,000 repetitions: 95.1 to 96.2 %.
    repeats = 300
    of_chance = of_quantile = 0
    for seed in range(repeats):
        uniforms, weight = drawn(seed, n)
        _, low, high = exceedance(weight, (uniforms < chance)[:, None])
        of_chance += low[0] <= chance <= high[0]
        bottom, top = quantile_interval(-np.log(uniforms), weight, chance)
        of_quantile += bottom <= -np.log(chance) <= top
    assert of_chance / repeats == pytest.approx(0.955, abs=0.03)
    assert of_quantile / repeats == pytest.approx(0.955, abs=0.03)


def test_points_that_lie_evenly_are_covered_more_often_still() -> None:
    # The interval is that of independent paths; scrambled Sobol points stray less.
    truth, repeats = -np.expm1(6 * np.log1p(-1e-4)), 100
    covered = 0
    for seed in range(repeats):
        uniforms, weight = tilted(512, 6, seed)
        _, low, high = exceedance(weight, uniforms.min(axis=1)[:, None] < 1e-4)
        covered += low[0] <= truth <= high[0]
    assert covered / repeats >= 0.95


@pytest.mark.parametrize(("chance", "n"), [(0.3, 60), (0.05, 200), (0.01, 400)])
def test_the_exact_interval_of_a_plain_sample_covers_at_least_as_often(
    chance: float, n: int
) -> None:
    count = np.arange(n + 1)
    ends = np.array([interval(int(k), n) for k in count])
    inside = (ends[:, 0] <= chance) & (chance <= ends[:, 1])
    # No simulation: the binomial law itself.
    assert binom.pmf(count[inside], n, chance).sum() >= 0.95


@pytest.mark.parametrize(
    ("probability", "n", "ranks"),
    [(0.3, 60, 2), (0.05, 200, 2), (0.01, 400, 2), (0.01, 2000, 1), (0.002, 163_840, 1)],
)
def test_quantile_interval_ends_within_a_rank_or_two_of_the_binomial_ones(
    probability: float, n: int, ranks: int
) -> None:
    # Every value says how many lie above it, so the k-th largest is 1 - k.
    sample = -np.random.default_rng(8).permutation(n).astype(float)
    low, high = quantile_interval(sample, np.ones(n), probability)
    fewest, most = (binom.ppf(q, n, probability) for q in (0.025, 0.975))
    assert 1 - high == pytest.approx(fewest, abs=ranks)
    assert 1 - low == pytest.approx(most + 1, abs=ranks)


def test_a_chance_never_seen_is_bounded_by_half_as_many_paths() -> None:
    _, weight = tilted(1024, 4, seed=4)
    chance, low, high = exceedance(weight, np.zeros((1024, 1), dtype=bool))
    assert (chance[0], low[0]) == (0.0, 0.0)
    assert high[0] == pytest.approx(1 - 0.025 ** (1 / 512), rel=1e-9)


@pytest.mark.parametrize("n", [999, 1000, 20_000])
def test_a_quantile_of_the_largest_alone_equals_that_of_a_whole_sort(n: int) -> None:
    random = np.random.default_rng(n)
    samples, weight = random.standard_t(3, n).round(2), random.uniform(0.05, 2, n)  # with ties
    weight /= weight.mean()
    order = np.argsort(-samples, kind="stable")
    above = (np.cumsum(weight[order]) - weight[order] / 2) / n
    for p in (0.0005, 0.005, 0.05, 0.3, 0.7):
        assert upper_quantile(samples, weight, p) == np.interp(p, above, samples[order])
