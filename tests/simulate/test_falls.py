"""Simulated falls against closed forms."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import genpareto, norm

from govkit.calibrate.weighted import exceedance, upper_quantile
from govkit.data import load_model
from govkit.records.returns import ReturnModel
from govkit.simulate.falls import (
    CHUNK_PATHS,
    TRIGGER_LEVELS,
    draw,
    draw_tilted,
    fall_at,
    refitted_law,
    return_law,
    simulate_falls,
    simulate_hours,
    underlying,
    worst_falls,
)
from tests.simulate.laws import gaussian_law

SIGMA = 0.02


def test_one_hour_falls_of_a_normal_law_have_normal_quantiles() -> None:
    falls = simulate_falls(gaussian_law(SIGMA), hours=1, paths=400_000, seed=1, name="X")[:, 0]
    for p in (0.25, 0.05, 0.01, 0.005):
        # Standard error of the quantile's z: sqrt(p (1 - p) / n) / density.
        z = norm.isf(p)
        error = np.sqrt(p * (1 - p) / 400_000) / norm.pdf(z)
        assert -np.log(1 - np.quantile(falls, 1 - p)) / SIGMA == pytest.approx(z, abs=4 * error)
    assert (falls == 0).mean() == pytest.approx(0.5, abs=0.004)  # as many rises as falls


def test_the_running_minimum_of_a_random_walk_follows_the_reflection_principle() -> None:
    """Oracles C2 and C3: the 99 % quantile is 2.5758 sigma sqrt(T), 1.1072 times the end point's.

    Seen hourly only, the minimum is shifted by 0.5826 sigma (Broadie, Glasserman and Kou 1997).
    """
    n = 48
    law = gaussian_law(SIGMA)
    moves, _ = simulate_hours(law, draw(hours=n, paths=100_000, seed=3, name="X"))
    falls = simulate_falls(law, hours=n, paths=100_000, seed=4, name="X")
    lowest = -np.log(1 - np.quantile(falls[:, -1], 0.99)) / SIGMA
    assert (lowest + 0.5826) / np.sqrt(n) == pytest.approx(2.5758, rel=0.01)
    end = -np.quantile(moves.sum(axis=1), 0.01) / SIGMA
    assert end / np.sqrt(n) == pytest.approx(2.3263, rel=0.01)
    assert (lowest + 0.5826) / end == pytest.approx(1.107248, rel=0.015)


def test_falls_never_shrink_with_the_horizon_and_cover_the_end_point() -> None:
    law = return_law(load_model().returns["ETH"])
    drawn = draw(hours=24, paths=5000, seed=2, name="ETH")
    moves, lows = simulate_hours(law, drawn)
    falls = worst_falls(law, drawn)
    assert (lows <= np.minimum(moves, 0)).all()
    assert (np.diff(falls, axis=1) >= 0).all()
    assert (falls >= 0).all()
    assert (falls < 1).all()
    assert (falls >= 1 - np.exp(np.cumsum(moves, axis=1)) - 1e-12).all()
    # Straight from the definition, for one path that fell.
    i = int(falls[:, -1].argmax())
    level, worst = 0.0, 0.0
    for k in range(24):
        worst = min(worst, level + lows[i, k])
        level += moves[i, k]
        assert falls[i, k] == pytest.approx(1 - np.exp(worst), rel=1e-12)


def test_the_seed_and_the_name_alone_decide_the_numbers() -> None:
    law = gaussian_law(SIGMA)
    one = simulate_falls(law, hours=3, paths=1000, seed=7, name="ETH")
    simulate_falls(law, hours=5, paths=300, seed=7, name="BTC")  # another asset in between
    np.testing.assert_array_equal(one, simulate_falls(law, hours=3, paths=1000, seed=7, name="ETH"))
    for seed, name in ((8, "ETH"), (7, "BTC")):
        other = simulate_falls(law, hours=3, paths=1000, seed=seed, name=name)
        assert np.abs(np.corrcoef(one[:, 2], other[:, 2])[0, 1]) < 0.15


def test_fewer_paths_are_the_first_of_more() -> None:
    law = gaussian_law(SIGMA)
    many = simulate_falls(law, hours=2, paths=2 * CHUNK_PATHS, seed=1, name="ETH")
    few = simulate_falls(law, hours=2, paths=CHUNK_PATHS, seed=1, name="ETH")
    np.testing.assert_array_equal(few, many[:CHUNK_PATHS])
    assert not np.array_equal(many[:CHUNK_PATHS], many[CHUNK_PATHS:])


def test_jumps_come_as_often_and_as_large_as_stated() -> None:
    law = replace(gaussian_law(1e-5), jump=np.array([0.01, 0.10, 0.05]))
    moves, lows = simulate_hours(law, draw(hours=10, paths=50_000, seed=5, name="X"))
    jumps = -moves[moves < -0.05]
    expected = 500_000 * 0.01
    assert len(jumps) == pytest.approx(expected, abs=4 * np.sqrt(expected))
    # Size 0.10 plus an exponential excess of mean 0.05.
    assert jumps.min() > 0.0999
    assert jumps.mean() == pytest.approx(0.15, abs=4 * 0.05 / np.sqrt(expected))
    assert np.quantile(jumps, 0.9) == pytest.approx(0.1 + 0.05 * np.log(10), rel=0.03)
    assert (lows <= moves).all()


def test_a_jump_raises_the_next_hours_volatility_like_any_other_fall() -> None:
    variance = np.array([1e-8, 0.1, 0.05, 0.8])
    law = replace(gaussian_law(1e-4), variance=variance, jump=np.array([0.05, 0.1, 0.01]))
    moves, _ = simulate_hours(law, draw(hours=2, paths=200_000, seed=6, name="X"))
    fell = (moves[:, 0] < -0.05) & (moves[:, 1] > -0.08)
    calm = (moves[:, 0] > -0.05) & (moves[:, 0] < 0) & (moves[:, 1] > -0.08)
    expected = np.sqrt(1e-8 + 0.8 * 1e-8 + 0.15 * np.mean(moves[fell, 0] ** 2))
    # Spread of the normal part between its 10 and 70 % quantiles, which a cut at -0.08 spares.
    low, high = np.quantile(moves[fell, 1], [0.1, 0.7])
    assert (high - low) / (norm.ppf(0.7) - norm.ppf(0.1)) == pytest.approx(expected, rel=0.15)
    assert moves[calm, 1].std() < expected / 50


def test_far_residuals_follow_the_pareto_tail() -> None:
    tail = np.array([3.0, 0.3, 1.0, 0.005])
    law = replace(gaussian_law(1e-3), lower=tail)
    moves, _ = simulate_hours(law, draw(hours=1, paths=1_000_000, seed=9, name="X"))
    z = -moves[:, 0] / 1e-3
    assert (z > 3.0).mean() == pytest.approx(0.005, abs=4 * np.sqrt(0.005 / 1e6))
    for p in (1e-3, 2e-4):
        exact = 3.0 + genpareto.isf(p / 0.005, 0.3)
        error = (p / 0.005) ** -0.3 / np.sqrt(1_000_000 * p)  # of an order statistic
        assert np.quantile(z, 1 - p) == pytest.approx(exact, abs=4 * error)


def test_lows_lie_below_by_the_table_of_the_residuals_bin() -> None:
    shadow = np.vstack([np.full(33, 0.5), np.full(33, 2.0)])
    law = replace(gaussian_law(0.01), shadow=shadow)
    moves, lows = simulate_hours(law, draw(hours=4, paths=1000, seed=1, name="X"))
    depth = (np.minimum(moves, 0) - lows) / 0.01
    np.testing.assert_allclose(depth, np.where(moves <= 0, 0.5, 2.0), rtol=1e-9)


def test_a_wrappers_ratio_adds_its_own_moves_and_falls() -> None:
    plain = gaussian_law(0.01)
    flat = replace(
        plain, ratio_body=np.linspace(-0.004, 0.002, 257),
        ratio_lower=np.array([0.004, 0.1, 1e-4, 0.005]),
        ratio_upper=np.array([0.002, 0.1, 1e-4, 0.005]),
    )  # fmt: skip
    drawn = draw(hours=3, paths=20_000, seed=1, name="X")
    (moves, lows), (with_moves, with_lows) = (
        simulate_hours(plain, drawn),
        simulate_hours(flat, drawn),
    )
    step = with_moves - moves
    assert step.mean() == pytest.approx(-0.001, abs=1e-4)
    np.testing.assert_allclose(
        with_lows, np.minimum(np.minimum(lows + np.minimum(step, 0), with_moves), 0), atol=1e-15
    )


def test_falls_between_whole_hours_are_interpolated() -> None:
    falls = np.array([[0.1, 0.2, 0.4], [0.0, 0.3, 0.3]])
    assert fall_at(falls, 1.0).tolist() == [0.1, 0.0]
    assert fall_at(falls, 1.25) == pytest.approx([0.125, 0.075])
    assert fall_at(falls, 2.5) == pytest.approx([0.3, 0.3])
    assert fall_at(falls, 3.0).tolist() == [0.4, 0.3]
    assert fall_at(falls, 9.0).tolist() == [0.4, 0.3]


@pytest.mark.parametrize("ticker", ["ETH", "BTC", "CRV"])
def test_a_refitted_law_changes_variance_tail_and_state_and_nothing_else(ticker: str) -> None:
    model = load_model().returns[ticker]
    law = return_law(model)
    for row in range(0, len(model.refits.rows), 40):
        values = dict(zip(model.refits.columns, model.refits.rows[row], strict=True))
        changed = refitted_law(law, model, row)
        assert changed.variance.tolist() == [values[k] for k in ("omega", "alpha", "gamma", "beta")]
        assert changed.lower.tolist() == [
            values["threshold"], values["shape"], values["scale"], 0.005
        ]  # fmt: skip
        for level in TRIGGER_LEVELS:
            place = 64 * (1 - (1 - level / 100) ** (1 / 3))
            was, now = (np.interp(place, range(65), one.sigma_start) for one in (law, changed))
            moved = values[f"trigger_{level}"]
            if level <= 90:
                assert now / was == pytest.approx(moved, rel=0.02), level
            else:  # a top that fell by more than the states under it is held up by them
                assert now / was > moved * 0.98, level
        assert changed.sigma_start[0] == pytest.approx(
            law.sigma_start[0] * values["trigger_0"], rel=1e-12
        )
        assert (np.diff(changed.sigma_start) >= 0).all()
        # No more of a hole than in the fit, whose quantile lies between two observations of
        # which the tail begins at one.
        hole = changed.body[0] / -values["threshold"]
        assert hole == pytest.approx(law.body[0] / -model.lower_tail.threshold, rel=1e-12)
        assert hole == pytest.approx(1, abs=1e-4)
        assert (np.diff(changed.body) >= 0).all()
        # Residuals move with the tail's threshold less and less, up to their 10 % quantile.
        moved = changed.body[:25] / law.body[:25] - 1
        whole = values["threshold"] / model.lower_tail.threshold - 1
        shares = np.linspace(0.005, 0.995, 257)[:25]
        np.testing.assert_allclose(moved, whole * (0.10 - shares) / 0.095, atol=1e-9)
        np.testing.assert_array_equal(changed.body[25:], law.body[25:])
        for name in ("upper", "shadow", "shadow_edges", "jump", "ratio_body"):
            np.testing.assert_array_equal(getattr(changed, name), getattr(law, name))


@pytest.mark.parametrize("ticker", sorted(load_model().returns))
def test_a_refit_that_moves_no_state_starts_where_the_fit_does(ticker: str) -> None:
    """All ratios 1: the states are the law's own; its own tail and variance: the whole law is."""
    model = load_model().returns[ticker]
    law, v, tail = return_law(model), model.variance, model.lower_tail
    fitted = {
        "omega": v.omega, "alpha": v.alpha, "gamma": v.gamma, "beta": v.beta,
        "threshold": tail.threshold, "shape": tail.shape, "scale": tail.scale,
    }  # fmt: skip
    first = dict(zip(model.refits.columns, model.refits.rows[0], strict=True))
    for values in (first, fitted):
        row = tuple(
            1.0 if column.startswith("trigger_") else values[column]
            for column in model.refits.columns
        )
        refits = model.refits.model_copy(update={"rows": (row,)})
        changed = refitted_law(law, model.model_copy(update={"refits": refits}), 0)
        np.testing.assert_allclose(changed.sigma_start, law.sigma_start, rtol=1e-12)
    for name in ("variance", "lower", "upper", "shadow", "jump"):
        np.testing.assert_array_equal(getattr(changed, name), getattr(law, name))
    np.testing.assert_allclose(changed.body, law.body, rtol=1e-12)


