"""Check a snapshot: is it whole, and what should a reader know before using it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from govkit.errors import InputError
from govkit.market.signs import delisted_in_crisis, different_ends, rising_ratio, wicks
from govkit.market.store import MANIFEST, Snapshot
from govkit.market.times import gap_finding, write_time
from govkit.records.snapshot import Finding, SnapshotFile

Frames = dict[str, pd.DataFrame]
"""Readable tables by their path in the snapshot."""


def check_snapshot(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return everything found, errors first, then warnings, then notes.

    Errors: a table that is missing, altered, or not what the manifest says (columns, order,
    positive prices, rows, first and last time). Warnings: files the manifest does not list,
    long gaps, candles with a deep wick, hourly gaps that hide a fall. Notes: short gaps,
    assets that end at different dates, ratios that rise above 1. An empty snapshot is a
    warning. Nothing is changed and nothing raised for bad content.
    """
    findings: list[Finding] = list(_folder(snapshot))
    frames: Frames = {}
    for entry in snapshot.entries():
        try:
            frame = snapshot.table(entry)
        except InputError as error:
            findings.append(_finding("error", entry.path, f"{error.what}. {error.todo}".strip()))
            continue
        problems = list(_against_manifest(entry, frame))
        findings += problems
        if not problems:
            frames[entry.path] = frame
            findings += _one_table(entry, frame)
    findings += delisted_in_crisis(snapshot, frames)
    findings += different_ends(snapshot)
    rank = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(findings, key=lambda f: rank[f.severity]))


def _folder(snapshot: Snapshot) -> Iterator[Finding]:
    listed = {entry.path for entry in snapshot.entries()} | {MANIFEST}
    if not snapshot.entries():
        yield _finding("warning", MANIFEST, "the snapshot lists no tables")
    if len(snapshot.entries()) >= len(listed):
        yield _finding("error", MANIFEST, "a path is listed twice")
    for path in sorted(snapshot.folder.rglob("*")):
        inside = path.relative_to(snapshot.folder).as_posix()
        if (path.is_file() or path.is_symlink()) and inside not in listed:
            yield _finding("warning", inside, "the file is in the folder but not in the manifest")


def _against_manifest(entry: SnapshotFile, frame: pd.DataFrame) -> Iterator[Finding]:
    if len(frame) != entry.rows:
        what = f"{len(frame)} rows, the manifest says {entry.rows}"
        yield _finding("error", entry.path, what)
    if frame.empty:
        yield _finding("error", entry.path, "the table has no rows")
        return
    if entry.kind == "accounts":
        if not (frame["debt_usd"] >= 0).all():
            yield _finding("error", entry.path, "a debt is negative or missing")
        return
    apart = entry.kind in ("quotes", "pools")  # many rows may share a time
    times = pd.DatetimeIndex(frame["timestamp"] if apart else frame.index)
    if not times.is_monotonic_increasing:
        yield _finding("error", entry.path, "rows are not in order of time")
    elif not apart and not times.is_unique:
        yield _finding("error", entry.path, f"a time is there twice: {_twice(times)}")
    for name, told, own in (("first", entry.first, times[0]), ("last", entry.last, times[-1])):
        if told != write_time(own):
            what = f"the {name} time is {write_time(own)}, the manifest says {told or 'none'}"
            yield _finding("error", entry.path, what)
    prices = {
        "candles": ["open", "high", "low", "close"],
        "closes": ["close"],
        "quotes": ["amount_in", "amount_out", "size_usd"],
        "pools": ["price_in_usd"],
    }[entry.kind]
    wrong = ~(frame[prices] > 0).all(axis=1).to_numpy()
    if wrong.any():
        what = f"{wrong.sum()} rows with a value that is missing or not above zero"
        yield _finding("error", f"{entry.path} {write_time(times[wrong][0])}", what)


def _one_table(entry: SnapshotFile, frame: pd.DataFrame) -> Iterator[Finding]:
    if entry.kind not in ("candles", "closes"):
        return
    yield from gap_finding(pd.DatetimeIndex(frame.index), entry.interval, entry.path)
    if entry.kind == "candles":
        yield from wicks(entry, frame)
    yield from rising_ratio(entry, frame)


def _twice(times: pd.DatetimeIndex) -> str:
    return write_time(times[times.duplicated()][0])


def _finding(severity: str, where: str, what: str) -> Finding:
    return Finding.model_validate({"severity": severity, "where": where, "what": what})
