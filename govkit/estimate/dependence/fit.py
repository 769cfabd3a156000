"""Dependence of hourly residuals: a t copula, held against the falls seen and a Gaussian one.

The t copula ties rises as closely as falls; hourly falls are tied more closely. What joint draws
use is therefore its skewed relative: degrees of freedom and skewness by pseudo-likelihood, the
correlations from the joint falls themselves.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from govkit.estimate.dependence.copula import (
    Ranks,
    fit_degrees,
    fit_skew,
    kendall,
    kendall_correlation,
    ranks,
    tail_correlation,
)
from govkit.estimate.returns.hours import Array
from govkit.estimate.returns.states import trigger_mask
from govkit.records.model import Dependence, JointFalls, SkewedCopula, TailDependence
from govkit.records.provenance import NotDone
from govkit.simulate.skewed_t import all_lowest, lowest

FEWEST_COMMON_HOURS = 5000
FEWEST_COMMON_TRIGGERS = 200
JOINT_LEVEL = 0.01
CHI_LEVEL = 0.05
DRAWN_LEVEL = 0.005
"""Joint falls that the draws reproduce: those beyond the start of the residual's Pareto tail."""
STARTS_LEVEL = 0.1
MOST_TRIPLES = 20


def fit_copula(
    residuals: dict[str, pd.Series], volatility: dict[str, pd.Series] | None = None
) -> Dependence | NotDone:
    """Fit the copulas to residuals at common hours.

    Correlations of the t copula come from Kendall's tau, rho = sin(pi tau / 2), its degrees of
    freedom from the pseudo-likelihood (Genest, Ghoudi and Rivest 1995) with a 95 % interval.
    What concerns two or three assets is counted on the hours that they have in common, degrees
    of freedom and skewness on those common to all.

    Parameters
    ----------
    residuals:
        By ticker, standardised hourly residuals, indexed by time without repetition. NaN and
        infinite values are left out with their hour.
    volatility:
        By ticker, the conditional volatility at the start of the same hours. With it the
        starting states of joint draws are fitted; without, or with fewer than 200 common hours
        in the trigger states of some pair, they are taken to have one rank, which overstates
        joint falls.

    Returns
    -------
    Dependence or NotDone
        NotDone with fewer than two assets or 5,000 common hours, for a constant series, for a
        repeated hour and for two series that are the same.
    """
    names = tuple(sorted(residuals))
    table = _table(names, residuals)
    if isinstance(table, NotDone):
        return table
    everyone = tuple(range(len(names)))
    common = _ranks(table, everyone)
    pairs = [_ranks(table, pair) for pair in combinations(everyone, 2)]
    tau = kendall(pairs, len(names))
    for i, j in combinations(everyone, 2):
        if tau[i, j] > 1 - 1e-6:
            return _not_done(f"the residuals of {names[i]} and {names[j]} are the same")
    rho = kendall_correlation(tau)
    nu, low, high = fit_degrees(common, rho)
    drawn = _skewed([common], pairs, tau, DRAWN_LEVEL)
    triples = [_ranks(table, triple) for triple in _closest_triples(common)]
    return Dependence(
        assets=names,
        kendall_tau=_rows(tau),
        degrees_of_freedom=nu,
        degrees_low=low,
        degrees_high=high,
        common_hours=len(common.uniform),
        joint_level=JOINT_LEVEL,
        joint_falls=_joint_falls(names, pairs + triples, rho, nu, drawn),
        tail_dependence=_tail_dependence(names, pairs, rho, nu),
        residuals=drawn,
        starts=_starts(names, volatility) if volatility is not None else None,
    )


def tail_limit(rho: float, nu: float) -> float:
    """Return the coefficient of tail dependence of a t copula (Demarta and McNeil 2005)."""
    return float(2 * student.cdf(-np.sqrt((nu + 1) * (1 - rho) / (1 + rho)), nu + 1))


def _not_done(reason: str) -> NotDone:
    return NotDone(what="dependence", reason=reason)


