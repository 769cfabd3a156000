"""Importance sampling: weights that are exact, bounded, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from govkit.simulate.tilting import (
    FROM,
    LOWEST,
    POWER,
    START_POWER,
    even_points,
    tilted_uniforms,
)

PATHS = 2**14


@pytest.mark.parametrize("hours", [1, 2, 24, 72])
def test_weights_have_mean_one_and_are_at_most_two(hours: int) -> None:
    drawn = tilted_uniforms(np.random.default_rng(1), PATHS, hours)
    assert drawn.hours.shape == (PATHS, hours)
    assert drawn.weight.mean() == pytest.approx(1.0, abs=0.01)
    assert drawn.weight.max() <= 2
    assert drawn.weight.min() > 0
    for numbers in (drawn.hours, drawn.start, drawn.shadow):
        assert (numbers > 0).all()
        assert (numbers < 1).all()


def test_every_hour_and_the_start_are_uniform_once_weighted() -> None:
    drawn = tilted_uniforms(np.random.default_rng(2), PATHS, 6)
    for level in (0.001, 0.05, 0.5, 0.9):
        for column in drawn.hours.T:
            below = np.mean(drawn.weight * (column < level))
            assert below == pytest.approx(level, abs=4 * np.sqrt(level / PATHS) + 1e-3)
        assert np.mean(drawn.weight * (drawn.start < level)) == pytest.approx(level, abs=0.02)
        # The first hour's low is not tilted, and independent of the rest.
        assert np.mean(drawn.shadow < level) == pytest.approx(level, abs=0.01)


def test_the_first_hour_and_the_high_starts_are_over_represented() -> None:
    drawn = tilted_uniforms(np.random.default_rng(3), PATHS, 24)
    rare = (drawn.hours < 1e-4).mean(axis=0)
    assert rare[0] > 0.03
    assert (rare[1:] < rare[0] / 5).all()
    # Half of the paths have 1 - s = v ** (1 / power): P(s > 0.99) = 0.01 ** power on those.
    expected = 0.5 * 0.01 + 0.5 * 0.01**START_POWER
    assert (drawn.start > 0.99).mean() == pytest.approx(expected, rel=0.1)


def test_the_weight_is_the_ratio_of_the_plain_density_to_that_of_the_mixture() -> None:
    """Written from the description: half plain; half with one hour and the start moved."""
    drawn = tilted_uniforms(np.random.default_rng(4), 2000, 3)
    u, s = drawn.hours, drawn.start
    v = (u**POWER - FROM) / (1 - FROM)  # what a tilted hour was drawn from
    moved = np.where(u < LOWEST, 0.0, POWER * u ** (POWER - 1) / (1 - FROM))
    assert (v[moved > 0] >= -1e-9).all()
    hour = 0.5 * moved[:, 0] + 0.25 * (moved[:, 1] + moved[:, 2])
    mixture = 0.5 + 0.5 * hour * START_POWER * (1 - s) ** (START_POWER - 1)
    np.testing.assert_allclose(drawn.weight, 1 / mixture, rtol=1e-12)
    # The density integrates to 1, so the weights do too.
    grid = np.geomspace(LOWEST, 1, 200_001)
    density = POWER * grid ** (POWER - 1) / (1 - FROM)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-6)


def test_no_path_counts_more_than_two_however_calm_it_is() -> None:
    drawn = tilted_uniforms(np.random.default_rng(5), PATHS, 24)
    calm = (drawn.hours[:, 0] > 0.3) & (drawn.hours.min(axis=1) > 0.02) & (drawn.start < 0.5)
    wild = drawn.hours[:, 0] < 1e-4
    assert calm.sum() > 1000
    assert wild.sum() > 100
    assert drawn.weight[calm].min() > 1
    assert drawn.weight[wild].max() < 0.05


def test_points_are_even_and_follow_the_seed() -> None:
    first, again, other = (even_points(np.random.default_rng(seed), 1024, 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    # Sobol points: every one of 1,024 equal strips of each coordinate holds exactly one.
    for column in first:
        assert sorted(np.floor(column * 1024).astype(int)) == list(range(1024))
