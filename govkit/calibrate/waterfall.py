"""The exact, order-free waterfall from 100 % to the recommended threshold."""

from __future__ import annotations

from math import log

from govkit.records.evidence import Bar


def waterfall(factors: list[tuple[str, float]]) -> tuple[Bar, ...]:
    """Split 1 - prod(factors) into additive contributions by the logarithmic mean (LMDI).

    Parameters
    ----------
    factors:
        Name and factor (> 0) of each step; their product is the threshold.

    Returns
    -------
    tuple of Bar
        Points are ``100 w ln f`` with ``w = (1 - threshold) / -ln(threshold)``: they do not
        depend on the order of the steps and sum to the threshold minus 100. A step that
        changes nothing has factor 1 and 0 points.

    Notes
    -----
    Ang (2004), logarithmic mean Divisia index.
    """
    total = 1.0
    for _, factor in factors:
        if factor <= 0:
            raise ValueError("waterfall factors must be positive")
        total *= factor
    weight = 1.0 if abs(total - 1) < 1e-12 else (total - 1) / log(total)
    return tuple(
        Bar.model_validate({"name": name, "factor": f, "points": 100 * weight * log(f)})
        for name, f in factors
    )
