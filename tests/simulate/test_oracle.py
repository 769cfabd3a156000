"""What a feed reports, against a readable twin and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkit.records.market import OracleRule
from govkit.simulate.oracle import MINUTES_PER_YEAR, follow, reported_prices

SOURCE = {"source": "test", "as_of": "2026-03"}


def rule(adapter: str = "market", **values: float) -> OracleRule:
    fields = {"deviation": 0.005} if adapter != "pinned" else {}
    return OracleRule.model_validate({"adapter": adapter} | fields | values | SOURCE)


def twin(
    market: list[float], deviation: float, heartbeat: float, latency: int, frozen: int, start: float
) -> list[float]:
    """Write the rule out: remember when each round was made, look back by the latency."""
    history = {0: 1.0} | {k + 1: price for k, price in enumerate(market)}
    value, made_at = start, 0
    shown = []
    for now in range(1, len(market) + 1):
        observed = history[max(now - latency, 0)]
        moved = abs(observed / value - 1.0) >= deviation
        if now > frozen and (moved or now - made_at >= heartbeat):
            value, made_at = observed, now
        shown.append(value)
    return shown


@settings(max_examples=150, deadline=None)
@given(
    moves=st.lists(st.floats(-0.03, 0.03), min_size=1, max_size=60),
    deviation=st.sampled_from([0.0025, 0.005, 0.01, 0.05]),
    heartbeat=st.sampled_from([1.0, 3.0, 12.0, 16.4, math.inf]),
    latency=st.integers(0, 4),
    frozen=st.integers(0, 40),
    stale=st.sampled_from([0.0, 0.0031, 0.0159, 0.05, -0.0285]),
)
def test_feed_is_its_twin(
    moves: list[float], deviation: float, heartbeat: float, latency: int, frozen: int, stale: float
) -> None:
    path = np.exp(np.cumsum(moves))
    got = follow(path[None, :], deviation, heartbeat, latency, frozen, 1 + stale)[0]
    wanted = twin(path.tolist(), deviation, heartbeat, latency, frozen, 1 + stale)
    np.testing.assert_array_equal(got, wanted)


def brownian(sigma: float, minutes: float, step: float, paths: int, seed: int) -> np.ndarray:
    """Driftless log price, yearly volatility `sigma`, in steps of `step` minutes."""
    move = sigma * math.sqrt(step / MINUTES_PER_YEAR)
    draws = np.random.default_rng(seed).normal(0, move, (paths, round(minutes / step)))
    return np.exp(np.cumsum(draws, axis=1))


def test_mean_update_interval_of_a_brownian_price() -> None:
    """delta^2 / sigma^2: 20.5 minutes at 0.5 % and 80 % a year (method.md, section 6).

    Watching the price every three seconds moves each barrier out by 0.5826 sigma sqrt(dt)
    (Broadie, Glasserman and Kou 1997).
    """
    sigma, deviation, step = 0.8, 0.005, 0.05
    continuous = deviation**2 / sigma**2 * MINUTES_PER_YEAR
    assert continuous == pytest.approx(20.53, abs=0.005)
    path = brownian(sigma, 60 * 48, step, 40, seed=4)
    shown = follow(path, deviation, math.inf, 0, 0, 1.0)
    updates = (np.diff(np.hstack([np.ones((40, 1)), shown]), axis=1) != 0).sum()
    shift = 0.5826 * sigma * math.sqrt(step / MINUTES_PER_YEAR)
    expected = continuous * (1 + shift / deviation) ** 2
    # About 5,300 intervals whose standard deviation is sqrt(2/3) of their mean: 3 standard errors.
    assert path.size * step / updates == pytest.approx(expected, rel=0.035)


def test_never_further_than_the_deviation_without_latency() -> None:
    path = brownian(1.5, 60 * 24, 5.0, 300, seed=1)
    shown = reported_prices(path, rule(deviation=0.01), latency_steps=0)
    assert np.abs(path / shown - 1).max() < 0.01
    # With latency it is further: the check can fail.
    late = reported_prices(path, rule(deviation=0.01), latency_steps=1)
    assert np.abs(path / late - 1).max() > 0.01


def test_heartbeat_is_honoured_to_the_step() -> None:
    quiet = 1 + 1e-6 * np.arange(1, 145)[None, :]
    shown = reported_prices(quiet, rule(heartbeat_minutes=60.0), latency_steps=0)[0]
    changed = 1 + np.flatnonzero(np.diff(np.concatenate([[1.0], shown])))
    np.testing.assert_array_equal(changed, np.arange(12, 145, 12))
    never = reported_prices(quiet, rule(), latency_steps=0)
    assert (never == 1.0).all()


def test_latency_shows_the_price_of_then() -> None:
    path = np.array([[0.95, 0.90, 0.85, 0.80]])
    for latency in range(4):
        shown = reported_prices(path, rule(), latency_steps=latency)[0]
        known = np.concatenate([np.ones(latency), path[0]])[:4]
        np.testing.assert_array_equal(shown, known)


def test_freeze_holds_the_price_and_ends_with_an_update() -> None:
    path = np.linspace(0.99, 0.5, 36)[None, :]
    shown = reported_prices(path, rule(), latency_steps=0, frozen_steps=12)[0]
    assert (shown[:12] == 1.0).all()
    assert shown[12] == path[0, 12]
    # A feed whose price came back is due by its age alone.
    still = np.concatenate([np.full(11, 0.9), np.full(5, 1.001)])[None, :]
    late = reported_prices(still, rule(heartbeat_minutes=60.0), latency_steps=0, frozen_steps=12)
    assert late[0, 11] == 1.0
    assert late[0, 12] == 1.001


@pytest.mark.parametrize(("stale", "kept"), [(0.0031, True), (0.0159, False), (0.05, False)])
def test_stale_start_inside_the_deviation_stays(stale: float, kept: bool) -> None:
    flat = np.ones((1, 6))
    shown = reported_prices(flat, rule(), latency_steps=0, stale_high=stale)[0]
    assert (shown == (1 + stale if kept else 1.0)).all()
    frozen = reported_prices(flat, rule(), latency_steps=0, stale_high=stale, frozen_steps=3)[0]
    assert (frozen[:3] == 1 + stale).all()


def test_exchange_rate_hides_a_discount() -> None:
    underlying = np.exp(np.linspace(0, -0.1, 24))[None, :]
    redemption = 1 + 0.03 * np.arange(1, 25) * 5 / MINUTES_PER_YEAR
    shown = reported_prices(
        underlying, rule("exchange rate"), latency_steps=0, redemption=redemption
    )
    feed = reported_prices(underlying, rule(), latency_steps=0)
    np.testing.assert_array_equal(shown, feed * redemption)
    # The token itself may trade at a discount of 7 %: nothing of it is in the report.
    assert (shown / (0.93 * underlying)).min() > 1.06


def test_growth_cap_limits_the_ratio_and_its_headroom_can_be_negative() -> None:
    steps = 288
    jump = np.full(steps, 1.05)
    capped = rule("capped", growth_cap_per_year=0.0968)
    flat = np.ones((2, steps))
    shown = reported_prices(flat, capped, latency_steps=1, redemption=jump)
    day = 1 + 0.0968 / 365
    assert shown[0, -1] == pytest.approx(day, abs=1e-15)
    assert (np.diff(shown[0]) > 0).all()
    roomy = reported_prices(flat, capped, latency_steps=1, redemption=jump, cap_headroom=0.10)
    assert (roomy == 1.05).all()
    # 10 March 2026: the ceiling fell 2.85 % below the ratio.
    low = reported_prices(flat, capped, latency_steps=1, cap_headroom=-0.0285)
    assert low[1, 0] == pytest.approx(0.9715 * (1 + 0.0968 * 5 / MINUTES_PER_YEAR), abs=1e-15)
    assert low.max() == pytest.approx(0.9715 * day, abs=1e-15)


def test_price_cap_limits_a_rise_and_not_a_fall() -> None:
    path = np.array([[1.02, 1.10, 1.2365, 1.0, 0.88]])
    capped = rule("capped", price_cap_usd=1.04)
    shown = reported_prices(path, capped, latency_steps=0)[0]
    np.testing.assert_array_equal(shown, [1.02, 1.04, 1.04, 1.0, 0.88])
    # In dollars: from a trigger at 98 cents the cap lies 6.1 % up.
    cheap = reported_prices(path, capped, latency_steps=0, start_usd=0.98)[0]
    np.testing.assert_allclose(cheap, [1.02, 1.04 / 0.98, 1.04 / 0.98, 1.0, 0.88])


def test_pinned_never_moves() -> None:
    path = np.array([[0.95, 0.88, 0.92], [1.0, 1.1, 1.2]])
    shown = reported_prices(path, rule("pinned", pin_usd=1.0), latency_steps=3, frozen_steps=2)
    np.testing.assert_array_equal(shown, np.ones((2, 3)))
    half = reported_prices(path, rule("pinned", pin_usd=1.0), latency_steps=0, start_usd=0.5)
    np.testing.assert_array_equal(half, np.full((2, 3), 2.0))


def test_nan_prices_do_not_trigger() -> None:
    path = np.array([[0.9, math.nan, math.nan, 0.8]])
    np.testing.assert_array_equal(
        reported_prices(path, rule(), latency_steps=0)[0], [0.9, 0.9, 0.9, 0.8]
    )


@pytest.mark.parametrize(
    "wrong", [{"latency_steps": -1}, {"latency_steps": 0, "frozen_steps": -1},
              {"latency_steps": 0, "stale_high": -1.0}]
)  # fmt: skip
def test_impossible_arguments_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot"):
        reported_prices(np.ones((1, 3)), rule(), **wrong)  # type: ignore[arg-type]
