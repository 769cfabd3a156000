"""Refits on bootstrapped histories."""

from __future__ import annotations

import numpy as np
import pytest

from govkit.estimate.returns.refit import refit_rows
from govkit.estimate.returns.volatility import fit_variance
from govkit.records.returns import Refits
from tests.estimate.returns.test_volatility import TRUE, simulate

SEEDS = [11, 12, 13, 14]


@pytest.fixture(scope="module")
def history() -> tuple:
    returns = simulate(TRUE, 9000, seed=21)
    return returns, fit_variance(returns)


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
    for level in (0, 50, 90, 99, 100):
        assert column[f"trigger_{level}"] == pytest.approx(1.0, abs=0.6)
    assert len(set(column["beta"])) == len(SEEDS)


def test_the_same_seeds_give_the_same_rows_however_they_are_split(
    history: tuple, rows: list
) -> None:
    assert refit_rows(*history, SEEDS[2:]) + refit_rows(*history, SEEDS[:2]) == rows[2:] + rows[:2]
