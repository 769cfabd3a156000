"""The position limit, its intervals and the published sanity values of WETH."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkit.calibrate import position as pos
from govkit.records.model import MarketModel
from govkit.records.returns import FallTable, ReturnModel
from govkit.simulate.falls import draw_tilted, fall_at, return_law, simulate_falls, worst_falls
from tests.calibrate.pipeline import fewer_paths

HOURS = (1, 2, 6, 24)


@pytest.fixture(scope="session")
def weth_falls(model: MarketModel) -> dict[int, pos.Falls]:
    law = return_law(model.returns["ETH"])
    falls = simulate_falls(law, hours=24, paths=100_000, seed=1, name="WETH")
    even = np.ones(len(falls))
    return {h: pos.Falls(falls[:, h - 1], falls[:, 0], even, float(h)) for h in HOURS}


@pytest.mark.parametrize(("hours", "published"), [(1, 0.86), (2, 0.83), (6, 0.76), (24, 0.60)])
def test_weth_as_published(weth_falls: dict[int, pos.Falls], hours: int, published: float) -> None:
    # calibration.md, section 2: p = 0.5 %, delta = 0.5 %, b = 5 %, trigger state.
    falls = weth_falls[hours]
    fall = pos.quantile_fall(falls.over_horizon, falls.weight, 0.005)
    assert pos.position_limit(fall, 0.005, 0.05) == pytest.approx(published, abs=0.01)


def test_position_limit_closed_form() -> None:
    assert pos.position_limit(0.0, 0.0, 0.0) == 1.0
    assert pos.position_limit(0.2, 0.01, 0.25) == pytest.approx(0.8 * 0.99 / 1.25, rel=1e-15)
    # A calm market is limited by the invariant alone.
    assert pos.position_limit(0.0, 0.0, 0.05) == pytest.approx(1 / 1.05, rel=1e-15)


@pytest.mark.parametrize("probability", [0.2, 0.01, 0.005, 0.002])
@pytest.mark.parametrize("hours", [1, 24])
def test_survival_at_the_limit(
    weth_falls: dict[int, pos.Falls], hours: int, probability: float
) -> None:
    falls = weth_falls[hours]
    fall = pos.quantile_fall(falls.over_horizon, falls.weight, probability)
    limit = pos.position_limit(fall, 0.005, 0.05)
    implied = pos.survival(falls, limit, 0.005, 0.05, episodes_per_year=25.0)
    # The quantile lies between two order statistics: one path of 100,000 either way.
    assert implied.survival == pytest.approx(1 - probability, abs=2e-5)
    assert implied.failures_per_year == pytest.approx(25 * (1 - implied.survival), rel=1e-12)
    assert implied.threshold == limit


def test_survival_counts_the_boundary_as_survived() -> None:
    # threshold 0.8, no deviation, no bonus: falls up to 0.2 survive, 0.2 included.
    over = np.array([0.0, 0.1, 1 - 0.8, 0.25, 0.5])
    falls = pos.Falls(over, over, np.ones(5), 1.0)
    assert pos.survival(falls, 0.8, 0.0, 0.0, 1.0).survival == 0.6


def test_survival_weighs_paths() -> None:
    over, weight = np.array([0.1, 0.25, 0.5, 0.0]), np.array([0.5, 1.5, 0.25, 1.75])
    falls = pos.Falls(over, over, weight, 1.0)
    implied = pos.survival(falls, 0.8, 0.0, 0.0, 10.0)
    assert implied.survival == pytest.approx(1 - (1.5 + 0.25) / 4, rel=1e-12)
    assert implied.failures_per_year == pytest.approx(10 * 1.75 / 4, rel=1e-12)


def test_survival_is_never_below_zero() -> None:
    # Weights have mean 1 only up to sampling error.
    falls = pos.Falls(np.full(4, 0.9), np.full(4, 0.9), np.full(4, 1.01), 1.0)
    assert pos.survival(falls, 0.8, 0.0, 0.0, 1.0).survival == 0.0


def test_tail_points_bracket_and_increase(weth_falls: dict[int, pos.Falls]) -> None:
    points = pos.tail_points(weth_falls[6])
    assert [p.probability for p in points] == list(pos.TAIL_PROBABILITIES)
    assert all(p.low <= p.fall <= p.high for p in points)
    falls = [p.fall for p in points]
    assert falls == sorted(falls)


def few_refits(returns: ReturnModel, *rows: tuple[float, ...]) -> ReturnModel:
    refits = returns.refits.model_copy(update={"rows": rows})
    return returns.model_copy(update={"refits": refits})


def own_row(returns: ReturnModel, trigger_scale: float = 1.0) -> tuple[float, ...]:
    """The fitted values themselves as a row of the refit table, trigger states all scaled."""
    v, tail = returns.variance, returns.lower_tail
    values = {
        "omega": v.omega, "alpha": v.alpha, "gamma": v.gamma, "beta": v.beta,
        "threshold": tail.threshold, "shape": tail.shape, "scale": tail.scale,
    }  # fmt: skip
    return tuple(values.get(column, trigger_scale) for column in returns.refits.columns)


LEVELS = (0.002, 0.005, 0.01)


def factors(returns: ReturnModel, seed: int = 1) -> dict[float, pos.Array]:
    with fewer_paths(refits=2000):
        return pos.refit_factors(return_law(returns), returns, 3.5, LEVELS, seed, "WETH")


def test_refit_factors_shape_and_repeatability(model: MarketModel) -> None:
    returns = model.returns["ETH"]
    few = few_refits(returns, *returns.refits.rows[:12])
    first, again, other = factors(few), factors(few), factors(few, seed=2)
    assert tuple(first) == LEVELS
    for probability, values in first.items():
        assert values.shape == (12,)
        assert np.array_equal(values, again[probability])
        assert not np.array_equal(values, other[probability])


def test_refit_factors_are_those_of_the_widened_falls(model: MarketModel) -> None:
    """As fitted, a refit moves the limit by less than a fifth; what it loses is then widened."""
    returns = few_refits(model.returns["ETH"], *model.returns["ETH"].refits.rows[:12])
    with fewer_paths(refits=2000):
        base, others = pos.refit_falls(return_law(returns), returns, 3.5, LEVELS, 1, "WETH")
    assert (base.shape, others.shape) == ((3,), (12, 3))
    assert (np.diff(base) < 0).all()  # rarer falls are larger
    raw = (1 - others) / (1 - base)
    assert 0.8 < raw.min() < 1 < raw.max() < 1.2
    wide = np.array(list(factors(returns).values())).T
    assert wide[raw >= 1] == pytest.approx(raw[raw >= 1], rel=1e-12)
    assert (wide[raw < 1] < raw[raw < 1]).all()
    # Twice the log of a fall above the estimate is added to it.
    extra = np.log((1 - wide * (1 - base)) / others)[raw < 1]
    assert extra == pytest.approx(2 * np.log(others / base)[raw < 1], rel=1e-9)


FALLS = st.floats(1e-4, 0.9)


@given(FALLS, st.lists(FALLS, min_size=1, max_size=50))
def test_widening_covers_more_and_never_a_whole_price(fall: float, refits: list[float]) -> None:
    falls = np.sort(refits)
    wide = pos.widened(fall, falls)
    assert wide.shape == falls.shape
    # Below the estimate nothing changes; above it no fall shrinks, and their order stays.
    assert wide[falls <= fall] == pytest.approx(falls[falls <= fall], rel=1e-12)
    assert (wide >= falls * (1 - 1e-12)).all()
    assert (np.diff(wide) >= 0).all()
    # A limit stays above zero however far a refit lies out.
    assert wide.max() <= pos.LARGEST_FALL < 1
    assert pos.position_limit(float(wide.max()), 0.01, 0.1) > 0


@given(FALLS, st.lists(FALLS, min_size=20, max_size=50), st.sampled_from([0.5, 0.8, 0.95]))
def test_a_lower_bound_of_the_limit_never_rises_by_widening(
    fall: float, refits: list[float], confidence: float
) -> None:
    falls = np.array(refits)
    raw, wide = 1 - falls, 1 - pos.widened(fall, falls)
    assert np.quantile(wide, 1 - confidence) <= np.quantile(raw, 1 - confidence) + 1e-12


def test_widening_by_hand() -> None:
    # 10 % estimated: 12.5 % becomes 10 % x 1.25 ** 3, 8 % stays, 60 % would exceed the price.
    wide = pos.widened(0.10, np.array([0.08, 0.10, 0.125, 0.60]))
    assert wide == pytest.approx([0.08, 0.10, 0.1953125, 0.999], rel=1e-12)


def test_the_fit_itself_moves_nothing(model: MarketModel) -> None:
    returns = model.returns["ETH"]
    found = factors(few_refits(returns, own_row(returns), own_row(returns, 1.5)))
    for same, wilder in found.values():
        assert same == pytest.approx(1.0, abs=1e-6)
        assert wilder < 0.98


def test_no_refits_no_factors(model: MarketModel) -> None:
    assert {len(f) for f in factors(few_refits(model.returns["ETH"])).values()} == {0}


TABLE = FallTable(
    model="two by two", horizons_hours=(1, 3), probabilities=(0.002, 0.01),
    falls=((0.10, 0.05), (0.20, 0.15)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "probability", "fall"),
    [
        (1, 0.002, 0.10), (3, 0.01, 0.15), (2, 0.002, 0.15), (1.5, 0.01, 0.075),
        (0.99, 0.01, None), (3.01, 0.01, None), (2, 0.005, None),
    ],
)  # fmt: skip
def test_table_fall(hours: float, probability: float, fall: float | None) -> None:
    found = pos.table_fall(TABLE, hours, probability)
    assert found == (None if fall is None else pytest.approx(fall, abs=1e-12))


def test_tilted_falls_are_the_plain_ones(
    model: MarketModel, weth_falls: dict[int, pos.Falls]
) -> None:
    law = return_law(model.returns["ETH"])
    with fewer_paths(falls=5 * 4096):
        tilted = pos.simulate_position(law, 2.0, 1, "WETH")
    assert len(tilted.weight) == 5 * 4096
    assert tilted.weight.mean() == pytest.approx(1.0, abs=0.02)
    plain = weth_falls[2]
    for probability in (0.05, 0.005, 0.001):
        ours = pos.quantile_fall(tilted.over_horizon, tilted.weight, probability)
        theirs = pos.quantile_fall(plain.over_horizon, plain.weight, probability)
        assert ours == pytest.approx(theirs, rel=0.05)


def test_rare_falls_of_tilted_paths_are_the_plain_ones_within_their_interval(
    model: MarketModel,
) -> None:
    law = return_law(model.returns["ETH"])
    with fewer_paths(falls=5 * 4096):
        tilted = pos.tail_points(pos.simulate_position(law, 1.5, 3, "WETH"))
    plain = simulate_falls(law, hours=2, paths=1_000_000, seed=9, name="WETH")
    reached = fall_at(plain, 1.5)
    for point in tilted:
        theirs = float(np.quantile(reached, 1 - point.probability))
        # Interval, and the plain sample's own error: 2 % of a log fall at 200 of a million.
        assert point.low * 0.98 <= theirs <= point.high * 1.02
        assert point.high - point.low < 0.3 * point.fall


def test_the_falls_of_a_set_are_those_of_its_own_draws(model: MarketModel) -> None:
    """Sets are drawn by name, so each is a sample of its own."""
    law = return_law(model.returns["ETH"])
    with fewer_paths(falls=5 * 1024):
        whole = pos.simulate_position(law, 2.0, 1, "WETH")
    draws = draw_tilted(hours=2, paths=1024, seed=1, name="WETH falls 3")
    np.testing.assert_array_equal(whole.of_set(3).over_horizon, worst_falls(law, draws)[:, 1])
    np.testing.assert_array_equal(whole.of_set(3).over_latency, worst_falls(law, draws)[:, 0])
    found = [
        pos.quantile_fall(part.over_horizon, part.weight, 0.005)
        for part in (whole.of_set(k) for k in range(pos.SETS))
    ]
    # On 1,024 paths the fall has a standard error of 4.5 %.
    assert len(set(found)) == 5
    assert max(found) < 1.3 * min(found)


def test_the_sets_are_the_whole(model: MarketModel) -> None:
    law = return_law(model.returns["ETH"])
    with fewer_paths(falls=5 * 256):
        whole = pos.simulate_position(law, 1.0, 1, "WETH")
    parts = [whole.of_set(k) for k in range(pos.SETS)]
    assert [len(part.weight) for part in parts] == [256] * 5
    np.testing.assert_array_equal(
        np.concatenate([part.over_horizon for part in parts]), whole.over_horizon
    )
