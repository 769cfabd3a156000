"""The snapshot folder: open it, read its tables, add to it in one step."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from govkit.errors import InputError
from govkit.market.encode import encode_table, parse_table
from govkit.market.tables import Table
from govkit.market.times import write_time
from govkit.records.base import file_digest
from govkit.records.snapshot import SNAPSHOT_SCHEMA, SnapshotFile, SnapshotManifest

MANIFEST = "snapshot.json"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot folder and its manifest."""

    folder: Path
    manifest: SnapshotManifest

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` of the manifest, and through it of every table."""
        return self.manifest.digest()

    def entries(
        self,
        kind: str | None = None,
        asset: str | None = None,
        quote: str | None = None,
        interval: str | None = None,
    ) -> tuple[SnapshotFile, ...]:
        """Return the tables that match every given value, in order of path.

        Tables of many assets have the asset ``*``; ask for them by kind or by that name.
        """
        wanted = {"kind": kind, "asset": asset, "quote": quote, "interval": interval}
        return tuple(
            entry
            for entry in self.manifest.files
            if all(value is None or getattr(entry, key) == value for key, value in wanted.items())
        )

    def path(self, entry: SnapshotFile) -> Path:
        """Return where the table lies; refuse a path that leaves the folder."""
        inside = PurePosixPath(entry.path)
        if inside.is_absolute() or ".." in inside.parts or "\\" in entry.path:
            raise InputError("the path leaves the snapshot folder", where=entry.path)
        return self.folder / inside

    def table(self, entry: SnapshotFile) -> pd.DataFrame:
        """Read a table after checking its digest.

        Returns
        -------
        pandas.DataFrame
            candles: UTC index ``timestamp`` (open of the candle); float open, high, low, close,
            volume (NaN where absent) and str source (empty where absent).
            closes: UTC index ``timestamp``; float close.
            quotes: timestamp (UTC), asset_in, asset_out, amount_in, amount_out, size_usd,
            slippage (fraction).
            pools: timestamp (UTC), pool, type, asset_in, asset_out, reserve_in, reserve_out,
            price_in_usd, fee (fraction), amplification (NaN where absent).
            accounts: account, collateral_asset, collateral_amount, collateral_usd, debt_usd,
            health_factor, liquidation_threshold (fraction); NaN where absent.

        Raises
        ------
        InputError
            When the file is missing, its bytes are not those of the manifest, or it does not
            parse as its kind.
        """
        path = self.path(entry)
        if not path.is_file():
            raise InputError(
                "listed in the snapshot but missing", where=entry.path, todo="Import it again."
            )
        if file_digest(path) != entry.sha256:
            raise InputError(
                "the file is not the one that was imported (its SHA-256 differs)",
                where=entry.path,
                todo="Restore the snapshot from a copy, or import the data again.",
            )
        return parse_table(path.read_bytes(), entry.kind, entry.path)


def open_snapshot(folder: Path) -> Snapshot:
    """Open a snapshot folder; tables are read and verified later, one by one.

    Raises
    ------
    InputError
        When there is no ``snapshot.json``, or it is corrupt or of another schema version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        aside = _aside(folder)
        hint = f"An interrupted import left it in '{aside.name}'; rename that folder back."
        raise InputError(
            f"not a snapshot: there is no {MANIFEST}",
            where=str(folder),
            todo=hint if aside.is_dir() else "Make one with 'govkit snapshot import'.",
        )
    text = path.read_bytes()
    try:
        data = json.loads(text)
    except (ValueError, UnicodeDecodeError):
        data = None
    version = data.get("schema_id") if isinstance(data, dict) else SNAPSHOT_SCHEMA
    if version != SNAPSHOT_SCHEMA:
        told = f"the schema '{version}'" if version else "no schema"
        raise InputError(
            f"the snapshot has {told}, this govkit reads '{SNAPSHOT_SCHEMA}'",
            where=str(path),
            todo="Import the original files again, or use the govkit that made it.",
        )
    return Snapshot(folder, SnapshotManifest.from_json(text, where=str(path)))


def write_snapshot(folder: Path, tables: Iterable[Table]) -> Snapshot:
    """Add tables to a new or existing snapshot, all or nothing.

    A table replaces the one of the same kind, asset, quote, interval and original file name
    (or original digest); any other is added. Everything is written into a temporary folder
    beside the target, which then takes its place. The same tables give the same bytes.

    Raises
    ------
    InputError
        When the folder holds something that is not a snapshot.
    """
    folder = folder.resolve()
    _recover(folder)
    entries = {e.path: e for e in open_snapshot(folder).manifest.files} if _filled(folder) else {}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.new-", dir=folder.parent) as area:
        fresh = Path(area) / "snapshot"
        if folder.is_dir():
            shutil.copytree(folder, fresh)
        for table in tables:
            data = encode_table(table.frame, table.kind)
            entry = _entry(table, _place(table, entries))
            target = fresh / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            entries[entry.path] = entry.model_copy(update={"sha256": file_digest(target)})
        manifest = SnapshotManifest(files=tuple(entries[path] for path in sorted(entries)))
        text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
        fresh.mkdir(exist_ok=True)
        (fresh / MANIFEST).write_bytes(text.encode() + b"\n")
        _swap(fresh, folder)
    return Snapshot(folder, manifest)


def same_table(entry: SnapshotFile, table: Table) -> bool:
    """Return whether importing `table` replaces `entry`."""
    keys = ("kind", "asset", "quote", "interval")
    return all(getattr(entry, key) == getattr(table, key) for key in keys) and (
        entry.original == table.original or entry.original_sha256 == table.original_sha256
    )


def _filled(folder: Path) -> bool:
    if folder.exists() and not folder.is_dir():
        raise InputError("not a folder", where=str(folder), todo="Give a folder to --out.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"the folder holds other files and no {MANIFEST}",
            where=str(folder),
            todo="Give a new or empty folder, or an existing snapshot.",
        )
    return True


def _place(table: Table, entries: dict[str, SnapshotFile]) -> str:
    for path, entry in entries.items():
        if same_table(entry, table):
            return path
    name = f"{table.asset}-{table.quote}-{table.interval}"
    if table.interval in ("5m", "15m"):  # short windows around events: several per asset
        name += f"-{table.frame.index[0]:%Y-%m-%d}"
    if table.kind in ("quotes", "pools", "accounts"):
        name = table.original.split(".")[0].removeprefix(f"{table.kind}-") or "table"
        name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)
    path, number = f"{table.kind}/{name}.csv.gz", 2
    while path in entries:
        path, number = f"{table.kind}/{name}-{number}.csv.gz", number + 1
    return path


def _entry(table: Table, path: str) -> SnapshotFile:
    frame = table.frame
    times = pd.DatetimeIndex([])
    if table.kind in ("candles", "closes"):
        times = pd.DatetimeIndex(frame.index)
    elif table.kind in ("quotes", "pools"):
        times = pd.DatetimeIndex(frame["timestamp"])
    return SnapshotFile(
        path=path,
        kind=table.kind,
        asset=table.asset,
        quote=table.quote,
        interval=table.interval,
        rows=len(frame),
        first=write_time(times[0]) if len(times) else table.dated,
        last=write_time(times[-1]) if len(times) else table.dated,
        sha256="",
        source=table.source,
        licence=table.licence,
        original=table.original,
        original_sha256=table.original_sha256,
        findings=table.findings,
    )


def _aside(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.before-import"


def _recover(folder: Path) -> None:
    """Put back what an import killed between its two renames left aside."""
    aside = _aside(folder)
    if not aside.is_dir():
        return
    if folder.exists():
        shutil.rmtree(aside)
    else:
        aside.rename(folder)


def _swap(fresh: Path, folder: Path) -> None:
    """Let `fresh` take the place of `folder`; put the old state back when that fails."""
    aside = _aside(folder)
    if folder.is_dir():
        os.rename(folder, aside)
    try:
        os.rename(fresh, folder)
    except BaseException:
        if aside.is_dir():
            os.rename(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
