"""Measure whether the intervals of a fit cover the truth as often as they claim.

Usage: python scripts/coverage.py [HISTORIES] [YEARS]

Histories are drawn from known processes: GJR-GARCH with t errors, from calmer than any asset of
the reference model to as wild as LINK's own fit. Each history is fitted as `govkit fit` would fit
it, and its intervals are held against the known values. The figures stand in docs/method.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from scipy.stats import t as student

from govkit.calibrate.position import refit_falls, widened
from govkit.calibrate.weighted import quantile_interval
from govkit.estimate.returns.hours import HourlyReturns
from govkit.estimate.returns.model import estimate_returns, fitted_variance
from govkit.estimate.returns.pareto import fit_pareto, shape_interval
from govkit.estimate.returns.refit import refit_rows
from govkit.estimate.returns.volatility import Variance
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import Refits
from govkit.simulate.falls import fall_at, return_law, simulate_falls

HORIZON_HOURS, PROBABILITY = 2.0, 0.005
LONG_RUN = 7e-5
REFITS = 50
TRUTH_HOURS, TRUTH_PATHS = 4_000_000, 2_000_000
BURN_IN = 5000
WINDOW = Window(source="simulated", first="", last="", observations=0, input_digests=())


@dataclass(frozen=True)
class Process:
    """A known process: weights of news, of bad news and of the past, and the errors' degrees."""

    name: str
    alpha: float
    gamma: float
    beta: float
    nu: float

    @property
    def variance(self) -> Variance:
        """Its parameters at an hourly variance of 7e-5 in the long run."""
        omega = LONG_RUN * (1 - self.alpha - self.gamma / 2 - self.beta)
        return Variance("gjr", omega, self.alpha, self.gamma, self.beta, self.nu)

    def errors(self, shape: int, random: np.random.Generator) -> np.ndarray:
        """Draw errors of unit variance."""
        scale = np.sqrt((self.nu - 2) / self.nu)
        return np.asarray(student.rvs(self.nu, size=shape, random_state=random) * scale)


PROCESSES = (
    Process("persistence 0.990, 6 degrees", 0.05, 0.01, 0.935, 6.0),
    Process("persistence 0.990, 4.45 degrees", 0.05, 0.01, 0.935, 4.45),
    Process("persistence 0.9925, 4.45 degrees", 0.065, 0.0, 0.9275, 4.45),
)


@njit
def _run(errors, omega, alpha, gamma, beta, start):  # type: ignore[no-untyped-def]
    returns, variances, variance = np.empty(len(errors)), np.empty(len(errors)), start
    for k in range(len(errors)):
        r = np.sqrt(variance) * errors[k]
        returns[k], variances[k] = r, variance
        variance = omega + (alpha + (gamma if r < 0 else 0.0)) * r * r + beta * variance
    return returns, variances


