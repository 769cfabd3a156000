"""Gather the hourly series that carry return models, in the debt asset's unit, and judge them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from govkit.estimate.inputs import at_close, candles, hours_of, window_of
from govkit.estimate.quality.judge import judge_history
from govkit.estimate.quality.venues import newest_hour, other_tables
from govkit.estimate.returns.hours import Array, HourlyReturns, in_numeraire
from govkit.estimate.returns.states import worst_five_minutes
from govkit.market.store import Snapshot
from govkit.records.provenance import Window
from govkit.records.snapshot import Finding, SnapshotFile


@dataclass(frozen=True)
class Priced:
    """An asset's hourly candles, its returns where the price moves, and what speaks against it."""

    hours: HourlyReturns | None
    candles: pd.DataFrame
    window: Window
    entries: tuple[SnapshotFile, ...]
    findings: tuple[Finding, ...]


def priced_series(
    snapshot: Snapshot,
    comparables: dict[str, tuple[str, ...]],
    numeraire: str,
    until: pd.Timestamp | None,
) -> dict[str, Priced]:
    """Read and judge the hourly series of every ticker that has one, measured in `numeraire`.

    Parameters
    ----------
    comparables:
        By ticker, the tickers that stand in where its own history is under a year.
    numeraire:
        Candles are quoted in a dollar token. Where the numeraire has hourly candles of its own,
        they convert the returns; without any it is taken at par.
    until:
        Candles at or after this moment are not used.
    """
    unit = candles(snapshot, numeraire, "1h", until)
    price = None if unit is None else at_close(unit[0])
    as_of = until if until is not None else newest_hour(snapshot, None)
    found = {}
    for ticker, alike in comparables.items():
        read = candles(snapshot, ticker, "1h", until)
        if read is None or not len(read[0]) or as_of is None:
            continue
        frame, entries = read
        others = other_tables(snapshot, entries[0], until)
        findings = judge_history(ticker, frame, others, as_of=as_of, pooled_over=alike)
        hours = hours_of(ticker, frame)
        if hours is not None and price is not None and ticker != numeraire:
            hours = in_numeraire(hours, numeraire, price)
            findings += tuple(f for f in hours.findings if f not in findings)
        found[ticker] = Priced(hours, frame, window_of(entries, frame), entries, findings)
    return found


def concentration(snapshot: Snapshot, until: pd.Timestamp | None) -> tuple[Array, Window]:
    """Return the worst five minutes' share of crash hours, and which candles it comes from."""
    used: list[tuple[SnapshotFile, pd.DataFrame]] = []
    for entry in snapshot.entries(kind="candles", interval="5m"):
        frame = snapshot.table(entry)
        frame = frame[frame.index < until] if until is not None else frame
        if len(frame):
            used.append((entry, frame))
    quantiles, count = worst_five_minutes([frame for _, frame in used])
    if not used:
        none = Window(source="no five-minute candles: the whole fall is taken to happen in five "
                      "minutes", first="", last="", observations=0, input_digests=())  # fmt: skip
        return quantiles, none
    spans = pd.concat([frame for _, frame in used]).sort_index()
    window = window_of(tuple(entry for entry, _ in used), spans)
    return quantiles, window.model_copy(update={"observations": count})
