"""Import files into a snapshot: read, compare with what is there, write in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from govkit.errors import InputError
from govkit.market.formats import read_tables
from govkit.market.names import DOLLARS, INTERVALS
from govkit.market.store import MANIFEST, Snapshot, open_snapshot, same_table, write_snapshot
from govkit.market.tables import Request, Table

COMMON_TIMES = 20
OTHER_COIN_FACTOR = 1.2

Priced = tuple[str, str, str, pd.DataFrame]
"""Original file name, quote, interval and frame of a price table."""


def import_files(
    paths: Sequence[Path],
    folder: Path,
    request: Request,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Snapshot, tuple[Table, ...]]:
    """Read files and add them to a snapshot; nothing is written when one is refused.

    Parameters
    ----------
    paths:
        Files, read in this order.
    folder:
        New, empty or existing snapshot folder.
    request:
        What is stated about all of the files.
    say:
        Called with a line of progress per file.

    Raises
    ------
    InputError
        From reading, or when prices disagree with another table of the same asset by a median
        factor above 1.2 over at least 20 common days (or, without so many, common times).
    """
    if not paths:
        raise InputError("no file given", todo="Name at least one file.")
    before = open_snapshot(folder) if (folder / MANIFEST).is_file() else None
    tables: list[Table] = []
    for path in paths:
        say(f"reading {path.name}")
        for table in read_tables(path, request):
            twin = next((t for t in tables if _clashes(t, table)), None)
            if twin is not None:
                raise InputError(
                    f"two files named {table.original} hold {table.asset}/{table.quote} "
                    f"{table.interval} and differ",
                    where=str(path),
                    todo="Give one of them another name.",
                )
            for other in _priced(table, tables, before):
                refuse_other_coin(table, other)
            tables.append(table)
    try:
        return write_snapshot(folder, tables), tuple(tables)
    except OSError as error:
        raise InputError(
            f"cannot write the snapshot ({error.strerror or error})",
            where=str(folder),
            todo="Check the folder's permissions and the space on the disk.",
        ) from None


def _clashes(one: Table, two: Table) -> bool:
    keys = ("kind", "asset", "quote", "interval", "original")
    alike = all(getattr(one, key) == getattr(two, key) for key in keys)
    return alike and one.original_sha256 != two.original_sha256


def _priced(table: Table, tables: Sequence[Table], before: Snapshot | None) -> list[Priced]:
    """Return the price tables of the same asset that `table` can be compared with."""
    if table.kind not in ("candles", "closes"):
        return []
    others: list[Priced] = [
        (t.original, t.quote, t.interval, t.frame)
        for t in tables
        if t.kind in ("candles", "closes") and t.asset == table.asset and t is not table
    ]
    entries = before.entries(asset=table.asset) if before else ()
    for entry in entries:
        replaced = same_table(entry, table) or any(same_table(entry, t) for t in tables)
        if before and entry.kind in ("candles", "closes") and not replaced:
            others.append((entry.original, entry.quote, entry.interval, before.table(entry)))
    return [o for o in others if o[1] == table.quote or {o[1], table.quote} <= DOLLARS]


def refuse_other_coin(table: Table, other: Priced) -> None:
    """Refuse a table whose prices are those of another coin or unit.

    Closes are compared on common UTC days (the last close of each); with fewer than 20 common
    days, at common times; with fewer than 20 of these, not at all.
    """
    original, _, interval, frame = other
    own = _closes(table.frame, table.interval)
    their = _closes(frame, interval)
    ratio = _ratios(_by_day(own), _by_day(their))
    if len(ratio) < COMMON_TIMES:
        ratio = _ratios(own, their)
    if len(ratio) < COMMON_TIMES:
        return
    factor = float(np.median(np.maximum(ratio, 1.0 / ratio)))
    if factor > OTHER_COIN_FACTOR:
        raise InputError(
            f"the {table.asset} prices in {table.original} differ from those in {original} by a "
            f"median factor of {factor:.4g} over {len(ratio)} common times",
            where=table.original,
            todo="One of them is another coin or another unit; check --asset and --quote.",
        )


def _closes(frame: pd.DataFrame, interval: str) -> pd.Series:
    """Return closes indexed by the time they were seen (a candle's close, not its open)."""
    seconds = INTERVALS.get(interval, 0) if "open" in frame else 0
    # one tick before the end keeps the close of a day's last candle on that day
    shift = pd.Timedelta(seconds=seconds) - pd.Timedelta(microseconds=1 if seconds else 0)
    return pd.Series(frame["close"].to_numpy(), index=pd.DatetimeIndex(frame.index) + shift)


def _by_day(closes: pd.Series) -> pd.Series:
    return closes.groupby(pd.DatetimeIndex(closes.index).floor("D")).last()


def _ratios(own: pd.Series, their: pd.Series) -> np.ndarray:
    common = own.index.intersection(their.index)
    return np.asarray(own.loc[common].to_numpy() / their.loc[common].to_numpy(), dtype=np.float64)
