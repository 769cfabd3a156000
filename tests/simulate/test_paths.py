"""Five-minute paths against the hourly draws they come from."""

from __future__ import annotations

import numpy as np
import pytest

from govkit.data import load_model
from govkit.simulate.falls import (
    Draws,
    draw,
    draw_tilted,
    return_law,
    simulate_hours,
    underlying,
    worst_falls,
)
from govkit.simulate.paths import HIGHEST_LOG, LOWEST_LOG, envelope_path, price_paths
from govkit.simulate.random import generator

HOURS = 6
PATHS = 4000


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Five-minute log prices by hour, relative to the hour's start, and the hourly draws."""
    model = load_model().returns["ETH"]
    law, shares = return_law(model), np.array(model.worst_five_minutes)
    draws = draw(hours=HOURS, paths=PATHS, seed=3, name="ETH")
    prices = price_paths(law, shares, draws, seed=3, name="ETH")
    assert prices.shape == (PATHS, 12 * HOURS)
    moves, lows = simulate_hours(law, draws)
    start = (np.cumsum(moves, axis=1) - moves)[:, :, None]
    return np.log(prices).reshape(PATHS, HOURS, 12) - start, moves, lows, shares


def test_hourly_closes_and_lows_are_the_hourly_draws(made: tuple) -> None:
    inside, moves, lows, _ = made
    np.testing.assert_allclose(inside[:, :, -1], moves, atol=1e-12)
    np.testing.assert_allclose(inside.min(axis=2), lows, atol=1e-12)


def test_every_five_minute_price_lies_on_the_way_to_the_low_or_back(made: tuple) -> None:
    inside, _, _, _ = made
    before = np.concatenate([np.zeros((PATHS, HOURS, 1)), inside], axis=2)
    at = inside.argmin(axis=2)
    step = np.diff(before, axis=2)
    falling = np.arange(12)[None, None, :] <= at[:, :, None]
    assert (step[falling] <= 1e-12).all()
    assert (step[~falling] >= -1e-12).all()


def test_the_worst_five_minutes_carry_the_stored_share_of_a_crash_hour(made: tuple) -> None:
    """Measured on the path as on real candles: the worst step over the fall to the low."""
    inside, _, lows, shares = made
    before = np.concatenate([np.zeros((PATHS, HOURS, 1)), inside], axis=2)
    worst = -np.diff(before, axis=2).min(axis=2)
    crash = lows < -0.02
    assert crash.sum() > 2000
    measured = worst[crash] / -lows[crash]
    wanted = np.quantile(shares, [0.1, 0.25, 0.5, 0.75, 0.9])
    got = np.quantile(measured, [0.1, 0.25, 0.5, 0.75, 0.9])
    np.testing.assert_allclose(got, wanted, atol=0.04)


def test_a_whole_fall_in_five_minutes_is_one_step() -> None:
    law = return_law(load_model().returns["BTC"])
    draws = draw(hours=1, paths=500, seed=1, name="X")
    prices = price_paths(law, np.ones(33), draws, seed=1, name="X")
    before = np.concatenate([np.ones((500, 1)), prices], axis=1)
    step = np.diff(np.log(before), axis=1).min(axis=1)
    np.testing.assert_allclose(step, np.log(prices.min(axis=1)), atol=1e-12)


def test_a_path_falls_as_far_as_its_hours_whatever_the_weights() -> None:
    model = load_model().returns["ETH"]
    law, shares = return_law(model), np.array(model.worst_five_minutes)
    draws = draw_tilted(hours=HOURS, paths=1024, seed=3, name="ETH")
    prices = price_paths(law, shares, draws, seed=3, name="ETH")
    lowest = np.minimum(prices.min(axis=1), 1.0)
    np.testing.assert_allclose(1 - lowest, worst_falls(law, draws)[:, -1], atol=1e-12)


def test_two_laws_on_the_same_draws_fall_in_the_same_minutes() -> None:
    """A wrapper and its underlying: the feed that reads the one misses only the ratio."""
    model = load_model()
    ratio, shares = model.assets["wstETH"].ratio, np.ones(33)
    wrapped = return_law(model.returns["ETH"], ratio)
    draws = draw_tilted(hours=2, paths=512, seed=3, name="wstETH book 0")
    one, other = (
        price_paths(law, shares, draws, seed=3, name="wstETH book 0")
        for law in (wrapped, underlying(wrapped))
    )
    fell = other.min(axis=1) < 0.97
    assert fell.sum() > 50
    same = one[fell].argmin(axis=1) == other[fell].argmin(axis=1)
    assert same.mean() > 0.95
    renamed = price_paths(wrapped, shares, draws, seed=3, name="wstETH book 1")
    assert (renamed[fell].argmin(axis=1) == one[fell].argmin(axis=1)).mean() < 0.5


def test_prices_stay_finite_however_far_a_path_is_drawn() -> None:
    law = return_law(load_model().returns["CRV"])
    hourly = np.full((2, 24, 4), 0.5)
    hourly[0, :, 0], hourly[1, :, 0] = 1e-16, 1 - 1e-16
    draws = Draws(np.full(2, 1 - 1e-16), hourly, np.ones(2))
    prices = price_paths(law, np.ones(33), draws, seed=1, name="X")
    assert np.isfinite(prices).all()
    assert prices.min() >= np.exp(LOWEST_LOG) > 0
    assert prices.max() <= np.exp(HIGHEST_LOG)


def test_the_envelope_reaches_every_horizons_fall_on_time() -> None:
    horizons = np.array([1.0, 2, 3, 4, 6, 12, 24, 48])
    falls = np.array([0.2087, 0.2161, 0.2408, 0.2624, 0.3017, 0.3194, 0.4778, 0.5223])
    path = envelope_path(horizons, falls, 48)
    assert path.shape == (1, 576)
    np.testing.assert_allclose(1 - path[0, (12 * horizons).astype(int) - 1], falls, rtol=1e-12)
    assert (np.diff(path[0]) <= 0).all()
    # Evenly within the first hour: a twelfth of it in the first five minutes.
    assert path[0, 0] == pytest.approx(1 - 0.2087 / 12)


def test_the_envelope_keeps_the_last_fall_and_never_recovers() -> None:
    path = envelope_path(np.array([1.0, 2.0]), np.array([0.3, 0.25]), 4)
    np.testing.assert_allclose(path[0, 11:], 0.7, rtol=1e-12)


def test_random_streams_depend_on_every_name_and_on_their_order() -> None:
    first = {
        names: generator(*names).random()
        for names in ((1, "a"), (2, "a"), (1, "b"), (1, "a", "b"), (1, "b", "a"))
    }
    assert len(set(first.values())) == 5
    assert generator(1, "a", "b").random() == first[(1, "a", "b")]