@given(st.lists(st.floats(0.3, 4.0), min_size=5, max_size=5))
def test_refitted_states_lie_between_the_levels_around_them_and_never_cross(
    ratios: list[float],
) -> None:
    model = load_eth()
    columns = model.refits.columns
    row = (*model.refits.rows[0][: columns.index("trigger_0")], *ratios)
    refits = model.refits.model_copy(update={"rows": (row,)})
    law = return_law(model)
    changed = refitted_law(law, model.model_copy(update={"refits": refits}), 0)
    assert (np.diff(changed.sigma_start) >= 0).all()
    steps = 64 * (1 - (1 - np.array(TRIGGER_LEVELS) / 100) ** (1 / 3))
    known = np.interp(steps, range(65), law.sigma_start)
    # A level that would fall below the one under it is held up by it.
    target = np.maximum.accumulate(known * ratios)
    assert changed.sigma_start[0] == pytest.approx(target[0], rel=1e-12)
    assert changed.sigma_start[-1] == pytest.approx(target[-1], rel=1e-12)
    between = np.clip(np.searchsorted(known, law.sigma_start, side="right"), 1, len(known) - 1)
    assert (changed.sigma_start >= target[between - 1] * (1 - 1e-12)).all()
    assert (changed.sigma_start <= target[between] * (1 + 1e-12)).all()
    if len(set(ratios)) == 1:  # one factor for all levels is one for all states
        assert changed.sigma_start == pytest.approx(ratios[0] * law.sigma_start, rel=1e-9)


