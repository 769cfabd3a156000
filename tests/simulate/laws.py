"""Return laws whose answers are known in closed form."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from govkit.simulate.falls import ReturnLaw

NO_TAIL = np.array([1.0, 0.1, 0.0, 0.5])


def gaussian_law(sigma: float) -> ReturnLaw:
    """Constant volatility, normal residuals, lows equal to closes, no jumps, no ratio.

    The residual's tails beyond 0.5 % are exponential with the normal's quantile and its mean
    excess there: 1 % off at 99.9 %, which the tolerances of the tests allow for.
    """
    threshold = float(norm.isf(0.005))
    scale = float(norm.pdf(threshold) / 0.005) - threshold
    tail = np.array([threshold, 0.0, scale, 0.005])
    return ReturnLaw(
        variance=np.array([sigma**2, 0.0, 0.0, 0.0]),
        body=norm.ppf(np.linspace(0.005, 0.995, 257)),
        lower=tail,
        upper=tail.copy(),
        shadow_edges=np.array([0.0]),
        shadow=np.zeros((2, 33)),
        sigma_start=np.full(65, sigma),
        jump=np.array([0.0, 0.1, 0.05]),
        ratio_body=np.zeros(2),
        ratio_lower=NO_TAIL,
        ratio_upper=NO_TAIL,
    )
