"""A wrapper or staking token against its underlying."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from govkit.data import Redemption
from govkit.estimate.collateral.discount import (
    Discounts,
    discounts_of,
    frozen_discount,
    growth_per_year,
    half_life,
    hourly_changes,
    stationary_p,
)
from govkit.estimate.returns.states import dense_top
from govkit.estimate.returns.tail import body_quantiles, two_tails
from govkit.records.collateral import RatioModel
from govkit.records.provenance import NotDone, Window

PAIRING = pd.Timedelta(minutes=10)
FEWEST_HOURS = 2000
FEWEST_MOVES = 0.5
DISCOUNT_QUANTILES = 65


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


def why_no_market(ratio: pd.Series) -> NotDone | None:
    """Return why a series is too short, or no market price, to carry hourly changes."""
    change = hourly_changes(ratio)
    if len(change) < FEWEST_HOURS:
        return NotDone(
            what="ratio", reason=f"{len(change)} hourly changes of the ratio, {FEWEST_HOURS} are "
            "needed",
        )  # fmt: skip
    moving = float((change != 0).mean())
    if moving < FEWEST_MOVES:
        return NotDone(
            what="ratio", reason=f"the ratio moves in {moving:.0%} of the hours only: it is an "
            "exchange rate or the reading of an oracle, not a market price",
        )  # fmt: skip
    return None


def fit_ratio(
    underlying: str,
    kind: Literal["wrapped", "staking"],
    ratio: pd.Series,
    window: Window,
    *,
    redemption: Redemption | None = None,
    redeems_at: float | None = None,
    level: pd.Series | None = None,
) -> RatioModel | NotDone:
    """Fit hourly log changes of a ratio and measure its discounts.

    Parameters
    ----------
    ratio:
        Token price in units of the underlying, indexed by time. A staking token's ratio grows
        with its rewards, so the discount is the fall from the recent maximum, never the
        distance from 1 (see `discounts_of`).
    redemption, redeems_at:
        Since when holders can redeem, and for how much where that is fixed.
    level:
        Ratio whose maximum grows with the rewards, where `ratio` itself does not (stETH pays
        by rebasing, wstETH grows). Daily values will do.

    Returns
    -------
    RatioModel or NotDone
        NotDone with fewer than 2,000 hourly changes, when the series moves in fewer than half
        of the hours, or without a finite tail.
    """
    refusal = why_no_market(ratio)
    if refusal is not None:
        return refusal
    measured = discounts_of(ratio, redeems_at)
    return _model(underlying, kind, [measured], window, [redemption], level, ())


def pooled_ratio(
    underlying: str,
    donors: Mapping[str, tuple[pd.Series, float | None, Redemption | None]],
    window: Window,
    *,
    own: tuple[pd.Series, Redemption | None] | None = None,
) -> RatioModel | NotDone:
    """Fit one ratio model to the hourly changes of comparable staking tokens.

    Parameters
    ----------
    donors:
        By ticker: ratio, `redeems_at` and redemption, as in `fit_ratio`. Those whose series is
        no market price are left out.
    own:
        The token's own ratio and redemption. Its changes are not used, but its growth is, and
        its discounts where they are deeper than any of the donors'.

    Returns
    -------
    RatioModel or NotDone
        `pooled_over` names the donors in use.
    """
    usable = {name: donor for name, donor in donors.items() if why_no_market(donor[0]) is None}
    if not usable:
        return NotDone(what="ratio", reason="no comparable staking token has a market price")
    measured = [discounts_of(ratio, at) for ratio, at, _ in usable.values()]
    redemptions = [redemption for _, _, redemption in usable.values()]
    level = None
    if own is not None:
        level = own[0]
    return _model(
        underlying, "staking", measured, window, redemptions, level, tuple(usable),
        also=None if own is None else (discounts_of(own[0]), own[1]),
    )  # fmt: skip


def _model(
    underlying: str,
    kind: Literal["wrapped", "staking"],
    measured: list[Discounts],
    window: Window,
    redemptions: list[Redemption | None],
    level: pd.Series | None,
    pooled_over: tuple[str, ...],
    also: tuple[Discounts, Redemption | None] | None = None,
) -> RatioModel | NotDone:
    change = np.concatenate([hourly_changes(one.ratio) for one in measured])
    tails = two_tails(change)
    if isinstance(tails, NotDone):
        return NotDone(what="ratio", reason=tails.reason)
    seen = [*zip(measured, redemptions, strict=True), *([also] if also else [])]
    worst = max((one.discount for one, _ in seen), key=lambda discount: float(discount.max()))
    frozen = [frozen_discount(one, redemption) for one, redemption in seen]
    longest = max(measured, key=lambda one: len(one.ratio))
    own_level = level if level is not None else longest.ratio
    return RatioModel(
        underlying=underlying,
        kind=kind,
        pooled_over=pooled_over,
        window=window.model_copy(update={"observations": len(change)}),
        quantiles=tuple(body_quantiles(change, tails).tolist()),
        lower_tail=tails[0],
        upper_tail=tails[1],
        worst_discount=float(worst.max()),
        worst_discount_on=f"{worst.idxmax():%Y-%m-%d}",
        discounts=tuple(
            np.quantile(
                np.concatenate([one.discount.to_numpy() for one in measured]),
                dense_top(DISCOUNT_QUANTILES),
            ).tolist()
        ),
        half_life_hours=half_life(longest),
        stationary_p=stationary_p(longest),
        growth_per_year=growth_per_year(own_level) if kind == "staking" else None,
        frozen_worst_discount=max((f for f in frozen if f is not None), default=None),
    )