@cache
def load_eth() -> ReturnModel:
    return load_model().returns["ETH"]


def test_the_half_count_of_jumps_is_what_is_added() -> None:
    """The residuals hold the jumps seen; only the prior's half count is new."""
    for model in load_model().returns.values():
        assert return_law(model).jump[0] == pytest.approx(0.5 / model.jumps.hours)


# Importance sampling


def test_tilted_draws_reach_far_falls_in_closed_form() -> None:
    """Beyond 0.5 % the law's tail is exponential: z = threshold + scale log(0.005 / p)."""
    law = gaussian_law(SIGMA)
    draws = draw_tilted(hours=1, paths=2**14, seed=1, name="X")
    falls = -np.log(1 - worst_falls(law, draws)[:, 0]) / SIGMA
    for p in (1e-3, 1e-4, 1e-5):
        z = law.lower[0] + law.lower[2] * np.log(0.005 / p)
        chance, low, high = exceedance(draws.weight, (falls > z)[:, None])
        assert low[0] <= p <= high[0]
        assert chance[0] == pytest.approx(p, rel=0.1)
        assert upper_quantile(falls, draws.weight, p) == pytest.approx(z, rel=0.01)
    # A plain sample of as many paths has no such fall five times in six.
    assert np.exp(-(2**14) * 1e-5) > 5 / 6