def _table(names: tuple[str, ...], residuals: dict[str, pd.Series]) -> Array | NotDone:
    """Return residuals by hour and asset, NaN where there is none, or why nothing can be fitted."""
    if len(names) < 2:
        return _not_done(f"{len(names)} assets with residuals, two are needed")
    finite = {}
    for name in names:
        finite[name] = residuals[name].replace([np.inf, -np.inf], np.nan).dropna()
        if finite[name].index.has_duplicates:
            return _not_done(f"the residuals of {name} repeat an hour")
    table = pd.concat(finite, axis=1, join="outer", sort=True).to_numpy(dtype=float)
    whole = table[np.isfinite(table).all(axis=1)]
    if len(whole) < FEWEST_COMMON_HOURS:
        shortest = min(names, key=lambda name: len(finite[name]))
        return _not_done(
            f"{len(whole)} hours are common to {', '.join(names)}, {FEWEST_COMMON_HOURS} are "
            f"needed; the shortest series is {shortest}, {len(finite[shortest])} hours"
        )
    for k, name in enumerate(names):
        if whole[:, k].min() == whole[:, k].max():
            return _not_done(f"the residuals of {name} are constant")
    return table


def _ranks(table: Array, columns: tuple[int, ...]) -> Ranks:
    """Rank the hours that these columns have in common."""
    part = table[:, columns]
    return ranks(columns, part[np.isfinite(part).all(axis=1)])


def _skewed(whole: list[Ranks], pairs: list[Ranks], tau: Array, level: float) -> SkewedCopula:
    nu, skew = fit_skew(whole, tau)
    correlation = tail_correlation(pairs, tau, nu, skew, level)
    return SkewedCopula(
        degrees_of_freedom=nu, skewness=skew, correlation=_rows(correlation), level=level
    )


def _starts(names: tuple[str, ...], volatility: dict[str, pd.Series]) -> SkewedCopula | None:
    """Fit the ranks of volatilities, highest first, where both of a pair are in trigger states."""
    blocks = []
    known = {n: volatility[n].dropna() for n in names}
    in_trigger = {n: v[trigger_mask(v.to_numpy())] for n, v in known.items()}
    for i, j in combinations(range(len(names)), 2):
        both = pd.concat([in_trigger[names[i]], in_trigger[names[j]]], axis=1, join="inner")
        if len(both) < FEWEST_COMMON_TRIGGERS:
            return None
        blocks.append(ranks((i, j), -both.to_numpy(dtype=float)))
    tau = kendall(blocks, len(names))
    # A volatility that never moves has no ranks.
    return _skewed(blocks, blocks, tau, STARTS_LEVEL) if np.isfinite(tau).all() else None


def _closest_triples(common: Ranks) -> list[tuple[int, ...]]:
    """All triples, or the 20 that fall together most often."""
    low = common.uniform < JOINT_LEVEL
    seen = {g: int(low[:, g].all(axis=1).sum()) for g in combinations(common.columns, 3)}
    return sorted(sorted(seen, key=lambda g: -seen[g])[:MOST_TRIPLES])


def _joint_falls(
    names: tuple[str, ...], groups: list[Ranks], rho: Array, nu: float, drawn: SkewedCopula
) -> tuple[JointFalls, ...]:
    laws = {
        "student": (lowest(JOINT_LEVEL, nu), rho),
        "gaussian": (lowest(JOINT_LEVEL), rho),
        "skewed": (
            lowest(JOINT_LEVEL, drawn.degrees_of_freedom, drawn.skewness),
            np.array(drawn.correlation),
        ),
    }
    found = []
    for group in groups:
        own = np.ix_(group.columns, group.columns)
        chances = {law: all_lowest(end, matrix[own]) for law, (end, matrix) in laws.items()}
        assets = tuple(names[k] for k in group.columns)
        observed = float((group.uniform < JOINT_LEVEL).all(axis=1).mean())
        found.append(JointFalls(assets=assets, observed=observed, **chances))
    return tuple(found)


def _tail_dependence(
    names: tuple[str, ...], pairs: list[Ranks], rho: Array, nu: float
) -> tuple[TailDependence, ...]:
    return tuple(
        TailDependence(
            assets=(names[pair.columns[0]], names[pair.columns[1]]),
            chi=min(float((pair.uniform < CHI_LEVEL).all(axis=1).mean()) / CHI_LEVEL, 1.0),
            student=tail_limit(rho[pair.columns], nu),
        )
        for pair in pairs
    )


def _rows(matrix: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in matrix)
