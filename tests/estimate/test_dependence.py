"""The t copula of hourly residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, multivariate_t

from govkit.estimate.dependence import DEGREES, fit_copula
from govkit.records.model import Dependence

RHO = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.4], [0.5, 0.4, 1.0]])
N = 12_000


def residuals(sample: np.ndarray) -> dict[str, pd.Series]:
    index = pd.date_range("2021-01-01", periods=len(sample), freq="h", tz="UTC")
    return {name: pd.Series(sample[:, k], index=index) for k, name in enumerate("ABC")}


def fitted(sample: np.ndarray) -> Dependence:
    found = fit_copula(residuals(sample))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def student() -> Dependence:
    return fitted(multivariate_t.rvs(shape=RHO, df=4, size=N, random_state=3))


def test_degrees_of_freedom_and_correlation_of_a_t_sample_are_recovered(
    student: Dependence,
) -> None:
    near = list(DEGREES).index(4.0)
    assert student.degrees_of_freedom in DEGREES[near - 1 : near + 2]
    # Elliptical laws: tau = 2 / pi arcsin(rho); its standard error here is about 0.006.
    expected = 2 / np.pi * np.arcsin(RHO)
    np.testing.assert_allclose(student.kendall_tau, expected, atol=0.02)
    assert student.assets == ("A", "B", "C")
    assert student.common_hours == N


def test_a_gaussian_copula_misses_joint_falls_of_t_data(student: Dependence) -> None:
    assert 0.3 < student.joint_fall_ratio_gaussian < 0.9


def test_a_gaussian_sample_has_many_degrees_of_freedom_and_misses_nothing() -> None:
    sample = multivariate_normal.rvs(cov=RHO, size=N, random_state=4)
    found = fitted(sample)
    assert found.degrees_of_freedom >= 20
    assert found.joint_fall_ratio_gaussian == pytest.approx(1.0, abs=0.25)


def test_the_copula_does_not_depend_on_the_margins() -> None:
    sample = multivariate_t.rvs(shape=RHO, df=4, size=6000, random_state=5)
    bent = np.column_stack([sample[:, 0] ** 3, np.exp(sample[:, 1] / 5), 2 * sample[:, 2] + 1])
    assert fitted(sample) == fitted(bent)


def test_only_common_hours_count() -> None:
    sample = multivariate_t.rvs(shape=RHO, df=4, size=6000, random_state=6)
    series = residuals(sample)
    series["B"] = series["B"].iloc[1001:]
    assert fit_copula(series) is None  # 4,999 common hours
    series = residuals(sample)
    series["B"] = series["B"].iloc[1000:]
    found = fit_copula(series)
    assert found is not None
    assert found.common_hours == 5000
    assert fit_copula({"A": series["A"]}) is None