def test_tilted_draws_say_what_plain_ones_of_many_more_paths_say() -> None:
    law = return_law(load_eth())
    draws = draw_tilted(hours=6, paths=2**14, seed=1, name="ETH")
    ours, plain = (
        worst_falls(law, draws),
        simulate_falls(law, hours=6, paths=400_000, seed=2, name="ETH"),
    )
    assert np.mean(draws.weight * ours[:, -1]) == pytest.approx(plain[:, -1].mean(), rel=0.02)
    # Standard errors, measured over 40 seeds: 0.9, 1.2 and 1.7 %; no bias.
    for hour in (0, 2, 5):
        for p, allowed in ((0.05, 0.03), (0.005, 0.045), (0.001, 0.06)):
            assert upper_quantile(ours[:, hour], draws.weight, p) == pytest.approx(
                np.quantile(plain[:, hour], 1 - p), rel=allowed
            )


def test_tilted_draws_follow_seed_and_name_and_are_not_the_plain_ones() -> None:
    size = {"hours": 3, "paths": 256}
    first, again = (draw_tilted(seed=1, name="ETH book 0", **size) for _ in range(2))
    np.testing.assert_array_equal(first.hourly, again.hourly)
    np.testing.assert_array_equal(first.weight, again.weight)
    assert first.start.shape == first.weight.shape == (256,)
    assert first.hourly.shape == (256, 3, 4)
    others = (
        draw_tilted(seed=1, name="ETH book 1", **size),
        draw_tilted(seed=2, name="ETH book 0", **size),
        draw(seed=1, name="ETH book 0", **size),
    )
    for other in others:
        assert abs(np.corrcoef(first.hourly[:, 2, 1], other.hourly[:, 2, 1])[0, 1]) < 0.2
    assert others[-1].weight.tolist() == [1.0] * 256


