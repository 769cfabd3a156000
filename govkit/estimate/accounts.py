"""The distribution of accounts: health factors and debts of real positions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.records.model import AccountDistribution
from govkit.records.provenance import Window

SMALLEST_DEBT_USD = 100.0


def account_distribution(
    healthy: pd.DataFrame, debts: list[pd.DataFrame], windows: tuple[Window, ...]
) -> AccountDistribution | None:
    """Fit lognormal laws to health factor - 1 and to debt.

    Parameters
    ----------
    healthy:
        Accounts with ``health_factor`` and ``debt_usd``; those at or below 1 are left out of
        the fit, since they are already being liquidated.
    debts:
        Further tables whose ``debt_usd`` widens the sample of debt sizes.

    Returns
    -------
    AccountDistribution or None
        None with fewer than 20 accounts. The average health factor is weighted by debt.
    """
    book = healthy[(healthy["health_factor"] > 1) & (healthy["debt_usd"] >= SMALLEST_DEBT_USD)]
    if len(book) < 20:
        return None
    distance = np.log(book["health_factor"].to_numpy() - 1)
    sizes = np.concatenate(
        [np.log(t.loc[t["debt_usd"] >= SMALLEST_DEBT_USD, "debt_usd"].to_numpy())
         for t in (book, *debts)]
    )  # fmt: skip
    weighted = float(np.average(book["health_factor"], weights=book["debt_usd"]))
    return AccountDistribution(
        health_log_mean=float(distance.mean()),
        health_log_sd=float(distance.std(ddof=1)),
        debt_log_mean=float(sizes.mean()),
        debt_log_sd=float(sizes.std(ddof=1)),
        average_health_factor=weighted,
        accounts=len(book),
        windows=windows,
    )
