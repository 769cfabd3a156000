"""The other models against closed forms, published numbers and simulated processes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from govkit.calibrate.ensemble import (
    OWN,
    brownian_exceedance,
    brownian_fall,
    brownian_table,
    comparisons,
    own_table,
)
from govkit.estimate.returns.history import TABLE_HORIZONS, TABLE_PROBABILITIES
from govkit.estimate.returns.hours import HourlyReturns
from govkit.estimate.returns.model import estimate_returns
from govkit.records.provenance import Window
from govkit.records.returns import FallTable, ReturnModel
from tests.estimate.returns.test_volatility import TRUE, simulate

WINDOW = Window(source="simulated", first="", last="", observations=0, input_digests=())
YEAR = 0.80


@pytest.mark.parametrize(
    ("days", "fall", "chance"),
    [
        (1, 0.1, 0.012504482282205052),
        (1, 0.2, 1.1042551121345521e-07),
        (7, 0.2, 0.049130125543349945),
        (30, 0.3, 0.14269472258953503),
    ],
)
def test_the_running_minimum_of_a_price_without_drift(
    days: int, fall: float, chance: float
) -> None:
    """Oracles C1: volatility 80 % a year of 365 days, no drift of the price."""
    found = brownian_exceedance(fall, YEAR, days / 365, drift=-(YEAR**2) / 2)
    assert found == pytest.approx(chance, rel=1e-9)


def test_without_log_drift_the_minimum_passes_twice_as_often_as_the_end_point() -> None:
    """Oracle C2, the reflection principle; an end-point quantile understates by half."""
    end_point = norm.cdf(np.log(0.9) / (YEAR * np.sqrt(1 / 365)))
    assert brownian_exceedance(0.1, YEAR, 1 / 365) / end_point == pytest.approx(2.0, rel=1e-12)


def test_the_quantile_of_the_minimum_over_that_of_the_end_point() -> None:
    """Oracle C3: 2.5758 / 2.3263 at 99 %; and the fall is the inverse of its chance."""
    minimum = -np.log1p(-brownian_fall(0.01, 0.01, 24.0))
    assert minimum / (0.01 * np.sqrt(24) * norm.isf(0.01)) == pytest.approx(1.107248, abs=1e-5)
    assert brownian_exceedance(brownian_fall(0.003, 0.02, 5), 0.02, 5) == pytest.approx(0.003)


def test_a_log_return_of_minus_a_half_is_a_fall_of_39_percent() -> None:
    """Oracle B6: the fall is 1 - exp(r), not -r."""
    table = brownian_table(0.5 / norm.isf(0.0025))
    assert table.falls[0][table.probabilities.index(0.005)] == pytest.approx(0.39346934, abs=1e-8)


def hours_of(returns: np.ndarray) -> HourlyReturns:
    times = pd.date_range("2020-01-01", periods=len(returns), freq="h", tz="UTC")
    return HourlyReturns("X", times, returns, np.minimum(returns, 0), np.ones(len(returns)), 0, ())


def fitted(returns: np.ndarray) -> tuple[HourlyReturns, ReturnModel]:
    hours = hours_of(returns)
    model = estimate_returns(hours, WINDOW, (np.ones(33), WINDOW), [returns], [], "USDC")
    assert isinstance(model, ReturnModel)
    return hours, model


@pytest.fixture(scope="module")
def tables() -> dict[str, FallTable]:
    """All models of 30,000 hours of a known GJR process with t errors."""
    hours, model = fitted(simulate(TRUE, 30_000, seed=31))
    found = (own_table(model, 1, "X"), *comparisons(hours, model, 1))
    return {table.model: table for table in found}


def test_every_model_the_rule_asks_for_is_there(tables: dict[str, FallTable]) -> None:
    assert list(tables) == [
        OWN,
        "empirical, overlapping windows",
        "peaks over threshold, falls after triggers",
        "EWMA filter, own residuals",
        "GARCH filter, t errors",
        "jump diffusion",
        "Brownian motion, control",
    ]
    for table in tables.values():
        falls = np.array(table.falls)
        assert falls.shape == (len(TABLE_HORIZONS), len(TABLE_PROBABILITIES))
        assert ((falls > 0) & (falls < 1)).all(), table.model
        assert (np.diff(falls, axis=1) < 0).all(), table.model  # rarer falls are larger
        assert (np.diff(falls, axis=0) > 0).all(), table.model  # and so are longer ones


def test_on_a_process_of_its_own_kind_t_errors_and_residuals_agree(
    tables: dict[str, FallTable],
) -> None:
    """The process has t errors: fitted residuals and fitted t errors tell one story, to 6 %."""
    own, other = tables[OWN], tables["GARCH filter, t errors"]
    np.testing.assert_allclose(np.array(own.falls), np.array(other.falls), rtol=0.06)


def test_one_hour_falls_under_t_errors_are_a_mixture_by_closed_form(
    tables: dict[str, FallTable],
) -> None:
    """P(fall > x in an hour) = mean over trigger states of the t tail at log(1 - x) / sigma."""
    _, model = fitted(simulate(TRUE, 30_000, seed=31))
    u = (np.arange(20_000) + 0.5) / 20_000
    sigma = np.interp(1 - (1 - u) ** (1 / 3), np.linspace(0, 1, 65), model.states.trigger)
    nu = model.variance.nu
    assert nu is not None
    scale = np.sqrt((nu - 2) / nu)
    # The prior half jump of the history is drawn on top; its chance is one in 60,000 hours.
    for p, fall in zip(TABLE_PROBABILITIES, tables["GARCH filter, t errors"].falls[0], strict=True):
        assert student.cdf(np.log1p(-fall) / sigma / scale, nu).mean() == pytest.approx(p, rel=0.06)


def test_thin_tails_miss_what_the_others_see(tables: dict[str, FallTable]) -> None:
    rare = TABLE_PROBABILITIES.index(0.002)
    brownian = tables["Brownian motion, control"].falls[0][rare]
    for name in (OWN, "GARCH filter, t errors", "empirical, overlapping windows"):
        assert tables[name].falls[0][rare] > 1.1 * brownian


def test_the_pareto_tail_of_falls_stays_near_history(tables: dict[str, FallTable]) -> None:
    common = TABLE_PROBABILITIES.index(0.05)
    for ours, theirs in zip(
        tables["peaks over threshold, falls after triggers"].falls,
        tables["empirical, overlapping windows"].falls,
        strict=True,
    ):
        assert ours[common] == pytest.approx(theirs[common], rel=0.25)


def test_a_history_with_few_separate_triggers_has_no_pareto_table() -> None:
    hours, model = fitted(simulate(TRUE, 900, seed=32))
    names = {table.model for table in comparisons(hours, model, 1)}
    assert "peaks over threshold, falls after triggers" not in names
    assert "jump diffusion" in names