def test_what_is_tilted_and_what_lies_evenly_reaches_the_path() -> None:
    drawn = draw_tilted(hours=4, paths=1024, seed=1, name="X")
    # The low of the first hour is one of 1,024 even points; those of later hours are not.
    for hour, even in ((0, True), (1, False)):
        strips = np.floor(drawn.hourly[:, hour, 2] * 1024).astype(int)
        assert (len(set(strips)) == 1024) == even
    # The highest hundredth of starts: half of the paths have 10 % of theirs there.
    assert (drawn.start > 0.99).mean() == pytest.approx(0.5 * 0.01 + 0.5 * 0.1, abs=0.01)
    assert (drawn.weight[drawn.start > 0.99] < 1).mean() > 0.9
    assert (drawn.hourly[:, 0, 0] < 1e-3).mean() > 0.05
    assert (drawn.hourly[..., 1] < 1e-3).mean() < 0.005  # jumps are not tilted


def test_no_number_of_one_set_is_drawn_in_another() -> None:
    sets = [draw_tilted(hours=2, paths=512, seed=1, name=f"X falls {k}") for k in range(5)]
    columns = [np.concatenate([one.start, *one.hourly[:, :, 0].T]) for one in sets]
    for k, one in enumerate(columns):
        for other in columns[:k]:
            assert len(np.intersect1d(one, other)) == 0


def test_the_underlying_of_a_wrapper_moves_as_if_there_were_no_ratio() -> None:
    model = load_model()
    ratio = model.assets["wstETH"].ratio
    assert ratio is not None
    wrapped, plain = return_law(model.returns["ETH"], ratio), return_law(model.returns["ETH"])
    drawn = draw(hours=4, paths=2000, seed=1, name="X")
    alone, expected, with_ratio = (
        simulate_hours(law, drawn) for law in (underlying(wrapped), plain, wrapped)
    )
    for found, wanted in zip(alone, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    # What is left between them is the ratio's step, on the same draws.
    step = with_ratio[0] - alone[0]
    assert 0 < np.abs(step).max() < 0.2
    assert np.corrcoef(step.ravel(), alone[0].ravel())[0, 1] == pytest.approx(0, abs=0.05)
