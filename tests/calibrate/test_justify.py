"""The fast function of the inputs, break-evens, removed inputs, Sobol indices and the frontier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from govkit.calibrate.case import Asked, Case, simulate_case
from govkit.calibrate.justify import CLIFF, break_evens, crossing, frontier, removed_inputs
from govkit.calibrate.keep_band import unnecessary_over
from govkit.calibrate.limits import limits_of, support_of
from govkit.calibrate.sensitivity import evaluations, sensitivity, total_indices
from govkit.calibrate.surrogate import INPUTS, Surrogate, surrogate_of
from govkit.data import load_appetite, load_market, load_model, load_sensitivity
from govkit.records.evidence import Support
from govkit.records.market import Overlay
from tests.calibrate.pipeline import NAME, fewer_paths, with_depth

MODERATE = load_appetite("moderate")


@pytest.fixture(scope="module")
def case() -> Case:
    asked = Asked(load_market(NAME), load_model(), "WETH", None, 1)
    assert asked.curve is not None
    with fewer_paths():
        return simulate_case(asked, asked.curve, 0.95, frozenset(), (MODERATE,))


@pytest.fixture(scope="module")
def support(case: Case) -> Support:
    return support_of(case, limits_of(case, MODERATE), MODERATE, ())


@pytest.fixture(scope="module")
def surrogate(case: Case, support: Support) -> Surrogate:
    return surrogate_of(case, support, MODERATE)


def at(surrogate: Surrogate, **factors: float) -> float:
    named = {name.replace("_", " "): value for name, value in factors.items()}
    return float(surrogate.supported(named))


def test_at_the_inputs_in_use_it_is_the_supported_value(
    surrogate: Surrogate, support: Support, case: Case
) -> None:
    assert at(surrogate) == pytest.approx(support.bound, rel=1e-12)
    assert float(surrogate.horizon_hours({})) == pytest.approx(case.clearing.horizon_hours)
    assert float(surrogate.chunk_usd({})) == pytest.approx(case.clearing.chunk_usd)


@pytest.mark.parametrize("name", ["volatility", "latency", "refill", "exposure",
                                  "oracle deviation", "swap fee", "gas"])  # fmt: skip
def test_it_does_not_rise_with_what_does_harm(surrogate: Surrogate, name: str) -> None:
    values = surrogate.supported({name: np.geomspace(0.2, 20, 60)})
    assert (np.diff(values) <= 1e-12).all()
    assert values[-1] < values[0]


def test_it_does_not_fall_with_depth(surrogate: Surrogate) -> None:
    values = surrogate.supported({"depth": np.geomspace(0.05, 20, 60)})
    assert (np.diff(values) >= -1e-12).all()
    assert values[-1] > values[0]


def test_scaled_returns_scale_the_log_of_what_is_left(surrogate: Surrogate) -> None:
    # (1 - x) ** k exactly: the ratio of the logs is k, the rest of the product stays.
    rest = at(surrogate, volatility=0.0)
    once, twice = at(surrogate), at(surrogate, volatility=2.0)
    assert np.log(twice / rest) == pytest.approx(2 * np.log(once / rest), rel=1e-9)


def test_nobody_liquidates_for_a_bonus_below_its_costs(surrogate: Surrogate) -> None:
    # (1 + b (1 - phi)) (1 - delta) (1 - f) < 1 + g: the closed form of the smallest bonus.
    s = surrogate
    costs = (1 + s.gas_share) / ((1 - s.deviation) * (1 - s.swap_fee)) - 1
    smallest = costs / (1 - s.protocol_fee_share) / s.bonus
    assert at(s, bonus=smallest * 0.999) == 0.0
    assert np.isinf(float(s.horizon_hours({"bonus": smallest * 0.999})))
    assert float(s.chunk_usd({"bonus": smallest * 1.001})) > 0


def test_the_bonus_helps_in_thin_markets_and_costs_in_deep_ones(surrogate: Surrogate) -> None:
    thin, deep = {"depth": 0.3}, {"depth": 30.0}
    assert surrogate.supported(thin | {"bonus": 1.6}) > surrogate.supported(thin)
    assert surrogate.supported(deep | {"bonus": 1.6}) < surrogate.supported(deep)


def test_it_never_exceeds_invariant_and_protocol(surrogate: Surrogate) -> None:
    calm = at(surrogate, volatility=0.0, oracle_deviation=0.0)
    assert calm <= (1 - surrogate.margin) / (1 + surrogate.bonus) + 1e-12
    tight = replace(surrogate, protocol_limit=0.5)
    assert at(tight) == 0.5


def test_at_half_the_depth_it_falls_as_a_position_simulated_anew(
    case: Case, surrogate: Surrogate
) -> None:
    asked = replace(case.asked, model=with_depth(case.asked.model, "WETH", 0.5))
    assert asked.curve is not None
    with fewer_paths(refits=64):
        anew = simulate_case(asked, asked.curve, 0.95, frozenset(), (MODERATE,))
    assert anew.clearing.horizon_hours > 1.5
    assert float(surrogate.horizon_hours({"depth": 0.5})) == pytest.approx(
        anew.clearing.horizon_hours
    )
    limit = limits_of(anew, MODERATE)[0].threshold
    assert limit is not None
    # Two samples of paths: each knows the fall exceeded in 0.5 % of episodes to some 0.3 points.
    assert at(surrogate, depth=0.5) / surrogate.kept == pytest.approx(limit, abs=0.008)


def test_every_input_may_be_an_array(surrogate: Surrogate) -> None:
    values = surrogate.supported({name: np.ones(7) for name in INPUTS})
    np.testing.assert_allclose(values, at(surrogate), rtol=1e-12)


# Break-evens


def test_at_its_break_even_an_input_supports_exactly_the_value_in_force(
    case: Case, surrogate: Surrogate
) -> None:
    found = {one.input: one for one in break_evens(case, surrogate)}
    assert set(found) == {"volatility", "depth", "latency", "exposure"}
    current = case.asked.reserve.threshold.value
    met = 0
    for name, one in found.items():
        if one.at is not None:
            assert float(surrogate.supported({name: one.at / one.now})) == pytest.approx(
                current, abs=1e-6
            )
            met += 1
    assert met >= 1


def test_a_break_even_out_of_reach_says_so(case: Case, surrogate: Surrogate) -> None:
    low = replace(surrogate, kept=surrogate.kept * 2, margin=0.0, protocol_limit=0.99)
    assert crossing(low, "gas", 0.2) is None
    reserve = case.asked.reserve
    far = reserve.model_copy(
        update={"threshold": reserve.threshold.model_copy(update={"value": 0.99})}
    )
    market = case.asked.market
    asked = replace(
        case.asked, market=market.model_copy(update={"reserves": {**market.reserves, "WETH": far}})
    )
    found = break_evens(replace(case, asked=asked), surrogate)
    assert {one.at for one in found} == {None}
    assert all("is not supported" in one.reason for one in found)


def test_removed_inputs_are_worth_what_they_take(
    case: Case, surrogate: Surrogate, support: Support
) -> None:
    found = {one.input: one for one in removed_inputs(case, surrogate, support, MODERATE)}
    assert found["uncertainty"].supported == support.point
    assert found["price of the bonus"].supported == pytest.approx(
        support.bound * (1 + case.asked.bonus)
    )
    assert found["finite depth"].points >= 0
    assert found["fall within T"].points == max(one.points for one in found.values())
    for one in found.values():
        assert one.points == pytest.approx(100 * (one.supported - support.bound), abs=1e-9)


def test_overlays_are_not_counted_as_uncertainty(
    case: Case, surrogate: Surrogate, support: Support
) -> None:
    overlay = Overlay(asset="WETH", points=2.0, owner="Council", date="2026-01-01", reason="x")
    less = support_of(case, limits_of(case, MODERATE), MODERATE, (overlay,))
    before = {one.input: one for one in removed_inputs(case, surrogate, support, MODERATE)}
    after = {
        one.input: one
        for one in removed_inputs(case, surrogate_of(case, less, MODERATE), less, MODERATE)
    }
    assert "overlays" not in before
    assert after["overlays"].points == pytest.approx(2.0)
    assert after["overlays"].supported == pytest.approx(support.bound)
    assert after["uncertainty"].points == pytest.approx(before["uncertainty"].points)


def test_a_break_even_where_support_drops_to_nothing_says_so(
    case: Case, surrogate: Surrogate
) -> None:
    # Falls of 1 % within every horizon: only a sale of more than 72 hours takes the support away.
    calm = replace(surrogate, falls=np.full(72, 0.01), refill_hours=surrogate.refill_hours * 30)
    found = {one.input: one for one in break_evens(case, calm)}
    exposure = found["exposure"]
    assert exposure.at is not None
    assert exposure.reason == CLIFF
    factor = exposure.at / exposure.now
    assert float(calm.horizon_hours({"exposure": factor})) == pytest.approx(72.0, rel=1e-6)
    assert float(calm.supported({"exposure": factor * 1.001})) == 0.0
    assert float(calm.supported({"exposure": factor * 0.999})) > case.asked.reserve.threshold.value


# Sensitivity


def test_sobol_indices_of_the_ishigami_function() -> None:
    """Total indices in closed form for a = 7, b = 0.1: 0.5576, 0.4424, 0.2437."""

    def ishigami(x: np.ndarray) -> np.ndarray:
        return np.asarray(
            np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
        )

    total, error = total_indices(ishigami, [(-np.pi, np.pi)] * 3, seed=1)
    assert (np.abs(total - [0.5576, 0.4424, 0.2437]) <= error).all()
    assert (error < 0.12).all()


def test_what_does_not_vary_has_no_index() -> None:
    total, error = total_indices(lambda x: np.full(len(x), 0.8), [(0.0, 1.0)] * 2, seed=1)
    assert total.tolist() == error.tolist() == [0.0, 0.0]


def test_bars_are_the_ends_of_the_ranges_widest_first(case: Case, surrogate: Surrogate) -> None:
    bars, points = sensitivity(case, surrogate, MODERATE.position_probability)
    assert {bar.input for bar in bars} == {"volatility", *load_sensitivity()}
    assert points == evaluations(len(bars))
    widths = [abs(bar.at_high - bar.at_low) for bar in bars]
    assert widths == sorted(widths, reverse=True)
    latency = next(bar for bar in bars if bar.input == "latency")
    assert (latency.low, latency.high) == pytest.approx((1.0, 30.0))
    assert sensitivity(case, surrogate, MODERATE.position_probability)[0] == bars


# Frontier


def test_dominated_points_are_those_another_beats(case: Case) -> None:
    unnecessary = unnecessary_over(case, case.losses.thresholds, 0.85)
    points = frontier(case, MODERATE, unnecessary)
    assert [p.threshold for p in points] == sorted(p.threshold for p in points)
    for one in points:
        beaten = any(
            other.threshold >= one.threshold
            and other.es_share <= one.es_share
            and other.unnecessary_share <= one.unnecessary_share
            and other != one
            for other in points
        )
        assert one.dominated == beaten
    per_point = points[0].borrowing_usd / points[0].threshold
    cap = case.asked.reserve.supply_cap.value * case.asked.known.price_usd
    assert per_point == pytest.approx(cap)
