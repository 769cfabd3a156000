"""Put together the return model of one priced asset."""

from __future__ import annotations

import numpy as np

from govkit.estimate.findings import note, warning
from govkit.estimate.returns.hours import Array, HourlyReturns
from govkit.estimate.returns.refit import BLOCK_HOURS
from govkit.estimate.returns.states import jump_posterior, shadow_table, state_mix
from govkit.estimate.returns.tail import body_quantiles, two_tails
from govkit.estimate.returns.volatility import Variance, checked, filter_variance, fit_variance
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import Refits, ReturnModel, VarianceFilter
from govkit.records.snapshot import Finding

FEWEST_HOURS = 8760
FEWEST_MOVES = 0.5
DOUBTFUL_FIT = 0.1


def refuse_history(hours: HourlyReturns) -> NotDone | None:
    """Return why a history cannot carry a model of its own, or None when it can."""
    n = len(hours.log_returns)
    if n < FEWEST_HOURS:
        return NotDone(
            what="returns", reason=f"{n} hours of history, {FEWEST_HOURS} are needed (one year)"
        )
    moving = float((hours.log_returns != 0).mean())
    if moving < FEWEST_MOVES:
        return NotDone(
            what="returns", reason=f"the price did not move in {1 - moving:.0%} of the hours"
        )
    return None


def estimate_returns(
    hours: HourlyReturns,
    window: Window,
    concentration: tuple[Array, Window],
    pooled: list[Array],
    stressed: list[tuple[str, str]],
    numeraire: str,
) -> ReturnModel | NotDone:
    """Fit variance, residuals, lows, states and jumps; refits and simulations come later.

    Parameters
    ----------
    hours:
        The asset's hourly returns in `numeraire`.
    window:
        Their provenance.
    concentration:
        Quantiles of the worst five minutes' share of a crash hour, with their provenance.
    pooled:
        Hourly log returns of all comparable assets, for the size of jumps.
    stressed:
        First and last date of the stressed windows.
    """
    variance = checked(hours.log_returns, fit_variance(hours.log_returns))
    sigma2 = filter_variance(hours.log_returns, variance)
    sigma = np.sqrt(sigma2[:-1])
    residual = hours.log_returns / sigma
    tails = two_tails(residual)
    if isinstance(tails, NotDone):
        return NotDone(what="returns", reason=tails.reason)
    return ReturnModel(
        basis="own",
        numeraire=numeraire,
        window=window,
        variance=variance_record(hours, variance, sigma2),
        residual_quantiles=tuple(body_quantiles(residual, tails).tolist()),
        lower_tail=tails[0],
        upper_tail=tails[1],
        shadow=shadow_table(hours, sigma),
        worst_five_minutes=tuple(concentration[0].tolist()),
        worst_five_minutes_window=concentration[1],
        states=state_mix(hours.times, sigma, stressed),
        jumps=jump_posterior(hours.log_returns, pooled),
        refits=Refits(rows=(), block_hours=BLOCK_HOURS, seed=0),
    )


def variance_record(hours: HourlyReturns, fit: Variance, sigma2: Array) -> VarianceFilter:
    """Record a fitted filter with its state after the last hour; `sigma2` has one element more."""
    return VarianceFilter(
        method="ewma" if fit.method == "ewma" else "gjr" if fit.method == "gjr" else "garch",
        omega=fit.omega,
        alpha=fit.alpha,
        gamma=fit.gamma,
        beta=fit.beta,
        nu=fit.nu,
        persistence=min(fit.persistence, 1.0),
        log_likelihood=fit.log_likelihood,
        starts=fit.starts,
        agreeing_starts=fit.agreeing_starts,
        worst_start_gap=fit.worst_start_gap,
        fallback=fit.fallback,
        long_run_variance=float(np.mean(hours.log_returns**2)),
        last_variance=float(sigma2[-1]),
        last_at=f"{hours.times[-1]:%Y-%m-%dT%H:%MZ}",
    )


def fit_findings(where: str, model: ReturnModel) -> tuple[Finding, ...]:
    """Say what in a fitted model asks for care: its filter, its optimum, its tail of falls."""
    v, tail = model.variance, model.lower_tail
    found = []
    if v.fallback:
        found.append(warning(where, f"an EWMA filter in place of GARCH: {v.fallback}"))
    if v.worst_start_gap >= 1:
        what = f"{v.agreeing_starts} of {v.starts} starts of the fit agree; the worst ended "
        what += f"{v.worst_start_gap:.0f} log-likelihood units lower and was not used"
        found.append(note(where, what))
    if tail.goodness < DOUBTFUL_FIT:
        what = f"the tail of falls fits its {tail.excesses} excesses poorly: the Anderson-Darling "
        what += f"test gives {tail.goodness:.2f}, under {DOUBTFUL_FIT} is doubtful"
        found.append(warning(where, what))
    return tuple(found)


def fitted_variance(record: VarianceFilter) -> Variance:
    """Return the parameters of a record, to filter a series with."""
    return Variance(record.method, record.omega, record.alpha, record.gamma, record.beta, record.nu)
