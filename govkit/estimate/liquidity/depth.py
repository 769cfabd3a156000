"""Every depth curve a snapshot can give for one asset: quotes, pools, or the volume law."""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.data import AssetEntry
from govkit.estimate.inputs import candles, window_of
from govkit.estimate.liquidity.curves import (
    PREFERRED_OUT,
    curve_from_volume,
    curves_of,
    in_preference,
    median_daily_volume,
)
from govkit.estimate.liquidity.pools import pool_curves
from govkit.estimate.returns.hours import HourlyReturns
from govkit.market.store import Snapshot
from govkit.records.liquidity import LiquidityCurve
from govkit.records.provenance import NotDone

VOLUME_YEARS = 2


def depth_curves(
    snapshot: Snapshot, entry: AssetEntry, hours: HourlyReturns | None, until: pd.Timestamp | None
) -> tuple[tuple[LiquidityCurve, ...], tuple[NotDone, ...]]:
    """Return curves by what is received, the preferred one first.

    Quotes come before pools. Where there is neither, the volume law of one venue stands in; the
    second part says why, or that there is no depth at all.
    """
    made: list[LiquidityCurve | NotDone] = []
    for kind, read in (("quotes", curves_of), ("pools", pool_curves)):
        for table in snapshot.entries(kind=kind):
            frame = snapshot.table(table)
            if until is not None:
                frame = frame[frame["timestamp"] < until]
            made += read(frame, table, entry.depth)
    curves: dict[str, LiquidityCurve] = {}
    for curve in made:
        if isinstance(curve, LiquidityCurve):
            curves.setdefault(curve.asset_out, curve)
    undone = tuple(one for one in made if isinstance(one, NotDone))
    if curves:
        order = in_preference(curves, PREFERRED_OUT)
        wanted = [name for name in order if name in PREFERRED_OUT] or order[:1]
        return tuple(curves[name] for name in wanted), ()
    # A wrapper trades in other places than what it wraps: its volume is not known.
    own = entry.kind == "volatile"
    law = _volume_law(snapshot, entry, hours, until) if own else None
    if law is not None:
        return (law,), undone
    none = NotDone(what="liquidity", reason=f"no quotes, pools or volume of {entry.depth}")
    return (), (*undone, none)


def _volume_law(
    snapshot: Snapshot, entry: AssetEntry, hours: HourlyReturns | None, until: pd.Timestamp | None
) -> LiquidityCurve | None:
    found = candles(snapshot, entry.priced_as, "1h", until)
    found = found or candles(snapshot, entry.priced_as, "1d", until)
    if found is None or not len(found[0]):
        return None
    frame, entries = found
    recent = frame[frame.index >= frame.index[-1] - pd.DateOffset(years=VOLUME_YEARS)]
    volume = median_daily_volume(recent, recent.index[0])
    if hours is not None:
        volatility = float(np.std(hours.log_returns)) * np.sqrt(24)
    else:
        volatility = float(np.log(frame["close"]).diff().std())
    if volume is None or not volatility > 0:
        return None
    return curve_from_volume(entry.depth, "USDC", volume, volatility, window_of(entries, recent))
