from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkit.render import numbers

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (numbers.percent, 0.83, "83 %"),
        (numbers.percent, 0.765, "76.5 %"),
        (numbers.percent, 0.0012, "0.12 %"),
        (numbers.percent, 0.000123, "0.012 %"),
        (numbers.percent, 0.0, "0 %"),
        (numbers.percent, -0.0, "0 %"),
        (numbers.percent, -0.000001, "−0.0001 %"),
        (numbers.percent, 0.000001, "less than 0.001 %"),
        (numbers.percent, 1.0, "100 %"),
        (numbers.setting, 0.8225, "82.25 %"),
        (numbers.setting, 0.83, "83 %"),
        (numbers.chance, 0.99873, "99.87 %"),
        (numbers.chance, 0.9897, "98.97 %"),
        (numbers.chance, 0.9941, "99.41 %"),
        (numbers.chance, 0.99951, "99.951 %"),
        (numbers.chance, 0.87, "87.0 %"),
        (numbers.chance, 1.0, "more than 99.99 %"),
        (numbers.points, 1.0, "1 point"),
        (numbers.points, -3.0, "3 points"),
        (numbers.points, 0.04, "0 points"),
        (numbers.signed_points, -3.0, "−3 points"),
        (numbers.signed_points, 1.0, "+1 point"),
        (numbers.signed_points, 0.0, "0 points"),
        (numbers.usd, 0.0, "$0"),
        (numbers.usd, -0.2, "$0"),
        (numbers.usd, 41_213.0, "$41,200"),
        (numbers.usd, 999_600.0, "$1M"),
        (numbers.usd, 1_234_567.0, "$1.2M"),
        (numbers.usd, 198e6, "$198M"),
        (numbers.usd, 3.41e9, "$3.4B"),
        (numbers.usd, -5e6, "−$5M"),
        (numbers.price, 71204.0, "$71,204"),
        (numbers.price, 118.3, "$118.30"),
        (numbers.price, 0.9998, "$0.9998"),
        (numbers.hours, 1.77, "1.8 h"),
        (numbers.hours, 0.5833, "35 min"),
        (numbers.integer, 100_000, "100,000"),
        (numbers.number, 0.0123, "0.012"),
        (numbers.yearly, 0.09, "about once in 11 years"),
        (numbers.yearly, 1.0, "about once a year"),
        (numbers.yearly, 2.34, "about 2.3 times a year"),
        (numbers.yearly, 0.0, "never in the simulated episodes"),
    ],
)
def test_written(write: Callable[[float], str], value: float, text: str) -> None:
    assert write(value).replace(numbers.SPACE, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "no accounts"), (1, "1 account"), (3, "3 accounts"), (1200, "1,200 accounts")],
)
def test_counts_carry_their_noun(value: int, text: str) -> None:
    assert numbers.count(value, "account").replace(numbers.SPACE, " ") == text


@given(FINITE)
def test_no_negative_zero_and_no_exponent(value: float) -> None:
    for write in (numbers.percent, numbers.points, numbers.usd, numbers.price, numbers.number):
        text = write(value)
        assert "e" not in text.replace("less than", "").replace("point", "").lower()
        digits = [c for c in text if c.isdigit()]
        assert not (numbers.MINUS in text and set(digits) == {"0"}), text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="cannot be printed"):
        numbers.percent(value)
