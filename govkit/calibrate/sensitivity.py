"""What the supported threshold hangs on: one input at a time, and all at once (Sobol)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from SALib.analyze import sobol as sobol_analysis
from SALib.sample import sobol as sobol_sample

from govkit.calibrate.case import Case
from govkit.calibrate.surrogate import Surrogate
from govkit.data import InputRange, load_sensitivity
from govkit.records.justification import SensitivityBar
from govkit.simulate.random import seeds

Array = NDArray[np.float64]

SOBOL_BASE = 512
REFIT_SOURCE = "5 to 95 % of the model's refits, widened as the interval is"


@dataclass(frozen=True)
class Varied:
    """One input's range, as factors of the value in use."""

    name: str
    low: float
    high: float
    source: str


def total_indices(
    function: Callable[[Array], Array], bounds: list[tuple[float, float]], seed: int
) -> tuple[Array, Array]:
    """Return the Sobol total index of every input and the half-width of its 95 % interval.

    Parameters
    ----------
    function:
        From samples of shape (n, inputs) to values of shape (n,).
    bounds:
        Uniform range of every input.

    Notes
    -----
    Saltelli's scheme on scrambled Sobol points, computed by SALib; 0 where nothing varies.
    """
    problem = {
        "num_vars": len(bounds),
        "names": [str(k) for k in range(len(bounds))],
        "bounds": [list(bound) for bound in bounds],
    }
    points = sobol_sample.sample(problem, SOBOL_BASE, calc_second_order=False, seed=seed)
    values = function(points)
    if np.ptp(values) < 1e-12:
        return np.zeros(len(bounds)), np.zeros(len(bounds))
    found = sobol_analysis.analyze(problem, values, calc_second_order=False, seed=seed)
    return np.maximum(found["ST"], 0.0), np.asarray(found["ST_conf"])


def evaluations(inputs: int) -> int:
    """Return how many model evaluations stand behind the indices."""
    return SOBOL_BASE * (inputs + 2)


def sensitivity(
    case: Case, surrogate: Surrogate, probability: float
) -> tuple[tuple[SensitivityBar, ...], int]:
    """Return a bar for every input, widest first, and the number of evaluations behind them."""
    varied = ranges_of(case, surrogate, probability)
    names = [one.name for one in varied]

    def values(points: Array) -> Array:
        return surrogate.supported(dict(zip(names, points.T, strict=True)))

    seed = seeds(case.asked.seed, 1, case.asked.asset, "sensitivity")[0]
    total, error = total_indices(values, [(one.low, one.high) for one in varied], seed)
    bars = [
        SensitivityBar.model_validate(
            {
                "input": one.name,
                "unit": unit_of(one.name),
                "low": one.low * value_of(case, surrogate, one.name),
                "high": one.high * value_of(case, surrogate, one.name),
                "at_low": float(surrogate.supported({one.name: one.low})),
                "at_high": float(surrogate.supported({one.name: one.high})),
                "total": float(total[k]),
                "total_error": float(error[k]),
                "source": one.source,
            }
        )
        for k, one in enumerate(varied)
    ]
    bars.sort(key=lambda bar: -abs(bar.at_high - bar.at_low))
    return tuple(bars), evaluations(len(varied))


def ranges_of(case: Case, surrogate: Surrogate, probability: float) -> list[Varied]:
    """Return the range of every input that is varied, as factors of the value in use."""
    refits = case.refits[probability]
    found = []
    # A depeg is a state, not a size of ordinary moves: it has no volatility to vary.
    if len(refits) and case.asked.returns.basis != "depeg":
        # A refit's (1 - x) over the model's is (1 - x) ** (k - 1) at a volatility k times as high.
        log_left = np.log1p(-float(np.interp(case.clearing.horizon_hours,
                                             np.arange(1, len(surrogate.falls) + 1),
                                             surrogate.falls)))  # fmt: skip
        factors = 1 + np.log(refits) / log_left
        low, high = (float(q) for q in np.quantile(factors, [0.05, 0.95]))
        found.append(Varied("volatility", min(low, 1.0), max(high, 1.0), REFIT_SOURCE))
    for name, one in load_sensitivity().items():
        now = value_of(case, surrogate, name)
        if one.low is not None and one.high is not None and now <= 0:
            continue
        low, high = _factors(one, now)
        found.append(Varied(name, min(low, 1.0), max(high, 1.0), one.source))
    return found


def _factors(one: InputRange, now: float) -> tuple[float, float]:
    if one.low is not None and one.high is not None:
        return one.low / now, one.high / now
    assert one.low_factor is not None
    assert one.high_factor is not None
    return one.low_factor, one.high_factor


def value_of(case: Case, surrogate: Surrogate, name: str) -> float:
    """Return the value in use of an input, in the unit of `unit_of`.

    Volatility is the yearly one of the median trigger state; depth the stressed size that the
    bonus pays for at once.
    """
    states = np.array(case.asked.returns.states.trigger)
    # The table is that of quantile 1 - (1 - s) ** 3 at step s: the median is at 1 - 0.5 ** (1/3).
    median = float(np.interp(1 - 0.5 ** (1 / 3), np.linspace(0, 1, len(states)), states))
    values: dict[str, float] = {
        "volatility": median * sqrt(24 * 365),
        "depth": float(surrogate.chunk_usd({})),
        "latency": surrogate.latency_hours * 60,
        "refill": surrogate.refill_hours * 60,
        "exposure": surrogate.exposure_usd,
        "oracle deviation": surrogate.deviation,
        "bonus": surrogate.bonus,
        "swap fee": surrogate.swap_fee,
        "gas": surrogate.gas_share,
    }
    return values[name]


def unit_of(name: str) -> str:
    """Return the unit in which an input is printed."""
    units = {"volatility": "yearly", "depth": "usd", "exposure": "usd"}
    return units.get(name, "minutes" if name in ("latency", "refill") else "fraction")
