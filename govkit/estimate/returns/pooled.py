"""Returns of an asset whose own hourly history is too short, from comparable assets.

The largest position such a model may carry follows from the asset's own liquidity, which is not
known here: calibration refuses an exposure that cannot be sold within the effective horizon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from govkit.estimate.returns.hours import Array, HourlyReturns
from govkit.estimate.returns.model import fitted_variance
from govkit.estimate.returns.refit import REFITS
from govkit.estimate.returns.states import jump_posterior, shadow_table
from govkit.estimate.returns.tail import body_quantiles, two_tails
from govkit.estimate.returns.volatility import LARGEST_PERSISTENCE, filter_variance
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import Refits, ReturnModel, StateMix, VarianceFilter
from govkit.records.snapshot import Finding
from govkit.simulate.random import generator

FEWEST_COMPARABLES = 2
FEWEST_DAYS = 90
CREDIBLE_DAYS = 90
UNKNOWN_QUANTILE = 0.75

Comparables = Mapping[str, tuple[HourlyReturns, ReturnModel]]


@dataclass(frozen=True)
class RelativeVolatility:
    """Volatility of an asset in units of its comparables'.

    Attributes
    ----------
    days:
        Daily returns of the asset that all comparables have too.
    measured:
        Its volatility on those days over the median of theirs on the same days; NaN when there
        are fewer than 90.
    used:
        What the model uses: `measured` drawn towards 1 with weight days / (days + 90) on its
        logarithm, and never below 1.
    """

    days: int
    measured: float
    used: float


def relative_volatility(daily: pd.Series | None, comparables: Comparables) -> RelativeVolatility:
    """Compare an asset's daily returns with those of its comparables on the same days.

    Parameters
    ----------
    daily:
        Daily closes of the asset, indexed by day (UTC). None when there are none.

    Notes
    -----
    The same days, because a short history that happens to be calm would otherwise give a low
    volatility. Never below 1, because the comparables are chosen for being alike and a short
    history cannot show the contrary; so the weight only says how far an asset that was more
    volatile is believed, by half at the 90 days that are the least. With fewer common days the
    ratio of the comparables' 75 % quantile to their median is used.
    """
    own = _log_returns(daily) if daily is not None else pd.Series(dtype=float)
    theirs = {name: _daily_returns(hours) for name, (hours, _) in comparables.items()}
    common = own.index
    for returns in theirs.values():
        common = common.intersection(returns.index)
    if len(common) < FEWEST_DAYS:
        levels = [_long_run(model) for _, model in comparables.values()]
        high = float(np.quantile(levels, UNKNOWN_QUANTILE) / np.median(levels))
        return RelativeVolatility(len(common), float("nan"), max(high, 1.0))
    rms = [float(np.sqrt((returns[common] ** 2).mean())) for returns in theirs.values()]
    measured = float(np.sqrt((own[common] ** 2).mean()) / np.median(rms))
    if not measured > 0:
        return RelativeVolatility(len(common), measured, 1.0)
    weight = len(common) / (len(common) + CREDIBLE_DAYS)
    return RelativeVolatility(len(common), measured, max(measured**weight, 1.0))


def pooled_returns(
    asset: str,
    daily: pd.Series | None,
    comparables: Comparables,
    window: Window,
    *,
    numeraire: str,
    seed: int,
    refits: int = REFITS,
) -> ReturnModel | NotDone:
    """Make a return model from comparable assets, scaled to the asset's own volatility.

    Parameters
    ----------
    asset:
        Ticker; names the stream of the refits.
    daily:
        Its daily closes, or None (see `relative_volatility`).
    comparables:
        Hourly returns and own models of the comparables, by ticker. Those without GARCH
        parameters are left out. Refits are taken from theirs, so these come first.
    window:
        Provenance of the asset's own prices.

    Returns
    -------
    ReturnModel or NotDone
        Residuals are those of the comparables, each by its own filter, in one pool: quantiles,
        tails and lows follow from them. The recursion has the median parameters. Long-run
        volatility is the median of theirs times the relative one; states are the largest of
        theirs in units of their long-run volatility, quantile by quantile, times the asset's.
        NotDone with fewer than two comparables or without a tail.
    """
    usable = {
        name: pair for name, pair in sorted(comparables.items())
        if pair[1].basis == "own" and pair[1].variance.method in ("garch", "gjr")
    }  # fmt: skip
    if len(usable) < FEWEST_COMPARABLES:
        return NotDone(
            what="returns",
            reason=f"{len(usable)} comparable assets with a model of their own, "
            f"{FEWEST_COMPARABLES} are needed",
        )
    joined, sigma = _joined(usable)
    residual = joined.log_returns / sigma
    tails = two_tails(residual)
    if isinstance(tails, NotDone):
        return NotDone(what="returns", reason=f"residuals of comparable assets: {tails.reason}")
    models = [model for _, model in usable.values()]
    relative = relative_volatility(daily, usable)
    long_run = relative.used * float(np.median([_long_run(model) for model in models]))
    return ReturnModel(
        basis="pooled",
        pooled_over=tuple(usable),
        numeraire=numeraire,
        window=window,
        variance=_median_variance(models, long_run),
        residual_quantiles=tuple(body_quantiles(residual, tails).tolist()),
        lower_tail=tails[0],
        upper_tail=tails[1],
        shadow=shadow_table(joined, sigma),
        worst_five_minutes=models[0].worst_five_minutes,
        worst_five_minutes_window=models[0].worst_five_minutes_window,
        states=_states(models, long_run),
        jumps=jump_posterior(joined.log_returns, [joined.log_returns]),
        refits=_refits(asset, models, long_run, seed, refits),
    )


def pooled_finding(asset: str, relative: RelativeVolatility, model: ReturnModel) -> Finding:
    """Say how a pooled model came to its volatility."""
    if np.isnan(relative.measured):
        how = (
            f"{relative.days} common days of prices are too few to measure its own volatility; "
            f"the 75 % quantile of theirs is used, {relative.used:.2f} times their median"
        )
    else:
        how = (
            f"on {relative.days} common days its volatility was {relative.measured:.2f} times the "
            f"median of theirs; {relative.used:.2f} is used"
        )
    return Finding(
        severity="warning",
        where=f"{asset} returns",
        what=f"no hourly history of a year; the model is pooled over "
        f"{', '.join(model.pooled_over)}: {how}",
    )


def _joined(comparables: Comparables) -> tuple[HourlyReturns, Array]:
    """Join the comparables' hours one after the other, with their conditional volatilities."""
    hours = [one for one, _ in comparables.values()]
    sigma = [
        np.sqrt(filter_variance(one.log_returns, fitted_variance(model.variance))[:-1])
        for one, model in comparables.values()
    ]
    times = hours[0].times.append([one.times for one in hours[1:]])
    joined = replace(
        hours[0],
        asset="+".join(comparables),
        times=pd.DatetimeIndex(times),
        log_returns=np.concatenate([one.log_returns for one in hours]),
        log_lows=np.concatenate([one.log_lows for one in hours]),
        closes=np.concatenate([one.closes for one in hours]),
        wicks=sum(one.wicks for one in hours),
    )
    return joined, np.concatenate(sigma)


