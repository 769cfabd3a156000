from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkit.render import numbers
from govkit.render.waterfall import line, printed_bars
from tests.render import sample

NAMES = ("fall", "clearing", "oracle", "bonus", "book and stress", "uncertainty")


@given(
    st.lists(st.floats(0.85, 1.0), min_size=1, max_size=6),
    st.integers(100, 190).map(lambda half: half / 200),
)
def test_printed_parts_add_up_exactly(factors: list[float], threshold: float) -> None:
    bars = sample.waterfall(threshold, dict(zip(NAMES, factors, strict=False)))
    base = sample.weth()
    asset = base.model_copy(
        update={
            "waterfall": bars,
            "recommended": base.recommended.model_copy(update={"threshold": threshold}),
        }
    )
    printed = printed_bars(asset)
    assert 100 + sum(bar.points for bar in printed) == Decimal(str(threshold)) * 100
    exact = {bar.name: bar.points for bar in bars}
    for bar in printed:
        assert abs(float(bar.points) - exact[bar.name]) < 0.1 + 1e-9


@pytest.mark.parametrize("build", [sample.weth, sample.wbtc, sample.aave, sample.link])
def test_the_line_adds_up_as_it_is_read(build: object) -> None:
    text = line(build())  # type: ignore[operator]
    left, right = text.replace(numbers.SPACE, " ").split(" = ")
    total = 100.0
    for sign, value in re.findall(r"([+−]) ([\d.]+)", left):
        total += float(value) * (1 if sign == "+" else -1)
    assert math.isclose(total, float(right))


def test_bars_that_do_not_add_up_are_refused() -> None:
    asset = sample.weth()
    broken = asset.model_copy(update={"waterfall": asset.waterfall[:2]})
    with pytest.raises(ValueError, match="do not add up"):
        printed_bars(broken)
