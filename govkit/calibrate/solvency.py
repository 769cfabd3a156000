"""How far all collateral may fall at once before it no longer covers the debt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from govkit.records.book import AccountBook
from govkit.records.model import AccountDistribution
from govkit.records.stress import Solvency

Array = NDArray[np.float64]

SHOCKS = np.arange(13) / 20
"""Shocks of the curve: 0 to 60 % in steps of 5 points."""


def solvency_of(
    accounts: AccountDistribution | AccountBook,
    threshold_current: float,
    threshold_recommended: float,
    cap_share: float,
) -> Solvency:
    """Return the uniform shocks at which assets cover liabilities, before and after a change.

    Nobody is liquidated. An account with health factor H at a threshold has H / threshold of
    collateral for a dollar of debt. A change of the threshold moves neither collateral nor debt,
    so "after" is the re-levered book: borrowers have kept their health factors, and debts are the
    current ones times recommended / current. On the day of the change the shocks are still the
    current ones.

    Parameters
    ----------
    accounts:
        Real accounts, with health factors at the threshold in force; exact. Or their fitted
        distribution, health factor 1 + exp(N(mean, sd)) and debt independent of it.
    cap_share:
        Uncovered debt, share of all debt, that counts as too much.
    """

    def shocks(threshold: float) -> tuple[float, float]:
        return shock_together(accounts, threshold), shock_uncovered(accounts, threshold, cap_share)

    now, after = shocks(threshold_current), shocks(threshold_recommended)
    return Solvency(
        basis="book" if isinstance(accounts, AccountBook) else "distribution",
        together_current=now[0],
        together_recommended=after[0],
        uncovered_current=now[1],
        uncovered_recommended=after[1],
        cap_share=cap_share,
        shocks=tuple(SHOCKS.tolist()),
        uncovered_share=tuple(uncovered_share(accounts, threshold_recommended, SHOCKS).tolist()),
    )


def shock_together(accounts: AccountDistribution | AccountBook, threshold: float) -> float:
    """Return the shock at which all collateral is worth all debt; 0 where it already is less.

    Collateral is E[H] / threshold of the debt, so the shock is 1 - threshold / E[H], the mean
    weighted by debt.
    """
    if isinstance(accounts, AccountBook):
        mean = float(np.average(accounts.health_factor, weights=accounts.debt_usd))
    else:
        mean = 1 + _mean_excess(accounts)
    return max(1 - threshold / mean, 0.0) if mean > 0 else 0.0


def shock_uncovered(
    accounts: AccountDistribution | AccountBook, threshold: float, cap_share: float
) -> float:
    """Return the shock at which uncovered debt passes `cap_share`; 0 where it already does."""

    def excess(shock: float) -> float:
        return float(uncovered_share(accounts, threshold, np.array([shock]))[0]) - cap_share

    return 0.0 if excess(0.0) >= 0 else float(brentq(excess, 0.0, 1.0, xtol=1e-9))


def uncovered_share(
    accounts: AccountDistribution | AccountBook, threshold: float, shocks: Array
) -> Array:
    """Return the debt that its own account's collateral does not cover, share of all debt.

    E[max(0, 1 - k H)] with k = (1 - shock) / threshold, the mean weighted by debt. For the fitted
    distribution that is a put on a lognormal: with a = (1 - k) / k and d = (log a - m) / sd,
    (1 - k) Phi(d) - k exp(m + sd^2 / 2) Phi(d - sd) where k < 1, and 0 from there on.

    Parameters
    ----------
    shocks:
        Shape (n,), fractions up to 1.

    Returns
    -------
    Array
        Shape (n,), from 0 to 1, increasing in the shock and in the threshold.
    """
    kept = (1 - shocks) / threshold
    if isinstance(accounts, AccountBook):
        debt, health = np.array(accounts.debt_usd), np.array(accounts.health_factor)
        missing = np.maximum(1 - kept[:, None] * health, 0.0)
        return np.asarray(missing @ debt / debt.sum())
    mean, sd = accounts.health_log_mean, accounts.health_log_sd
    k = np.clip(kept, 1e-12, 1 - 1e-12)
    d = (np.log((1 - k) / k) - mean) / sd
    put = (1 - k) * norm.cdf(d) - k * _mean_excess(accounts) * norm.cdf(d - sd)
    return np.where(kept < 1, np.maximum(put, 0.0), 0.0)


def _mean_excess(accounts: AccountDistribution) -> float:
    """Mean of the health factor above 1."""
    return float(np.exp(accounts.health_log_mean + accounts.health_log_sd**2 / 2))
