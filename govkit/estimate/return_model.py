"""Put together the return model of one priced asset."""

from __future__ import annotations

import numpy as np

from govkit.estimate.history import empirical_table
from govkit.estimate.refit import BLOCK_HOURS
from govkit.estimate.returns import Array, HourlyReturns
from govkit.estimate.states import (
    episodes_per_year,
    jump_posterior,
    shadow_table,
    state_quantiles,
    trigger_mask,
)
from govkit.estimate.tail import body_quantiles, two_tails
from govkit.estimate.volatility import EWMA_DECAY, Variance, filter_variance, fit_variance
from govkit.records.model import NotDone, Refits, ReturnModel, VarianceFilter, Window

FEWEST_HOURS = 8760
FEWEST_MOVES = 0.5


def refuse_history(hours: HourlyReturns) -> NotDone | None:
    """Return why a history cannot carry a threshold, or None when it can."""
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
) -> ReturnModel | NotDone:
    """Fit variance, residuals, lows, states and jumps; refits and simulations come later.

    Parameters
    ----------
    hours:
        The asset's hourly returns.
    window:
        Their provenance.
    concentration:
        Quantiles of the worst five minutes' share of a crash hour, with their provenance.
    pooled:
        Hourly log returns of all comparable assets, for the size of jumps.
    """
    variance = fit_variance(hours.log_returns)
    sigma2 = filter_variance(hours.log_returns, variance)
    sigma = np.sqrt(sigma2)
    residual = hours.log_returns / sigma[:-1]
    tails = two_tails(residual)
    if tails is None:
        return NotDone(what="returns", reason="no finite tail could be fitted to the residuals")
    trigger = trigger_mask(sigma)
    return ReturnModel(
        window=window,
        variance=_variance_record(hours, variance, sigma2),
        residual_quantiles=_floats(body_quantiles(residual)),
        lower_tail=tails[0],
        upper_tail=tails[1],
        shadow=shadow_table(hours, sigma[:-1]),
        worst_five_minutes=_floats(concentration[0]),
        worst_five_minutes_window=concentration[1],
        sigma_all=_floats(state_quantiles(sigma)),
        sigma_trigger=_floats(state_quantiles(sigma[trigger])),
        jumps=jump_posterior(hours.log_returns, pooled),
        refits=Refits(rows=(), block_hours=BLOCK_HOURS, seed=0),
        comparisons=(empirical_table(hours, trigger),),
        exceptions=(),
        episodes_per_year=episodes_per_year(trigger),
    )


def ewma_variant(hours: HourlyReturns, model: ReturnModel) -> ReturnModel | None:
    """Return the same model with an EWMA filter in place of GARCH, for comparison."""
    variance = Variance("ewma", 0.0, 1 - EWMA_DECAY, 0.0, EWMA_DECAY, None, 0.0, 0, 0)
    sigma2 = filter_variance(hours.log_returns, variance)
    sigma = np.sqrt(sigma2)
    residual = hours.log_returns / sigma[:-1]
    tails = two_tails(residual)
    if tails is None:
        return None
    return model.model_copy(
        update={
            "variance": _variance_record(hours, variance, sigma2),
            "residual_quantiles": _floats(body_quantiles(residual)),
            "lower_tail": tails[0],
            "upper_tail": tails[1],
            "shadow": shadow_table(hours, sigma[:-1]),
            "sigma_trigger": _floats(state_quantiles(sigma[trigger_mask(sigma)])),
        }
    )


def _variance_record(hours: HourlyReturns, fit: Variance, sigma2: Array) -> VarianceFilter:
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
        long_run_variance=float(np.mean(hours.log_returns**2)),
        last_variance=float(sigma2[-1]),
        last_at=f"{hours.times[-1]:%Y-%m-%dT%H:%MZ}",
    )


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
