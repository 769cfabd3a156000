"""Put together what the model knows of one collateral."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from govkit.data import AssetEntry
from govkit.estimate.collateral.ratio import fit_ratio, pooled_ratio
from govkit.estimate.collateral.underlying import Ratio, read_level, read_ratio
from govkit.estimate.inputs import candles, closes, daily_prices, import_findings, window_of
from govkit.estimate.liquidity.depth import depth_curves
from govkit.estimate.quality.judge import verdict
from govkit.estimate.returns.history import daily_fall, event_fall
from govkit.estimate.returns.hours import HourlyReturns
from govkit.market.store import Snapshot
from govkit.records.collateral import RatioModel, TwoState
from govkit.records.model import AssetModel, HistoricalFall
from govkit.records.provenance import NotDone
from govkit.records.snapshot import Finding
from govkit.records.stress import Scenario


@dataclass(frozen=True)
class Carrier:
    """What carries an asset's returns, from the fit: series, model parts and what speaks against.

    Attributes
    ----------
    hours:
        Hourly returns of the asset it is priced as; None when the snapshot has none.
    refusal:
        Why no return model could be fitted, if so.
    undone:
        Steps that were left out without forbidding a threshold.
    two_state, pair:
        Second state and, for staking tokens, the key of the return model against the underlying.
    """

    hours: HourlyReturns | None = None
    refusal: NotDone | None = None
    undone: tuple[NotDone, ...] = ()
    findings: tuple[Finding, ...] = ()
    two_state: TwoState | None = None
    pair: str = ""


def estimate_asset(
    snapshot: Snapshot,
    asset: str,
    entry: AssetEntry,
    carrier: Carrier,
    donors: Mapping[str, AssetEntry],
    events: tuple[Scenario, ...],
    until: pd.Timestamp | None,
    returns_findings: tuple[Finding, ...] = (),
) -> AssetModel | NotDone:
    """Estimate ratio, liquidity, price and dated falls of one collateral.

    Parameters
    ----------
    donors:
        Staking tokens whose ratios stand in where the asset's own is no market price.
    until:
        Observations at or after this moment are not used.
    returns_findings:
        What asks for care in its return model; it counts for the verdict.

    Returns
    -------
    AssetModel or NotDone
        NotDone when not even a price is known.
    """
    price = _price(snapshot, asset, entry, carrier.hours, until)
    if price is None:
        return NotDone(what=asset, reason="no price series in the snapshot")
    missing = [*carrier.undone, *([] if carrier.refusal is None else [carrier.refusal])]
    ratio = _ratio(snapshot, entry, donors, until, missing) if entry.ratio else None
    curves, undone = depth_curves(snapshot, entry, carrier.hours, until)
    missing += undone
    used = snapshot.entries(kind="candles", asset=entry.priced_as, interval="1h")
    findings = (*import_findings(used), *carrier.findings, *_ratio_findings(entry, ratio))
    findings = tuple(dict.fromkeys(findings))
    supported, sentence = verdict((*findings, *returns_findings), missing)
    return AssetModel(
        asset=asset,
        priced_as=entry.priced_as,
        price_usd=price[0],
        price_as_of=price[1],
        as_of=price[1],
        ratio=ratio,
        pair=carrier.pair,
        two_state=carrier.two_state,
        curves=curves,
        falls=_falls(snapshot, entry, carrier.hours, events, until),
        findings=findings,
        not_done=tuple(missing),
        supported=supported,
        verdict=sentence,
    )


def _price(
    snapshot: Snapshot,
    asset: str,
    entry: AssetEntry,
    hours: HourlyReturns | None,
    until: pd.Timestamp | None,
) -> tuple[float, str] | None:
    """Return the last price in USD and its day."""
    # The last candle's day: a close at midnight still belongs to the day before.
    last_day = f"{hours.times[-1] - pd.Timedelta(hours=1):%Y-%m-%d}" if hours is not None else ""
    if hours is not None and entry.kind in ("volatile", "wrapped"):
        return float(hours.closes[-1]), last_day
    if entry.kind == "staking":
        level = read_level(snapshot, entry, until)
        if hours is None or level is None or not len(level):
            return None
        # The token's own series may end earlier: its last ratio is carried forward.
        return float(hours.closes[-1]) * float(level.iloc[-1]), last_day
    daily, hourly = daily_prices(snapshot, asset, until), closes(snapshot, asset, until)
    series = [found[0]["close"] for found in (daily,) if found is not None]
    series += [found[0] for found in (hourly,) if found is not None]
    if not series:
        return None
    latest = max(series, key=lambda one: one.index[-1])
    return float(latest.iloc[-1]), f"{latest.index[-1]:%Y-%m-%d}"


def _ratio(
    snapshot: Snapshot,
    entry: AssetEntry,
    donors: Mapping[str, AssetEntry],
    until: pd.Timestamp | None,
    missing: list[NotDone],
) -> RatioModel | None:
    read = read_ratio(snapshot, entry, until)
    if isinstance(read, NotDone):
        missing.append(read)
        return None
    kind = "wrapped" if entry.kind == "wrapped" else "staking"
    model = fit_ratio(
        entry.priced_as, "wrapped" if kind == "wrapped" else "staking", read.series,
        window_of(read.entries, read.series), redemption=entry.redemption,
        redeems_at=entry.redeems_at, level=read_level(snapshot, entry, until),
    )  # fmt: skip
    if isinstance(model, NotDone) and kind == "staking":
        others = {
            other.ratio: (found, other)
            for other in donors.values()
            if other.ratio != entry.ratio
            and other.priced_as == entry.priced_as
            and isinstance(found := read_ratio(snapshot, other, until), Ratio)
        }
        used = (*read.entries, *(e for found, _ in others.values() for e in found.entries))
        given = {n: (f.series, e.redeems_at, e.redemption) for n, (f, e) in others.items()}
        pooled = pooled_ratio(
            entry.priced_as, given, window_of(used, read.series),
            own=(read.series, entry.redemption),
        )  # fmt: skip
        model = model if isinstance(pooled, NotDone) else pooled
    if isinstance(model, NotDone):
        missing.append(model)
        return None
    return model


def _falls(
    snapshot: Snapshot,
    entry: AssetEntry,
    hours: HourlyReturns | None,
    events: tuple[Scenario, ...],
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


def _ratio_findings(entry: AssetEntry, ratio: RatioModel | None) -> tuple[Finding, ...]:
    if ratio is None:
        return ()
    where = f"{entry.ratio} against {entry.priced_as}"
    if ratio.pooled_over:
        what = (
            f"its own ratio is no market price; the hourly changes are those of "
            f"{', '.join(ratio.pooled_over)}"
        )
        return (Finding(severity="warning", where=where, what=what),)
    what = (
        f"the ratio is known from {ratio.window.first} to {ratio.window.last} only; wrapper risk "
        "outside that window is not in the falls"
    )
    return (Finding(severity="note", where=where, what=what),)