def _median_variance(models: list[ReturnModel], long_run: float) -> VarianceFilter:
    filters = [model.variance for model in models]
    alpha, gamma, beta = (
        float(np.median([getattr(one, name) for one in filters]))
        for name in ("alpha", "gamma", "beta")
    )
    # Medians of the parts may add up to more than any of the sums did.
    beta = min(beta, LARGEST_PERSISTENCE - alpha - gamma / 2)
    persistence = alpha + gamma / 2 + beta
    known = [one.nu for one in filters if one.nu is not None]
    return VarianceFilter(
        method="gjr" if gamma > 0 else "garch",
        omega=long_run**2 * (1 - persistence), alpha=alpha, gamma=gamma, beta=beta,
        nu=float(np.median(known)) if known else None, persistence=persistence,
        log_likelihood=0.0, starts=0, agreeing_starts=0, worst_start_gap=0.0,
        long_run_variance=long_run**2, last_variance=long_run**2,
        last_at=max(one.last_at for one in filters),
    )  # fmt: skip


def _states(models: list[ReturnModel], long_run: float) -> StateMix:
    def table(name: str) -> tuple[float, ...]:
        rows = [np.array(getattr(one.states, name)) / _long_run(one) for one in models]
        return tuple((long_run * np.max(rows, axis=0)).tolist())

    states = [model.states for model in models]
    return StateMix(
        trigger=table("trigger"),
        mixed=table("mixed"),
        stressed_share=float(np.median([one.stressed_share for one in states])),
        stressed_weight=max(one.stressed_weight for one in states),
        episodes_per_year=float(np.median([one.episodes_per_year for one in states])),
    )


def _refits(
    asset: str, models: list[ReturnModel], long_run: float, seed: int, count: int
) -> Refits:
    """Refits of the comparables in turn, rescaled, each with a volatility drawn around its own.

    The draws' spread is that of the comparables' long-run volatilities: how wrong a volatility
    is that is taken from others.
    """
    levels = np.log([_long_run(model) for model in models])
    spread = float(np.std(levels, ddof=1))
    rows: list[tuple[float, ...]] = []
    for n in range(count):
        model = models[n % len(models)]
        if not model.refits.rows:
            continue
        row = model.refits.rows[(n // len(models)) % len(model.refits.rows)]
        values = dict(zip(model.refits.columns, row, strict=True))
        drawn = float(np.exp(spread * generator(seed, asset, "pooled", str(n)).standard_normal()))
        values["omega"] *= (drawn * long_run / _long_run(model)) ** 2
        rows.append(
            tuple(v * drawn if k.startswith("trigger_") else v for k, v in values.items())
        )  # fmt: skip
    return Refits(rows=tuple(rows), failed=0, block_hours=models[0].refits.block_hours, seed=seed)


def _long_run(model: ReturnModel) -> float:
    return float(np.sqrt(model.variance.long_run_variance))


def _log_returns(closes: pd.Series) -> pd.Series:
    """Daily log returns; days without the day before are left out."""
    day = pd.DatetimeIndex(closes.index).normalize()
    values = np.diff(np.log(closes.to_numpy(dtype=float)))
    next_day = np.diff(day.to_numpy()) == np.timedelta64(1, "D")
    return pd.Series(values[next_day], index=day[1:][next_day])


def _daily_returns(hours: HourlyReturns) -> pd.Series:
    """Daily log returns of an hourly series, from the close at the end of each day."""
    opened = hours.times - pd.Timedelta("1h")
    last = pd.Series(hours.closes, index=opened).groupby(opened.normalize()).last()
    return _log_returns(last)
