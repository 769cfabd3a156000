"""A wrapper or staking token against its underlying."""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.estimate.tail import body_quantiles, two_tails
from govkit.records.model import RatioModel, Window

PAIRING = pd.Timedelta(minutes=10)
FEWEST_HOURS = 2000
SMOOTHING = 5


def paired_ratio(wrapper: pd.Series, underlying: pd.Series) -> pd.Series:
    """Divide two close series where both were observed within ten minutes of each other.

    Without the pairing, a price move between two observation times looks like a discount.
    Both series are indexed by observation time (UTC, increasing); unpaired times are dropped.
    """
    right = pd.DataFrame({"underlying": underlying})
    left = pd.DataFrame({"wrapper": wrapper})
    both = pd.merge_asof(
        left, right, left_index=True, right_index=True, direction="nearest", tolerance=PAIRING
    ).dropna()
    return both["wrapper"] / both["underlying"]


def fit_ratio(underlying: str, ratio: pd.Series, window: Window) -> RatioModel | None:
    """Fit hourly log changes of a ratio and measure its worst discount.

    Parameters
    ----------
    ratio:
        Wrapper price in units of the underlying, indexed by time. Only changes over 30 to 90
        minutes count as hourly. A centred median of five observations comes first: what lasts
        for less than three is timing noise. A staking token's ratio grows with its rewards, so
        the discount is the fall from the running maximum, never the distance from 1.

    Returns
    -------
    RatioModel or None
        None with fewer than 2,000 hourly changes or without a fitted tail.
    """
    ratio = ratio.rolling(SMOOTHING, center=True, min_periods=1).median()
    step = np.diff(ratio.index.to_numpy()) / np.timedelta64(1, "m")
    change = np.diff(np.log(ratio.to_numpy(dtype=float)))[(step >= 30) & (step <= 90)]
    tails = two_tails(change) if len(change) >= FEWEST_HOURS else None
    if tails is None:
        return None
    discount = 1 - ratio / ratio.cummax()
    worst = discount.idxmax()
    return RatioModel(
        underlying=underlying,
        window=window.model_copy(update={"observations": len(change)}),
        quantiles=tuple(body_quantiles(change).tolist()),
        lower_tail=tails[0],
        upper_tail=tails[1],
        worst_discount=float(discount.max()),
        worst_discount_on=f"{worst:%Y-%m-%d}",
    )
