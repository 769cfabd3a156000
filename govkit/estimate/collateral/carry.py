"""What holding a leveraged staking position costs: drift of the health factor, time to 1."""

from __future__ import annotations

import math

from govkit.errors import InputError


def health_factor_drift(growth_per_year: float, borrow_rate: float) -> float:
    """Return the yearly change of the health factor of a position left alone, a fraction.

    Collateral grows by the staking reward, debt by the borrowing rate, so the health factor is
    multiplied by (1 + growth) / (1 + rate) each year, whatever the leverage. Negative when
    carry is negative.

    Parameters
    ----------
    growth_per_year, borrow_rate:
        Effective yearly rates, fractions above -1.
    """
    for name, rate in (("growth_per_year", growth_per_year), ("borrow_rate", borrow_rate)):
        if not rate > -1 or not math.isfinite(rate):
            raise InputError(f"{rate} is no yearly rate", where=name, todo="Give a fraction.")
    return (1 + growth_per_year) / (1 + borrow_rate) - 1


def carry_on_equity(growth_per_year: float, borrow_rate: float, leverage: float) -> float:
    """Return the first year's return on equity: growth less (rate - growth) (leverage - 1).

    This is where leverage multiplies the difference of the rates; leverage is collateral over
    equity, at least 1.
    """
    _check_leverage(leverage)
    return growth_per_year - (borrow_rate - growth_per_year) * (leverage - 1)


def years_to_liquidation(
    threshold: float, leverage: float, growth_per_year: float, borrow_rate: float
) -> float | None:
    """Return the years until carry alone takes a loop to a health factor of 1.

    Parameters
    ----------
    threshold:
        Liquidation threshold, a fraction.
    leverage:
        Collateral over equity, above 1; the health factor begins at threshold x leverage /
        (leverage - 1).

    Returns
    -------
    float or None
        0 when it is at or below 1 already, None when carry is not negative.
    """
    _check_leverage(leverage)
    if not 0 < threshold < 1:
        raise InputError(f"{threshold} is no threshold", where="threshold",
                         todo="Give a fraction between 0 and 1.")  # fmt: skip
    drift = health_factor_drift(growth_per_year, borrow_rate)
    if leverage == 1:
        return None
    start = threshold * leverage / (leverage - 1)
    if start <= 1:
        return 0.0
    return math.log(start) / -math.log1p(drift) if drift < 0 else None


def _check_leverage(leverage: float) -> None:
    if not leverage >= 1 or not math.isfinite(leverage):
        raise InputError(f"{leverage} is no leverage", where="leverage",
                         todo="Give collateral over equity, at least 1.")  # fmt: skip
