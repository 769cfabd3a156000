"""Put together what the model knows of one collateral."""

from __future__ import annotations

import numpy as np
import pandas as pd

from govkit.data import AssetEntry, Event
from govkit.estimate.history import daily_fall, event_fall
from govkit.estimate.inputs import candles, closes, import_findings, window_of
from govkit.estimate.liquidity import curve_from_quotes, curve_from_volume, median_daily_volume
from govkit.estimate.ratio import fit_ratio, paired_ratio
from govkit.estimate.returns import HourlyReturns
from govkit.market.store import Snapshot
from govkit.records.model import (
    AssetModel,
    HistoricalFall,
    LiquidityCurve,
    NotDone,
    RatioModel,
)
from govkit.records.snapshot import Finding

VOLUME_YEARS = 2
DEPEG = 0.02
SOLD_FOR = {"USDC": "USDT"}
"""Quotes are taken into USDC, the default debt; USDC itself is sold for USDT."""


def estimate_asset(
    snapshot: Snapshot,
    asset: str,
    entry: AssetEntry,
    hours: HourlyReturns | None,
    refusal: NotDone | None,
    events: tuple[Event, ...],
    until: pd.Timestamp | None,
) -> AssetModel | NotDone:
    """Estimate ratio, liquidity, price and dated falls of one collateral.

    Parameters
    ----------
    hours:
        Hourly returns of the asset it is priced as; None when the snapshot has none.
    refusal:
        Why those returns cannot carry a threshold, if they cannot.
    until:
        Observations at or after this moment are not used.

    Returns
    -------
    AssetModel or NotDone
        NotDone when not even a price is known.
    """
    price = _price(snapshot, asset, entry, hours, until)
    if price is None:
        return NotDone(what=asset, reason="no price series in the snapshot")
    missing: list[NotDone] = [] if refusal is None else [refusal]
    ratio = _ratio(snapshot, entry, until, missing)
    curve = _liquidity(snapshot, entry, hours, until, missing)
    falls = _falls(snapshot, entry, hours, events, until)
    if entry.kind == "pegged":
        missing.append(
            NotDone(
                what="threshold",
                reason="falls of a pegged asset come from rare depegs; "
                f"{sum(max(f.falls) >= DEPEG for f in falls)} dated events with a fall of 2 % or "
                "more are on record, and calm prices cannot stand in for them",
            )
        )
    blocking = {"returns", "ratio", "liquidity", "threshold"} & {m.what for m in missing}
    return AssetModel(
        asset=asset,
        priced_as=entry.priced_as,
        price_usd=price[0],
        price_as_of=price[1],
        as_of=price[1],
        ratio=ratio,
        liquidity=curve,
        falls=falls,
        findings=_findings(snapshot, entry, hours, ratio),
        not_done=tuple(missing),
        supported=not blocking,
    )


def _price(
    snapshot: Snapshot,
    asset: str,
    entry: AssetEntry,
    hours: HourlyReturns | None,
    until: pd.Timestamp | None,
) -> tuple[float, str] | None:
    # The last candle's day: a close at midnight still belongs to the day before.
    last_day = f"{hours.times[-1] - pd.Timedelta(hours=1):%Y-%m-%d}" if hours is not None else ""
    if hours is not None and entry.kind in ("volatile", "wrapped"):
        return float(hours.closes[-1]), last_day
    if hours is not None and entry.kind == "staking":
        level = candles(snapshot, entry.level, "1d", until)
        if level is None:
            return None
        # The wrapper's own daily series may end earlier: carry its last ratio forward.
        daily = pd.Series(hours.closes, index=hours.times).resample("1D").last().dropna()
        both = pd.concat([level[0]["close"], daily], axis=1, join="inner").dropna()
        wrapper, underlying = both.to_numpy(dtype=float)[-1]
        ratio = float(wrapper / underlying)
        return float(hours.closes[-1]) * ratio, last_day
    daily_candles = candles(snapshot, asset, "1d", until)
    found = closes(snapshot, asset, until)
    if found is not None:
        return float(found[0].iloc[-1]), f"{found[0].index[-1]:%Y-%m-%d}"
    if daily_candles is not None:
        frame = daily_candles[0]
        return float(frame["close"].iloc[-1]), f"{frame.index[-1]:%Y-%m-%d}"
    return None


