"""Which series of a snapshot show a wrapped or staking token against its underlying."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from govkit.data import AssetEntry
from govkit.estimate.collateral.ratio import paired_ratio
from govkit.estimate.inputs import candles, closes
from govkit.market.store import Snapshot
from govkit.records.provenance import NotDone
from govkit.records.snapshot import SnapshotFile


@dataclass(frozen=True)
class Ratio:
    """A token's price in units of its underlying, and the tables it comes from."""

    series: pd.Series
    entries: tuple[SnapshotFile, ...]


def read_ratio(
    snapshot: Snapshot, entry: AssetEntry, until: pd.Timestamp | None
) -> Ratio | NotDone:
    """Return a token's ratio: quoted in the underlying, or from candles of both side by side."""
    direct = closes(snapshot, entry.ratio, until, quote=entry.priced_as)
    if direct is not None:
        return Ratio(*direct)
    own = candles(snapshot, entry.ratio, "1h", until)
    base = candles(snapshot, entry.priced_as, "1h", until)
    if own is None or base is None or not len(own[0]) or not len(base[0]):
        return NotDone(
            what="ratio", reason=f"no hourly series of {entry.ratio} against {entry.priced_as}"
        )
    return Ratio(paired_ratio(own[0]["close"], base[0]["close"]), own[1] + base[1])


def read_level(
    snapshot: Snapshot, entry: AssetEntry, until: pd.Timestamp | None
) -> pd.Series | None:
    """Return the daily ratio that grows with a staking token's rewards, or None.

    From a series in units of the underlying, or from daily candles of both.
    """
    if not entry.level:
        return None
    direct = closes(snapshot, entry.level, until, quote=entry.priced_as)
    if direct is not None:
        return direct[0].resample("1D").last().dropna()
    own = candles(snapshot, entry.level, "1d", until)
    base = candles(snapshot, entry.priced_as, "1h", until)
    if own is None or base is None:
        return None
    daily = base[0]["close"].resample("1D").last()
    return (own[0]["close"] / daily).dropna()