def history(process: Process, hours: int, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw hourly log returns and their variances, after a burn-in."""
    errors = process.errors(hours + BURN_IN, random)
    returns, variances = _run(errors, *process.variance.weights, LONG_RUN)
    return returns[BURN_IN:], variances[BURN_IN:]


def true_fall(process: Process, random: np.random.Generator) -> float:
    """Return the fall after a trigger, from the process itself and its long-run trigger states."""
    _, variances = history(process, TRUTH_HOURS, random)
    state = random.choice(variances[variances >= np.quantile(variances, 0.9)], TRUTH_PATHS)
    level, worst = np.zeros(TRUTH_PATHS), np.zeros(TRUTH_PATHS)
    omega, alpha, gamma, beta = process.variance.weights
    for _ in range(int(HORIZON_HOURS)):
        r = np.sqrt(state) * process.errors(TRUTH_PATHS, random)
        level += r
        worst = np.minimum(worst, level)
        state = omega + (alpha + gamma * (r < 0)) * r * r + beta * state
    return float(np.quantile(1 - np.exp(worst), 1 - PROBABILITY))


def estimate(returns: np.ndarray, seed: int) -> tuple[float, np.ndarray] | None:
    """Return the fall of one fitted history and those of its refits."""
    times = pd.date_range("2019-01-01", periods=len(returns), freq="h", tz="UTC")
    hours = HourlyReturns("X", times, returns, np.minimum(returns, 0), np.ones(len(returns)), 0, ())
    model = estimate_returns(hours, WINDOW, (np.ones(33), WINDOW), [returns], [], "USDC")
    if isinstance(model, NotDone):
        return None
    rows = refit_rows(returns, fitted_variance(model.variance), list(range(seed, seed + REFITS)))
    refits = Refits(rows=tuple(r for r in rows if r is not None), block_hours=720, seed=seed)
    model = model.model_copy(update={"refits": refits})
    law = return_law(model)
    falls = fall_at(simulate_falls(law, hours=2, paths=100_000, seed=seed, name="X"), HORIZON_HOURS)
    base, others = refit_falls(law, model, HORIZON_HOURS, (PROBABILITY,), seed, "X")
    fall = float(np.quantile(falls, 1 - PROBABILITY))
    return fall, fall * others[:, 0] / base[0]


def intervals(random: np.random.Generator) -> str:
    """Return the coverage of the two intervals that need no refits."""
    shapes = quantiles = 0
    for _ in range(1000):
        excess = random.pareto(4, 310)  # shape 1 / 4
        fitted = fit_pareto(excess)
        if fitted is not None:
            low, high = shape_interval(excess, fitted)
            shapes += low <= 0.25 <= high
        low, high = quantile_interval(random.exponential(size=20_000), np.ones(20_000), PROBABILITY)
        quantiles += low <= -np.log(PROBABILITY) <= high
    return (
        f"95 % profile-likelihood interval of a Pareto shape, 310 excesses: {shapes / 10:.1f} %\n"
        f"95 % distribution-free interval of a 0.5 % quantile, 20,000 paths: {quantiles / 10:.1f} %"
    )


def of_refits(process: Process, histories: int, years: float, random: np.random.Generator) -> str:
    """Return the coverage of the 90 % interval over refits, as drawn and as widened."""
    truth = true_fall(process, random)
    drawn = [history(process, int(years * 8760), random)[0] for _ in range(histories)]
    found = [one for k, returns in enumerate(drawn) if (one := estimate(returns, 1000 * k))]
    falls = np.array([fall for fall, _ in found])

    def inside(spread: list[np.ndarray]) -> tuple[float, float, float]:
        low, high = np.array([np.quantile(s, [0.05, 0.95]) for s in spread]).T
        return float((truth < low).mean()), float((truth > high).mean()), float((high - low).mean())

    raw = inside([others for _, others in found])
    wide = inside([widened(fall, others) for fall, others in found])
    bound = np.mean([truth <= np.quantile(widened(fall, others), 0.8) for fall, others in found])
    return (
        f"{process.name}: true fall {truth:.2%}, median estimate {np.median(falls):.2%}, "
        f"{len(found)} histories of {years:g} years\n"
        f"  as drawn: covers {1 - raw[0] - raw[1]:.0%}, truth below {raw[0]:.0%}, above "
        f"{raw[1]:.0%}, mean width {raw[2]:.2%}\n"
        f"  widened:  covers {1 - wide[0] - wide[1]:.0%}, truth below {wide[0]:.0%}, above "
        f"{wide[1]:.0%}, mean width {wide[2]:.2%}; the one-sided 80 % bound holds {bound:.0%}"
    )


def main() -> None:
    """Print the coverage of each interval."""
    histories = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    years = float(sys.argv[2]) if len(sys.argv) > 2 else 7.0
    sys.stdout.write(intervals(np.random.default_rng(1)) + "\n")
    for n, process in enumerate(PROCESSES):
        said = of_refits(process, histories, years, np.random.default_rng(100 + n))
        sys.stdout.write(said + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
