"""``govkit snapshot``: import data files into a snapshot folder, and check one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

    from govkit.records.snapshot import Finding, SnapshotFile


@click.group("snapshot")
def command() -> None:
    """Collect raw market data in a folder that anyone can check.

    \b
    Example:
      govkit snapshot import ETH-1h.csv.gz --out snapshots/today
    """


@command.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Snapshot folder.")
@click.option("--asset", default="", help="Ticker of the asset; else from columns or file name.")
@click.option("--quote", default="", help="Unit of the prices, such as USDT or ETH.")
@click.option(
    "--interval",
    default="",
    type=click.Choice(["", "5m", "15m", "1h", "1d", "irregular"]),
    show_choices=False,
    metavar="5m|15m|1h|1d|irregular",
    help="Spacing of the rows; verified.",
)
@click.option("--source", default="", metavar="TEXT", help="Where the data come from, in words.")
@click.option("--licence", default="", metavar="TEXT", help="Terms of the data, in words.")
@click.option(
    "--retrieved",
    default="",
    metavar="TIME",
    help="When the data were fetched, ISO 8601, UTC; else the file's modification time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the stored entries as JSON.")
def import_command(
    files: tuple[Path, ...],
    out: Path,
    asset: str,
    quote: str,
    interval: str,
    source: str,
    licence: str,
    retrieved: str,
    as_json: bool,
) -> None:
    """Import data files (.csv, .json, also .gz) into a snapshot folder, all or nothing.

    \b
    Example:
      govkit snapshot import ETH-1h.csv.gz USDC-1d.csv.gz --out snapshots/today

    Candles, closes, aggregator quotes and account tables are told apart by their columns.
    What is wrong is refused with file and row; what was mended is printed and stored.
    """
    from govkit.market.intake import import_files
    from govkit.market.names import check_ticker
    from govkit.market.store import same_table
    from govkit.market.tables import Request

    request = Request(
        asset=check_ticker(asset, "--asset") if asset else "",
        quote=check_ticker(quote, "--quote") if quote else "",
        interval=interval,
        source=source,
        licence=licence,
        retrieved=_time(retrieved) if retrieved else None,
    )
    snapshot, tables = import_files(
        files, out, request, say=lambda line: click.echo(line, err=True)
    )
    stored = [e for e in snapshot.entries() if any(same_table(e, table) for table in tables)]
    if as_json:
        entries = [entry.model_dump(mode="json") for entry in stored]
        data = {"snapshot": str(out), "digest": snapshot.digest, "imported": entries}
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    for entry in stored:
        _print_entry(entry)
    click.echo(f"{len(stored)} of {len(snapshot.entries())} tables in {out} imported")
    click.echo(f"digest {snapshot.digest}")


@command.command("check")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check_command(folder: Path, as_json: bool) -> None:
    """Check that a snapshot is whole, and say what is odd in its data.

    \b
    Example:
      govkit snapshot check snapshots/today

    Ends with exit code 1 when there is an error; warnings and notes end with 0.
    """
    from govkit.errors import CheckFailed
    from govkit.market.check import check_snapshot
    from govkit.market.store import open_snapshot

    snapshot = open_snapshot(folder)
    findings = check_snapshot(snapshot)
    errors = sum(1 for finding in findings if finding.severity == "error")
    if as_json:
        data = {
            "snapshot": str(folder),
            "digest": snapshot.digest,
            "tables": len(snapshot.entries()),
            "findings": [finding.model_dump(mode="json") for finding in findings],
        }
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            _print_finding(finding)
        tables = len(snapshot.entries())
        click.echo(f"{tables} table{'' if tables == 1 else 's'} checked, {_count(findings)}")
        click.echo(f"digest {snapshot.digest}")
    if errors:
        raise CheckFailed(
            f"the snapshot has {errors} error{'s' if errors > 1 else ''}",
            where=str(folder),
            todo="Import the named files again, or restore the folder from a copy.",
        )


def _time(text: str) -> pd.Timestamp:
    import pandas as pd

    from govkit.market.times import read_times

    times, _ = read_times(pd.Series([text], index=[1]), "--retrieved")
    return times[0]


def _print_entry(entry: SnapshotFile) -> None:
    pair = f"{entry.asset}/{entry.quote}" if entry.quote else entry.asset
    span = f", {entry.first} to {entry.last}" if entry.first else ""
    click.echo(f"{entry.path}: {entry.kind} {pair} {entry.interval}, {entry.rows} rows{span}")
    for finding in entry.findings:
        click.echo(f"  {finding.severity}: {finding.where}: {finding.what}")


def _print_finding(finding: Finding) -> None:
    click.echo(f"{finding.severity}: {finding.where}: {finding.what}")


def _count(findings: tuple[Finding, ...]) -> str:
    kinds = [finding.severity for finding in findings]
    parts = [(kinds.count(kind), kind) for kind in ("error", "warning", "note")]
    return ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for n, kind in parts)
