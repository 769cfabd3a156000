"""Refits on bootstrapped histories."""

from __future__ import annotations

import numpy as np
import pytest

from govkit.estimate.refit import refit_rows
from govkit.estimate.states import trigger_mask
from govkit.estimate.volatility import filter_variance, fit_variance
from govkit.records.model import Refits
from tests.estimate.test_volatility import TRUE, simulate

SEEDS = [11, 12, 13, 14]


@pytest.fixture(scope="module")
def history() -> tuple:
    returns = simulate(TRUE, 9000, seed=21)
    variance = fit_variance(returns)
    sigma = np.sqrt(filter_variance(returns, variance)[:-1])
    return returns, variance, float(sigma[trigger_mask(sigma)].mean())


@pytest.fixture(scope="module")
def rows(history: tuple) -> list:
    return refit_rows(*history, SEEDS)


def test_rows_are_finite_and_fit_their_record(history: tuple, rows: list) -> None:
    assert len(rows) == len(SEEDS)
    table = np.array(rows)
    assert np.isfinite(table).all()
    record = Refits(rows=tuple(rows), block_hours=720, seed=1)
    column = dict(zip(record.columns, table.T, strict=True))
    persistence = column["alpha"] + column["gamma"] / 2 + column["beta"]
    assert (persistence <= 0.995 + 1e-12).all()
    assert (column["omega"] > 0).all()
    assert (column["threshold"] > 0).all()
    assert (column["scale"] > 0).all()
    # Bootstrapped histories of the same law: near the fit and near a scale of 1, but not equal.
    assert column["beta"] == pytest.approx(history[1].beta, abs=0.08)
    assert column["trigger_scale"] == pytest.approx(1.0, abs=0.4)
    assert len(set(column["beta"])) == len(SEEDS)


def test_the_same_seeds_give_the_same_rows_however_they_are_split(
    history: tuple, rows: list
) -> None:
    assert refit_rows(*history, SEEDS[2:]) + refit_rows(*history, SEEDS[:2]) == rows[2:] + rows[:2]
