"""How numbers are written, in one place. Every function is a filter of the templates."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal

SPACE = "\u00a0"
"""Between a number and its unit: the two must not part at the end of a line."""

MINUS = "−"

SMALLEST_SHARE = Decimal("0.00001")
"""Shares below this are printed as less than it."""

THOUSAND, MILLION, BILLION = (Decimal(10) ** n for n in (3, 6, 9))

COUNT = re.compile(r"(?<![\w.,/:#-])[1-9]\d{4,8}(?![\w/:-]|[.,]\d)")


def exact(value: float) -> Decimal:
    """Return the decimal number a reader sees in the record, refusing NaN and infinity."""
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be printed")
    return Decimal(repr(float(value)))


def to_places(value: Decimal, places: int) -> Decimal:
    """Round half to even at a number of decimal places; zero is never negative."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return abs(rounded) if rounded == 0 else rounded


def text(value: Decimal, *, strip: bool = True) -> str:
    """Write a rounded number with thousands separators and a typographic minus."""
    shown = f"{value:,f}"
    if strip and "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return shown.replace("-", MINUS)


def sensible_places(value: Decimal) -> int:
    """Return one decimal place from 1 upwards, two significant digits below."""
    size = abs(value)
    if size == 0 or size >= 1:
        return 1
    return 1 - size.adjusted()


def percent(value: float) -> str:
    """Write a share as a percentage: 76.5 %, 0.12 %."""
    share = exact(value)
    if 0 < share < SMALLEST_SHARE:
        return "less than " + percent(float(SMALLEST_SHARE))
    hundredths = share * 100
    return text(to_places(hundredths, sensible_places(hundredths))) + SPACE + "%"


def setting(value: float) -> str:
    """Write a parameter in force or proposed, to a hundredth of a point: 82.25 %."""
    return text(to_places(exact(value) * 100, 2)) + SPACE + "%"


def chance(value: float) -> str:
    """Write a chance near one with at least two digits of its distance from one: 99.87 %."""
    share = exact(value)
    rest = (1 - share) * 100
    if share < 1 - Decimal("0.0001"):
        places = max(sensible_places(rest), 2 if rest < 10 else 1)
        shown = to_places(share * 100, places)
        return text(shown, strip=False) + SPACE + "%"
    return "more than " + text(Decimal("99.99")) + SPACE + "%"


def points(value: float) -> str:
    """Write percentage points without a sign: 1 point, 2.5 points."""
    shown = text(to_places(abs(exact(value)), 1))
    return shown + SPACE + ("point" if shown == "1" else "points")


def signed_points(value: float) -> str:
    """Write percentage points with a sign: −3 points, +1 point."""
    sign = "+" if value > 0 else MINUS if value < 0 else ""
    return sign + points(value)


def usd(value: float) -> str:
    """Write dollars with three significant digits: $41,200, $1.2M, $198M, $3.4B."""
    size = abs(exact(value))
    sign = MINUS if value < 0 and to_places(size, 0) != 0 else ""
    # What rounds up to the next unit is written in it: $1M, not $1,000K.
    for unit, letter in ((BILLION, "B"), (MILLION, "M")):
        shown = size / unit
        if size >= unit * Decimal("0.9995"):
            return sign + "$" + text(to_places(shown, 0 if shown >= 100 else 1)) + letter
    places = min(0, 2 - size.adjusted()) if size else 0
    return sign + "$" + text(to_places(to_places(size, places), 0))


def price(value: float) -> str:
    """Write a price: $71,204, $118.32, $0.9998."""
    size = exact(value)
    places = 0 if size >= 1000 else 2 if size >= 2 else 4
    return "$" + text(to_places(size, places), strip=places == 4)


def hours(value: float) -> str:
    """Write a time in hours, or in minutes below one hour: 1.8 h, 35 min."""
    if value < 1:
        return text(to_places(exact(value) * 60, 0)) + SPACE + "min"
    return text(to_places(exact(value), 1)) + SPACE + "h"


def integer(value: float) -> str:
    """Write a count with thousands separators: 100,000."""
    return text(to_places(exact(value), 0))


def number(value: float) -> str:
    """Write a number without a unit: one decimal place, or two significant digits below 1."""
    shown = exact(value)
    return text(to_places(shown, sensible_places(shown)))


def grouped(value: str) -> str:
    """Return a text with thousands separators in its counts of five digits and more.

    Shorter ones may be years. Decimals, dates, digests and names keep their digits.
    """
    return COUNT.sub(lambda match: f"{int(match.group()):,}", value)


def count(value: int, one: str, many: str = "") -> str:
    """Write a count with its noun: no accounts, 1 account, 3 accounts."""
    if value == 0:
        return "no " + (many or one + "s")
    return integer(value) + SPACE + (one if value == 1 else many or one + "s")


def yearly(rate: float) -> str:
    """Write a yearly rate: about 2.3 times a year, about once in 11 years."""
    if rate <= 0:
        return "never in the simulated episodes"
    if rate < 0.0005:
        return "less than once in 2,000 years"
    if to_places(exact(rate), 1) > 1:
        return f"about {number(rate)} times a year"
    gap = integer(1 / rate)
    return "about once a year" if gap == "1" else f"about once in {gap} years"


def date(value: str) -> str:
    """Write the day of a date or time: 2026-02-14."""
    return value[:10]


def digest(value: str) -> str:
    """Shorten a digest to its first twelve digits."""
    return value.removeprefix("sha256:")[:12]


FILTERS = {
    function.__name__: function
    for function in (
        percent, setting, chance, points, signed_points, usd, price, hours, integer, number,
        count, yearly, date, digest, grouped,
    )
}  # fmt: skip