def _ratio(
    snapshot: Snapshot, entry: AssetEntry, until: pd.Timestamp | None, missing: list[NotDone]
) -> RatioModel | None:
    if not entry.ratio:
        return None
    direct = closes(snapshot, entry.ratio, until, quote=entry.priced_as)
    if direct is not None:
        series, used = direct
    else:
        own = candles(snapshot, entry.ratio, "1h", until)
        base = candles(snapshot, entry.priced_as, "1h", until)
        if own is None or base is None:
            missing.append(
                NotDone(what="ratio", reason=f"no hourly series of {entry.ratio} against "
                        f"{entry.priced_as}")
            )  # fmt: skip
            return None
        series, used = paired_ratio(own[0]["close"], base[0]["close"]), own[1] + base[1]
    model = fit_ratio(entry.priced_as, series, window_of(used, series))
    if model is None:
        missing.append(NotDone(what="ratio", reason=f"{len(series)} paired hours are too few"))
    return model


def _liquidity(
    snapshot: Snapshot,
    entry: AssetEntry,
    hours: HourlyReturns | None,
    until: pd.Timestamp | None,
    missing: list[NotDone],
) -> LiquidityCurve | None:
    for table in snapshot.entries(kind="quotes"):
        frame = snapshot.table(table)
        pair = frame[
            (frame["asset_in"] == entry.depth)
            & (frame["asset_out"] == SOLD_FOR.get(entry.depth, "USDC"))
        ]
        if until is not None:
            pair = pair[pair["timestamp"] < until]
        if len(pair):
            window = window_of((table,), pair.set_index("timestamp").sort_index())
            curve = curve_from_quotes(pair, window)
            if curve is not None:
                return curve
    found = candles(snapshot, entry.priced_as, "1h", until)
    if hours is not None and found is not None:
        frame = found[0]
        since = frame.index[-1] - pd.DateOffset(years=VOLUME_YEARS)
        volume = median_daily_volume(frame, since)
        if volume is not None:
            daily = float(np.std(hours.log_returns)) * np.sqrt(24)
            return curve_from_volume(
                volume, daily, window_of(found[1], frame[frame.index >= since])
            )
    missing.append(NotDone(what="liquidity", reason=f"no quotes and no volume of {entry.depth}"))
    return None


def _falls(
    snapshot: Snapshot,
    entry: AssetEntry,
    hours: HourlyReturns | None,
    events: tuple[Event, ...],
    until: pd.Timestamp | None,
) -> tuple[HistoricalFall, ...]:
    if hours is not None and entry.kind != "pegged":
        series = pd.Series(hours.closes, index=hours.times)
        measured = [event_fall(e.name, series, e.first, e.last) for e in events]
    else:
        daily = candles(snapshot, entry.priced_as, "1d", until)
        measured = [daily_fall(e.name, daily[0], e.first, e.last) for e in events] if daily else []
    known = [fall for fall in measured if fall is not None]
    return tuple(sorted(known, key=lambda fall: -max(fall.falls)))


def _findings(
    snapshot: Snapshot, entry: AssetEntry, hours: HourlyReturns | None, ratio: RatioModel | None
) -> tuple[Finding, ...]:
    used = snapshot.entries(kind="candles", asset=entry.priced_as, interval="1h")
    found = list(import_findings(used))
    if hours is not None:
        found += [f for f in hours.findings if f not in found]
    if ratio is not None:
        found.append(
            Finding(
                severity="note",
                where=f"{entry.ratio} against {entry.priced_as}",
                what=f"the ratio is known from {ratio.window.first} to {ratio.window.last} only; "
                "wrapper risk outside that window is not in the falls",
            )
        )
    return tuple(found)
