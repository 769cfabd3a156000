"""The waterfall adds up exactly and does not depend on the order of its steps."""

from __future__ import annotations

from math import fsum, log, prod
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from govkit.calibrate.waterfall import waterfall
from govkit.records.evidence import AssetEvidence, Bar
from tests.calibrate.pipeline import PEGGED, SUPPORTED

NAMES = get_args(Bar.model_fields["name"].annotation)
FACTORS = st.lists(st.floats(0.2, 1.6), min_size=1, max_size=len(NAMES))


def points(factors: list[float]) -> dict[str, float]:
    named = list(zip(NAMES, factors, strict=False))
    return {bar.name: bar.points for bar in waterfall(named)}


@given(FACTORS)
@example([1.0])
@example([0.5, 2.0])  # the product is 1 and the steps cancel
@example([1 - 1e-13])
@example([1 + 1e-11, 0.7, 1 / 0.7])
def test_bars_add_up(factors: list[float]) -> None:
    total = 100 * (prod(factors) - 1)
    assert fsum(points(factors).values()) == pytest.approx(total, abs=1e-9)


@given(FACTORS.flatmap(lambda f: st.tuples(st.just(f), st.permutations(range(len(f))))))
def test_order_does_not_matter(drawn: tuple[list[float], list[int]]) -> None:
    factors, order = drawn
    named = list(zip(NAMES, factors, strict=False))
    turned = {bar.name: bar.points for bar in waterfall([named[i] for i in order])}
    assert turned == pytest.approx(points(factors), abs=1e-9)


def test_two_factors_by_hand() -> None:
    # w = (1 - 0.72) / -ln 0.72 = 0.85235; 100 w ln 0.9 = -8.9804, 100 w ln 0.8 = -19.0196.
    found = points([0.9, 0.8])
    assert found["fall"] == pytest.approx(-8.9804, abs=1e-4)
    assert found["clearing"] == pytest.approx(-19.0196, abs=1e-4)
    assert found["fall"] / found["clearing"] == pytest.approx(log(0.9) / log(0.8), rel=1e-12)


@pytest.mark.parametrize("bonus", [0.01, 0.05, 0.1])
def test_calm_limit_leaves_only_the_bonus(bonus: float) -> None:
    # No fall, no deviation, no overlay: what remains is the invariant's 1 / (1 + b).
    factors = [1.0] * len(NAMES)
    factors[NAMES.index("bonus")] = 1 / (1 + bonus)
    found = points(factors)
    assert found.pop("bonus") == pytest.approx(100 / (1 + bonus) - 100, abs=1e-12)
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize("factor", [0.0, -0.1])
def test_factors_must_be_positive(factor: float) -> None:
    with pytest.raises(ValueError, match="waterfall factors must be positive"):
        waterfall([("fall", 0.9), ("bonus", factor)])


def test_shipped_assets(calibrated: dict[str, AssetEvidence]) -> None:
    shown = [asset for asset in calibrated.values() if asset.waterfall]
    assert {asset.asset for asset in shown} == {*SUPPORTED, *PEGGED}
    for asset in shown:
        assert [bar.name for bar in asset.waterfall] == list(NAMES)
        total = 100 + fsum(bar.points for bar in asset.waterfall)
        # Bars are stored with six significant digits.
        assert total == pytest.approx(100 * asset.recommended.threshold, abs=1e-3)
